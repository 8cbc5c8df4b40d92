"""The pages as bytes. Everything in them is escaped; the same values give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from variant_index.web.audience import Audience
from variant_index.web.contents import Project, PublishedWheel, Release
from variant_index.web.data import page_data
from variant_index.web.entries import Entry, entries_json
from variant_index.web.inside_words import InsideWheels, inside_words
from variantctl.indexes.page_writer import GENERATOR
from variantctl.net.urls import scheme_of
from variantctl.values import dataclass
from variantctl.variants.accelerators import accelerators_of

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""The Content-Security-Policy: the index's own files and nothing else."""

_ASSETS = ("page.css", "choice.js", "page.js", "search.js", "icon.svg")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table of a release's variants."""

    label: str | None
    properties: tuple[tuple[str, str, tuple[str, ...]], ...]
    wheels: tuple[PublishedWheel, ...]
    requires: tuple[str, ...]
    inside: tuple[InsideWheels, ...]


@dataclass(frozen=True)
class Elsewhere:
    """That a page is about indexes of others: no ``simple/`` lies beside it.

    Attributes:
        options: what variantctl has to be told to look there; none where it does of itself.
        places: what is looked into, for people.
    """

    options: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def front_page(entries: Iterable[Entry], elsewhere: Elsewhere | None = None) -> bytes:
    """``index.html``: every project, to be searched."""
    ordered = sorted(entries, key=lambda entry: entry.name)
    data = _json(entries_json(ordered))
    simple = "simple/" if elsewhere is None else ""
    return _render(
        "front.html", assets="project/", simple=simple, elsewhere=elsewhere, entries=ordered, json=data
    )


def project_page(project: Project, audience: Audience, elsewhere: Elsewhere | None = None) -> bytes:
    """``project/{name}/index.html``: which build a machine gets, and all of them in a table."""
    data = page_data(project, audience)
    data["options"] = None if elsewhere is None else list(elsewhere.options)
    devices = [{**device, "number": number} for number, device in enumerate(data["devices"])]
    return _render(
        "project.html",
        assets="../",
        simple="../../simple/" if elsewhere is None else "",
        elsewhere=elsewhere,
        project=project,
        data=data,
        json=_json(data),
        groups=_groups(devices),
        optional=_optional(project.releases),
        devices_matter=elsewhere is not None and _has_device_builds(project.releases),
        rows_of=_rows,
        href_of=partial(_href, f"../../simple/{quote(project.name)}/"),
    )


def assets() -> dict[str, bytes]:
    """The files that the pages load, which lie in ``project/``. No project's name has a dot."""
    folder = files("variant_index.web") / "static"
    return {name: (folder / name).read_bytes() for name in _ASSETS}


def _groups(devices: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    return [(group, list(members)) for group, members in groupby(devices, key=lambda item: item["group"])]


def _has_device_builds(releases: Sequence[Release]) -> bool:
    return any(
        accelerators_of(properties, release.metadata)
        for release in releases
        if release.metadata is not None
        for properties in release.metadata.variants.values()
    )


def _optional(releases: Sequence[Release]) -> list[str]:
    """The namespaces of providers that are asked only if the user says so (PEP 850)."""
    found = {
        namespace
        for release in releases
        if release.metadata is not None
        for namespace, provider in release.metadata.providers.items()
        if provider.optional and namespace in release.metadata.used_namespaces
    }
    return sorted(found)


def _rows(release: Release) -> Iterator[_Row]:
    for label in release.labels:
        wheels = release.wheels_of(label)
        own = release.metadata.properties_of(label) if release.metadata and label is not None else None
        yield _Row(
            label,
            tuple(
                (namespace, feature, values)
                for namespace, features in (own or {}).items()
                for feature, values in features.items()
            ),
            wheels,
            tuple(dict.fromkeys(text for wheel in wheels for text in wheel.requires)),
            inside_words(wheels),
        )


def _href(folder: str, wheel: PublishedWheel) -> str:
    """Where a wheel is, from its project's page."""
    return wheel.link if scheme_of(wheel.link) or wheel.link.startswith("/") else folder + wheel.link


def _render(template: str, **values: Any) -> bytes:
    from markupsafe import Markup

    text = _environment().get_template(template).render(policy=POLICY, generator=Markup(GENERATOR), **values)
    # METADATA in the wild holds bytes that are no UTF-8.
    return text.encode("utf-8", "replace")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("variant_index.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _json(data: Any) -> Any:
    """JSON that can stand in a ``script`` element: nothing in it ends the element or starts a comment."""
    from markupsafe import Markup

    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
