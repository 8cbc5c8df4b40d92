"""The plan: what an install would do, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.project_files import WheelLink
from variantctl.indexes.sdists import is_promised
from variantctl.resolve.candidates import (
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
)
from variantctl.resolve.needs import Need, ProjectRequirement
from variantctl.select.driver_updates import Advice
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass, field, replace
from variantctl.variants.properties import Properties

if TYPE_CHECKING:
    from variantctl.select.fit import Fit


@dataclass(frozen=True)
class GivenUp:
    """A variant that the machine supports, and whose dependencies cannot be satisfied.

    Attributes:
        label: of the variant; ``None``: the non-variant wheel.
        why: a clause whose subject is the variant ("it needs x==1, but y 2.0 needs x==2").
    """

    label: str | None
    why: str


@dataclass(frozen=True)
class PlannedInstall:
    """One wheel to install.

    Attributes:
        name: the project.
        version: the version.
        label: the variant label; ``None`` for a non-variant wheel, ``"null"`` for the null variant.
        filename: of the wheel.
        url: of the wheel, absolute, without fragment or credentials.
        hashes: algorithm -> digest, as far as known before the download.
        requires: the requirements of this very wheel that apply here, without their markers.
        because: one line: who needs it, and what made this variant the best.
        link: the wheel as its source lists it.
        requested: whether the user asked for it (REQUESTED).
        direct_url: the content of ``direct_url.json``, or ``None`` for a wheel of an index.
        needed_by: the other projects that need it, by name.
        given_up: the better variants of the version that its place in the plan rules out.
        advice: the driver updates that would get another variant.
        properties: of the variant; none of a null variant or a non-variant wheel.
        accelerators: the namespaces of the accelerators that the variant was built for.
        optional_requires: the requirements of its extras, as far as they were looked at.
        fit: whether it makes use of the machine's accelerator.
        withdrawn: what its index says against it: clauses whose subject is the release.
        stands_in_for: names of its family that it is installed for as well, so that whoever needs those is
            content.
        provenance: of a wheel that was built here of an index's source distribution: what
            ``provenance_url.json`` says of that (PEP 710, a draft).
    """

    name: NormalizedName
    version: Version
    label: str | None
    filename: str
    url: str
    hashes: Mapping[str, str]
    requires: tuple[str, ...]
    because: str
    link: WheelLink
    requested: bool = False
    direct_url: Mapping[str, Any] | None = None
    needed_by: tuple[NormalizedName, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    advice: tuple[Advice, ...] = ()
    properties: Properties = field(default_factory=dict)
    accelerators: tuple[str, ...] = ()
    optional_requires: tuple[str, ...] = ()
    fit: Fit | None = None
    withdrawn: tuple[str, ...] = ()
    stands_in_for: tuple[NormalizedName, ...] = ()
    provenance: Mapping[str, Any] | None = None

    @property
    def distribution(self) -> NormalizedName:
        """The name of what is installed: a member's own, where a family counts it for ``name``."""
        return self.link.own_name.name

    @property
    def size(self) -> int | None:
        """Of the wheel, in bytes, where the source says it."""
        return self.link.file.size

    @property
    def needs_build(self) -> bool:
        """Whether it is source code, whose wheel is built before it is installed."""
        return is_promised(self.link)

    def with_sha256(self, digest: str) -> PlannedInstall:
        """The same, with the digest of the file that was fetched."""
        hashes = {**self.hashes, "sha256": digest}
        direct_url = self.direct_url
        if direct_url is not None:
            # "hash" is the older spelling, which some tools still read (PEP 610).
            info = {"hash": f"sha256={digest}", "hashes": {"sha256": digest}}
            direct_url = {**direct_url, "archive_info": info}
        return replace(self, hashes=hashes, direct_url=direct_url)

    def as_json(self) -> dict[str, Any]:
        """An element of ``install`` in the contract (design, section 5)."""
        return {
            "name": self.distribution,
            "version": str(self.version),
            "label": self.label,
            "filename": self.filename,
            "url": self.url,
            "hashes": dict(self.hashes),
            **({"build": True} if self.needs_build else {}),
            "requires": list(self.requires),
            "because": self.because,
            **({"fit": self.fit.as_json()} if self.fit is not None else {}),
            **({"withdrawn": list(self.withdrawn)} if self.withdrawn else {}),
            **self._family_json(),
        }

    def _family_json(self) -> dict[str, Any]:
        backend = self.link.backend
        if backend is None or not backend.member:
            return {}
        family = {"name": backend.source, "member": backend.member, "identity": self.name}
        if backend.extra is not None:
            family["extra"] = backend.extra
        return {"family": family, "stands_in_for": list(self.stands_in_for)}


@dataclass(frozen=True)
class PlannedRemoval:
    """An installed package that makes room for another version, or for the same one again."""

    package: InstalledPackage

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.package.name

    @property
    def version(self) -> Version:
        """The version that is removed."""
        return self.package.version

    def as_json(self) -> dict[str, Any]:
        """An element of ``remove`` in the contract."""
        return {"name": self.name, "version": str(self.version)}


