"""Sets of choices that cannot be made together, and why: what the search knows, and what it learns.

The words are those of PubGrub (N. Weizenbaum, "PubGrub: Next-Generation Version Solving", 2018; the guide of
pubgrub-rs). A *term* is a package with a set of candidates, an integer whose bits are places of its domain.
An *incompatibility* is a set of terms which are never all true. Place 0 is "not in the plan", so that "needs
q>=2" is the incompatibility of a candidate with every value of q outside of ``>=2``, its absence among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from variantctl.values import dataclass

if TYPE_CHECKING:
    from variantctl.resolve.candidates import Candidate
    from variantctl.resolve.needs import Need


class Package:
    """A project, an extra of one, or the choice among the backends of a source.

    Attributes:
        identifier: what the search knows it by.
        name: the project.
        base: of an extra the project.
        place: the candidate that was decided on; ``None``: none yet.
        masks: the sets of what was left of its candidates, the latest last; at first everything.
        marks: for each of ``masks`` the place on the trail of the assignment that made it.
        incompatibilities: those that have a term of it.
    """

    __slots__ = ("base", "identifier", "incompatibilities", "marks", "masks", "name", "place")

    def __init__(self, identifier: str, name: NormalizedName, base: Package | None = None) -> None:
        self.identifier = identifier
        self.name = name
        self.base = base
        self.place: int | None = None
        self.masks = [-1]
        self.marks = [-1]
        self.incompatibilities: list[Incompatibility] = []

    @property
    def left(self) -> int:
        """What is left of its candidates."""
        return self.masks[-1]

    def since(self, mask: int) -> int:
        """The place on the trail since which everything left is in a set; -1: from the beginning."""
        masks = self.masks
        at = len(masks) - 1
        while at and not masks[at - 1] & ~mask:
            at -= 1
        return self.marks[at]


@dataclass(frozen=True, eq=False)
class Required:
    """A need: of the user (``parent`` is ``None``) or of candidates of a package, of which one is named."""

    need: Need
    parent: Candidate | None = None


@dataclass(frozen=True, eq=False)
class Limited:
    """A constraint, which holds where the project occurs."""

    need: Need


@dataclass(frozen=True, eq=False)
class Unusable:
    """Candidates without a wheel that can be taken."""

    package: Package


@dataclass(frozen=True, eq=False)
class HeldBack:
    """What is left may be taken only where something asks for it, and nothing that was decided does.

    Attributes:
        package: the project.
        assumed: that nothing would that was not met yet, either.
    """

    package: Package
    assumed: bool = False


@dataclass(frozen=True, eq=False)
class Same:
    """An extra is one of the very candidate of its project; a wheel is what is installed."""


@dataclass(frozen=True, eq=False)
class Derived:
    """What follows from two others."""

    one: Incompatibility
    other: Incompatibility


Cause = Required | Limited | Unusable | HeldBack | Same | Derived


_NUMBERS = count()


class Incompatibility:
    """Terms that are never all true.

    Attributes:
        terms: package -> the set of its candidates. It grows where more candidates turn out to need the same.
        cause: why.
        number: those that were known earlier have a lower one.
    """

    __slots__ = ("cause", "number", "terms")

    def __init__(self, terms: dict[Package, int], cause: Cause) -> None:
        self.terms = terms
        self.cause = cause
        self.number = next(_NUMBERS)

    def leaves(self) -> list[Incompatibility]:
        """What it follows from in the end, each once; what was known first goes first."""
        found = [one for one in self.steps() if not isinstance(one.cause, Derived)]
        return sorted(found, key=lambda one: one.number)

    def steps(self) -> Iterator[Incompatibility]:
        """Everything that it follows from, each once, and after what that follows from; itself last."""
        done: set[int] = set()
        pending = [self]
        while pending:
            one = pending[-1]
            parts = [one.cause.one, one.cause.other] if isinstance(one.cause, Derived) else []
            missing = [part for part in parts if id(part) not in done]
            if missing:
                pending += reversed(missing)
                continue
            pending.pop()
            if id(one) not in done:
                done.add(id(one))
                yield one
