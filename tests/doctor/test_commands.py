"""The commands that doctor names are run: each gives the machine a build that works, none for CPUs."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, real_releases
from variantctl.wheels.build import build_wheel


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    Layout(folder, real_releases(), pythons=["{}{}".format(*sys.version_info)])
    with LoopbackServer(folder) as server:
        yield server


class Environment:
    """A folder with some packages, and ``variantctl`` about it."""

    def __init__(self, folder: Path, server: LoopbackServer, profile: str) -> None:
        self.site = folder / "site"
        self.site.mkdir()
        self._wheels = folder / "wheels"
        self._url = server.url
        self._environ = {
            **os.environ,
            "PIP_CONFIG_FILE": os.devnull,
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
            "VARIANTCTL_CONFIG_FILE": "",
            "VARIANTCTL_PYTORCH_URL": f"{server.url}/whl",
        }
        self._words = ("--profile", profile, "--target", str(self.site), "-i", f"{server.url}/simple")

    def add(self, name: str, version: str, *requires: str) -> None:
        wheel = build_wheel(self._wheels, name=name, version=version, requires=requires)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.site)

    def run(self, *words: str) -> dict[str, Any]:
        done = commands.run(*words, "--json", env=self._environ)
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict) and "error" not in answer, done.stdout
        return answer

    def findings(self, *words: str) -> list[dict[str, Any]]:
        found = self.run("doctor", *self._words, *words)["findings"]
        return [item for item in found if item["kind"] != "missing-dependency"]

    def after(self, hint: str) -> dict[str, str]:
        """What is there once each command of a hint was run: name -> version."""
        versions: dict[str, str] = {}
        for command in re.findall(r"`variantctl (.*?)`", hint):
            answer = self.run(*shlex.split(command), "--dry-run")
            for part in ("keep", "install"):
                versions |= {item["name"]: item["version"] for item in answer[part]}
        return versions


#: machine -> what is installed -> the build that each command leads to, where the release has none for it.
UNFIT = [
    ("h100", {"torch": "2.15.0+cu130"}, "cu126"),
    ("v100", {"torch": "2.15.0+cu130"}, "cu126"),
    ("h100", {"torch": "2.15.0+rocm7.14"}, "cu126"),
    ("v100", {"torch": "2.15.0+cu132", "torchvision": "0.30.0+cu132"}, "cu126"),
    ("h100", {"torch": "2.15.0+cu130", "torchvision": "0.30.0+cpu"}, "cu126"),
    ("h100", {"torch": "2.15.0+cpu", "torchvision": "0.30.0"}, "cu126"),
    ("mi300x", {"torch": "2.15.0+cu130", "torchvision": "0.30.0+cu130"}, "rocm7.14"),
    ("arc-b580", {"torch": "2.15.0+cu130"}, "xpu"),
]


@pytest.mark.parametrize(("profile", "there", "label"), UNFIT)
def test_every_command_leads_to_a_build_for_the_machine(
    tmp_path: Path, server: LoopbackServer, profile: str, there: dict[str, str], label: str
) -> None:
    environment = Environment(tmp_path, server, profile)
    for name, version in there.items():
        release = there["torch"].partition("+")[0]
        environment.add(name, version, *([f"torch=={release}"] if name != "torch" else []))
    for words in ((), ("--updates", "--backends", "pytorch")):
        found = environment.findings(*words)
        assert any(item["severity"] == "error" for item in found)
        for item in found:
            if "`" in item["hint"]:
                versions = environment.after(item["hint"])
                labels = {name: text.partition("+")[2] for name, text in versions.items()}
                assert labels == dict.fromkeys(there, label), item


def test_files_of_a_build_that_does_not_fit_are_not_brought_back(
    tmp_path: Path, server: LoopbackServer
) -> None:
    environment = Environment(tmp_path, server, "h100")
    environment.add("torch", "2.15.0+cu130")
    record = environment.site / "torch-2.15.0+cu130.dist-info" / "RECORD"
    record.write_text(f"torch/gone.py,sha256=,1\n{record.read_text()}")
    kinds = {item["kind"]: environment.after(item["hint"]) for item in environment.findings()}
    assert kinds == {name: {"torch": "2.14.1+cu126"} for name in ("missing-files", "variant-mismatch")}


def test_a_build_that_fits_is_brought_back_as_it_was(tmp_path: Path, server: LoopbackServer) -> None:
    environment = Environment(tmp_path, server, "h100")
    environment.add("torch", "2.13.0+cu126")
    record = environment.site / "torch-2.13.0+cu126.dist-info" / "RECORD"
    record.write_text(f"torch/gone.py,sha256=,1\n{record.read_text()}")
    (finding,) = environment.findings()
    assert environment.after(finding["hint"]) == {"torch": "2.13.0+cu126"}
