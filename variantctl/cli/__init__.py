"""The command line: one module a command; parse, call, render."""

from __future__ import annotations

import sys

from variantctl.cli.terminal import guard, sink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code (0 done, 1 could not, 2 usage, 130 interrupted)."""
    # Not list(): once the command of that name was imported, this package's own attribute shadows it.
    arguments = [*(sys.argv[1:] if argv is None else argv)]
    if arguments in (["--version"], ["-V"]):
        # Answered before anything is imported: scripts ask for it often.
        from variantctl import __version__

        sys.stdout.write(f"variantctl {__version__}\n")
        return 0
    if argv is None:
        _in_utf8_mode()
        _forget_current_folder()
    _open_closed_streams()
    if argv is None:
        guard()
    try:
        if arguments[:1] == ["install"]:
            from variantctl.cli.settled import answer

            said = answer(arguments)
            if said is not None:
                return _say(said)
        _collect_rarely()
        from variantctl.cli.app import run
    except KeyboardInterrupt:
        from variantctl.cli import render

        code = render.interrupted(arguments)
    else:
        code = run(arguments)
    if argv is None:
        if code == _INTERRUPTED:
            _leave_interrupted()
        _leave(code)
    return code


def _leave_interrupted() -> NoReturn:
    """End at once, after an interruption.

    The interpreter would wait for threads that wait for a server, until their time is up. It would also end
    by the signal, though that was handled, where it came while code made from text ran (``exec``, by which
    libraries make classes).
    """
    import atexit
    import os
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Temporary folders go here.
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Whoever read it has gone.
            continue
    os._exit(_INTERRUPTED)


def _leave(code: int) -> None:
    """End without taking the interpreter apart, which looks at every object: 30 ms after an install.

    It returns, and the interpreter ends as ever, where a thread still runs, where something watches (a
    profiler, a debugger), or where an output cannot be flushed, which the interpreter says.
    """
    import os
    import threading

    if threading.active_count() > 1 or sys.getprofile() or sys.gettrace():
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    import atexit

    atexit._run_exitfuncs()
    os._exit(code)


def _in_utf8_mode() -> None:
    """Start again in UTF-8 mode (PEP 540) where Python was told to take the C locale at its word.

    It then knows paths as ASCII, unlike every Python that it starts, and cannot name others at all.
    """
    if sys.getfilesystemencoding() == "ascii" and sys.executable and len(sys.orig_argv) > 1:
        import os

        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def _forget_current_folder() -> None:
    """``python -m`` looks for modules and entry points in the current folder first, which may be anybody's.

    Where this package itself can only be found there, in a source tree, the folder stays.
    """
    import os

    try:
        here = os.getcwd()
    except OSError:
        return
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if sys.path[:1] in ([""], [here]) and (root != here or here in sys.path[1:]):
        del sys.path[0]


def _collect_rarely() -> None:
    """A command makes much that stays, and is soon over: looking through it all for cycles is wasted."""
    import gc

    gc.set_threshold(100_000, 20, 100)


def _say(text: str) -> int:
    import os

    try:
        sink(sys.stdout).write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # As in app.run: whoever read our output has gone.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return 0


def _open_closed_streams() -> None:
    """Python sets a stream that the shell closed (``>&-``) to None; what we write there goes nowhere."""
    import os

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until exit
