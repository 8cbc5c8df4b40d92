"""An index that exists: add, remove, yank, status; and what a second build keeps and does not open."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from variant_index.build import build_index
from variant_index.errors import FolderError, IndexStateError
from variant_index.folder import LocalFolder
from variant_index.operations import (
    IndexAt,
    add_files,
    parse_selection,
    project_state,
    remove_files,
    set_status,
    yank_files,
)
from variant_index.verify import verify_index

from tests.index.trees import readable, tree, wheel
from variantctl.cli import main
from variantctl.indexes.page_writer import ProjectStatus
from variantctl.variants.errors import VariantctlError

FILES = [("a", "1", None), ("a", "1", "cu126"), ("a", "1", "cu128"), ("a", "2", "null"), ("b", "1", None)]


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    """Wheels of two projects, one with variants."""
    return [wheel(tmp_path / "wheels", name, version, label) for name, version, label in FILES]


def entries(out: Path, name: str = "a") -> dict[str, dict[str, object]]:
    """The files of a project's JSON page, by name."""
    page = json.loads((out / "simple" / name / "index.json").read_text())
    return {file["filename"]: file for file in page["files"]}


def problems(out: Path) -> list[str]:
    """What ``index verify`` finds."""
    return [f"{p.where}: {p.message}" for p in verify_index(IndexAt(out).publisher()).problems]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened from here on."""
    names: list[str] = []
    original = Path.open

    def spying(self: Path, *args: object, **kwargs: object) -> object:
        names.append(self.name)
        return original(self, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", spying)
    return names


@pytest.mark.parametrize("seed", range(3))
def test_wheels_added_one_by_one_in_any_order_make_what_a_build_makes(
    wheels: list[Path], tmp_path: Path, seed: int
) -> None:
    build_index(wheels[0].parent, tmp_path / "built")
    random.Random(seed).shuffle(wheels)
    for path in wheels:
        add_files([path], IndexAt(tmp_path / "added"))
        assert readable(LocalFolder(tmp_path / "added")) == []
    assert problems(tmp_path / "added") == []
    built, added = tree(tmp_path / "built"), tree(tmp_path / "added")
    # Added one by one, readers may still hold pages that name the metadata from before.
    assert {name: added.get(name) for name in built} == built
    assert all(name.endswith("-variants.json") for name in set(added) - set(built))


def test_adding_opens_nothing_of_other_projects_and_no_wheel_that_is_published(
    wheels: list[Path], tmp_path: Path, opened: list[str]
) -> None:
    build_index(wheels[0].parent, tmp_path / "out")
    b_pages = [tmp_path / "out" / "simple" / "b" / name for name in ("index.html", "index.json")]
    before = [path.stat().st_mtime_ns for path in b_pages]
    new = wheel(tmp_path / "new", "a", "1", "null")
    opened.clear()
    summary = add_files([new, wheels[1]], IndexAt(tmp_path / "out"))
    assert (summary.files, summary.unchanged) == ((new.name,), (wheels[1].name,))
    assert {name for name in opened if name.endswith(".whl")} == {new.name}
    assert [path.stat().st_mtime_ns for path in b_pages] == before
    assert problems(tmp_path / "out") == []


def test_a_build_opens_only_wheels_that_changed(
    wheels: list[Path], tmp_path: Path, opened: list[str]
) -> None:
    build_index(wheels[0].parent, tmp_path / "out")
    before = tree(tmp_path / "out")
    opened.clear()
    assert build_index(wheels[0].parent, tmp_path / "out").read == 0
    assert not [name for name in opened if name.endswith(".whl")]
    assert tree(tmp_path / "out") == before
    changed = wheel(wheels[0].parent, "b", "1", text="another")
    os.utime(changed, (1_700_000_001, 1_700_000_001))
    opened.clear()
    assert build_index(wheels[0].parent, tmp_path / "out").read == 1
    assert {name for name in opened if name.endswith(".whl")} == {changed.name}
    assert problems(tmp_path / "out") == []


def test_a_build_keeps_what_the_pages_say(wheels: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_index(wheels[0].parent, out)
    yank_files(["a==1"], IndexAt(out), "broken")
    set_status("b", ProjectStatus("deprecated", "use a"), IndexAt(out))
    uploaded = {name: file.get("upload-time") for name, file in entries(out).items()}
    for path in wheels:
        os.utime(path, (1_800_000_000, 1_800_000_000))  # copied again by a release job, say
    build_index(wheels[0].parent, out)
    assert {name: file.get("upload-time") for name, file in entries(out).items()} == uploaded
    assert uploaded[wheels[0].name] == "2023-11-14T22:13:20.000000Z"
    assert {name for name, file in entries(out).items() if file.get("yanked") == "broken"} == {
        path.name for path in wheels if path.name.startswith("a-1-")
    }
    page = json.loads((out / "simple" / "b" / "index.json").read_text())
    assert page["project-status"] == {"status": "deprecated", "reason": "use a"}
    assert 'data-yanked="broken"' in (out / "simple" / "a" / "index.html").read_text()


def test_other_contents_under_a_published_name_need_replace(wheels: list[Path], tmp_path: Path) -> None:
    index = IndexAt(tmp_path / "out")
    add_files(wheels, index)
    before = tree(tmp_path / "out")
    other = wheel(tmp_path / "other", "a", "1", "cu126", text="other")
    with pytest.raises(IndexStateError, match="published already, with other contents"):
        add_files([other], index)
    assert tree(tmp_path / "out") == before
    add_files([other], index, replace=True)
    assert (tmp_path / "out" / "simple" / "a" / other.name).read_bytes() == other.read_bytes()
    assert problems(tmp_path / "out") == []


def test_removing_takes_the_label_out_of_the_metadata(wheels: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    index = IndexAt(out)
    add_files(wheels, index)
    summary = remove_files([wheels[1].name], index)
    assert summary.files == (wheels[1].name,)
    assert {path.rpartition("/")[2] for path in summary.removed} == {
        wheels[1].name,
        f"{wheels[1].name}.metadata",
    }
    document = json.loads((out / "simple" / "a" / "a-1-variants.json").read_text())
    assert list(document["variants"]) == ["cu128"]
    assert problems(out) == []
    remove_files(["a==2"], index)
    assert not (out / "simple" / "a" / "a-2-variants.json").exists()
    with pytest.raises(IndexStateError, match="whole project"):
        remove_files(["b"], index)
    remove_files(["b"], index, whole=True)
    assert not (out / "simple" / "b").exists()
    assert [p["name"] for p in json.loads((out / "simple" / "index.json").read_text())["projects"]] == ["a"]
    assert problems(out) == []
    with pytest.raises(IndexStateError, match="there is no b"):
        remove_files(["b==1"], index)
    # What is left is what a build of the wheels that are left makes.
    for path in (wheels[1], wheels[3], wheels[4]):
        path.unlink()
    build_index(wheels[0].parent, tmp_path / "fresh")
    left = {n: c for n, c in tree(out).items() if n in tree(tmp_path / "fresh")}
    assert left == tree(tmp_path / "fresh")


def test_yank_and_unyank(wheels: list[Path], tmp_path: Path) -> None:
    index = IndexAt(tmp_path / "out")
    add_files(wheels, index)
    before = tree(tmp_path / "out")
    yank_files(["a==2"], index, True)
    assert [name for name, file in entries(tmp_path / "out").items() if file.get("yanked")] == [
        wheels[3].name
    ]
    yank_files([wheels[3].name, "b"], index, "why")
    assert entries(tmp_path / "out", "b")[wheels[4].name]["yanked"] == "why"
    yank_files(["a", "b==1"], index, False)
    assert tree(tmp_path / "out") == before
    with pytest.raises(IndexStateError, match="there is no a 3") as caught:
        yank_files(["a==3"], index, True)
    assert caught.value.hint == "Of a it has 1, 2."


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_closed_projects_take_no_files_and_quarantined_ones_offer_none(
    status: str, wheels: list[Path], tmp_path: Path
) -> None:
    out, index = tmp_path / "out", IndexAt(tmp_path / "out")
    add_files(wheels, index)
    before = tree(out)
    set_status("a", ProjectStatus(status), index)
    assert bool(entries(out)) == (status == "archived")
    assert problems(out) == []
    with pytest.raises(IndexStateError, match=f"a is {status}"):
        add_files([wheel(tmp_path / "new", "a", "3")], index)
    build_index(wheels[0].parent, out)
    assert project_state("a", index).status == ProjectStatus(status)
    set_status("a", ProjectStatus("active"), index)
    assert tree(out) == before


def test_two_processes_that_add_to_a_folder_lose_nothing(tmp_path: Path) -> None:
    files = [wheel(tmp_path / "wheels", "a", str(n), "cu126") for n in range(9)]

    def publish(part: list[Path]) -> None:
        for path in part:
            add_files([path], IndexAt(tmp_path / "out"))

    with ThreadPoolExecutor() as pool:
        publishers = [pool.submit(publish, files[n::3]) for n in range(3)]
        while not all(publisher.done() for publisher in publishers):
            assert readable(LocalFolder(tmp_path / "out")) == []
            time.sleep(0.02)
        for publisher in publishers:
            publisher.result()
    assert {path.name for path in files} <= set(entries(tmp_path / "out"))
    assert problems(tmp_path / "out") == []


@pytest.mark.parametrize("spec", ["", "a b", "a==x", "==1", "-", "x.whl", "../a"])
def test_what_names_nothing_is_refused(spec: str) -> None:
    with pytest.raises(VariantctlError):
        parse_selection(spec)


def test_an_index_is_needed_and_a_foreign_folder_refused(wheels: list[Path], tmp_path: Path) -> None:
    actions: list[Callable[[IndexAt], object]] = [
        lambda index: remove_files(["a==1"], index),
        lambda index: yank_files(["a"], index, True),
        lambda index: set_status("a", ProjectStatus("archived"), index),
        lambda index: verify_index(index.publisher()),
    ]
    for action in actions:
        with pytest.raises(IndexStateError, match="there is no index"):
            action(IndexAt(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
    (tmp_path / "mine" / "simple").mkdir(parents=True)
    (tmp_path / "mine" / "simple" / "index.html").write_text("<html>my own</html>")
    with pytest.raises(FolderError, match="was not made by variantctl"):
        add_files(wheels, IndexAt(tmp_path / "mine"))


def test_from_the_command_line(
    wheels: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    assert main(["index", "add", *map(str, wheels), "--index", out]) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 5 files published: a-1-py3-none-any-cu126.whl, ")
    assert main(["index", "add", str(wheels[0]), "--index", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unchanged"] == [wheels[0].name]
    assert main(["index", "yank", "a==1", "--reason", "bad", "--index", out]) == 0
    assert main(["index", "unyank", "a", "--index", out]) == 0
    assert main(["index", "status", "a", "archived", "--reason", "done", "--index", out]) == 0
    capsys.readouterr()
    assert main(["index", "status", "a", "--index", out]) == 0
    assert capsys.readouterr().out == "a is archived (done): 4 files of 1, 2\n"
    assert main(["index", "verify", "--index", out]) == 0
    assert capsys.readouterr().out == f"{out}: 2 projects, 5 files: nothing wrong\n"
    assert main(["index", "remove", "b", "--index", out, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "index-state"
    assert main(["index", "remove", "b", "--all", "--index", out]) == 0
    assert main(["index", "status", "a", "gone", "--index", out]) == 2
