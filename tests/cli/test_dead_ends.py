"""What used to end an ordinary day: messages that did not say what to do next."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_install import Shell
from tests.indexes.server import LoopbackServer
from tests.indexes.test_sdists import sdist
from variantctl.wheels.build import build_wheel


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    """Two indexes: ``first`` has click 8.5.0 alone, ``second`` 8.1.7 too."""
    for index, versions in (("first", ["8.5.0"]), ("second", ["8.5.0", "8.1.7"])):
        for version in versions:
            publish(tmp_path / "site" / index, "click", version)
    with LoopbackServer(tmp_path / "site") as server:
        yield server


def publish(index: Path, name: str, version: str, files: dict[str, bytes] | None = None) -> None:
    folder = index / name
    build_wheel(folder, name=name, version=version, files=files or {f"{name}.py": b""})
    links = "".join(f'<a href="{wheel.name}">{wheel.name}</a>' for wheel in sorted(folder.glob("*.whl")))
    (folder / "index.html").write_text(f"<!DOCTYPE html>{links}")


def test_the_index_that_was_asked_and_the_one_that_has_it(shell: Shell, server: LoopbackServer) -> None:
    first, second = f"{server.url}/first/", f"{server.url}/second/"
    command = ("install", "click==8.1.7", "--extra-index-url", first, "-i", second, "-p", "env")
    error = json.loads(shell.run(*command, "--json", code=1).stdout)["error"]
    assert f"8.5.0, at {first.rstrip('/')})" in error["message"]
    assert f"{second.rstrip('/')} has click 8.1.7" in error["hint"]
    assert "--index-strategy best-version" in error["hint"]
    shell.run(*command, "--index-strategy", "best-version")
    assert shell.packages() == {"click": "8.1.7"}
    pin = ("--pin", f"click={second}", "--reinstall")
    shell.run(*command, *pin)


def test_nothing_is_said_of_others_that_do_not_have_it_either(shell: Shell, server: LoopbackServer) -> None:
    command = (
        "install",
        "click==7",
        "--extra-index-url",
        f"{server.url}/first/",
        "-i",
        f"{server.url}/second/",
    )
    assert "--index-strategy" not in shell.run(*command, "-p", "env", code=1).stderr


def test_a_single_equals_sign(shell: Shell) -> None:
    assert "Write one version as 'six==1.17'." in shell.install("six=1.17", code=1).stderr
    assert "'six[x]==1.17.*'" in shell.install("six[x] = 1.17.*", code=1).stderr


def test_all_that_has_source_code_only_is_told_at_once(shell: Shell) -> None:
    shell.world.add("lib")
    for name in ("first", "second", "third"):
        sdist(shell.world.wheels / f"{name}-1.0.tar.gz", {"PKG-INFO": "Metadata-Version: 2.1\n"})
    error = json.loads(shell.install("first", "lib", "second", "--no-build", "--json", code=1).stdout)[
        "error"
    ]
    assert "first has no wheels, only source distributions" in error["message"]
    assert "first, second have source code only: `--build first,second` builds these" in error["hint"]
    assert "third" not in error["hint"]
    # What the hint says is understood, and what it does not name still is not built.
    told = shell.install("first", "third", "--no-build", "--build", "first", code=1).stderr
    assert "third has source code only: `--build third` builds it" in told and "first" not in told


def test_sync_with_a_requirements_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("lib\n")
    error = json.loads(shell.run("sync", "requirements.txt", "-p", "env", "--json", code=1).stdout)["error"]
    assert "`variantctl lock -r requirements.txt`, and then run `variantctl sync`" in error["hint"]


def test_a_url_with_a_marker_in_a_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        'lib\nhttps://127.0.0.1:9/win-1.0-cp311-cp311-win_amd64.whl; platform_system == "Nowhere"\n'
    )
    shell.world.add("lib")
    shell.install("-r", "requirements.txt")
    assert shell.packages() == {"lib": "1.0"}


def test_a_large_download_is_told_off_a_terminal(shell: Shell, tmp_path: Path) -> None:
    publish(tmp_path / "site/simple", "large", "1.0", {"large/data.bin": os.urandom(10_500_000)})
    publish(tmp_path / "site/simple", "small", "1.0")
    with LoopbackServer(tmp_path / "site") as server:
        command = ("install", "large", "small", "-i", f"{server.url}/simple/", "-p", "env")
        done = shell.run(*command)
        assert "note: downloading large 1.0 (10.5 MB)\n" in done.stderr
        assert "small" not in done.stderr
        assert "downloading" not in shell.run(*command, "--reinstall", "--no-cache", "--quiet").stderr


def test_download(shell: Shell, tmp_path: Path) -> None:
    shell.world.add("app", requires=("lib",))
    wheel = shell.world.add("lib")
    done = shell.run("download", "app", "-d", "there", "--no-index", "-f", "wheels", "-p", "env")
    assert f"Saved {Path('there/lib-1.0-py3-none-any.whl')}\n" in done.stdout
    assert (tmp_path / "there" / wheel.name).read_bytes() == wheel.read_bytes()
    found = json.loads(
        shell.run("download", "app", "--no-deps", "--json", "--no-index", "-f", "wheels", "-p", "env").stdout
    )
    assert [item["path"] for item in found["download"]] == ["app-1.0-py3-none-any.whl"]
    # Nothing of what is there counts: what is downloaded is for somewhere else.
    shell.run("install", "app", "--no-index", "-f", "there", "--target", "elsewhere")
    assert shell.packages() == {}


def test_report_in_pips_format(shell: Shell, tmp_path: Path) -> None:
    shell.world.add("app", requires=("lib",))
    shell.world.add("lib")
    shell.install("app", "--report", "report.json", "--dry-run")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["version"] == "1" and report["environment"]["python_version"]
    app, lib = report["install"]
    assert (app["requested"], lib["requested"]) == (True, False)
    assert app["metadata"]["requires_dist"] == ["lib"] and app["metadata"]["name"] == "app"
    assert app["download_info"]["url"].endswith("/app-1.0-py3-none-any.whl")
    assert "archive_info" in app["download_info"]
    assert (app["is_direct"], app["is_yanked"]) == (False, False)
    printed = json.loads(shell.install("app", "--report", "-", "--dry-run").stdout)
    assert printed["install"] == report["install"]
