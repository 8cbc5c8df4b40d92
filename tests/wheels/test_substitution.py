"""A wheel with another METADATA is sound, keeps its other files, and is as long as was announced."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel
from variantctl.wheels.substitution import Substitution
from variantctl.wheels.verify import verify_archive


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    files = {"demo/__init__.py": b"x = 1\n", "demo/data.bin": bytes(range(256)) * 3000, "demo/ä.txt": b"?"}
    return build_wheel(tmp_path, name="demo", version="1.0", files=files, requires=["a", "b; os_name == 'x'"])


def test_metadata_and_record_change_alone(wheel: Path, tmp_path: Path) -> None:
    with WheelArchive.open(wheel) as archive:
        metadata = archive.metadata_bytes().replace(b"Requires-Dist: a\n", b"")
        others = {name: archive.read(name) for name in archive.names if "dist-info" not in name}
        substitution = Substitution(archive, metadata)
        written, again = io.BytesIO(), io.BytesIO()
        substitution.write(written)
        substitution.write(again)
    assert written.getvalue() == again.getvalue()
    assert len(written.getvalue()) == substitution.size
    with WheelArchive.from_file(io.BytesIO(written.getvalue()), wheel.name) as archive:
        verify_archive(archive)
        assert archive.metadata_bytes() == metadata
        assert {name: archive.read(name) for name in others} == others
        assert archive.names[-1] == "demo-1.0.dist-info/RECORD"


def test_signatures_and_descriptors_are_left_behind(wheel: Path, tmp_path: Path) -> None:
    """A wheel from a writer that could not seek, signed."""

    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: object) -> int:
            self.data += data  # type: ignore[arg-type]
            return len(data)  # type: ignore[arg-type]

    target = Unseekable()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in reversed(source.namelist()):
            copy.writestr(name, source.read(name))
        copy.writestr("demo-1.0.dist-info/RECORD.jws", b"signed")
    with WheelArchive.from_file(io.BytesIO(bytes(target.data)), wheel.name) as archive:
        written = io.BytesIO()
        substitution = Substitution(archive, archive.metadata_bytes() + b"\nhello\n")
        substitution.write(written)
    assert len(written.getvalue()) == substitution.size
    with WheelArchive.from_file(written, wheel.name) as archive:
        verify_archive(archive)
        assert "demo-1.0.dist-info/RECORD.jws" not in archive
