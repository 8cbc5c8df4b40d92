"""What is renamed for some layouts: units, what goes first, what is refused, and what RECORD says then."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.install.support import Place
from variantctl.install import file_changes
from variantctl.install.errors import FileConflictError
from variantctl.install.file_changes import FileChanges, RenameUnit, plan_file_changes
from variantctl.install.layout import Layout, NewFile, NewFolder
from variantctl.install.removal import Removal
from variantctl.install.roots import Roots
from variantctl.install.spelling import Spelling
from variantctl.target.installed import InstalledPackage
from variantctl.wheels.record import encode_digest

ANY_CASE = Spelling(any_case=True)


def digest(content: bytes) -> str:
    return f"sha256={encode_digest(hashlib.sha256(content).digest())}"


class Room:
    """An environment that is a folder, and wheels of a few lines for it."""

    def __init__(self, place: Place) -> None:
        self.site = place.site
        self.site.mkdir(parents=True)
        self.roots = Roots(place.environment)
        self.scripts = place.environment.scheme["scripts"]

    def at(self, inside: str) -> str:
        return str(self.site / inside)

    def there(self, inside: str, content: bytes = b"there") -> str:
        path = self.site / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def file(self, inside: str, content: bytes = b"new") -> NewFile:
        return NewFile(self.at(inside), None, content, digest(content), len(content))

    def wheel(
        self, name: str, files: Mapping[str, bytes], folders: Mapping[str, Mapping[str, bytes]] | None = None
    ) -> Layout:
        """With METADATA and RECORD, the files in the order that they are given in."""
        text = io.StringIO()
        rows = [*files.items()]
        rows += [(f"{folder}/{n}", c) for folder, each in (folders or {}).items() for n, c in each.items()]
        csv.writer(text, lineterminator="\n").writerows(
            [[path, digest(content), str(len(content))] for path, content in rows]
            + [[f"{name}-1.dist-info/RECORD", "", ""]]
        )
        record = text.getvalue().encode()
        info = f"{name}-1.dist-info"
        last = NewFile(self.at(f"{info}/RECORD"), None, record, "", len(record))
        own = [*(self.file(path, content) for path, content in files.items())]
        own += [self.file(f"{info}/METADATA", name.encode()), last]
        whole = [self.folder(path, contents) for path, contents in (folders or {}).items()]
        wheel = cast(Any, SimpleNamespace(name=name, version="1"))
        return Layout(wheel, tuple(whole), tuple(own), self.at(info))

    def folder(self, inside: str, contents: Mapping[str, bytes]) -> NewFolder:
        files = [SimpleNamespace(digest=digest(c), size=len(c), executable=False) for c in contents.values()]
        stored = SimpleNamespace(names=tuple(contents), files=lambda: iter(files))
        store = Path(tempfile.mkdtemp(dir=self.site.parent))
        for name, content in contents.items():
            (store / name).write_bytes(content)
        return NewFolder(self.at(inside), str(store), cast(Any, stored))

    def installed(self, name: str, *paths: str) -> InstalledPackage:
        self.there(f"{name}-1.dist-info/RECORD", "".join(f"{path},,\n" for path in paths).encode())
        folder = self.site / f"{name}-1.dist-info"
        return cast(InstalledPackage, SimpleNamespace(name=name, version="1", dist_info=folder))

    def plan(
        self,
        *wheels: Layout,
        removed: Sequence[str] = (),
        going: Sequence[InstalledPackage] = (),
        installed: Sequence[InstalledPackage] = (),
        **options: Any,
    ) -> FileChanges:
        removal = Removal(tuple(going), tuple(removed), ())
        return plan_file_changes(wheels, removal, installed, self.roots, **options)

    def shown(self, changes: FileChanges) -> dict[str, list[str]]:
        """Each unit, and the files that it consists of; a folder that comes as a whole ends in ``/``."""
        return {self.name(unit.destination): self._parts(unit) for unit in changes.units}

    def _parts(self, unit: RenameUnit) -> list[str]:
        files = [self.name(file.destination) for file in unit.files]
        return files + [f"{self.name(folder.destination)}/" for folder in unit.folders]

    def name(self, path: str) -> str:
        return os.path.relpath(path, self.site).replace(os.sep, "/")

    @staticmethod
    def record(changes: FileChanges, name: str) -> dict[str, tuple[str, str]]:
        files = [file for unit in changes.units for file in unit.files]
        (found,) = (f for f in files if f.destination.endswith(f"{name}-1.dist-info{os.sep}RECORD"))
        assert found.content is not None
        assert found.size == len(found.content)
        return {row[0]: (row[1], row[2]) for row in csv.reader(io.StringIO(found.content.decode()))}


@pytest.fixture
def room(target: Place) -> Room:
    return Room(target)


def info(name: str) -> dict[str, list[str]]:
    return {f"{name}-1.dist-info": [f"{name}-1.dist-info/METADATA", f"{name}-1.dist-info/RECORD"]}


def test_few_renames(room: Room) -> None:
    room.there("same.py", b"same")
    room.there("here/old.py")
    wheel = room.wheel(
        "one",
        {
            "one/a.py": b"",
            "one/deep/b.py": b"",
            "same.py": b"same",
            "here/new/c.py": b"",
            "here/d.py": b"",
            "z.py": b"",
        },
    )
    assert room.shown(room.plan(wheel)) == {
        "one": ["one/a.py", "one/deep/b.py"],
        "here/new": ["here/new/c.py"],
        "here/d.py": ["here/d.py"],
        "z.py": ["z.py"],
        **info("one"),
    }


def test_what_is_the_same_is_left_alone(room: Room) -> None:
    room.there("same.py", b"same")
    wheel = room.wheel("one", {"same.py": b"same"})
    changes = room.plan(wheel)
    assert changes.removed == () and changes.warnings == ()
    assert "same.py" not in room.shown(changes)


def test_the_order_of_what_appears(room: Room) -> None:
    """Modules, scripts, metadata, and of that RECORD last."""
    scripts = os.path.relpath(room.scripts, room.site)
    room.there("one-1.dist-info/INSTALLER")
    room.there(f"{scripts}/other")
    wheel = room.wheel("one", {f"{scripts}/run": b"", "one/a.py": b"", "RECORD.py": b""})
    first, *files = wheel.files
    wheel = Layout(wheel.wheel, (), (files[-1], first, *files[:-1]), wheel.dist_info)
    changes = room.plan(wheel)
    assert list(room.shown(changes)) == [
        "one",
        "RECORD.py",
        f"{scripts}/run",
        "one-1.dist-info/METADATA",
        "one-1.dist-info/RECORD",
    ]
    assert [unit.last for unit in changes.units] == [False, False, False, True, True]


def test_a_module_called_record_is_a_module(room: Room) -> None:
    wheel = room.wheel("one", {"zRECORD": b"", "a.py": b""})
    assert list(room.shown(room.plan(wheel))) == ["a.py", "zRECORD", "one-1.dist-info"]


def test_what_goes_makes_place(room: Room) -> None:
    old = room.there("a.py", b"old")
    wheel = room.wheel("one", {"a.py": b"new"})
    changes = room.plan(wheel, removed=[old])
    assert changes.removed == (old,)
    assert "a.py" in room.shown(changes)


def test_what_nobody_owns_is_in_the_way(room: Room) -> None:
    path = room.there("a.py", b"mine")
    wheel = room.wheel("one", {"a.py": b"new"})
    with pytest.raises(FileConflictError, match="no installed package owns"):
        room.plan(wheel)
    changes = room.plan(wheel, overwrite=True)
    assert changes.removed == (path,)
    assert "a.py" in room.shown(changes)


def test_a_link_to_a_folder_is_a_file(room: Room, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (room.site / "a").symlink_to(tmp_path / "elsewhere")
    wheel = room.wheel("one", {"a": b"new"})
    with pytest.raises(FileConflictError, match="no installed package owns"):
        room.plan(wheel)
    changes = room.plan(wheel, overwrite=True)
    assert changes.removed == (room.at("a"),)
    assert changes.clear == ()


def test_a_folder_in_the_way_of_a_file(room: Room) -> None:
    going = [room.there("a/b/c/x"), room.there("a/y")]
    (room.site / "a/empty").mkdir()
    wheel = room.wheel("one", {"a": b"new"})
    changes = room.plan(wheel, removed=going)
    assert changes.clear[-1] == room.at("a")
    assert set(changes.clear) == {room.at(name) for name in ("a", "a/b", "a/b/c", "a/empty")}
    assert changes.clear.index(room.at("a/b/c")) < changes.clear.index(room.at("a/b"))
    assert room.shown(changes)["a"] == ["a"]
    with pytest.raises(FileConflictError, match="which holds y"):
        room.plan(wheel, removed=going[:1])
    with pytest.raises(FileConflictError, match="which holds x"):
        room.plan(wheel, removed=going[1:])


# --- files of two packages ---


def test_clutter_of_an_installed_package_stays(room: Room) -> None:
    """Both own it, and the new RECORD has the hash of what is there."""
    room.there("tests/x.py", b"of the other")
    wheel = room.wheel("one", {"one.py": b"1", "tests/x.py": b"ours", "tests/y.py": b"y"})
    changes = room.plan(wheel, installed=[room.installed("other", "tests/x.py")])
    assert set(room.shown(changes)) == {"one.py", "tests/y.py", "one-1.dist-info"}
    record = room.record(changes, "one")
    assert record["tests/x.py"] == (digest(b"of the other"), "12")
    assert record["tests/y.py"] == (digest(b"y"), "1")
    assert record["one.py"] == (digest(b"1"), "1")
    assert record["one-1.dist-info/RECORD"] == ("", "")
    assert len(changes.warnings) == 1


def test_what_belongs_to_who_goes_is_nobody_s(room: Room) -> None:
    """A file that its package leaves behind is no other package's any more."""
    room.there("tests/x.py", b"of the other")
    other = room.installed("other", "tests/x.py")
    wheel = room.wheel("one", {"tests/x.py": b"ours"})
    with pytest.raises(FileConflictError, match="no installed package owns"):
        room.plan(wheel, going=[other], installed=[other])


