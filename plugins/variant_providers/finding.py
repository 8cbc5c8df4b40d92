"""What a detector found, as it finds it: facts first, each with the place where it was read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Finding:
    """A detector's notebook.

    Attributes:
        facts: the table of this namespace as a profile would have it; ``None`` when nothing was found.
        source: the kind of place that the facts came from (``"/proc/cpuinfo"``, ``"NVML"``).
        devices: one JSON-able object a device; no serial numbers and no UUIDs.
        evidence: one object a fact: ``fact``, ``value`` and ``source``.
        notes: what was fallen back to, and what could not be seen.
        failed: whether something that is there could not be read (as opposed to not being there).
        disabled: whether the user's own settings, malformed, leave the namespace out.
    """

    facts: dict[str, object] | None = None
    source: str = ""
    devices: list[dict[str, object]] = field(default_factory=list)
    evidence: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    disabled: bool = False

    def saw(self, fact: str, value: object, source: str) -> None:
        """Record where a fact was read."""
        self.evidence.append({"fact": fact, "value": str(value), "source": source})

    def note(self, message: str) -> None:
        """Say something to the person who reads the report."""
        self.notes.append(message)

    def disable(self, message: str) -> None:
        """Say that nothing was looked for, since what the user said cannot be understood."""
        self.disabled = True
        self.notes.append(message)

    def fail(self, message: str) -> None:
        """Say that what is there could not be read."""
        self.failed = True
        self.notes.append(message)
