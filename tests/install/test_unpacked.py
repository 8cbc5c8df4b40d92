"""The store of unpacked wheels: complete or not there, and never wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.install.support import Place, new_place
from variantctl.cache.manifest import UnpackedWheel
from variantctl.cache.progress import ProgressEvent
from variantctl.cache.unpacked import UnpackedStore
from variantctl.filesystem.digests import file_digest
from variantctl.filesystem.errors import InstallError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.build import build_wheel


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(
        tmp_path,
        name="pkg",
        version="1",
        files={"pkg/a.py": b"a", "pkg/big.bin": bytes(9 << 20)},
        data={"scripts/tool": b"#!/bin/sh\n"},
    )


def add(store: UnpackedStore, wheel: Path) -> UnpackedWheel:
    return store.add(wheel, parse_wheel_filename(wheel.name), file_digest(wheel))


def get(store: UnpackedStore, wheel: Path) -> UnpackedWheel | None:
    return store.get(wheel.name, file_digest(wheel))


def test_unpacked_once_and_read_only(wheel: Path, tmp_path: Path) -> None:
    store = UnpackedStore(tmp_path / "cache")
    assert get(store, wheel) is None
    added = add(store, wheel)
    assert get(store, wheel) == added
    assert added.read("pkg/a.py") == b"a"
    modes = {file.path: oct((added.root / file.path).stat().st_mode & 0o777) for file in added.files}
    assert modes["pkg/a.py"] == "0o444"
    assert modes["pkg-1.data/scripts/tool"] == "0o555"
    assert {file.path for file in added.files if file.executable} == {"pkg-1.data/scripts/tool"}
    assert [entry.name for entry in store.root.iterdir()] == [added.root.parent.name]
    assert add(store, wheel) == added


def test_name_is_part_of_what_was_verified(wheel: Path, tmp_path: Path) -> None:
    store = UnpackedStore(tmp_path / "cache")
    add(store, wheel)
    other = "other-1-py3-none-any.whl"
    assert store.get(other, file_digest(wheel)) is None


def test_damage_is_noticed(wheel: Path, tmp_path: Path) -> None:
    store = UnpackedStore(tmp_path / "cache")

    def edit(root: Path) -> None:
        (root / "pkg/a.py").chmod(0o644)
        (root / "pkg/a.py").write_bytes(b"b")

    def grow(root: Path) -> None:
        (root / "pkg/a.py").chmod(0o644)
        (root / "pkg/a.py").write_bytes(b"bb")

    def lose(root: Path) -> None:
        (root / "pkg/a.py").unlink()

    def garble(root: Path) -> None:
        (root.parent / "manifest.json").write_text("{")

    def exchange(root: Path) -> None:
        manifest = (root.parent / "manifest.json").read_text()
        (root.parent / "manifest.json").write_text(manifest.replace(file_digest(wheel), "0" * 64))

    def cut(root: Path) -> None:
        manifest = (root.parent / "manifest.json").read_bytes()
        (root.parent / "manifest.json").write_bytes(manifest[:-1])

    for harm in (edit, grow, lose, exchange, cut):
        harm(add(store, wheel).root)
        assert get(store, wheel) is None
        assert list(store.root.iterdir()) == []
    garble(add(store, wheel).root)
    assert get(store, wheel) is None


def test_touched_but_unchanged_is_still_good(wheel: Path, tmp_path: Path) -> None:
    store = UnpackedStore(tmp_path / "cache")
    added = add(store, wheel)
    os.utime(added.root / "pkg/a.py", (1, 1))
    assert get(store, wheel) == added


def test_edit_in_one_environment_does_not_reach_another(wheel: Path, tmp_path: Path) -> None:
    one = new_place(tmp_path, name="one")
    one.install(wheel)
    file = one.site / "pkg/a.py"
    file.chmod(0o644)
    file.write_bytes(b"edited in place")
    two = new_place(tmp_path, name="two")
    two.install(wheel)
    assert (two.site / "pkg/a.py").read_bytes() == b"a"
    assert file.read_bytes() == b"edited in place"


def test_progress_counts_bytes(wheel: Path, tmp_path: Path) -> None:
    events: list[ProgressEvent] = []
    store = UnpackedStore(tmp_path / "cache")
    store.add(wheel, parse_wheel_filename(wheel.name), file_digest(wheel), events.append)
    assert {(event.stage, event.name) for event in events} == {("unpack", "pkg")}
    done = [event.done for event in events]
    assert done == sorted(done)
    assert len(done) >= 3
    assert events[-1].done == events[-1].total


def test_cache_that_cannot_be_written(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("a file")
    with pytest.raises(InstallError, match=r"unpacking pkg-1-py3-none-any.whl: .*blocked"):
        Place(new_place(tmp_path).environment, tmp_path / "blocked").install(wheel)


def test_failure_leaves_nothing(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = UnpackedStore(tmp_path / "cache")
    real = os.write

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InstallError, match="no space left"):
        add(store, wheel)
    monkeypatch.setattr(os, "write", real)
    assert list(store.root.iterdir()) == []
    assert add(store, wheel).read("pkg/a.py") == b"a"
