"""What is refused, and that a refusal leaves everything as it was: the environment and what is around it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install.support import Place, Planned, new_place, picture
from tests.wheels.malicious import MALICIOUS, bomb, raw_wheel
from variantctl.cli import app
from variantctl.filesystem.errors import InstallError, NoSpaceError, NotWritableError, from_os_error
from variantctl.install.errors import FileConflictError, UnsafePathError
from variantctl.target.errors import BrokenPackageError
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError
from variantctl.wheels.record import entry_for


@pytest.mark.parametrize("name", list(MALICIOUS))
def test_malicious_wheel_changes_nothing(
    name: str,
    target: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The whole command, and a sound wheel with it: neither is installed, and nothing around has changed."""
    wheel = MALICIOUS[name].build(tmp_path / "wheels")
    good = build_wheel(tmp_path / "wheels", name="good", version="1", files={"good.py": b"x"})
    better = build_wheel(tmp_path / "wheels", name="good", version="2")
    target.install(good)
    before = surroundings(tmp_path)
    assert variantctl(target, monkeypatch, str(better), str(wheel)) == 1
    said = capsys.readouterr().err
    assert re.search(MALICIOUS[name].says, said), said
    assert "this is a bug" not in said
    assert surroundings(tmp_path) == before
    assert not Path("/tmp/owned.txt").exists()
    assert not list((target.cache / "install").rglob("*evil*"))
    assert not list((target.cache / "install").rglob(".new-*"))


def surroundings(folder: Path) -> dict[str, str]:
    """Everything in a folder but the cache."""
    cache = str(folder / "cache")
    return {path: what for path, what in picture(folder).items() if not path.startswith(cache)}


def variantctl(
    place: Place, monkeypatch: pytest.MonkeyPatch, *arguments: str, configuration: Path = Path(os.devnull)
) -> int:
    """``variantctl install`` into a ``--target`` folder, in this process."""
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(place.cache))
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    where = ("--no-index", "--target", str(place.environment.prefix))
    return app.run(["install", *where, *arguments])


@pytest.mark.parametrize("by", ["ratio", "size"])
def test_bombs_are_refused_before_anything_is_written(
    by: str,
    target: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wheel = bomb(tmp_path / "wheels")
    if by == "size":
        monkeypatch.setenv("VARIANTCTL_MAX_UNPACKED_RATIO", "0")
        monkeypatch.setenv("VARIANTCTL_MAX_UNPACKED_SIZE", "999.9MB")
    before = surroundings(tmp_path)
    assert variantctl(target, monkeypatch, str(wheel)) == 1
    said = capsys.readouterr().err
    assert (
        "more than the limit of 999,900,000" if by == "size" else "times its size, more than the limit"
    ) in said
    assert f"--max-unpacked-{by}" in said
    assert surroundings(tmp_path) == before
    # Where the limits are off, what is said is that it lies.
    assert variantctl(target, monkeypatch, str(wheel), "--max-unpacked-size=0", "--max-unpacked-ratio=0") == 1
    assert "RECORD says" in capsys.readouterr().err


def test_limits_of_the_configuration(
    target: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = raw_wheel(tmp_path / "wheels", [("evil/large.txt", b"large " * 1000)])
    configuration = tmp_path / "variantctl.toml"
    for text, says in (
        ("[install]\nmax-unpacked-size = '5kB'\n", "more than the limit of 5,000"),
        ("[install]\nmax-unpacked-size = 'little'\n", "'little' is no size, such as 20GB"),
        ("[install]\nmax-packed-size = 5\n", "install.max-packed-size: unknown key"),
    ):
        configuration.write_text(text)
        assert variantctl(target, monkeypatch, str(wheel), configuration=configuration) == 1
        assert says in capsys.readouterr().err
    assert variantctl(target, monkeypatch, str(wheel), "--max-unpacked-size", "much") == 2
    assert "'much' is no size" in capsys.readouterr().err
    assert variantctl(target, monkeypatch, str(wheel)) == 0
    assert target.names() == {"evil": "1.0"}


def refused(place: Place, wheel: Path | list[Path], error: type[VariantctlError], says: str) -> None:
    before = place.picture()
    with pytest.raises(error, match=says):
        place.install(*(wheel if isinstance(wheel, list) else [wheel]))
    assert place.picture() == before


@pytest.mark.parametrize(
    ("entry_points", "says"),
    [
        (b"[console_scripts]\n../../evil = evil:main\n", "not a file name"),
        (b"[console_scripts]\n/tmp/evil = evil:main\n", "not a file name"),
        (b"[console_scripts]\nevil = not a reference\n", "not module:object"),
        (b"[console_scripts]\nevil = evil\n", "not module:object"),
        (b"[console_scripts\n", "cannot be read"),
        (b"[console_scripts]\n\xff = x:y\n", "cannot be read"),
    ],
)
def test_entry_points_that_cannot_be(place: Place, tmp_path: Path, entry_points: bytes, says: str) -> None:
    wheel = raw_wheel(tmp_path, [("evil-1.0.dist-info/entry_points.txt", entry_points)])
    refused(place, wheel, WheelError, says)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("evil-1.0.data/elsewhere/x.py", "no folder of the installation scheme"),
        ("evil-1.0.data/x.py", "no folder of the installation scheme"),
        ("evil-1.0.data/purelib/evil/__init__.py", "two of its files go to"),
    ],
)
def test_data_folders_that_cannot_be(place: Place, tmp_path: Path, path: str, says: str) -> None:
    refused(place, raw_wheel(tmp_path, [(path, b"x")]), WheelError, says)


