"""``wheel audit``: what the libraries in wheels were built for, however the wheels are made."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.machine_code.files import elf_library, fatbin
from variantctl.cli import main
from variantctl.wheels import audit as audit_module
from variantctl.wheels.build import build_wheel

GPU = elf_library({".nv_fatbin": fatbin("cubin 75", "cubin 90a", "ptx 120")}, needed=["libcudart.so.13"])


def wheel(folder: Path, **files: bytes) -> Path:
    named = {f"thing/{name}.so": content for name, content in files.items()}
    files_of = {"thing/__init__.py": b"", **named}
    return build_wheel(folder, name="thing", version="1", tag="py3-none-linux_x86_64", files=files_of)


def audit(capsys: pytest.CaptureFixture[str], *paths: Path, code: int = 0) -> dict[str, Any]:
    assert main(["wheel", "audit", "--json", *map(str, paths)]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_json_of_the_design(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = wheel(tmp_path, gpu=GPU, plain=elf_library(needed=["libc.so.6"]))
    found = audit(capsys, path)
    assert found["format"] == 1
    assert [entry["filename"] for entry in found["wheels"]] == [path.name]
    gpu, plain = found["libraries"]
    assert {key: gpu[key] for key in ("wheel", "name", "needed", "amd", "intel")} == {
        "wheel": path.name,
        "name": "thing/gpu.so",
        "needed": ["libcudart.so.13"],
        "amd": [],
        "intel": [],
    }
    assert gpu["cuda"] == {"cubin": ["75", "90a"], "ptx": ["120"], "lto": [], "ptx_isa": "9.0"}
    assert plain["cuda"] == {"cubin": [], "ptx": [], "lto": [], "ptx_isa": None}


def test_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wheel", "audit", str(wheel(tmp_path, gpu=GPU))]) == 0
    shown = capsys.readouterr().out
    for text in ("thing/gpu.so", "libcudart.so.13", "sm_75, sm_90a", "compute_120 (PTX 9.0)"):
        assert text in shown


def test_large_members_go_through_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wheel(tmp_path, gpu=GPU)
    in_memory = audit(capsys, path)
    monkeypatch.setattr(audit_module, "IN_MEMORY", 100)
    assert audit(capsys, path) == in_memory


def test_a_library_by_itself_and_a_file_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library, text = tmp_path / "gpu.so", tmp_path / "notes.txt"
    library.write_bytes(GPU)
    text.write_text("nothing")
    found = audit(capsys, library, text, tmp_path / "missing.so", code=1)
    assert [entry["name"] for entry in found["libraries"]] == ["gpu.so"]
    assert [("error" in entry) for entry in found["wheels"]] == [False, True, True]
    assert found["error"] == found["wheels"][1]["error"]


def test_damaged_members_are_said_beside_the_sound_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = wheel(tmp_path, gpu=GPU, cut=GPU[:-40], other=GPU)
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        offset = archive.getinfo("thing/other.so").header_offset
    data[offset + 60] ^= 0xFF
    path.write_bytes(data)
    found = audit(capsys, path)
    by_name = {entry["name"]: entry for entry in found["libraries"]}
    assert by_name["thing/gpu.so"]["problems"] == []
    assert "table of sections" in by_name["thing/cut.so"]["problems"][0]
    assert "thing/other.so" not in by_name
    assert "thing/other.so" in found["wheels"][0]["problems"][0]


def test_a_bomb_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bomb-1-py3-none-any.whl"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("bomb-1.dist-info/METADATA", "Name: bomb\n")
        archive.writestr("bomb/lib.so", b"\x7fELF" + bytes(300 << 20))
    found = audit(capsys, path, code=1)
    assert "times its size" in found["wheels"][0]["error"]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_memory_stays_small_on_a_large_member(tmp_path: Path) -> None:
    large = elf_library({".nv_fatbin": fatbin("cubin 75"), ".text": bytes(250 << 20)}, needed=["libc.so.6"])
    path = wheel(tmp_path, large=large)
    program = (
        "import sys; from pathlib import Path; from variantctl.cli import main; code = main(sys.argv[1:]);"
        "print(Path('/proc/self/status').read_text()); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, "wheel", "audit", "--json", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    peak = re.search(r"VmHWM:\s+(\d+) kB", said)
    assert peak is not None
    assert int(peak[1]) < 100 << 10
