"""``index import`` into an object store: workers read and write there, and who is killed changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from variant_index import one_file
from variant_index.bucket import Bucket
from variant_index.errors import Conflict
from variant_index.importing import remote_making
from variant_index.importing.remote_making import LOOKED, MADE
from variant_index.locations import open_destination
from variant_index.operations import IndexAt
from variant_index.verify import verify_index

from tests.index.object_store import ObjectStore, clean_environ
from tests.index.standins import index_bytes
from tests.machine_code.files import elf_library, fatbin
from tests.workers.cluster import Cluster, cluster
from variantctl.cli import main
from variantctl.wheels.build import build_wheel

pytest.importorskip("obstore")
SIBLINGS = ("torch", "torchvision", "torchaudio", "torchcodec", "torchao", "torchrec")
LABELS = ("cpu", "cu126", "cu128", "cu130")
WHEELS = len(SIBLINGS) * len(LABELS)
PACKAGES = [part for name in SIBLINGS for part in ("--package", name)]
_TIME = re.compile(rb'[ \w"-]*upload-time"?[:=] ?"[^"]*",?')


@pytest.fixture(scope="module")
def dask(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask"), 3, clean_environ(store)) as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PyTorch's layout; the code has other GPUs than the mapping, and needs something."""
    folder = tmp_path_factory.mktemp("whl")
    for label in LABELS:
        for number, name in enumerate(SIBLINGS):
            code = fatbin("cubin 80", f"ptx {80 + number}") if label != "cpu" else b""
            files = {
                f"{name}.so": elf_library({".nv_fatbin": code} if code else {}),
                "data": os.urandom(9000),
            }
            needs = ["torch==1"] if name != "torch" else []
            build_wheel(folder / label, name=name, version=f"1+{label}", files=files, requires=needs)
    return folder


