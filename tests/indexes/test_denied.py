"""A status that does not say "not there" stops the search, unless it is configured for that index."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.install.support import new_place
from variantctl.config.file import read_configuration
from variantctl.net.errors import SettingsError
from variantctl.wheels.build import build_wheel

DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


def install(folder: Path, *words: str, ignored: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "variantctl.toml").write_text(ignored)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(folder / "cache")}
    environ["VARIANTCTL_CONFIG_FILE"] = str(folder / "variantctl.toml")
    if not (folder / "around").exists():
        new_place(folder / "around")
    command = ["install", "one", "--dry-run", "--json", *words, "-p", str(folder / "around" / "env")]
    return commands.run(*command, env=environ)


@pytest.mark.parametrize("strategy", ["first-match", "best-version"])
@pytest.mark.parametrize("status", [403, 401, 451])
def test_the_next_index_is_asked_only_where_that_is_configured(
    tmp_path: Path, status: int, strategy: str
) -> None:
    build_wheel(tmp_path / "public/simple/one", name="one", version="666")
    folder = tmp_path / "public/simple/one"
    (folder / "index.html").write_text("<a href='one-666-py3-none-any.whl'>x</a>")
    (tmp_path / "private").mkdir()
    with LoopbackServer(tmp_path / "private") as private, LoopbackServer(tmp_path / "public") as public:
        private.rule("/simple/one/", status=status, body=DENIED, headers={"Content-Type": "application/xml"})
        first, second = f"{private.url}/simple", f"{public.url}/simple"
        words = ("--extra-index-url", first, "-i", second, "--index-strategy", strategy)
        done = install(tmp_path, *words)
        assert done.returncode == 1, done.stdout
        error = json.loads(done.stdout)["error"]
        assert error["kind"] == "network" and first in error["message"] and str(status) in error["message"]
        if status == 403:
            assert "AccessDenied" in error["message"]
            assert f'[index.ignore-error-codes] "{first}" = [403]' in error["hint"]
        assert public.requests == []
        table = f'[index.ignore-error-codes]\n"{first}/" = [404, {status}]\n"https://other.example" = [500]\n'
        done = install(tmp_path, *words, ignored=table)
        assert done.returncode == 0, done.stdout
        assert [item["version"] for item in json.loads(done.stdout)["install"]] == ["666"]
        # Another index's codes are its own.
        done = install(tmp_path, *words, "--refresh", ignored=table.replace(private.url, public.url))
        assert done.returncode == 1, done.stdout


@pytest.mark.parametrize("codes", ["403", "[true]", "[200]", '["403"]', "{}"])
def test_codes_that_are_none(tmp_path: Path, codes: str) -> None:
    path = tmp_path / "variantctl.toml"
    path.write_text(f'[index.ignore-error-codes]\n"https://host.example/simple" = {codes}\n')
    with pytest.raises(SettingsError, match="ignore-error-codes"):
        read_configuration({"VARIANTCTL_CONFIG_FILE": str(path)})
