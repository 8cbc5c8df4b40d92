"""What the search met on its way: enough to say afterwards why it ended where it did."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from resolvelib.reporters import BaseReporter

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.needs import ExtraBaseRequirement, ImpossibleRequirement, Need

if TYPE_CHECKING:
    from resolvelib.structs import RequirementInformation

    Information = RequirementInformation[Need, Candidate]


class Trace(BaseReporter[Need, Candidate, str]):
    """Records who needed what, and what turned candidates away."""

    def __init__(self) -> None:
        self._asked: dict[str, tuple[Need, Candidate | None]] = {}
        self._rejected: dict[int, list[Information]] = {}
        self._conflicts: list[list[Information]] = []

    def adding_requirement(self, requirement: Need, parent: Candidate | None) -> None:
        """Keep who asked for a project first; a user's own requirement is never forgotten."""
        identifier = requirement.identifier
        known = self._asked.get(identifier)
        if known is None or (parent is None and known[1] is not None):
            self._asked[identifier] = (requirement, parent)

    def reject(self, causes: Sequence[Information], candidate: Candidate) -> None:
        """A need of ``candidate``, the last of the causes, met what cannot be satisfied together with it."""
        self._rejected[id(candidate)] = list(causes)

    def give_up(self, candidate: Candidate | None, causes: Sequence[Information]) -> None:
        """``candidate`` was taken back, because something that followed from it had no solution."""
        self._rejected[id(candidate)] = list(causes)

    def resolving_conflicts(self, causes: Collection[Information]) -> None:
        """No candidate was left for something."""
        self._conflicts.append(list(causes))

    def chain(self, parent: Candidate | None) -> list[tuple[Need, Candidate | None]]:
        """From what the user asked for down to ``parent``: each need, and who has it."""
        links: list[tuple[Need, Candidate | None]] = []
        seen: set[str] = set()
        while parent is not None and parent.identifier not in seen:
            seen.add(parent.identifier)
            asked = self._asked.get(parent.identifier)
            if asked is None:
                break
            if not isinstance(asked[0], ExtraBaseRequirement):
                links.append(asked)
            parent = asked[1]
        return links[::-1]

    def why_rejected(self, candidate: Candidate) -> str | None:
        """The clause that says what turned a candidate away, or ``None`` where nothing did."""
        causes = self._rejected.get(id(candidate))
        if causes is None:
            causes = next(
                (found for found in reversed(self._conflicts) if self._concerns(found, candidate)), None
            )
        return _clause(causes) if causes else None

    def _concerns(self, causes: Sequence[Information], candidate: Candidate) -> bool:
        for cause in causes:
            parent, seen = cause.parent, set[str]()
            while parent is not None and parent.identifier not in seen:
                if parent is candidate:
                    return True
                seen.add(parent.identifier)
                parent = self._asked.get(parent.identifier, (None, None))[1]
        return False


def _clause(causes: Sequence[Information]) -> str:
    """``it needs x==1, but y 2.0 needs x==2``, the candidate's own need being the last that was added."""
    own = causes[-1]
    if isinstance(own.requirement, ImpossibleRequirement):
        return f"it {own.requirement.reason}"
    needs = f"it needs {own.requirement}"
    if own.parent is not None and len(causes) > 1:
        # What it needs besides says nothing, unless it contradicts itself.
        before = [cause for cause in causes[:-1] if cause.parent is not own.parent] or causes[:-1]
        others = [f"{who(cause.parent, cause.requirement)} {cause.requirement}" for cause in before]
        return f"{needs}, but {' and '.join(dict.fromkeys(others))}"
    return f"{needs}, which cannot be had"


def who(parent: Candidate | None, need: Need) -> str:
    """The beginning of a sentence that ends in a need: ``torch 2.10.0 (null) needs``."""
    return f"{need.origin or 'you'} asks for" if parent is None else f"{parent} needs"
