"""What the search tries: a version with one of its wheels, what is installed, and extras of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.select.ranking import RankedWheel
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass


@dataclass(frozen=True, eq=False)
class WheelCandidate:
    """A version with its wheel, and so with the dependencies of that wheel.

    Attributes:
        name: the project.
        version: the version.
        wheel: the wheel, and its place among the wheels of the version.
        url: the direct reference that named it, or ``None`` where it came from an index.
        better: the labels of the same version that come before it.
        accelerators: the namespaces of accelerators that it was built for; none: it runs on the processor.
    """

    name: NormalizedName
    version: Version
    wheel: RankedWheel
    url: str | None = None
    better: tuple[str | None, ...] = ()
    accelerators: tuple[str, ...] = ()

    @property
    def identifier(self) -> str:
        """What the search knows it by."""
        return self.name

    @property
    def is_to_be_built(self) -> bool:
        """Whether its file is source code, and the wheel a promise."""
        return not self.wheel.link.file.filename.endswith(".whl")

    @property
    def distribution(self) -> NormalizedName:
        """The name of what is installed: a member's own, where a family counts it for another."""
        return self.wheel.link.own_name.name

    def __str__(self) -> str:
        label = self.wheel.label
        return f"{self.distribution} {self.version}" + (f" ({label})" if label else "")


@dataclass(frozen=True, eq=False)
class InstalledCandidate:
    """What the environment already has of a project.

    Attributes:
        package: what is installed.
        identity: the project that it counts for, where that is not its own name.
        label: of a member of a family.
        extra: what makes it that member.
    """

    package: InstalledPackage
    identity: NormalizedName | None = None
    label: str | None = None
    extra: NormalizedName | None = None

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.identity or self.package.name

    @property
    def version(self) -> Version:
        """The version."""
        return self.package.version

    @property
    def url(self) -> str | None:
        """The direct reference it was installed from, if any."""
        return self.package.source

    @property
    def identifier(self) -> str:
        """What the search knows it by."""
        return self.name

    def __str__(self) -> str:
        return f"{self.package.name} {self.version} (installed)"


BaseCandidate: TypeAlias = WheelCandidate | InstalledCandidate


@dataclass(frozen=True, eq=False)
class ExtraCandidate:
    """One extra of a candidate: it brings the extra's dependencies and exactly that candidate.

    Attributes:
        base: the candidate whose extra it is.
        extra: the normalized name of the extra.
    """

    base: BaseCandidate
    extra: NormalizedName

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.base.name

    @property
    def version(self) -> Version:
        """The version."""
        return self.base.version

    @property
    def url(self) -> str | None:
        """The base's direct reference, if any."""
        return self.base.url

    @property
    def identifier(self) -> str:
        """What the search knows it by."""
        return f"{self.name}[{self.extra}]"

    def __str__(self) -> str:
        return f"{self.name}[{self.extra}] {self.version}"


@dataclass(frozen=True, eq=False)
class BackendCandidate:
    """The backend that everything of one source comes from (``variantctl.backends.source``).

    Attributes:
        identifier: of the source, as the search knows it.
        label: the backend; ``None`` where only what is installed counts, and nothing says what it is of.
        looked_up: how to find out what the latter is of: ``None`` for a place that is none of the source's.
    """

    identifier: str
    label: str | None
    looked_up: tuple[Callable[[], str | None], ...] = ()
    url: str | None = None

    @property
    def name(self) -> NormalizedName:
        """No project has it."""
        return NormalizedName(self.identifier)

    @property
    def version(self) -> Version:
        """None that counts."""
        return Version("0")

    def __str__(self) -> str:
        return f"{self.identifier} {self.label}"


Candidate: TypeAlias = WheelCandidate | InstalledCandidate | ExtraCandidate | BackendCandidate


def with_installed(
    found: Iterator[WheelCandidate], installed: InstalledCandidate | None, *, upgrade: bool
) -> Iterator[BaseCandidate]:
    """What is installed goes before all else; when upgrading, in the place of the same wheel of an index."""
    if installed is None:
        yield from found
        return
    given = not upgrade
    if given:
        yield installed
    for candidate in found:
        same = is_same(candidate, installed)
        # What is built for an accelerator may go before a newer version that is not, and so before this one.
        if not given and (same or (_is_older(candidate, installed) and not candidate.accelerators)):
            yield installed
            given = True
        if not same:
            yield candidate
    if not given:
        yield installed


def is_same(candidate: WheelCandidate, installed: InstalledCandidate) -> bool:
    """Whether a wheel is what is installed."""
    link = candidate.wheel.link
    if link.backend is not None and link.backend.project is not None:
        same_label = link.own_name.name == installed.package.name and candidate.wheel.label == installed.label
    else:
        # The label of a backend is not recorded in the environment, its version is.
        same_label = link.backend is not None or candidate.wheel.label == installed.package.label
    return candidate.version == installed.version and same_label


def _is_older(candidate: WheelCandidate, installed: InstalledCandidate) -> bool:
    """By version alone: of one version, no backend is newer than another."""
    there = installed.version
    listed = candidate.wheel.link.wheel.version
    return listed < (Version(there.public) if candidate.wheel.link.backend else there)
