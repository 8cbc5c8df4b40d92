"""Servers that answer otherwise than most: ranges, links, duplicates, login pages."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests import commands
from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.install.support import new_place
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy
from variantctl.net.download import download
from variantctl.net.errors import NetworkError
from variantctl.net.partial import Partial
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import as_sent
from variantctl.wheels.build import build_wheel


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    (tmp_path / "site").mkdir()
    with LoopbackServer(tmp_path / "site") as server:
        yield server


def serve(server: LoopbackServer, *entries: dict[str, Any], times: int | None = None) -> None:
    page = {"meta": {"api-version": "1.1"}, "name": "one", "files": list(entries)}
    headers = {"Content-Type": JSON_TYPE, "Cache-Control": "max-age=600"}
    server.rule("/simple/one/", body=json.dumps(page).encode(), headers=headers, times=times)


def install(folder: Path, url: str, *words: str, code: int = 0) -> dict[str, Any]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(folder / "cache")}
    if not (folder / "around").exists():
        new_place(folder / "around")
    command = ["install", "one", "-i", f"{url}/simple/", "--json", *words, "-p", str(folder / "around/env")]
    done = commands.run(*command, env=environ)
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("status", [400, 403, 404, 405, 416, 501])
def test_no_ranges_is_not_gone(tmp_path: Path, server: LoopbackServer, status: int) -> None:
    """To the last bytes of a file a server may answer as if there were none (nexus 346, poetry 9033)."""
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1", files={"one.py": b"x" * 200_000})
    server.range_status = status
    serve(server, {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}})
    assert install(tmp_path, server.url)["install"][0]["version"] == "1"


@pytest.mark.parametrize("status", [400, 404, 501])
def test_no_ranges_when_a_download_goes_on(tmp_path: Path, server: LoopbackServer, status: int) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "site/x.whl").write_bytes(data)
    with HttpClient(HttpSettings(retry=RetryPolicy(retries=2)), environ={}, sleep=lambda _: None) as client:
        server.rule("/x.whl", truncate=2_000_000, times=1)
        server.range_status = status
        partial = Partial.open(tmp_path / "part", f"{server.url}/x.whl")
        came = download(client, f"{server.url}/x.whl", partial)
        assert came.hashes["sha256"] == hashlib.sha256(data).hexdigest()
        partial.close(keep=False)


def test_a_file_that_is_gone_is_gone(tmp_path: Path, server: LoopbackServer) -> None:
    store = WheelCache(Cache(tmp_path / "cache"), HttpClient(environ={}))
    with pytest.raises(NetworkError, match="404"):
        store.fetch(RemoteFile("x.whl", f"{server.url}/x.whl"))


@pytest.mark.parametrize("status", [404, 403, 410])
def test_a_dead_first_link_of_a_file_that_stands_twice(
    tmp_path: Path, server: LoopbackServer, status: int
) -> None:
    """pytorch 145501."""
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1", files={"one.py": b""})
    server.rule(f"/dead/{wheel.name}", status=status)
    digest = {"sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    serve(
        server,
        {"filename": wheel.name, "url": f"/dead/{wheel.name}", "hashes": digest},
        {"filename": wheel.name, "url": f"/other/{wheel.name}", "hashes": {"sha256": "0" * 64}},
        {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": digest},
    )
    assert install(tmp_path, server.url)["install"][0]["version"] == "1"
    assert not any(path.startswith("/other/") for path in server.paths)
    # From the stored page too.
    settings = IndexSettings(f"{server.url}/simple/")
    for _again in range(2):
        with PackageFinder(settings, cache=Cache(tmp_path / "second")) as finder:
            (link,) = finder.project("one").wheels
            assert finder.core_metadata(link).version == link.version


def test_signed_links_that_have_expired_are_asked_for_again(tmp_path: Path, server: LoopbackServer) -> None:
    """A page that is stored may outlive the signatures of its links (terraform-aws-serverless-pypi 8)."""
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1", files={"one.py": b""})
    for number in (1, 2):
        url = f"/files/{wheel.name}?X-Amz-Signature={number}"
        serve(server, {"filename": wheel.name, "url": url, "hashes": {}}, times=1)
    install(tmp_path, server.url, "--dry-run")
    pages = server.paths.count("/simple/one/")
    server.rule(
        f"/files/{wheel.name}?X-Amz-Signature=1", status=403, body=b"<Error>Request has expired</Error>"
    )
    install(tmp_path, server.url)
    assert server.paths.count("/simple/one/") == pages + 1
    assert server.paths[-1].endswith("Signature=2")


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><title>Sign in</title><form method=post><input type='password' name=p></form>",
        b"<html><form action='https://sso.example/'><input name=SAMLRequest value=x></form></html>",
    ],
)
def test_login_pages_are_told_and_not_kept(tmp_path: Path, server: LoopbackServer, body: bytes) -> None:
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1", files={"one.py": b""})
    headers = {"Content-Type": "text/html", "Cache-Control": "max-age=600"}
    server.rule("/simple/one/", body=body, headers=headers, times=1)
    serve(server, {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}})
    error = install(tmp_path, server.url, code=1)["error"]
    assert "asks for a password" in error["message"] and f"{server.url}/simple/one/" in error["message"]
    assert install(tmp_path, server.url)["install"][0]["version"] == "1"


def test_a_plus_in_a_link(tmp_path: Path, server: LoopbackServer) -> None:
    """An object store takes a bare plus for a blank (s3pypi 48)."""
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1+cu128", files={"one.py": b""})
    assert "+" in wheel.name
    serve(server, {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}})
    assert install(tmp_path, server.url)["install"][0]["version"] == "1+cu128"
    asked = [path for path in server.paths if path.startswith("/files/")]
    assert asked and all("+" not in path and unquote(path).endswith(wheel.name) for path in asked)
    assert as_sent("https://h/a+b?x=c+d") == "https://h/a%2Bb?x=c+d"


@pytest.mark.parametrize("key", ["url", "filename", "yanked"])
def test_half_a_character_costs_one_file(key: str, tmp_path: Path, server: LoopbackServer) -> None:
    """JSON may write half of a surrogate pair, which is no text: the other files are as good as ever."""
    wheel = build_wheel(tmp_path / "site/files", name="one", version="1", files={"one.py": b""})
    good = {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}}
    bad = {"filename": "one-2-py3-none-any.whl", "url": "/files/one-2-py3-none-any.whl", "hashes": {}}
    serve(server, {**bad, key: f"\ud800{bad.get(key, '')}"}, good)
    assert install(tmp_path, server.url, "--dry-run")["install"][0]["version"] == "1"
