"""All or nothing: every step fails once, and every step is the last one before a kill."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.install.support import Place, Planned, new_place, picture, target_place
from variantctl.filesystem.errors import InstallError
from variantctl.install import transaction
from variantctl.install.apply import recover_environment
from variantctl.values import replace
from variantctl.wheels.build import build_wheel

#: What an installation does to files, as audit events (``sys.addaudithook``) name it.
EVENTS = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "open"}


def versions(folder: Path) -> tuple[Path, Path, Path]:
    """An old and a new version of a package that share some files, and another package."""
    points = {"console_scripts": {"pkg": "pkg:main"}}
    old = {"pkg/__init__.py": b"1", "pkg/same.py": b"=", "pkg/gone/x.py": b"x", "pkg/turn": b"file"}
    new = {"pkg/__init__.py": b"2", "pkg/same.py": b"=", "pkg/new/y.py": b"y", "pkg/turn/z.py": b"folder"}
    return (
        build_wheel(folder, name="pkg", version="1", files=old, entry_points=points),
        build_wheel(folder, name="pkg", version="2", files=new, entry_points=points),
        build_wheel(folder, name="other", version="1", files={"other.py": b"", "data/x.py": b""}),
    )


@pytest.fixture
def cases(tmp_path: Path) -> Iterator[dict[str, Callable[[Place], object]]]:
    old, new, other = versions(tmp_path)
    # The store is filled first: what it does is another test's.
    filled = target_place(tmp_path / "filler")
    filled = Place(filled.environment, tmp_path / "cache")
    for wheel in (old, new, other):
        filled.install(wheel)
    yield {
        "install": lambda place: place.install(other),
        "upgrade": lambda place: place.install(Planned(new, requested=True), other),
        "downgrade": lambda place: place.install(old, remove=["keep"]),
        "uninstall": lambda place: place.uninstall("pkg"),
    }


def prepared(folder: Path, name: str, tmp_path: Path) -> Place:
    """An environment with the old (or, to downgrade, the new) version and a package that stays or goes."""
    old, new, _ = versions(tmp_path)
    place = Place(target_place(folder).environment, tmp_path / "cache")
    keep = build_wheel(tmp_path, name="keep", version="1", files={"keep/__init__.py": b"k", "data/k.py": b""})
    place.install(keep, new if name == "downgrade" else old)
    return place


def dies_at(moment: int, place: Place, work: Callable[[Place], object]) -> bool:
    """Whether a child process that is killed at its ``moment``-th change of the environment got that far."""
    child = os.fork()
    if child == 0:
        seen = 0
        prefix = str(place.environment.prefix)

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event not in EVENTS or not any(str(argument).startswith(prefix) for argument in arguments):
                return
            if event == "open" and not isinstance(arguments[2], int):
                return
            seen += 1
            if seen == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            work(place)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked child")
@pytest.mark.parametrize("name", ["install", "upgrade", "downgrade", "uninstall"])
def test_killed_at_every_moment(
    name: str, cases: dict[str, Callable[[Place], object]], tmp_path: Path
) -> None:
    work = cases[name]
    start = prepared(tmp_path / "start", name, tmp_path)
    old = shape(start)
    work(start)
    new = shape(start)
    assert old != new
    outcomes = set()
    moment = 0
    killed = True
    while killed:
        moment += 1
        place = prepared(tmp_path / "again", name, tmp_path)
        killed = dies_at(moment, place, work)
        said = recover_environment(place.environment)
        found = shape(place)
        assert found in (old, new), f"killed at moment {moment}: {said}"
        if killed and said:
            outcomes.add((said.split()[0], found == new))
        # What comes next works, whatever was left.
        work(place)
        assert shape(place) == new
        shutil.rmtree(place.environment.prefix)
    assert moment > 20
    assert outcomes == {("undid", False), ("finished", True)}


def shape(place: Place) -> dict[str, str]:
    """The environment with relative names; RECORD and scripts differ by what they name: their size counts."""
    prefix = str(place.environment.prefix)
    found = {}
    for path, what in place.picture().items():
        names_itself = path.endswith("RECORD") or "/bin/" in path
        found[path.removeprefix(prefix)] = what.rsplit(" ", 1)[0] if names_itself else what
    return found


@pytest.mark.parametrize("name", ["install", "upgrade", "downgrade", "uninstall"])
@pytest.mark.parametrize("call", ["rename", "link", "mkdir", "rmdir", "makedirs", "fsync", "listdir", "open"])
def test_every_call_fails_once(
    name: str,
    call: str,
    cases: dict[str, Callable[[Place], object]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work = cases[name]
    fresh = prepared(tmp_path / "place", name, tmp_path)
    old, prefix = shape(fresh), str(fresh.environment.prefix)
    work(fresh)
    new = shape(fresh)
    real = getattr(os, call)
    for number in itertools.count(1):
        shutil.rmtree(prefix)
        place = prepared(tmp_path / "place", name, tmp_path)
        left = number

        def failing(*arguments: object, **options: object) -> object:
            nonlocal left
            # Only calls about the environment count: Python itself opens and lists files, too.
            if call == "fsync" or prefix in str(arguments[0]):
                left -= 1
                if left == 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))
            return real(*arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            try:
                work(place)
                done = True
            except (InstallError, OSError) as error:
                assert getattr(error, "kind", "no-space") == "no-space"
                done = False
        if left > 0:
            assert number > 1 or call in ("link", "makedirs", "rmdir", "listdir")
            break
        if not done:
            assert shape(place) == old, f"{call} number {number}"
            assert not (place.site / ".variantctl").exists()
        else:
            # Only tidying up failed, which the next command makes good.
            recover_environment(place.environment)
            found = shape(place)
            if call == "rmdir":
                found = {path: what for path, what in found.items() if path in new or "folder" not in what}
            assert found == new, f"{call} number {number}"


def test_metadata_comes_last_and_record_last_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, other = versions(tmp_path)
    place = target_place(tmp_path)
    placed: list[str] = []
    real = transaction._place

    def watched(staged: str, destination: str) -> None:
        placed.append(os.path.relpath(destination, place.site))
        real(staged, destination)

    monkeypatch.setattr(transaction, "_place", watched)
    place.install(old, other)
    assert set(placed[-2:]) == {"pkg-1.dist-info", "other-1.dist-info"}
    placed.clear()
    place.install(old)
    assert placed[-1] == "pkg-1.dist-info/RECORD"
    assert all("dist-info" not in path for path in placed[: placed.index("pkg-1.dist-info/METADATA")])
    placed.clear()
    place.install(new)
    assert placed[-1] == "pkg-2.dist-info"


def test_interrupt_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, _ = versions(tmp_path)
    place = target_place(tmp_path)
    place.install(old)
    before = place.picture()
    calls = 0

    def interrupted(staged: str, destination: str) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        Path(staged).rename(destination)

    monkeypatch.setattr("variantctl.install.transaction._place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        place.install(new)
    assert place.picture() == before


def test_someone_else_takes_the_place_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _, other = versions(tmp_path)
    place = target_place(tmp_path)
    place.install(old)
    before = place.picture()
    real = os.fsync

    def fsync(handle: int) -> None:
        (place.site / "other.py").write_text("not ours")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InstallError, match=r"other\.py: something else has just put it there"):
        place.install(other)
    after = place.picture()
    after.pop(str(place.site / "other.py"))
    assert after == before


def test_undoing_may_be_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, _ = versions(tmp_path)
    place = target_place(tmp_path)
    place.install(old)
    before = place.picture()
    real = os.rename
    calls = 0

    def rename(source: str, destination: str) -> None:
        nonlocal calls
        calls += 1
        if calls in (7, 9, 10):
            raise OSError(errno.EIO, os.strerror(errno.EIO), source)
        real(source, destination)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(InstallError):
        place.install(new)
    assert (place.site / ".variantctl/journal.json").exists()
    title = json.loads((place.site / ".variantctl/journal.json").read_bytes())["title"]
    assert title == "the installation of pkg 2"
    with pytest.raises(InstallError):
        recover_environment(place.environment)
    assert recover_environment(place.environment) == f"undid {title}, which was cut short"
    assert place.picture() == before
    assert recover_environment(place.environment) is None


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system."""
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system (/dev/shm) to install across")
    folder = other / f"variantctl-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_cache_on_another_file_system(tmp_path: Path, elsewhere: Path) -> None:
    old, new, _ = versions(tmp_path)
    place = Place(target_place(elsewhere).environment, tmp_path / "cache")
    place.install(old)
    assert (place.site / "pkg/same.py").stat().st_nlink == 1
    place.install(new)
    place.uninstall("pkg")
    assert not list(place.site.glob("pkg*"))


