"""What a lock file says, as values (PEP 751, with ``packages.variants-json`` of PEP 825)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.values import dataclass, field
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.markers import VariantRequirement
from variantctl.variants.metadata import VariantMetadata

FILENAMES = "pylock.toml or pylock.NAME.toml"
LOCK_VERSION = "1.0"
CREATED_BY = "variantctl"

SourceKind = Literal["sdist", "archive", "vcs", "directory"]
"""The keys of PEP 751 that source code stands under."""


@dataclass(frozen=True)
class LockedWheel:
    """One wheel of a package, or the wheel that is its archive.

    Attributes:
        wheel: what its filename says.
        url: absolute, without credentials; ``None`` for a local file.
        path: of a local file, with ``/``, relative to the lock file where it is not absolute.
        hashes: algorithm -> lower-case hexadecimal digest; at least one.
        size: in bytes, where known.
        upload_time: where known, in UTC.
    """

    wheel: WheelFilename
    url: str | None = None
    path: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    upload_time: datetime | None = None

    @property
    def filename(self) -> str:
        """Of the wheel."""
        return self.wheel.filename


@dataclass(frozen=True)
class LockedSource:
    """Source code of a package, which its wheel is built of.

    Attributes:
        kind: a source distribution of an index, an archive that was named, a commit, or a folder.
        url: absolute, without credentials; ``None`` where it is on this machine.
        path: of what is on this machine, with ``/``, relative to the lock file where it is not absolute.
        filename: of a source distribution or an archive.
        hashes: of these: algorithm -> lower-case hexadecimal digest; at least one.
        size: of these: in bytes, where known.
        upload_time: of a source distribution: where known, in UTC.
        subdirectory: where in it the project lies, if not at its top.
        editable: of a folder: whether changes of it are to count at once (PEP 660).
        system: of a commit: the version control system.
        revision: of a commit: the branch or tag that was asked for, if one was.
        commit: its id, in hexadecimal.
    """

    kind: SourceKind
    url: str | None = None
    path: str | None = None
    filename: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    upload_time: datetime | None = None
    subdirectory: str | None = None
    editable: bool = False
    system: str = "git"
    revision: str | None = None
    commit: str | None = None

    @property
    def shown(self) -> str:
        """What people know it by."""
        return self.filename or f"{self.path or self.url}{f'@{self.commit}' if self.commit else ''}"


@dataclass(frozen=True)
class Declared:
    """What the wheels of a package declare, kept so that syncing need not read their METADATA first.

    Attributes:
        requires: Requires-Dist of every wheel but the exceptions, as written.
        exceptions: filename -> Requires-Dist of a wheel that declares something else.
    """

    requires: tuple[str, ...] = ()
    exceptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, filename: str) -> tuple[str, ...]:
        """What one wheel requires."""
        return self.exceptions.get(filename, self.requires)


@dataclass(frozen=True)
class LockedBackend:
    """Whose build an entry is, where a source has an index for each backend (PyTorch's ``cu128``, ``cpu``).

    Such wheels have no label in their names, and each backend's build a version of its own
    (``2.10.0+cu128``): each is an entry of its own, an ordinary one for tools that know no variants.

    Attributes:
        source: the source of kind ``backends``.
        label: the backend, which is the variant label when choosing.
    """

    source: str
    label: str


@dataclass(frozen=True)
class LockedMember:
    """Which member of a family an entry is (:mod:`variantctl.families`).

    Attributes:
        project: the distribution: what the entry is called in the file.
        label: the member.
        extra: the extra that makes it this member, whose requirements it needs.
        stands_in_for: the names that it is installed for as well.
        extras: of the family those that stand for members.
        together: whether all of the family's packages have to be of one member.
    """

    project: NormalizedName
    label: str
    extra: NormalizedName | None = None
    stands_in_for: tuple[NormalizedName, ...] = ()
    extras: tuple[NormalizedName, ...] = ()
    together: bool = True


@dataclass(frozen=True)
class LockedPackage:
    """One entry of ``[[packages]]``.

    Attributes:
        name: the project; of a member of a family what its names count for.
        version: ``None`` of a folder, which may have another one tomorrow (PEP 751), and where another tool
            left it out.
        marker: where a tool that knows nothing of variants needs it; ``None``: everywhere.
        requires_python: for the whole package.
        index: the base URL of the index it was found in.
        dependencies: the other packages of the lock that some wheel of it may need; for people to read.
        wheels: sorted by filename.
        archive: the wheel of a direct reference, in place of ``wheels``.
        variants: the variant metadata, narrowed to the labels that occur; of a backend's build to its own.
        declared: what the wheels require; ``None`` in a lock of another tool.
        source: the source code that is built where no wheel fits.
        backend: whose build it is, where backends have theirs in entries of their own.
        withdrawn: what its index said against it when it was locked: clauses whose subject is the release.
        member: which member of a family it is.
    """

    name: NormalizedName
    version: Version | None
    marker: Marker | None = None
    requires_python: SpecifierSet | None = None
    index: str | None = None
    dependencies: tuple[NormalizedName, ...] = ()
    wheels: tuple[LockedWheel, ...] = ()
    archive: LockedWheel | None = None
    variants: VariantMetadata | None = None
    declared: Declared | None = None
    source: LockedSource | None = None
    backend: LockedBackend | None = None
    withdrawn: tuple[str, ...] = ()
    member: LockedMember | None = None

    @property
    def distribution(self) -> NormalizedName:
        """What is installed, and what the entry is called in the file."""
        return self.name if self.member is None else self.member.project

    @property
    def runs_anywhere(self) -> bool:
        """Whether it is a backend's build that asks nothing of the hardware."""
        return self.backend is not None and not (self.variants and self.variants.variants[self.backend.label])

    @property
    def files(self) -> tuple[LockedWheel, ...]:
        """Every wheel that could be installed."""
        return self.wheels if self.archive is None else (self.archive,)

    def __str__(self) -> str:
        return self.distribution if self.version is None else f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Lock:
    """A lock file.

    Attributes:
        packages: sorted by name and version.
        roots: what was asked for; ``None`` in a lock of another tool.
        requires_python: which Pythons the lock is for, where that was said.
        environments: markers of which one must hold, where that was said.
        extras, dependency_groups, default_groups: what may be chosen from a lock of another tool.
        created_by: the tool.
    """

    packages: tuple[LockedPackage, ...]
    roots: tuple[VariantRequirement, ...] | None = None
    requires_python: SpecifierSet | None = None
    environments: tuple[Marker, ...] = ()
    extras: tuple[str, ...] = ()
    dependency_groups: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()
    created_by: str = CREATED_BY

    def named(self, name: NormalizedName) -> tuple[LockedPackage, ...]:
        """The entries of one project, newest first; more than one where machines need different versions."""
        found = [package for package in self.packages if package.name == name]
        return tuple(sorted(found, key=lambda package: package.version or Version("0"), reverse=True))
