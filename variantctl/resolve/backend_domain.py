"""The backends of one source, as places in a row of bits: of which everything of the source is."""

from __future__ import annotations

from packaging.version import Version

from variantctl.resolve.candidates import BackendCandidate
from variantctl.resolve.domain import ABSENT, places
from variantctl.resolve.needs import BackendRequirement, Need


class BackendDomain:
    """The backends met so far; more may come, and keep the places of those that are there.

    Place 1 is for what is installed and does not say what it is of.

    Attributes:
        identifier: of the choice, as the search knows it.
    """

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier
        self._labels: list[str | None] = [None]
        self._unsaid: list[BackendRequirement] = []
        self._candidates: dict[int, BackendCandidate] = {}
        self._masks: dict[int, tuple[Need, int]] = {}

    def mask(self, need: Need) -> int:
        """The places of the backends that a need lets in."""
        assert isinstance(need, BackendRequirement)
        if need.label is not None:
            return self._named(need.label)
        known = self._masks.get(id(need))
        if known is None:
            # The need is kept with its places: its id must not be used again.
            known = self._masks[id(need)] = (need, self._unnamed(need))
        return known[1]

    def candidate(self, place: int) -> BackendCandidate:
        """The backend at a place."""
        if place not in self._candidates:
            self._candidates[place] = BackendCandidate(self.identifier, self._labels[place - 1])
        return self._candidates[place]

    def choose(self, left: int) -> int:
        """A named backend before what is not said."""
        found = list(places(left & ~ABSENT))
        return found[1] if found[0] == 1 and found[1:] else found[0]

    def versions_in(self, mask: int) -> list[Version]:
        """None: a backend has no version."""
        return []

    def _named(self, label: str) -> int:
        agree = bool(self._unsaid) and all(_label_of(other) == label for other in self._unsaid)
        return 1 << self._place(label) | (2 if agree else 0)

    def _unnamed(self, need: BackendRequirement) -> int:
        self._unsaid.append(need)
        mask = 2
        if self._labels[1:]:
            real = _label_of(need)
            mask |= 1 << self._place(real) if real in self._labels[1:] else 0
        return mask

    def _place(self, label: str | None) -> int:
        if label not in self._labels:
            self._labels.append(label)
        return self._labels.index(label) + 1


def _label_of(need: BackendRequirement) -> str | None:
    """What an installed package is of that does not say it."""
    return need.look_up() if need.look_up is not None else None
