"""Scripts and launchers: what entry points ask for, and the first line of scripts that wheels carry."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.wheels.entry_points import ScriptEntry, read_scripts
from variantctl.wheels.errors import WheelError

if TYPE_CHECKING:
    from installer.scripts import LauncherKind

#: The kernel reads this much of a script's first line (linux/binfmts.h before 5.1; macOS reads 512).
_LONGEST_SHEBANG = 127
_SCRIPT = """\
import sys

from {module} import {top}

if __name__ == "__main__":
    sys.exit({call}())
"""


def entry_point_scripts(
    entry_points: bytes, python: Path, wheel: str, kind: LauncherKind | None = None
) -> Iterator[tuple[str, bytes]]:
    """The scripts that ``entry_points.txt`` asks for: file name and content (a launcher on Windows).

    Args:
        python: the interpreter they run with.
        wheel: named in errors.
        kind: which launcher; None is this machine's.

    Raises:
        WheelError: the file cannot be parsed, or a name is no plain file name.
    """
    if kind is None and os.name != "nt":
        kind = "posix"
    # Read whole before the first is made.
    for entry in read_scripts(entry_points, wheel, windows=kind != "posix").entries:
        if kind == "posix":
            text = _SCRIPT.format(module=entry.module, top=entry.attr.partition(".")[0], call=entry.attr)
            yield entry.name, shebang(str(python)) + b"\n" + text.encode()
        else:
            yield _launcher(entry, str(python), wheel, kind)


def _launcher(entry: ScriptEntry, python: str, wheel: str, kind: LauncherKind | None) -> tuple[str, bytes]:
    """The program that starts a script on Windows: file name and content."""
    # Imported for these alone: it imports the email package, which takes longer than to link 3,000 files.
    from installer.scripts import InvalidScript, Script
    from installer.utils import get_launcher_kind

    try:
        script = Script(entry.name, entry.module, entry.attr, "gui" if entry.section == "gui" else "console")
        return script.generate(python, kind or get_launcher_kind())
    except InvalidScript as error:
        problem = f"no launcher for {entry.name!r}: {error}"
        raise WheelError(wheel, problem, member="entry_points.txt") from error


def with_interpreter(content: bytes, python: Path) -> bytes:
    """A script whose first line is the wheel format's ``#!python`` (or ``#!pythonw``), with the real one."""
    if not content.startswith(b"#!python"):
        return content
    first, newline, rest = content.partition(b"\n")
    command, _, arguments = first[2:].strip().partition(b" ")
    if command not in (b"python", b"pythonw"):
        return content
    return shebang(str(python), arguments.decode("utf-8", "surrogateescape")) + (newline or b"\n") + rest


def shebang(python: str, arguments: str = "") -> bytes:
    """What a script begins with to be run by ``python``, whatever its path (odd ones: distlib's way)."""
    simple = f"#!{python} {arguments}".rstrip()
    if sys.platform == "win32" or (" " not in python and len(os.fsencode(simple)) < _LONGEST_SHEBANG):
        return simple.encode("utf-8", "surrogateescape")
    # The shell sees an exec of the interpreter with this file; Python sees a string literal.
    command = f"'''exec' {shlex.quote(python)} {arguments}".rstrip()
    return f"#!/bin/sh\n{command} \"$0\" \"$@\"\n' '''".encode("utf-8", "surrogateescape")
