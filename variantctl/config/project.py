"""``[tool.variantctl]`` of a project's pyproject.toml, or of the metadata of a script (PEP 723)::

    [tool.variantctl]
    accelerator = "prefer"                        # see --accelerator; also accelerator-of
    profiles = ["h100", "machines/node.toml"]     # whom `lock` and `matrix` are for without --profile
    exclude-newer = "2026-05-31"                  # or "7 days"
    exclude-newer-package = { torch = false }
    constraint-dependencies = ["numpy<2.3"]       # as the lines of -c FILE
    override-dependencies = ["protobuf==6.31.1"]  # as the lines of --override FILE
    default-extras = ["gpu"]                      # what `sync` of the project takes by itself
    default-groups = ["dev"]

    [tool.variantctl.variants]                    # as --variant NAME=LABEL
    torch = "cu128"

    [tool.variantctl.sources]                     # as --pin NAME=PLACE
    torch = "pytorch"

    [tool.variantctl.index]
    index-url = "https://packages.example.org/simple"
    extra-index-url = ["https://other.example.org/simple"]
    find-links = ["wheels"]                       # relative to the file
    no-index = false
    index-strategy = "first-match"

``data/tool-variantctl.schema.json`` says the same for editors. Whom to trust (certificates, proxies, hosts
without https) is for the user to say, and not for a file that may be anybody's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import InvalidName, canonicalize_name

from variantctl.config.file import IndexTable, accelerator_of, moment, moments, read_index_table
from variantctl.config.uploads import UploadLimits, upload_limits
from variantctl.filesystem.bounded import read_bounded
from variantctl.net.errors import SettingsError
from variantctl.values import dataclass, field
from variantctl.variants.suggestions import did_you_mean

TABLE = "tool.variantctl"
SCHEMA = Path(__file__).parent / "data" / "tool-variantctl.schema.json"
_POLICIES = ("prefer", "require", "any")
_INDEX_KEYS = ("index-url", "extra-index-url", "find-links", "no-index", "index-strategy")
_USERS = ("cert", "client-cert", "proxy", "trusted-host", "timeout", "keyring-provider", "ignore-error-codes")


@dataclass(frozen=True)
class ProjectSettings:
    """What a project says of how its dependencies are chosen; nothing where an attribute is empty.

    Attributes:
        origin: the file, for messages.
        accelerator, accelerator_of: as the options of these names.
        profiles: names of profiles, and absolute paths of their files.
        uploads: before when files must have been uploaded.
        constraints, overrides: lines of such files.
        variants: package -> label.
        sources: package -> the only place where it is looked for.
        index: where packages come from.
        default_extras, default_groups: what ``sync`` of the project takes by itself.
    """

    origin: str
    accelerator: str | None = None
    accelerator_of: str | None = None
    profiles: tuple[str, ...] = ()
    uploads: UploadLimits = field(default_factory=UploadLimits)
    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    variants: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    index: IndexTable | None = None
    default_extras: tuple[str, ...] = ()
    default_groups: tuple[str, ...] = ()


def project_settings(path: Path) -> ProjectSettings | None:
    """What a pyproject.toml says under ``[tool.variantctl]``; None where it has no such table.

    A file that is not there, or that cannot be read, says nothing: it may be anybody's.

    Raises:
        SettingsError: the table has a key or a value that there is not.
    """
    try:
        content = read_bounded(path)
        data = _toml(content) if b"variantctl" in content else {}
    except (OSError, ValueError, RecursionError):
        return None
    tool = data.get("tool")
    table = tool.get("variantctl") if isinstance(tool, Mapping) else None
    return None if table is None else parse_project_settings(table, str(path), path.resolve().parent)


def parse_project_settings(table: object, origin: str, folder: Path) -> ProjectSettings:
    """Read the table.

    Args:
        table: as TOML has it.
        origin: the file, for messages.
        folder: what paths in it are relative to.

    Raises:
        SettingsError: it has a key or a value that there is not.
    """
    if not isinstance(table, Mapping):
        raise SettingsError(f"{origin}: {TABLE}: must be a table ([{TABLE}])")
    for key in table:
        if key not in _READERS:
            raise _unknown(f"{origin}: {TABLE}", key, _READERS)
    values: dict[str, Any] = {}
    for key, value in table.items():
        attribute, read, expected = _READERS[key]
        try:
            values[attribute] = read(value, folder)
        except (TypeError, ValueError):
            raise SettingsError(f"{origin}: {TABLE}.{key}: {value!r} is not {expected}") from None
    newer, packages = values.pop("newer", None), values.pop("packages", {})
    uploads = upload_limits(newer, packages.items(), f"{origin}: {TABLE}.exclude-newer")
    index = values.pop("index", None)
    return ProjectSettings(
        origin,
        uploads=uploads,
        index=None if index is None else _index(index, origin, folder),
        **values,
    )


def schema_text() -> str:
    """The JSON schema of the table."""
    return SCHEMA.read_text(encoding="utf-8")


def _index(table: Mapping[str, object], origin: str, folder: Path) -> IndexTable:
    for key in table:
        if key in _USERS:
            raise SettingsError(
                f"{origin}: {TABLE}.index.{key}: a project's file cannot say this",
                hint="Whom to trust is for you to say: write it into your own variantctl.toml.",
            )
        if key not in _INDEX_KEYS:
            raise _unknown(f"{origin}: {TABLE}.index", key, _INDEX_KEYS)
    return read_index_table(table, origin, folder, f"{TABLE}.index")


def _unknown(where: str, key: str, known: Mapping[str, object] | tuple[str, ...]) -> SettingsError:
    near = did_you_mean(key, known)
    return SettingsError(f"{where}.{key}: unknown key", hint=near or f"Known are: {', '.join(known)}.")


def _toml(content: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    found: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    return found


def _policy(value: object, _folder: Path) -> str:
    if value not in _POLICIES:
        raise ValueError
    return str(value)


def _of(value: object, _folder: Path) -> str:
    try:
        return accelerator_of(value, "")
    except SettingsError:
        raise ValueError from None


def _texts(value: object, _folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text.strip() for text in value):
        raise TypeError
    return tuple(value)


def _profiles(value: object, folder: Path) -> tuple[str, ...]:
    """A name stays; a file is meant relative to the project."""
    named = _texts(value, folder)
    return tuple(str(folder / text) if "/" in text or text.endswith(".toml") else text for text in named)


def _requirements(value: object, folder: Path) -> tuple[str, ...]:
    from variantctl.variants.errors import InvalidVariantError
    from variantctl.variants.markers import parse_requirement

    texts = _texts(value, folder)
    for text in texts:
        try:
            parse_requirement(text)
        except InvalidVariantError:
            raise ValueError from None
    return texts


def _packages(value: object, _folder: Path) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) and each for each in value.values()):
        raise TypeError
    for name in value:
        try:
            canonicalize_name(name, validate=True)
        except InvalidName:
            raise ValueError from None
    return dict(value)


def _table(value: object, _folder: Path) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise TypeError
    return value


_REQUIREMENTS = "a list of requirements, such as ['numpy<2.3']"
_NAMES = "a list of names"
_READERS: Mapping[str, tuple[str, Callable[[object, Path], object], str]] = {
    "accelerator": ("accelerator", _policy, "prefer, require or any"),
    "accelerator-of": ("accelerator_of", _of, "best or all"),
    "profiles": ("profiles", _profiles, "a list of profiles: names, or paths of files"),
    "exclude-newer": ("newer", moment, "a moment, such as '2026-05-31' or '7 days'"),
    "exclude-newer-package": ("packages", moments, "a table of packages, each with a moment or false"),
    "constraint-dependencies": ("constraints", _requirements, _REQUIREMENTS),
    "override-dependencies": ("overrides", _requirements, _REQUIREMENTS),
    "default-extras": ("default_extras", _texts, _NAMES),
    "default-groups": ("default_groups", _texts, _NAMES),
    "variants": ("variants", _packages, "a table of packages, each with a label"),
    "sources": ("sources", _packages, "a table of packages, each with a place"),
    "index": ("index", _table, "a table of indexes"),
}
