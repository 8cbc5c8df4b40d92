"""The one way to the terminal: text from outside cannot steer it.

Escape sequences in a server's reason phrase, in a file name or in a lock would otherwise clear the screen,
change the title, hide a warning or turn text around. Every text that a command writes goes through ``Sink``;
only styling of our own goes around it, by ``Sink.styled`` and by the console of ``render.console``.

Shown are the C0 controls but the newline, DEL, the C1 controls (ECMA-48), the bidirectional controls
(UAX #9, table 2) and the separators of lines and paragraphs. They are written as ``\\u001b``, an escape
that JSON and TOML know too: what a program reads stays valid and means the same.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

_C0 = (*range(0x0A), *range(0x0B, 0x20))
_DEL_AND_C1 = range(0x7F, 0xA0)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_SHOWN = {code: f"\\u{code:04x}" for code in (*_C0, *_DEL_AND_C1, *_BIDI)}


def visible(text: str) -> str:
    """*text* with its control characters, newlines aside, written as ``\\u001b``.

    So are lone surrogates, which stand for bytes of a file name that are no UTF-8.
    """
    shown = text.translate(_SHOWN)
    return shown if shown.isascii() else shown.encode("utf-8", "backslashreplace").decode()


def hidden(text: str) -> str:
    """*text* with the secrets of its URLs hidden; ``net.redaction`` is imported only if needed."""
    if "@" not in text and "=" not in text and "%40" not in text:
        return text
    from variantctl.net.redaction import redact

    return redact(text)


class Sink:
    """A text stream that writes control characters visibly, and URLs without their secrets.

    It has no ``buffer``: bytes would go around it.

    Args:
        raw: the stream that is written to; ``None`` (closed by the shell) stays silent.
    """

    def __init__(self, raw: TextIO) -> None:
        self.raw = raw
        if getattr(raw, "errors", None) == "strict" and hasattr(raw, "reconfigure"):
            # Else a character that the encoding lacks ends the command.
            raw.reconfigure(errors="backslashreplace")

    def write(self, text: str) -> int:
        """Write *text*, its control characters visibly and the secrets in its URLs hidden."""
        self.exact(hidden(text))
        return len(text)

    def exact(self, text: str) -> None:
        """Write a document that has no secrets to hide, its control characters visibly."""
        self.raw.write(visible(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each line as ``write`` does."""
        for line in lines:
            self.write(line)

    def styled(self, text: str) -> None:
        """Write *text* as it is: for words and styling of our own alone."""
        self.raw.write(text)

    def __getattr__(self, name: str) -> Any:
        if name in ("buffer", "detach"):
            raise AttributeError(f"bytes go around a {type(self).__name__}")
        return getattr(self.raw, name)


def sink(stream: TextIO | Sink) -> Sink:
    """The sink before *stream*, which may be one already."""
    return stream if isinstance(stream, Sink) else Sink(stream)


def guard() -> tuple[TextIO, TextIO]:
    """Put sinks before standard output and standard error; gives what ``restore`` puts back.

    Whoever writes to ``sys.stdout`` or ``sys.stderr`` is guarded then: argparse, warnings, tracebacks.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = sink(sys.stdout), sink(sys.stderr)
    return before


def restore(before: tuple[TextIO, TextIO]) -> None:
    """Undo ``guard``."""
    sys.stdout, sys.stderr = before