@pytest.mark.parametrize("fails_at", [0, 1, 2, 3, 4, 5, 6, 7, 8])
def test_environment_across_file_systems(fails_at: int, tmp_path: Path, elsewhere: Path) -> None:
    old, new, _ = versions(tmp_path)
    data = {"data/share/pkg/a/b.txt": b"b", "scripts/run": b"#!python\n", "data/share/pkg/c.txt": b"c"}
    first = build_wheel(tmp_path, name="far", version="1", data=data)
    second = build_wheel(tmp_path, name="far", version="2", data={**data, "data/share/pkg/d/e": b""})
    plain = target_place(tmp_path).environment
    scheme = {**plain.scheme, "data": elsewhere, "scripts": elsewhere / "bin"}
    place = Place(replace(plain, scheme=scheme), tmp_path / "cache")
    place.install(first, old)

    def both() -> dict[str, str]:
        return {**place.picture(), **Place(replace(plain, prefix=elsewhere), place.cache).picture()}

    before = both()
    if fails_at:
        left = fails_at

        real = shutil.copy2

        def failing(source: str, destination: str, *, follow_symlinks: bool = True) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(source, destination, follow_symlinks=follow_symlinks)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shutil, "copy2", failing)
            try:
                place.install(second, new)
            except InstallError:
                assert both() == before
    place.install(second, new)
    assert (elsewhere / "share/pkg/d/e").is_file()
    assert (elsewhere / "bin/run").is_file()
    assert not list(elsewhere.rglob(".variantctl*"))
    place.uninstall("far", "pkg")
    assert [path for path in elsewhere.rglob("*") if path.name != "bin"] == []


