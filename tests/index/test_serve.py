"""``variantctl index serve`` as a user runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from variantctl.cli import main


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "out/simple/demo"
    folder.mkdir(parents=True)
    for page in (folder / "index.html", folder.parent / "index.html"):
        page.write_text("<html>hello</html>")
    return tmp_path / "out"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(site: Path, stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "variantctl", "index", "serve", str(site), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        assert url.startswith("http://127.0.0.1:") and url.endswith("/simple/")
        assert httpx.get(f"{url}demo/", trust_env=False).text == "<html>hello</html>"
        server.send_signal(stop)
        _, errors = server.communicate(timeout=10)
    assert (server.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "there is no such folder"),
        (["."], "there is no index in it"),
        (["out", "--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["out", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1"),
    ],
)
def test_what_cannot_be_served(
    site: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(site.parent)
    assert main(["index", "serve", *arguments, "--json"]) == 1
    assert message in json.loads(capsys.readouterr().out)["error"]["message"]


def test_without_the_library(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["index", "serve", str(site)]) == 1
    assert "-m pip install starlette uvicorn" in capsys.readouterr().err


def test_hidden_files_are_not_handed_out(site: Path) -> None:
    hidden = (
        ".git/config",
        ".env",
        "simple/.htpasswd",
        "simple/demo/.notes/x.html",
        ".variantctl/index.html",
    )
    for name in hidden:
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text("secret")
    command = [sys.executable, "-m", "variantctl", "index", "serve", str(site), "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        paths = [*hidden, ".git/", ".git", "%2egit/config", "simple/../.git/config", "simple//.htpasswd"]
        for path in paths:
            answer = httpx.get(f"{url}/{path}", trust_env=False)
            assert answer.status_code == 404 and "secret" not in answer.text, path
        assert httpx.get(f"{url}/simple/demo/", trust_env=False).status_code == 200
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=10)
