"""Each step of a change by itself: in which order, what is on the disk before what, what is left alone."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.install.support import Place
from variantctl.filesystem.errors import InstallError
from variantctl.filesystem.links import Linker, LinkMode
from variantctl.install import journal as journals
from variantctl.install import transaction
from variantctl.install.errors import NotUndoneError, StateError
from variantctl.install.file_changes import FileChanges, RenameUnit
from variantctl.install.journal import Journal
from variantctl.install.layout import NewFile
from variantctl.install.roots import Roots
from variantctl.install.transaction import Transaction, pending, recover

JOURNAL, DONE = "journal.json", "done.json"
COPY = Linker(LinkMode.COPY)


class Change:
    """A state folder in an environment, and what is journaled in it."""

    def __init__(self, place: Place) -> None:
        place.site.mkdir(parents=True)
        self.site = place.site
        self.state = place.site / ".variantctl"
        self.state.mkdir()
        self.roots = Roots(place.environment)

    def path(self, name: str, content: str | None = None) -> str:
        path = self.site / name
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return str(path)

    def journaled(self, name: str, **lists: list[str]) -> None:
        """As a change leaves it, with what is ``stage`` and ``aside`` there."""
        for folder in ("stage", "aside"):
            (self.state / folder).mkdir(exist_ok=True)
        nothing: dict[str, list[str]] = {name: [] for name in ("aside", "clear", "place", "emptied")}
        (self.state / name).write_text(json.dumps({"format": 1, "title": "x", **nothing, **lists}))

    def transaction(
        self, *places: str, removed: tuple[str, ...] = (), clear: tuple[str, ...] = ()
    ) -> Transaction:
        """With one staged file, of its own name, for each place."""
        units = tuple(RenameUnit(place, (), (), False) for place in places)
        (self.state / "stage").mkdir()
        for number, place in enumerate(places):
            (self.state / f"stage/{number}").write_text(f"new {Path(place).name}")
        change = FileChanges(units, removed, clear)
        return Transaction(self.state, change, self.roots, COPY, title="the installation of x 1")

    def left(self) -> dict[str, str]:
        """The files of the environment, the state folder's left out."""
        files = (path for path in self.site.rglob("*") if path.is_file() and self.state not in path.parents)
        return {str(path.relative_to(self.site)): path.read_text() for path in files}


