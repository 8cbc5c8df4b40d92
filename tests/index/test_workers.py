"""An index made by several workers is the one that one process makes, whoever is killed on the way."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index import one_file
from variant_index.bucket import Bucket
from variant_index.indexed_file import inside_of
from variant_index.journal import FOLDER
from variant_index.locations import open_destination
from variant_index.operations import IndexAt
from variant_index.state import read_state
from variant_index.verify import verify_index

from tests.index.object_store import ObjectStore, clean_environ
from tests.index.standins import index_bytes, stand_ins
from tests.index.stored_index import clear, start
from tests.index.test_importing import tree_bytes
from tests.machine_code.files import elf_library, fatbin
from tests.workers.cluster import Cluster, cluster
from variantctl.cli import main
from variantctl.wheels.build import build_wheel

pytest.importorskip("obstore")
WHEELS = 60
SIBLINGS = ("torch", "torchvision", "torchaudio", "torchcodec", "torchao", "torchrec")


@pytest.fixture(scope="module")
def dask(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask"), 4, clean_environ(store)) as running:
        yield running


@pytest.fixture(params=[24])
def bucket(store: ObjectStore, tmp_path: Path, request: pytest.FixtureRequest) -> Bucket:
    """A bucket with stand-in wheels below ``files/``."""
    url = store.bucket(f"b{abs(hash(request.node.name)):x}")
    destination = open_destination(url)
    assert isinstance(destination, Bucket)
    for path in stand_ins(tmp_path / "wheels", request.param):
        destination.place(f"files/{path.name}", path)
    return destination


def noted(bucket: Bucket) -> int:
    return len(list(bucket.list(FOLDER)))


def wait_for_notes(bucket: Bucket, count: int, process: subprocess.Popen[str]) -> None:
    while noted(bucket) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.mark.parametrize("bucket", [WHEELS], indirect=True)
def test_four_workers_of_which_one_is_killed_make_the_index_of_one_process(
    bucket: Bucket, dask: Cluster
) -> None:
    running = start(bucket, "--workers", dask.url)
    wait_for_notes(bucket, 5, running)
    victim = dask.workers.pop()
    victim.kill()
    victim.wait()
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, err + dask.logs()
    assert json.loads(out)["read"] == WHEELS
    assert noted(bucket) == 0
    by_workers = index_bytes(bucket)
    clear(bucket)
    assert main(["index", "build", f"{bucket.name}/files", "-o", bucket.name, "--workers", "1"]) == 0
    by_one = index_bytes(bucket)
    assert by_workers == by_one
    assert len([path for path in by_one if path.endswith("index.json")]) == 6
    assert verify_index(IndexAt(bucket.name).publisher()).problems == ()
    page = bucket.read("simple/p0/index.json")
    assert page is not None
    state = read_state("p0", page.content, "page")
    inside = {name.split("-")[-1]: inside_of(file) for name, file in state.files.items()}
    assert inside["cu128.whl"] is not None
    assert (inside["cu128.whl"].cubin, inside["cu128.whl"].ptx) == (("100", "90"), ("90",))
    assert inside["cu128.whl"].needs == ("libcudart.so.12",)


def test_a_run_that_was_killed_goes_on_where_it_was(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    running = start(bucket, "--workers", "1")
    wait_for_notes(bucket, 7, running)
    running.kill()
    running.communicate()
    before = noted(bucket)
    assert 7 <= before < 24
    read: list[str] = []
    original = one_file._read

    def counting(task: one_file.FileAt, *rest: object) -> object:
        read.append(task.path)
        return original(task, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(one_file, "_read", counting)
    assert main(["index", "build", f"{bucket.name}/files", "-o", bucket.name, "--workers", "1"]) == 0
    assert len(read) == 24 - before
    assert noted(bucket) == 0
    assert verify_index(IndexAt(bucket.name).publisher()).problems == ()


def test_what_was_noted_by_somebody_else_is_read_again(bucket: Bucket, tmp_path: Path) -> None:
    running = start(bucket, "--workers", "1")
    wait_for_notes(bucket, 3, running)
    running.kill()
    running.communicate()
    for number, found in enumerate(list(bucket.list(FOLDER))):
        bucket.write(found.path, (b"", b"[]", b'{"filename": 1}', b"\xff" * 9)[number % 4])
    assert main(["index", "build", f"{bucket.name}/files", "-o", bucket.name, "--workers", "1"]) == 0
    assert verify_index(IndexAt(bucket.name).publisher()).problems == ()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_bad_wheel_is_named_and_nothing_is_published(
    workers: str, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.write("files/bad-1-py3-none-any.whl", b"not a wheel")
    arguments = ["index", "build", f"{bucket.name}/files", "-o", bucket.name, "--workers", workers]
    assert main(arguments) == 1
    assert "bad-1-py3-none-any.whl: it is cut short or not a zip file" in capsys.readouterr().err
    assert bucket.read("simple/index.json") is None


def test_a_folder_by_processes(tmp_path: Path) -> None:
    list(stand_ins(tmp_path / "wheels", 24, size=5_000_000))
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert main(["index", "build", str(tmp_path / "wheels"), "-o", str(out), "--workers", workers]) == 0
        assert not list(out.glob(".work/read/*"))
    assert index_bytes(open_destination(tmp_path / "1")) == index_bytes(open_destination(tmp_path / "2"))


def test_workers_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "build", str(tmp_path), "-o", str(tmp_path / "out"), "--workers", "many"]) == 2
    assert "argument --workers: 'many' names no workers" in capsys.readouterr().err


def test_an_import_by_a_cluster_is_the_one_of_this_process(dask: Cluster, tmp_path: Path) -> None:
    """The workers make the wheels; this process fetches them, and notes what is done."""
    for label in ("cu126", "cpu"):
        for number, name in enumerate(SIBLINGS):
            library = elf_library({".nv_fatbin": fatbin("cubin 80", f"ptx {80 + number}")})
            files = {f"{name}.so": library if label == "cu126" else elf_library({})}
            build_wheel(tmp_path / "whl" / label, name=name, version=f"1+{label}", files=files)
    packages = [part for name in SIBLINGS for part in ("--package", name)]
    command = ["index", "import", "--from", str(tmp_path / "whl"), "--mapping", "pytorch", *packages]
    assert main([*command, "-o", str(tmp_path / "alone")]) == 0
    assert main([*command, "-o", str(tmp_path / "by-cluster"), "--workers", dask.url]) == 0
    made = [tree_bytes(tmp_path / out) for out in ("alone", "by-cluster")]
    assert len(made[0]) > 12
    assert made[0] == made[1]
