"""What the search must satisfy: a requirement of the user or of a wheel, in the form the search needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeAlias

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.resolve.candidates import BackendCandidate, BaseCandidate, Candidate
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError
from variantctl.variants.markers import VariantRequirement


@dataclass(frozen=True, eq=False)
class ProjectRequirement:
    """A version of a project, or an extra of one.

    Attributes:
        name: the project.
        extra: the extra, or ``None`` for the project itself.
        requirement: as it was written.
        origin: where a user wrote it; ``None`` for a wheel's dependency.
    """

    name: NormalizedName
    extra: NormalizedName | None
    requirement: VariantRequirement
    origin: str | None = None
    _verdicts: dict[int, bool] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def identifier(self) -> str:
        """What the search knows it by."""
        return self.name if self.extra is None else f"{self.name}[{self.extra}]"

    @cached_property
    def specifier(self) -> SpecifierSet:
        """The versions it allows."""
        return self.requirement.specifier

    @cached_property
    def pins(self) -> bool:
        """Whether it asks for one version: see ``is_pin``."""
        return is_pin(self.specifier)

    @cached_property
    def url(self) -> str | None:
        """The direct reference, if any."""
        return self.requirement.url

    def allows(self, version: Version) -> bool:
        """Whether a version is allowed, pre-releases too: whether those are wanted is another question."""
        return self.specifier.contains(version, prereleases=True)

    def is_satisfied_by(self, candidate: Candidate) -> bool:
        """Whether a candidate is what is needed."""
        # Asked for every pin in every round; candidates live as long as the search does.
        verdict = self._verdicts.get(id(candidate))
        if verdict is None:
            verdict = self.allows(candidate.version) and self.url in (None, candidate.url)
            self._verdicts[id(candidate)] = verdict
        return verdict

    def __str__(self) -> str:
        return str(self.requirement.requirement)


@dataclass(frozen=True, eq=False)
class AbiRequirement:
    """One of some releases of a package: what a variant with an ``abi_dependency`` was built for (PEP 850).

    Attributes:
        name: the package.
        prefixes: release prefixes, each matched as ``=={prefix}.*``.
    """

    name: NormalizedName
    prefixes: tuple[str, ...]
    origin: str | None = None

    @property
    def identifier(self) -> str:
        """What the search knows it by."""
        return self.name

    @cached_property
    def _specifiers(self) -> tuple[SpecifierSet, ...]:
        return tuple(SpecifierSet(f"=={prefix}.*") for prefix in self.prefixes)

    def allows(self, version: Version) -> bool:
        """Whether a version is one of the releases."""
        return any(specifier.contains(version, prereleases=True) for specifier in self._specifiers)

    def is_satisfied_by(self, candidate: Candidate) -> bool:
        """Whether a candidate is of one of the releases."""
        return self.allows(candidate.version)

    def __str__(self) -> str:
        return " or ".join(f"{self.name}=={prefix}.*" for prefix in self.prefixes)


@dataclass(frozen=True, eq=False)
class ExtraBaseRequirement:
    """Exactly one candidate: what an extra was taken of."""

    candidate: BaseCandidate
    origin: str | None = None

    @property
    def name(self) -> NormalizedName:
        """The project."""
        return self.candidate.name

    @property
    def identifier(self) -> str:
        """What the search knows it by."""
        return self.candidate.identifier

    def allows(self, version: Version) -> bool:
        """Whether it is the candidate's version."""
        return version == self.candidate.version

    def is_satisfied_by(self, candidate: Candidate) -> bool:
        """Whether it is the very candidate."""
        return candidate is self.candidate

    def __str__(self) -> str:
        return f"{self.name}=={self.candidate.version}"


