"""The entry points of one group that are installed here, read from the folders that hold them.

``importlib.metadata`` answers the same, but importing it takes a quarter of what ``variantctl detect`` takes;
it is asked only where ``sys.path`` has an archive, whose insides are its business.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from variantctl.values import dataclass

_FOLDER = re.compile(r"(?P<name>[^-]+)(-(?P<version>[^-]+)(-.*)?)?\.(dist|egg)-info", re.IGNORECASE)
_POINT = re.compile(r"(?P<name>[^=]+?)\s*=\s*(?P<value>[\w.]+(\s*:\s*[\w.]+)?)\s*(\[.*\])?")


@dataclass(frozen=True)
class EntryPoint:
    """One entry point (PyPA's entry points specification).

    Attributes:
        name: its name.
        value: ``module`` or ``module:object``.
        package: the distribution that brings it, its name normalised.
        version: that distribution's version, ``""`` where its folder does not say.
    """

    name: str
    value: str
    package: str
    version: str

    def load(self) -> Any:
        """Import the object. Raises whatever the import raises."""
        module, _, path = self.value.partition(":")
        found: Any = import_module(module.strip())
        for attribute in filter(None, path.strip().split(".")):
            found = getattr(found, attribute)
        return found


def entry_points(group: str, path: Sequence[str] | None = None) -> list[EntryPoint]:
    """The entry points of ``group``; of a distribution that is on the path twice, the first counts.

    Args:
        group: the section of ``entry_points.txt``.
        path: the folders to look in, by default ``sys.path``.
    """
    folders = list(sys.path if path is None else path)
    if any(os.path.isfile(folder) for folder in folders):  # noqa: PTH113 - hundreds of them would be built
        return _from_importlib(group, folders)
    found: dict[str, list[EntryPoint]] = {}
    for folder in folders:
        for name, version, text in _texts(folder or os.curdir, f"[{group}]"):
            package = normalise(name)
            if package not in found:
                found[package] = [EntryPoint(*point, package, version) for point in _points(text, group)]
    return [point for points in found.values() for point in points]


def normalise(name: str) -> str:
    """A project's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _texts(folder: str, wanted: str) -> Iterator[tuple[str, str, str]]:
    """Name, version and ``entry_points.txt`` of the distributions in a folder that have the section."""
    try:
        entries = sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        return  # sys.path may name folders that are not there
    for entry in entries:
        match = _FOLDER.fullmatch(entry)
        if match is None:
            continue
        try:
            with open(os.path.join(folder, entry, "entry_points.txt"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                text = file.read()
        except (OSError, UnicodeDecodeError):
            continue  # most distributions have none
        if wanted in text:
            yield match["name"], match["version"] or "", text


def _points(text: str, group: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and line and not line.startswith(("#", ";")):
            match = _POINT.fullmatch(line)
            if match is not None:
                yield match["name"].strip(), re.sub(r"\s", "", match["value"])


def _from_importlib(group: str, path: list[str]) -> list[EntryPoint]:
    from importlib.metadata import distributions

    found: dict[str, list[EntryPoint]] = {}
    for distribution in distributions(path=path):
        package = normalise(distribution.metadata["Name"] or "")
        points = [
            EntryPoint(point.name, point.value, package, distribution.version)
            for point in distribution.entry_points
            if point.group == group
        ]
        found.setdefault(package, points)
    return [point for points in found.values() for point in points]