def test_format_of_the_future(place: Place, tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path, name="later", version="1", dist_info={"WHEEL": b"Wheel-Version: 2.0\nTag: py3-none-any\n"}
    )
    refused(place, wheel, WheelError, "says format '2.0'")


def test_two_packages_with_one_file(place: Place, tmp_path: Path) -> None:
    one = build_wheel(tmp_path, name="one", version="1", files={"shared/x.py": b"1", "shared/same.py": b"="})
    two = build_wheel(tmp_path, name="two", version="1", files={"shared/x.py": b"2", "shared/same.py": b"="})
    refused(place, [one, two], FileConflictError, "one 1 and two 1 both have .*shared/x.py")
    place.install(one)
    refused(place, two, FileConflictError, r"two 1 has the file .*x.py, which one 1 owns")
    place.install(two, overwrite=True)
    assert (place.site / "shared/x.py").read_bytes() == b"2"


def test_same_content_may_be_shared(place: Place, tmp_path: Path) -> None:
    one = build_wheel(tmp_path, name="one", version="1", files={"ns/__init__.py": b"", "ns/one.py": b"1"})
    two = build_wheel(tmp_path, name="two", version="1", files={"ns/__init__.py": b"", "ns/two.py": b"2"})
    place.install(one, two)
    outcome = place.uninstall("one")
    assert outcome.notes == (f"kept {place.site}/ns/__init__.py, which another installed package owns too",)
    assert sorted(path.name for path in (place.site / "ns").iterdir()) == ["__init__.py", "two.py"]
    place.install(one)
    place.uninstall("one", "two")
    assert not (place.site / "ns").exists()


def test_file_of_one_is_folder_of_another(place: Place, tmp_path: Path) -> None:
    one = build_wheel(tmp_path, name="one", version="1", files={"x": b"1"})
    two = build_wheel(tmp_path, name="two", version="1", files={"x/y.py": b"2"})
    refused(place, [one, two], FileConflictError, "x is a file of one 1 and a folder of two 1")
    refused(place, [two, one], FileConflictError, "x is a file of one 1 and a folder of two 1")
    place.install(one)
    refused(place, two, FileConflictError, "needs the folder")
    place.uninstall("one")
    place.install(two)
    refused(place, one, FileConflictError, "which holds y.py")


def test_file_that_nobody_owns(place: Place, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, name="one", version="1", files={"one.py": b"package"})
    (place.site / "one.py").write_bytes(b"by hand")
    refused(place, wheel, FileConflictError, "no installed package owns")
    (place.site / "one.py").write_bytes(b"package")
    place.install(wheel)
    place.uninstall("one")
    assert not (place.site / "one.py").exists()


