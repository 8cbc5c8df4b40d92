"""Under which other names a member of a family has to be found, so that whoever needs those is content.

Somebody requires ``onnxruntime``, and ``onnxruntime-gpu`` is installed: pip, uv and ``importlib.metadata``
look for the very name. The wheel is then installed with a ``dist-info`` of that name, too, which says what
stands in for it (:mod:`variantctl.install.stand_ins`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import BaseCandidate, InstalledCandidate, WheelCandidate, is_same
from variantctl.resolve.dependencies import Dependencies
from variantctl.resolve.plan import Solution
from variantctl.variants.errors import VariantctlError
from variantctl.variants.lenient import read_requirement


class StandIns:
    """The names of each family that a plan has a member of.

    Args:
        solution: what was found.
        dependencies: what its wheels require.
        candidate_finder: knows families, and what is installed.

    Attributes:
        bases: those of the solution. What is installed, and lacks a name that is needed now, is the same
            wheel once more, where that can be had.
    """

    def __init__(
        self, solution: Solution, dependencies: Dependencies, candidate_finder: CandidateFinder
    ) -> None:
        self._candidate_finder = candidate_finder
        self._families = candidate_finder.families
        members = {name for name in solution.bases if self._families.of(name) is not None}
        self._named: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in members}
        if members:
            for named in (*self._of_solution(solution, dependencies), *self._of_installed(solution)):
                self._named.get(self._families.identity(named), set()).add(named)
        self.bases: Mapping[NormalizedName, BaseCandidate] = {
            name: self._kept_or_again(base, dependencies) if name in members else base
            for name, base in solution.bases.items()
        }

    def names(self, identity: NormalizedName) -> tuple[NormalizedName, ...]:
        """The names that what is taken for an identity stands in for, beside its own."""
        base = self.bases[identity]
        if not isinstance(base, WheelCandidate) or identity not in self._named or base.url is not None:
            return ()
        backend = base.wheel.link.backend
        if backend is None or not backend.member:
            # A real variant of the identity's own name stands in for the names that are asked for.
            return tuple(sorted(self._named[identity] - {base.distribution}))
        # The identity's own name always: what is installed later by pip may need it.
        return tuple(sorted((self._named[identity] | {identity}) - {base.distribution}))

    def _of_solution(self, solution: Solution, dependencies: Dependencies) -> Iterator[NormalizedName]:
        yield from solution.named
        for name in solution.bases:
            for part in solution.parts(name):
                yield from (requirement.name for requirement in dependencies.applicable(part))

    def _of_installed(self, solution: Solution) -> Iterator[NormalizedName]:
        """What packages need that are there, and that the plan says nothing of."""
        for candidate in self._candidate_finder.everything_installed():
            if candidate.name in solution.bases:
                continue
            try:
                texts = candidate.package.requires()
                yield from _names(texts)
            except VariantctlError:
                continue  # what cannot be read asks for nothing; `doctor` says so

    def _kept_or_again(self, base: BaseCandidate, dependencies: Dependencies) -> BaseCandidate:
        if not isinstance(base, InstalledCandidate):
            return base
        there = self._candidate_finder.present.of(base.name)
        missing = self._named[base.name] - {package.name for package in there}
        if not missing:
            return base
        for candidate in self._candidate_finder.candidates_if_any(base.name, base.version):
            if is_same(candidate, base):
                return candidate
        return base


def _names(requirements: Iterable[str]) -> Iterator[NormalizedName]:
    for text in requirements:
        yield read_requirement(text).requirement.name
