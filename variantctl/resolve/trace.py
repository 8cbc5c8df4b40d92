"""Why the better variants of a version were given up: their needs, and what is against those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.needs import (
    BackendRequirement,
    ExtraBaseRequirement,
    ImpossibleRequirement,
    Need,
    backend_matches,
)

_DEEPEST = 4
_Needs = Callable[[Candidate], Sequence[Need] | None]


class Trace:
    """The candidates that were found, and the needs of those that were looked at.

    Args:
        roots: the user's own needs.
        pins: identifier -> candidate, as the search ended.
        needs_of: the needs of a candidate; ``None`` where it was not looked at.
        can_be_had: whether anything satisfies a need by itself.
        looked_at: the candidates for a need of which the needs are known, the preferred first.
    """

    def __init__(
        self,
        roots: Iterable[Need],
        pins: Mapping[str, Candidate],
        needs_of: _Needs,
        can_be_had: Callable[[Need], bool],
        looked_at: Callable[[Need], Iterable[Candidate]],
    ) -> None:
        self._pins = pins
        self._looked_at = looked_at
        self._needs_of = needs_of
        self._can_be_had = can_be_had
        self._asked: dict[str, list[tuple[Need, Candidate | None]]] = {}
        for root in roots:
            self._asked.setdefault(root.identifier, []).append((root, None))
        for pin in pins.values():
            for need in needs_of(pin) or ():
                self._asked.setdefault(need.identifier, []).append((need, pin))

    def why_rejected(self, candidate: Candidate, depth: int = 0) -> str | None:
        """The clause that says what speaks against a candidate, or ``None`` where nothing is known to."""
        needs = self._needs_of(candidate)
        told = (self._against(need, candidate, depth) for need in needs or ())
        return next((words for words in told if words), None)

    def _against(self, need: Need, candidate: Candidate, depth: int) -> str | None:
        if isinstance(need, ImpossibleRequirement):
            return f"it {need.reason}"
        if isinstance(need, ExtraBaseRequirement):
            return None
        pin = self._pins.get(need.identifier)
        if pin is not None and pin.name != candidate.name and need.is_satisfied_by(pin):
            return None
        if not self._can_be_had(need):
            return f"it needs {need}, which cannot be had"
        others = [
            (other, parent)
            for other, parent in self._asked.get(need.identifier, ())
            if parent is None or parent.name != candidate.name
        ]
        against = [f"{who(parent, other)} {other}" for other, parent in others if _disagree(other, need, pin)]
        if against:
            return f"it needs {need}, but {against[0]}"
        if pin is None and depth < _DEEPEST:
            told = ((other, self.why_rejected(other, depth + 1)) for other in self._looked_at(need))
            other, why = next(((other, why) for other, why in told if why), (None, None))
            return f"it needs {need}, and of {other}: {why}" if why else None
        return None


def _disagree(other: Need, need: Need, pin: Candidate | None) -> bool:
    """Whether a need of the solution keeps another one from being met: what it lets in here is not enough."""
    if isinstance(need, BackendRequirement):
        return not backend_matches([other, need])
    return pin is not None and not need.is_satisfied_by(pin) and other.is_satisfied_by(pin)


def who(parent: Candidate | None, need: Need) -> str:
    """The beginning of a sentence that ends in a need: ``torch 2.10.0 (null) needs``."""
    return f"{need.origin or 'you'} asks for" if parent is None else f"{parent} needs"
