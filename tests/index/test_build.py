"""A folder of wheels becomes an index: what is in it, what is refused, and what a second build does."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from pathlib import Path

import jsonschema
import pytest
from variant_index.build import build_index
from variant_index.errors import FolderError, UnpublishableError
from variantlib.variants_json import VariantsJson

from tests.wheels.malicious import MALICIOUS, Malicious
from tests.wheels.recipes import CU126, CU128, members, metadata, provided
from variantctl.indexes.page_reader import parse_project_page
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.schemas import PEP_825_SCHEMA
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError

SCHEMA = Path(__file__).parents[2] / "fixtures" / "metadata" / "pep-0825-variant-schema-0.1.1.json"


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with two projects, one of them with variants."""
    folder = tmp_path / "wheels"
    variants = metadata(null={}, cu126=CU126, cu128=CU128)
    for label in (None, "null", "cu126", "cu128"):
        build_wheel(
            folder,
            name="Big.Thing",
            version="2.0+local",
            files={"big.py": repr(label).encode()},
            requires=["small; 'nvidia' in variant_namespaces"] if label else [],
            requires_python=">=3.9,<4",
            label=label,
            metadata=variants,
        )
    build_wheel(folder, name="big-thing", version="10.0", label="cu128", metadata=variants, build="1")
    build_wheel(folder, name="small", version="1!1.0")
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_layout(wheels: Path, tmp_path: Path) -> None:
    summary = build_index(wheels, tmp_path / "out")
    files = tree(tmp_path / "out")
    linked = {
        version: hashlib.sha256(files[f"simple/big-thing/big_thing-{version}-variants.json"]).hexdigest()
        for version in ("2.0+local", "10.0")
    }
    big = [path.name for path in wheels.iterdir() if path.name.startswith("big")]
    assert set(files) == {
        *(f"simple/{name}" for name in ("index.html", "index.json")),
        *(f"simple/small/{name}" for name in ("index.html", "index.json")),
        *(f"simple/small/small-1!1.0-py3-none-any.whl{suffix}" for suffix in ("", ".metadata")),
        *(f"simple/big-thing/{name}" for name in ("index.html", "index.json")),
        *(f"simple/big-thing/{name}{suffix}" for name in big for suffix in ("", ".metadata")),
        *(
            f"simple/big-thing/{folder}/big_thing-{version}-variants.json"
            for version, folder in linked.items()
        ),
        "simple/big-thing/big_thing-2.0+local-variants.json",
        "simple/big-thing/big_thing-10.0-variants.json",
    }
    assert (summary.projects, summary.wheels, summary.variants) == (2, 6, 4)
    assert summary.simple == tmp_path / "out" / "simple"
    for name in big:
        assert files[f"simple/big-thing/{name}"] == (wheels / name).read_bytes()
        dist_info = next(member for member in members(wheels / name) if member.endswith("/METADATA"))
        assert files[f"simple/big-thing/{name}.metadata"] == members(wheels / name)[dist_info]


@pytest.mark.parametrize("page", ["index.html", "index.json"])
def test_both_pages_name_every_file_with_its_hash(wheels: Path, tmp_path: Path, page: str) -> None:
    build_index(wheels, tmp_path)
    folder = tmp_path / "simple" / "big-thing"
    content_type = "text/html" if page.endswith("html") else "application/vnd.pypi.simple.v1+json"
    base = folder.as_uri() + "/"
    files = parse_project_page((folder / page).read_bytes(), content_type, base).files
    on_disk = {p.name for p in folder.iterdir() if p.suffix == ".whl" or p.name.endswith("-variants.json")}
    assert {file.filename for file in files} == on_disk
    assert [file.filename.split("-")[1] for file in files] == ["2.0+local"] * 5 + ["10.0"] * 2
    for file in files:
        assert file.url.startswith(base)
        content = (folder / file.filename).read_bytes()
        assert file.hashes == {"sha256": hashlib.sha256(content).hexdigest()}
        if file.filename.endswith(".whl"):
            sidecar = (folder / f"{file.filename}.metadata").read_bytes()
            assert file.core_metadata == {"sha256": hashlib.sha256(sidecar).hexdigest()}
            assert file.requires_python == (">=3.9,<4" if "2.0" in file.filename else None)
        else:
            assert file.core_metadata in (False, None, {})


