"""The contract that every command keeps: exit codes, JSON errors, streams; seen as whole processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from variantctl import __version__
from variantctl.cli import app, render
from variantctl.cli.commands import COMMANDS
from variantctl.wheels.build import build_wheel


def variantctl(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "variantctl", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag: str) -> None:
    done = variantctl(flag)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"variantctl {__version__}\n", "")


def test_version_imports_almost_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); from variantctl.cli import main; main(['--version']);"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('variantctl')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"argparse", "packaging", "rich", "httpx", "json"}
    assert not heavy & set(done.stdout.split("'"))


def test_without_a_command_help_is_printed() -> None:
    done = variantctl()
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = variantctl(name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: variantctl {name}")


def test_usage_error_is_exit_code_2_on_standard_error() -> None:
    done = variantctl("no-such-command")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error: " in done.stderr
    assert "no-such-command" in done.stderr


def test_usage_error_as_json() -> None:
    done = variantctl("explain", "--json", "--no-such-option", "torch")
    assert done.returncode == 2
    error = json.loads(done.stdout)
    assert error["format"] == 1
    assert error["error"]["kind"] == "usage"
    assert "--no-such-option" in error["error"]["message"]


def test_options_are_not_abbreviated() -> None:
    assert variantctl("install", "--dry", "x").returncode == 2


def test_a_bug_says_that_it_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(arguments: list[str]) -> int:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(app, "_dispatch", broken)
    assert app.run(["detect"]) == 1
    captured = capsys.readouterr()
    assert "this is a bug" in captured.err
    assert "Traceback" not in captured.err
    assert app.run(["detect", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "bug"
    assert app.run(["detect", "--verbose"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_interrupted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "_dispatch", interrupted)
    assert app.run(["install", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "interrupted"


@pytest.mark.skipif(os.name != "posix", reason="closes a pipe as POSIX does")
def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m variantctl completion bash | head -c 10"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish"])
def test_completion_knows_the_commands(shell: str) -> None:
    done = variantctl("completion", shell)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_completion_for_bash_is_valid_bash(tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(variantctl("completion", "bash").stdout)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize(("shell", "option"), [("fish", "--no-execute"), ("zsh", "-n"), ("tcsh", "-n")])
def test_completion_is_valid_for_other_shells(shell: str, option: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"NOT RUN: {shell} is not here")
    script = tmp_path / "completion"
    script.write_text(variantctl("completion", shell).stdout)
    assert subprocess.run([shell, option, str(script)], check=False).returncode == 0


def test_colours_obey_no_color(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    render.warning("careful")
    assert "\033[" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    render.warning("careful")
    assert capsys.readouterr().err == "warning: careful\n"


@pytest.mark.skipif(os.name == "nt", reason="closes a stream by the shell of Unix")
@pytest.mark.parametrize(("stream", "code"), [(">&-", 0), ("2>&-", 1)])
def test_a_stream_that_the_shell_closed_is_no_bug(stream: str, code: int, tmp_path: Path) -> None:
    command = "detect" if code == 0 else "explain nothing --no-index --no-cache"
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m variantctl {command} {stream}'],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, "bug" in done.stderr) == (code, False), done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no C locale")
@pytest.mark.skipif(sys.platform == "darwin", reason="paths are UTF-8 there, whatever the locale")
def test_paths_that_are_not_ascii_in_the_c_locale(tmp_path: Path) -> None:
    """With both of Python's remedies (PEP 538, PEP 540) switched off."""
    folder = tmp_path / "na\u00efve"
    build_wheel(folder, name="lib", version="1.0")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    options = ["-f", str(folder), "--no-index", "--cache-dir", str(folder / "cache")]
    target = folder / "target"
    done = variantctl("install", "lib", *options, "--target", str(target), **ascii_only)
    assert done.returncode == 0, done.stderr
    assert str(target) in done.stdout
    assert (target / "lib-1.0.dist-info").is_dir()
    assert "naïve" in variantctl("list", "-p", str(folder / "nowhere"), **ascii_only).stderr
