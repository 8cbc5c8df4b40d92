"""Detector plugins: ours, found by their distribution, and everybody else's, found but not run."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Protocol

from variantctl.providers.errors import MissingDetectorsError
from variantctl.values import dataclass

GROUP = "variant_plugins"
OUR_DISTRIBUTION = "variant-providers"

KNOWN_PROVIDERS: Mapping[str, str | None] = {
    "nvidia-variant-provider": "nvidia",
    "amd-variant-provider": "amd",
    "intel-variant-provider": "intel",
    "tpu-variant-provider": "tpu",
    "provider-variant-x86-64": "x86_64",
    "x86-64-variant-provider": "x86_64",
    "provider-variant-aarch64": "aarch64",
    "aarch64-variant-provider": "aarch64",
    OUR_DISTRIBUTION: None,
}
"""Provider package (normalised name) -> the namespace of our plugin that answers; ``None``: any of ours."""


class FeatureConfig(Protocol):
    """A feature as the plugin API of PEP 850 has it."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> list[str]: ...
    @property
    def multi_value(self) -> bool: ...


class Plugin(Protocol):
    """What our plugins offer: the plugin API of PEP 850 and our extensions to it."""

    namespace: str
    required: tuple[str, ...]
    per_device: str

    def get_all_configs(self) -> list[FeatureConfig]: ...
    def detect(
        self, root: str | None = None, *, transcript: list[tuple[str, list[str]]] | None = None
    ) -> dict[str, Any]: ...
    def configs_from_facts(self, facts: Mapping[str, object]) -> list[FeatureConfig]: ...
    def says_absent(self, facts: Mapping[str, object]) -> bool: ...
    def notes_from_facts(self, facts: Mapping[str, object]) -> list[str]: ...
    def each_alone(self, facts: Mapping[str, object]) -> list[dict[str, object]]: ...
    def values_of_id(self, device_id: int) -> list[str]: ...
    def values_of_name(self, name: str) -> list[str]: ...
    def facts_of_driver(self, version: str) -> dict[str, object]: ...
    def facts_of_flags(self, flags: Collection[str]) -> dict[str, object]: ...
    def read_file(self, root: str | None, path: str) -> bytes | None: ...


@dataclass(frozen=True)
class ForeignPlugin:
    """Somebody else's plugin that is installed in this environment.

    Attributes:
        name: its entry point's name (by custom, but not necessarily, its namespace).
        package: the distribution that brings it, its name normalised.
        version: that distribution's version.
        reference: the plugin itself, as ``module[:object]``.
    """

    name: str
    package: str
    version: str
    reference: str


@cache
def our_plugins() -> Mapping[str, Plugin]:
    """Namespace -> plugin class, in the order of our distribution's entry points.

    Raises:
        MissingDetectorsError: our distribution is not installed.
    """
    ours = [point for point in entry_points(GROUP) if point.package == OUR_DISTRIBUTION]
    if not ours:
        raise MissingDetectorsError(
            f"the distribution {OUR_DISTRIBUTION} is not installed beside variantctl",
            hint=f"Install it where variantctl is: `pip install {OUR_DISTRIBUTION}`.",
        )
    # Accelerators before processors; installers write entry points in any order.
    order = [*KNOWN_PROVIDERS.values(), *sorted(point.name for point in ours)]
    return _Plugins(sorted(ours, key=lambda point: order.index(point.name)))


class _Plugins(Mapping[str, Plugin]):
    """Namespace -> plugin class, imported when it is asked for: an install asks accelerators alone."""

    def __init__(self, points: Iterable[EntryPoint]) -> None:
        self._points = {point.name: point for point in points}
        self._loaded: dict[str, Plugin] = {}

    def __getitem__(self, namespace: str) -> Plugin:
        if namespace not in self._loaded:
            self._loaded[namespace] = self._points[namespace].load()
        return self._loaded[namespace]

    def __iter__(self) -> Iterator[str]:
        return iter(self._points)

    def __len__(self) -> int:
        return len(self._points)

    def __contains__(self, namespace: object) -> bool:
        return namespace in self._points


def foreign_plugins() -> list[ForeignPlugin]:
    """The plugins of other distributions in this environment, by their entry points; none is imported."""
    found = {
        ForeignPlugin(point.name, point.package, point.version, point.value)
        for point in entry_points(GROUP)
        if point.package != OUR_DISTRIBUTION
    }
    return sorted(found, key=lambda plugin: (plugin.package, plugin.name))


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
    if any(os.path.isfile(folder) for folder in folders):  # hundreds of them would be built
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
            with open(os.path.join(folder, entry, "entry_points.txt"), encoding="utf-8") as file:
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
