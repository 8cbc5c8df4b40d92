"""What a checkup finds."""

from __future__ import annotations

from typing import Any, Literal

from variantctl.values import dataclass

Severity = Literal["error", "suggestion"]


@dataclass(frozen=True)
class Finding:
    """One thing about an environment that is wrong, or that could be better.

    Attributes:
        severity: ``error``: a real mismatch, for which a health check fails; ``suggestion``: worth knowing.
        kind: a stable, hyphenated word: ``variant-mismatch``, ``unchecked-variant``, ``mixed-backends``,
            ``missing-dependency``, ``conflicting-dependency``, ``unread-dependency``, ``wrong-platform``,
            ``wrong-python``, ``missing-files``, ``changed-files``, ``broken-package``, ``no-record``,
            ``better-variant``, ``driver-update``, ``not-asked``.
        package: the name of the package, ``""`` where it is about none in particular.
        detail: a clause that begins with the package or names it.
        hint: what to do, or ``""``.
    """

    severity: Severity
    kind: str
    package: str
    detail: str
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """An element of ``findings`` in ``doctor --json``."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "package": self.package,
            "detail": self.detail,
            "hint": self.hint,
        }