@dataclass(frozen=True, eq=False)
class ImpossibleRequirement:
    """What nothing satisfies: it turns a candidate away that cannot be used after all.

    Attributes:
        name: the candidate's project.
        reason: a clause whose subject is the candidate ("needs Python >=3.12, but this is 3.11.7").
        error: what is to be said where nothing but this is in the way; ``None``: the reason, with who asks.
    """

    name: NormalizedName
    reason: str
    origin: str | None = None
    error: VariantctlError | None = None

    @property
    def identifier(self) -> str:
        """Of its own, so that it meets no other need."""
        return f"<{self.name}: {self.reason}>"

    def allows(self, version: Version) -> bool:
        """Nothing."""
        return False

    def is_satisfied_by(self, candidate: Candidate) -> bool:
        """Never."""
        return False

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, eq=False)
class BackendRequirement:
    """That all packages of a source come from one backend: never torch and torchvision from two.

    Attributes:
        source: the name of the source of kind ``backends``.
        label: the backend; ``None`` for an installed package whose version does not say it.
        look_up: finds out what that one is of, if need be; ``None`` for something that is not the source's.
    """

    source: str
    label: str | None
    look_up: Callable[[], str | None] | None = None
    origin: str | None = None

    @property
    def name(self) -> NormalizedName:
        """No project has it."""
        return NormalizedName(self.identifier)

    @property
    def identifier(self) -> str:
        """One for everything of the source."""
        return backend_identifier(self.source)

    def allows(self, version: Version) -> bool:
        """Whatever the version."""
        return True

    def is_satisfied_by(self, candidate: Candidate) -> bool:
        """Whether it is the same backend."""
        if not isinstance(candidate, BackendCandidate):
            return False
        if self.label is None and candidate.label is None:
            return True
        if self.label is not None and candidate.label is not None:
            return self.label == candidate.label
        unknown = (self.look_up,) if self.look_up else candidate.looked_up
        return all(look_up() == (self.label or candidate.label) for look_up in unknown)

    def __str__(self) -> str:
        return f"{self.label or 'other'} builds of everything from {self.source}"


def backend_identifier(source: str) -> str:
    """What the search knows the choice among a source's backends by; no project can be named so."""
    return f"<backend of {source}>"


def backend_matches(needs: Sequence[Need]) -> list[BackendCandidate]:
    """The one backend that all needs agree on, if they do."""
    asked = [need for need in needs if isinstance(need, BackendRequirement)]
    if not asked:
        return []
    labels = {need.label for need in asked if need.label is not None}
    unknown = tuple(need.look_up for need in asked if need.look_up is not None)
    candidate = BackendCandidate(asked[0].identifier, next(iter(labels), None), unknown)
    return [candidate] if all(need.is_satisfied_by(candidate) for need in asked) else []


Need: TypeAlias = (
    ProjectRequirement | AbiRequirement | ExtraBaseRequirement | ImpossibleRequirement | BackendRequirement
)


def needs_of(
    requirement: VariantRequirement, origin: str | None = None, families: Families = NO_FAMILIES
) -> Iterator[ProjectRequirement]:
    """The project itself first, then each extra.

    A member of a family counts for the identity, and so does an extra that stands for a member: which one is
    taken is for the machine to say, and for what the user names (``VariantPreferences.wished``).
    """
    name = families.identity(requirement.name)
    yield ProjectRequirement(name, None, requirement, origin)
    plain = families.plain_extras(requirement.name, requirement.extras)
    for extra in requirement.extras_as_written:
        if extra in plain:
            yield ProjectRequirement(name, extra, requirement, origin)


def local_versions(specifiers: Iterable[SpecifierSet]) -> list[str]:
    """The local parts of the versions that some specifiers name: ``rocm7.14`` of ``==2.14.0+rocm7.14``."""
    named = (part.version.partition("+")[2] for specifier in specifiers for part in specifier)
    return [local for local in named if local]


def is_pin(specifier: SpecifierSet) -> bool:
    """Whether one version is asked for by ``==`` or ``===``: only so are yanked files taken (PEP 592)."""
    return any(
        part.operator == "===" or (part.operator == "==" and not part.version.endswith(".*"))
        for part in specifier
    )
