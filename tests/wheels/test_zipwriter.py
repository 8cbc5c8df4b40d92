"""Zip files written by hand, read back by zipfile and by Info-ZIP's rules for large ones."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from hypothesis import given
from hypothesis import strategies as st

from variantctl.wheels.zipwriter import ZipWriter


@given(st.dictionaries(st.text("abcé中/._-", min_size=1).filter(lambda n: not n.endswith("/")), st.binary()))
def test_zipfile_reads_what_was_written(contents: dict[str, bytes]) -> None:
    file = io.BytesIO()
    writer = ZipWriter(file)
    for number, (name, content) in enumerate(contents.items()):
        writer.add(name, content, compress=bool(number % 2), mode=0o755)
    writer.close()
    with ZipFile(file) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == contents
        assert all(info.external_attr >> 16 == 0o100755 for info in archive.infolist())


def test_more_members_than_an_old_directory_can_count() -> None:
    file = io.BytesIO()
    writer = ZipWriter(file)
    for number in range(65_600):
        writer.add(f"{number}", b"")
    writer.close()
    # The zip64 end of the directory (APPNOTE 4.3.14): zipfile does without it, others do not.
    assert b"PK\x06\x06" in file.getvalue()[-200:]
    with ZipFile(file) as archive:
        assert len(archive.infolist()) == 65_600
        assert archive.read("65599") == b""


class Sparse:
    """A file in which long runs of zeros take no room."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        if len(data) >= 1 << 20 and not any(data[:1024]):
            self._file.seek(len(data), io.SEEK_CUR)
            return len(data)
        return self._file.write(data)


def test_members_and_offsets_beyond_four_gibibytes(tmp_path: Path) -> None:
    path, size = tmp_path / "large.zip", 5 << 30
    large = ZipInfo("large.bin")
    large.compress_size = large.file_size = size
    large.CRC = 0
    with path.open("wb") as file:
        writer = ZipWriter(Sparse(file))  # type: ignore[arg-type]
        writer.copy(large, (bytes(1 << 25) for _ in range(size >> 25)))
        writer.add("after.txt", b"after")
        writer.close()
    with ZipFile(path) as archive:
        assert archive.getinfo("large.bin").file_size == size
        assert archive.getinfo("after.txt").header_offset > size
        assert archive.read("after.txt") == b"after"
        with archive.open("large.bin") as member:
            assert member.read(10) == bytes(10)
