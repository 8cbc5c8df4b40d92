"""Two packages that have different files of one path: harmless, a move, or a fault that is named."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.install.support import Place, target_place
from variantctl.cli import app
from variantctl.install.errors import FileConflictError
from variantctl.target.installed import installed_packages
from variantctl.target.integrity import changed_files
from variantctl.wheels.build import build_wheel

PKGUTIL = b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
PKG_RESOURCES = b"__import__('pkg_resources').declare_namespace(__name__)\n"
HARMLESS: dict[str, Any] = {
    "tests/__init__.py": (b"1", b"2"),
    "tests/deep/test_x.py": (b"1", b"2"),
    "test/__init__.py": (b"1", b"2"),
    "docs/conf.py": (b"1", b"2"),
    "examples/x.py": (b"1", b"2"),
    "benchmarks/x.py": (b"1", b"2"),
    "LICENSE": (b"1", b"2"),
    "LICENSE.txt": (b"1", b"2"),
    "README.md": (b"1", b"2"),
    "CHANGELOG": (b"1", b"2"),
    "setup.py": (b"1", b"2"),
    "conftest.py": (b"1", b"2"),
    "google/__init__.py": (PKGUTIL, PKG_RESOURCES),
    "azure/__init__.py": (b"", PKGUTIL),
    "zope/__init__.py": (b"# Copyright\n", b""),
    "data:README.md": (b"1", b"2"),
    "data:share/doc/x.txt": (b"1", b"2"),
    "data:share/man/man1/x.1": (b"1", b"2"),
}
FAULTS: dict[str, Any] = {
    "cv2/__init__.py": "both own the import package 'cv2'",
    "cv2/tests/__init__.py": "both own the import package 'cv2'",
    "module.py": "both own the import package 'module'",
    "native.cpython-311-x86_64-linux-gnu.so": "both own the import package 'native'",
    "evil.pth": "",
    "build/__init__.py": "both own the import package 'build'",
    "google/__init__.py": "both own the import package 'google'",
    "scripts:tool": "",
    "data:etc/jupyter/x.json": "",
    "headers:x.h": "",
}


@pytest.fixture
def target(tmp_path: Path) -> Place:
    return target_place(tmp_path)


def wheel(folder: Path, name: str, path: str, content: bytes, version: str = "1", **more: Any) -> Path:
    """A package with a file of its own and one that another has as well (``KIND:`` of the .data folder)."""
    kind, colon, inside = path.rpartition(":")
    files = {f"{name}/__init__.py": b"own"} | ({} if colon else {path: content})
    data = {f"{kind}/{inside}": content} if colon else {}
    return build_wheel(folder / "wheels", name=name, version=version, files=files, data=data, **more)


def place_of(target: Place, path: str) -> Path:
    kind, _, inside = path.rpartition(":")
    folder = {"scripts": target.site / "bin", "headers": target.site / "include/two"}.get(kind, target.site)
    return folder / inside


def rows(target: Place, name: str) -> dict[str, list[str]]:
    with (target.site / f"{name}-1.dist-info/RECORD").open(newline="") as record:
        return {row[0]: row[1:] for row in csv.reader(record)}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("path", list(HARMLESS))
def test_harmless(path: str, together: bool, target: Place, tmp_path: Path) -> None:
    """It is of both: each RECORD is true, and it stays until the last of them goes."""
    one, two = (
        wheel(tmp_path, name, path, content)
        for name, content in zip(("one", "two"), HARMLESS[path], strict=True)
    )
    if together:
        outcome = target.install(one, two)
    else:
        target.install(one)
        outcome = target.install(two)
    (warning,) = outcome.warnings
    assert "one 1" in warning and "two 1" in warning and path.rpartition(":")[2] in warning
    there = place_of(target, path)
    assert there.read_bytes() == HARMLESS[path][0]
    installed = installed_packages(target.environment)
    assert [changed_files(package) for package in installed.values()] == [[], []]
    digest = hashlib.sha256(there.read_bytes()).digest()
    assert {tuple(rows(target, name)[path.rpartition(":")[2]]) for name in ("one", "two")} == {
        (
            f"sha256={__import__('base64').urlsafe_b64encode(digest).rstrip(b'=').decode()}",
            str(len(there.read_bytes())),
        )
    }
    target.uninstall("one")
    assert there.exists()
    target.uninstall("two")
    assert not there.exists()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("path", list(FAULTS))
def test_a_fault_that_is_named(path: str, together: bool, target: Place, tmp_path: Path) -> None:
    if path.startswith("headers:"):
        pytest.skip("each package has a folder of its own for these")
    one, two = (wheel(tmp_path, name, path, name.encode()) for name in ("one", "two"))
    if not together:
        target.install(one)
    before = target.picture() if target.site.exists() else {}
    with pytest.raises(FileConflictError) as caught:
        target.install(*((one, two) if together else (two,)))
    assert FAULTS[path] in str(caught.value)
    assert "one" in str(caught.value) and "two" in str(caught.value)
    assert "--overwrite" in (caught.value.hint or "")
    assert (target.picture() if target.site.exists() else {}) == before
    outcome = target.install(*((one, two) if together else (two,)), overwrite=True)
    assert place_of(target, path).read_bytes() == b"two"
    (warning,) = outcome.warnings
    assert "one 1" in warning and "two 1" in warning
    assert set(target.names()) == {"one", "two"}
    # The one that lost keeps its claim; when the other goes, what is left is said.
    notes = target.uninstall("two").notes
    assert place_of(target, path).exists()
    if not together:
        assert any("install --reinstall one" in note for note in notes), notes
    target.uninstall("one")
    assert not place_of(target, path).exists()


def test_hundreds_of_files_are_one_sentence(target: Place, tmp_path: Path) -> None:
    files = {f"cv2/f{number}.py": b"%d" % number for number in range(300)}
    one = build_wheel(tmp_path / "wheels", name="one", version="1", files=files)
    two = build_wheel(tmp_path / "wheels", name="two", version="1", files=dict.fromkeys(files, b"x"))
    target.install(one)
    (warning,) = target.install(two, overwrite=True).warnings
    assert "and 299 more files" in warning


def test_scripts_that_moved_do_not_block(target: Place, tmp_path: Path) -> None:
    """jupyterlab 4.6 left bin/jlpm to jupyter-builder, which stays when jupyterlab goes back."""
    points = {"console_scripts": {"jlpm": "lab.jlpm:main"}}
    moved = {"console_scripts": {"jlpm": "builder:main"}}
    old = build_wheel(tmp_path / "w", name="lab", version="4.5", files={"lab.py": b"1"}, entry_points=points)
    new = build_wheel(tmp_path / "w", name="lab", version="4.6", files={"lab.py": b"2"})
    builder = build_wheel(
        tmp_path / "w", name="builder", version="1", files={"builder.py": b""}, entry_points=moved
    )
    script = target.site / "bin/jlpm"
    target.install(old)
    assert target.install(new, builder).warnings == ()
    assert b"builder" in script.read_bytes()
    (warning,) = target.install(old).warnings
    assert "jlpm of builder 1 is now as lab 4.5 has it" in warning
    assert b"lab.jlpm" in script.read_bytes()
    notes = target.install(new).notes
    assert any("--reinstall builder" in note for note in notes)
    target.install(builder)
    assert b"builder" in script.read_bytes()
    assert all(not changed_files(each) for each in installed_packages(target.environment).values())


@pytest.mark.parametrize("related", ["needs", "needed", "same", None])
def test_modules_that_moved(related: str | None, target: Place, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    old = build_wheel(folder, name="lab", version="1", files={"core/x.py": b"1", "lab.py": b""})
    new = build_wheel(
        folder,
        name="lab",
        version="2",
        files={"core/y.py" if related == "same" else "lab.py": b"2"},
        requires=("Split.Off>=1 ; python_version > '3'",) if related == "needs" else (),
    )
    other = build_wheel(
        folder,
        name="split_off",
        version="1",
        files={"core/x.py": b"3"},
        requires=("lab",) if related == "needed" else (),
    )
    target.install(old)
    target.install(new, other)
    if related is None:
        with pytest.raises(FileConflictError, match="both own the import package 'core'"):
            target.install(old)
    else:
        assert target.install(old).warnings
        assert (target.site / "core/x.py").read_bytes() == b"1"


def test_moving_both_ways_in_one_change(target: Place, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    wheels = {
        (name, version): build_wheel(
            folder,
            name=name,
            version=version,
            files={f"{name}.py": b"", "core.py": name.encode()} if name == owner else {f"{name}.py": b""},
        )
        for version, owner in (("1", "one"), ("2", "two"))
        for name in ("one", "two")
    }
    for version in ("1", "2", "1"):
        outcome = target.install(wheels["one", version], wheels["two", version])
        assert outcome.warnings == ()
        assert (target.site / "core.py").read_bytes() == (b"one" if version == "1" else b"two")


def test_the_command(
    target: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(target.cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", "/dev/null")
    for name in ("one", "two"):
        wheel(tmp_path, name, "cv2/__init__.py", name.encode())
    place = ["--no-index", "-f", str(tmp_path / "wheels"), "--target", str(target.environment.prefix)]
    assert app.run(["install", *place, "one", "two"]) == 1
    said = capsys.readouterr().err
    assert "both own the import package 'cv2'" in said and "--overwrite" in said
    assert app.run(["install", *place, "one", "two", "--overwrite"]) == 0
    assert "warning: " in capsys.readouterr().err
