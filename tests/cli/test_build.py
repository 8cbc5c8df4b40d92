"""``variantctl install --build``: source distributions, built with a back-end that needs no network."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from pathlib import Path

import pytest

from tests.cli.test_install import Shell

BACKEND = """
import os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    if {fails!r}:
        raise SystemExit("no compiler here")
    name = "{name}-{built}-py3-none-any.whl"
    info = "{name}-{built}.dist-info"
    files = {{
        "{name}.py": "VALUE = '{built}'\\n",
        f"{{info}}/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: {built}\\n"
        "Requires-Dist: helper\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, content in files.items():
            import base64, hashlib
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(content)}}\\n"
            archive.writestr(path, content)
        archive.writestr(f"{{info}}/RECORD", record + f"{{info}}/RECORD,,\\n")
    return name
"""


def add_sdist(folder: Path, version: str, *, fails: bool = False, built: str | None = None) -> None:
    """``thing-VERSION.tar.gz``, whose build gives version ``built``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "mine"\nbackend-path = ["."]\n'
        f'[project]\nname = "thing"\nversion = "{version}"\n',
        "mine.py": BACKEND.format(name="thing", built=built or version, fails=fails),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n",
    }
    with tarfile.open(folder / f"thing-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"thing-{version}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("helper")
    add_sdist(shell.world.wheels, "1.0")
    return shell


def test_source_distributions_are_built_for_who_asks(shell: Shell) -> None:
    assert "--build thing" in shell.install("thing", code=1).stderr
    shell.install("thing", "--build", "Thing")
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}


def test_the_plan_names_what_was_built(shell: Shell) -> None:
    planned = {item["name"]: item for item in shell.plan("thing", "--build", "thing", "--dry-run")["install"]}
    assert planned["thing"]["filename"] == "thing-1.0-py3-none-any.whl"
    assert planned["thing"]["requires"] == ["helper"]
    assert len(planned["thing"]["hashes"]["sha256"]) == 64
    # What was built once is not built again: not even with a back-end that is gone.
    shell.environ["PATH"] = os.devnull
    again = {item["name"]: item for item in shell.plan("thing", "--build", "thing", "--dry-run")["install"]}
    assert again == planned


def test_a_wheel_goes_before_a_build(shell: Shell) -> None:
    add_sdist(shell.world.wheels, "2.0", fails=True)
    shell.world.add("thing", "2.0")
    shell.install("thing", "--build", "thing")
    assert shell.packages() == {"thing": "2.0"}


@pytest.mark.parametrize(
    ("fails", "built", "says"),
    [(True, None, "no compiler here"), (False, "3.0", "3.0")],
)
def test_builds_that_fail(shell: Shell, fails: bool, built: str | None, says: str) -> None:
    add_sdist(shell.world.wheels, "2.0", fails=fails, built=built)
    done = shell.install("thing", "--build", "thing", "--json", code=1)
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "build-failed"
    assert "thing-2.0.tar.gz" in error["message"]
    assert says in error["message"]
    assert shell.packages() == {}


def test_only_for_the_platform_at_hand(shell: Shell) -> None:
    done = shell.install("thing", "--build", "thing", "--profile", "apple-m4", "--dry-run", "--json", code=1)
    assert json.loads(done.stdout)["error"]["kind"] == "platform-mismatch"
    assert sys.platform != "darwin" or shell.packages() == {}
