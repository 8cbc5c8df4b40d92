"""``wheel audit`` over a folder and over a store, by whoever; noted, it is not done again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from variant_index import audit_file
from variant_index.locations import open_destination

from tests.index.object_store import ObjectStore, clean_environ
from tests.index.standins import stand_ins
from tests.workers.cluster import cluster
from variantctl.cli import main

pytest.importorskip("obstore")
WHEELS = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    list(stand_ins(tmp_path / "wheels", WHEELS))
    (tmp_path / "wheels" / "below").mkdir()
    shutil.move(next((tmp_path / "wheels").glob("*cu128.whl")), tmp_path / "wheels" / "below")
    return tmp_path / "wheels"


def audit(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["wheel", "audit", "--json", *map(str, arguments)]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_a_folder_by_one_and_by_two(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = audit(capsys, folder, "--workers", "1")
    assert one == audit(capsys, folder, "--workers", "2")
    assert len(one["wheels"]) == WHEELS
    assert {wheel["path"] for wheel in one["wheels"]} == {str(path) for path in folder.rglob("*.whl")}
    assert {tuple(library["cuda"]["cubin"]) for library in one["libraries"]} == {("80",), ("100", "90")}


def test_files_are_called_as_they_were_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    names = sorted(path.name for path in folder.glob("*.whl"))
    found = audit(capsys, *names, "missing-1-py3-none-any.whl", code=1)
    assert [wheel["path"] for wheel in found["wheels"]] == [*names, "missing-1-py3-none-any.whl"]


def test_a_store_by_processes_and_by_a_cluster_is_noted(
    store: ObjectStore,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = store.bucket("audited")
    destination = open_destination(url)
    for path in folder.rglob("*.whl"):
        destination.place(f"files/{path.name}", path)
    destination.write("files/bad-1-py3-none-any.whl", b"no wheel")
    here = audit(capsys, f"{url}/files", "--workers", "1", code=1)
    assert here["wheels"][0]["error"]["message"].startswith("bad-1-py3-none-any.whl: it is cut short")
    assert here["wheels"][1]["path"] == f"{url}/files/{here['wheels'][1]['filename']}"
    assert len(here["wheels"]) == WHEELS + 1
    with cluster(tmp_path / "dask", 2, clean_environ(store)) as dask:
        there = audit(capsys, f"{url}/files", "--workers", dask.url, "--journal", f"{url}/notes", code=1)
    assert there == here
    fetched: list[str] = []
    original = audit_file._audit

    def counting(wheel: audit_file.WheelAt, report: Any) -> Any:
        fetched.append(wheel.path)
        return original(wheel, report)

    monkeypatch.setattr(audit_file, "_audit", counting)
    assert audit(capsys, f"{url}/files", "--journal", f"{url}/notes", code=1) == here
    assert fetched == ["bad-1-py3-none-any.whl"]
    # Another file under the same name is another wheel, and what was damaged is read again.
    destination.place("files/bad-1-py3-none-any.whl", next(folder.glob("*cu126.whl")))
    for number, note in enumerate(list(destination.list("notes"))[:4]):
        destination.write(note.path, (b"", b"{}", b'{"libraries": [{}]}', b"\xff")[number])
    again = audit(capsys, f"{url}/files", "--journal", f"{url}/notes", code=1)
    assert len(fetched) == 1 + 1 + 4
    assert again["wheels"][1:] == here["wheels"][1:]


def test_a_folder_without_wheels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = audit(capsys, tmp_path, code=1)
    assert found["error"]["message"] == f"{tmp_path}: there are no wheels there"
