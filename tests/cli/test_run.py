"""variantctl run: what a script needs, and that nothing stands between it and the terminal."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_install import METADATA, Shell

HEAD = '# /// script\n# dependencies = ["one"]\n# ///\n'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("one", "1.0", files={"one.py": b"VERSION = '1.0'\n"})
    shell.world.add("two", "1.0", files={"two.py": b"VERSION = '1.0'\n"})
    shell.environ["VARIANTCTL_FIND_LINKS"] = str(shell.world.wheels)
    shell.environ["VARIANTCTL_NO_INDEX"] = "1"
    shell.environ["VIRTUAL_ENV"] = str(shell.env)
    return shell


def script(shell: Shell, text: str, name: str = "s.py") -> str:
    (shell.world.root / name).write_text(text)
    return name


def environments(shell: Shell) -> int:
    return len(list((shell.world.root / "cache").glob("script-envs-v1/*/variantctl-complete")))


def test_exit_code_arguments_and_standard_input(shell: Shell) -> None:
    name = script(
        shell, HEAD + "import one, sys\nprint(one.VERSION, sys.argv[1:], sys.stdin.read())\nsys.exit(7)\n"
    )
    for _ in range(2):
        done = subprocess.run(
            shell.command("run", name, "--json", "-v", "--", "x"),
            cwd=shell.world.root, env=shell.environ, input="told",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == ("1.0 ['--json', '-v', '--', 'x'] told\n", 7)
    assert environments(shell) == 1 and done.stderr == "" and shell.packages() == {}


def test_what_is_kept_needs_no_index_until_it_is_asked_to(shell: Shell) -> None:
    name = script(shell, HEAD + "import one; print(one.VERSION)\n")
    shell.run("run", name)
    shell.world.add("one", "2.0", files={"one.py": b"VERSION = '2.0'\n"})
    assert shell.run("run", name).stdout == "1.0\n"
    assert shell.run("run", "-U", name).stdout == "2.0\n"
    shutil.rmtree(shell.world.wheels)
    # Another script with the same needs has the same environment.
    assert shell.run("run", script(shell, HEAD + "print('other')\n", "other.py")).stdout == "other\n"
    assert environments(shell) == 1


def test_signals_reach_the_script(shell: Shell) -> None:
    name = script(
        shell,
        HEAD + "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\nprint('ready', flush=True)\ntime.sleep(60)\n",
    )
    started = subprocess.Popen(
        shell.command("run", name), cwd=shell.world.root, env=shell.environ, stdout=subprocess.PIPE, text=True
    )
    assert started.stdout is not None and started.stdout.readline() == "ready\n"
    started.send_signal(signal.SIGTERM)
    assert started.wait(20) == 9
    started.stdout.close()


@pytest.mark.skipif(shutil.which("yes") is None, reason="NOT RUN: there is no `yes`")
def test_a_pipe_that_closes_ends_the_command(shell: Shell) -> None:
    started = subprocess.Popen(
        shell.command("run", "--", "yes"), cwd=shell.world.root, env=shell.environ, stdout=subprocess.PIPE
    )
    assert started.stdout is not None and started.stdout.readline() == b"y\n"
    started.stdout.close()
    assert started.wait(20) == -signal.SIGPIPE


def test_the_variant_of_the_machine_and_settings_of_the_script(shell: Shell) -> None:
    shell.world.variants("torch", "2.0", METADATA)
    head = HEAD.replace("one", "torch").replace(
        "# ///\n", "# [tool.variantctl]\n# variants = { torch = 'null' }\n# ///\n"
    )
    code = "import importlib.metadata as m, pathlib; print(len(list(m.distributions())))\n"
    assert shell.run("run", script(shell, head + code)).stdout == "1\n"
    wrong = head.replace("variants", "varaints")
    assert "'variants'" in shell.run("run", script(shell, wrong), code=1).stderr


def test_without_metadata_it_is_the_current_environment(shell: Shell) -> None:
    name = script(shell, "import sys; print(sys.prefix, sys.argv)\n")
    assert shell.run("run", name, "a").stdout == f"{shell.env} ['s.py', 'a']\n"
    assert shell.run("run", "--", "python", "-c", "import sys; print(sys.prefix)").stdout == f"{shell.env}\n"
    assert shell.run("run", "-m", "this").stdout.startswith("The Zen of Python")
    shell.install("one")
    code = "import one, two, sys; print(one.VERSION, two.VERSION)"
    assert shell.run("run", "--with", "two", "--", "python", "-c", code).stdout == "1.0 1.0\n"
    assert shell.packages() == {"one": "1.0"}


def test_standard_input_is_a_script(shell: Shell) -> None:
    text = HEAD + "import one, sys\nprint(one.VERSION, sys.argv)\n"
    done = subprocess.run(
        shell.command("run", "-", "x"), cwd=shell.world.root, env=shell.environ, input=text,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "1.0 ['-', 'x']\n", done.stderr


def test_the_environment_of_the_project_above(shell: Shell, tmp_path: Path) -> None:
    del shell.environ["VIRTUAL_ENV"]
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".venv").symlink_to(shell.env)
    (tmp_path / "below").mkdir()
    done = shell.run("run", "--", "python", "-c", "import sys; print(sys.prefix)", cwd=tmp_path / "below")
    assert Path(done.stdout.strip()).resolve() == shell.env


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "nothing is named to run"),
        (("--",), 2, "nothing is named to run"),
        (("absent.py",), 2, "there is no file absent.py"),
        (("--", "nosuchcommand"), 2, "there is no command 'nosuchcommand'"),
        (("--wiht", "one", "s.py"), 2, "'--with'"),
        (("s.py",), 1, "needs Python >=3.99"),
        (("--with", "absent", "plain.py"), 1, "absent"),
    ],
)
def test_what_cannot_be_run(shell: Shell, words: tuple[str, ...], code: int, said: str) -> None:
    script(shell, '# /// script\n# requires-python = ">=3.99"\n# ///\n')
    script(shell, "", "plain.py")
    done = shell.run("run", *words, code=code)
    assert said in done.stderr and done.stdout == ""


def test_two_at_once_make_one(shell: Shell) -> None:
    name = script(shell, HEAD + "import one; print(one.VERSION)\n")
    command = shell.command("run", name)
    running = [
        subprocess.Popen(command, cwd=shell.world.root, env=shell.environ, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [each.communicate(timeout=60)[0] for each in running] == ["1.0\n", "1.0\n"]
    assert environments(shell) == 1


def test_an_environment_that_is_cut_short_is_made_again(shell: Shell) -> None:
    name = script(shell, HEAD + "import one; print(one.VERSION)\n")
    shell.run("run", name)
    (complete,) = (shell.world.root / "cache").glob("script-envs-v1/*/variantctl-complete")
    complete.unlink()
    shutil.rmtree(complete.parent / "lib")
    assert shell.run("run", name).stdout == "1.0\n"


def test_no_cache_leaves_nothing(shell: Shell) -> None:
    name = script(shell, HEAD + "import one, sys; print(one.VERSION); sys.exit(3)\n")
    assert shell.run("run", "--no-cache", name, code=3).stdout == "1.0\n"
    assert environments(shell) == 0


def test_requirements_of_a_script(shell: Shell) -> None:
    script(shell, HEAD)
    shell.install("-r", "s.py")
    assert shell.packages() == {"one": "1.0"}
    shell.run("lock", "-r", "s.py", "-o", "pylock.s.toml")
    assert "has no block" in shell.install("-r", script(shell, "", "plain.py"), code=1).stderr
