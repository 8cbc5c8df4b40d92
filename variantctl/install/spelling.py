"""Which spellings of a name the target's file system takes for one: asked of the file system, not guessed."""

from __future__ import annotations

import contextlib
import os
import unicodedata
from pathlib import Path

from variantctl.install.state import LOCK_FILE
from variantctl.values import dataclass

#: One name, composed and decomposed (Unicode Standard Annex 15).
_COMPOSED, _DECOMPOSED = "probe-\u00e9", "probe-e\u0301"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a file system compares names.

    Attributes:
        any_case: upper and lower case are one (Windows, macOS, folders of ext4 that are made so).
        any_form: composed and decomposed characters are one (macOS).
    """

    any_case: bool = False
    any_form: bool = False

    def key(self, name: str) -> str:
        """The same for all spellings of a name."""
        if self.any_case or self.any_form:
            name = unicodedata.normalize("NFC", name)
        return name.casefold() if self.any_case else name

    @property
    def ignores(self) -> str:
        """What is not told apart, in words."""
        return "upper and lower case" if self.any_case else "composed and decomposed characters"


EXACT = Spelling()


def probe(state: Path, *, plain: bool) -> Spelling:
    """Ask the file system of the state folder, whose lock is held.

    Args:
        state: the folder, with the lock's file in it.
        plain: only ASCII names will be compared, so that composition need not be tried.

    Raises:
        OSError: the folder cannot be written.
    """
    any_case = os.path.lexists(state / LOCK_FILE.upper())
    if plain:
        return Spelling(any_case)
    composed = state / _COMPOSED
    # What is there may be a link.
    composed.unlink(missing_ok=True)
    try:
        composed.touch(exist_ok=False)
        return Spelling(any_case, os.path.lexists(state / _DECOMPOSED))
    finally:
        with contextlib.suppress(FileNotFoundError):
            composed.unlink()
