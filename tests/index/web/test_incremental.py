"""The pages follow the index: after any change they are what a build of the whole would have written."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from packaging.utils import NormalizedName, canonicalize_name
from variant_index.bucket import Bucket
from variant_index.changes import Add
from variant_index.indexed_file import IndexedFile
from variant_index.publisher import Publisher
from variant_index.scan import scan_paths
from variant_index.state import parse_filename

from variantctl.cli import main
from variantctl.cli.index.audience import people_pages
from variantctl.demo.recipe import build_wheels
from variantctl.wheels.build import build_wheel


def _pages(out: Path) -> dict[str, bytes]:
    found = [out / "index.html", *(out / "project").rglob("*")]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found if path.is_file()}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    build_wheels(tmp_path / "wheels")
    return tmp_path / "wheels"


def test_add_and_remove_rewrite_the_pages_of_their_projects(wheels: Path, tmp_path: Path) -> None:
    whole, grown = str(tmp_path / "whole"), str(tmp_path / "grown")
    assert main(["index", "build", str(wheels), "-o", whole]) == 0
    late = [
        path for path in wheels.iterdir() if path.name.startswith(("vllm", "torch-2.10.0-py3-none-any-rocm"))
    ]
    early = tmp_path / "early"
    shutil.copytree(wheels, early)
    for path in late:
        (early / path.name).unlink()
    assert main(["index", "build", str(early), "-o", grown]) == 0
    before = _pages(tmp_path / "grown")
    assert "project/vllm/index.html" not in before
    untouched = (tmp_path / "grown/project/triton/index.html").stat().st_mtime_ns
    assert main(["index", "add", *map(str, late), "--index", grown]) == 0
    assert _pages(tmp_path / "grown") == _pages(tmp_path / "whole")
    assert (tmp_path / "grown/project/triton/index.html").stat().st_mtime_ns == untouched
    assert main(["index", "remove", *(path.name for path in late), "--index", grown]) == 0
    assert _pages(tmp_path / "grown") == before


def test_a_yank_and_a_status_are_on_the_page(wheels: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert main(["index", "build", str(wheels), "-o", out]) == 0
    assert main(["index", "yank", "torch==2.9.1", "--reason", "<b>wrong</b>", "--index", out]) == 0
    assert ">2.10.0</td>" in (tmp_path / "out/index.html").read_text()
    assert main(["index", "yank", "torch==2.10.0", "--index", out]) == 0
    assert ">2.10.0</td>" not in (tmp_path / "out/index.html").read_text()
    text = (tmp_path / "out/project/torch/index.html").read_text()
    assert "yanked: &lt;b&gt;wrong&lt;/b&gt;" in text and "<b>wrong" not in text
    assert main(["index", "status", "torch", "quarantined", "--reason", "bad & worse", "--index", out]) == 0
    text = (tmp_path / "out/project/torch/index.html").read_text()
    assert "may do harm" in text and "bad &amp; worse" in text
    assert ".whl" not in text


def test_an_index_without_pages_stays_without(wheels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["index", "build", str(wheels), "-o", str(out), "--no-pages"]) == 0
    build_wheel(tmp_path / "more", name="late", version="1")
    assert main(["index", "add", *map(str, (tmp_path / "more").iterdir()), "--index", str(out)]) == 0
    assert [path.name for path in out.iterdir()] == ["simple"]


def test_a_page_of_somebody_elses_is_left(
    wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "index.html").write_text("<h1>Ours since 1999</h1>")
    assert main(["index", "build", str(wheels), "-o", str(out)]) == 0
    assert "index.html: not a page of ours; it is left as it is" in capsys.readouterr().err
    assert (out / "index.html").read_text() == "<h1>Ours since 1999</h1>"
    assert (out / "project/torch/index.html").is_file()


def test_publishers_at_the_same_time_leave_all_of_them_on_the_front_page(
    wheels: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    assert main(["index", "build", str(wheels), "-o", str(whole)]) == 0
    groups: dict[str, list[IndexedFile]] = {}
    for file in scan_paths(sorted(wheels.iterdir())).files:
        groups.setdefault(parse_filename(file.filename).name, []).append(file)
    store = MemoryStore()

    def publish(name: NormalizedName) -> None:
        publisher = Publisher(Bucket(store, "memory:"), people_pages())
        change = Add(tuple(groups[name]), by_hash=True)
        publisher.begin()
        publisher.commit(name, change, change.files)
        publisher.register([name])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(publish, map(canonicalize_name, groups)))
    front = Bucket(store, "memory:").read("index.html")
    assert front is not None and front.content == (whole / "index.html").read_bytes()
