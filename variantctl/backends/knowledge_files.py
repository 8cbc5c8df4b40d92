"""Files of knowledge: tables of sources and of families, each with a head, kept with their sha256.

Most runs only ask where such files lie: what reads one is imported when one is read.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from variantctl.net.errors import SettingsError
from variantctl.values import dataclass, replace

if TYPE_CHECKING:
    from packaging.version import Version

    from variantctl.variants.nodes import Node

FORMAT = 1
SHIPPED_ORIGIN = "variantctl"
MAX_BYTES = 4 << 20
_FOLDER = "VARIANTCTL_KNOWLEDGE_DIR"


class KnowledgeError(SettingsError):
    """A file of knowledge cannot be used."""

    kind = "knowledge"


@dataclass(frozen=True)
class KnowledgeFile:
    """One file.

    Attributes:
        name: of the source or the family.
        version: of the file.
        table: what it says.
        origin: its path; ``variantctl`` where it is shipped.
        sha256: of the file.
        problem: why a stored file is not used in its place; ``""`` where there is none.
    """

    name: str
    version: Version
    table: Mapping[str, object]
    origin: str
    sha256: str
    problem: str = ""


AnyFile = TypeVar("AnyFile", bound=KnowledgeFile)


def user_folder(environ: Mapping[str, str]) -> Path | None:
    """``VARIANTCTL_KNOWLEDGE_DIR`` (empty: none), else a folder of the user's data folder."""
    named = environ.get(_FOLDER)
    if named is not None:
        return Path(named).expanduser() if named else None
    from platformdirs import user_data_dir

    return Path(user_data_dir("variantctl", appauthor=False)) / "knowledge"


def parse_file(content: bytes, origin: str, checked: Callable[[Node, KnowledgeFile], AnyFile]) -> AnyFile:
    """Read the head of a file of knowledge, and have the rest of it checked.

    Args:
        content: the file.
        origin: what it is called in messages.
        checked: gives the file as its kind has it; raises ``InvalidVariantError`` of what makes no sense.

    Raises:
        KnowledgeError: it is too large, no TOML, of another format, or makes no sense.
    """
    from packaging.version import Version

    from variantctl.variants.errors import InvalidVariantError
    from variantctl.variants.nodes import Node

    data = parsed_toml(content, origin)
    try:
        top = Node(data, origin)
        if data.get("format") != FORMAT:
            raise top.error(f"format must be {FORMAT}", hint="A newer variantctl may understand it.")
        name, version = top.require("name").text(), Version(top.require("version").text())
        return checked(top, KnowledgeFile(name, version, data, origin, hashlib.sha256(content).hexdigest()))
    except InvalidVariantError as error:
        raise KnowledgeError(error.message, hint=error.hint) from None
    except ValueError as error:  # InvalidVersion, and int() on thousands of digits
        raise KnowledgeError(f"{origin}: version: {error}") from None


def newest(shipped: AnyFile | None, stored: Callable[[], AnyFile | None]) -> AnyFile:
    """What counts: the newer of what is stored and what is shipped, which also stands in for a damaged one.

    Raises:
        KnowledgeError: only a stored file has it, and that cannot be used.
    """
    try:
        there = stored()
    except KnowledgeError as error:
        if shipped is None:
            raise
        return replace(shipped, problem=error.message)
    return max((each for each in (shipped, there) if each is not None), key=lambda each: each.version)


def stored_file(path: Path | None, name: str, parse: Callable[[bytes, str], AnyFile]) -> AnyFile | None:
    """The file that was kept at a path; ``None`` where there is none.

    Raises:
        KnowledgeError: it cannot be used, or is about something else.
    """
    content = kept(path) if path is not None else None
    if path is None or content is None:
        return None
    found = parse(content, str(path))
    if found.name != name:
        raise KnowledgeError(f"{path}: is about {found.name}, not {name}")
    return found


def check_digest(content: bytes, *, origin: str, sha256: str) -> None:
    """Refuse a file that is not the one that its checksum is of.

    Raises:
        KnowledgeError: it is not.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256.lower():
        raise KnowledgeError(
            f"{origin}: its sha256 is {digest}, not {sha256}",
            hint="The file is not the one that the checksum is of; nothing was changed.",
        )


def outdated(origin: str, version: Version, known: Version) -> KnowledgeError:
    """What to say of a file that is older than what is known."""
    return KnowledgeError(
        f"{origin}: version {version} is older than {known}, which is known already",
        hint="--allow-older takes it all the same.",
    )


def keep(content: bytes, path: Path | None) -> None:
    """Write a file of knowledge, with its sha256 beside it.

    Raises:
        KnowledgeError: there is no folder for it.
        OSError: it cannot be written.
    """
    from variantctl.filesystem.atomic import written_whole

    if path is None:
        raise KnowledgeError(f"{_FOLDER} is empty: there is no folder to keep it in")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f"{path.name}.sha256").unlink(missing_ok=True)
    with written_whole(path) as file:
        file.write(content)
    with written_whole(path.with_name(f"{path.name}.sha256")) as file:
        file.write(f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())


def kept(path: Path) -> bytes | None:
    """A file that was written so; ``None`` where there is none.

    Raises:
        KnowledgeError: it cannot be read, or is not as it was written.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        promised = path.with_name(f"{path.name}.sha256").read_text("utf-8").split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: cannot be read: {error}") from None
    if promised[:1] != [hashlib.sha256(content).hexdigest()]:
        raise KnowledgeError(f"{path}: was changed since it was stored (its sha256 is another one)")
    return content


def drop(path: Path) -> bool:
    """Remove such a file; whether there was one."""
    there = path.is_file()
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.sha256").unlink(missing_ok=True)
    return there


def parsed_toml(content: bytes, origin: str) -> dict[str, object]:
    """A file of knowledge as TOML.

    Raises:
        KnowledgeError: it is too large, or is none.
    """
    if len(content) > MAX_BYTES:
        raise KnowledgeError(f"{origin}: is longer than {MAX_BYTES:,} bytes")
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        data: dict[str, object] = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # of a number with thousands of digits, too
        raise KnowledgeError(f"{origin}: is no TOML file: {error}") from None
    return data
