"""What is printed: results to standard output, the rest to standard error; colours only for a terminal."""

from __future__ import annotations

import json
import os
import sys
import traceback as tracebacks
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO, cast

from variantctl.cli.terminal import sink
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from rich.console import Console

BOLD_RED, YELLOW, CYAN = "1;31", "33", "36"
REPORT = "report it with this command and the output of 'variantctl detect --json'"

_verbosity = {"verbose": False, "quiet": False}


def set_verbosity(*, verbose: bool, quiet: bool) -> None:
    """Set once, from the command line."""
    _verbosity.update(verbose=verbose, quiet=quiet)


def is_quiet() -> bool:
    """Whether only errors and results are wanted."""
    return _verbosity["quiet"]


def is_verbose() -> bool:
    """Whether details are wanted."""
    return _verbosity["verbose"]


def console(*, stderr: bool = False) -> Console:
    """A rich console on standard output or error; it obeys NO_COLOR, pipes and the width of a terminal."""
    from variantctl.cli.styling import StyledConsole

    # A table in a file or a pipe is not cut at 80 columns: what reads it has no width.
    stream = sink(sys.stderr if stderr else sys.stdout).raw
    width = None if stream.isatty() or os.environ.get("COLUMNS") else 160
    return StyledConsole(file=stream, width=width, highlight=False, emoji=False, soft_wrap=False)


def print_json(value: Mapping[str, Any], *, compact: bool = False) -> None:
    """The one JSON object of a ``--json`` command, to standard output; the secrets of URLs are hidden.

    ``compact``: on one line, which takes a fifth of the time where there are thousands of objects.
    """
    from variantctl.net.redaction import redacted

    stream = sink(sys.stdout)
    unicode = (stream.encoding or "utf-8").lower().startswith("utf")
    text = json.dumps(redacted(value), indent=None if compact else 2, ensure_ascii=not unicode)
    stream.exact(text + "\n")


def human_size(size: int | None) -> str:
    """``2.7 GB``, in powers of 1000 as pip has them; ``?`` where it is not known."""
    if size is None:
        return "?"
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        if amount < 999.5:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


_said: set[str] = set()


def note(text: str) -> None:
    """Something worth knowing, to standard error; hidden by ``--quiet``."""
    _said.add(text)
    if not is_quiet():
        _say("note", text, CYAN)


def warning(text: str) -> None:
    """Something that may be wrong, to standard error; hidden by ``--quiet``."""
    if not is_quiet():
        _say("warning", text, YELLOW)


def was_said(text: str) -> bool:
    """Whether this was a note of this process already."""
    return text in _said


def detail(text: str) -> None:
    """Something shown only with ``--verbose``, to standard error."""
    if is_verbose():
        _say("detail", text, CYAN)


def failure(
    error: VariantctlError,
    *,
    as_json: bool,
    code: int,
    traceback: bool = False,
    kind: str | None = None,
    usage: str = "",
) -> int:
    """Print an error (as the JSON error object where JSON was asked for) and return the exit code."""
    if traceback:
        tracebacks.print_exception(error, file=cast(TextIO, sink(sys.stderr)))
    if as_json:
        print_json(
            {
                "format": 1,
                "error": {"kind": kind or error.kind, "message": error.message, "hint": error.hint or ""},
            }
        )
    else:
        _say("error", error.message, BOLD_RED)
        if error.hint:
            _say("hint", error.hint, CYAN)
        if usage:
            _say("usage", usage, CYAN)
    return code


#: Commands that fetch wheels into the cache, where an interrupted one leaves what it has.
_FETCHING = frozenset(("add", "download", "install", "run", "sync"))


def interrupted(arguments: Sequence[str]) -> int:
    """Say that the user stopped it, and what becomes of what was fetched."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    command = next((word for word in options if not word.startswith("-")), "")
    keeps = command in _FETCHING and "--no-cache" not in options
    said = "What was fetched is kept in the cache: run the command again, and it goes on from there."
    error = VariantctlError("interrupted", hint=said if keeps else None)
    return failure(error, as_json="--json" in options, code=130, kind="interrupted")


def bug(error: Exception, *, as_json: bool, traceback: bool) -> int:
    """Say that an unforeseen exception is our fault, and how to report it."""
    if traceback:
        tracebacks.print_exception(error, file=cast(TextIO, sink(sys.stderr)))
    where = tracebacks.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(where.filename)}:{where.lineno}"  # not a path to open
    report = VariantctlError(
        f"this is a bug in variantctl: {type(error).__name__}: {error} (at {place})",
        hint=REPORT if traceback else f"run it again with --verbose for the traceback, then {REPORT}",
    )
    return failure(report, as_json=as_json, code=1, kind="bug")


def _say(word: str, text: str, colour: str) -> None:
    stream = sink(sys.stderr)
    if stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        word = f"\033[{colour}m{word}\033[0m"
    stream.styled(word)
    stream.write(f": {text}\n")
    stream.flush()
