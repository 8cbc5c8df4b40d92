"""What argparse says of a command line, in sentences.

argparse gives its complaints as finished English texts, and they differ between versions of Python
(``gettext`` calls in ``argparse.py`` of 3.10 to 3.13). What is not recognised here is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_SENTENCES: Sequence[tuple[str, Callable[[re.Match[str]], str]]] = (
    (r"the following arguments are required: (.+)", lambda found: _missing(found[1].split(", "))),
    (r"one of the arguments (.+) is required", lambda found: _missing(found[1].split(), "or")),
    (
        r"argument (\S+): expected (?:one|at least one) argument",
        lambda found: f"{_name(found[1])} needs a value",
    ),
    (r"argument (\S+): expected (\d+) arguments", lambda found: f"{_name(found[1])} needs {found[2]} values"),
    (
        r"argument (\S+): not allowed with argument (\S+)",
        lambda found: f"{_name(found[1])} and {_name(found[2])} exclude each other",
    ),
    (r"argument (\S+): ignored explicit argument (.+)", lambda found: f"{_name(found[1])} takes no value"),
    (
        r"argument (\S+): invalid int value: (.+)",
        lambda found: f"{_name(found[1])}: {found[2]} is no whole number",
    ),
    (
        r"argument (\S+): invalid float value: (.+)",
        lambda found: f"{_name(found[1])}: {found[2]} is no number",
    ),
    (r"argument (\S+): (.+)", lambda found: f"{_name(found[1])}: {found[2]}"),
)
"""argparse's texts -> ours, the first that matches."""


def in_words(message: str) -> str:
    """argparse's *message* as a sentence, such as ``--port needs a value``."""
    for pattern, sentence in _SENTENCES:
        found = re.fullmatch(pattern, message, re.DOTALL)
        if found:
            return sentence(found)
    return message


def unknown_words(words: Sequence[str]) -> str:
    """What is wrong with *words*, which no option and no argument of a command takes."""
    wrong = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
    if wrong:
        return f"there is no option {_listed(map(repr, wrong), 'or')}"
    return f"{_listed(map(repr, words), 'and')}: more is given than the command takes"


def _missing(names: Sequence[str], word: str = "and") -> str:
    plural = len(names) > 1 and word == "and"
    return f"{_listed(map(_name, names), word)} {'are' if plural else 'is'} missing"


def _name(name: str) -> str:
    """``-o/--output`` -> ``--output``: the longest is the one that says what it is."""
    return max(name.split("/"), key=len) if name.startswith("-") else name


def _listed(names: Iterable[str], word: str) -> str:
    *rest, last = names
    return f"{', '.join(rest)} {word} {last}" if rest else last
