"""Credentials go where the user meant them, and are neither shown nor kept."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import commands
from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.install.support import new_place
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.net.auth import Credentials
from variantctl.net.redaction import HIDDEN, redact, redacted, without_secrets
from variantctl.wheels.build import build_wheel

SECRET = "Pa55-w0rd-Pa55"
TOKEN = "t0ken-0123456789abcdef0123"


@pytest.mark.parametrize(
    "text",
    [
        "https://me:{}@host/x",
        "https://{}@host/x",
        "https://{}:x-oauth-basic@host/x",
        "https://me:{}@ss@host/x",
        "https://me:{}/more@host.example/simple",
        "https://me:{}?more@host.example/simple",
        "https://me:{}#more@host.example/simple",
        "https://me:12/{}@host.example/simple",
        "me:{}@host.example/simple",
        "a text with me:{}@host in it",
        "me:{}/more@host.example/simple",
        "one @ https://me:{}@host/one-1-py3-none-any.whl#sha256=00",
        "https://host/x?token={}",
        "https://host/x?a=b&private_token={}&c=d",
        "https://host/x?X-Amz-Signature={}&X-Amz-Expires=3",
        "https://host/x?sv=2&sig={}#sha256=00",
        "https://host/x?AWSAccessKeyId={}",
        "https://host/x?u=q7Zx{}",
        "git+https://me:{}@host/x.git@v1",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    # A token of another shape than the password's: long, and of letters and digits.
    secret = TOKEN if "{}:x-oauth" in text or "u=q7Zx" in text else SECRET
    given = text.format(secret)
    for shown in (redact(given), str(redacted({"a": [given]})), redact(f"cannot read '{given}': it broke")):
        assert secret not in shown
        assert "more@" not in shown and "ss@" not in shown
        assert HIDDEN in shown
        assert "host" in shown
    if "://" in given and " " not in given:
        assert secret not in without_secrets(given)


@pytest.mark.parametrize(
    "text",
    [
        "https://host/@scope/x",
        "https://host:8080/simple/x@1.0/y",
        "http://127.0.0.1:8080/a@b.org/x",
        "see https://host:8080/x: write to me@there.org",
        "git+https://host/x.git@v1.0#egg=x&subdirectory=y",
        "one==1.0 --hash=sha256:0123456789abcdef0123456789abcdef",
        "https://host/one-1.whl#sha256=0123456789abcdef0123456789abcdef",
        "os_name == 'nt' and python_version>='3'",
        "https://host/x?versionId=abc&download=1",
        "file:///home/me@work/one-1.whl",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text
    if "://" in text and " " not in text:
        assert without_secrets(text) == text


# --- whose credentials go where ---


def test_links_of_one_index_do_not_replace_the_users_credentials() -> None:
    credentials = Credentials({})
    credentials.take("https://me:mine@private.example/simple")
    mine = credentials.header("https://private.example/simple/one/")
    link = credentials.take_file("https://evil:theirs@private.example/files/one.whl")
    assert link == "https://private.example/files/one.whl"
    assert credentials.header("https://private.example/simple/one/") == mine
    assert credentials.header(link) == mine
    # For a server that the user gave nothing for, they count for their own file.
    other = credentials.take_file("https://a:b@files.example/one.whl#sha256=00")
    assert credentials.header(other.partition("#")[0]) is not None
    assert credentials.header("https://files.example/one.whl.metadata") is not None
    for elsewhere in ("https://files.example/two.whl", "http://files.example/one.whl"):
        assert credentials.header(elsewhere) is None


def test_a_direct_reference_uses_its_own_credentials_for_its_own_file() -> None:
    credentials = Credentials({})
    credentials.take("https://me:mine@host.example/simple")
    mine = credentials.header("https://host.example/other.whl")
    reference = credentials.take_file("https://you:yours@host.example/one.whl", is_reference=True)
    assert credentials.header(reference) != mine
    assert credentials.header("https://host.example/other.whl") == mine


def test_two_indexes_on_one_server_keep_their_own() -> None:
    credentials = Credentials({})
    for name in ("first", "second"):
        credentials.take(f"https://me:{name}@host.example/{name}/simple")
    first, second = (credentials.header(f"https://host.example/{name}/x") for name in ("first", "second"))
    assert first != second
    assert credentials.header("https://host.example/x") == first


def test_netrc_goes_to_the_origin_that_the_user_named(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine host.example login me password pass\n")
    credentials = Credentials({"NETRC": str(netrc)})
    credentials.take("https://host.example/simple")
    assert credentials.header("https://host.example/simple/one/") is not None
    for other in ("http://host.example/", "https://host.example:8443/", "https://sub.host.example/"):
        assert credentials.header(other) is None
    unnamed = Credentials({"NETRC": str(netrc)})
    assert unnamed.header("https://host.example/") is not None
    assert unnamed.header("http://host.example/") is None


def test_links_of_an_index_over_http(tmp_path: Path) -> None:
    """A link to the user's own server, with other credentials, from an index of somebody else."""
    build_wheel(tmp_path / "mine" / "files", name="one", version="1")
    mine, theirs = LoopbackServer(tmp_path / "mine"), LoopbackServer(tmp_path / "mine")
    with mine, theirs:
        link = f"{mine.url.replace('://', '://evil:evil@')}/files/one-1-py3-none-any.whl"
        for server, url in ((theirs, link), (mine, "x")):
            entries = [{"filename": "one-1-py3-none-any.whl", "url": url, "hashes": {}}]
            page = {"meta": {"api-version": "1.1"}, "name": "one", "files": entries}
            body = json.dumps(page).encode()
            server.rule("/simple/one/", body=body, headers={"Content-Type": JSON_TYPE})
        private = mine.url.replace("://", "://me:mine@")
        settings = IndexSettings(f"{private}/simple/", (f"{theirs.url}/simple/",))
        with PackageFinder(settings) as package_finder:
            (wheel,) = package_finder.project("one").wheels
            package_finder.core_metadata(wheel)
            package_finder.fetch(wheel)
        sent = {request.headers.get("authorization") for request in mine.requests}
        assert sent == {"Basic bWU6bWluZQ=="}
        assert not any("authorization" in request.headers for request in theirs.requests)


