"""What fingers know from pip and uv: aliases, options that are ignored, and words that are near."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_install import Shell
from variantctl.cli import habits
from variantctl.cli.commands import COMMANDS


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("lib")
    return shell


def test_aliases(shell: Shell) -> None:
    shell.install("lib", "--no-cache-dir", "-y", "--compile", "--no-input", "--progress-bar", "off")
    assert list(shell.env.rglob("lib-1.0.dist-info"))
    done = shell.install(
        "lib", "--force-reinstall", "--disable-pip-version-check", "--root-user-action=ignore"
    )
    assert "lib" in done.stdout and "Nothing to do" not in done.stdout


def test_uninstall_takes_a_requirements_file(shell: Shell, tmp_path: Path) -> None:
    shell.install("lib")
    (tmp_path / "gone.txt").write_text("lib==7  # whatever its version\n")
    assert shell.run("uninstall", "-y", "-r", "gone.txt", "-p", "env").stdout == "removed lib 1.0\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("instal",), "'install'"),
        (("search", "torch"), "variantctl versions"),
        (("pip", "install", "x"), "variantctl install"),
        (("index", "biuld"), "'build'"),
        (("index", "versions", "x"), "'variantctl versions'"),
        (("cache", "purge"), "'variantctl cache clean'"),
        (("cache", "verfy"), "'verify'"),
        (("config", "set", "x", "y"), "'variantctl config check'"),
        (("wheel", "torch"), "'variantctl download'"),
        (("wheel", "mak"), "'make'"),
        (("list", "-l"), "only the environment itself is ever listed"),
        (("freeze", "-rx.txt"), "files are for `install`"),
        (("install", "x", "--upgrad"), "'--upgrade'"),
        (("list", "--outdatet"), "'--outdated'"),
        (("install", "x", "--torch-backend", "auto"), "--variant torch=LABEL"),
        (("install", "x", "--torch-backend=auto"), "--variant torch=LABEL"),
        (("explain", "torch", "--profile", "h10"), "h100"),
    ],
)
def test_did_you_mean(shell: Shell, words: tuple[str, ...], said: str) -> None:
    done = shell.run(*words, code=1 if "--profile" in words else 2)
    assert said in done.stderr


def test_usage_is_the_commands_own_and_short(shell: Shell) -> None:
    error = json.loads(shell.run("list", "--xyzzy", "--json", code=2).stdout)["error"]
    assert error["hint"] == "`variantctl list --help` shows the options and examples."
    assert "usage: variantctl explain [OPTIONS] REQUIREMENT" in shell.run("explain", code=2).stderr
    said = shell.run("uninstall", code=2).stderr
    assert "hint: Name a package, or say --orphans.\nusage: variantctl uninstall [OPTIONS] [NAME" in said


@pytest.mark.parametrize("words", [("install",), ("cache", "prune")], ids=" ".join)
def test_help_is_what_the_option_says(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell.run("help", *words).stdout == shell.run(*words, "--help").stdout


def test_help_of_nothing_and_of_what_there_is_not(shell: Shell) -> None:
    assert shell.run("help").stdout == shell.run("--help").stdout
    assert "'install'" in shell.run("help", "instal", code=2).stderr


def test_every_habit_leads_to_a_command_of_ours() -> None:
    assert {ours.split()[0] for ours in habits.COMMANDS.values()} <= COMMANDS.keys()
    assert not habits.COMMANDS.keys() & COMMANDS.keys()


def test_only_virtual_environments(shell: Shell) -> None:
    shell.install("lib", "--require-virtualenv")
    shell.environ["PIP_REQUIRE_VIRTUALENV"] = "perhaps"
    assert "neither yes nor no" in shell.install("lib", "--reinstall", code=1).stderr


def test_local_commands_ignore_what_is_said_of_indexes(shell: Shell) -> None:
    said = shell.run("freeze", "-p", "env", "--no-cache-dir", "--index-url", "https://h.invalid/").stdout
    assert said == ""
    # Where an index is asked, the option counts.
    assert shell.run("versions", "lib", "--offline", "-p", "env", code=1).stderr


def test_nothing_editable_is_not_nothing(shell: Shell) -> None:
    shell.install("lib")
    assert "nothing editable is installed" in shell.run("list", "--editable", "-p", "env").stderr


def test_target_is_short_as_for_pip(shell: Shell, tmp_path: Path) -> None:
    shell.run("install", "lib", "--no-index", "-f", "wheels", "-t", "packages")
    assert (tmp_path / "packages/lib-1.0.dist-info").is_dir()
    # What mends a folder is told with the same option.
    (tmp_path / "packages/lib-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: lib\nVersion: 1.0\nRequires-Dist: gone\n"
    )
    assert "`variantctl install gone -t packages`" in shell.run("doctor", "-t", "packages", code=1).stdout


def test_manual_pages(shell: Shell, tmp_path: Path) -> None:
    shell.run("help", "--man", "man1")
    pages = {page.name for page in (tmp_path / "man1").iterdir()}
    assert {f"variantctl-{name}.1" for name in COMMANDS} | {
        "variantctl.1",
        "variantctl-index-build.1",
    } <= pages
    text = (tmp_path / "man1/variantctl-install.1").read_text()
    assert text.startswith('.TH "VARIANTCTL-INSTALL" "1"')
    assert "\\fB\\-\\-only\\-binary\\fR \\fINAMES\\fR" in text and "--no-input" not in text.replace("\\", "")
    if shutil.which("groff"):
        command = ["groff", "-man", "-Tutf8", "-ww", *sorted(map(str, (tmp_path / "man1").iterdir()))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stderr == "" and "install even what is there already" in " ".join(done.stdout.split())
