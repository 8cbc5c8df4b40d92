"""The tables of families: shipped, and perhaps replaced by newer files (``variantctl knowledge update``).

A stored file lies in ``families/`` of the folder of knowledge, with its sha256 beside it. Of a stored and a
shipped file the newer counts, the shipped one where the other is damaged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from packaging.version import InvalidVersion, Version

from variantctl.backends.knowledge import (
    KnowledgeError,
    KnowledgeFolder,
    check_digest,
    drop,
    keep,
    kept,
    outdated,
    parsed_toml,
)
from variantctl.families.names import DATA, index_of, shipped_index
from variantctl.families.tables import FORMAT, KIND, read_family
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.nodes import Node

SHIPPED_ORIGIN = "variantctl"
_INDEX = "names.json"


@dataclass(frozen=True)
class FamilyFile:
    """One file.

    Attributes:
        name: of the family.
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


def parse_family_file(content: bytes, origin: str) -> FamilyFile:
    """Read a file of a family, and all that it says.

    Raises:
        KnowledgeError: it is too large, no TOML, of another format, or makes no sense.
    """
    data = parsed_toml(content, origin)
    try:
        top = Node(data, origin)
        if data.get("format") != FORMAT:
            raise top.error(f"format must be {FORMAT}", hint="A newer variantctl may understand it.")
        if data.get("kind") != KIND:
            raise top.error(f"kind must be {KIND!r}")
        name, version = top.require("name").text(), Version(top.require("version").text())
        if origin != SHIPPED_ORIGIN:
            read_family(name, data, origin)
    except InvalidVersion as error:
        raise KnowledgeError(f"{origin}: version: {error}") from None
    except InvalidVariantError as error:
        raise KnowledgeError(error.message, hint=error.hint) from None
    return FamilyFile(name, version, data, origin, hashlib.sha256(content).hexdigest())


def is_family_file(content: bytes, origin: str) -> bool:
    """Whether a file of knowledge is about a family, and not about a source of kind ``backends``.

    Raises:
        KnowledgeError: it is too large, or no TOML.
    """
    return parsed_toml(content, origin).get("kind") == KIND


class FamilyKnowledge:
    """The files of families.

    Args:
        folder: the folder of knowledge, as for sources of kind ``backends``.
    """

    def __init__(self, folder: KnowledgeFolder) -> None:
        self._folder = folder.folder / "families" if folder.folder is not None else None

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

    def current(self, name: str) -> FamilyFile:
        """What counts about a family: the newer of what is stored and what is shipped.

        Raises:
            KnowledgeError: only a stored file has it, and that cannot be used.
        """
        shipped = self._shipped_file(name)
        try:
            stored = self._stored_file(name)
        except KnowledgeError as error:
            if shipped is None:
                raise
            from variantctl.values import replace

            return replace(shipped, problem=error.message)
        newer = [each for each in (stored, shipped) if each is not None]
        return max(newer, key=lambda each: each.version)

    def store(self, content: bytes, *, origin: str, sha256: str, older: bool = False) -> FamilyFile:
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

    def _shipped_file(self, name: str) -> FamilyFile | None:
        if name not in {family for family, _ in self._shipped.values()}:
            return None
        content = Path(DATA, f"{name}.toml").read_bytes()
        return parse_family_file(content, SHIPPED_ORIGIN)

    def _stored_file(self, name: str) -> FamilyFile | None:
        path = self._stored.get(name)
        content = kept(path) if path is not None else None
        if path is None or content is None:
            return None
        found = parse_family_file(content, str(path))
        if found.name != name:
            raise KnowledgeError(f"{path}: is about {found.name}, not {name}")
        return found
