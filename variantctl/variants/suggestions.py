"""What somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable

_MANY = 12


def did_you_mean(wrong: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """``did you mean ...?`` with the nearest of the known words; ``None`` where none is near.

    Args:
        wrong: what was written.
        known: what could have been.
        cutoff: how near a word must be, from 0 (any) to 1 (the same), as ``difflib`` measures it.
    """
    from difflib import get_close_matches

    near = [repr(word) for word in get_close_matches(wrong, list(known), n=3, cutoff=cutoff)]
    *rest, last = near or [""]
    return f"did you mean {', '.join(rest)} or {last}?" if rest else f"did you mean {last}?" if near else None


def listed(words: Iterable[str]) -> str:
    """Words as a list that fits a message: the first dozen, and how many there are in all."""
    every = list(words)
    if len(every) <= _MANY:
        return ", ".join(every) or "none"
    return f"{', '.join(every[: _MANY - 1])} ... {every[-1]} ({len(every)} in all)"
