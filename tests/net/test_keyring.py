"""Passwords from the command ``keyring``, as pip's and uv's provider ``subprocess`` asks it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.config.settings import load_index_settings
from variantctl.net.auth import ask_keyring
from variantctl.net.client import HttpClient, HttpSettings
from variantctl.net.errors import NetworkError

SCRIPT = """#!{python}
import sys
with open({log!r}, "a") as log:
    print(*sys.argv[1:], file=log)
known = {known!r}
if sys.argv[1] != "get" or tuple(sys.argv[2:]) not in known:
    sys.exit(1)
print(known[tuple(sys.argv[2:])])
"""


class Keyring:
    """A stand-in for the command, which knows what it is told and remembers what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "asked.txt"
        self.environ = {"PATH": str(folder)}

    def knows(self, known: dict[tuple[str, str], str]) -> None:
        command = self.folder / "keyring"
        command.write_text(SCRIPT.format(python=sys.executable, log=str(self.log), known=known))
        command.chmod(command.stat().st_mode | stat.S_IXUSR)

    @property
    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    folder = tmp_path / "bin"
    folder.mkdir()
    return Keyring(folder)


@pytest.fixture
def private(site: Site, server: LoopbackServer) -> LoopbackServer:
    (site.folder / "page").write_text("secret")
    server.credentials = ("me", "pass word")
    return server


def client(keyring: Keyring, *, allowed: bool = True) -> HttpClient:
    return HttpClient(HttpSettings(keyring=allowed), environ=keyring.environ)


def with_user(url: str, user: str = "me") -> str:
    return url.replace("://", f"://{user}@")


@pytest.mark.parametrize("service", ["url", "host"])
def test_a_user_without_a_password(private: LoopbackServer, keyring: Keyring, service: str) -> None:
    host = private.url.partition("://")[2]
    keyring.knows({(f"{private.url}/simple" if service == "url" else host, "me"): "pass word"})
    with client(keyring) as http:
        http.credentials.take(with_user(f"{private.url}/simple"))
        assert http.get(f"{private.url}/page").content == b"secret"
        assert http.get(f"{private.url}/page").content == b"secret"
    expected = [f"get {private.url}/simple me", f"get {host} me"]
    assert keyring.asked == expected[: 1 if service == "url" else 2]  # once, not for every request


def test_a_password_that_is_given_needs_no_keyring(private: LoopbackServer, keyring: Keyring) -> None:
    keyring.knows({})
    with client(keyring) as http:
        assert http.get(with_user(f"{private.url}/page", "me:pass%20word")).content == b"secret"
    assert keyring.asked == []


def test_it_is_not_asked_unless_allowed_nor_without_a_user(private: LoopbackServer, keyring: Keyring) -> None:
    keyring.knows({(private.url.partition("://")[2], "me"): "pass word"})
    with client(keyring, allowed=False) as http, pytest.raises(NetworkError) as caught:
        http.get(with_user(f"{private.url}/page"))
    assert caught.value.status == 401
    with client(keyring) as http, pytest.raises(NetworkError):
        http.get(f"{private.url}/page")
    assert keyring.asked == []


def test_a_password_goes_to_its_own_host_alone(
    private: LoopbackServer, keyring: Keyring, tmp_path: Path
) -> None:
    keyring.knows({(private.url.partition("://")[2], "me"): "pass word"})
    (tmp_path / "other").mkdir()
    with LoopbackServer(tmp_path / "other") as other, client(keyring) as http:
        (tmp_path / "other" / "page").write_text("open")
        http.credentials.take(with_user(private.url))
        assert http.get(f"{other.url}/page").content == b"open"
        assert "authorization" not in other.requests[0].headers


def test_a_command_that_is_missing_or_fails_is_no_password(keyring: Keyring) -> None:
    assert ask_keyring("https://example.org", "me", {"PATH": ""}) is None
    keyring.knows({})
    assert ask_keyring("https://example.org", "me", keyring.environ) is None
    (keyring.folder / "keyring").write_text("no script")
    assert ask_keyring("https://example.org", "me", keyring.environ) is None


@pytest.mark.parametrize(
    ("variable", "ours", "pips", "expected"),
    [
        (None, None, None, False),
        ("subprocess", None, None, True),
        ("disabled", "subprocess", None, False),
        (None, "subprocess", None, True),
        (None, None, "subprocess", True),
        (None, "disabled", "subprocess", False),
        (None, None, "import", False),
    ],
)
def test_who_allows_it(
    tmp_path: Path, variable: str | None, ours: str | None, pips: str | None, expected: bool
) -> None:
    config = tmp_path / "variantctl.toml"
    config.write_text(f'[index]\nkeyring-provider = "{ours}"' if ours else "")
    environ = {"HOME": str(tmp_path), "VARIANTCTL_CONFIG_FILE": str(config), "PIP_CONFIG_FILE": "/dev/null"}
    environ |= {"VARIANTCTL_KEYRING_PROVIDER": variable} if variable else {}
    environ |= {"PIP_KEYRING_PROVIDER": pips} if pips else {}
    loaded = load_index_settings(no_index=True, environ=environ, prefix=tmp_path)
    assert loaded.keyring is expected
