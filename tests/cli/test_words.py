"""Messages that once stopped a reader: what happened, why, what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from variantctl.cli import render
from variantctl.cli.commands import COMMANDS, GROUPS


def said(*arguments: str, cwd: Path, **environ: str) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = commands.run(*arguments, env={**kept, **environ}, cwd=cwd)
    return " ".join((done.stdout + done.stderr).split())


def test_help_has_every_command_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(COMMANDS)


def test_help_begins_with_examples(tmp_path: Path) -> None:
    help_ = said("--help", cwd=tmp_path, COLUMNS="80")
    assert help_.index("Installs the right GPU or CPU build") < help_.index(
        "examples: variantctl install torch"
    )
    assert help_.index("examples:") < help_.index("get packages:") < help_.index("publish:")
    assert "PEP" not in help_.split("get packages:")[0]
    assert said("help", cwd=tmp_path, COLUMNS="80") == help_


def test_a_missing_argument_shows_the_usage_in_a_line(tmp_path: Path) -> None:
    told = said("explain", cwd=tmp_path)
    assert "usage: variantctl explain [OPTIONS] REQUIREMENT [REQUIREMENT ...]" in told
    assert "--extra-index-url" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("install --accelerator nope x", "error: --accelerator: there is no 'nope' hint: There are: prefer,"),
        (
            "install x --accelerator",
            "error: --accelerator needs a value hint: `variantctl install --help` shows",
        ),
        ("cache prune --older-than 3d", "error: there is no option '--older-than' hint:"),
        ("completion zsh bash", "error: 'bash': more is given than the command takes hint:"),
        ("index serve x --port y", "error: --port: 'y' is no whole number hint:"),
        ("index flatten", "error: OUT and PROFILE are missing hint: For example: `variantctl index flatten"),
        ("wheel make", "error: --file or --recipe is missing hint: For example: `variantctl wheel make"),
        ("wheel info x.whl", "did you mean 'variantctl wheel inspect'?"),
        ("lock -r no.txt", "error: there is no file no.txt hint: Correct the path."),
        ("export -r .", "error: . is a folder, not a file hint: For a project in a folder:"),
        (
            "sync no.toml --dry-run",
            "error: there is no file no.toml hint: Make one: `variantctl lock NAME -o pyl",
        ),
        ("run no.py", "error: there is no file no.py hint: Name a script, or a command:"),
        ("profile from slurm no.txt", "error: there is no file no.txt"),
        ("lock torch==", "error: the command line: 'torch==' cannot be read as a requirement: Expected "),
        ("detect --profile h10", "error: there is no profile 'h10', and no file of that name hint: did you"),
        ("wheel validate .", "1 problem a wheel's filename ends in '.whl'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, words: str, told: str) -> None:
    found = said(*words.split(), cwd=tmp_path)
    assert told in found
    assert "argument" not in found and "No such file" not in found and "hint: usage" not in found


def test_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    told = said("install", "./one-1.0-py3-none-any.whl", "--target", "out", cwd=tmp_path)
    assert "there is no file" in told
    assert "cannot be read as a requirement" not in told
    assert "hint: Correct the path" in told


def test_a_command_that_only_reads_does_not_speak_of_installing(tmp_path: Path) -> None:
    told = said("list", cwd=tmp_path, CONDA_PREFIX="")
    assert "no Python environment is active" in told
    assert "install into" not in told
    assert "modules into" not in said("list", "--help", cwd=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "keeps"),
    [
        (["install", "torch"], True),
        (["-v", "sync"], True),
        (["install", "torch", "--no-cache"], False),
        (["list"], False),
        ([], False),
    ],
)
def test_an_interruption_says_what_is_kept(
    arguments: list[str], keeps: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render.interrupted(arguments) == 130
    assert ("What was fetched is kept" in capsys.readouterr().err) is keeps


def test_a_narrow_terminal_gets_a_list_in_place_of_a_table(tmp_path: Path) -> None:
    """At 40 columns a table would break words every few letters."""
    for arguments in (["detect", "--profile", "h100"], ["families"]):
        narrow = subprocess.run(
            [sys.executable, "-m", "variantctl", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "40"},
            check=True,
        ).stdout
        assert max(map(len, narrow.splitlines())) <= 40
        assert "┃" not in narrow and "----" not in narrow
    assert "Family: cupy" in narrow


def test_brackets_in_help_are_no_styles() -> None:
    from variantctl.cli.app import _colored_formatter

    formatter = _colored_formatter()("variantctl")
    formatter.add_text("the schema of [tool.variantctl]")
    assert "[tool.variantctl]" in formatter.format_help()
