"""The delegate that answers resolvelib: what could satisfy a need, what comes first, what that needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeGuard

from packaging.utils import NormalizedName
from resolvelib.providers import AbstractProvider

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import (
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
    is_same,
    with_installed,
)
from variantctl.resolve.dependencies import Dependencies
from variantctl.resolve.errors import HashesError
from variantctl.resolve.needs import (
    AbiRequirement,
    BackendRequirement,
    ExtraBaseRequirement,
    ImpossibleRequirement,
    Need,
    ProjectRequirement,
    backend_matches,
    is_pin,
)
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.prereleases import CandidateFilter, DeferredCandidates

if TYPE_CHECKING:
    from resolvelib.structs import RequirementInformation

    Information = RequirementInformation[Need, Candidate]

_MOST_AHEAD = 16


class Provider(AbstractProvider[Need, Candidate, str]):
    """Versions newest first, and within a version its compatible variants, best first.

    Args:
        stock: what can be had.
        constraints: project -> needs that hold wherever the project occurs.
        order: identifier -> its place on the command line.
        options: what the user said about the search.

    Attributes:
        dependencies: what candidates need.
    """

    def __init__(
        self,
        candidate_finder: CandidateFinder,
        constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
        order: Mapping[str, int],
        options: SearchOptions,
    ) -> None:
        self.dependencies = Dependencies(candidate_finder, no_deps=options.no_deps)
        self._admission = CandidateFilter(candidate_finder, options)
        self._late = DeferredCandidates(candidate_finder, self._admission, constraints)
        self._candidate_finder = candidate_finder
        self._constraints = constraints
        self._order = order
        self._options = options
        self._known_needs: dict[int, tuple[Candidate, list[Need]]] = {}
        self._pins: Mapping[str, Candidate] = {}
        self._extras: dict[tuple[int, NormalizedName], ExtraCandidate] = {}

    def identify(self, requirement_or_candidate: Need | Candidate) -> str:
        """Name, or name and extra."""
        return requirement_or_candidate.identifier

    def narrow_requirement_selection(
        self,
        identifiers: Iterable[str],
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],
        information: Mapping[str, Iterator[Information]],
        backtrack_causes: Sequence[Information],
    ) -> Iterable[str]:
        """First what made the search turn back last time: it will most likely do so again.

        An extra waits for its project, and is then one of what was chosen there.
        """
        self._pins = resolutions
        identifiers = [
            name for name in identifiers if (base := _parts(name))[1] is None or base[0] in resolutions
        ]
        causes = {info.requirement.identifier for info in backtrack_causes}
        causes.update(info.parent.identifier for info in backtrack_causes if info.parent is not None)
        return [identifier for identifier in identifiers if identifier in causes] or identifiers

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],
        information: Mapping[str, Iterator[Information]],
        backtrack_causes: Sequence[Information],
    ) -> Any:
        """Direct references, pins and bounded ranges before free choices; a project before its extras."""
        needs = [info.requirement for info in information[identifier]]
        specifiers = [need.specifier for need in needs if isinstance(need, ProjectRequirement)]
        operators = {part.operator for specifier in specifiers for part in specifier}
        return (
            not any(isinstance(need, BackendRequirement) for need in needs),
            not any(isinstance(need, ProjectRequirement) and need.url for need in needs),
            not (
                any(map(is_pin, specifiers)) or any(isinstance(need, ExtraBaseRequirement) for need in needs)
            ),
            not operators & {"<", "<=", "~=", "=="}
            and not any(isinstance(need, AbiRequirement) for need in needs),
            self._candidate_finder.backends.rank(_parts(identifier)[0]),
            self._order.get(identifier, len(self._order)),
            not operators,
            identifier,
        )

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Need]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Any:
        """A callable that yields the candidates, best first."""
        needs = list(requirements[identifier])
        refused = {id(candidate) for candidate in incompatibilities[identifier]}
        if any(isinstance(need, ImpossibleRequirement) for need in needs):
            return []
        if any(isinstance(need, BackendRequirement) for need in needs):
            return backend_matches(needs)
        name, extra = _parts(identifier)
        if extra is None:

            def matches() -> Iterator[Candidate]:
                found = (base for base in self._base_matches(name, needs) if id(base) not in refused)
                return self._looking_ahead(found, len(refused))

            return matches
        base_needs = list(requirements.get(name, ()))
        base_refused = {id(candidate) for candidate in incompatibilities.get(name, ())}

        pinned = self._pins.get(name)
        if isinstance(pinned, (WheelCandidate, InstalledCandidate)):
            return [self._extra_of(pinned, extra)]

        def extras() -> Iterator[Candidate]:
            for base in self._base_matches(name, [*base_needs, *needs]):
                candidate = self._extra_of(base, extra)
                if id(base) not in base_refused and id(candidate) not in refused:
                    yield candidate

        return extras

    def is_satisfied_by(self, requirement: Need, candidate: Candidate) -> bool:
        """Version, direct reference or identity, as the need has it."""
        return requirement.is_satisfied_by(candidate)

    def get_dependencies(self, candidate: Candidate) -> list[Need]:
        """What the candidate's chosen wheel needs on this machine."""
        if (backend := self._other_backend(candidate)) is not None:
            return [backend]  # what else it needs is not worth asking for
        known = self._known_needs.get(id(candidate))
        if known is None:
            needs = list(self.dependencies.needs_of(candidate))
            self._late.meet(needs, candidate)
            # The candidate is kept with its needs: its id must not be used again.
            known = self._known_needs[id(candidate)] = (candidate, needs)
            self.expect(needs)
        return known[1]

    def meet(self, roots: Iterable[Need]) -> None:
        """The user's own needs, before the search begins."""
        roots = list(roots)
        self._late.meet(roots, None)
        self.expect(roots)

    def unfounded(self, roots: Iterable[Need], pins: Mapping[str, Candidate]) -> list[Candidate]:
        """The candidates that nothing lets in but what they brought in themselves.

        A pin has a ground where needs admit it that are the user's or those of pins which have a ground.
        """
        held_back = [pin for pin in pins.values() if self._is_held_back(pin)]
        if not held_back:
            return []
        met: dict[str, list[Need]] = {}
        for root in roots:
            met.setdefault(root.identifier, []).append(root)
        founded: set[str] = set()
        more = True
        while more:
            more = False
            for identifier, pin in pins.items():
                if identifier in founded or identifier not in met:
                    continue
                needs = [*met[identifier], *self._constraints.get(pin.name, ())]
                if self._is_held_back(pin) and not self._admission.admits(pin, needs):
                    continue
                if isinstance(pin, ExtraCandidate) and pin.name not in founded:
                    continue
                founded.add(identifier)
                more = True
                for need in self.get_dependencies(pin):
                    met.setdefault(need.identifier, []).append(need)
        return [pin for pin in held_back if pin.identifier not in founded]

    def ancestors(self, candidates: Iterable[Candidate]) -> set[NormalizedName]:
        """The projects whose other versions might be a ground for some candidates; and their own."""
        return self._late.ancestors(candidate.name for candidate in candidates)

    def begin(self) -> None:
        """A search begins; what earlier ones met is kept."""
        self._late.begin()

    def has_missed(self) -> bool:
        """Whether the search asked for candidates too early: needs met since then could let more in."""
        return self._late.has_grown()

    def may_grow(self, name: NormalizedName, needs: Sequence[Need]) -> bool:
        """Whether needs not met yet might let more in of what satisfies some needs of a project."""
        return self._late.may_grow(name, needs)

    def _is_held_back(self, pin: Candidate) -> TypeGuard[WheelCandidate]:
        if not isinstance(pin, WheelCandidate) or not self._admission.is_held_back(pin):
            return False
        installed = self._candidate_finder.installed(pin.name) if self._options.choose_again else None
        # What is installed keeps its version, whatever let that in.
        return installed is None or installed.version != pin.version

    def expect(self, needs: Iterable[Need]) -> None:
        """Have asked ahead what these needs will need, unless what is installed will do."""
        self._candidate_finder.expect(
            (need.name, need.specifier)
            for need in needs
            if isinstance(need, ProjectRequirement)
            and not need.url
            and not need.extra
            and (need.name in self._options.upgrade or self._installed_match(need.name, [need]) is None)
        )

    def _other_backend(self, candidate: Candidate) -> BackendRequirement | None:
        """The backend that a wheel needs, where another one is chosen already."""
        if not isinstance(candidate, WheelCandidate) or not candidate.wheel.link.backend:
            return None
        need = self._candidate_finder.backends.need_of(candidate)
        pin = self._pins.get(need.identifier) if need is not None else None
        return need if need is not None and pin is not None and not need.is_satisfied_by(pin) else None

    def _extra_of(self, base: BaseCandidate, extra: NormalizedName) -> ExtraCandidate:
        return self._extras.setdefault((id(base), extra), ExtraCandidate(base, extra))

    def _base_matches(self, name: NormalizedName, needs: Sequence[Need]) -> Iterator[BaseCandidate]:
        needs = [*needs, *self._constraints.get(name, ())]
        for need in needs:
            if isinstance(need, ExtraBaseRequirement):
                if all(other.is_satisfied_by(need.candidate) for other in needs):
                    yield need.candidate
                return
        urls = {need.url for need in needs if isinstance(need, ProjectRequirement) and need.url}
        if urls:
            yield from self._direct_matches(name, urls, needs)
            return
        self._demand_hashes(name)
        installed = self._installed_match(name, needs)
        found = self._candidate_finder.backends.in_order(
            name, self._admission.candidates(name, needs), self._pins
        )
        upgrade = name in self._options.upgrade
        if installed is not None and self._options.choose_again and not upgrade:
            asked = (
                name in self._order or self._candidate_finder.backends.label_of(installed.package) is not None
            )
            here = self._candidate_finder.candidates_if_any(name, installed.version) if asked else ()
            if here:
                yield from (installed if is_same(candidate, installed) else candidate for candidate in here)
                yield from (candidate for candidate in found if candidate.version != installed.version)
                return
        given: set[int] = set()
        for base in with_installed(found, installed, upgrade=upgrade):
            given.add(id(base))
            yield base
        yield from (late for late in self._late.candidates(name, needs) if id(late) not in given)

    def _looking_ahead(self, found: Iterator[BaseCandidate], refused: int) -> Iterator[BaseCandidate]:
        """Once candidates are turned away, METADATA of the next ones is asked for in growing numbers."""
        size = min(refused + 1, _MOST_AHEAD)
        while group := list(islice(found, size)):
            if len(group) > 1:
                self._candidate_finder.expect_metadata(
                    base
                    for base in group
                    if isinstance(base, WheelCandidate) and self._other_backend(base) is None
                )
            yield from group
            size = min(size * 2, _MOST_AHEAD)

    def _direct_matches(
        self, name: NormalizedName, urls: set[str], needs: Sequence[Need]
    ) -> Iterator[BaseCandidate]:
        if len(urls) > 1:
            return
        (url,) = urls
        installed = self._installed_match(name, needs)
        if installed is not None and self._candidate_finder.is_unchanged(installed, url):
            yield installed
            return
        candidate = self._candidate_finder.direct(url, name)
        if all(need.is_satisfied_by(candidate) for need in needs):
            yield candidate

    def _installed_match(self, name: NormalizedName, needs: Sequence[Need]) -> InstalledCandidate | None:
        if self._options.reinstall:
            return None
        candidate = self._candidate_finder.installed(name)
        if candidate is None or not all(need.is_satisfied_by(candidate) for need in needs):
            return None
        return candidate

    def _demand_hashes(self, name: NormalizedName) -> None:
        if self._options.require_hashes and not self._candidate_finder.hashes(name):
            raise HashesError(
                f"--require-hashes: there is no hash for {name}",
                hint=f"List it in a requirements file as '{name}==VERSION --hash=sha256:DIGEST'.",
            )


def _parts(identifier: str) -> tuple[NormalizedName, NormalizedName | None]:
    """The project, and the extra if it is one: needs may be gone, the identifier is always there."""
    name, bracket, rest = identifier.partition("[")
    return NormalizedName(name), NormalizedName(rest.removesuffix("]")) if bracket else None
