"""From what the index has of a project to what its page is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from packaging.version import Version

from variant_index.indexed_file import inside_of
from variant_index.web.contents import Project, PublishedWheel, Release
from variantctl.indexes.page_writer import ACTIVE, PageFile, ProjectStatus
from variantctl.net.urls import scheme_of
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata

_NOTICES = {
    "archived": "This project is archived: no new versions are to be expected.",
    "deprecated": "This project is deprecated: another one is to be used in its place.",
    "quarantined": "This project is quarantined, as it may do harm: nothing of it can be installed.",
}


def project_of(
    name: str,
    files: Iterable[PageFile],
    *,
    metadata: Callable[[str], bytes | None],
    variants: Callable[[Version], VariantMetadata | None],
    status: ProjectStatus = ACTIVE,
) -> Project:
    """Read what a project's page is about.

    Args:
        name: the normalized name.
        files: the entries of its Simple page, in their order.
        metadata: the METADATA of a wheel, by filename; ``None`` where there is none. Asked once for wheels
            that have the same.
        variants: the index-level metadata of a version.
        status: the project's status (PEP 792).
    """
    notice = notice_of(status.status, status.reason)
    if status.status == "quarantined":
        return Project(name, (), notice=notice)
    reader = _Metadata(metadata)
    wheels: dict[Version, list[PublishedWheel]] = {}
    summaries: dict[Version, str] = {}
    for file in files:
        if not file.filename.endswith(".whl"):
            continue
        wheel = parse_wheel_filename(file.filename)
        core = reader.of(file)
        summaries.setdefault(wheel.version, core.summary if core else "")
        wheels.setdefault(wheel.version, []).append(_published(file, wheel, core))
    releases = [
        Release(version, tuple(wheels[version]), variants(version)) for version in sorted(wheels)[::-1]
    ]
    summary = next((summaries[release.version] for release in releases), "")
    return Project(name, tuple(releases), summary, notice)


def notice_of(status: str, reason: str | None) -> str:
    """What everybody should know about a project of this status (PEP 792) first, or ``""``."""
    notice = _NOTICES.get(status, "")
    return f"{notice} {reason}" if reason and notice else notice


class _Metadata:
    """Reads METADATA; that of several wheels is read once where the page says that it is the same."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self._read = read
        self._known: dict[str, CoreMetadata | None] = {}

    def of(self, file: PageFile) -> CoreMetadata | None:
        digest = file.core_metadata.get("sha256") if not isinstance(file.core_metadata, bool) else None
        key = digest or file.filename
        if key not in self._known:
            self._known[key] = self._parse(file.filename)
        return self._known[key]

    def _parse(self, filename: str) -> CoreMetadata | None:
        content = self._read(filename)
        try:
            return parse_core_metadata(content, filename) if content is not None else None
        except VariantctlError:
            return None  # a page is not worth refusing an index for; 'index verify' names the file


def _published(file: PageFile, wheel: WheelFilename, core: CoreMetadata | None) -> PublishedWheel:
    return PublishedWheel(
        filename=wheel,
        size=file.size,
        requires_python=file.requires_python,
        yanked=file.yanked,
        requires=core.requires_dist if core else (),
        # Links in pages that were imported are somebody else's: no other scheme is passed on.
        link=file.link if scheme_of(file.link) in ("", "http", "https") else "",
        inside=inside_of(file),
    )
