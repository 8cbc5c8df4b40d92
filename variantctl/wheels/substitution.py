"""A wheel with another METADATA: RECORD follows, and every other file keeps its compressed bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from variantctl.wheels.archive import CHUNK, WheelArchive
from variantctl.wheels.record import SIGNATURES, entry_for
from variantctl.wheels.zipwriter import ZipWriter


class Substitution:
    """What takes the place of a wheel. The same wheel and METADATA give the same bytes.

    Opening reads METADATA's neighbour RECORD; ``write`` then reads the files once, in the order in which they
    lie in the archive.

    Args:
        archive: the wheel.
        metadata: the content of its METADATA from now on.

    Attributes:
        size: of what ``write`` writes, in bytes.
    """

    def __init__(self, archive: WheelArchive, metadata: bytes) -> None:
        folder = archive.dist_info
        self._archive = archive
        self._name = f"{folder}/METADATA"
        self._metadata = metadata
        self._record_name = f"{folder}/RECORD"
        # A signature is one of RECORD, which changes: it would only be wrong.
        self._dropped = {self._record_name, *(f"{folder}/{name}" for name in SIGNATURES)}
        self._record = self._changed_record(archive.read(self._record_name))
        counter = _Counter()
        self._write(cast(BinaryIO, counter), copied=False)
        self.size = counter.count

    def write(self, file: BinaryIO) -> None:
        """Write the wheel.

        Raises:
            WheelError: the archive is damaged.
        """
        self._write(file, copied=True)

    def _write(self, file: BinaryIO, *, copied: bool) -> None:
        writer = ZipWriter(file)
        in_order = sorted(self._archive.infos.values(), key=lambda info: info.header_offset)
        for info in in_order:
            name = info.filename
            if name == self._name:
                writer.add(name, self._metadata)
            elif name not in self._dropped:
                stored = self._archive.compressed_chunks(name) if copied else _zeros(info.compress_size)
                writer.copy(info, stored)
        writer.add(self._record_name, self._record)
        writer.close()

    def _changed_record(self, record: bytes) -> bytes:
        """RECORD with the hash of the new METADATA, and without the files that are left out."""
        lines = list(io.StringIO(record.decode("utf-8-sig"), newline=""))
        end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        kept = []
        for line in lines:
            path = next(csv.reader([line]), [""])[0]
            if path == self._name:
                kept.append(entry_for(path, self._metadata).row() + end)
            elif path == self._record_name or path not in self._dropped:
                kept.append(line)
        return "".join(kept).encode()


class _Counter:
    """Counts what is written to it."""

    def __init__(self) -> None:
        self.count = 0

    def write(self, data: bytes) -> int:
        self.count += len(data)
        return len(data)


def _zeros(size: int) -> Iterator[bytes]:
    """As many bytes, for the sake of their number."""
    piece = bytes(min(size, CHUNK))
    while size > 0:
        yield piece[:size] if size < len(piece) else piece
        size -= len(piece)