def test_html_says_what_older_and_newer_tools_look_for(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    page = (tmp_path / "simple" / "big-thing" / "index.html").read_text()
    assert 'data-requires-python="&gt;=3.9,&lt;4"' in page
    assert page.count("data-core-metadata=") == page.count("data-dist-info-metadata=") == 5
    assert 'href="big_thing-2.0%2Blocal-py3-none-any-null.whl#sha256=' in page
    assert '<a href="big-thing/">big-thing</a>' in (tmp_path / "simple" / "index.html").read_text()


def test_json_has_what_pep_700_asks(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    page = json.loads((tmp_path / "simple" / "big-thing" / "index.json").read_text())
    assert page["meta"]["api-version"] == "1.4"
    assert page["name"] == "big-thing"
    assert page["versions"] == ["2.0+local", "10.0"]
    for file in page["files"]:
        assert file["size"] == (tmp_path / "simple" / "big-thing" / file["filename"]).stat().st_size
    root = json.loads((tmp_path / "simple" / "index.json").read_text())
    assert root["projects"] == [{"name": "big-thing"}, {"name": "small"}]


def test_index_level_metadata_is_valid_and_complete(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    document = json.loads((tmp_path / "simple/big-thing/big_thing-2.0+local-variants.json").read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert list(document["variants"]) == ["cu126", "cu128", "null"]
    # Each version lists its own variants only.
    document = json.loads((tmp_path / "simple/big-thing/big_thing-10.0-variants.json").read_text())
    assert list(document["variants"]) == ["cu128"]


def test_variantlib_reads_it(tmp_path: Path) -> None:
    for label in ("null", "cu126", "cu128"):
        build_wheel(
            tmp_path,
            name="a",
            version="1",
            label=label,
            metadata=provided(null={}, cu126=CU126, cu128=CU128),
        )
    build_index(tmp_path, tmp_path)
    document = json.loads((tmp_path / "simple/a/a-1-variants.json").read_text())
    assert set(VariantsJson(document).variants) == {"null", "cu126", "cu128"}


def test_same_bytes_on_every_run(wheels: Path, tmp_path: Path) -> None:
    for path in wheels.iterdir():
        os.utime(path, (1, 1))
    build_index(wheels, tmp_path / "one")
    for path in sorted(wheels.iterdir(), reverse=True):
        copy = shutil.copyfile(path, path.with_name(f"{path.name}.copy"))
        path.unlink()
        copy.rename(path)
        os.utime(path, (1, 1))
    build_index(wheels, tmp_path / "two", verify=True)
    build_index(wheels, tmp_path / "two")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_second_build_holds_what_the_folder_holds(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    stamp = (tmp_path / "simple/big-thing/big_thing-10.0-variants.json").stat().st_mtime_ns
    next(wheels.glob("small*")).unlink()
    next(wheels.glob("*2.0*cu126.whl")).unlink()
    (tmp_path / "simple/small/README").write_text("mine")
    summary = build_index(wheels, tmp_path)
    assert "big-thing/big_thing-2.0+local-py3-none-any-cu126.whl" in summary.removed
    assert "small/index.html" in summary.removed
    assert (tmp_path / "simple/small/README").read_text() == "mine"
    assert any("small/README" in note for note in summary.notes)
    (tmp_path / "simple/small/README").unlink()
    build_index(wheels, tmp_path)
    assert not (tmp_path / "simple/small").exists()
    build_index(wheels, tmp_path / "fresh")
    # A reader may still hold the page that names the metadata from before; an hour later it goes.
    superseded = set(tree(tmp_path / "simple")) - set(tree(tmp_path / "fresh" / "simple"))
    assert [name.rpartition("/")[2] for name in superseded] == ["big_thing-2.0+local-variants.json"]
    os.utime(tmp_path / "simple" / superseded.pop(), (1, 1))
    build_index(wheels, tmp_path)
    assert tree(tmp_path / "fresh" / "simple") == tree(tmp_path / "simple")
    # What did not change keeps its date, for conditional requests.
    assert (tmp_path / "simple/big-thing/big_thing-10.0-variants.json").stat().st_mtime_ns == stamp


def test_a_wheel_built_again_is_replaced(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    path = build_wheel(wheels, name="small", version="1!1.0", files={"small.py": b"new"})
    build_index(wheels, tmp_path)
    assert (tmp_path / "simple/small" / path.name).read_bytes() == path.read_bytes()


def test_wheels_are_linked_or_else_copied(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = next(wheels.glob("small*"))
    build_index(wheels, tmp_path / "linked")
    assert (tmp_path / "linked/simple/small" / wheel.name).samefile(wheel)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    build_index(wheels, tmp_path / "copied")
    assert not (tmp_path / "copied/simple/small" / wheel.name).samefile(wheel)
    assert tree(tmp_path / "copied") == tree(tmp_path / "linked")


def test_symbolic_links_to_wheels_do_not_become_links(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    for path in wheels.iterdir():
        (tmp_path / "links" / path.name).symlink_to(path)
    build_index(tmp_path / "links", tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))


def test_sdists_are_linked_and_other_files_noted(wheels: Path, tmp_path: Path) -> None:
    with tarfile.open(wheels / "small-1.1.tar.gz", "w:gz"):
        pass
    (wheels / "notes.txt").write_text("x")
    (wheels / "folder").mkdir()
    summary = build_index(wheels, tmp_path)
    assert summary.sdists == 1
    assert [note for note in summary.notes if "notes.txt" in note]
    assert "small-1.1.tar.gz#sha256=" in (tmp_path / "simple/small/index.html").read_text()
    assert json.loads((tmp_path / "simple/small/index.json").read_text())["versions"] == ["1.1", "1!1.0"]


def test_wheels_and_output_may_be_one_folder_or_nested(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, wheels)
    build_index(wheels, wheels / "public")
    build_index(wheels, wheels)
    assert tree(wheels / "simple") == tree(wheels / "public" / "simple")


def test_wheels_inside_the_output_are_refused(wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    before = tree(tmp_path)
    for folder in (tmp_path / "simple", tmp_path / "simple" / "small"):
        with pytest.raises(FolderError, match="lies within"):
            build_index(folder, tmp_path)
    assert tree(tmp_path) == before


def test_foreign_folder_needs_force(wheels: Path, tmp_path: Path) -> None:
    (tmp_path / "simple").mkdir()
    (tmp_path / "simple" / "index.html").write_text("<html>my own</html>")
    with pytest.raises(FolderError, match="was not made by variantctl"):
        build_index(wheels, tmp_path)
    assert tree(tmp_path / "simple") == {"index.html": b"<html>my own</html>"}
    build_index(wheels, tmp_path, force=True)
    build_index(wheels, tmp_path)


def test_a_build_that_was_cut_short_is_taken_up_again(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("variant_index.folder.LocalFolder.place", fail)
        with pytest.raises(KeyboardInterrupt):
            build_index(wheels, tmp_path)
    build_index(wheels, tmp_path)
    build_index(wheels, tmp_path / "fresh")
    assert tree(tmp_path / "simple") == tree(tmp_path / "fresh" / "simple")


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_without_wheels_is_refused(exists: bool, tmp_path: Path) -> None:
    if exists:
        (tmp_path / "wheels").mkdir()
    with pytest.raises(FolderError, match="no wheels in it" if exists else "no such folder"):
        build_index(tmp_path / "wheels", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_inconsistent_properties_are_refused_with_both_files(tmp_path: Path) -> None:
    one = build_wheel(tmp_path, name="a", version="1", label="x", metadata=metadata(x=CU126))
    two = build_wheel(
        tmp_path, name="a", version="1", label="x", metadata=metadata(x=CU128), tag="py2-none-any"
    )
    with pytest.raises(InvalidVariantError) as caught:
        build_index(tmp_path, tmp_path / "out")
    assert one.name in caught.value.message
    assert two.name in caught.value.message
    assert not (tmp_path / "out").exists()


def test_inconsistent_priorities_of_two_versions_are_both_told(tmp_path: Path) -> None:
    for version in ("1", "2"):
        for label, namespaces in (("x", ("nvidia", "amd")), ("y", ("amd", "nvidia"))):
            variants = VariantMetadata(PEP_825_SCHEMA, namespaces, variants={label: CU126})
            build_wheel(tmp_path, name="a", version=version, label=label, metadata=variants)
    with pytest.raises(UnpublishableError) as caught:
        build_index(tmp_path, tmp_path / "out")
    assert len(caught.value.problems) == 2
    for name in ("a-1-py3-none-any-x", "a-1-py3-none-any-y", "a-2-py3-none-any-x", "a-2-py3-none-any-y"):
        assert name in caught.value.message


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in MALICIOUS.items() if not case.deep]
)
def test_unsound_wheels_are_not_published(case: Malicious, wheels: Path, tmp_path: Path) -> None:
    build_index(wheels, tmp_path)
    before = tree(tmp_path / "simple")
    case.build(wheels)
    with pytest.raises(VariantctlError, match=r"evil-1\.0"):
        build_index(wheels, tmp_path)
    assert tree(tmp_path / "simple") == before


def test_wrong_hashes_inside_are_found_when_asked(wheels: Path, tmp_path: Path) -> None:
    MALICIOUS["wrong-hash"].build(wheels)
    with pytest.raises(WheelError, match="sha256 is not the one in RECORD"):
        build_index(wheels, tmp_path, verify=True)


def test_every_problem_is_listed(wheels: Path, tmp_path: Path) -> None:
    MALICIOUS["parent-folder"].build(wheels)
    (wheels / "broken-1.0-py3-none-any.whl").write_bytes(b"")
    (wheels / "not-a-wheel.whl").write_bytes(b"")
    (wheels / "dangling-1.0-py3-none-any.whl").symlink_to("nowhere")
    with pytest.raises(UnpublishableError) as caught:
        build_index(wheels, tmp_path)
    assert caught.value.message.startswith(
        "4 problems, nothing was published:\n  broken-1.0-py3-none-any.whl"
    )
    for name in ("evil-1.0-py3", "not-a-wheel.whl", "dangling-1.0"):
        assert name in caught.value.message
