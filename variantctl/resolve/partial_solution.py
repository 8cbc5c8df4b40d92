"""What is known of each package while the search goes on: what is left of its candidates, and since when."""

from __future__ import annotations

from typing import NamedTuple

from packaging.utils import NormalizedName

from variantctl.resolve.domain import ABSENT
from variantctl.resolve.incompatibility import Derived, Incompatibility, Package


class Step(NamedTuple):
    """A step of what a conflict teaches.

    Attributes:
        incompatibility: what follows.
        package: whose assignment made it true.
    """

    incompatibility: Incompatibility
    package: Package


class PartialSolution:
    """The trail of assignments: decisions, one for each level, and what follows from them.

    Attributes:
        level: how many decisions stand.
        open: the packages that are needed, and of which nothing is decided.
        changed: those of which more, or less, is ruled out than when this was last emptied.
        has_gone_back: whether a decision was ever taken back.
    """

    def __init__(self) -> None:
        self.level = 0
        self.open: dict[Package, None] = {}
        self.changed: set[Package] = set()
        self.has_gone_back = False
        self._trail: list[tuple[Package, Incompatibility | None, int]] = []
        self._stack: list[Package] = []

    def decide(self, package: Package, place: int) -> None:
        """Let a candidate stand."""
        self.level += 1
        package.place = place
        del self.open[package]
        self._assign(package, 1 << place, None)

    def add(self, incompatibility: Incompatibility) -> Incompatibility | None:
        """Take on an incompatibility; given back where all its terms are true already: a conflict."""
        self.put(incompatibility)
        return self.check(incompatibility)

    def put(self, incompatibility: Incompatibility) -> None:
        """Take on an incompatibility, and look at it when one of its packages is propagated; the newest is
        looked at first."""
        for package in incompatibility.terms:
            package.incompatibilities.append(incompatibility)

    def renew(self, incompatibility: Incompatibility) -> None:
        """Let one that was taken on before be the newest."""
        for package in incompatibility.terms:
            package.incompatibilities.remove(incompatibility)
        self.put(incompatibility)

    def speaks_against(self, incompatibility: Incompatibility, package: Package, place: int) -> bool:
        """Whether all terms of an incompatibility would be true, were a candidate decided on."""
        return all(
            not (1 << place if other is package else other.masks[-1]) & ~mask
            for other, mask in incompatibility.terms.items()
        )

    def touch(self, package: Package) -> None:
        """Look at the incompatibilities of a package when ``propagate`` is called."""
        if not self._stack or self._stack[-1] is not package:
            self._stack.append(package)

    def check(self, incompatibility: Incompatibility) -> Incompatibility | None:
        """Derive what follows from one incompatibility now; given back where it is a conflict."""
        open_one: Package | None = None
        for package, mask in incompatibility.terms.items():
            left = package.masks[-1]
            if not left & ~mask:
                continue
            if not left & mask or open_one is not None:
                return None
            open_one = package
        if open_one is None:
            return incompatibility
        self.derive(open_one, incompatibility)
        return None

    def derive(self, package: Package, incompatibility: Incompatibility) -> None:
        """What an incompatibility of which all other terms are true rules out."""
        self._assign(package, package.masks[-1] & ~incompatibility.terms[package], incompatibility)

    def propagate(self) -> Incompatibility | None:
        """Derive all that follows; the incompatibility that is a conflict, if one is."""
        stack = self._stack
        while stack:
            package = stack.pop()
            masks = package.masks
            for incompatibility in reversed(package.incompatibilities):
                # Where it rules out what is gone anyway, nothing follows.
                if masks[-1] & incompatibility.terms[package] and self.check(incompatibility) is not None:
                    stack.clear()
                    return incompatibility
        return None

    def back_to(self, level: int) -> list[tuple[Package, int]]:
        """Take back everything of later levels; the decisions that fall, the latest first."""
        self.has_gone_back = True
        fallen = []
        trail = self._trail
        while trail and trail[-1][2] > level:
            package, cause, _ = trail.pop()
            package.masks.pop()
            package.marks.pop()
            self.changed.add(package)
            if cause is None:
                assert package.place is not None
                fallen.append((package, package.place))
                package.place = None
                self.open[package] = None
            if package.masks[-1] & ABSENT:
                self.open.pop(package, None)
        self.level = level
        self._stack.clear()
        return fallen

    def cause_of(self, package: Package) -> Incompatibility:
        """What made the latest assignment of a package, which was no decision."""
        cause = self._trail[package.marks[-1]][1]
        assert cause is not None
        return cause

    def level_of(self, package: Package) -> int:
        """The level of a package's decision."""
        return self._trail[package.marks[-1]][2]

    def met_at(self, package: Package) -> int:
        """The level at which a package was met: when first anything was ruled out of it."""
        return self._level_at(package.marks[1])

    def learn(self, conflict: Incompatibility) -> tuple[list[Step], int]:
        """What a conflict teaches, step by step, and on which level the last step decides something new.

        Where there is no solution the last step has an incompatibility without terms.
        """
        steps: list[Step] = []
        while True:
            package, at, before = self._satisfier(conflict)
            if package is None:
                return [*steps, Step(conflict, Package("", NormalizedName("")))], 0
            _, cause, level = self._trail[at]
            # Before the package was met there is nothing to decide about it.
            before = max(before, self.met_at(package))
            if cause is not None:
                together = conflict.terms[package] | cause.terms[package]
                before = max(before, self._level_at(package.since(together)))
            if cause is None or before < level:
                return [*steps, Step(conflict, package)], before
            conflict = _resolved(conflict, cause, package)
            steps.append(Step(conflict, package))

    def _satisfier(self, conflict: Incompatibility) -> tuple[Package | None, int, int]:
        """What made the last term true, its place on the trail, and the level before that."""
        last: Package | None = None
        at, second = -1, -1
        for package, mask in conflict.terms.items():
            since = package.since(mask)
            if since > at or last is None:
                last, at, second = package, since, at
            elif since > second:
                second = since
        return last, at, self._level_at(second)

    def _level_at(self, at: int) -> int:
        return self._trail[at][2] if at >= 0 else 0

    def _assign(self, package: Package, mask: int, cause: Incompatibility | None) -> None:
        if not mask & ABSENT and package.place is None:
            self.open[package] = None
        package.masks.append(mask)
        package.marks.append(len(self._trail))
        self._trail.append((package, cause, self.level))
        self.changed.add(package)
        self.touch(package)


def _resolved(conflict: Incompatibility, cause: Incompatibility, package: Package) -> Incompatibility:
    """What follows from two incompatibilities of a package, one of which must be avoided by it."""
    terms = dict(conflict.terms)
    for other, mask in cause.terms.items():
        if other is package:
            mask = mask | terms[package]
        elif other in terms:
            mask = mask & terms[other]
        terms[other] = mask
    if terms[package] == -1:
        del terms[package]
    return Incompatibility(terms, Derived(conflict, cause))
