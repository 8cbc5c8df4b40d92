"""Which sources of kind ``backends`` are asked, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from variantctl.backends.knowledge import KnowledgeFolder
from variantctl.backends.source import BackendSource
from variantctl.backends.tables import BY_DEFAULT, SHIPPED, read_backend_tables, shipped_changes
from variantctl.config.file import Configuration, read_configuration
from variantctl.net.errors import SettingsError
from variantctl.net.urls import is_url
from variantctl.values import dataclass, replace
from variantctl.variants.nodes import Node


@dataclass(frozen=True)
class BackendChoice:
    """The sources of kind ``backends`` of one run, by who named them.

    Attributes:
        command_line: with ``--backends`` or ``--pin``.
        configured: in the configuration file, or by a variable that says where a shipped one is.
        by_default: shipped, and named by nobody.
        pins: project -> URL of an index, or the name of one of these sources.
    """

    command_line: tuple[BackendSource, ...] = ()
    configured: tuple[BackendSource, ...] = ()
    by_default: tuple[BackendSource, ...] = ()
    pins: Mapping[NormalizedName, str] | None = None


def choose_backends(
    *,
    named: Sequence[str],
    off: bool,
    pins: Sequence[str],
    replaced: bool,
    configuration: Configuration | None,
    environ: Mapping[str, str],
    project: Mapping[str, str] | None = None,
) -> BackendChoice:
    """Work out which sources are asked.

    What is left for ``by_default`` is to be asked only where nobody configured a default index: who has one
    of their own may not want anything from elsewhere. A shipped source is also asked where configuration
    enables it or says where it is, unless the command line names another index; and always where the command
    line asks for it.

    Args:
        named: the arguments of ``--backends``.
        off: ``--no-backends``.
        pins: the arguments of ``--pin``: ``PACKAGE=PLACE``.
        replaced: whether the command line names the default index (``-i``).
        configuration: the configuration file.
        project: what the project that is worked on pins; it goes before the configuration file.
        environ: ``VARIANTCTL_PYTORCH_URL`` says where pytorch is, and so on for the others.

    Raises:
        SettingsError: something is named that does not exist, or configuration cannot be understood.
    """
    tables = read_backend_tables(
        configuration.backends if configuration and configuration.backends is not None else {},
        configuration.origin if configuration else "",
    )
    configured_pins = configuration.sources if configuration else {}
    places = {**configured_pins, **(project or {}), **dict(map(_pin, pins))}
    known = (*SHIPPED, *(name for name in tables if name not in SHIPPED))
    for name in named:
        if name not in known:
            raise SettingsError(
                f"--backends: there is no source named {name!r}", hint=f"Known are: {', '.join(known)}."
            )
    checked = _checked_pins(places, () if off else known)
    if off:
        return BackendChoice(pins=checked)
    wanted = {*named, *(place for place in dict(map(_pin, pins)).values() if place in known)}
    pinned = {place for place in checked.values() if place in known}
    command_line: list[BackendSource] = []
    configured: list[BackendSource] = []
    by_default: list[BackendSource] = []
    for name in known:
        entry = tables.get(name)
        if isinstance(entry, BackendSource):
            (command_line if name in wanted else configured).append(entry)
            continue
        asked_for = entry is not None or name in wanted | pinned or environ.get(_variable(name))
        if not asked_for and (replaced or name not in BY_DEFAULT):
            # Reading it takes longer than a small installation.
            continue
        source, enabled = _shipped(name, entry, environ)
        if name in wanted:
            command_line.append(replace(source, by_default=False))
        elif enabled is False and name not in pinned:
            continue
        elif name in pinned or (not source.by_default and not replaced):
            configured.append(replace(source, by_default=False))
        elif source.by_default and not replaced:
            by_default.append(source)
    return BackendChoice(tuple(command_line), tuple(configured), tuple(by_default), checked)


def known_sources(environ: Mapping[str, str]) -> list[BackendSource]:
    """Every source that is shipped or configured, whether or not it would be asked.

    Raises:
        SettingsError: the configuration cannot be understood.
    """
    configuration = read_configuration(environ)
    table = configuration.backends if configuration and configuration.backends is not None else {}
    read = read_backend_tables(table, configuration.origin if configuration else "")
    own = [source for source in read.values() if isinstance(source, BackendSource)]
    changes = {name: node for name, node in read.items() if isinstance(node, Node)}
    folder = KnowledgeFolder.of_user(environ)
    return [*(folder.current(name).source(changes.get(name)) for name in SHIPPED), *own]


def _shipped(name: str, entry: Node | None, environ: Mapping[str, str]) -> tuple[BackendSource, bool | None]:
    """A shipped source where it was said to be, and whether it was switched on or off."""
    known = KnowledgeFolder.of_user(environ).current(name)
    source = replace(known.source(entry), problem=known.problem)
    enabled, url = shipped_changes(entry) if entry is not None else (None, None)
    variable = _variable(name)
    asked_for = enabled is True or url is not None or bool(environ.get(variable))
    if environ.get(variable):
        return replace(source, url=environ[variable].rstrip("/"), origin=variable, by_default=False), enabled
    if url is not None:
        source = replace(source, url=url.rstrip("/"))
    origin = (entry.source if entry is not None and asked_for else None) or source.origin
    return replace(source, origin=origin, by_default=not asked_for and name in BY_DEFAULT), enabled


def _variable(name: str) -> str:
    """What says where a shipped source is."""
    return f"VARIANTCTL_{name.upper()}_URL"


def _pin(text: str) -> tuple[str, str]:
    package, equals, place = (part.strip() for part in text.partition("="))
    if not (package and equals and place):
        raise SettingsError(f"--pin: {text!r} names no place", hint="Write it as --pin PACKAGE=URL-or-NAME.")
    return package, place


def _checked_pins(places: Mapping[str, str], known: Sequence[str]) -> dict[NormalizedName, str]:
    checked: dict[NormalizedName, str] = {}
    for package, place in places.items():
        try:
            name = canonicalize_name(package, validate=True)
        except InvalidName:
            raise SettingsError(
                f"{package!r} is pinned to {place}, and is not the name of a package"
            ) from None
        if not is_url(place) and place not in known:
            names = f" or one of the sources {', '.join(known)}" if known else ""
            raise SettingsError(
                f"{package} is pinned to {place!r}, which is not a place that is known",
                hint=f"Name the URL of an index{names}.",
            )
        checked[name] = place
    return checked
