"""A sub-index of a source of kind ``backends``, and what its wheels were built for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.values import dataclass, field
from variantctl.variants.properties import Properties


@dataclass(frozen=True)
class Build:
    """What some of a sub-index's wheels were built for, where that is not what the others were built for.

    Attributes:
        properties: what those wheels were built for.
        packages: only these; ``None``: all.
        versions: only these.
        marker: only where it holds (``platform_machine == 'aarch64'``).
    """

    properties: Properties
    packages: frozenset[NormalizedName] | None = None
    versions: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None

    def is_of(self, name: NormalizedName, version: Version, environment: Mapping[str, str]) -> bool:
        """Whether a package's version was built so."""
        return (
            (self.packages is None or name in self.packages)
            and self.versions.contains(Version(version.base_version), prereleases=True)
            and self.is_for(environment)
        )

    def is_for(self, environment: Mapping[str, str]) -> bool:
        """Whether the marker holds."""
        return self.marker is None or self.marker.evaluate({**environment, "extra": ""})


@dataclass(frozen=True)
class DeviceExtras:
    """A package whose extras bring files for one device each, and one extra those of all.

    Attributes:
        all: the extra for every device (``device-all``).
        each: the extra for one, with ``{value}`` in place of it (``device-{value}``).
        namespace: of the property whose values the devices are.
        feature: the same.
    """

    all: str
    each: str
    namespace: str
    feature: str

    def narrowed(self, extras: Collection[str], values: Collection[str]) -> frozenset[str]:
        """Some extras of the package, with those of these devices in place of the one for all.

        The extras are given back as they are where no device is known, or nobody asks for all.
        """
        if self.all not in extras or not values:
            return frozenset(extras)
        own = (self.each.replace("{value}", value) for value in values)
        return frozenset((*(extra for extra in extras if extra != self.all), *own))

    def devices(self, extras: Collection[str]) -> list[str]:
        """The devices that some extras of the package name; none where one of them is for every device."""
        before, _, after = self.each.partition("{value}")
        if self.all in extras:
            return []
        return [
            extra[len(before) : len(extra) - len(after)]
            for extra in sorted(extras)
            if extra.startswith(before) and extra.endswith(after) and len(extra) > len(before) + len(after)
        ]


@dataclass(frozen=True)
class Backend:
    """One sub-index.

    Attributes:
        label: what its wheels are called, and the local part of their versions.
        path: below the source's URL.
        properties: what its wheels need; none: they run anywhere.
        builds: the exceptions, of which the first that applies counts.
        rule: where no table lists it: what was taken for granted by its name, a clause.
    """

    label: str
    path: str
    properties: Properties = field(default_factory=dict)
    builds: tuple[Build, ...] = ()
    rule: str = ""

    def properties_of(
        self, name: NormalizedName, version: Version, environment: Mapping[str, str]
    ) -> Properties:
        """What the wheels of one version were built for."""
        found = (build.properties for build in self.builds if build.is_of(name, version, environment))
        return next(found, self.properties)

    def may_be(self, environment: Mapping[str, str]) -> list[Properties]:
        """Everything that a wheel of it may be built for, the usual first."""
        return [self.properties, *(build.properties for build in self.builds if build.is_for(environment))]