def test_clutter_of_two_new_ones(room: Room) -> None:
    first = room.wheel("one", {"tests/x.py": b"first", "one.py": b""})
    second = room.wheel("two", {"tests/x.py": b"second", "two.py": b""})
    changes = room.plan(first, second)
    (shared,) = (file for unit in changes.units for file in unit.files if "tests" in file.destination)
    assert shared.content == b"first"
    for name in ("one", "two"):
        assert room.record(changes, name)["tests/x.py"] == (digest(b"first"), "5")
    changes = room.plan(first, second, overwrite=True)
    (shared,) = (file for unit in changes.units for file in unit.files if "tests" in file.destination)
    assert shared.content == b"second"
    for name in ("one", "two"):
        assert room.record(changes, name)["tests/x.py"] == (digest(b"second"), "6")
    assert room.record(changes, "one")["one.py"] == (digest(b""), "0")


def test_code_of_two_new_ones(room: Room) -> None:
    first, second = room.wheel("one", {"x.py": b"first"}), room.wheel("two", {"x.py": b"second"})
    with pytest.raises(FileConflictError, match="both have"):
        room.plan(first, second)
    # Of one size, and of one digest that is cut short: each counts by itself.
    with pytest.raises(FileConflictError, match="both have"):
        room.plan(room.wheel("one", {"x.py": b"aa"}), room.wheel("two", {"x.py": b"bb"}))


