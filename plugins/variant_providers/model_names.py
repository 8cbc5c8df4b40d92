"""GPUs by what people call them: ``NVIDIA-A100-SXM4-80GB``, ``h100``, ``rtx_6000_ada``, ``Flex_170``.

Clusters name a GPU in words of their own. The names that vendors sell GPUs under are known, and what is
asked for is looked for among their words. What fits GPUs of several kinds (``rtx_6000``) has several answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[a-z0-9]+")
#: Words that every GPU of a vendor may have in its name, or none: they tell nothing.
_SILENT = frozenset(
    ("nvidia", "amd", "intel", "gpu", "graphics", "tesla", "instinct", "data", "center", "r", "tm")
)
#: A size of memory or a share of a GPU, which GPUs of every vendor have in their names.
_SIZE = re.compile(r"[0-9]+[gc]b?")
_LONGEST = 128


def values_named(name: str, known: Iterable[tuple[str, str]]) -> list[str]:
    """The values of the GPUs that a name may mean, each once; several where it fits different ones.

    Args:
        name: what somebody calls a GPU.
        known: pairs of the name that a GPU is sold under and the value that is looked for.

    The longest run of the name's words that GPUs are called by decides, so that what follows (a size of
    memory, a MIG slice as in ``a100_3g.20gb``) does no harm. ``mi300`` also means ``MI300X``, where no GPU is
    called just so. One word without a digit, or a size, names no GPU.
    """
    words = _words(name[:_LONGEST])
    named = [(_words(sold), value) for sold, value in known]
    return _values(words, named) or _values(words, [(_without_letters(sold), value) for sold, value in named])


def _values(words: list[str], named: list[tuple[list[str], str]]) -> list[str]:
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            if len(run) == 1 and (run[0].isalpha() or _SIZE.fullmatch(run[0])):
                continue
            found = [(sold, value) for sold, value in named if _has(sold, "".join(run))]
            if found:
                return _decided(found, run)
    return []


def _decided(found: list[tuple[list[str], str]], run: list[str]) -> list[str]:
    """All answers, or those of the GPUs that are called just so."""
    exact = [value for sold, value in found if "".join(sold) == "".join(run) and len(run) > 1]
    return list(dict.fromkeys(exact or (value for _sold, value in found)))


def _without_letters(sold: list[str]) -> list[str]:
    return [re.sub(r"(?<=[0-9])[a-z]$", "", word) for word in sold]


def _words(name: str) -> list[str]:
    return [word for word in _WORD.findall(name.lower()) if word not in _SILENT]


def _has(sold: list[str], wanted: str) -> bool:
    """Whether words that follow one another in a name are, written together, what is wanted."""
    for start in range(len(sold)):
        together = ""
        for word in sold[start:]:
            together += word
            if together == wanted:
                return True
            if not wanted.startswith(together):
                break
    return False
