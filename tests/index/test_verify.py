"""``index verify`` finds each way in which an index can be broken, and nothing in one that is not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from variant_index.operations import IndexAt, add_files
from variant_index.verify import verify_index

from tests.index.trees import wheel
from tests.machine_code.files import elf_library, fatbin
from variantctl.cli import main
from variantctl.wheels.build import build_wheel
from variantctl.wheels.variant_wheel import make_variant

WHEEL = "a-1-py3-none-any-cu126.whl"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An index with two projects; its files are no links to other folders."""
    made = [wheel(tmp_path / "wheels", "a", "1", label) for label in (None, "null", "cu126")]
    add_files([*made, wheel(tmp_path / "wheels", "b", "2")], IndexAt(tmp_path / "made"))
    shutil.copytree(tmp_path / "made", tmp_path / "out")
    return tmp_path / "out"


def change_page(out: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    """Change the file entries of a's JSON page, by name."""
    path = out / "simple/a/index.json"
    page = json.loads(path.read_text())
    change({file["filename"]: file for file in page["files"]})
    path.write_text(json.dumps(page))


def drop_entry(out: Path, name: str) -> None:
    path = out / "simple/a/index.json"
    page = json.loads(path.read_text())
    page["files"] = [file for file in page["files"] if file["filename"] != name]
    path.write_text(json.dumps(page))


def set_status(out: Path, status: str) -> None:
    path = out / "simple/a/index.json"
    page = json.loads(path.read_text())
    path.write_text(json.dumps({**page, "project-status": {"status": status}}))


def document(out: Path) -> Path:
    (path,) = (out / "simple/a").glob("*/a-1-variants.json")
    return path


def replace_document(out: Path, change: Callable[[str], str]) -> None:
    """Other index-level metadata, linked as it should be."""
    old = document(out)
    new = change(old.read_text()).encode()
    sha256 = hashlib.sha256(new).hexdigest()
    target = out / "simple/a" / sha256 / old.name
    target.parent.mkdir()
    target.write_bytes(new)
    (out / "simple/a" / old.name).write_bytes(new)
    for page in (out / "simple/a").glob("index.*"):
        page.write_text(page.read_text().replace(old.parent.name, sha256).replace("478", str(len(new))))
    shutil.rmtree(old.parent)
    change_page(out, lambda files: files[old.name].update(size=len(new)))


BREAKAGES: dict[str, tuple[Callable[[Path], object], set[tuple[str, str]]]] = {
    "a wheel is gone": (
        lambda out: (out / "simple/a" / WHEEL).unlink(),
        {(f"a/{WHEEL}", "missing")},
    ),
    "a wheel was cut short": (
        lambda out: os.truncate(out / "simple/a" / WHEEL, 100),
        {(f"a/{WHEEL}", "size")},
    ),
    "a wheel has other bytes": (
        lambda out: (out / "simple/a" / WHEEL).write_bytes(
            (out / "simple/a" / WHEEL).read_bytes()[:-1] + b"x"
        ),
        {(f"a/{WHEEL}", "hash")},
    ),
    "a sidecar is gone": (
        lambda out: (out / "simple/a" / f"{WHEEL}.metadata").unlink(),
        {(f"a/{WHEEL}.metadata", "missing")},
    ),
    "a sidecar says something else": (
        lambda out: (out / "simple/a" / f"{WHEEL}.metadata").write_text("Name: a\nVersion: 1\n"),
        {(f"a/{WHEEL}.metadata", "hash"), (f"a/{WHEEL}.metadata", "metadata")},
    ),
    "Requires-Python of the page is not the wheel's": (
        lambda out: change_page(out, lambda files: files[WHEEL].update({"requires-python": ">=3.99"})),
        {(f"a/{WHEEL}", "metadata"), ("a/index.html", "page")},
    ),
    "the HTML page was not written": (
        lambda out: (out / "simple/a/index.html").unlink(),
        {("a/index.html", "page")},
    ),
    "the JSON page is damaged": (
        lambda out: (out / "simple/a/index.json").write_text("{"),
        {("a/index.json", "page")},
    ),
    "a project is not on the root page": (
        lambda out: (out / "simple/index.json").write_text('{"projects": [{"name": "b"}]}'),
        {("index.json", "page"), ("index.html", "page")},
    ),
    "the root page names a project that is not there": (
        lambda out: shutil.rmtree(out / "simple/b"),
        {("index.json", "missing")},
    ),
    "a wheel that no page names": (
        lambda out: shutil.copy(out / "simple/a" / WHEEL, out / "simple/b" / "b-3-py3-none-any.whl"),
        {("b/b-3-py3-none-any.whl", "orphan")},
    ),
    "another project's wheel": (
        lambda out: change_page(
            out, lambda files: files["a-1-py3-none-any.whl"].update(filename="b-1-py3-none-any.whl")
        ),
        {
            ("a/a-1-py3-none-any.whl", "page"),
            ("a/a-1-py3-none-any.whl", "link"),
            ("a/a-1-py3-none-any.whl", "wheel"),
            ("a/index.html", "page"),
        },
    ),
    "a link that leaves the index": (
        lambda out: change_page(out, lambda files: files["a-1-py3-none-any.whl"].update(url="/etc/a.whl")),
        {
            ("a/index.json", "link"),
            ("a/index.html", "page"),
            ("a/a-1-py3-none-any.whl", "orphan"),
            ("a/a-1-py3-none-any.whl.metadata", "orphan"),
        },
    ),
    "the index-level metadata is gone": (
        lambda out: document(out).unlink(),
        {("a/*/a-1-variants.json", "missing")},
    ),
    "the index-level metadata is another": (
        lambda out: document(out).write_text(document(out).read_text().replace("12.6", "12.5")),
        {("a/*/a-1-variants.json", "hash"), ("a/*/a-1-variants.json", "variants")},
    ),
    "the index-level metadata is not linked": (
        lambda out: drop_entry(out, "a-1-variants.json"),
        {("a/index.json", "variants"), ("a/index.html", "page"), ("a/a-1-variants.json", "orphan")},
    ),
    "the index-level metadata lacks a label": (
        lambda out: replace_document(out, lambda text: text.replace('"cu126": {', '"cu125": {')),
        {("a/*/a-1-variants.json", "variants")},
    ),
    "the index-level metadata has another provider": (
        lambda out: replace_document(
            out, lambda text: text.replace("nvidia-variant-provider", "nv-provider")
        ),
        {("a/*/a-1-variants.json", "variants")},
    ),
    "an unknown status": (
        lambda out: (out / "simple/a/index.json").write_text(
            (out / "simple/a/index.json")
            .read_text()
            .replace('"files"', '"project-status": {"status": "x"}, "files"')
        ),
        {("a/index.json", "page"), ("a/index.html", "page")},
    ),
}


def test_nothing_is_wrong_with_what_we_make(out: Path) -> None:
    found = verify_index(IndexAt(out).publisher())
    assert (found.problems, found.projects, found.files, found.superseded) == ((), 2, 4, ())


@pytest.mark.parametrize("name", BREAKAGES)
def test_what_is_broken_is_found(name: str, out: Path) -> None:
    breakage, expected = BREAKAGES[name]
    breakage(out)
    found = verify_index(IndexAt(out).publisher())
    seen = set()
    for problem in found.problems:
        parts = problem.where.split("/")
        hashed = [part if len(part) != 64 else "*" for part in parts[1:]]
        seen.add(("/".join(hashed), problem.kind))
    assert seen == expected, found.problems


@pytest.mark.parametrize("name", ["a wheel is gone", "the HTML page was not written", "a sidecar is gone"])
def test_adding_again_mends_what_was_lost(name: str, out: Path, tmp_path: Path) -> None:
    BREAKAGES[name][0](out)
    add_files(sorted((tmp_path / "wheels").iterdir()), IndexAt(out))
    assert verify_index(IndexAt(out).publisher()).problems == ()


def test_a_wheel_whose_code_says_another_thing(tmp_path: Path) -> None:
    library = elf_library({".nv_fatbin": fatbin("cubin 75")}, needed=["libcudart.so.12"])
    plain = build_wheel(
        tmp_path, name="a", version="1", tag="py3-none-linux_x86_64", files={"a/_C.so": library}
    )
    made = []
    for label, arch in (("lie", "90_real"), ("truth", "75_real")):
        properties = {"nvidia": {"sm_arch": (arch,)}}
        made.append(
            make_variant(plain, tmp_path / "out", label=label, properties=properties, namespaces=["nvidia"])
        )
    add_files(made, IndexAt(tmp_path / "site"))
    (problem,) = verify_index(IndexAt(tmp_path / "site").publisher()).problems
    assert (problem.kind, problem.where.endswith("linux_x86_64-lie.whl")) == ("contradiction", True)
    assert (
        "nvidia :: sm_arch :: 90_real is declared, and no library has machine code for it" in problem.message
    )
    assert verify_index(IndexAt(tmp_path / "site").publisher(), quick=True).problems == ()


def test_quick_reads_no_wheel(out: Path) -> None:
    BREAKAGES["a wheel has other bytes"][0](out)
    assert verify_index(IndexAt(out).publisher(), quick=True).problems == ()


def test_one_project_alone(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BREAKAGES["a wheel is gone"][0](out)
    assert main(["index", "verify", "b", "--index", str(out)]) == 0
    assert main(["index", "verify", "A", "--index", str(out)]) == 1
    capsys.readouterr()
    assert main(["index", "verify", "--index", str(out), "--json"]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["status"] == "broken"
    assert [problem["kind"] for problem in printed["problems"]] == ["missing"]
    assert main(["index", "verify", "c", "--index", str(out), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["message"].endswith("there is no c")