def test_the_same_file_of_two_is_no_clash(room: Room) -> None:
    first, second = (room.wheel(name, {"shared.py": b"same"}) for name in ("one", "two"))
    changes = room.plan(first, second)
    assert changes.warnings == ()
    assert room.shown(changes)["shared.py"] == ["shared.py"]
    records = [file for unit in changes.units for file in unit.files if file.destination.endswith("RECORD")]
    assert {id(record) for record in records} == {id(first.files[-1]), id(second.files[-1])}, "as they were"


# --- whole folders ---


def test_folders_come_as_a_whole(room: Room) -> None:
    wheel = room.wheel("one", {"one.py": b""}, {"one": {"a.py": b"a"}, "one/sub": {"b.py": b"b"}})
    shown = room.shown(room.plan(wheel))
    assert shown["one"] == ["one/", "one/sub/"]


def test_folders_that_are_there_are_looked_into(room: Room) -> None:
    room.there("one/a.py", b"a")
    wheel = room.wheel("one", {}, {"one": {"a.py": b"a", "b.py": b"b"}})
    shown = room.shown(room.plan(wheel))
    assert shown == {"one/b.py": ["one/b.py"], **info("one")}


@pytest.mark.parametrize("others", ["folder", "file"])
def test_folders_of_two_are_put_together(others: str, room: Room) -> None:
    first = room.wheel("one", {}, {"ns": {"a.py": b"a"}, "own": {"c.py": b"c"}})
    if others == "folder":
        second = room.wheel("two", {}, {"ns": {"b.py": b"b"}})
    else:
        second = room.wheel("two", {"ns/b.py": b"b"})
    shown = room.shown(room.plan(first, second))
    assert sorted(shown["ns"]) == ["ns/a.py", "ns/b.py"]
    assert shown["own"] == ["own/"]


