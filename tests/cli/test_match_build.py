"""Extensions of PyTorch: their builds get the torch that is installed, version and variant."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.cli.test_install import METADATA, Shell

#: Reads torch while it builds, as an extension's setup.py does, and writes down which torch that was.
BACKEND = """
import base64, hashlib, os, zipfile
import {imports}

NAME = "ext-1.0-py3-none-any.whl"
INFO = "ext-1.0.dist-info"
METADATA = "Metadata-Version: 2.1\\nName: ext\\nVersion: 1.0\\nRequires-Dist: torch\\n"

def prepare_metadata_for_build_wheel(directory, config_settings=None):
    os.mkdir(os.path.join(directory, INFO))
    with open(os.path.join(directory, INFO, "METADATA"), "w") as file:
        file.write(METADATA)
    return INFO

def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {{
        "ext.py": f"BUILT_WITH = {{torch.BUILD!r}}\\n",
        f"{{INFO}}/METADATA": METADATA,
        f"{{INFO}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    record = ""
    with zipfile.ZipFile(os.path.join(directory, NAME), "w") as archive:
        for path, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(content)}}\\n"
            archive.writestr(path, content)
        archive.writestr(f"{{INFO}}/RECORD", record + f"{{INFO}}/RECORD,,\\n")
    return NAME
"""


def add_extension(folder: Path, requires: list[str], imports: str = "torch") -> None:
    files = {
        "pyproject.toml": f"[build-system]\nrequires = {requires}\n"
        'build-backend = "mine"\nbackend-path = ["."]\n',
        "mine.py": BACKEND.format(imports=imports),
    }
    with tarfile.open(folder / "ext-1.0.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"ext-1.0/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    for version in ("1.0", "2.0"):
        shell.world.add("torch", version, files={"torch.py": f"BUILD = '{version}'\n".encode()})
    add_extension(shell.world.wheels, ["torch"])
    return shell


def built_with(shell: Shell) -> str:
    code = "import ext; print(ext.BUILT_WITH)"
    return subprocess.check_output([shell.python, "-I", "-c", code], text=True).strip()


def test_the_torch_that_will_be_installed(shell: Shell) -> None:
    done = shell.install("ext", "torch<2")
    assert "building ext-1.0.tar.gz: with torch 1.0, as it is installed\n" in done.stderr
    assert built_with(shell) == "1.0"


def test_the_torch_that_is_there(shell: Shell) -> None:
    shell.install("torch<2")
    shell.install("ext")
    assert built_with(shell) == "1.0"


def test_another_torch_makes_another_build(shell: Shell) -> None:
    shell.install("ext", "torch<2")
    assert "building" not in shell.install("ext", "torch<2", "--reinstall").stderr
    shell.install("ext", "torch>=2", "--reinstall")
    assert built_with(shell) == "2.0"
    assert "building" not in shell.install("ext", "torch<2", "--reinstall").stderr
    assert built_with(shell) == "1.0"


def test_a_build_that_does_not_ask_for_what_it_imports(shell: Shell) -> None:
    add_extension(shell.world.wheels, [])
    said = json.loads(shell.install("ext", "torch<2", "--json", code=1).stdout)["error"]["hint"]
    assert "`--match-build ext=torch` builds it with the torch that is installed" in said
    shell.install("ext", "torch<2", "--match-build", "ext=torch")
    assert built_with(shell) == "1.0"


def test_a_build_that_wants_another(shell: Shell) -> None:
    """By default the build gets what it wants, with a warning; where the user names torch, it is an error."""
    add_extension(shell.world.wheels, ["torch==2.0"])
    done = shell.install("ext", "torch<2")
    assert "warning: torch==2.0 cannot be had together with torch" in done.stderr
    assert built_with(shell) == "2.0" and shell.packages()["torch"] == "1.0"
    said = shell.install("ext", "torch<2", "--match-build", "torch", "--no-cache", "--reinstall", code=1)
    assert "torch" in said.stderr and built_with(shell) == "2.0"


def test_none(shell: Shell) -> None:
    done = shell.install("ext", "torch<2", "--match-build", ":none:")
    assert "as it is installed" not in done.stderr and built_with(shell) == "2.0"


def test_other_packages_only_where_they_are_named(shell: Shell) -> None:
    for version in ("1.0", "2.0"):
        shell.world.add("fast", version, files={"fast.py": f"BUILD = '{version}'\n".encode()})
    add_extension(shell.world.wheels, ["fast"], imports="fast as torch")
    shell.install("ext", "fast<2")
    assert built_with(shell) == "2.0"
    shell.install("ext", "fast<2", "--match-build", "fast", "--reinstall")
    assert built_with(shell) == "1.0"


def test_the_same_variant(tmp_path: Path) -> None:
    """Of a version with variants, the build gets the one that is installed, not the best one."""
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA, files={"torch.py": b"BUILD = __file__\n"})
    add_extension(shell.world.wheels, ["torch"])
    done = shell.install("ext", "torch", "--profile", "h100", "--variant", "torch=null")
    assert "with torch 2.0 (null), as it is installed" in done.stderr
    done = shell.install("ext", "torch", "--profile", "h100", "--reinstall")
    assert "with torch 2.0 (cuda12), as it is installed" in done.stderr
