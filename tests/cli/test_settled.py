"""Installing what is there: answered from a note, and only while nothing that decided it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.notes import run
from tests.install.support import Place, new_place
from variantctl.wheels.build import build_wheel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no notes are kept on Windows")


class Command:
    """``variantctl install one`` in an environment that has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place: Place = new_place(folder)
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        build_wheel(self.wheels, name="one", version="1", files={"one.py": b""}, requires=["two"])
        build_wheel(self.wheels, name="two", version="1", files={"two.py": b""})
        self.environ = {
            **os.environ,
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
            "VARIANTCTL_CONFIG_FILE": str(folder / "variantctl.toml"),
            "PIP_CONFIG_FILE": os.devnull,
        }
        (folder / "variantctl.toml").write_text("")
        assert self.run().startswith("Installed 2 packages")
        time.sleep(0.15)
        assert self.run() == "Nothing to do: one 1 is there already.\n"

    def run(self, *arguments: str, name: str = "one", imported: set[str] | None = None) -> str:
        words = ["install", name, "--no-index", "-f", str(self.wheels), *arguments]
        done = run(*words, "-p", str(self.place.environment.prefix), environ=self.environ, cwd=self.folder)
        assert done.code == 0
        if imported is not None:
            imported |= done.imported
        return done.said

    def is_answered_from_the_note(self, *arguments: str, name: str = "one") -> bool:
        imported: set[str] = set()
        self.run(*arguments, name=name, imported=imported)
        return "argparse" not in imported


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_the_same_again_imports_next_to_nothing(command: Command) -> None:
    imported: set[str] = set()
    assert command.run(imported=imported) == "Nothing to do: one 1 is there already.\n"
    ours = {name for name in imported if name.startswith("variantctl")}
    assert len(imported) < 20
    assert ours == {
        "variantctl",
        "variantctl.cli",
        "variantctl.cli.notes",
        "variantctl.cli.settled",
        "variantctl.cli.terminal",
        "variantctl.cache",
        "variantctl.cache.buckets",
        "variantctl.filesystem",
        "variantctl.filesystem.file_state",
    }
    assert not imported & {"argparse", "re", "dataclasses", "packaging", "pathlib", "socket", "httpx", "rich"}
    # Quiet is another command line, with an answer of its own.
    assert command.run("--quiet") == ""
    assert command.is_answered_from_the_note("--quiet")


def _edit_metadata(command: Command) -> None:
    path = command.place.site / "one-1.dist-info/METADATA"
    text = path.read_text().replace("Requires-Dist: two", "Requires-Dist: two>=1")
    path.unlink()
    path.write_text(text)


def _edit_metadata_in_place(command: Command) -> None:
    path = command.place.site / "one-1.dist-info/METADATA"
    path.chmod(0o644)
    with path.open("a") as file:
        file.write("\n")


def _touch_configuration(command: Command) -> None:
    (command.folder / "variantctl.toml").write_text("[index]\n")


def _leave_half_a_change(command: Command) -> None:
    (command.place.site / ".variantctl").mkdir()


def _set_variable(command: Command) -> None:
    command.environ["PIP_PRE"] = "0"


def _make_environment_again(command: Command) -> None:
    configuration = command.place.environment.prefix / "pyvenv.cfg"
    configuration.write_text(configuration.read_text() + "\n")


CHANGES: list[Callable[[Command], None]] = [
    _edit_metadata,
    _edit_metadata_in_place,
    _touch_configuration,
    _leave_half_a_change,
    _set_variable,
    _make_environment_again,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_noticed(change: Callable[[Command], None], command: Command) -> None:
    assert command.is_answered_from_the_note()
    change(command)
    assert not command.is_answered_from_the_note()


def test_an_environment_named_by_its_folder_alone(command: Command) -> None:
    prefix = command.place.environment.prefix
    words = ["install", "one", "--no-index", "-f", str(command.wheels), "-p", prefix.name]
    for expected in (False, True):
        done = run(*words, environ=command.environ, cwd=prefix.parent)
        assert done.said == "Nothing to do: one 1 is there already.\n"
        assert ("argparse" not in done.imported) is expected


@pytest.mark.parametrize("name", ["WINDOWID", "SSH_CONNECTION", "TERM_SESSION_ID", "GITHUB_RUN_ID", "OLDPWD"])
def test_another_terminal_or_job_gets_the_same_answer(name: str, command: Command) -> None:
    assert command.is_answered_from_the_note()
    command.environ[name] = "another"
    assert command.is_answered_from_the_note()


@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "https_proxy", "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"])
def test_a_variable_that_counts_is_noticed(name: str, command: Command) -> None:
    assert command.is_answered_from_the_note()
    command.environ[name] = "1"
    assert not command.is_answered_from_the_note()


def test_what_went_is_installed_again(command: Command) -> None:
    assert command.is_answered_from_the_note()
    command.place.uninstall("two")
    assert command.run().startswith("Installed 1 package ")
    assert command.place.names() == {"one": "1", "two": "1"}


def test_another_package_does_not_get_the_same_answer(command: Command) -> None:
    assert not command.is_answered_from_the_note(name="two>=1")


@pytest.mark.parametrize("option", ["--upgrade", "--reinstall", "--dry-run", "--no-cache", "--verbose"])
def test_never_from_a_note(option: str, command: Command) -> None:
    for _ in range(2):
        assert not command.is_answered_from_the_note(option)


def test_a_damaged_note_counts_as_none(command: Command) -> None:
    (note,) = (command.folder / "cache/settled-v1").iterdir()
    for content in (b"", b"\xff\0\0", note.read_bytes()[:-5], b"variantctl settled 1\0said"):
        note.write_bytes(content)
        assert not command.is_answered_from_the_note()
    assert command.is_answered_from_the_note()


def test_no_variable_is_written_down(command: Command) -> None:
    command.environ["SECRET"] = "hunter2"
    command.run()
    for note in (command.folder / "cache/settled-v1").iterdir():
        assert b"hunter2" not in note.read_bytes()
