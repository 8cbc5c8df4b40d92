"""Dependency specifiers for tools that know nothing of variants: the variant markers already decided.

Which wheel was chosen is known, and so is the truth of every comparison with a variant marker. What is left
of a marker has standard comparisons only (PEP 508).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from variantctl.values import dataclass
from variantctl.variants.markers import MarkerVariant, decided_pieces, parse_requirement

_TOKEN = re.compile(r"""('[^']*'|"[^"]*")|([()])|\b(and|or)\b""")


def decide_requirement(text: str, variant: MarkerVariant) -> str | None:
    """The dependency specifier *text* as it is for one wheel; ``None`` where it is none of its dependencies.

    Without variant markers it is given back as it was written.

    Raises:
        InvalidVariantError: *text* is no dependency specifier.
    """
    requirement = parse_requirement(text)
    if requirement.marker is None:
        return text
    pieces = decided_pieces(requirement.marker, variant)
    if all(isinstance(piece, str) for piece in pieces):
        return text
    left = _Reader(list(_tokens(pieces))).expression()
    if not isinstance(left, _Left):
        return str(requirement.requirement) if left else None
    # In 'name @ url' only white space ends the URL.
    return f"{requirement.requirement} ; {left.text}"


def without_comparisons(marker: str, left_out: Callable[[str], bool]) -> str:
    """A marker without some of its comparisons: what is left of it, ``""`` where nothing is.

    Args:
        marker: a marker, which ``packaging`` can read but for variant markers.
        left_out: which comparisons go, each as it is written.
    """
    tokens = list(_tokens((marker,)))
    words = ("and", "or", "(", ")")
    kept = [None if token not in words and left_out(str(token)) else token for token in tokens]
    if None not in kept:
        return marker
    left = _Reader(kept).expression()
    return left.text if isinstance(left, _Left) else ""


@dataclass(frozen=True)
class _Left:
    """What is left of a part of a marker; ``either``: an ``or`` is outermost in it."""

    text: str
    either: bool = False


class _Reader:
    """Reads a marker's grammar of ``and``, ``or`` and parentheses; comparisons are only text to it."""

    def __init__(self, tokens: Sequence[str | bool | None]) -> None:
        self._tokens = tokens
        self._next = 0

    def expression(self) -> _Left | bool | None:
        """Up to the end, or to a parenthesis that closes; ``None`` where all of it is left out."""
        return self._joined("or", self._conjunction, decisive=True)

    def _conjunction(self) -> _Left | bool | None:
        return self._joined("and", self._comparison, decisive=False)

    def _comparison(self) -> _Left | bool | None:
        token = self._take()
        if token == "(":
            inner = self.expression()
            self._take()
            return inner
        return _Left(token) if isinstance(token, str) else token

    def _joined(
        self, word: str, operand: Callable[[], _Left | bool | None], *, decisive: bool
    ) -> _Left | bool | None:
        """Operands with *word* between them; *decisive* is the truth of one that settles them all."""
        found = [operand()]
        while self._next < len(self._tokens) and self._tokens[self._next] == word:
            self._next += 1
            found.append(operand())
        if any(part is decisive for part in found):
            return decisive
        if all(part is None for part in found):
            return None
        left = [part for part in found if isinstance(part, _Left)]
        if not left:
            return not decisive
        if len(left) == 1:
            return left[0]
        if word == "and":
            return _Left(" and ".join(f"({part.text})" if part.either else part.text for part in left))
        return _Left(" or ".join(part.text for part in left), either=True)

    def _take(self) -> str | bool | None:
        self._next += 1
        return self._tokens[self._next - 1]


def _tokens(pieces: tuple[str | bool, ...]) -> Iterator[str | bool]:
    """``and``, ``or``, parentheses, truths, and the text of each comparison."""
    for piece in pieces:
        if isinstance(piece, bool):
            yield piece
            continue
        start = 0
        for match in _TOKEN.finditer(piece):
            if match[1] is not None:
                continue
            if comparison := piece[start : match.start()].strip():
                yield comparison
            yield match[0]
            start = match.end()
        if comparison := piece[start:].strip():
            yield comparison
