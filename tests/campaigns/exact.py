"""Whether there is an answer at all: packages as clauses for an exact solver (python-sat)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.campaigns.packages import Case


class Exact:
    """A case as clauses: one variable for each release, one for each extra of a project.

    Knows releases without pre-releases and yanks; what nobody needs may be in its answer or not.
    """

    def __init__(self, case: Case, markers: Mapping[str, str]) -> None:
        self._markers = dict(markers)
        self._variables: dict[object, int] = {}
        self.clauses: list[list[int]] = []
        self._versions: dict[str, list[str]] = {}
        for name, version in case.releases:
            self._versions.setdefault(name, []).append(version)
        for name, versions in self._versions.items():
            places = [self._variable(name, version) for version in versions]
            self.clauses += [[-one, -other] for one, other in combinations(places, 2)]
        for root in case.roots:
            self._need([], root)
        for (name, version), release in case.releases.items():
            chosen = -self._variable(name, version)
            for text in release.requires:
                self._need([chosen], text)
            for extra, texts in release.extras.items():
                for text in texts:
                    self._need([chosen, -self._variable(name, f"[{extra}]")], text)

    def has_answer(self) -> bool:
        """Whether all of it can be satisfied."""
        from pysat.solvers import Solver

        with Solver(name="cadical153", bootstrap_with=self.clauses) as solver:
            return bool(solver.solve())

    def _need(self, unless: list[int], text: str) -> None:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({**self._markers, "extra": ""}):
            return
        name = str(canonicalize_name(requirement.name))
        fitting = [
            self._variable(name, version)
            for version in self._versions.get(name, ())
            if requirement.specifier.contains(version, prereleases=True)
        ]
        self.clauses.append([*unless, *fitting])
        self.clauses += [[*unless, self._variable(name, f"[{extra}]")] for extra in requirement.extras]

    def _variable(self, name: str, version: str) -> int:
        return self._variables.setdefault((name, version), len(self._variables) + 1)
