"""Plain http goes to this machine and to hosts that the user names, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.install.support import new_place
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy
from variantctl.net.errors import NetworkError
from variantctl.net.insecure import check_transport
from variantctl.wheels.build import build_wheel

OTHER = "http://packages.example"


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://packages.example/", []),
        ("http://localhost:8080/", []),
        ("http://index.localhost/", []),
        ("http://127.0.0.1/", []),
        ("http://127.9.9.9:3141/", []),
        ("http://[::1]:80/", []),
        ("http://packages.example/", ["packages.example"]),
        ("http://PACKAGES.example:8080/", ["Packages.Example"]),
        ("http://packages.example:8080/", ["other.example", "packages.example:8080"]),
        ("http://[2001:db8::1]:8080/", ["[2001:db8::1]"]),
        ("file:///x", []),
    ],
)
def test_what_is_taken(url: str, trusted: Sequence[str]) -> None:
    check_transport(url, trusted)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("http://packages.example/", []),
        ("HTTP://packages.example/", []),
        ("http://localhost.example/", []),
        ("http://127.0.0.1.example/", []),
        ("http://127.example/", []),
        ("http://10.0.0.1/", []),
        ("http://0.0.0.0/", []),
        ("http://packages.example/", ["example", "sub.packages.example", "packages.example:8080", "[", ""]),
        ("http://packages.example:81/", ["packages.example:80"]),
    ],
)
def test_what_is_refused(url: str, trusted: Sequence[str]) -> None:
    with pytest.raises(NetworkError, match="plain http") as caught:
        check_transport(url, trusted)
    assert "--trusted-host" in (caught.value.hint or "")


def run(*words: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    kept |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CONFIG_FILE": os.devnull, **environ}
    kept["VARIANTCTL_CACHE_DIR"] = str(folder / "cache")
    return commands.run(*words, env=kept, cwd=folder)


SECRET = "s3cr3t-s3cr3t"
PRIVATE = f"http://me:{SECRET}@packages.example"
#: Requests for other machines go to this one: nobody there can be asked by mistake.
WAYS = {
    "index": ("install", "one", "-i", f"{OTHER}/simple/"),
    "extra": ("install", "one", "--extra-index-url", f"{OTHER}/simple/", "-i", "{server}/simple/"),
    "password": ("install", "one", "-i", f"{PRIVATE}/simple/"),
    "find-links": ("install", "one", "--no-index", "-f", f"{OTHER}/links.html"),
    "reference": ("install", f"one @ {OTHER}/one-1-py3-none-any.whl", "--no-index"),
    "link of a page": ("install", "one", "--no-index", "-f", "{server}/away.html"),
    "redirect": ("install", "one", "-i", "{server}/moved/"),
    "requirements": ("install", "-r", f"{OTHER}/requirements.txt", "--no-index"),
    "lock": ("sync", "{folder}/pylock.toml"),
    "explain": ("explain", "one", "-i", f"{OTHER}/simple/"),
    "import": ("index", "import", "--from", f"{OTHER}/whl/", "-o", "out", "--package", "torch"),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_there_is_refused_unless_the_host_is_trusted(tmp_path: Path, way: str) -> None:
    site = tmp_path / "site"
    wheel = build_wheel(site, name="one", version="1", files={"one.py": b""})
    (site / "simple/one").mkdir(parents=True)
    (site / "simple/one/index.html").write_text(f"<a href='../../{wheel.name}'>x</a>")
    (site / "links.html").write_text(f"<a href='{wheel.name}'>x</a>")
    (site / "away.html").write_text(f"<a href='{OTHER}/{wheel.name}'>x</a>")
    (site / "requirements.txt").write_text("six==0\n")
    (tmp_path / "pylock.toml").write_text(
        "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'one'\nversion = '1'\n"
        f"[[packages.wheels]]\nurl = '{OTHER}/{wheel.name}'\nhashes = {{sha256 = '{'0' * 64}'}}\n"
    )
    place = new_place(tmp_path / "around")
    with LoopbackServer(site) as there, LoopbackServer(site) as here:
        here.rule("/moved/one/", redirect=f"{OTHER}/simple/one/")
        words = [
            word.format(site=site, server=here.url, folder=tmp_path) if word.startswith("{") else word
            for word in WAYS[way]
        ]
        if words[0] in ("install", "sync"):
            words += ["-p", str(place.environment.prefix)]
        environ = {"http_proxy": there.url, "no_proxy": "127.0.0.1"}
        done = run(*words, folder=tmp_path, **environ)
        assert done.returncode == 1, done.stderr
        assert "plain http" in done.stderr and "packages.example" in done.stderr
        assert "--trusted-host packages.example" in done.stderr
        assert ("password" in done.stderr) is (way == "password")
        assert there.requests == [] and SECRET not in done.stderr
        trusted = run(*words, "--trusted-host", "packages.example", folder=tmp_path, **environ)
        assert "plain http" not in trusted.stderr
        assert there.requests, trusted.stderr


@pytest.mark.parametrize("place", ["variable", "configuration", "pip"])
def test_where_a_host_may_be_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "site/simple/one").mkdir(parents=True)
    (tmp_path / "variantctl.toml").write_text('[index]\ntrusted-host = ["packages.example:80"]\n')

    environ = {
        "variable": {"VARIANTCTL_TRUSTED_HOST": "a.example packages.example"},
        "configuration": {"VARIANTCTL_CONFIG_FILE": str(tmp_path / "variantctl.toml")},
        "pip": {"PIP_TRUSTED_HOST": "packages.example"},
    }[place]
    words = ["one"]
    at = ("-p", str(new_place(tmp_path / "around").environment.prefix))
    with LoopbackServer(tmp_path / "site") as there:
        proxy = {"http_proxy": there.url, "no_proxy": ""}
        done = run(
            "install", *words, *at, "-i", f"{OTHER}/simple/", "--json", folder=tmp_path, **environ, **proxy
        )
        assert there.requests, done.stdout
    assert "plain http" not in json.loads(done.stdout)["error"]["message"]


def test_a_redirect_is_looked_at_before_it_is_followed(tmp_path: Path) -> None:
    settings = HttpSettings(trusted_hosts=(), retry=RetryPolicy(retries=0))
    with LoopbackServer(tmp_path) as server, HttpClient(settings, environ={}) as client:
        server.rule("/x", redirect=f"http://me:{SECRET}@packages.example/")
        with pytest.raises(NetworkError, match="plain http to another machine") as caught:
            client.get(f"{server.url}/x")
        assert SECRET not in caught.value.message


@pytest.mark.parametrize("command", ["install", "lock", "download"])
def test_a_requirements_file_may_name_a_host_as_with_pip(tmp_path: Path, command: str) -> None:
    """Its line counts for indexes, and for the files that are named after it; that is said."""
    site = tmp_path / "site"
    wheel = build_wheel(site / "simple/one", name="one", version="1", files={"one.py": b""})
    (site / "simple/one/index.html").write_text(f"<a href='{wheel.name}'>x</a>")
    (site / "more.txt").write_text("one\n")
    place = new_place(tmp_path / "around")
    words = [command, "-r", "requirements.txt"]
    words += ["-p", str(place.environment.prefix)] if command == "install" else []
    words += {"lock": ["-o", "pylock.toml"], "download": ["-d", "out"]}.get(command, [])
    with LoopbackServer(site) as there:
        proxy = {"http_proxy": there.url, "no_proxy": ""}
        lines = [f"-i {OTHER}/simple/", f"-r {OTHER}/more.txt"]
        (tmp_path / "requirements.txt").write_text("\n".join(lines))
        done = run(*words, folder=tmp_path, **proxy)
        assert done.returncode == 1 and "plain http" in done.stderr and there.requests == []
        (tmp_path / "requirements.txt").write_text("\n".join(["--trusted-host packages.example", *lines]))
        done = run(*words, folder=tmp_path, **proxy)
        assert done.returncode == 0, done.stderr
        assert "requirements.txt:1: --trusted-host packages.example: plain http may go there" in " ".join(
            done.stderr.split()
        )
        # Another host's name is of no use.
        (tmp_path / "requirements.txt").write_text("\n".join(["--trusted-host other.example", *lines]))
        assert run(*words, "--refresh", folder=tmp_path, **proxy).returncode == 1


@pytest.mark.parametrize(
    ("named", "patterns"),
    [
        ("a.test", ["https://a.test"]),
        ("A.test:8443", ["https://a.test:8443"]),
        ("https://a.test:8443", ["https://a.test:8443"]),
        ("[::1]:80", ["https://[::1]:80"]),
        *(
            (nobody, [])
            for nobody in ("*", "*.test", "", " ", ":", ":443", "[", "a:99999", "\x1b", "https://")
        ),
    ],
)
def test_whose_certificate_is_not_checked(named: str, patterns: list[str]) -> None:
    """httpx takes ``*``, and what is empty, for every host: nobody has said that."""
    with HttpClient(HttpSettings(trusted_hosts=(named,)), environ={}) as client:
        assert list(client.unchecked()) == patterns
        client._connected()
