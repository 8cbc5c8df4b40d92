"""What is only untidy is taken and said; what it hides is still found; ``--strict`` refuses it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.support import Place, target_place
from tests.wheels.malicious import DIST_INFO, FILENAME
from tests.wheels.untidy import MODULE, TIDY, UNTIDY, untidy_wheel
from variantctl.cli import app
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.entry_points import script_name_problem
from variantctl.wheels.errors import UntidyError, WheelError
from variantctl.wheels.record import entry_for, read_record
from variantctl.wheels.rewrite import WheelEdits, rewrite
from variantctl.wheels.verify import verify_wheel

INIT = "evil/__init__.py"


@pytest.fixture
def target(tmp_path: Path) -> Place:
    return target_place(tmp_path)


@pytest.mark.parametrize("name", list(UNTIDY))
def test_is_taken_and_said(name: str, target: Place, tmp_path: Path) -> None:
    wheel = UNTIDY[name].build(tmp_path / "wheels")
    notes = verify_wheel(wheel)
    assert any(re.search(UNTIDY[name].says, note) for note in notes), notes
    assert all(len(note) < 500 and note.startswith(FILENAME) for note in notes)
    assert target.install(wheel).notes == notes
    assert (target.site / INIT).read_bytes() == MODULE
    # From the store, too: whoever installs it into another environment hears of it.
    target.uninstall("evil")
    assert target.install(wheel).notes == notes


@pytest.mark.parametrize("name", list(UNTIDY))
def test_strict_refuses_it(name: str, target: Place, tmp_path: Path) -> None:
    wheel = UNTIDY[name].build(tmp_path / "wheels")
    for _ in range(2):
        with pytest.raises(UntidyError, match=UNTIDY[name].says):
            target.install(wheel, strict=True)
    assert not target.site.exists() or not any(target.site.glob("evil*"))


@pytest.mark.parametrize("name", list(UNTIDY))
def test_what_is_installed_is_tidy(name: str, target: Place, tmp_path: Path) -> None:
    target.install(UNTIDY[name].build(tmp_path / "wheels"))
    rows = (target.site / DIST_INFO / "RECORD").read_text().splitlines()
    assert entry_for(INIT, MODULE).row() in rows
    assert f"{DIST_INFO}/RECORD,," in rows
    bare = [row for row in rows if "sha256=" not in row]
    assert bare == [f"{DIST_INFO}/RECORD,,"]
    target.uninstall("evil")
    assert not any(target.site.rglob("*.py"))


@pytest.mark.parametrize("tool", ["pip", "uv"])
@pytest.mark.parametrize("name", list(UNTIDY))
def test_others_take_it(name: str, tool: str, tmp_path: Path) -> None:
    """The claim of this file: else it would not have to be taken."""
    if tool not in UNTIDY[name].tools:
        pytest.skip(f"{tool} need not take it")
    wheel = UNTIDY[name].build(tmp_path / "wheels")
    command = {
        "pip": ["-m", "pip", "install"],
        "uv": ["-m", "uv", "pip", "install", "--python", sys.executable],
    }[tool]
    more = ["--no-index", "--no-deps", "--target", str(tmp_path / "out"), str(wheel)]
    done = subprocess.run([sys.executable, *command, *more], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / INIT).read_bytes() == MODULE


@pytest.mark.parametrize("name", list(TIDY))
def test_nothing_is_said_of_what_is_right(name: str, tmp_path: Path) -> None:
    assert verify_wheel(TIDY[name](tmp_path)) == ()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (f"{INIT},md5={'A' * 22},", "its md5 is not the one in RECORD"),
        (f"{INIT},sha256={'00' * 32},", "its sha256 is not the one in RECORD"),
        (f"{INIT},,{len(MODULE) + 1}", "RECORD says 18 bytes"),
        (f"{INIT},sha256=abc,", "has not the length of sha256"),
        (f"{INIT},sha256=*,", "is not base64"),
        (f"{INIT},md5={'00' * 15},", "has not the length of md5"),
        ("evil/gone.py,,", "does not have it"),
        ("gone/,,", "does not have it"),
        (f"../{INIT},,", "does not have it"),
        (f"{INIT},,\n{INIT},sha256={'A' * 43},", "its sha256 is not the one in RECORD"),
    ],
)
def test_what_it_hides_is_found(row: str, says: str, target: Place, tmp_path: Path) -> None:
    wheel = untidy_wheel(tmp_path / "wheels", lambda rows: rows.update({row.partition(",")[0]: row}))
    with pytest.raises(WheelError, match=says):
        verify_wheel(wheel)
    with pytest.raises(WheelError, match=says):
        target.install(wheel)


def test_a_file_that_no_row_is_about(tmp_path: Path) -> None:
    """A row about the folder is none about what is in it."""
    wheel = untidy_wheel(tmp_path, lambda rows: rows.update({INIT: "evil/,,"}))
    with pytest.raises(WheelError, match="RECORD does not list it"):
        verify_wheel(wheel)


def test_a_folder_whose_stream_is_not_empty(tmp_path: Path) -> None:
    wheel = untidy_wheel(tmp_path, folders=("evil/",))
    data = wheel.read_bytes()
    assert data.count(b"\x03\x00evil/__init__.py") == 0
    # An end of stream without data becomes a block with a byte, of the same length.
    at = data.index(b"evil/") + len("evil/")
    assert data[at : at + 2] == b"\x03\x00"
    wheel.write_bytes(data[:at] + b"\xff\xff" + data[at + 2 :])
    with pytest.raises(WheelError, match="compressed data"):
        verify_wheel(wheel)


@pytest.mark.parametrize("name", list(UNTIDY))
def test_a_wheel_made_of_it_is_tidy(name: str, tmp_path: Path) -> None:
    wheel = UNTIDY[name].build(tmp_path / "wheels")
    made = tmp_path / "made" / FILENAME
    made.parent.mkdir()
    with WheelArchive.open(wheel) as archive:
        rewrite(archive, made, WheelEdits(requires=("other",)))
    with WheelArchive.open(made) as archive:
        assert read_record(archive).untidy == ()
    assert [note for note in verify_wheel(made) if "RECORD" in note] == []


def test_validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = UNTIDY["md5"].build(tmp_path)
    assert app.run(["wheel", "validate", "--no-validate", str(wheel)]) == 0
    assert "weak hash md5" in capsys.readouterr().err
    assert app.run(["wheel", "validate", "--no-validate", "--strict", str(wheel)]) == 1
    assert "weak hash md5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a\x1b[2J",
        "a\x07",
        "a\x7f",
        "a\x9b2J",
        "a\u202eb",
        "a\u2066b",
        "a\u2028b",
        "a\ud800",
        "x" * 300,
        ".variantctl",
        ".VariantCtl",
    ],
)
def test_names_of_scripts_that_are_refused(name: str) -> None:
    assert script_name_problem(name, windows=False) is not None


@pytest.mark.parametrize("name", ["pip3.12", "a b", "naïve", "スクリプト", "ab:c", "con"])
def test_names_of_scripts_that_are_fine(name: str) -> None:
    assert script_name_problem(name, windows=False) is None
    assert (script_name_problem(name, windows=True) is None) == (name not in ("ab:c", "con"))


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\u202eb", "../a"])
def test_a_script_that_is_refused(name: str, target: Place, tmp_path: Path) -> None:
    points = f"[console_scripts]\n{name} = evil:main\n".encode()
    wheel = untidy_wheel(tmp_path / "wheels", members={f"{DIST_INFO}/entry_points.txt": points})
    with pytest.raises(WheelError, match="the script name") as caught:
        target.install(wheel)
    assert str(caught.value).isprintable()
    assert not target.site.exists() or not any(target.site.iterdir())


def test_defaults_are_no_scripts(target: Place, tmp_path: Path) -> None:
    points = b"[DEFAULT]\nhidden = evil:main\n[console_scripts]\nevil = evil:main\n"
    target.install(untidy_wheel(tmp_path / "wheels", members={f"{DIST_INFO}/entry_points.txt": points}))
    assert [path.name for path in (target.site / "bin").iterdir()] == ["evil"]


@pytest.mark.parametrize(
    ("filename", "inside", "fits"),
    [
        ("2.8.3+cu12torch2.8cxx11abiTRUE", "2.8.3", True),
        ("2.8.3+cu12torch2.8cxx11abiTRUE", "2.8.3+cu12torch2.8cxx11abitrue", True),
        ("2.8.3+cu12torch2.8cxx11abiTRUE", "2.8.3+cu11", False),
        ("2.8.3+cu12torch2.8cxx11abiTRUE", "2.8", False),
        ("2.8.3+cu12torch2.8cxx11abiTRUE", "2.8.3.post1", False),
        ("2.8.3", "2.8.3+cu12", False),
        ("2.8.3.0+cu12", "2.8.3", True),
    ],
)
def test_versions_that_a_filename_names(filename: str, inside: str, fits: bool) -> None:
    from packaging.version import Version

    wheel = parse_wheel_filename(f"flash_attn-{filename}-py3-none-any.whl")
    assert wheel.names_version(Version(inside)) == fits
