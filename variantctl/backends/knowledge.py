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

from collections.abc import Mapping
from pathlib import Path

from variantctl.backends.knowledge_files import (
    SHIPPED_ORIGIN,
    KnowledgeError,
    KnowledgeFile,
    check_digest,
    drop,
    keep,
    newest,
    outdated,
    parse_file,
    stored_file,
    user_folder,
)
from variantctl.backends.source import BackendSource
from variantctl.backends.tables import SHIPPED, shipped_source, shipped_table
from variantctl.values import dataclass
from variantctl.variants.nodes import Node

__all__ = ["Knowledge", "KnowledgeError", "KnowledgeFolder", "parse_knowledge", "shipped_knowledge"]


@dataclass(frozen=True)
class Knowledge(KnowledgeFile):
    """The knowledge about one source; its table is without the head."""

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
    return parse_file(content, origin, _checked)


def _checked(top: Node, file: KnowledgeFile) -> Knowledge:
    if file.name not in SHIPPED:
        raise top.error(f"is about {file.name!r}; known are: {', '.join(SHIPPED)}")
    table = {key: value for key, value in file.table.items() if key not in ("format", "name", "version")}
    found = Knowledge(file.name, file.version, table, file.origin, file.sha256)
    if file.origin != SHIPPED_ORIGIN:
        found.source()
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
        return cls(user_folder(environ))

    def current(self, name: str) -> Knowledge:
        """What counts about a source: the newer of what is stored and what is shipped."""
        return newest(shipped_knowledge(name), lambda: self._stored(name))

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
        return stored_file(self._path(name) if self.folder is not None else None, name, parse_knowledge)
