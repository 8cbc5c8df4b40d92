"""A project's files in the cache, sorted: of a page with thousands of files a resolution looks at a few.

The first line is a JSON object; each other line is a JSON list of files, and is read when its version is
asked for. The entry is made of a page that was read and checked, and is found by the content of that page.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.indexes.project_status import ProjectStatus
from variantctl.net.remote_file import RemoteFile
from variantctl.variants.filenames import parse_wheel_filename

FORMAT = 4


def dump(files: ProjectFiles) -> bytes:
    """The entry for what a page says."""
    places = {link.file.filename: place for place, link in enumerate(files.wheels)}
    lines = [_line([_row(file, 0) for file in files.sdists])]
    lines += [
        _line([_row(link.file, places[link.file.filename]) for link in links])
        for links in files.by_version.values()
    ]
    body = b"\n".join(lines)
    head = {
        "format": FORMAT,
        "name": files.name,
        "source": files.source,
        "versions": [str(version) for version in files.by_version],
        "variants_json": {str(version): _row(file, 0) for version, file in files.variants_json.items()},
        "skipped": files.skipped,
        "builds": {str(version): count for version, count in files.builds.items()},
        "status": [files.status.status, files.status.reason],
        "crc32": zlib.crc32(body),
    }
    return _line(head) + b"\n" + body


def load(data: bytes) -> ProjectFiles | None:
    """What ``dump`` was given, read as far as it is asked for; ``None`` for a damaged or older entry."""
    head_line, _, body = data.partition(b"\n")
    try:
        head = json.loads(head_line)
        if head["format"] != FORMAT or head["crc32"] != zlib.crc32(body):
            return None
        versions = [Version(version) for version in head["versions"]]
        variants_json = {
            Version(version): _file(row, head["source"]) for version, row in head["variants_json"].items()
        }
        skipped = tuple((filename, why) for filename, why in head["skipped"])
        sdists, *lines = body.split(b"\n")
        if len(lines) != len(versions):
            return None
        return _StoredFiles(
            NormalizedName(head["name"]),
            head["source"],
            _Versions(dict(zip(versions, lines, strict=True)), head["source"]),
            sdists,
            MappingProxyType(variants_json),
            skipped,
            {Version(version): int(count) for version, count in head["builds"].items()},
            ProjectStatus(*head["status"]),
        )
    except (ValueError, KeyError, TypeError, InvalidVersion):
        return None


class _Versions(Mapping[Version, tuple[WheelLink, ...]]):
    """The wheels of each version, newest first; a line is parsed when it is asked for."""

    def __init__(self, lines: Mapping[Version, bytes], source: str) -> None:
        self._lines = lines
        self._source = source
        self._parsed: dict[Version, tuple[tuple[int, WheelLink], ...]] = {}

    def placed(self, version: Version) -> tuple[tuple[int, WheelLink], ...]:
        """The wheels of a version, each with its place on the page."""
        known = self._parsed.get(version)
        if known is None:
            files = [(row[0], _file(row, self._source)) for row in json.loads(self._lines[version])]
            known = tuple(
                (place, WheelLink(file, parse_wheel_filename(file.filename))) for place, file in files
            )
            # Threads may both get here; what the first one made stays.
            known = self._parsed.setdefault(version, known)
        return known

    def __getitem__(self, version: Version) -> tuple[WheelLink, ...]:
        return tuple(link for _, link in self.placed(version))

    def __iter__(self) -> Iterator[Version]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


class _StoredFiles(ProjectFiles):
    def __init__(
        self,
        name: NormalizedName,
        source: str,
        versions: _Versions,
        sdists: bytes,
        variants_json: Mapping[Version, RemoteFile],
        skipped: tuple[tuple[str, str], ...],
        builds: Mapping[Version, int],
        status: ProjectStatus,
    ) -> None:
        # Frozen: attributes are set as the generated __init__ of a frozen dataclass sets them.
        for attribute, value in (
            ("name", name),
            ("source", source),
            ("variants_json", variants_json),
            ("skipped", skipped),
            ("status", status),
            ("by_version", versions),
            ("_versions", versions),
            ("_sdists", sdists),
            ("builds", builds),
            ("has_backends", False),
        ):
            object.__setattr__(self, attribute, value)

    def spellings(self, version: Version) -> tuple[Version, ...]:
        """Every version is written one way: a page of one index has no backends."""
        return (version,)

    @cached_property
    def wheels(self) -> tuple[WheelLink, ...]:
        """In the source's order."""
        versions: _Versions = self.__dict__["_versions"]
        placed = [entry for version in versions for entry in versions.placed(version)]
        return tuple(link for _, link in sorted(placed, key=lambda entry: entry[0]))

    @cached_property
    def sdists(self) -> tuple[RemoteFile, ...]:
        """In the source's order."""
        return tuple(_file(row, self.source) for row in json.loads(self.__dict__["_sdists"]))


def _line(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _row(file: RemoteFile, place: int) -> list[object]:
    metadata = file.core_metadata
    return [
        place,
        file.filename,
        file.url,
        dict(file.hashes),
        file.requires_python,
        file.yanked,
        dict(metadata) if isinstance(metadata, Mapping) else metadata,
        file.size,
        file.upload_time,
        list(file.others),
    ]


def _file(row: Sequence[Any], source: str) -> RemoteFile:
    _, filename, url, hashes, requires_python, yanked, core_metadata, size, upload_time, others = row
    return RemoteFile(
        filename=filename,
        url=url,
        hashes=hashes,
        requires_python=requires_python,
        yanked=yanked,
        core_metadata=core_metadata,
        size=size,
        source=source,
        upload_time=upload_time,
        others=tuple(others),
    )
