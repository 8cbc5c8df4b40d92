"""Scripts and launchers: what entry points ask for, and the first line of scripts that wheels carry."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.wheels.errors import MISTRUST, WheelError

if TYPE_CHECKING:
    from installer.scripts import LauncherKind

#: The kernel reads this much of a script's first line (linux/binfmts.h before 5.1; macOS reads 512).
_LONGEST_SHEBANG = 127


def entry_point_scripts(
    entry_points: bytes, python: Path, wheel: str, kind: LauncherKind | None = None
) -> Iterator[tuple[str, bytes]]:
    """The scripts that ``entry_points.txt`` asks for: file name and content (a launcher on Windows).

    Args:
        python: the interpreter they run with.
        wheel: named in errors.
        kind: which launcher; None is this machine's.

    Raises:
        WheelError: the file cannot be parsed, or a name leads out of the scripts folder.
    """
    from configparser import Error as ConfigError

    from installer.scripts import InvalidScript, Script
    from installer.utils import get_launcher_kind, parse_entrypoints

    kind = kind or get_launcher_kind()
    try:
        # Read whole before the first is made: the parser asserts, and says no more than that it does.
        found = list(parse_entrypoints(entry_points.decode("utf-8")))
    except (AssertionError, UnicodeDecodeError, ConfigError) as error:
        problem = f"it cannot be read ({str(error) or 'an entry is not module:object'})"
        raise WheelError(wheel, problem, member="entry_points.txt") from error
    for name, module, attr, section in found:
        if not name or "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
            problem = f"the script name {name!r} is not a file name"
            raise WheelError(wheel, problem, member="entry_points.txt", hint=MISTRUST)
        try:
            yield Script(name, module, attr, section).generate(str(python), kind)
        except InvalidScript as error:
            raise WheelError(
                wheel, f"no launcher for {name!r}: {error}", member="entry_points.txt"
            ) from error


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
    if sys.platform == "win32" or (" " not in python and len(simple.encode()) < _LONGEST_SHEBANG):
        return simple.encode("utf-8", "surrogateescape")
    # The shell sees an exec of the interpreter with this file; Python sees a string literal.
    command = f"'''exec' {shlex.quote(python)} {arguments}".rstrip()
    return f"#!/bin/sh\n{command} \"$0\" \"$@\"\n' '''".encode("utf-8", "surrogateescape")
