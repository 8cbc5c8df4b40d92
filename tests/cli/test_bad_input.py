"""Bad input at the command line: a clear error, exit code 1, and the environment as it was."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from variant_index.build import build_index

from tests import commands
from tests.wheels.malicious import MALICIOUS, raw_wheel
from variantctl.demo.server import serve
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

METADATA = load_metadata(
    {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": ["x86_64"]},
        "variants": {"v1": {"x86_64": {"level": ["v1"]}}, "null": {}},
    }
)


def picture(folder: Path) -> dict[str, str]:
    """Every path below a folder, with what it is."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            seen[str(path)] = f"-> {path.readlink()}"
        elif path.is_file():
            seen[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            seen[str(path)] = "folder"
    return seen


class Bench:
    """An environment with one package in it, a folder that is served, and variantctl between the two."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = root
        self.url = url
        self.site = root / "site"
        self.environment = root / "around" / "venv"

    def page(self, *wheels: Path, hashes: bool = True, project: str | None = None) -> None:
        """A hand-written index page: ``index build`` would refuse these wheels."""
        name = project or wheels[0].name.split("-")[0]
        folder = self.site / "simple" / name
        folder.mkdir(parents=True, exist_ok=True)
        links = []
        for wheel in wheels:
            (folder / wheel.name).write_bytes(wheel.read_bytes())
            digest = f"#sha256={hashlib.sha256(wheel.read_bytes()).hexdigest()}" if hashes else ""
            links.append(f'<a href="{wheel.name}{digest}">{wheel.name}</a>')
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{'<br>'.join(links)}</body></html>")

    def publish(self, *wheels: Path) -> Path:
        """A real index; gives the folder of the first wheel's project."""
        build_index(wheels[0].parent, self.site)
        return self.site / "simple" / wheels[0].name.split("-")[0]

    def refused(self, *requirements: str, says: str, kind: str = "", index: str | None = None) -> str:
        """Install as a user and as a script: both fail in words, and nothing around has changed."""
        before = picture(self.root / "around")
        url = index or f"{self.url}/simple/"
        command = ["install", "-p", str(self.environment), "-i", url]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(self.root / "cache")}
        outcomes = []
        for flags in ([], ["--json"]):
            done = commands.run(*command, *flags, *requirements, env=environ)
            assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
            assert "Traceback" not in done.stderr
            assert "bug" not in done.stderr + done.stdout
            assert picture(self.root / "around") == before
            outcomes.append(done)
        person, script = outcomes
        assert person.stdout == ""
        assert re.search(says, person.stderr), person.stderr
        error = json.loads(script.stdout)["error"]
        assert re.search(says, error["message"]), error
        assert error["kind"] == kind if kind else error["kind"]
        return person.stderr


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "site" / "simple").mkdir(parents=True)
    with serve(tmp_path / "site") as url:
        made = Bench(tmp_path, url)
        venv = [sys.executable, "-m", "venv", "--without-pip", str(made.environment)]
        subprocess.run(venv, check=True)
        (tmp_path / "around" / "precious.txt").write_text("mine")
        yield made


@pytest.mark.parametrize(
    "name",
    ["wrong-hash", "extra-file", "missing-file", "truncated", "parent-folder", "absolute", "other-project"],
)
@pytest.mark.parametrize("hashes", [True, False], ids=["hashed", "unhashed"])
def test_unsound_wheels(bench: Bench, tmp_path: Path, name: str, hashes: bool) -> None:
    bench.page(MALICIOUS[name].build(tmp_path / "wheels"), hashes=hashes)
    # Another project's METADATA is noticed by whoever reads it first: the resolver or the verification.
    bench.refused("evil", says=f"{MALICIOUS[name].says}|METADATA is that of other")


def test_a_link_in_the_wheel(bench: Bench, tmp_path: Path) -> None:
    bench.page(MALICIOUS["symlink"].build(tmp_path / "wheels"))
    bench.refused("evil", says=MALICIOUS["symlink"].says)


@pytest.mark.skipif(os.name != "posix", reason="makes a symbolic link")
def test_a_link_in_the_environment_that_leads_out_of_it(bench: Bench, tmp_path: Path) -> None:
    (purelib,) = bench.environment.glob("lib/python*/site-packages")
    (tmp_path / "around" / "outside").mkdir()
    (purelib / "evil").symlink_to(tmp_path / "around" / "outside")
    bench.page(raw_wheel(tmp_path / "wheels", [("evil/owned.txt", b"owned")]))
    bench.refused("evil", says="link|outside|leads")


def test_the_wrong_hash(bench: Bench, tmp_path: Path) -> None:
    folder = bench.publish(build_wheel(tmp_path / "wheels", name="a", version="1"))
    (wheel,) = folder.glob("*.whl")
    wheel.unlink()
    build_wheel(folder, name="a", version="1", files={"swapped.py": b""})
    bench.refused("a", says="sha256", kind="hash-mismatch")


def test_the_wrong_hash_of_the_variants_json(bench: Bench, tmp_path: Path) -> None:
    folder = bench.publish(
        build_wheel(tmp_path / "wheels", name="a", version="1", label="v1", metadata=METADATA)
    )
    (path,) = folder.glob("*/a-1-variants.json")
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content + b" ")
    bench.refused("a", says="a-1-variants.json", kind="hash-mismatch")


def tampered(bench: Bench, tmp_path: Path, change: Callable[[str], str]) -> None:
    """An index whose variants.json was changed, with a hash that says it is right."""
    wheel = build_wheel(tmp_path / "wheels", name="a", version="1", label="v1", metadata=METADATA)
    folder = bench.publish(wheel)
    (path,) = folder.glob("*/a-1-variants.json")
    old = path.read_bytes()
    new = change(old.decode()).encode()
    moved = folder / hashlib.sha256(new).hexdigest() / path.name
    moved.parent.mkdir()
    moved.write_bytes(new)
    for page in folder.glob("index.*"):
        text = page.read_text()
        page.unlink()
        page.write_text(text.replace(hashlib.sha256(old).hexdigest(), hashlib.sha256(new).hexdigest()))


def test_a_label_that_the_variants_json_lacks(bench: Bench, tmp_path: Path) -> None:
    tampered(bench, tmp_path, lambda text: text.replace('"v1": {', '"v2": {'))
    bench.refused("a", says="label")


def test_malformed_json(bench: Bench, tmp_path: Path) -> None:
    tampered(bench, tmp_path, lambda text: text[: len(text) // 2])
    bench.refused("a", says=r"a-1-variants\.json.*not valid JSON")


@pytest.fixture
def broken_server() -> Iterator[str]:
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Broken)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_index_that_answers_404(bench: Bench) -> None:
    message = bench.refused("a", says="not found")
    assert "127.0.0.1" in message


def test_an_index_that_answers_500(bench: Bench, broken_server: str) -> None:
    bench.refused("a", says="500", kind="network", index=broken_server)


def test_no_network(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = bench.refused(
        "a", says=f"127.0.0.1:{port}", kind="network", index=f"http://127.0.0.1:{port}/simple/"
    )
    assert "hint: " in message


def test_no_such_host(bench: Bench) -> None:
    bench.refused(
        "a", says="no-such-host.invalid", kind="network", index="http://no-such-host.invalid/simple/"
    )
