"""Indexes that answer nonsense, from the command line: refused in words, or passed over with a reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.cli.test_bad_input import Bench
from tests.indexes.server import JSON_TYPE, LoopbackServer
from variantctl.wheels.build import build_wheel


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    (tmp_path / "site").mkdir()
    with LoopbackServer(tmp_path / "site") as server:
        yield server


@pytest.fixture
def bench(tmp_path: Path, server: LoopbackServer) -> Bench:
    made = Bench(tmp_path, server.url)
    venv = [sys.executable, "-m", "venv", "--without-pip", str(made.environment)]
    subprocess.run(venv, check=True)
    return made


def serve_page(server: LoopbackServer, body: bytes, content_type: str = JSON_TYPE) -> None:
    server.rule("/simple/thing/", body=body, headers={"Content-Type": content_type})


def page_of(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"meta": {"api-version": "1.1"}, "name": "thing", "files": list(entries)}).encode()


def entry(filename: str, **more: Any) -> dict[str, Any]:
    return {"filename": filename, "url": f"/files/{filename}", "hashes": {}, **more}


def planned(bench: Bench, *requirements: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(bench.root / "cache")}
    words = ["install", "--dry-run", "--json", "-p", str(bench.environment), "-i", f"{bench.url}/simple/"]
    return commands.run(*words, *requirements, env=environ)


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b'{"files": [', JSON_TYPE, "broken JSON"),
        (b'{"files": 7}', JSON_TYPE, "files"),
        (b"\x89PNG", "image/png", "image/png"),
        (b"<![if foo bar", "text/html", "thing"),
        (b'{"meta": {"api-version": "9.0"}, "files": []}', JSON_TYPE, "9.0"),
    ],
)
def test_pages_that_make_no_sense(
    bench: Bench, server: LoopbackServer, body: bytes, content_type: str, says: str
) -> None:
    serve_page(server, body, content_type)
    bench.refused("thing", says=says)


def test_redirects_in_a_loop(bench: Bench, server: LoopbackServer) -> None:
    server.rule("/simple/thing/", redirect="/simple/gniht/")
    server.rule("/simple/gniht/", redirect="/simple/thing/")
    bench.refused("thing", says="loop", kind="network")


def test_versions_that_do_not_parse_are_passed_over(bench: Bench, server: LoopbackServer) -> None:
    path = build_wheel(bench.root / "site" / "files", name="thing", version="1.0")
    bad = "thing-not.a.version-py3-none-any.whl"
    serve_page(server, page_of(entry(bad), entry(path.name), entry("thing-9!x-py3-none-any.whl")))
    done = planned(bench, "thing")
    assert done.returncode == 0, done.stderr
    assert [item["version"] for item in json.loads(done.stdout)["install"]] == ["1.0"]
    server.clear()
    serve_page(server, page_of(entry(bad)))
    bench.refused("--refresh", "thing", says=bad.replace(".", r"\."))


@pytest.mark.parametrize("lie", ["Name: other\nVersion: 1.0", "Name: thing\nVersion: 2.0", "Name: thing"])
def test_metadata_that_lies(bench: Bench, server: LoopbackServer, lie: str) -> None:
    path = build_wheel(bench.root / "site" / "files", name="thing", version="1.0")
    serve_page(server, page_of(entry(path.name, **{"core-metadata": True})))
    server.rule(f"/files/{path.name}.metadata", body=f"Metadata-Version: 2.1\n{lie}\n".encode())
    bench.refused("thing", says=path.name, kind="invalid-wheel")


def test_credentials_do_not_follow_a_redirect_to_another_host(bench: Bench, server: LoopbackServer) -> None:
    path = build_wheel(bench.root / "elsewhere" / "files", name="thing", version="1.0")
    with LoopbackServer(bench.root / "elsewhere") as other:
        other.rule("/page/", body=page_of(entry(path.name)), headers={"Content-Type": JSON_TYPE})
        server.rule("/simple/thing/", redirect=f"{other.url}/page/")
        bench.url = server.url.replace("://", "://me:secret@")
        done = planned(bench, "thing")
        assert done.returncode == 0, done.stderr
        assert "secret" not in done.stdout + done.stderr
        assert any("authorization" in request.headers for request in server.requests)
        assert other.requests
        assert all("authorization" not in request.headers for request in other.requests)


def test_a_page_of_ten_megabytes(bench: Bench, server: LoopbackServer) -> None:
    path = build_wheel(bench.root / "site" / "files", name="thing", version="1.0")
    filler = [
        entry(f"thing-0.{number}-py3-none-win_amd64.whl", comment="x" * 900) for number in range(10_000)
    ]
    page = page_of(entry(path.name), *filler)
    assert len(page) > 10_000_000
    serve_page(server, page)
    started = time.monotonic()
    done = planned(bench, "thing")
    assert done.returncode == 0, done.stderr
    assert [item["version"] for item in json.loads(done.stdout)["install"]] == ["1.0"]
    assert time.monotonic() - started < 30
