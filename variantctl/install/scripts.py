"""Scripts and launchers: what entry points ask for, and the first line of scripts that wheels carry."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from variantctl.wheels.errors import MISTRUST, WheelError

if TYPE_CHECKING:
    from installer.scripts import LauncherKind

#: The kernel reads this much of a script's first line (linux/binfmts.h before 5.1; macOS reads 512).
_LONGEST_SHEBANG = 127
#: An object reference of the "Entry points specification", with the extras that it may still have.
_OBJECT = re.compile(r"(?P<module>[\w.]+)\s*:\s*(?P<attr>[\w.]+)\s*(\[.*\])?\s*")
_SCRIPT = """\
import sys

from {module} import {top}

if __name__ == "__main__":
    sys.exit({call}())
"""


class _EntryPoint(NamedTuple):
    """A script: its name, where its function is, and its section (``console`` or ``gui``)."""

    name: str
    module: str
    attr: str
    section: str


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

    try:
        # Read whole before the first is made.
        found = list(_read(entry_points.decode("utf-8")))
    except (ValueError, ConfigError) as error:
        raise WheelError(wheel, f"it cannot be read ({error})", member="entry_points.txt") from error
    if kind is None and os.name != "nt":
        kind = "posix"
    for entry in found:
        name = entry.name
        if not name or "/" in name or "\\" in name or "\0" in name or name in (".", ".."):
            problem = f"the script name {name!r} is not a file name"
            raise WheelError(wheel, problem, member="entry_points.txt", hint=MISTRUST)
        if kind == "posix":
            text = _SCRIPT.format(module=entry.module, top=entry.attr.partition(".")[0], call=entry.attr)
            yield name, shebang(str(python)) + b"\n" + text.encode()
        else:
            yield _launcher(entry, str(python), wheel, kind)


def _read(entry_points: str) -> Iterator[_EntryPoint]:
    """The scripts of an ``entry_points.txt`` ("Entry points specification"; extras are passed over)."""
    from configparser import ConfigParser

    parser = ConfigParser(delimiters="=", interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(entry_points)
    for section in ("console", "gui"):
        if parser.has_section(f"{section}_scripts"):
            for name, value in parser.items(f"{section}_scripts"):
                match = _OBJECT.fullmatch(value)
                if match is None:
                    raise ValueError(f"{name} = {value} is not module:object")
                yield _EntryPoint(name, match["module"], match["attr"], section)


def _launcher(entry: _EntryPoint, python: str, wheel: str, kind: LauncherKind | None) -> tuple[str, bytes]:
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
    if sys.platform == "win32" or (" " not in python and len(simple.encode()) < _LONGEST_SHEBANG):
        return simple.encode("utf-8", "surrogateescape")
    # The shell sees an exec of the interpreter with this file; Python sees a string literal.
    command = f"'''exec' {shlex.quote(python)} {arguments}".rstrip()
    return f"#!/bin/sh\n{command} \"$0\" \"$@\"\n' '''".encode("utf-8", "surrogateescape")
