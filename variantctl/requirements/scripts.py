"""What a script says that it needs: its inline metadata (PEP 723, "Inline script metadata")."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from variantctl.requirements.errors import RequirementFileError
from variantctl.values import dataclass, field
from variantctl.variants.digits import number_problem
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import parse_requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BEGINNING = re.compile(r"# /// (?P<type>[a-zA-Z0-9-]+)")
_END = "# ///"


@dataclass(frozen=True)
class ScriptMetadata:
    """The block ``script`` of a script.

    Attributes:
        requires_python: which Pythons run it; None: any.
        dependencies: what it needs, as written.
        tools: the table ``[tool]``.
    """

    requires_python: SpecifierSet | None = None
    dependencies: tuple[str, ...] = ()
    tools: Mapping[str, Any] = field(default_factory=dict)


def script_metadata(text: str, origin: str) -> ScriptMetadata | None:
    """Read the metadata of a script; None where it has none.

    Args:
        text: the script.
        origin: its name, for messages.

    Raises:
        RequirementFileError: there are two blocks, or one that says something else than specified.
    """
    blocks, unclosed = _blocks(text)
    if not blocks:
        if unclosed:
            raise RequirementFileError(
                f"{origin}: the block '# /// script' has no end, or a line that does not begin with '# '",
                hint="It ends with a line '# ///'.",
            )
        return None
    if len(blocks) > 1:
        raise RequirementFileError(f"{origin}: it has {len(blocks)} blocks '# /// script', and may have one")
    try:
        table = tomllib.loads("\n".join(blocks[0]))
    except (ValueError, RecursionError) as error:
        raise RequirementFileError(f"{origin}: the block '# /// script' is no TOML: {error}") from error
    return ScriptMetadata(_python(table, origin), _dependencies(table, origin), _tools(table, origin))


def _blocks(text: str) -> tuple[list[list[str]], bool]:
    """The lines of each block ``script``, and whether one has no end.

    This is the specification's expression by hand: from a beginning to the last line ``# ///`` of the comment
    lines that follow. The expression itself takes the square of the lines where blocks have no end.
    """
    # Python reads any line ending as one.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blocks: list[list[str]] = []
    unclosed = False
    at, followed = 0, -1
    last_end = -1
    while at < len(lines):
        match = _BEGINNING.fullmatch(lines[at])
        if match is None:
            at += 1
            continue
        if at >= followed:
            followed, last_end = _comments(lines, at + 1)
        if last_end <= at + 1:
            unclosed = unclosed or match["type"] == "script"
            at += 1
            continue
        if match["type"] == "script":
            content = lines[at + 1 : last_end]
            blocks.append([line[2:] if line.startswith("# ") else line[1:] for line in content])
        at = last_end + 1
    return blocks, unclosed


def _comments(lines: list[str], at: int) -> tuple[int, int]:
    """Where the comment lines from *at* on have their end, and the last of them that ends a block, or -1."""
    last = -1
    while at < len(lines) and (lines[at] == "#" or lines[at].startswith("# ")):
        if lines[at] == _END:
            last = at
        at += 1
    return at, last


def _python(table: Mapping[str, Any], origin: str) -> SpecifierSet | None:
    value = table.get("requires-python")
    if value is None:
        return None
    if problem := number_problem(str(value)):
        raise RequirementFileError(f"{origin}: requires-python: {problem}")
    try:
        return SpecifierSet(value)
    except (InvalidSpecifier, TypeError, AttributeError):
        raise RequirementFileError(f"{origin}: requires-python: {value!r} is not like '>=3.11'") from None


def _dependencies(table: Mapping[str, Any], origin: str) -> tuple[str, ...]:
    value = table.get("dependencies", [])
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise RequirementFileError(f"{origin}: dependencies is no list of requirements")
    for text in value:
        try:
            parse_requirement(text)
        except InvalidVariantError as error:
            raise RequirementFileError(f"{origin}: dependencies: {error.message}") from error
    return tuple(value)


def _tools(table: Mapping[str, Any], origin: str) -> Mapping[str, Any]:
    value = table.get("tool", {})
    if not isinstance(value, dict):
        raise RequirementFileError(f"{origin}: tool is no table")
    return value
