"""A project's files in the cache, sorted: of a page with thousands of files a resolution looks at a few.

The first line is a JSON object, the second a list of the source archives whose names tell no version. Each
other line is of one version, the newest first: a list of its wheels and one of its source archives, which is
read when that version is asked for. The entry is made of a page that was read and checked, and is found by
the content of that page.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from variantctl.indexes.project_files import ProjectFiles, WheelLink, version_of_sdist
from variantctl.indexes.project_status import ProjectStatus
from variantctl.net.remote_file import RemoteFile
from variantctl.variants.filenames import known_wheel_filename

FORMAT = 6

_Placed = tuple[tuple[int, WheelLink], ...]
_PlacedArchives = tuple[tuple[int, RemoteFile], ...]


def dump(files: ProjectFiles) -> bytes:
    """The entry for what a page says."""
    places = {link.file.filename: place for place, link in enumerate(files.wheels)}
    others: list[list[object]] = []
    archives: dict[Version, list[list[object]]] = {}
    for place, file in enumerate(files.sdists):
        version = version_of_sdist(file.filename, files.name)
        (others if version is None else archives.setdefault(version, [])).append(_row(file, place))
    lines = [_line(others)]
    versions = sorted({*files.by_version, *archives}, reverse=True)
    for version in versions:
        wheels = [_row(link.file, places[link.file.filename]) for link in files.by_version.get(version, ())]
        lines.append(_line([wheels, archives.get(version, [])]))
    body = b"\n".join(lines)
    head = {
        "format": FORMAT,
        "name": files.name,
        "source": files.source,
        "versions": [str(version) for version in versions],
        "wheels": "".join("01"[version in files.by_version] for version in versions),
        "sdists": "".join("01"[version in archives] for version in versions),
        "variants_json": {str(version): _row(file, 0) for version, file in files.variants_json.items()},
        "skipped": files.skipped,
        "builds": {str(version): count for version, count in files.builds.items()},
        "status": [files.status.status, files.status.reason],
        "ends": list(accumulate(len(line) + 1 for line in lines)),
        "crc32": zlib.crc32(body),
    }
    return _line(head) + b"\n" + body


def load(data: bytes) -> ProjectFiles | None:
    """What ``dump`` was given, read as far as it is asked for; ``None`` for a damaged or older entry."""
    start = data.find(b"\n") + 1
    try:
        head = json.loads(data[:start])
        if head["format"] != FORMAT or head["crc32"] != zlib.crc32(memoryview(data)[start:]):
            return None
        versions = tuple(map(_version, head["versions"]))
        variants_json = {
            Version(version): _file(row, head["source"]) for version, row in head["variants_json"].items()
        }
        skipped = tuple((filename, why) for filename, why in head["skipped"])
        lines = _Lines(data, start, head["ends"])
        count = len(versions)
        if not len(lines) - 1 == count == len(head["wheels"]) == len(head["sdists"]) or not lines.fit:
            return None
        name = NormalizedName(head["name"])
        return _StoredFiles(
            name,
            head["source"],
            _Versions(name, versions, head["wheels"], head["sdists"], lines, head["source"]),
            lines[0],
            MappingProxyType(variants_json),
            skipped,
            {Version(version): int(count) for version, count in head["builds"].items()},
            ProjectStatus(*head["status"]),
        )
    except (ValueError, KeyError, TypeError, InvalidVersion):
        return None


class _Lines:
    """The lines after the first; each is cut out when it is asked for."""

    def __init__(self, data: bytes, start: int, ends: Sequence[int]) -> None:
        self._data = data
        self._starts = [start, *(start + end for end in ends)]

    @property
    def fit(self) -> bool:
        """Whether the last one ends where the entry does."""
        return self._starts[-1] == len(self._data) + 1

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, at: int) -> bytes:
        return self._data[self._starts[at] : self._starts[at + 1]]


class _Versions(Mapping[Version, tuple[WheelLink, ...]]):
    """The wheels of each version, newest first; a line is parsed when it is asked for.

    Attributes:
        all: the versions that have a wheel or a source archive, newest first.
    """

    def __init__(
        self,
        name: NormalizedName,
        versions: tuple[Version, ...],
        wheels: str,
        sdists: str,
        lines: _Lines,
        source: str,
    ) -> None:
        self._name = name
        self.all = versions
        self._wheels = wheels
        self._sdists = sdists
        self._lines = lines
        self._source = source
        self._parsed: dict[int, tuple[_Placed, _PlacedArchives]] = {}

    @cached_property
    def _places(self) -> dict[Version, int]:
        return {version: at for at, version in enumerate(self.all)}

    def _at(self, at: int) -> tuple[_Placed, _PlacedArchives]:
        known = self._parsed.get(at)
        if known is None:
            wheels, sdists = json.loads(self._lines[at + 1])
            files = [(row[0], _file(row, self._source)) for row in wheels]
            version = self.all[at]
            links = tuple(
                (place, WheelLink(file, known_wheel_filename(file.filename, self._name, version)))
                for place, file in files
            )
            archives = tuple((row[0], _file(row, self._source)) for row in sdists)
            # Threads may both get here; what the first one made stays.
            known = self._parsed.setdefault(at, (links, archives))
        return known

    def placed(self) -> list[tuple[int, WheelLink]]:
        """All wheels, each with its place on the page."""
        return [entry for at in range(len(self.all)) for entry in self._at(at)[0]]

    def placed_archives(self) -> list[tuple[int, RemoteFile]]:
        """All source archives whose names tell a version, each with its place among them on the page."""
        return [entry for at in range(len(self.all)) for entry in self._at(at)[1]]

    def sdist(self, version: Version) -> RemoteFile | None:
        """The source archive of a version; of several the last."""
        at = self._places.get(version)
        return None if at is None or self._sdists[at] == "0" else self._at(at)[1][-1][1]

    def __getitem__(self, version: Version) -> tuple[WheelLink, ...]:
        at = self._places[version]
        if self._wheels[at] == "0":
            raise KeyError(version)
        return tuple(link for _, link in self._at(at)[0])

    def __contains__(self, version: object) -> bool:
        at = self._places.get(version)  # type: ignore[call-overload]
        return at is not None and self._wheels[at] == "1"

    def __iter__(self) -> Iterator[Version]:
        return (version for at, version in enumerate(self.all) if self._wheels[at] == "1")

    def __len__(self) -> int:
        return self._wheels.count("1")


class _StoredFiles(ProjectFiles):
    def __init__(
        self,
        name: NormalizedName,
        source: str,
        versions: _Versions,
        others: bytes,
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
            ("_others", others),
            ("listed", versions.all),
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
        placed = self._stored.placed()
        return tuple(link for _, link in sorted(placed, key=lambda entry: entry[0]))

    @cached_property
    def sdists(self) -> tuple[RemoteFile, ...]:
        """In the source's order."""
        others = [(row[0], _file(row, self.source)) for row in json.loads(self.__dict__["_others"])]
        placed = [*others, *self._stored.placed_archives()]
        return tuple(file for _, file in sorted(placed, key=lambda entry: entry[0]))

    def sdist_of(self, version: Version) -> RemoteFile | None:
        """The source archive of a version; of several the last."""
        return self._stored.sdist(version)

    @property
    def _stored(self) -> _Versions:
        versions: _Versions = self.__dict__["_versions"]
        return versions


#: Versions of projects are much the same: most are read once.
_version = lru_cache(maxsize=1 << 16)(Version)


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
