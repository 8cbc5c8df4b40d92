"""What a campaign found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """Counted outcomes, and everything that must not happen.

    Attributes:
        name: the campaign and what it is compared with.
        seed: makes the same cases again.
        outcomes: what happened -> how often; words of the campaign's own.
        failures: a paragraph for each case that shows a defect of ours.
    """

    name: str
    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many comparisons were made."""
        return sum(self.outcomes.values())

    def count(self, outcome: str) -> None:
        """Note an outcome that is as it should be."""
        self.outcomes[outcome] += 1

    def fail(self, outcome: str, details: str) -> None:
        """Note an outcome that is not."""
        self.outcomes[outcome] += 1
        self.failures.append(f"{outcome}: {details}")

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.cases} comparisons, seed {self.seed}, {len(self.failures)} failures"]
        lines += [f"  {count:6}  {outcome}" for outcome, count in self.outcomes.most_common()]
        return "\n".join([*lines, *self.failures])
