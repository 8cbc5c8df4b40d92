"""One distribution stands in for another name: pip, uv and importlib.metadata are content with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.resolve.world import World

PROFILE = """
format = 1
name = "gpu"
[nvidia]
cuda_driver = "13.0"
compute_capabilities = ["9.0"]
"""


class Place:
    """An environment, an index of small wheels, and the tools that change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.world = World(root / "world")
        for version in ("1.30.0", "1.31.0"):
            self.world.add("onnxruntime", version, files={"onnxruntime/__init__.py": b"kind = 'cpu'\n"})
            self.world.add("onnxruntime-gpu", version, files={"onnxruntime/__init__.py": b"kind = 'gpu'\n"})
        self.world.add("rembg", "2.0", ["onnxruntime>=1.20"])
        self.world.add("faces", "1.0", ["onnxruntime-gpu"])
        self.world.package_finder().close()
        (root / "gpu.toml").write_text(PROFILE)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "env"], check=True)
        self.python = root / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.index = (self.world.root / "simple").as_uri()
        self.env = {
            **os.environ,
            "VARIANTCTL_CONFIG_FILE": "",
            "VARIANTCTL_KNOWLEDGE_DIR": "",
            "VARIANTCTL_CACHE_DIR": str(root / "cache"),
            "UV_CACHE_DIR": str(root / "uv"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, command: Sequence[object], code: int = 0) -> str:
        done = subprocess.run(
            [str(word) for word in command], env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def variantctl(self, command: str, *words: object, code: int = 0) -> str:
        where = ["-p", self.python]
        if command == "install":
            where += ["-i", self.index, "--no-backends", "--profile", self.root / "gpu.toml"]
        return self.run([sys.executable, "-m", "variantctl", command, *where, *words], code)

    def pip(self, *words: object, code: int = 0) -> str:
        return self.run([sys.executable, "-m", "pip", "--python", self.python, *words], code)

    def uv(self, *words: object, code: int = 0) -> str:
        return self.run([sys.executable, "-m", "uv", "pip", *words, "-p", self.python], code)

    def content(self) -> None:
        """Whether every tool finds that nothing is missing."""
        self.pip("check")
        self.uv("check")
        self.variantctl("check")

    def names(self) -> dict[str, str]:
        listed = json.loads(self.pip("list", "--format", "json"))
        return {row["name"]: row["version"] for row in listed}

    def kind(self) -> str:
        """What is imported; what is not there is named so."""
        code = "try:\n import onnxruntime; print(onnxruntime.kind)\nexcept Exception: print('none')"
        return self.run([self.python, "-c", code]).strip()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_pip_uv_and_importlib_are_content(place: Place) -> None:
    place.variantctl("install", "rembg", "faces")
    place.content()
    assert place.names() == {
        "onnxruntime": "1.31.0",
        "onnxruntime-gpu": "1.31.0",
        "rembg": "2.0",
        "faces": "1.0",
    }
    assert place.kind() == "gpu"
    code = "from importlib.metadata import metadata; print(metadata('onnxruntime')['Summary'])"
    assert "onnxruntime-gpu 1.31.0 stands in for it" in place.run([place.python, "-c", code])
    packages = json.loads(place.variantctl("list", "--json"))["packages"]
    told = {package["name"]: (package["label"], package.get("stands_in_by")) for package in packages}
    assert told["onnxruntime-gpu"] == ("gpu", None)
    assert told["onnxruntime"] == (None, "onnxruntime-gpu")
    assert place.variantctl("freeze").split() == ["faces==1.0", "onnxruntime-gpu==1.31.0", "rembg==2.0"]
    # The second run has nothing to do.
    assert "Nothing to do" in place.variantctl("install", "rembg", "faces")
    # Nor have pip and uv.
    place.pip("install", "-q", "-i", place.index, "rembg")
    place.uv("install", "-q", "-i", place.index, "rembg", "onnxruntime")
    assert place.kind() == "gpu"


@pytest.mark.parametrize("tool", ["pip", "uv", "variantctl"])
@pytest.mark.parametrize("name", ["onnxruntime", "onnxruntime-gpu"])
def test_whoever_removes_it_leaves_nothing_behind(place: Place, tool: str, name: str) -> None:
    place.variantctl("install", "onnxruntime")
    if tool == "pip":
        place.pip("uninstall", "-y", name)
    elif tool == "uv":
        place.uv("uninstall", name)
    else:
        place.variantctl("uninstall", name)
    if tool == "variantctl" or name == "onnxruntime-gpu":
        assert place.names() == {} and place.kind() == "none"
        site = next((place.root / "env").glob("lib/python*/site-packages"))
        assert not [entry for entry in site.iterdir() if "onnx" in entry.name]
    else:
        assert place.names() == {"onnxruntime-gpu": "1.31.0"} and place.kind() == "gpu"
    # And it comes back whole.
    place.variantctl("install", "onnxruntime", "rembg")
    assert place.kind() == "gpu"
    place.content()


def test_it_is_upgraded_with_the_real_one(place: Place) -> None:
    place.variantctl("install", "onnxruntime<1.31")
    assert place.names() == {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.30.0"}
    place.variantctl("install", "-U", "onnxruntime", "rembg")
    assert place.names() == {"onnxruntime": "1.31.0", "onnxruntime-gpu": "1.31.0", "rembg": "2.0"}
    place.content()


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_two_members_of_other_tools_become_one(place: Place, tool: str) -> None:
    if tool == "pip":
        place.pip("install", "-q", "-i", place.index, "onnxruntime-gpu", "rembg")
    else:
        place.uv("install", "-q", "-i", place.index, "onnxruntime-gpu", "rembg")
    assert set(place.names()) == {"onnxruntime", "onnxruntime-gpu", "rembg"}
    place.variantctl("install", "rembg")
    assert place.kind() == "gpu"
    packages = json.loads(place.variantctl("list", "--json"))["packages"]
    assert [each["name"] for each in packages if "stands_in_by" in each] == ["onnxruntime"]
    place.content()


def test_taking_turns_leaves_one_or_none(place: Place) -> None:
    place.variantctl("install", "rembg")
    place.pip("install", "-q", "--force-reinstall", "-i", place.index, "onnxruntime")
    place.variantctl("install", "rembg")
    assert place.kind() == "gpu"
    place.content()
    place.uv("install", "-q", "--reinstall-package", "onnxruntime", "-i", place.index, "onnxruntime==1.30.0")
    place.variantctl("install", "rembg")
    place.content()
    assert place.kind() == "gpu"
    place.pip("uninstall", "-y", "onnxruntime-gpu", "rembg")
    assert place.names() == {} and place.kind() == "none"