# --- what is kept and shown ---


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    with LoopbackServer(tmp_path / "site") as server:
        server.credentials = ("me", SECRET)
        yield server


def secrets_below(folder: Path) -> list[str]:
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]


def test_nothing_shows_or_keeps_a_password(tmp_path: Path, server: LoopbackServer) -> None:
    files = tmp_path / "site" / "files"
    needs = [f"two @ {server.url.replace('://', f'://me:{SECRET}@')}/files/two-1-py3-none-any.whl"]
    one = build_wheel(files, name="one", version="1", files={"one.py": b""}, requires=needs)
    build_wheel(files, name="two", version="1", files={"two.py": b"x" * 2_000_000})
    digest = hashlib.sha256(one.read_bytes()).hexdigest()
    place = new_place(tmp_path / "around")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"), "VARIANTCTL_CONFIG_FILE": os.devnull}
    environ |= {"PIP_CONFIG_FILE": os.devnull}
    wheel = f"{server.url.replace('://', f'://me:{SECRET}@')}/files/{one.name}?token={SECRET}"
    at = ("-p", str(place.environment.prefix))
    wrong = f"one @ {wheel}#sha256={'0' * 64}"
    gone = f"one @ {wheel.replace(one.name, 'one-9-py3-none-any.whl')}"
    nowhere = f"one @ http://me:{SECRET}@127.0.0.1:1/{one.name}?sig={SECRET}"
    lock = str(tmp_path / "pylock.toml")
    said = ""
    for words in (
        ["install", f"one @ {wheel}#sha256={digest}", "--no-index", *at],
        ["install", f"one @ {wheel}", "--no-index", "--reinstall", "-v", *at],
        ["install", f"one @ {wheel}", "--no-index", *at],
        ["list", *at],
        ["doctor", *at],
        ["explain", f"one @ {wheel}", "--no-index"],
        ["lock", f"one @ {wheel}", "--no-index", "-o", lock],
        ["lock", f"one @ {wheel}", "--no-index", "-o", "-"],
        ["install", wrong, "--no-index", "-v", *at],
        ["install", gone, "--no-index", *at],
        ["install", nowhere, "--no-index", *at],
        ["install", "three", "-i", f"http://me:{SECRET}@127.0.0.1:1/simple", *at],
        ["install", "three", "-i", f"me:{SECRET}@127.0.0.1:1/simple", *at],
        ["install", "three", "-i", f"http://me:{SECRET}/@127.0.0.1:1/simple", *at],
        ["install", "three", "--no-index", "-f", f"http://me:{SECRET}@127.0.0.1:1/x", *at],
        ["install", "three", "-f", f"http://me:{SECRET}#@127.0.0.1:1/x", "--no-index", *at],
        ["wheel", "inspect", str(one)],
        ["wheel", "validate", str(one)],
        ["uninstall", "one", "two", "-y", *at],
    ):
        for flags in ([], ["--json"]):
            if flags and "-" in words and words[0] == "lock":
                continue
            done = commands.run(*words, *flags, env=environ, cwd=tmp_path)
            assert SECRET not in done.stdout + done.stderr, (words, done.stdout, done.stderr)
            assert "bug" not in done.stderr
            said += done.stdout + done.stderr
            kept = secrets_below(tmp_path / "cache") + secrets_below(tmp_path / "around")
            # What a wheel says about its dependencies is the wheel's own text.
            own = ("METADATA", ".whl", "manifest.json")
            assert [path for path in kept if not path.endswith(own) and "metadata-v1" not in path] == []
            if words[0] == "install" and "sha256=" in words[1] and not flags and words[1] != wrong:
                record = (place.environment.scheme["purelib"] / "one-1.dist-info/direct_url.json").read_text()
                assert json.loads(record)["url"] == f"{server.url}/files/{one.name}"
    assert HIDDEN in said
    assert SECRET not in Path(lock).read_text().replace(needs[0], "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_cache_is_for_its_user_alone(tmp_path: Path, server: LoopbackServer) -> None:
    server.credentials = None
    build_wheel(tmp_path / "site" / "files", name="one", version="1", files={"one.py": b""})
    place = new_place(tmp_path / "around")
    environ = {**os.environ, "VARIANTCTL_CACHE_DIR": str(tmp_path / "new" / "cache")}
    words = ["install", "one", "--no-index", "-f", f"{server.url}/files/one-1-py3-none-any.whl"]
    (tmp_path / "site" / "index.html").write_text("<a href='files/one-1-py3-none-any.whl'>x</a>")
    words[-1] = f"{server.url}/index.html"
    command = [sys.executable, "-m", "variantctl", *words, "-p", str(place.environment.prefix)]
    old = os.umask(0)
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.umask(old)
    assert done.returncode == 0, done.stderr
    cache = tmp_path / "new" / "cache"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    # Unpacked wheels have the modes that they get in an environment, below a folder that nobody else enters.
    ours = [path for path in cache.rglob("*") if "files" not in path.relative_to(cache).parts]
    assert len(ours) > 10
    loose = {str(path): oct(path.stat().st_mode) for path in ours if path.stat().st_mode & 0o077}
    assert {path for path in loose if not path.endswith(("CACHEDIR.TAG", "manifest.json"))} == set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_cache_that_others_may_change(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    loose.mkdir()
    loose.chmod(0o777)
    named = Cache.open(loose)
    assert named.root == loose and named.warning is not None and "every user" in named.warning
    assert Cache.open(tmp_path / "new").warning is None
    home = {"XDG_CACHE_HOME": str(tmp_path)}
    (tmp_path / "variantctl").mkdir()
    (tmp_path / "variantctl").chmod(0o757)
    program = "from variantctl.cache.folder import Cache; c = Cache.open(); print(c.root); print(c.warning)"
    environ = {name: value for name, value in os.environ.items() if name != "VARIANTCTL_CACHE_DIR"} | home
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    root, warning = done.stdout.splitlines()
    assert not root.startswith(str(tmp_path / "variantctl"))
    assert "is not used" in warning
    words = [sys.executable, "-m", "variantctl", "cache", "info"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    assert done.stderr.startswith("warning: the cache") and "is not used" in done.stderr