@pytest.fixture
def change(target: Place) -> Change:
    return Change(target)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done to names, in order."""
    seen: list[str] = []

    def watch(owner: object, name: str, shown: Callable[..., str]) -> None:
        real = getattr(owner, name)

        def watched(*arguments: object, **options: object) -> object:
            # pathlib may call os, and may have its own way.
            if seen[-1:] != [text := shown(*arguments)]:
                seen.append(text)
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(os, "rename", lambda one, other: f"{Path(one).name} -> {Path(other).name}")
    watch(Path, "rename", lambda one, other: f"{one.name} -> {Path(other).name}")
    watch(Path, "unlink", lambda path, missing_ok=False: f"unlink {path.name}")
    watch(os, "makedirs", lambda path: f"make {Path(path).name}")
    watch(os, "rmdir", lambda path: f"rmdir {Path(path).name}")
    watch(
        os, "fsync", lambda handle: "sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file"
    )
    return seen


def test_a_change_step_by_step(change: Change, steps: list[str]) -> None:
    old, gone, one, two = (change.path(name) for name in ("old", "gone", "one", "two"))
    change.path("old", "old")
    change.path("gone", "gone")
    (change.site / "empty/deep").mkdir(parents=True)
    clear = (change.path("empty/deep"), change.path("empty"))
    work = change.transaction(one, two, removed=(old, gone), clear=clear)
    (change.site / "emptied").mkdir()
    with work:
        work.swap([change.path("emptied")], lambda: steps.append("accepted"))
        assert steps == [
            *("sync file", "journal.half -> journal.json", "sync folder"),
            *("old -> 0", "gone -> 1", "rmdir deep", "rmdir empty", "0 -> one", "1 -> two"),
            *("accepted", "journal.json -> done.json"),
        ]
        steps.clear()
    assert steps[:2] == ["sync folder", "rmdir emptied"]
    assert steps.index("unlink done.json") > steps.index("rmdir aside"), "else nobody would go on"
    assert work.note is None
    assert change.left() == {"one": "new one", "two": "new two"}
    assert list(change.state.iterdir()) == []


def test_without_anybody_to_accept(change: Change) -> None:
    with change.transaction(change.path("one")) as work:
        work.swap([])
    assert change.left() == {"one": "new one"}


def test_nothing_of_a_change_that_was_not_swapped(change: Change) -> None:
    with change.transaction(change.path("one")):
        pass
    assert change.left() == {}
    assert list(change.state.iterdir()) == []


def test_what_is_not_accepted_is_undone(change: Change) -> None:
    old = change.path("old", "old")

    def refuse() -> None:
        assert (change.site / "one").is_file()
        raise InstallError("no")

    with (
        pytest.raises(InstallError, match="no"),
        change.transaction(change.path("one"), removed=(old,)) as work,
    ):
        work.swap([], refuse)
    assert change.left() == {"old": "old"}
    assert list(change.state.iterdir()) == []


def test_what_is_gone_already_need_not_go(change: Change) -> None:
    with change.transaction(change.path("one"), removed=(change.path("gone"),)) as work:
        work.swap([])
    assert change.left() == {"one": "new one"}


def test_a_journal_that_would_not_be_believed(change: Change, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    work = change.transaction(change.path("one"), removed=(str(outside),))
    with pytest.raises(InstallError), work:
        work.swap([])
    assert outside.read_text() == "mine"
    assert not (change.state / JOURNAL).exists()


def test_a_journal_has_a_largest_size(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    one = change.path("one")
    size = len(Journal("the installation of x 1", (), (), (one,), ()).dump())
    monkeypatch.setattr(journals, "LARGEST", size - 1)
    with pytest.raises(InstallError, match="too many files"), change.transaction(one) as work:
        work.swap([])
    monkeypatch.setattr(journals, "LARGEST", size)
    with change.transaction(one) as work:
        work.swap([])
    assert change.left() == {"one": "new one"}


def test_undone_newest_first(change: Change, steps: list[str]) -> None:
    (change.state / "stage").mkdir()
    for name in ("a", "b"):
        change.path(name, f"new {name}")
    change.journaled(
        JOURNAL,
        place=[change.path("a"), change.path("b")],
        clear=[change.path("w/deep"), change.path("w")],
        aside=[change.path("x"), change.path("d/y")],
    )
    for number, name in enumerate("xy"):
        (change.state / f"aside/{number}").write_text(f"old {name}")
    steps.clear()
    assert recover(change.state, change.roots) == "undid x, which was cut short"
    names = [step for step in steps if "make" not in step]
    assert names[:4] == ["b -> 1", "a -> 0", "1 -> y", "0 -> x"]
    made = [step for step in steps if step.startswith("make ")]
    assert made[:2] == ["make w", "make deep"]
    assert change.left() == {"x": "old x", "d/y": "old y"}
    assert (change.site / "w/deep").is_dir()
    assert list(change.state.iterdir()) == []


def test_undoing_twice_is_undoing_once(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.path("w/x", "kept")
    change.path("a", "new")
    change.journaled(
        JOURNAL,
        place=[change.path("a")],
        clear=[change.path("w")],
        aside=[change.path("w/y"), change.path("z")],
    )
    (change.state / "aside/0").write_text("old")
    real = Path.unlink

    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, "broken", str(path))

    with monkeypatch.context() as patch, pytest.raises(OSError, match="broken"):
        patch.setattr(Path, "unlink", unlink)
        recover(change.state, change.roots)
    assert change.left() == {"w/x": "kept", "w/y": "old"}
    assert Path.unlink is real
    assert recover(change.state, change.roots) is not None
    assert change.left() == {"w/x": "kept", "w/y": "old"}


def test_nothing_is_undone_without_the_folders(change: Change) -> None:
    change.path("a", "not ours")
    change.journaled(JOURNAL, place=[change.path("a")])
    shutil.rmtree(change.state / "stage")
    with pytest.raises(StateError):
        recover(change.state, change.roots)
    assert change.left() == {"a": "not ours"}
    assert (change.state / JOURNAL).exists()


def test_finished(change: Change, steps: list[str]) -> None:
    (change.site / "emptied").mkdir()
    change.journaled(DONE, aside=[change.path("a")], emptied=[change.path("emptied")])
    (change.state / "aside/0").write_text("old")
    (change.state / "journal.half").write_text("half")
    assert recover(change.state, change.roots) == "finished x"
    assert steps[0] == "sync folder", "before anything of the old is deleted"
    assert not (change.site / "emptied").exists()
    assert list(change.state.iterdir()) == []
    assert recover(change.state, change.roots) is None


def test_what_deletes_nothing_needs_no_sync(change: Change, steps: list[str]) -> None:
    change.journaled(DONE, place=[change.path("a")])
    recover(change.state, change.roots)
    assert "sync folder" not in steps


def test_what_cannot_be_deleted_yet_is_no_error(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stage", "aside"):
        (change.state / name).mkdir()
        (change.state / name / "file").write_text("")

    def rmtree(path: str) -> None:
        raise OSError(errno.EACCES, "no", path)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", rmtree)
        assert recover(change.state, change.roots) is None
    assert recover(change.state, change.roots) is None
    assert list(change.state.iterdir()) == []


def test_made_but_not_tidied_up(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is made: what cannot be deleted is a note, and no error."""
    old = change.path("old", "old")

    def fail(folders: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch, change.transaction(change.path("one"), removed=(old,)) as work:
        patch.setattr(transaction, "remove_emptied", fail)
        work.swap([])
    assert work.note is not None
    assert "the installation of x 1" in work.note
    said = pending(change.state, change.roots)
    assert said is not None and "made, but not tidied up" in said
    assert recover(change.state, change.roots) == "finished the installation of x 1"
    assert pending(change.state, change.roots) is None


def test_neither_made_nor_undone(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(state: Path, journal: Journal) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(transaction, "_undo", fail)
    work = change.transaction(change.path("one"))
    with pytest.raises(NotUndoneError) as caught, work:
        work.swap([], lambda: (_ for _ in ()).throw(InstallError("refused")))
    assert work.note is None
    assert isinstance(caught.value.__cause__, OSError)
    said = pending(change.state, change.roots)
    assert said is not None and "was cut short" in said


def test_staging_makes_its_folder(change: Change) -> None:
    work = Transaction(change.state, FileChanges((), (), ()), change.roots, COPY, title="x")
    work.stage()
    assert list((change.state / "stage").iterdir()) == []
    with pytest.raises(FileExistsError):
        work.stage()


@pytest.mark.skipif(os.name == "nt", reason="there are no such bits")
def test_asking_writes_nothing(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.state.chmod(0o777)
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: pytest.fail("a folder was made"))
    with pytest.raises(StateError):
        pending(change.state, change.roots)


def test_who_holds_the_lock_is_said(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change.journaled(JOURNAL)
    monkeypatch.setattr(transaction, "is_held", lambda state: True)
    said = pending(change.state, change.roots)
    assert said is not None and "at this moment" in said


# --- across file systems ---


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing can be renamed from one folder to another."""
    real = os.rename

    def rename(one: str, other: str) -> None:
        if Path(one).parent != Path(other).parent:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real(one, other)

    monkeypatch.setattr(os, "rename", rename)
    yield


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    return tmp_path / "one/0", tmp_path / "two/file"


@pytest.mark.usefixtures("far")
class TestFar:
    def test_a_link_stays_one(self, two: tuple[Path, Path]) -> None:
        staged, there = two
        (staged.parent / "folder").mkdir()
        for step in (transaction._place, transaction._set_aside):
            for target in ("folder", "nothing"):
                staged.symlink_to(staged.parent / target)
                step(str(staged), str(there))
                assert there.is_symlink()
                assert there.readlink() == staged.parent / target
                there.unlink()
        assert (staged.parent / "folder").is_dir()

    def test_links_in_a_folder_stay_links(self, two: tuple[Path, Path]) -> None:
        staged, there = two
        staged.mkdir()
        (staged / "file").write_text("x")
        (staged / "link").symlink_to("file")
        transaction._place(str(staged), str(there))
        assert (there / "link").readlink() == Path("file")
        assert not staged.exists()
        assert (staged.parent / "0.moved").is_dir()

    def test_taken_back(self, two: tuple[Path, Path]) -> None:
        staged, there = two
        staged.write_text("new")
        transaction._place(str(staged), str(there))
        assert there.read_text() == "new"
        transaction._take_back(str(there), str(staged))
        assert not there.exists()
        assert staged.read_text() == "new"
        there.write_text("old, come back")
        transaction._take_back(str(there), str(staged))
        assert there.read_text() == "old, come back"

    def test_set_aside_is_gone_from_its_place(self, two: tuple[Path, Path]) -> None:
        one, other = two
        one.write_text("old")
        transaction._set_aside(str(one), str(other))
        assert not one.exists()
        assert other.read_text() == "old"
        assert [path.name for path in other.parent.iterdir()] == ["file"]


@pytest.mark.parametrize("step", [transaction._place, transaction._set_aside])
def test_other_errors_are_errors(
    step: Callable[[str, str], None], two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = two
    one.write_text("x")

    def rename(one: str, other: str) -> None:
        raise OSError(errno.EACCES, "no")

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(OSError, match="no"):
        step(str(one), str(other))
    assert one.read_text() == "x"
    assert not other.exists()


def test_taken_back_from_its_place(two: tuple[Path, Path]) -> None:
    staged, there = two
    there.write_text("new")
    transaction._take_back(str(there), str(staged))
    assert not there.exists()
    assert staged.read_text() == "new"
    staged.unlink()
    transaction._take_back(str(there), str(staged))
    assert staged.read_text() == "", "undone, for the next try"


def test_discarded(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    link, full, empty, file = (tmp_path / name for name in ("link", "full", "empty", "file"))
    link.symlink_to(kept)
    shutil.copytree(kept, full)
    empty.mkdir()
    file.write_text("x")
    for path in (link, full, empty, file, tmp_path / "not there"):
        transaction._discard(str(path))
        assert not os.path.lexists(path)
    assert (kept / "file").is_file()


# --- on the disk ---


def test_a_journal_is_whole_before_it_has_its_name(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = os.fsync
    sizes = []

    def fsync(handle: int) -> None:
        sizes.append(os.fstat(handle).st_size)
        watched(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    transaction._write_durably(tmp_path / JOURNAL, b"x" * 100)
    assert sizes[0] == 100, "written, and not only remembered"
    assert steps == ["sync file", "journal.half -> journal.json", "sync folder"]


def test_folders_that_cannot_be_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handles = Path("/proc/self/fd")
    before = len(list(handles.iterdir())) if handles.is_dir() else 0
    for number, raises in ((errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)):

        def fsync(handle: int, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            if raises:
                with pytest.raises(OSError, match=os.strerror(number)):
                    transaction._sync_folder(tmp_path)
            else:
                transaction._sync_folder(tmp_path)
    after = len(list(handles.iterdir())) if before else 0
    assert after == before, "no handle is left open"


def test_staged(change: Change) -> None:
    file = NewFile(change.path("one"), None, b"new", "", 3)
    unit = RenameUnit(change.path("one"), (file,), (), False)
    work = Transaction(change.state, FileChanges((unit,), (), ()), change.roots, COPY, title="x")
    work.stage()
    assert (change.state / "stage/0").read_bytes() == b"new"


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize("step", [transaction._place, transaction._set_aside])
def test_half_a_copy_is_in_nobody_s_way(step: Callable[[str, str], None], two: tuple[Path, Path]) -> None:
    one, other = two
    one.write_text("whole")
    half = other.with_name(".variantctl-file")
    (half / "folder").mkdir(parents=True)
    step(str(one), str(other))
    assert other.read_text() == "whole"
    assert not half.exists()


def test_half_a_copy_goes_with_what_is_undone(change: Change) -> None:
    change.path(".variantctl-one", "half")
    change.journaled(JOURNAL, place=[change.path("one")])
    recover(change.state, change.roots)
    assert change.left() == {}
