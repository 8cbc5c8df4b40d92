"""How a stored wheel's manifest is laid out: a head, the stamps of its files, and the rows of RECORD.

The head and the stamps are a line of JSON each; the rows follow as they are, for in JSON each line's end
would have to be undone. A child process reads this that has no time to import much: nor does this module.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    #: Of each folder: the sizes of its files, in bytes, and when each was last modified, in nanoseconds.
    Stamps = Sequence[tuple[list[int], Sequence[int]]]
    #: Of each folder: its path, the names of its files, those that are executable, and their rows of RECORD.
    Row = tuple[str, list[str], list[str], str]

FORMAT = 3


def join(head: Mapping[str, Any], rows: Sequence[Row], stamps: Stamps) -> bytes:
    """A manifest."""
    folders = [(path, names, executables, len(record)) for path, names, executables, record in rows]
    whole = {"format": FORMAT, **head, "folders": folders}
    lines = [json.dumps(line, separators=(",", ":")) for line in (whole, stamps)]
    return "\n".join([*lines, "".join(record for *_, record in rows)]).encode()


def head_of(manifest: bytes) -> dict[str, Any]:
    """What a manifest says of the wheel.

    Raises:
        ValueError, LookupError, TypeError: it is damaged, or of another format.
    """
    head: dict[str, Any] = json.loads(manifest.partition(b"\n")[0])
    if head["format"] != FORMAT:
        raise ValueError(f"format {head['format']!r}")
    return head


def stamps_of(manifest: bytes) -> Stamps:
    """What tells whether the files are as they were written.

    Raises:
        ValueError, LookupError: the manifest is damaged.
    """
    stamps: Stamps = json.loads(manifest.split(b"\n", 2)[1])
    return stamps


def rows_of(manifest: bytes, head: Mapping[str, Any]) -> Iterator[Row]:
    """The folders of a manifest, whose head this is.

    Raises:
        ValueError, LookupError, TypeError: the manifest is damaged.
    """
    record = manifest.split(b"\n", 2)[2].decode()
    start = 0
    for path, names, executables, length in head["folders"]:
        yield path, names, executables, record[start : start + length]
        start += length
    if start != len(record):
        raise ValueError("it is cut short")
