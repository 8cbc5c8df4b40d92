"""Numbers in what others write: of ASCII digits alone, and not too long.

Python converts none of more than 4,300 digits, and slowly what is less; and ``str.isdigit`` takes ``²`` for a
digit, which ``int`` does not.
"""

from __future__ import annotations

import re

#: Digits of one number. Dates take 14, and hashes as local versions 64.
MOST = 1000
_LONG = re.compile(rf"[0-9]{{{MOST + 1}}}")
#: Digits of a number that counts something: bytes, seconds, a part of a version.
_COUNTED = 18


def number_problem(text: str) -> str | None:
    """What is wrong with the numbers in a version, a specifier or a marker, or ``None``."""
    # Nearly all texts are short; this is asked of each requirement there is.
    if len(text) <= MOST or _LONG.search(text) is None:
        return None
    return f"it has a number of more than {MOST:,} digits"


def whole_number(text: str) -> int | None:
    """The number that a text is; ``None`` where it is none, or longer than any that counts something."""
    return int(text) if len(text) <= _COUNTED and text.isascii() and text.isdigit() else None
