"""What is known of sources with an index for each accelerator: shipped, and perhaps replaced by a newer file.

A file of knowledge is a table as :mod:`.tables` has it, with a head::

    format = 1
    name = "pytorch"
    version = "2026.11.29"       # a newer one goes before an older one
    url = "https://..."
    ...

It is stored with its sha256 beside it, and only ever by ``variantctl knowledge update``: nothing is fetched
unasked. Of a stored and the shipped file the newer counts, the shipped one where the other is damaged.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from packaging.version import InvalidVersion, Version

from variantctl.backends.source import BackendSource
from variantctl.backends.tables import SHIPPED, shipped_source, shipped_table
from variantctl.net.errors import SettingsError
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.nodes import Node

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMAT = 1
SHIPPED_ORIGIN = "variantctl"
MAX_BYTES = 4 << 20
_FOLDER = "VARIANTCTL_KNOWLEDGE_DIR"


class KnowledgeError(SettingsError):
    """A file of knowledge cannot be used."""

    kind = "knowledge"


@dataclass(frozen=True)
class Knowledge:
    """The knowledge about one source.

    Attributes:
        name: of the source.
        version: of the file.
        table: what it says, without the head.
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

    def source(self, changes: Node | None = None) -> BackendSource:
        """The source, with what configuration says about it in place of its own."""
        return shipped_source(self.name, changes, self.table)


def parse_knowledge(content: bytes, origin: str) -> Knowledge:
    """Read a file of knowledge, and all that it says.

    Args:
        content: the file.
        origin: what it is called in messages; what is shipped needs no check of its table.

    Raises:
        KnowledgeError: it is too large, no TOML, of another format, or its table makes no sense.
    """
    data = parsed_toml(content, origin)
    try:
        top = Node(data, origin)
        if data.get("format") != FORMAT:
            raise top.error(f"format must be {FORMAT}", hint="A newer variantctl may understand it.")
        name, version = top.require("name").text(), Version(top.require("version").text())
        if name not in SHIPPED:
            raise top.error(f"is about {name!r}; known are: {', '.join(SHIPPED)}")
        table = {key: value for key, value in data.items() if key not in ("format", "name", "version")}
        found = Knowledge(name, version, table, origin, hashlib.sha256(content).hexdigest())
        if origin != SHIPPED_ORIGIN:
            found.source()
    except InvalidVersion as error:
        raise KnowledgeError(f"{origin}: version: {error}") from None
    except InvalidVariantError as error:
        raise KnowledgeError(error.message, hint=error.hint) from None
    return found


def shipped_knowledge(name: str) -> Knowledge:
    """What comes with variantctl."""
    return parse_knowledge(shipped_table(name), SHIPPED_ORIGIN)


class KnowledgeFolder:
    """Where newer files of knowledge are kept.

    Args:
        folder: the folder; ``None``: there is none, and what is shipped counts.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> KnowledgeFolder:
        """``VARIANTCTL_KNOWLEDGE_DIR`` (empty: none), else a folder of the user's data folder."""
        named = environ.get(_FOLDER)
        if named is not None:
            return cls(Path(named).expanduser() if named else None)
        from platformdirs import user_data_dir

        return cls(Path(user_data_dir("variantctl", appauthor=False)) / "knowledge")

    def current(self, name: str) -> Knowledge:
        """What counts about a source: the newer of what is stored and what is shipped."""
        shipped = shipped_knowledge(name)
        try:
            stored = self._stored(name)
        except KnowledgeError as error:
            from variantctl.values import replace

            return replace(shipped, problem=error.message)
        return stored if stored is not None and stored.version > shipped.version else shipped

    def store(self, content: bytes, *, origin: str, sha256: str, older: bool = False) -> Knowledge:
        """Keep a file of knowledge, once everything about it is checked.

        Args:
            content: the file.
            origin: where it is from, for messages.
            sha256: what its digest must be.
            older: keep it even if what is known is newer; it counts only where the shipped one is older.

        Raises:
            KnowledgeError: the digest is another one, the file cannot be used, or is older than what is
                known.
            OSError: it cannot be written.
        """
        check_digest(content, origin=origin, sha256=sha256)
        new = parse_knowledge(content, origin)
        known = self.current(new.name)
        if new.version < known.version and not older:
            raise outdated(origin, new.version, known.version)
        keep(content, self._path(new.name) if self.folder is not None else None)
        return self.current(new.name)

    def forget(self, name: str) -> bool:
        """Go back to what is shipped; whether there was anything to forget."""
        return drop(self._path(name))

    def _path(self, name: str) -> Path:
        return (self.folder or Path()) / f"{name}.toml"

    def _stored(self, name: str) -> Knowledge | None:
        path = self._path(name)
        content = kept(path) if self.folder is not None else None
        if content is None:
            return None
        found = parse_knowledge(content, str(path))
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
    try:
        data: dict[str, object] = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise KnowledgeError(f"{origin}: is no TOML file: {error}") from None
    return data
