"""What a script says that it needs: its inline metadata (PEP 723, "Inline script metadata")."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from variantctl.requirements.errors import RequirementFileError
from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import parse_requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: The specification's own expression.
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")


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
    # Python reads any line ending as one; the expression knows only the shortest.
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    blocks = [match for match in _BLOCK.finditer(f"{plain}\n") if match["type"] == "script"]
    if not blocks:
        _refuse_unclosed(plain, origin)
        return None
    if len(blocks) > 1:
        raise RequirementFileError(f"{origin}: it has {len(blocks)} blocks '# /// script', and may have one")
    lines = blocks[0]["content"].splitlines()
    try:
        table = tomllib.loads("\n".join(line[2:] if line.startswith("# ") else line[1:] for line in lines))
    except (ValueError, RecursionError) as error:
        raise RequirementFileError(f"{origin}: the block '# /// script' is no TOML: {error}") from error
    return ScriptMetadata(_python(table, origin), _dependencies(table, origin), _tools(table, origin))


def _refuse_unclosed(text: str, origin: str) -> None:
    if re.search(r"(?m)^# /// script$", text):
        raise RequirementFileError(
            f"{origin}: the block '# /// script' has no end, or a line that does not begin with '# '",
            hint="It ends with a line '# ///'.",
        )


def _python(table: Mapping[str, Any], origin: str) -> SpecifierSet | None:
    value = table.get("requires-python")
    if value is None:
        return None
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
