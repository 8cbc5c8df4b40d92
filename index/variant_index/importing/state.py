"""What an import has done so far: enough to go on after it was killed, and to do nothing twice.

Layout below the output folder::

    wheels/              the imported wheels
    simple/              the index of them
    .import/state.jsonl  a line for each wheel: where it is from, and how it was made; a later line counts
    .import/*.part       wheels that are being fetched
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variantctl.filesystem.atomic import written_whole
from variantctl.values import asdict, dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.properties import VariantProperty

FOLDER = ".import"


@dataclass(frozen=True)
class Imported:
    """One wheel that was imported.

    Attributes:
        source: the name of its source's file.
        backend: the label of the sub-index it is from.
        identity: what the source's file was: its hash, else its URL, size and time.
        requires: what it needed there.
        made: a digest of how it was made; another one: it has to be made again, of itself.
        size, time: of the wheel, in bytes and nanoseconds; other ones: somebody else wrote it.
        shown: the properties that its code shows; ``None``: it was imported before anybody looked.
    """

    source: str
    backend: str
    identity: str
    requires: tuple[str, ...]
    made: str
    size: int
    time: int
    shown: tuple[str, ...] | None = None

    def wheel(self) -> WheelFilename:
        """The source's filename, taken apart."""
        return parse_wheel_filename(self.source)


class ImportState:
    """The record of one output folder; a line that cannot be understood is forgotten, and its wheel fetched.

    Args:
        out: the output folder.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / FOLDER
        self.wheels = out / "wheels"
        self._path = self.folder / "state.jsonl"
        self._entries = _read(self._path)

    def entries(self) -> Mapping[str, Imported]:
        """Filename -> what is recorded of it, for the wheels that are still as they were made."""
        return {name: entry for name, entry in self._entries.items() if self._is_there(name, entry)}

    def begin(self) -> None:
        """Write the record afresh, a line for each wheel, and sweep up what a killed run was writing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in (*self.folder.glob("*.whl"), *self.folder.glob(".*.part")):
            left.unlink()
        with written_whole(self._path) as file:
            file.writelines(_line(name, entry) for name, entry in sorted(self._entries.items()))

    def record(
        self,
        name: str,
        *,
        source: str,
        backend: str,
        identity: str,
        requires: tuple[str, ...],
        made: str,
        shown: tuple[str, ...] | None,
    ) -> None:
        """Remember a wheel that was just written."""
        status = (self.wheels / name).stat()
        entry = Imported(source, backend, identity, requires, made, status.st_size, status.st_mtime_ns, shown)
        self._entries[name] = entry
        self._append(name, entry)

    def forget(self, name: str) -> None:
        """Remove a wheel and what is known of it."""
        (self.wheels / name).unlink(missing_ok=True)
        self._entries.pop(name, None)
        self._append(name, None)

    def _append(self, name: str, entry: Imported | None) -> None:
        with self._path.open("ab") as file:
            file.write(_line(name, entry))

    def _is_there(self, name: str, entry: Imported) -> bool:
        try:
            status = (self.wheels / name).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (entry.size, entry.time)


def _line(name: str, entry: Imported | None) -> bytes:
    return json.dumps([name, None if entry is None else asdict(entry)]).encode() + b"\n"


def _read(path: Path) -> dict[str, Imported]:
    """Every line that can be understood: the last one of a killed run may be cut short."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    entries: dict[str, Imported] = {}
    for line in lines:
        try:
            name, said = json.loads(line)
            entry = None if said is None else _entry(said)
            parse_wheel_filename(name)
            if entry is not None:
                entry.wheel()
        except (ValueError, KeyError, TypeError, AttributeError, InvalidVariantError):
            continue
        if entry is None:
            entries.pop(name, None)
        else:
            entries[name] = entry
    return entries


def _entry(said: dict[str, Any]) -> Imported:
    shown = said.get("shown")
    if shown is not None:
        shown = tuple(str(VariantProperty.parse(text)) for text in shown)
    return Imported(**{**said, "requires": tuple(said["requires"]), "shown": shown})
