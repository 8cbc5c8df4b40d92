"""What a checkup finds, and the commands that mend it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from variantctl.values import dataclass

Severity = Literal["error", "suggestion"]


@dataclass(frozen=True)
class Finding:
    """One thing about an environment or its machine that is wrong, or that could be better.

    Attributes:
        severity: ``error``: a real mismatch, for which a health check fails; ``suggestion``: worth knowing.
        kind: a stable, hyphenated word; docs/doctor.md lists them all.
        package: the name of the package, ``""`` where it is about none in particular.
        detail: a clause that begins with the package or names it.
        hint: what to do, or ``""``; a command in it stands between backticks, and works as pasted.
        means: what follows from it for whoever runs a program there, a sentence, or ``""``.
        evidence: where it was seen: a requirement, a file and what it says.
    """

    severity: Severity
    kind: str
    package: str
    detail: str
    hint: str = ""
    means: str = ""
    evidence: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """An element of ``findings`` in ``doctor --json``."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "package": self.package,
            "detail": self.detail,
            "hint": self.hint,
            "means": self.means,
            "evidence": list(self.evidence),
        }


@dataclass(frozen=True)
class Commands:
    """Commands for the environment that is looked at.

    Attributes:
        environment: the options that name it, as they were given: ``-p``, ``env``.
        choice: the options of ``install`` besides that were given: ``--profile``, ``h100``.
    """

    environment: tuple[str, ...] = ()
    choice: tuple[str, ...] = ()

    def install(self, *words: str) -> str:
        """``variantctl install --reinstall torch==2.10.0 -p env``; a source in ``words`` is named once."""
        return shlex.join(["variantctl", "install", *words, *self.environment, *self._choice_without(words)])

    def _choice_without(self, words: Sequence[str]) -> Iterator[str]:
        """``choice`` without what ``words`` say already, which would stand there twice."""
        given = iter(self.choice)
        for word in given:
            if word == "--backends" and word in words:
                next(given, "")
            elif not (word.startswith("--backends=") and "--backends" in words):
                yield word

    def uninstall(self, *names: str) -> str:
        """``variantctl uninstall -y onnxruntime -p env``."""
        return shlex.join(["variantctl", "uninstall", "-y", *names, *self.environment])

    def reinstall(self, words: Iterable[str]) -> str:
        """The command that installs a version again, and what it does; the words are a pin, and options."""
        return f"`{self.install('--reinstall', *words)}` reinstalls it."