def test_link_out_of_the_environment(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    (place.site / "pkg").symlink_to(outside)
    wheel = build_wheel(
        tmp_path, name="pkg", version="1", files={"pkg/precious": b"owned", "pkg/a/b.py": b""}
    )
    refused(place, wheel, UnsafePathError, f"leads to {outside}")
    assert (outside / "precious").read_text() == "keep"
    assert len(list(outside.iterdir())) == 1


def test_link_inside_the_environment_is_followed(place: Place, tmp_path: Path) -> None:
    (place.site / "real").mkdir()
    (place.site / "pkg").symlink_to("real")
    wheel = build_wheel(tmp_path, name="pkg", version="1", files={"pkg/a.py": b""})
    place.install(wheel)
    assert (place.site / "real/a.py").is_file()
    place.uninstall("pkg")
    assert not (place.site / "real/a.py").exists()
    assert (place.site / "pkg").is_symlink()


def test_record_that_reaches_out(place: Place, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep")
    place.install(build_wheel(tmp_path, name="bad", version="1", files={"bad.py": b""}))
    record = place.site / "bad-1.dist-info/RECORD"
    honest = record.read_text()
    for path in (os.path.relpath(victim, place.site), str(victim)):
        record.write_text(f"{honest}{path},,\n")
        before = place.picture()
        with pytest.raises(UnsafePathError, match=r"bad 1 claims the file .*victim"):
            place.uninstall("bad")
        with pytest.raises(UnsafePathError):
            place.install(build_wheel(tmp_path, name="bad", version="2"))
        assert place.picture() == before
    (place.site / "way").symlink_to(tmp_path)
    record.write_text(f"{honest}way/victim,,\n")
    with pytest.raises(UnsafePathError, match="because a link on the way leads to"):
        place.uninstall("bad")
    assert victim.read_text() == "keep"
    record.write_text(f"{honest}way,,\n../../..,,\n")
    with pytest.raises(UnsafePathError):
        place.uninstall("bad")


def test_packages_that_were_no_wheels(place: Place, tmp_path: Path) -> None:
    (place.site / "old-1.0.egg-info").write_text("Name: old\nVersion: 1.0\n")
    (place.site / "norec-1.0.dist-info").mkdir()
    before = place.picture()
    with pytest.raises(InstallError, match="not installed from a wheel"):
        place.uninstall("old")
    with pytest.raises(InstallError, match="not installed from a wheel"):
        place.install(build_wheel(tmp_path, name="old", version="2"))
    with pytest.raises(BrokenPackageError, match="no readable RECORD"):
        place.uninstall("norec")
    assert place.picture() == before


def as_nobody(work: Callable[[], None]) -> str:
    """What a user without rights is told, in a child process when the tests run as root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing was refused"
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            work()
        except VariantctlError as error:
            said = f"{type(error).__name__}: {error.message} ({error.hint})"
        finally:
            os.write(writer, said.encode())
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as file:
        return file.read()


def test_read_only_environment() -> None:
    # Not in pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        wheel = build_wheel(folder, name="one", version="1", files={"one.py": b""})
        place = new_place(folder)
        new_place(folder, name="other").install(wheel)
        place.site.chmod(0o555)
        before = place.picture()
        # A cache is for its user alone; it is the environment that "nobody" must not be able to change.
        for path in folder.rglob("*"):
            if path.is_dir() and path.stat().st_mode & 0o777 == 0o700:
                path.chmod(0o755)
        said = as_nobody(lambda: void(place.install(wheel)))
        place.site.chmod(0o755)
        after = place.picture()
    assert said.startswith("NotWritableError: changing ")
    assert str(place.site) in said
    assert "--python" in said
    assert set(after) == set(before)


def void(_: object) -> None:
    """A call is made for what it does."""


@pytest.mark.parametrize(
    ("number", "error"), [("ENOSPC", NoSpaceError), ("EROFS", NotWritableError), ("EIO", InstallError)]
)
def test_words_for_what_the_system_refuses(number: str, error: type[InstallError]) -> None:
    import errno

    code = getattr(errno, number)
    found = from_os_error(OSError(code, os.strerror(code), "/x/y"), Path("/x"), "changing /x")
    assert type(found) is error
    assert "/x/y" in found.message


def test_wheel_replaced_on_disk_is_not_the_stored_one(place: Place, tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, name="one", version="1", files={"one.py": b"first"})
    place.install(wheel)
    wheel = build_wheel(tmp_path, name="one", version="1", files={"one.py": b"second"})
    place.install(Planned(wheel))
    assert (place.site / "one.py").read_bytes() == b"second"


def test_record_entries_for_signatures_have_no_hash(place: Place, tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path, [("evil-1.0.dist-info/RECORD.jws", b"{}")])
    place.install(wheel)
    assert (
        entry_for("evil/__init__.py", b"installed = True\n").row()
        in (place.site / "evil-1.0.dist-info/RECORD").read_text()
    )
