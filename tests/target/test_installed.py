"""What is installed, read from folders as real tools and accidents leave them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from variantctl.target.errors import BrokenPackageError
from variantctl.target.installed import InstalledPackage, packages_in

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"


def make(site: Path, folder: str, **files: str) -> Path:
    """A dist-info folder; ``__`` in a file's name stands for the dot."""
    path = site / folder
    path.mkdir(parents=True)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content)
    return path


def packages(*sites: Path) -> dict[str, InstalledPackage]:
    return {str(name): package for name, package in packages_in(sites).items()}


def only(site: Path) -> InstalledPackage:
    (package,) = packages_in([site]).values()
    return package


def test_all_there_is_to_know(tmp_path: Path) -> None:
    direct_url = {"url": "https://example.org/t.whl", "archive_info": {}}
    folder = make(
        tmp_path,
        "Torch_Vision-2.10.0+cu128.dist-info",
        METADATA=METADATA.format(name="Torch.Vision", version="2.10.0+cu128")
        + "Requires-Dist: triton==3.6 ; 'nvidia' in variant_namespaces\nRequires-Dist: numpy\n",
        RECORD="",
        INSTALLER="variantctl\n",
        REQUESTED="",
        variant__json=json.dumps({"variants": {"cu128": {"nvidia": {}}}}),
        direct_url__json=json.dumps(direct_url),
    )
    package = only(tmp_path)
    assert (package.name, str(package.version)) == ("torch-vision", "2.10.0+cu128")
    assert package.dist_info == folder
    assert package.label == "cu128"
    assert package.installer == "variantctl"
    assert package.requested
    assert package.direct_url == direct_url
    assert package.source == "https://example.org/t.whl"
    assert not package.editable
    assert package.requires() == ("triton==3.6 ; 'nvidia' in variant_namespaces", "numpy")
    assert package.notes == ()


def test_files_are_absolute_and_normal(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.12/site-packages"
    make(
        site,
        "a-1.dist-info",
        RECORD='a.py,sha256=xyz,12\n"b, c.txt",,\n../../../bin/a,sha256=q,3\n'
        "a-1.dist-info/RECORD,,\n/opt/x,,\n\n",
    )
    files = only(site).files()
    assert [file.path for file in files] == [
        site / "a.py",
        site / "b, c.txt",
        tmp_path / "bin/a",
        site / "a-1.dist-info/RECORD",
        Path("/opt/x"),
    ]
    assert (files[0].digest, files[0].size) == ("sha256=xyz", 12)
    assert (files[1].digest, files[1].size) == ("", None)


def test_editable_and_legacy(tmp_path: Path) -> None:
    make(
        tmp_path,
        "ours-0.1.dist-info",
        direct_url__json=json.dumps({"url": "file:///src", "dir_info": {"editable": True}}),
    )
    source = tmp_path / "source"
    make(source, "linked.egg-info", PKG_INFO="")
    (source / "linked.egg-info/PKG-INFO").write_text(METADATA.format(name="linked", version="3.1"))
    (tmp_path / "linked.egg-link").write_text(f"{source}\n.")
    make(tmp_path, "Old_One-1.2-py3.8.egg-info")
    (tmp_path / "distutils-0.9.egg-info").write_text("Name: distutils\n")
    found = packages(tmp_path)
    assert list(found) == ["distutils", "linked", "old-one", "ours"]
    assert found["ours"].editable
    assert not found["ours"].legacy
    linked = found["linked"]
    assert (str(linked.version), linked.editable, linked.legacy) == ("3.1", True, True)
    assert (str(found["old-one"].version), found["old-one"].legacy) == ("1.2", True)


def test_broken_folders_are_tolerated(tmp_path: Path) -> None:
    make(tmp_path, "half-1.0.dist-info")
    make(tmp_path, "mess-1.0.dist-info", METADATA="", RECORD="", variant__json="{", direct_url__json="[]")
    make(tmp_path, "odd.dist-info", METADATA=METADATA.format(name="Odd", version="7"), RECORD="")
    make(tmp_path, "nonsense.dist-info")
    make(tmp_path, "~orch-2.0.dist-info")
    (tmp_path / "file-1.0.dist-info").write_text("")
    found = packages(tmp_path)
    assert list(found) == ["half", "mess", "odd"]
    assert found["half"].notes == ("half-1.0.dist-info has no METADATA", "half-1.0.dist-info has no RECORD")
    assert found["half"].requires() == ()
    assert len(found["mess"].notes) == 3
    assert found["mess"].label is None
    assert str(found["odd"].version) == "7"
    with pytest.raises(BrokenPackageError, match=r"half 1\.0 has no readable RECORD"):
        found["half"].files()


def test_first_folder_wins_and_missing_folder_is_empty(tmp_path: Path) -> None:
    make(tmp_path / "a", "x-2.dist-info")
    make(tmp_path / "b", "x-1.dist-info")
    found = packages(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    assert str(found["x"].version) == "2"
    assert len(found) == 1