@pytest.mark.parametrize("undone", range(1, 7))
def test_undoing_across_file_systems_may_be_cut_short(
    undone: int, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {f"data/share/far/{name}.txt": name.encode() for name in "abc"}
    first = build_wheel(tmp_path, name="far", version="1", data=data)
    second = build_wheel(tmp_path, name="far", version="2", data={k: v * 2 for k, v in data.items()})
    plain = target_place(tmp_path).environment
    place = Place(replace(plain, scheme={**plain.scheme, "data": elsewhere}), tmp_path / "cache")
    place.install(first)
    before = {**place.picture(), **picture(elsewhere)}
    real_place, real_aside = transaction._place, transaction._set_aside
    left = 0

    def swapping(staged: str, destination: str) -> None:
        if "dist-info" in destination:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real_place(staged, destination)

    def restoring(path: str, aside: str) -> None:
        nonlocal left
        if "/aside/" in path:
            left -= 1
            if left == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        real_aside(path, aside)

    monkeypatch.setattr(transaction, "_place", swapping)
    monkeypatch.setattr(transaction, "_set_aside", restoring)
    left = undone
    with pytest.raises(InstallError):
        place.install(second)
    assert {**place.picture(), **picture(elsewhere)} != before
    said = recover_environment(place.environment)
    assert said is not None
    assert said.startswith("undid")
    assert {**place.picture(), **picture(elsewhere)} == before


def test_environments_do_not_share_state(tmp_path: Path) -> None:
    one, two = new_place(tmp_path, name="one"), new_place(tmp_path, name="two")
    old, _, _ = versions(tmp_path)
    one.install(old)
    assert two.names() == {}


def state_of(target: Place, **lists: list[str]) -> Path:
    """A state folder as a change leaves it that was cut short, with nothing staged and nothing aside yet."""
    state = target.site / ".variantctl"
    for name in ("stage", "aside"):
        (state / name).mkdir(parents=True)
    nothing: dict[str, list[str]] = {name: [] for name in ("aside", "clear", "place", "emptied")}
    journal = {"format": 1, "title": "the installation of x 1", **nothing, **lists}
    (state / "journal.json").write_text(json.dumps(journal))
    return state


@pytest.mark.parametrize("fails_at", range(1, 12))
def test_a_folder_that_made_way_is_made_again(
    fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file comes in the place of an empty folder, which may be the user's own; then the upgrade fails."""
    place = target_place(tmp_path)
    old = build_wheel(tmp_path, name="pkg", version="1", files={"pkg/__init__.py": b"1"})
    new = build_wheel(tmp_path, name="pkg", version="2", files={"pkg/__init__.py": b"2", "pkg/data": b"file"})
    place.install(old)
    (place.site / "pkg/data/deep").mkdir(parents=True)
    before, real, calls = place.picture(), os.rename, 0

    def rename(source: str, destination: str) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(errno.EIO, os.strerror(errno.EIO), source)
        real(source, destination)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        try:
            place.install(new)
        except InstallError:
            assert place.picture() == before
        else:
            assert (place.site / "pkg/data").read_bytes() == b"file"


def test_what_came_back_is_not_taken_for_new(target: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody took a new file away; the old one comes back to its place; the undoing is cut short there."""
    target.site.mkdir()
    place = str(target.site / "x.py")
    state = state_of(target, aside=[place], place=[place])
    (state / "aside/0").write_text("old")
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.name == "journal.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        real(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        with pytest.raises(InstallError):
            recover_environment(target.environment)
    assert recover_environment(target.environment) is not None
    assert (target.site / "x.py").read_text() == "old"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_half_a_copy_goes(kind: str, target: Place) -> None:
    """From another file system files come as copies under another name, beside their place."""
    target.site.mkdir()
    half = target.site / ".variantctl-x"
    if kind == "file":
        half.write_text("half")
    else:
        (half / "deep").mkdir(parents=True)
        (half / "deep/y.py").write_text("half")
    state = state_of(target, place=[str(target.site / "x")])
    (state / "stage/0").write_text("new")
    assert recover_environment(target.environment) is not None
    assert list(target.site.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("step", ["_place", "_set_aside"])
def test_a_copy_begins_anew(step: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier copy left half, of whatever kind, is in nobody's way."""
    source, destination = tmp_path / "source", tmp_path / "to/there"
    half = tmp_path / "to/.variantctl-there"
    (half / "x").mkdir(parents=True)
    if kind == "folder" and step == "_place":
        source.mkdir()
        (source / "y.py").write_text("new")
    else:
        source.write_text("new")
    if kind == "file":
        shutil.rmtree(half)
        half.write_text("half of it")
    real = os.rename

    def rename(one: str, other: str) -> None:
        if (one, other) == (str(source), str(destination)):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(one, other)

    monkeypatch.setattr(os, "rename", rename)
    getattr(transaction, step)(str(source), str(destination))
    assert not half.exists()
    assert (destination / "y.py" if destination.is_dir() else destination).read_text() == "new"
