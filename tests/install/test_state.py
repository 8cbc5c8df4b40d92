"""A state folder that somebody else made: nothing that is in it is believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.install.support import Place, new_place, picture
from tests.install.test_commands import variantctl
from variantctl.filesystem.errors import InstallError
from variantctl.install import state as states
from variantctl.install.apply import pending_change, recover_environment
from variantctl.install.errors import StateError, UnsafePathError
from variantctl.wheels.build import build_wheel

LISTS: dict[str, Any] = {"aside": [], "clear": [], "place": [], "emptied": []}


def journal(**changes: Any) -> dict[str, Any]:
    return {"format": 1, "title": "the installation of evil 1", **LISTS, **changes}


def leave(place: Place, content: Mapping[str, Any] | bytes, *, name: str = "journal.json") -> Path:
    """A state folder as a checkout, an archive or a wheel may bring one."""
    state = place.site / ".variantctl"
    (state / "stage").mkdir(parents=True)
    (state / "aside").mkdir()
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (state / name).write_bytes(data)
    return state


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Files of the user's, which no command may touch."""
    folder = tmp_path / "home"
    (folder / "empty").mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    return folder


COMMANDS = (
    ("list",),
    ("list", "--json"),
    ("doctor",),
    ("uninstall", "-y", "x"),
    ("uninstall", "--dry-run", "x"),
)


@pytest.mark.parametrize("name", ["journal.json", "done.json"])
@pytest.mark.parametrize("where", ["place", "aside", "clear", "emptied"])
@pytest.mark.parametrize("how", ["outside", "dots", "link", "link-root", "relative"])
def test_paths_outside_are_not_touched(
    how: str, where: str, name: str, target: Place, tmp_path: Path, home: Path
) -> None:
    site = target.site
    site.mkdir()
    (site / "out").symlink_to(home)
    (site / "bin").symlink_to(home)
    path = {
        "outside": str(home / "thesis.txt"),
        "dots": f"{site}/../home/thesis.txt",
        "link": f"{site}/out/thesis.txt",
        "link-root": f"{site}/bin/thesis.txt",
        "relative": os.path.relpath(home / "thesis.txt"),
    }[how]
    state = leave(target, journal(**{where: [path]}), name=name)
    (state / "aside/0").write_text("from the enemy")
    before = picture(tmp_path)
    said = pending_change(target.environment)
    assert said is not None
    assert "nothing was done" in said
    with pytest.raises(StateError, match=r"journal\.json|done\.json"):
        recover_environment(target.environment)
    wheel = build_wheel(tmp_path / "wheels", name="fine", version="1", files={"fine.py": b""})
    with pytest.raises(StateError):
        target.install(wheel)
    after = {
        path: what
        for path, what in picture(tmp_path).items()
        if not path.startswith(str(tmp_path / "wheels"))
    }
    assert {path: what for path, what in after.items() if "/cache" not in path} == {
        path: what for path, what in before.items() if "/cache" not in path
    }


@pytest.mark.parametrize("part", ["", "/stage", "/aside/0", "/lock", "/journal.json"])
@pytest.mark.parametrize("above", [False, True])
def test_paths_in_and_above_the_state_folder(part: str, above: bool, target: Place) -> None:
    path = os.path.dirname(target.site) if above else f"{target.site}/.variantctl{part}"
    leave(target, journal(place=[path]))
    with pytest.raises(StateError, match="cannot be trusted"):
        recover_environment(target.environment)
    assert (target.site / ".variantctl/journal.json").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (journal(format=99), "format 99 is not known"),
        (journal(format=True), "format True"),
        (journal(format="1" * 500), "format '111"),
        (journal(format={}), "format of no kind"),
        ({"format": 1}, "lacks 'aside'"),
        (journal(more=1), "has 'more', which no journal has"),
        (journal(title="\x1b[2J"), "title"),
        (journal(title="\u202e"), "title"),
        (journal(title="x" * 2000), "title"),
        (journal(title=["x"]), "title"),
        (journal(place="/"), "'place' is no list"),
        (journal(aside=[1]), "'aside' is no list"),
        (journal(clear=["a\0b"]), "'clear' is no list"),
        (journal(emptied={"/a": 1}), "'emptied' is no list"),
        ([], "no JSON object"),
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 200_000, "no JSON"),
        (b'{"format": ' + b"9" * 10_000 + b"}", "no JSON|format"),
        (b'{"format": NaN}', "format nan"),
        (b"null", "no JSON object"),
    ],
)
@pytest.mark.parametrize("name", ["journal.json", "done.json"])
def test_unknown_shapes_are_named(name: str, content: Any, says: str, target: Place) -> None:
    state = leave(target, content if isinstance(content, bytes) else json.dumps(content).encode(), name=name)
    with pytest.raises(StateError, match=says) as caught:
        recover_environment(target.environment)
    assert name in str(caught.value)
    assert str(state) in (caught.value.hint or "")
    assert (state / name).exists()
    said = pending_change(target.environment) or ""
    assert name in said
    assert said.isprintable()


