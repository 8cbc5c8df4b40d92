"""What a plugin answers, and how it refuses a fact: the two values every plugin shares."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FeatureConfig:
    """One feature of a namespace and its values (the "feature config" of the PEP 850 plugin API).

    Attributes:
        name: the feature's name, lower case.
        values: what is supported (or, from ``get_all_configs``, what is valid), best first.
        multi_value: whether one variant may list several values of this feature.
    """

    name: str
    values: list[str]
    multi_value: bool = False

    def as_json(self) -> dict[str, object]:
        """The object that ``variantctl detect --json`` prints for this feature."""
        return {"name": self.name, "values": list(self.values), "multi_value": self.multi_value}


@dataclass(frozen=True)
class Derivation:
    """What follows from a namespace's facts.

    Attributes:
        configs: the supported features, most important first; empty when nothing is supported.
        notes: what a person should know about how the facts were taken.
    """

    configs: list[FeatureConfig] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class FactsError(ValueError):
    """A table of facts (a profile's, or an override's) that cannot be understood.

    Attributes:
        key: the offending key, such as ``cuda_driver``.
        problem: what is wrong with its value.
        allowed: what would be right.
        choices: every accepted word, where there are finitely many (for "did you mean").
    """

    def __init__(self, key: str, problem: str, allowed: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(f"{key}: {problem} ({allowed})")
        self.key = key
        self.problem = problem
        self.allowed = allowed
        self.choices = choices