@dataclass(frozen=True)
class Kept:
    """An installed package that already satisfies what is needed.

    Attributes:
        package: the package.
        requested: whether the user asked for it now.
        withdrawn: what its index says against it by now: clauses whose subject is the release.
    """

    package: InstalledPackage
    requested: bool = False
    withdrawn: tuple[str, ...] = ()

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.package.name

    @property
    def version(self) -> Version:
        """The version."""
        return self.package.version

    def as_json(self) -> dict[str, Any]:
        """An element of ``keep`` in the contract."""
        said = {"withdrawn": list(self.withdrawn)} if self.withdrawn else {}
        return {"name": self.name, "version": str(self.version), **said}


@dataclass(frozen=True)
class PassedOver:
    """A version that could be had, and is not taken because it has no build for the machine's accelerator.

    Attributes:
        name: the project.
        version: the version, without the part that names a backend.
        labels: every label that it has, as far as that is known -> why the machine cannot take it, or ``""``.
        why: a clause whose subject is the version ("has no build for the NVIDIA GPU here (...)").
        taken: the version that is taken in its place.
        would_need: the update that would open it; ``None``: none would, or none is known.
    """

    name: NormalizedName
    version: Version
    labels: Mapping[str, str]
    why: str
    taken: Version
    would_need: Advice | None = None

    def as_json(self) -> dict[str, Any]:
        """An element of ``passed_over`` in the contract (design, section 5)."""
        need = self.would_need
        return {
            "name": self.name,
            "version": str(self.version),
            "labels": list(self.labels),
            "reasons": dict(self.labels),
            "why": self.why,
            "would_need": None if need is None else need.as_json(),
        }


@dataclass(frozen=True)
class Plan:
    """What an install would do.

    Attributes:
        install: the wheels, by name.
        remove: what they replace, by name.
        keep: what is needed and there, by name.
        notes: what the user should know, a line each.
        passed_over: the versions that have no build for the machine's accelerator, and are not taken for it.
    """

    install: tuple[PlannedInstall, ...] = ()
    remove: tuple[PlannedRemoval, ...] = ()
    keep: tuple[Kept, ...] = ()
    notes: tuple[str, ...] = field(default=())
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def needs_build(self) -> bool:
        """Whether any of it is source code."""
        return any(planned.needs_build for planned in self.install)

    def as_json(self) -> dict[str, Any]:
        """The contract of ``install --json`` (design, section 5)."""
        return {
            "format": 1,
            "install": [planned.as_json() for planned in self.install],
            "remove": [removal.as_json() for removal in self.remove],
            "keep": [kept.as_json() for kept in self.keep],
            "passed_over": [item.as_json() for item in self.passed_over],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Solution:
    """A set of candidates that satisfies every need, with nothing in it that none has.

    Attributes:
        bases: project -> its candidate, by name.
        extras: project -> the extras of it that are needed, by name.
        requested: the projects that the user asked for.
        parents: project -> the other projects that need it, by name.
        named: the names by which the user asked, which may be those of members of a family.
    """

    bases: Mapping[NormalizedName, BaseCandidate]
    extras: Mapping[NormalizedName, Sequence[ExtraCandidate]]
    requested: frozenset[NormalizedName]
    parents: Mapping[NormalizedName, Sequence[NormalizedName]]
    named: frozenset[NormalizedName] = frozenset()

    def parts(self, name: NormalizedName) -> list[Candidate]:
        """The candidate of a project, and its extras."""
        return [self.bases[name], *self.extras.get(name, ())]


def reached(
    roots: Iterable[Need],
    pins: Mapping[str, Candidate],
    needs_of: Callable[[Candidate], Sequence[Need]],
) -> Solution:
    """What of ``pins`` is reached from the roots.

    The search leaves pins behind that something needed which was then given up; those are not reached.

    Args:
        roots: the user's own needs.
        pins: identifier -> candidate, as the search ended.
        needs_of: the needs of a candidate.
    """
    bases: dict[NormalizedName, BaseCandidate] = {}
    extras: dict[NormalizedName, dict[NormalizedName, ExtraCandidate]] = {}
    requested: set[NormalizedName] = set()
    parents: dict[NormalizedName, set[NormalizedName]] = {}
    roots = list(roots)
    named = {root.requirement.name for root in roots if isinstance(root, ProjectRequirement)}
    pending: list[tuple[Need, Candidate | None]] = [(root, None) for root in roots]
    seen: set[str] = set()
    while pending:
        need, parent = pending.pop()
        if parent is None:
            requested.add(need.name)
        elif parent.name != need.name:
            parents.setdefault(need.name, set()).add(parent.name)
        if need.identifier in seen:
            continue
        seen.add(need.identifier)
        candidate = pins[need.identifier]
        if isinstance(candidate, ExtraCandidate):
            extras.setdefault(candidate.name, {})[candidate.extra] = candidate
        elif isinstance(candidate, (WheelCandidate, InstalledCandidate)):
            bases[candidate.name] = candidate
        pending += [(further, candidate) for further in needs_of(candidate)]
    return Solution(
        dict(sorted(bases.items())),
        {name: [found[extra] for extra in sorted(found)] for name, found in extras.items()},
        frozenset(requested),
        {name: sorted(names) for name, names in parents.items()},
        frozenset(named),
    )