def test_an_endless_journal_is_not_read(target: Place) -> None:
    state = leave(target, b"")
    with (state / "journal.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(StateError, match="larger than"):
        recover_environment(target.environment)


@pytest.mark.parametrize(
    "name", ["stage", "aside", "journal.json", "done.json", "journal.half", "lock", "probe-\xe9"]
)
def test_links_in_the_state_folder(name: str, target: Place, tmp_path: Path, home: Path) -> None:
    state = leave(target, journal(place=[str(target.site / "x")]))
    if name not in ("stage", "aside"):
        (state / "journal.json").unlink()
    path = state / name
    path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
    goal = home if name in ("stage", "aside") else home / "thesis.txt"
    path.symlink_to(goal)
    (target.site / "x").write_text("x")
    before = picture(home)
    # A name that is not ASCII makes the file system be asked.
    wheel = build_wheel(tmp_path, name="fine", version="1", files={"fine/\xe9.py": b""})
    try:
        target.install(wheel)
    except InstallError as error:
        assert ".variantctl" in str(error)
    pending_change(target.environment)
    assert picture(home) == before


@pytest.mark.parametrize("name", ["stage", "aside"])
@pytest.mark.parametrize("how", ["link", "gone"])
def test_commands_that_read_promise_nothing_that_the_next_refuses(
    name: str, how: str, target: Place, home: Path
) -> None:
    """``list`` said that the next install undoes it, and that one said that the folder is a link."""
    state = leave(target, journal())
    (state / name).rmdir()
    if how == "link":
        (state / name).symlink_to(home)
    with pytest.raises(StateError) as caught:
        recover_environment(target.environment)
    said = pending_change(target.environment)
    assert said is not None and caught.value.message in said
    assert "undoes it" not in said


@pytest.mark.parametrize("name", ["thesis.txt", "empty", "nowhere"])
def test_the_state_folder_is_a_link(name: str, target: Place, tmp_path: Path, home: Path) -> None:
    for folder in ("stage", "aside"):
        (home / "empty" / folder).mkdir()
        (home / "empty" / folder / "kept.txt").write_text("kept")
    target.site.mkdir()
    (target.site / ".variantctl").symlink_to(home / name)
    before = picture(home)
    assert "is a link" in (pending_change(target.environment) or "")
    for change in (
        lambda: recover_environment(target.environment),
        lambda: target.install(build_wheel(tmp_path, name="fine", version="1", files={"fine.py": b""})),
    ):
        with pytest.raises(StateError, match="is a link"):
            change()
    assert picture(home) == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize("name", ["journal.json", "lock"])
def test_a_pipe_does_not_hang(name: str, target: Place) -> None:
    state = leave(target, journal())
    (state / name).unlink(missing_ok=True)
    os.mkfifo(state / name)
    with pytest.raises(StateError, match="not an ordinary file"):
        recover_environment(target.environment)
    assert "not an ordinary file" in (pending_change(target.environment) or "")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(
    "name", [".variantctl", ".variantctl/journal.json", ".variantctl/lock", ".variantctl/stage"]
)
def test_of_another_owner(name: str, target: Place) -> None:
    state = leave(target, journal(place=[str(target.site / "x")]))
    (state / "lock").touch()
    (target.site / "x").write_text("x")
    os.chown(target.site / name, 12345, 12345)
    with pytest.raises(StateError, match="belongs to the user with the number 12345"):
        recover_environment(target.environment)
    assert (target.site / "x").exists()
    assert state.exists()


def test_writable_for_everybody(target: Place) -> None:
    state = leave(target, journal(place=[str(target.site / "x")]))
    (target.site / "x").write_text("x")
    state.chmod(0o777)
    with pytest.raises(StateError, match="every user"):
        recover_environment(target.environment)
    assert (target.site / "x").exists()


def test_a_file_system_with_one_owner_and_mode(target: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    state = leave(target, journal())
    state.chmod(0o777)
    real = states._made_now

    def made_now(parent: Path) -> os.stat_result | None:
        found = real(parent)
        assert found is not None
        return os.stat_result((found.st_mode | 0o777, *tuple(found)[1:]))

    monkeypatch.setattr(states, "_made_now", made_now)
    assert recover_environment(target.environment) == "undid the installation of evil 1, which was cut short"


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_our_own_is_believed_under_any_umask(umask: int, target: Place, tmp_path: Path) -> None:
    old = os.umask(umask)
    try:
        target.install(build_wheel(tmp_path, name="fine", version="1", files={"fine.py": b""}))
    finally:
        os.umask(old)
    assert target.names() == {"fine": "1"}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_that_read_change_nothing(command: tuple[str, ...], place: Place, tmp_path: Path) -> None:
    place.install(build_wheel(tmp_path, name="x", version="1", files={"x.py": b"x"}))
    state = leave(place, journal(aside=[str(place.site / "x.py")]))
    (place.site / "x.py").rename(state / "aside/0")
    before = place.picture()
    done = variantctl(place, *command)
    if command == ("uninstall", "-y", "x"):
        assert "undid the installation of evil 1, which was cut short" in done.stderr
        assert not state.exists()
    else:
        assert "the installation of evil 1 was cut short" in done.stderr
        assert place.picture() == before
    if "--json" in command:
        json.loads(done.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_about_an_untrusted_journal(
    command: tuple[str, ...], place: Place, tmp_path: Path, home: Path
) -> None:
    place.install(build_wheel(tmp_path, name="x", version="1", files={"x.py": b"x"}))
    leave(place, journal(place=[str(home / "thesis.txt")]))
    before = {**place.picture(), **picture(home)}
    done = variantctl(place, *command)
    assert {**place.picture(), **picture(home)} == before
    assert "journal.json cannot be trusted" in done.stderr
    assert "this is a bug" not in done.stderr
    assert done.returncode == (1 if command == ("uninstall", "-y", "x") else done.returncode)


def test_dry_run_changes_nothing(place: Place, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, name="x", version="1", files={"x.py": b"x"})
    (place.site / "y.py").write_text("y")
    leave(place, journal(place=[str(place.site / "y.py")]))
    before = place.picture()
    done = variantctl(place, "install", "--dry-run", "--no-index", str(wheel))
    assert done.returncode == 0, done.stderr
    assert "the installation of evil 1 was cut short" in done.stderr
    assert place.picture() == before
    done = variantctl(place, "explain", "--no-index", "-f", str(tmp_path), "x")
    assert "the installation of evil 1 was cut short" in done.stderr
    assert place.picture() == before


def test_a_wheel_that_pip_unpacked(tmp_path: Path) -> None:
    """pip installs any member; a journal that came so may not undo what other packages are."""
    place = new_place(tmp_path)
    place.install(build_wheel(tmp_path, name="x", version="1", files={"x.py": b"x"}))
    content = json.dumps(journal(place=[str(place.site / "x.py")])).encode()
    folder = tmp_path / "evil"
    evil = build_wheel(
        folder,
        name="evil",
        version="1",
        files={".variantctl/journal.json": content, ".variantctl/stage/.k": b"", ".variantctl/aside/.k": b""},
    )
    pip = [sys.executable, "-m", "pip", "--python", str(place.environment.python), "install", "--no-index"]
    subprocess.run([*pip, str(evil)], check=True, capture_output=True, timeout=120)
    before = place.picture()
    done = variantctl(place, "uninstall", "-y", "nobody")
    assert done.returncode == 1
    assert "evil-1.dist-info brought" in done.stderr
    assert place.picture() == before


def test_removing_a_package_that_has_such_files(target: Place, tmp_path: Path) -> None:
    target.install(build_wheel(tmp_path, name="x", version="1", files={"x.py": b"x"}))
    record = target.site / "x-1.dist-info/RECORD"
    record.write_text(record.read_text() + ".variantctl/lock,,\n.Variantctl/mine.txt,,\n")
    (target.site / ".variantctl").mkdir()
    (target.site / ".variantctl/lock").touch()
    notes = target.uninstall("x").notes
    assert any("named as variantctl's own" in note for note in notes)
    assert not (target.site / "x.py").exists()


def test_what_a_target_links_to_is_no_part_of_it(target: Place, tmp_path: Path, home: Path) -> None:
    target.site.mkdir()
    (target.site / "bin").symlink_to(home)
    points = {"console_scripts": {"tool": "x:main"}}
    wheel = build_wheel(tmp_path, name="x", version="1", files={"x.py": b""}, entry_points=points)
    before = picture(home)
    with pytest.raises(UnsafePathError):
        target.install(wheel)
    assert picture(home) == before