@pytest.fixture(scope="module")
def source(store: ObjectStore, folder: Path) -> Bucket:
    """The same in a bucket."""
    bucket = open_destination(f"{store.bucket('source')}/whl")
    assert isinstance(bucket, Bucket)
    for path in folder.rglob("*.whl"):
        bucket.place(path.relative_to(folder).as_posix(), path)
    return bucket


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process makes of the folder."""
    out = tmp_path_factory.mktemp("alone")
    assert main(["index", "import", "--from", str(folder), *PACKAGES, "-o", str(out)]) == 0
    return out


@pytest.fixture
def out(store: ObjectStore, request: pytest.FixtureRequest) -> Bucket:
    bucket = open_destination(store.bucket(f"o{abs(hash(request.node.name)):x}"))
    assert isinstance(bucket, Bucket)
    return bucket


def command(source: Bucket, out: Bucket, *arguments: str) -> list[str]:
    return ["index", "import", "--from", source.name, *PACKAGES, "-o", out.name, *arguments]


def start(source: Bucket, out: Bucket, *arguments: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "variantctl", *command(source, out, "--json", *arguments)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(out: Bucket, folder: str, count: int, process: subprocess.Popen[str]) -> None:
    while len(list(out.list(folder))) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def wheels_of(out: Bucket) -> dict[str, bytes]:
    found = index_bytes(out, ("wheels",))
    return {path.removeprefix("wheels/"): content for path, content in found.items() if path.endswith(".whl")}


def pages_of(out: Bucket) -> dict[str, bytes]:
    """The pages, without the dates at which a store took the wheels."""
    return {path: _TIME.sub(b"", content) for path, content in index_bytes(out, ("simple",)).items()}


@pytest.mark.parametrize("killed_while", [LOOKED, MADE])
def test_a_killed_worker_changes_nothing(
    killed_while: str, source: Bucket, out: Bucket, dask: Cluster, alone: Path, store: ObjectStore
) -> None:
    running = start(source, out, "--workers", dask.url)
    wait_for(out, killed_while, 4, running)
    victim = dask.workers.pop()
    victim.kill()
    victim.wait()
    dask.add_worker()
    said, err = running.communicate(timeout=300)
    assert running.returncode == 0, err + dask.logs()
    assert {wheel["action"] for wheel in json.loads(said)["wheels"]} == {"fetch"}
    # Byte for byte what one process makes of a folder, and of the store.
    assert wheels_of(out) == {path.name: path.read_bytes() for path in (alone / "wheels").iterdir()}
    other = open_destination(store.bucket(f"{out.name.removeprefix('s3://')}-alone"))
    assert isinstance(other, Bucket)
    assert main(command(source, other, "--workers", "1")) == 0
    assert wheels_of(other) == wheels_of(out)
    assert pages_of(other) == pages_of(out)
    assert len(pages_of(out)) > len(SIBLINGS)
    assert verify_index(IndexAt(out.name).publisher()).problems == ()


@pytest.mark.parametrize("killed_while", [LOOKED, MADE])
def test_a_run_that_was_killed_goes_on_where_it_was(
    killed_while: str, source: Bucket, out: Bucket, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(source, out, "--workers", "1")
    wait_for(out, killed_while, 5, running)
    running.kill()
    running.communicate()
    noted = [len(list(out.list(folder))) for folder in (LOOKED, MADE)]
    read: list[str] = []
    original = one_file.fetched

    def counting(place: object, path: str, *rest: object) -> object:
        read.append(path)
        return original(place, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(remote_making, "fetched", counting)
    assert main(command(source, out, "--workers", "1")) == 0
    # A note that was on its way when its writer was killed may have come since.
    assert 2 * WHEELS - sum(noted) - 1 <= len(read) <= 2 * WHEELS - sum(noted)
    assert wheels_of(out) == {path.name: path.read_bytes() for path in (alone / "wheels").iterdir()}


def test_again_nothing_is_read_and_what_was_taken_away_is_written(
    source: Bucket, out: Bucket, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(command(source, out, "--json")) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["fetched_bytes"] > WHEELS * 9000
    before = wheels_of(out)
    gone = next(path for path in before if "cu128" in path)
    out.delete([f"wheels/{gone}"])
    assert main(command(source, out, "--json", "--dry-run")) == 0
    plan = json.loads(capsys.readouterr().out)["wheels"]
    assert [wheel["wheel"] for wheel in plan if wheel["action"] != "keep"] == [f"{out.name}/wheels/{gone}"]
    assert main(command(source, out, "--json")) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["fetched_bytes"] == 0
    assert [wheel["wheel"] for wheel in again["wheels"] if wheel["action"] == "remake"] == [
        f"{out.name}/wheels/{gone}"
    ]
    assert wheels_of(out) == before


def test_another_mapping_gives_other_names_and_leaves_none_of_the_old_ones(
    store: ObjectStore, out: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build_wheel(tmp_path / "w", name="kernels", version="1+cu126", files={"k.py": b""})
    source = f"{store.bucket('kernels')}/whl"
    open_destination(source).place(f"cu126/{path.name}", path)
    config = tmp_path / "config.toml"
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", str(config))
    mapping = '[backends.acme]\nurl = "http://127.0.0.1:1/"\npackages = ["kernels"]\n'
    mapping += "[backends.acme.variants.cu126]\n"
    line = ["index", "import", "--from", source, "--mapping", "acme", "-o", out.name]
    config.write_text(mapping + 'properties.nvidia.cuda_version_lower_bound = ["12.0"]\n')
    assert main(line) == 0
    assert list(wheels_of(out)) == ["kernels-1-py3-none-any-cu126.whl"]
    config.write_text(mapping)
    assert main(line) == 0
    assert list(wheels_of(out)) == ["kernels-1-py3-none-any-null.whl"]
    assert len(list(out.list(MADE))) == 1
    assert verify_index(IndexAt(out.name).publisher()).problems == ()


def test_a_wheel_that_is_replaced_meanwhile(
    source: Bucket, out: Bucket, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = remote_making.look

    def then_replaced(task: remote_making.Looking, *rest: object) -> remote_making.Looked:
        looked = original(task, *rest)  # type: ignore[arg-type]
        return remote_making.Looked("0" * 64, looked.made, looked.read)

    monkeypatch.setattr("variant_index.importing.remote.look", then_replaced)
    assert main(command(source, out, "--workers", "1")) == 1
    assert "it was replaced while it was imported" in capsys.readouterr().err
    assert wheels_of(out) == {}


def test_a_file_is_put_beside_others_that_write(out: Bucket, tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(b"mine")
    out.put_file("wheels/x.whl", path, "ab" * 32)
    assert out.digest("wheels/x.whl") == "ab" * 32
    path.write_bytes(b"newer")
    original = out._version
    times: list[str] = []

    def raced(at: str) -> dict[str, str] | None:
        found = original(at)
        if not times:
            times.append(at)
            out.write(at, b"somebody else's")
        return found

    with patch.object(out, "_version", raced):
        out.put_file("wheels/x.whl", path, "cd" * 32)
    stored = out.read("wheels/x.whl")
    assert stored is not None and stored.content == b"newer" and times
    with pytest.raises(Conflict):
        out.replace("wheels/x.whl", b"", None)


@pytest.mark.parametrize(
    ("place", "target", "says"),
    [
        (
            "https://example.invalid/whl",
            "s3://b",
            "only wheels of a store or a folder are imported into a store",
        ),
        ("s3://b/whl", "folder", "what lies in a store is imported into a store"),
    ],
)
def test_what_cannot_be(place: str, target: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "import", "--from", place, "-o", target]) == 1
    assert says in capsys.readouterr().err
