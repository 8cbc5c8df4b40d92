"""The proof that there is no solution, as the needs it rests on and as sentences."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.domain import ABSENT
from variantctl.resolve.incompatibility import (
    Derived,
    HeldBack,
    Incompatibility,
    Limited,
    Package,
    Required,
    Same,
    Unusable,
)
from variantctl.resolve.needs import ExtraBaseRequirement, ImpossibleRequirement
from variantctl.resolve.provider import Provider
from variantctl.resolve.ranges import told
from variantctl.resolve.trace import who

_MOST_STEPS = 10


class Proof:
    """Why nothing satisfies everything.

    Args:
        end: an incompatibility without terms.
        provider: knows the versions that its sets stand for.

    Attributes:
        needs: those that it rests on, in the order of the proof, of the user and of candidates.
        limits: the constraints that it rests on.
        held_back: what might do, and that nothing asks for it.
    """

    def __init__(self, end: Incompatibility, provider: Provider) -> None:
        self._end = end
        self._provider = provider
        self._leaves = end.leaves()
        causes = [leaf.cause for leaf in self._leaves]
        self.needs = [cause for cause in causes if isinstance(cause, Required)]
        self.limits = [cause.need for cause in causes if isinstance(cause, Limited)]
        self.held_back = [self.words(leaf) for leaf in self._leaves if isinstance(leaf.cause, HeldBack)]

    @property
    def assumes(self) -> bool:
        """Whether it rests on an assumption (``HeldBack.assumed``)."""
        return any(isinstance(leaf.cause, HeldBack) and leaf.cause.assumed for leaf in self._leaves)

    @property
    def at_odds(self) -> list[Required]:
        """The needs that meet what cannot be had together with them; the others only lead there."""
        met: dict[str, list[Required]] = {}
        for one in self.needs:
            met.setdefault(one.need.identifier, []).append(one)
        needing = {one.parent.identifier for one in self.needs if one.parent is not None}
        return [
            one
            for one in self.needs
            if one.need.identifier not in needing or len(met[one.need.identifier]) > 1
        ]

    @property
    def is_simple(self) -> bool:
        """Whether each package occurs with one set of candidates, so that its needs all hold at once."""
        pairs = [
            (one.parent.identifier if one.parent else "", one.need.identifier)
            for one in self.needs
            if not isinstance(one.need, ImpossibleRequirement)
        ]
        parents = [
            (one.parent.identifier, self.versions_of(one)) for one in self.needs if one.parent is not None
        ]
        return len(pairs) == len(set(pairs)) and len({name for name, _ in parents}) == len(set(parents))

    def versions_of(self, required: Required) -> str:
        """The versions of the parent that have a need, in words."""
        if required.parent is None:
            return ""
        leaf = next(leaf for leaf in self._leaves if leaf.cause is required)
        identifier = required.parent.identifier
        package = next(package for package in leaf.terms if package.identifier == identifier)
        return self._versions(package, leaf.terms[package])

    def subject(self, required: Required) -> str:
        """The beginning of a sentence that ends in a need: ``app >=1.0 needs``."""
        if required.parent is None:
            return who(None, required.need)
        leaf = next(leaf for leaf in self._leaves if leaf.cause is required)
        identifier = required.parent.identifier
        package = next(package for package in leaf.terms if package.identifier == identifier)
        return f"{self._candidates(package, leaf.terms[package], required.parent)} needs"

    def chain(self, parent: Candidate | None) -> list[Required]:
        """From what the user asked for down to a candidate: what leads to it."""
        links: list[Required] = []
        seen: set[str] = set()
        while parent is not None and parent.identifier not in seen:
            seen.add(parent.identifier)
            asked = [one for one in self.needs if one.need.identifier == parent.identifier]
            asked.sort(key=lambda one: one.parent is not None)
            if not asked:
                break
            if not isinstance(asked[0].need, ExtraBaseRequirement):
                links.append(asked[0])
            parent = asked[0].parent
        return links[::-1]

    def sentences(self) -> list[str]:
        """The derivation in words, one step a line; of a long one, the last steps."""
        steps = [one for one in self._end.steps() if isinstance(one.cause, Derived)]
        lines = []
        for step in steps:
            cause = step.cause
            assert isinstance(cause, Derived)
            reasons = [self.words(one) for one in (cause.one, cause.other) if self.words(one)]
            conclusion = self.words(step)
            if reasons and conclusion not in reasons:
                lines.append(f"because {' and '.join(reasons)}, {conclusion}")
        if len(lines) > _MOST_STEPS:
            lines = [f"({len(lines) - _MOST_STEPS} steps before these are left out)", *lines[-_MOST_STEPS:]]
        return lines

    def words(self, one: Incompatibility) -> str:
        """What an incompatibility says; ``""`` for what goes without saying."""
        cause = one.cause
        if isinstance(cause, Required):
            if isinstance(cause.need, ImpossibleRequirement):
                return f"{cause.parent} {cause.need.reason}"
            alone = len(one.terms) == (cause.parent is not None)
            return f"{self.subject(cause)} {cause.need}" + (" (nothing satisfies that)" if alone else "")
        if isinstance(cause, Limited):
            return f"{cause.need.origin} allows only {cause.need}"
        if isinstance(cause, Unusable):
            return f"{self._set(cause.package, one.terms[cause.package])} has no wheel that can be taken"
        if isinstance(cause, HeldBack):
            return f"nothing asks for {self._set(cause.package, one.terms[cause.package])}"
        return "" if isinstance(cause, Same) else self._conclusion(one)

    def _conclusion(self, one: Incompatibility) -> str:
        positive = [(package, mask) for package, mask in one.terms.items() if not mask & ABSENT]
        negative = [(package, ~mask) for package, mask in one.terms.items() if mask & ABSENT]
        have = " and ".join(self._set(package, mask) for package, mask in positive)
        need = " or ".join(self._set(package, mask) for package, mask in negative)
        if not one.terms:
            return "what was asked for cannot be had"
        if not negative:
            return f"{have} cannot be taken" + (" together" if len(positive) > 1 else "")
        return f"{have} needs {need}" if positive else f"{need} is needed"

    def _set(self, package: Package, mask: int) -> str:
        versions = self._versions(package, mask)
        return f"{package.identifier} {versions}" if versions else package.identifier

    def _candidates(self, package: Package, mask: int, one: Candidate) -> str:
        if len(self._domain_versions(package, mask)) <= 1:
            return str(one)
        return self._set(package, mask)

    def _versions(self, package: Package, mask: int) -> str:
        if package.identifier[0] == "<":
            return ""
        domain = self._provider.domain(package.name)
        return told(self._domain_versions(package, mask), domain.versions_in(domain.all))

    def _domain_versions(self, package: Package, mask: int) -> Sequence[Version]:
        if package.identifier[0] == "<":
            return ()
        return self._provider.domain(package.name).versions_in(mask)
