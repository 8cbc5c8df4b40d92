"""Sub-indexes that a mapping lacks: found at the place, understood by name, never left out silently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.backends.names import WHY_UNKNOWN, parse_accelerator_name
from variantctl.backends.source import BackendSource
from variantctl.indexes.backend_discovery import BackendDiscovery
from variantctl.net.client import HttpClient
from variantctl.net.urls import is_file_url, is_url, url_to_path
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import parse_wheel_filename


def with_what_is_there(
    source: BackendSource,
    place: str,
    client: HttpClient,
    named: Collection[str],
    note: Callable[[str], None],
) -> BackendSource:
    """The mapping with the sub-indexes that it lacks: those that are named, and those that the place shows.

    Args:
        source: the mapping.
        place: the URL or folder with the sub-indexes.
        client: makes the requests.
        named: the labels that somebody asks for; where there are any, the place is not asked for more.
        note: is told what was taken by a rule, and what is left out.
    """
    found = named
    if not named and is_url(place) and not is_file_url(place):
        if not source.discover:
            return source
        discovery = BackendDiscovery(replace(source, url=place.rstrip("/")), client, None, note)
        found = discovery.names()
        for name in discovery.unknown:
            _note_unknown(f"{place.rstrip('/')}/{name}", source, note)
    elif not named:
        folder = url_to_path(place) if is_url(place) else Path(place)
        paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*.whl")]
        found = list(names_below(str(folder), paths, source, note))
    return with_names(source, found, note)


def with_names(source: BackendSource, names: Collection[str], note: Callable[[str], None]) -> BackendSource:
    """The mapping with some more sub-indexes; ``note`` is told by which rules those are understood."""
    whole = source.with_names(names)
    for backend in whole.backends:
        if backend.rule:
            note(f"{backend.label} is not in the mapping {source.name}: {backend.rule}")
    return whole


def names_below(
    place: str, paths: Iterable[str], source: BackendSource, note: Callable[[str], None]
) -> Iterator[str]:
    """The names of the folders that wheels lie in, and of the builds of wheels that lie beside these.

    Args:
        place: the folder or the URL, for notes.
        paths: those of all wheels in it.
        source: the mapping.
        note: is told what is left out.
    """
    known = {backend.path for backend in source.backends}
    packages = set(source.packages)
    tops: dict[str, bool] = {}
    for path in paths:
        top, slash, _ = path.partition("/")
        mine = canonicalize_name(path.rpartition("/")[2].partition("-")[0]) in packages
        tops[top] = tops.get(top, False) or (mine and bool(slash))
    for top, is_folder in sorted(tops.items()):
        if is_folder and top not in known:
            if parse_accelerator_name(top) is not None:
                yield top
            else:
                _note_unknown(f"{place}/{top}", source, note)
        elif not is_folder and top.endswith(".whl") and (local := _local(top, packages)) is not None:
            if source.label_of(source.packages[0], parse_wheel_filename(top).version) is None:
                note(f"{top}: left out, its version names no backend of {source.name}")
            yield local


def _note_unknown(where: str, source: BackendSource, note: Callable[[str], None]) -> None:
    note(f"{where}: left out, the mapping {source.name} has no such backend, {WHY_UNKNOWN}")


def _local(filename: str, packages: Collection[NormalizedName]) -> str | None:
    try:
        wheel = parse_wheel_filename(filename)
    except InvalidVariantError:
        return None
    return (wheel.version.local or "") if wheel.name in packages else None
