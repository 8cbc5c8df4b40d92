"""A folder of wheels for machines without a network: each file once, an index, and a tree for each machine.

``simple/`` shows every wheel with its variants, for tools that know them. ``simple-NAME/`` shows what one
machine was planned to get, and nothing else, so that any tool takes just that: a page links to the very file;
a variant lies there under its ordinary name, since pip takes the name from the URL's path.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.version import Version

from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.filesystem.atomic import written_whole
from variantctl.filesystem.digests import file_digest
from variantctl.indexes.page_writer import PageFile, project_html, project_json, root_html, root_json
from variantctl.proxy.flatten import check_target, link_or_copy
from variantctl.proxy.project_view import is_decided, ordinary_name
from variantctl.proxy.sidecar import has_variant_markers, with_member
from variantctl.proxy.stand_in_wheels import StandInWheel
from variantctl.values import dataclass
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.write import metadata_bytes
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.metadata import parse_core_metadata, with_requires
from variantctl.wheels.substitution import Substitution

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.resolve.plan import PlannedInstall


@dataclass(frozen=True)
class CarriedWheel:
    """A wheel in the folder.

    Attributes:
        planned: what it is.
        place: its file.
        sha256: of the file.
        metadata: its METADATA.
        requires_python: as METADATA has it, or ``""``.
    """

    planned: PlannedInstall
    place: Path
    sha256: str
    metadata: bytes
    requires_python: str

    def entry(self, url: str) -> PageFile:
        """It as a page lists it."""
        return PageFile(
            self.place.name,
            {"sha256": self.sha256},
            url,
            self.place.stat().st_size,
            self.requires_python,
            {"sha256": _sha256(self.metadata)},
        )


def write_index(
    folder: Path,
    wheels: Sequence[CarriedWheel],
    variants: Mapping[tuple[NormalizedName, Version], VariantMetadata],
) -> Path:
    """Write ``folder/simple/`` and each wheel's METADATA beside it.

    Args:
        folder: where the wheels lie.
        wheels: all of them.
        variants: what those of a version were built for, where they have labels.

    Raises:
        FlattenError: something else is where the index would go.
    """
    target = folder / "simple"
    check_target(target)
    pages: dict[str, dict[str, list[PageFile]]] = {}
    for wheel in wheels:
        _write(wheel.place.with_name(f"{wheel.place.name}.metadata"), wheel.metadata)
        own = wheel.planned.link.own_name
        listed = pages.setdefault(own.name, {}).setdefault(str(own.version), [])
        listed.append(wheel.entry(f"../../{quote(wheel.place.name)}"))
    for (name, version), metadata in variants.items():
        content = metadata_bytes(metadata)
        filename = f"{name.replace('-', '_')}-{version}-variants.json"
        _write(target / name / filename, content)
        entry = PageFile(filename, {"sha256": _sha256(content)}, size=len(content))
        pages[name].setdefault(str(version), []).append(entry)
    _write_pages(target, pages)
    return target


def write_tree(
    folder: Path, name: str, wheels: Sequence[CarriedWheel], families: Families = NO_FAMILIES
) -> Path:
    """Write ``folder/simple-{name}/``: what one machine gets, for tools that know no variants.

    Args:
        folder: where the wheels lie.
        name: what tells the tree from others.
        wheels: those that the machine gets.
        families: which names count as builds of one project.

    Raises:
        FlattenError: something else is where the tree would go.
    """
    target = folder / f"simple-{name}"
    check_target(target)
    pages: dict[str, dict[str, list[PageFile]]] = {}
    for wheel in wheels:
        link, own = wheel.planned.link, wheel.planned.link.own_name
        if is_decided(link):
            entry = _shown_as_ordinary(target / own.name, wheel, families)
        else:
            entry = wheel.entry(f"../../{quote(wheel.place.name)}")
        pages.setdefault(own.name, {}).setdefault(str(own.version), []).append(entry)
        for other in wheel.planned.stands_in_for:
            entry = _stand_in(target / other, StandInWheel(other, link))
            pages.setdefault(other, {}).setdefault(str(own.version), []).append(entry)
    _write_pages(target, pages)
    return target


def _stand_in(folder: Path, wheel: StandInWheel) -> PageFile:
    """A name that the wheel is installed under as well."""
    _write(folder / wheel.filename, wheel.content)
    _write(folder / f"{wheel.filename}.metadata", wheel.metadata)
    return wheel.entry()


def _shown_as_ordinary(folder: Path, wheel: CarriedWheel, families: Families) -> PageFile:
    """A variant under its ordinary name; variant markers give way to what it needs on the machine.

    A member of a family that an extra makes needs that extra.
    """
    link = wheel.planned.link
    filename = ordinary_name(link.own_name)
    place, metadata = folder / filename, wheel.metadata
    folder.mkdir(parents=True, exist_ok=True)
    requires = parse_core_metadata(metadata, filename).requires_dist
    needed = with_member(list(requires), link, families)
    if has_variant_markers(metadata, link) or needed != list(requires):
        is_extra = needed != list(requires)
        metadata = with_requires(metadata, needed if is_extra else wheel.planned.requires)
        with WheelArchive.open(wheel.place, link.own_name) as archive, written_whole(place) as out:
            Substitution(archive, metadata).write(out)
    else:
        link_or_copy(wheel.place, place)
    _write(folder / f"{filename}.metadata", metadata)
    return PageFile(
        filename,
        {"sha256": file_digest(place)},
        size=place.stat().st_size,
        requires_python=wheel.requires_python,
        core_metadata={"sha256": _sha256(metadata)},
    )


def _write_pages(target: Path, pages: Mapping[str, Mapping[str, Sequence[PageFile]]]) -> None:
    """The pages, those that are read first last; of projects that an earlier run left, nothing is shown."""
    for name, versions in pages.items():
        files = [file for listed in versions.values() for file in listed]
        wheels = [file for file in files if file.filename.endswith(".whl")]
        _write(target / name / "index.json", project_json(name, _newest_first(versions), wheels))
        _write(target / name / "index.html", project_html(name, files))
    _write(target / "index.json", root_json(sorted(pages)))
    _write(target / "index.html", root_html(sorted(pages)))


def _newest_first(versions: Iterable[str]) -> list[str]:
    return sorted(versions, key=Version, reverse=True)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(target) as file:
        file.write(content)
