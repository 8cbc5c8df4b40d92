"""``entry_points.txt``: the scripts that a wheel asks for (PyPA, "Entry points specification")."""

from __future__ import annotations

import re

from variantctl.values import dataclass
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError
from variantctl.wheels.names import is_reserved, name_problem

MEMBER = "entry_points.txt"
#: An object reference of the specification, with the extras that it may still have.
_OBJECT = re.compile(r"(?P<module>[\w.]+)\s*:\s*(?P<attr>[\w.]+)\s*(\[.*\])?\s*")
_BOM = b"\xef\xbb\xbf"
#: In bytes: what the file systems of Linux, macOS and Windows take, with room for ``-script.pyw``.
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class ScriptEntry:
    """A script.

    Attributes:
        name: the file name, without what Windows puts behind it.
        module: the module that has its function.
        attr: the function, with dots where it is an attribute.
        section: ``console`` or ``gui``.
    """

    name: str
    module: str
    attr: str
    section: str


@dataclass(frozen=True, slots=True)
class Scripts:
    """What one ``entry_points.txt`` asks for.

    Attributes:
        entries: the scripts; of a name that occurs twice, the last one, as pip has it.
        untidy: what the format does not allow and what harms nobody, in sentences.
    """

    entries: tuple[ScriptEntry, ...] = ()
    untidy: tuple[str, ...] = ()


def read_scripts(data: bytes, wheel: str, *, windows: bool = False) -> Scripts:
    """The scripts of an ``entry_points.txt``.

    A byte order mark and options that occur twice are taken, and said. Names with control characters,
    separators of paths, or what turns the direction of text are refused: they come into ``bin/``, and from
    there to the terminal of whoever lists it.

    Args:
        data: the file.
        wheel: named in errors.
        windows: names that mean something else there are refused, too.

    Raises:
        WheelError: the file cannot be parsed, or a name is no plain file name.
    """
    from configparser import DuplicateOptionError, DuplicateSectionError
    from configparser import Error as ConfigError

    untidy = [f"{wheel}: {MEMBER} begins with a byte order mark"] if data.startswith(_BOM) else []
    try:
        text = data.decode("utf-8-sig")
        try:
            entries = _parsed(text, strict=True)
        except (DuplicateOptionError, DuplicateSectionError) as error:
            untidy.append(f"{wheel}: {MEMBER} has {_twice(error)} twice; the last one counts")
            entries = _parsed(text, strict=False)
    except (ValueError, ConfigError) as error:
        raise WheelError(wheel, f"it cannot be read ({error})", member=MEMBER, hint=DAMAGED) from error
    for entry in entries:
        if (problem := script_name_problem(entry.name, windows=windows)) is not None:
            what = f"the script name {entry.name!r:.200} {problem}"
            raise WheelError(wheel, what, member=MEMBER, hint=MISTRUST)
    return Scripts(entries, tuple(untidy))


def script_name_problem(name: str, *, windows: bool) -> str | None:
    """What is wrong with the name of a script, or ``None``; ``windows``: it is installed there."""
    if not name or name in (".", "..") or any(character in name for character in "/\\"):
        return "is not a file name"
    # Controls (C0, DEL, C1), controls of direction and other formats, separators of lines: none is printable.
    if not name.isprintable():
        return "holds a control character or another one that cannot be shown"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        return f"is longer than {_LONGEST} bytes"
    if is_reserved(name):
        return "is that of variantctl's own folder"
    problem = name_problem(name, windows=windows)
    return f"is refused: {problem}" if problem is not None else None


def _parsed(text: str, *, strict: bool) -> tuple[ScriptEntry, ...]:
    from configparser import ConfigParser

    # No section is one of defaults, which would be in all others.
    parser = ConfigParser(delimiters="=", interpolation=None, strict=strict, default_section="")
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(text)
    return tuple(
        _entry(name, value, section)
        for section in ("console", "gui")
        if parser.has_section(f"{section}_scripts")
        for name, value in parser.items(f"{section}_scripts")
    )


def _twice(error: Exception) -> str:
    section, option = getattr(error, "section", ""), getattr(error, "option", None)
    return f"[{section}]" if option is None else f"{option!r:.100} in [{section}]"


def _entry(name: str, value: str, section: str) -> ScriptEntry:
    match = _OBJECT.fullmatch(value)
    if match is None:
        raise ValueError(f"{name} = {value} is not module:object")
    return ScriptEntry(name, match["module"], match["attr"], section)