def test_clashes_in_folders_are_found(room: Room) -> None:
    first = room.wheel("one", {}, {"ns": {"a.py": b"first"}})
    second = room.wheel("two", {}, {"ns": {"a.py": b"second"}})
    with pytest.raises(FileConflictError, match="both have"):
        room.plan(first, second)


@pytest.mark.parametrize("deep", ["a/x.py", "a/b/c/x.py"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_file_of_one_is_a_folder_of_the_other(whole: bool, deep: str, room: Room) -> None:
    first = room.wheel("one", {"a": b"file"})
    folder, _, name = deep.rpartition("/")
    second = room.wheel("two", {}, {folder: {name: b""}}) if whole else room.wheel("two", {deep: b""})
    for wheels in ((first, second), (second, first)):
        with pytest.raises(FileConflictError, match=r"a is a file of one 1 and a folder of two 1"):
            room.plan(*wheels)


def test_a_file_in_a_whole_folder_is_a_folder_of_the_other(room: Room) -> None:
    first = room.wheel("one", {}, {"a": {"n": b"file", "m": b""}})
    second = room.wheel("two", {"a/n/x.py": b""})
    with pytest.raises(FileConflictError, match=r"n is a file of one 1 and a folder of two 1"):
        room.plan(first, second)
    room.plan(first, room.wheel("two", {"a/other/x.py": b""}))


# --- file systems that do not tell names apart ---


def test_names_that_are_one(room: Room) -> None:
    pairs = [("x.py", "X.py"), ("a/x.py", "A/y.py"), ("a/b/x.py", "a/B/c/x.py")]
    for one, other in pairs:
        first, second = room.wheel("one", {one: b""}), room.wheel("two", {other: b""})
        with pytest.raises(FileConflictError, match="does not tell upper and lower case apart"):
            room.plan(first, second, spelling=ANY_CASE)
        room.plan(first, second)
    room.plan(room.wheel("one", {"a/x.py": b""}), room.wheel("two", {"a/y.py": b""}), spelling=ANY_CASE)


def test_another_spelling_is_in_the_way(room: Room) -> None:
    """Even with the same content: RECORD would name another file."""
    path = room.there("One.py", b"same")
    wheel = room.wheel("one", {"one.py": b"same", "two.py": b""})
    with pytest.raises(FileConflictError, match="no installed package owns"):
        room.plan(wheel, spelling=ANY_CASE)
    assert room.plan(wheel, spelling=ANY_CASE, overwrite=True).removed == (path,)
    changes = room.plan(wheel, spelling=ANY_CASE, removed=[path])
    assert set(room.shown(changes)) == {"one.py", "two.py", "one-1.dist-info"}
    assert set(room.shown(room.plan(wheel))) == {"one.py", "two.py", "one-1.dist-info"}


# --- content ---


def test_the_same_content(room: Room) -> None:
    path = room.there("x", b"content")
    same = file_changes._same_content
    assert same(path, room.file("x", b"content"))
    assert not same(path, room.file("x", b"CONTENT"))
    assert not same(path, NewFile(path, None, b"content", digest(b"content"), 8))
    assert not same(path, NewFile(path, None, b"content", "", 7)), "RECORD says nothing of itself"
    (room.site / "link").symlink_to("x")
    assert not same(room.at("link"), room.file("link", b"content"))
    assert not same(room.at("not there"), room.file("not there", b""))
    folder = room.site / "folder"
    folder.mkdir()
    assert not same(str(folder), NewFile(str(folder), None, b"", digest(b""), folder.stat().st_size))


def test_record_of_the_same_size(room: Room) -> None:
    """A RECORD that is there and goes nowhere: it is in the way like any file."""
    wheel = room.wheel("one", {})
    record = wheel.files[-1]
    assert record.content is not None
    room.there("one-1.dist-info/RECORD", record.content)
    with pytest.raises(FileConflictError):
        room.plan(wheel)
