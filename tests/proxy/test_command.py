"""``proxy -- COMMAND``: its environment, its exit code and its signals, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from variantctl.proxy.command import EMPTY, client_environment

ROOT = "http://127.0.0.1:1"


def test_every_tool_is_told_and_no_other_source_is_left(tmp_path: Path) -> None:
    environ = {
        "PATH": "x",
        "PIP_INDEX_URL": "https://user:secret@example.org/simple",
        "PIP_EXTRA_INDEX_URL": "https://example.org/more",
        "PIP_FIND_LINKS": "/wheels",
        "PIP_NO_INDEX": "1",
        "PIP_CERT": "/ca.pem",
        "UV_INDEX": "a=https://example.org",
        "UV_EXTRA_INDEX_URL": "https://example.org/more",
        "PIP_CONFIG_FILE": os.devnull,
        "no_proxy": "example.org",
    }
    told = client_environment(ROOT, environ, tmp_path)
    assert "example.org/" not in " ".join(told.values()) and "secret" not in " ".join(told.values())
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PDM_PYPI_URL"):
        assert told[name] == f"{ROOT}/simple/"
    assert not {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "UV_INDEX"} & told.keys()
    assert told["PIP_CERT"] == "/ca.pem" and told["PATH"] == "x"
    assert told["no_proxy"] == "example.org,127.0.0.1,localhost,::1"


def test_what_pips_files_name_is_overridden(tmp_path: Path) -> None:
    """pip takes no empty variable for an answer: each has to name something of the proxy's."""
    (tmp_path / "pip.conf").write_text(
        "[global]\nextra-index-url = https://example.org/more\nfind-links = /wheels\nno-index = true\n"
    )
    told = client_environment(ROOT, {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}, tmp_path)
    assert told["PIP_EXTRA_INDEX_URL"] == f"{ROOT}/simple/"
    assert told["PIP_FIND_LINKS"] == ROOT + EMPTY
    assert told["PIP_NO_INDEX"] == "0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    page = tmp_path / "simple/demo/index.html"
    page.parent.mkdir(parents=True)
    page.write_text('<a href="demo-1.0-py3-none-any.whl">x</a>')
    (page.parent / "demo-1.0-py3-none-any.whl").write_bytes(b"no wheel")
    return tmp_path


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is gone at the end, whatever happens."""
    process = subprocess.Popen(command, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def proxy(folder: Path, *arguments: str) -> list[str]:
    index = (folder / "simple").as_uri()
    ours = [sys.executable, "-m", "variantctl", "proxy", "-i", index, "--profile", "x86-64-v3"]
    return [*ours, "--cache-dir", str(folder / "cache"), *arguments]


def test_the_command_asks_the_proxy(folder: Path) -> None:
    script = (
        "import os, urllib.request as u; "
        "print(u.urlopen(os.environ['PIP_INDEX_URL'] + 'demo/').read().count(b'<a '))"
    )
    done = subprocess.run(proxy(folder, "--", sys.executable, "-c", script), capture_output=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"1", b"")


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143), ("true", 0)]
)
def test_the_exit_code_is_the_commands(folder: Path, script: str, code: int) -> None:
    assert subprocess.run(proxy(folder, "--", "sh", "-c", script), check=False).returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(folder: Path, number: signal.Signals) -> None:
    script = f"trap 'exit 9' {number.name[3:]}; echo ready; for i in $(seq 200); do sleep 0.05; done"
    with started(proxy(folder, "--", "sh", "-c", script), stdout=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        assert running.wait(10) == 9


def test_an_interrupted_command_is_waited_for(folder: Path) -> None:
    """Ctrl-C reaches everything in the terminal; the command may clean up before it ends."""
    script = (
        "trap 'sleep 0.3; echo cleaned; exit 5' INT; echo ready; for i in $(seq 200); do sleep 0.05; done"
    )
    command = proxy(folder, "--", "sh", "-c", script)
    with started(command, stdout=subprocess.PIPE, start_new_session=True) as running:
        assert running.stdout is not None and running.stdout.readline() == b"ready\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.stdout.read() == b"cleaned\n"
        assert running.wait(10) == 5


def test_a_command_that_is_not_there(folder: Path) -> None:
    done = subprocess.run(proxy(folder, "--", "no-such-command"), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "there is no such command" in done.stderr


def test_it_says_where_it_is_in_one_line_of_json(folder: Path) -> None:
    with started(proxy(folder, "--port", "0", "--json"), stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert told["for"] == "profile x86-64-v3"
        assert httpx.get(f"{told['url']}demo/", trust_env=False).status_code == 200
        assert httpx.get(told["url"].replace("/simple/", EMPTY), trust_env=False).status_code == 200
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 0


def test_only_who_knows_the_path_gets_anything(folder: Path) -> None:
    """Other users of the machine can ask any port of it; the path is known to the command alone."""
    script = (
        "import os, urllib.request as u, urllib.error as e; url = os.environ['PIP_INDEX_URL']\n"
        "root, secret = url.split('/simple/')[0].rsplit('/', 1); print(len(secret))\n"
        "near = f'/{secret[:-1]}/simple/demo/'\n"
        "for path in ('/simple/demo/', '/', '/x/simple/demo/', near, f'/{secret}'):\n"
        "    try: u.urlopen(root + path); print('open', path)\n"
        "    except e.HTTPError as error: print(error.code)\n"
        "print(u.urlopen(url + 'Demo').url == url + 'demo/')\n"
    )
    done = subprocess.run(
        proxy(folder, "--", sys.executable, "-c", script),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == ["22", "404", "404", "404", "404", "404", "True"], done.stderr
    other = subprocess.run(
        proxy(folder, "-v", "--", sys.executable, "-c", "import os; print(os.environ['PIP_INDEX_URL'])"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert other.stdout.strip().split("/")[3] not in other.stderr


@pytest.mark.parametrize(("flags", "is_open"), [([], True), (["--secret-path"], False)])
def test_a_port_that_is_named_is_known_elsewhere(folder: Path, flags: list[str], is_open: bool) -> None:
    """poetry has its sources in its project: with a port of one's own the address is to be foreseen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}/simple/demo/"
    script = f"import urllib.request as u; print(len(u.urlopen({url!r}).read()) > 9)"
    command = proxy(folder, "--port", str(port), *flags, "--", sys.executable, "-c", script)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip() == "True") is is_open, done.stderr


def test_a_secret_path_by_option(folder: Path) -> None:
    with started(proxy(folder, "--port", "0", "--json", "--secret-path"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert httpx.get(f"{told['url']}demo/", trust_env=False).status_code == 200
        root = told["url"].rsplit("/", 3)[0]
        assert httpx.get(f"{root}/simple/demo/", trust_env=False).status_code == 404


def test_other_machines_are_let_in_only_with_a_warning(folder: Path) -> None:
    command = proxy(folder, "--port", "0", "--host", "0.0.0.0")
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        assert b"other machines can reach 0.0.0.0" in running.stderr.readline()
        url = running.stdout.readline().split()[0].decode()
        assert httpx.get(f"{url}demo/", headers={"Host": "node7"}, trust_env=False).status_code == 200
        time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
