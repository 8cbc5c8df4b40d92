"""A project's files with a wheel-to-be for each version that has an sdist, and no wheel that fits.

Pages may list thousands of wheels: those of a version are looked at when the version is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from packaging.version import Version

from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.indexes.sdists import is_promised, promised
from variantctl.net.remote_file import RemoteFile

Fits = Callable[[WheelLink], bool]
Alike = Callable[[WheelLink], tuple[bool, int] | None]


class BuildableFiles(ProjectFiles):
    """A view of a project's files.

    Of a wheel-to-be ``file`` is the source distribution and ``wheel`` a name that fits everywhere: the real
    one shows once it is built. Where the version has wheels for other machines or Pythons, METADATA of the
    one that is most alike is taken for that of the source code, as uv does it: old versions often cannot be
    built on a new Python at all, and to know what they need must not take a build. What the build then gives
    is compared (``install.planned_builds``).

    Args:
        files: as the sources have them.
        fits: whether a wheel can be installed; where a version has one that can, nothing is built.
        alike: how much a wheel is like one that can be installed; ``None``: its METADATA says nothing.
    """

    def __init__(self, files: ProjectFiles, fits: Fits, alike: Alike) -> None:
        # Frozen: attributes are set as the generated __init__ of a frozen dataclass sets them.
        for attribute, value in (
            ("name", files.name),
            ("source", files.source),
            ("variants_json", files.variants_json),
            ("skipped", files.skipped),
            ("status", files.status),
            ("by_version", _Versions(files, fits, alike)),
            ("_files", files),
        ):
            object.__setattr__(self, attribute, value)

    @property
    def _listed(self) -> ProjectFiles:
        listed: ProjectFiles = self.__dict__["_files"]
        return listed

    @cached_property
    def wheels(self) -> tuple[WheelLink, ...]:
        """Those of the sources, then those to be built."""
        listed = self._listed.wheels
        built = [link for links in self.by_version.values() for link in links if is_promised(link)]
        return (*listed, *built)

    @cached_property
    def sdists(self) -> tuple[RemoteFile, ...]:
        """In the source's order."""
        return self._listed.sdists

    @property
    def listed(self) -> tuple[Version, ...]:
        """As the sources have them."""
        return self._listed.listed

    def sdist_of(self, version: Version) -> RemoteFile | None:
        """As the sources have it."""
        return self._listed.sdist_of(version)

    @cached_property
    def builds(self) -> Mapping[Version, int]:
        """As the sources have them: what is built has no label."""
        return self._listed.builds

    @cached_property
    def has_backends(self) -> bool:
        """As the sources have them."""
        return self._listed.has_backends

    def spellings(self, version: Version) -> tuple[Version, ...]:
        """A version that is built is written one way."""
        return self._listed.spellings(version) if version in self._listed.by_version else (version,)


class _Versions(Mapping[Version, tuple[WheelLink, ...]]):
    def __init__(self, files: ProjectFiles, fits: Fits, alike: Alike) -> None:
        self._files = files
        self._fits = fits
        self._alike = alike
        self._known: dict[Version, tuple[WheelLink, ...]] = {}

    def __getitem__(self, version: Version) -> tuple[WheelLink, ...]:
        known = self._known.get(version)
        if known is None:
            known = self._known[version] = self._wheels(version)
        return known

    def _wheels(self, version: Version) -> tuple[WheelLink, ...]:
        wheels = self._files.by_version.get(version, ())
        sdist = self._files.sdist_of(version)
        if sdist is None:
            if not wheels:
                raise KeyError(version)
            return wheels
        if any(self._fits(link) for link in wheels):
            return wheels
        ordinary = [link for link in wheels if link.wheel.label is None and link.backend is None]
        alike = [(how, link) for link in ordinary if (how := self._alike(link)) is not None]
        told_by = max(alike, key=lambda each: each[0])[1] if alike else None
        return (*wheels, promised(sdist, self._files.name, version, told_by))

    def __iter__(self) -> Iterator[Version]:
        return iter(self._files.listed)

    def __len__(self) -> int:
        return len(self._files.listed)
