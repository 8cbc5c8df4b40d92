"""The delegate that answers resolvelib: what could satisfy a need, what comes first, what that needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version
from resolvelib.providers import AbstractProvider

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
from variantctl.resolve.late import Late
from variantctl.resolve.needs import (
    AbiNeed,
    BackendNeed,
    ImpossibleNeed,
    Need,
    ProjectNeed,
    SameNeed,
    backend_matches,
    is_pin,
)
from variantctl.resolve.stock import Stock

if TYPE_CHECKING:
    from resolvelib.structs import RequirementInformation

    Information = RequirementInformation[Need, Candidate]

_MOST_AHEAD = 16


@dataclass(frozen=True)
class SearchOptions:
    """What the user said about the search.

    Attributes:
        pre: take pre-releases as if they were releases.
        no_deps: take only what was asked for.
        require_hashes: every project must have hashes.
        reinstall: what is installed does not count.
        upgrade: the projects whose newest version is wanted, installed or not.
        choose_again: what is installed keeps its version, and its variant only if that is still the choice:
            for a machine that was named (``--profile``) rather than the one it was installed on.
        preferred: versions that go before newer ones: those of a lock file.
    """

    pre: bool = False
    no_deps: bool = False
    require_hashes: bool = False
    reinstall: bool = False
    upgrade: frozenset[NormalizedName] = field(default_factory=frozenset)
    choose_again: bool = False
    preferred: Mapping[NormalizedName, Version] = field(default_factory=dict)


class Provider(AbstractProvider[Need, Candidate, str]):
    """Versions newest first, and within a version its compatible variants, best first.

    Args:
        stock: what can be had.
        constraints: project -> needs that hold wherever the project occurs.
        order: identifier -> its place on the command line.
        options: what the user said about the search.
        late: whether to go on to candidates that only a need met later lets in (see :mod:`.late`).

    Attributes:
        dependencies: what candidates need.
    """

    def __init__(
        self,
        stock: Stock,
        constraints: Mapping[NormalizedName, Sequence[ProjectNeed]],
        order: Mapping[str, int],
        options: SearchOptions,
        *,
        late: bool = True,
    ) -> None:
        self.dependencies = Dependencies(stock, no_deps=options.no_deps)
        self._late = Late(stock) if late else None
        self._let_in: dict[int, WheelCandidate] = {}
        self._stock = stock
        self._constraints = constraints
        self._order = order
        self._options = options
        self._known_needs: dict[int, tuple[Candidate, list[Need]]] = {}
        self._pins: Mapping[str, Candidate] = {}
        self._extras: dict[tuple[int, NormalizedName], ExtraCandidate] = {}
        self._fitting: dict[
            tuple[NormalizedName, frozenset[str], bool], tuple[list[Version], list[Version]]
        ] = {}

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
        specifiers = [need.specifier for need in needs if isinstance(need, ProjectNeed)]
        operators = {part.operator for specifier in specifiers for part in specifier}
        return (
            not any(isinstance(need, BackendNeed) for need in needs),
            not any(isinstance(need, ProjectNeed) and need.url for need in needs),
            not (any(map(is_pin, specifiers)) or any(isinstance(need, SameNeed) for need in needs)),
            not operators & {"<", "<=", "~=", "=="} and not any(isinstance(need, AbiNeed) for need in needs),
            self._stock.backends.rank(_parts(identifier)[0]),
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
        if any(isinstance(need, ImpossibleNeed) for need in needs):
            return []
        if any(isinstance(need, BackendNeed) for need in needs):
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
            if self._late is not None:
                self._late.meet(needs)
            # The candidate is kept with its needs: its id must not be used again.
            known = self._known_needs[id(candidate)] = (candidate, needs)
            self.expect(needs)
        return known[1]

    def stands(self, roots: Iterable[Need], pins: Mapping[str, Candidate]) -> bool:
        """Whether every candidate that was let in by a need met later is still needed in that way."""
        late = [self._let_in[id(pin)] for pin in pins.values() if id(pin) in self._let_in]
        if not late:
            return True
        needs = [*roots, *(need for candidate in pins.values() for need in self.get_dependencies(candidate))]
        return all(
            self._stands(candidate, [need for need in needs if need.identifier == candidate.identifier])
            for candidate in late
        )

    def _stands(self, candidate: WheelCandidate, needs: Sequence[Need]) -> bool:
        if candidate.url is not None:
            return any(isinstance(need, ProjectNeed) and need.url == candidate.url for need in needs)
        needs = [*needs, *self._constraints.get(candidate.name, ())]
        return any(found is candidate for found in self._index_matches(candidate.name, needs))

    def expect(self, needs: Iterable[Need]) -> None:
        """Have asked ahead what these needs will need, unless what is installed will do."""
        self._stock.expect(
            (need.name, need.specifier)
            for need in needs
            if isinstance(need, ProjectNeed)
            and not need.url
            and not need.extra
            and (need.name in self._options.upgrade or self._installed_match(need.name, [need]) is None)
        )

    def _other_backend(self, candidate: Candidate) -> BackendNeed | None:
        """The backend that a wheel needs, where another one is chosen already."""
        if not isinstance(candidate, WheelCandidate) or not candidate.wheel.link.backend:
            return None
        need = self._stock.backends.need_of(candidate)
        pin = self._pins.get(need.identifier) if need is not None else None
        return need if need is not None and pin is not None and not need.is_satisfied_by(pin) else None

    def _extra_of(self, base: BaseCandidate, extra: NormalizedName) -> ExtraCandidate:
        return self._extras.setdefault((id(base), extra), ExtraCandidate(base, extra))

    def _base_matches(self, name: NormalizedName, needs: Sequence[Need]) -> Iterator[BaseCandidate]:
        needs = [*needs, *self._constraints.get(name, ())]
        for need in needs:
            if isinstance(need, SameNeed):
                if all(other.is_satisfied_by(need.candidate) for other in needs):
                    yield need.candidate
                return
        urls = {need.url for need in needs if isinstance(need, ProjectNeed) and need.url}
        if urls:
            yield from self._direct_matches(name, urls, needs)
            return
        self._demand_hashes(name)
        installed = self._installed_match(name, needs)
        found = self._stock.backends.in_order(name, self._index_matches(name, needs), self._pins)
        upgrade = name in self._options.upgrade
        if installed is not None and self._options.choose_again and not upgrade:
            asked = name in self._order or self._stock.backends.label_of(installed.package) is not None
            here = self._stock.candidates_if_any(name, installed.version) if asked else ()
            if here:
                yield from (installed if is_same(candidate, installed) else candidate for candidate in here)
                yield from (candidate for candidate in found if candidate.version != installed.version)
                return
        given: set[int] = set()
        for base in with_installed(found, installed, upgrade=upgrade):
            given.add(id(base))
            yield base
        for candidate in self._late.candidates(name, needs) if self._late else ():
            if id(candidate) not in given:
                self._let_in[id(candidate)] = candidate
                yield candidate

    def _looking_ahead(self, found: Iterator[BaseCandidate], refused: int) -> Iterator[BaseCandidate]:
        """Once candidates are turned away, METADATA of the next ones is asked for in growing numbers."""
        size = min(refused + 1, _MOST_AHEAD)
        while group := list(islice(found, size)):
            if len(group) > 1:
                self._stock.expect_metadata(
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
        if installed is not None and self._stock.is_unchanged(installed, url):
            yield installed
            return
        candidate = self._stock.direct(url, name)
        if all(need.is_satisfied_by(candidate) for need in needs):
            yield candidate

    def _installed_match(self, name: NormalizedName, needs: Sequence[Need]) -> InstalledCandidate | None:
        if self._options.reinstall:
            return None
        candidate = self._stock.installed(name)
        if candidate is None or not all(need.is_satisfied_by(candidate) for need in needs):
            return None
        return candidate

    def _index_matches(self, name: NormalizedName, needs: Sequence[Need]) -> Iterator[WheelCandidate]:
        """Pre-releases come only where they are asked for or where there is nothing else (PEP 440)."""
        releases, others, pinned = self._versions(name, needs)
        found = False
        for version in releases:
            for candidate in self._of_version(name, version, needs, pinned):
                found = True
                yield candidate
        if not found:
            for version in others:
                yield from self._of_version(name, version, needs, pinned)

    def _of_version(
        self, name: NormalizedName, version: Version, needs: Sequence[Need], pinned: bool
    ) -> Iterable[WheelCandidate]:
        candidates = self._stock.candidates(name, version)
        if not candidates and pinned:
            candidates = self._stock.candidates(name, version, allow_yanked=True)
        if not any(candidate.wheel.link.backend for candidate in candidates):
            return candidates
        if not (self._options.choose_again or self._options.reinstall):
            candidates = self._stock.backends.like_installed(name, candidates, self._options.upgrade)
        return [
            candidate for candidate in candidates if all(need.is_satisfied_by(candidate) for need in needs)
        ]

    def _versions(
        self, name: NormalizedName, needs: Sequence[Need]
    ) -> tuple[list[Version], list[Version], bool]:
        """Allowed versions, newest first: those to take, those if there are no others; and is one pinned."""
        key = (name, frozenset(str(need) for need in needs), self._options.pre)
        specifier = SpecifierSet()
        for need in needs:
            if isinstance(need, ProjectNeed):
                specifier &= need.specifier
        pinned = is_pin(specifier)
        known = self._fitting.get(key)
        if known is None:
            allowed = self._stock.allowed(name, needs)
            if (preferred := self._options.preferred.get(name)) is not None:
                allowed.sort(key=lambda version: preferred not in self._stock.spellings(name, version))
            if self._options.pre or specifier.prereleases:
                known = allowed, []
            else:
                known = (
                    [version for version in allowed if not version.is_prerelease],
                    [version for version in allowed if version.is_prerelease],
                )
            self._fitting[key] = known
        return (*known, pinned)

    def _demand_hashes(self, name: NormalizedName) -> None:
        if self._options.require_hashes and not self._stock.hashes(name):
            raise HashesError(
                f"--require-hashes: there is no hash for {name}",
                hint=f"List it in a requirements file as '{name}==VERSION --hash=sha256:DIGEST'.",
            )


def _parts(identifier: str) -> tuple[NormalizedName, NormalizedName | None]:
    """The project, and the extra if it is one: needs may be gone, the identifier is always there."""
    name, bracket, rest = identifier.partition("[")
    return NormalizedName(name), NormalizedName(rest.removesuffix("]")) if bracket else None
