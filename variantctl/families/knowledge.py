"""The tables of families: shipped, and perhaps replaced by newer files (``variantctl knowledge update``).

A stored file lies in ``families/`` of the folder of knowledge, with its sha256 beside it. Which names belong
to a family stands in ``data/names.json``, which is made of the tables (``python -m tests.families.names``).
Most runs only look names up, and so what reads tables is imported when one is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

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
    parsed_toml,
    stored_file,
)

if TYPE_CHECKING:
    from variantctl.families.family import Family
    from variantctl.variants.nodes import Node

DATA = os.path.join(os.path.dirname(__file__), "data")
"""Where the tables lie."""

_INDEX = "names.json"
_KIND = "family"


def parse_family_file(content: bytes, origin: str) -> KnowledgeFile:
    """Read a file of a family, and all that it says.

    Raises:
        KnowledgeError: it is too large, no TOML, of another format, or makes no sense.
    """
    return parse_file(content, origin, _checked)


def _checked(top: Node, file: KnowledgeFile) -> KnowledgeFile:
    from variantctl.families.tables import read_family

    if file.table.get("kind") != _KIND:
        raise top.error(f"kind must be {_KIND!r}")
    if file.origin != SHIPPED_ORIGIN:
        read_family(file.name, file.table, file.origin)
    return file


def is_family_file(content: bytes, origin: str) -> bool:
    """Whether a file of knowledge is about a family, and not about a source of kind ``backends``.

    Raises:
        KnowledgeError: it is too large, or no TOML.
    """
    return parsed_toml(content, origin).get("kind") == _KIND


def shipped_index(path: str) -> dict[str, tuple[str, str]]:
    """What ``data/names.json`` says: family -> identity -> distributions."""
    with open(path, "rb") as file:
        data = json.load(file)
    return {
        name: (family, identity)
        for family, identities in data.items()
        for identity, names in identities.items()
        for name in names
    }


def index_of(families: Iterable[Family]) -> dict[str, dict[str, list[str]]]:
    """The same, made of tables."""
    made: dict[str, dict[str, list[str]]] = {}
    for family in sorted(families, key=lambda each: each.name):
        for name, identity in sorted(family.names().items()):
            made.setdefault(family.name, {}).setdefault(identity, []).append(name)
    return made


class FamilyKnowledge:
    """The files of families.

    Args:
        folder: the folder of knowledge (``knowledge_files.user_folder``); ``None``: what is shipped counts.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "families" if folder is not None else None

    @cached_property
    def _shipped(self) -> Mapping[str, tuple[str, str]]:
        return shipped_index(f"{DATA}/{_INDEX}")

    @cached_property
    def _stored(self) -> Mapping[str, Path]:
        """Name -> the file, of those that were stored."""
        if self._folder is None or not self._folder.is_dir():
            return {}
        return {path.stem: path for path in sorted(self._folder.glob("*.toml"))}

    def names(self) -> list[str]:
        """What the families are called."""
        return sorted({family for family, _ in self._shipped.values()} | set(self._stored))

    def index(self) -> Mapping[str, tuple[str, str]]:
        """Distribution -> (family, identity). Of what is stored the tables are read, which is rare."""
        if not self._stored:
            return self._shipped
        from variantctl.families.tables import read_family

        changed = [
            read_family(name, self.current(name).table, "") for name in self._stored if self._is_used(name)
        ]
        names = {family.name for family in changed}
        index = {each: found for each, found in self._shipped.items() if found[0] not in names}
        for name, identities in index_of(changed).items():
            for identity, members in identities.items():
                index.update((member, (name, identity)) for member in members)
        return index

    def table(self, name: str) -> tuple[Mapping[str, object] | None, str, str]:
        """The table of a family, where it is from, and why a stored one is not used (or ``""``)."""
        if name not in self.names():
            return None, "", ""
        known = self.current(name)
        return known.table, known.origin, known.problem

    def current(self, name: str) -> KnowledgeFile:
        """What counts about a family: the newer of what is stored and what is shipped.

        Raises:
            KnowledgeError: only a stored file has it, and that cannot be used.
        """
        return newest(self._shipped_file(name), lambda: self._stored_file(name))

    def store(self, content: bytes, *, origin: str, sha256: str, older: bool = False) -> KnowledgeFile:
        """Keep a file, once everything about it is checked.

        Raises:
            KnowledgeError: the digest is another one, the file cannot be used, or is older than what is
                known.
            OSError: it cannot be written.
        """
        check_digest(content, origin=origin, sha256=sha256)
        new = parse_family_file(content, origin)
        if new.name in self.names() and new.version < (known := self.current(new.name)).version and not older:
            raise outdated(origin, new.version, known.version)
        keep(content, self._folder / f"{new.name}.toml" if self._folder is not None else None)
        self.__dict__.pop("_stored", None)
        return self.current(new.name)

    def forget(self) -> None:
        """Go back to what is shipped."""
        for path in self._stored.values():
            drop(path)
        self.__dict__.pop("_stored", None)

    def _is_used(self, name: str) -> bool:
        try:
            return self.current(name).origin != SHIPPED_ORIGIN
        except KnowledgeError:
            return False

    def _shipped_file(self, name: str) -> KnowledgeFile | None:
        if name not in {family for family, _ in self._shipped.values()}:
            return None
        content = Path(DATA, f"{name}.toml").read_bytes()
        return parse_family_file(content, SHIPPED_ORIGIN)

    def _stored_file(self, name: str) -> KnowledgeFile | None:
        return stored_file(self._stored.get(name), name, parse_family_file)
