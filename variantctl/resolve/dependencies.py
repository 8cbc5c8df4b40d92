"""What a candidate needs: the dependencies of its wheel that hold for its variant on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import (
    BackendCandidate,
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
)
from variantctl.resolve.errors import HashesError
from variantctl.resolve.needs import (
    AbiRequirement,
    ExtraBaseRequirement,
    ImpossibleRequirement,
    Need,
    ProjectRequirement,
    needs_of,
)
from variantctl.resolve.references import References
from variantctl.select.ranking import abi_dependencies
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import MarkerVariant, VariantRequirement
from variantctl.wheels.errors import WheelError, WrongMetadataError


class Dependencies:
    """The needs of candidates, read from METADATA.

    Args:
        candidate_finder: has the METADATA.
        no_deps: leave dependencies out.
        every_device: leave extras for every device as they are (``SearchOptions.every_device``).
        overrides: project -> what takes the place of every requirement of it.
        named: whether the user names the URL of a project.

    Attributes:
        unread: project -> version -> why what it says of itself cannot be read: a clause whose subject it is.
    """

    def __init__(
        self,
        candidate_finder: CandidateFinder,
        *,
        no_deps: bool = False,
        every_device: bool = False,
        overrides: Mapping[NormalizedName, Sequence[VariantRequirement]] | None = None,
        named: Callable[[NormalizedName], bool] | None = None,
    ) -> None:
        self._candidate_finder = candidate_finder
        self._overrides = overrides or {}
        self._no_deps = no_deps
        self._every_device = every_device
        self._references = References(candidate_finder, named or (lambda _name: False))
        self._applicable: dict[int, tuple[Candidate, list[VariantRequirement]]] = {}
        self._verdicts: dict[tuple[MarkerVariant, tuple[NormalizedName, ...]], dict[str | None, bool]] = {}
        self._needs: dict[str, tuple[ProjectRequirement, ...]] = {}
        self.unread: dict[NormalizedName, dict[Version, str]] = {}

    def applicable(self, candidate: Candidate) -> list[VariantRequirement]:
        """The requirements of a candidate that hold for its variant, here; of an extra, only its own."""
        known = self._applicable.get(id(candidate))
        if known is None:
            # The candidate is kept with them: its id must not be used again.
            known = self._applicable[id(candidate)] = (candidate, self._read_applicable(candidate))
        return known[1]

    def _read_applicable(self, candidate: Candidate) -> list[VariantRequirement]:
        base = candidate.base if isinstance(candidate, ExtraCandidate) else candidate
        if not isinstance(base, (WheelCandidate, InstalledCandidate)):
            return []
        texts, variant = self.declared(base)
        found = [read_requirement(text).requirement for text in texts]
        always = self._holding(variant, _extra_of_member(base))
        if isinstance(candidate, ExtraCandidate):
            for_extra = self._holding(variant, (candidate.extra,))
            holding = [each for each in found if for_extra(each) and not always(each)]
        else:
            holding = [each for each in found if always(each) or self._is_replaced_anyway(each)]
        return self._overridden(self._for_devices(requirement, base) for requirement in holding)

    def _holding(
        self, variant: MarkerVariant, extras: tuple[NormalizedName, ...]
    ) -> Callable[[VariantRequirement], bool]:
        """Whether requirements hold for some extras; each marker is evaluated once, as most occur often."""
        known = self._verdicts.setdefault((variant, extras), {})
        markers = self._candidate_finder.interpreter.markers

        def holds(requirement: VariantRequirement) -> bool:
            verdict = known.get(requirement.marker)
            if verdict is None:
                verdict = known[requirement.marker] = requirement.applies(markers, variant, extras)
            return verdict

        return holds

    def _overridden(self, requirements: Iterable[VariantRequirement]) -> list[VariantRequirement]:
        """The requirements, with the user's own words in place of those about packages that they override.

        As uv has it: extras and marker of the replaced requirement go: the override's own count.
        """
        if not self._overrides:
            return list(requirements)
        markers = self._candidate_finder.interpreter.markers
        found: list[VariantRequirement] = []
        for requirement in requirements:
            instead = self._overrides.get(requirement.name)
            if instead is None:
                found.append(requirement)
            else:
                found += [each for each in instead if each.applies(markers) and each not in found]
        return found

    def _is_replaced_anyway(self, requirement: VariantRequirement) -> bool:
        """Whether an override replaces a requirement whose marker does not hold; of an extra none does."""
        return (
            bool(self._overrides)
            and requirement.name in self._overrides
            and "extra" not in str(requirement.marker)
        )

    def _for_devices(self, requirement: VariantRequirement, base: BaseCandidate) -> VariantRequirement:
        """The requirement with the extras of the machine's own devices in place of the one for all."""
        if self._every_device or not requirement.requirement.extras:
            return requirement
        extras = self._candidate_finder.builds.device_extras(requirement, base)
        if extras == requirement.requirement.extras:
            return requirement
        narrowed = Requirement(str(requirement.requirement))
        narrowed.extras = set(extras)
        marker = f" ; {requirement.marker}" if requirement.marker else ""
        return VariantRequirement(f"{narrowed}{marker}", narrowed, requirement.marker)

    def corrections(self, candidate: BaseCandidate) -> list[str]:
        """What is corrected in the requirements of a candidate: clauses whose subject it is."""
        readings = (read_requirement(text) for text in self.declared(candidate)[0])
        return [reading.correction for reading in readings if reading.correction]

    def declared(self, base: BaseCandidate) -> tuple[tuple[str, ...], MarkerVariant]:
        """Every requirement of a wheel or of what is installed, as written, and the variant that it is."""
        if isinstance(base, InstalledCandidate):
            return base.package.requires(), self._candidate_finder.marker_variant(base.package)
        return self._candidate_finder.metadata(base).requires_dist, base.wheel.variant

    def needs_of(self, candidate: Candidate) -> Iterator[Need]:
        """What the candidate needs here; if it is unfit, one need that nothing satisfies."""
        if isinstance(candidate, BackendCandidate):
            return
        if isinstance(candidate, ExtraCandidate):
            yield ExtraBaseRequirement(candidate.base)
        elif (backend := self._candidate_finder.backends.need_of(candidate)) is not None:
            yield backend
        try:
            unfit = self._unfit(candidate) if isinstance(candidate, WheelCandidate) else None
        except WrongMetadataError:
            raise
        except WheelError as error:
            yield self._unreadable(candidate, f"has metadata that cannot be read: {error.message}", error)
            return
        except HashesError as error:
            # A source that gives no digests may have a second file of the version (1.0 and 1.0+cpu).
            yield ImpossibleRequirement(candidate.name, f"cannot be taken: {error.message}", error=error)
            return
        if unfit:
            yield ImpossibleRequirement(candidate.name, unfit)
            return
        if self._no_deps:
            return
        try:
            requirements = self.applicable(candidate)
        except InvalidVariantError as error:
            yield self._unreadable(candidate, f"has a requirement that cannot be read: {error.message}")
            return
        if isinstance(candidate, WheelCandidate):
            here = [each.requirement for each in requirements]
            if against := self._candidate_finder.builds.contradiction(candidate, here):
                yield ImpossibleRequirement(candidate.name, against)
                return
        for requirement in requirements:
            found = self._references.settled(requirement, candidate) if requirement.url else requirement
            if isinstance(found, str):
                yield ImpossibleRequirement(candidate.name, f"needs '{requirement}': {found}")
            else:
                yield from self._needs_of(found)
        if isinstance(candidate, WheelCandidate):
            yield from _abi_needs(candidate)

    def _needs_of(self, requirement: VariantRequirement) -> tuple[ProjectRequirement, ...]:
        """The needs of a requirement: the same ones for every candidate that has it."""
        known = self._needs.get(requirement.text)
        if known is None:
            found = needs_of(requirement, families=self._candidate_finder.families)
            known = self._needs[requirement.text] = tuple(found)
        return known

    def _unreadable(
        self, candidate: Candidate, reason: str, error: VariantctlError | None = None
    ) -> ImpossibleRequirement:
        """What turns a candidate away that cannot be understood: pip and uv pass it over, too."""
        self.unread.setdefault(candidate.name, {})[candidate.version] = reason
        return ImpossibleRequirement(candidate.name, reason, error=error)

    def _unfit(self, candidate: WheelCandidate) -> str | None:
        """What only METADATA tells against a wheel; raises ``HashesError`` where it is another file."""
        metadata = self._candidate_finder.metadata(candidate)
        text = metadata.requires_python_text
        if not self._candidate_finder.interpreter.accepts_python(text):
            return f"needs Python {text}, but this is {self._candidate_finder.interpreter.python}"
        return None


def _extra_of_member(base: BaseCandidate) -> tuple[NormalizedName, ...]:
    """The extra that makes a wheel the member of a family that it is: what it brings is needed as well."""
    if isinstance(base, InstalledCandidate):
        return (base.extra,) if base.extra is not None else ()
    extra = base.wheel.link.extra
    return (extra,) if extra is not None else ()


def _abi_needs(candidate: WheelCandidate) -> Iterator[Need]:
    """What a variant was built for becomes a requirement of it (PEP 850, ``abi_dependency``)."""
    for package, prefixes in abi_dependencies(candidate.wheel.properties).items():
        try:
            for prefix in prefixes:
                SpecifierSet(f"=={prefix}.*")
        except ValueError:
            reason = f"was built for {package} {', '.join(prefixes)}, which names no release"
            yield ImpossibleRequirement(candidate.name, reason)
        else:
            yield AbiRequirement(canonicalize_name(package), tuple(prefixes))
