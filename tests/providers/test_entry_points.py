"""Entry points are found as importlib.metadata finds them."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from variantctl.providers.plugins import EntryPoint, entry_points, normalise


def independent(group: str, path: list[str]) -> set[tuple[str, str, str]]:
    """The same question, put to importlib.metadata. Extras count for nothing (entry points specification)."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for distribution in distributions(path=path):
        points = {
            (p.name, p.value.partition("[")[0].strip(), p.dist.version)
            for p in distribution.entry_points
            if p.group == group and p.dist
        }
        found.setdefault(normalise(distribution.metadata["Name"]), points)
    return {point for points in found.values() for point in points}


@pytest.mark.parametrize("group", ["variant_plugins", "console_scripts", "pytest11"])
def test_this_environment(group: str) -> None:
    ours = {(point.name, point.value, point.version) for point in entry_points(group)}
    assert ours
    assert ours == independent(group, sys.path)


def distribution(folder: Path, name: str, text: str, version: str = "1.0") -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(text)


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    distribution(tmp_path / "a", "Some_Pkg", "[g]\none = m:first\n", "2.0")
    distribution(tmp_path / "b", "some.pkg", "[g]\none = m:second\n")
    path = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert entry_points("g", path) == [EntryPoint("one", "m:first", "some-pkg", "2.0")]


def test_odd_files(tmp_path: Path) -> None:
    lines = [
        "# a comment",
        "[other]",
        "x = y",
        "[g]",
        "; another",
        "spaced name = a.b : c.d [extra]",
        "plain=mod",
    ]
    distribution(tmp_path, "odd", "\n".join([*lines, "nonsense", ""]))
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_bytes(b"[g]\n\xff = x\n")
    (tmp_path / "file-1.dist-info").write_text("not a folder")
    found = [
        (point.name, point.value) for point in entry_points("g", [str(tmp_path), str(tmp_path / "missing")])
    ]
    assert found == [("spaced name", "a.b:c.d"), ("plain", "mod")]


def test_an_archive_on_the_path(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "zipped.zip", "w") as archive:
        archive.writestr("z-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: z\nVersion: 1\n")
        archive.writestr("z-1.dist-info/entry_points.txt", "[g]\nin_zip = m\n")
    assert entry_points("g", [str(tmp_path / "zipped.zip")]) == [EntryPoint("in_zip", "m", "z", "1")]


def test_load() -> None:
    assert EntryPoint("x", "os.path:join", "p", "1").load() is __import__("os").path.join
