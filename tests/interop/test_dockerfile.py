"""docs/ci/h100.Dockerfile, instruction by instruction, in a folder in place of an image."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.checkout import ROOT, copy_checkout
from tests.interpreters import interpreters
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve

DOCKERFILE = ROOT / "docs/ci/h100.Dockerfile"
KNOWN = {"FROM", "COPY", "RUN", "WORKDIR", "ENV", "HEALTHCHECK"}
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform != "linux", reason="images are of Linux"),
    pytest.mark.skipif(
        "3.12" not in interpreters(), reason="NOT RUN: its base image has Python 3.12, which is not here"
    ),
]


def instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Every instruction and what follows it; no line of ours goes on in the next one."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            assert word in KNOWN and not rest.endswith("\\")
            yield word, rest


@dataclass
class Image:
    """A folder that stands for the root of an image.

    Attributes:
        root: its paths are those of the image, below this.
        environ: what ENV has set, and what this machine has instead of a base image.
        place: the WORKDIR.
        check: the command of HEALTHCHECK.
    """

    root: Path
    environ: dict[str, str]
    place: Path = field(init=False)
    check: str = ""

    def __post_init__(self) -> None:
        self.place = self.root

    def inside(self, text: str) -> str:
        """With every path of the image below the folder."""
        return re.sub(r"(?<![\w.$])/(?=opt|app|src)", f"{self.root}/", text)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", self.inside(command)],
            cwd=self.place,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, path: Path) -> Iterator[tuple[str, subprocess.CompletedProcess[str]]]:
        """Each RUN, after what stands before it."""
        for word, rest in instructions(path):
            if word == "RUN":
                yield rest, self.run(rest)
            elif word == "COPY" and rest.startswith("--from"):
                source, target = (Path(self.inside(name)) for name in rest.split()[1:])
                assert source == target and source.is_dir()
            elif word == "COPY":
                copy_checkout(Path(self.inside(rest.split()[1])))
            elif word == "WORKDIR":
                self.place = Path(self.inside(rest))
                self.place.mkdir()
            elif word == "ENV":
                name, _, value = rest.partition("=")
                self.environ[name] = self.inside(value).replace("$PATH", self.environ["PATH"])
            elif word == "HEALTHCHECK":
                self.check = rest.removeprefix("CMD ")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("stand-ins")
    build_wheels(folder / "wheels")
    build_index(folder / "wheels", folder / "site")
    with serve(folder / "site") as root:
        yield f"{root}/simple/"


@pytest.fixture
def image(tmp_path: Path, index: str) -> Image:
    """With the Python of the base image, and an index of stand-ins for variantctl; pip asks its own."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "python").symlink_to(interpreters()["3.12"])
    kept = (
        "HOME",
        "LANG",
        "SSL_CERT_FILE",
        "HTTPS_PROXY",
        "PIP_CONFIG_FILE",
        "PIP_INDEX_URL",
        "PIP_FIND_LINKS",
    )
    environ = {name: os.environ[name] for name in kept if name in os.environ}
    environ |= {"PATH": f"{base}:/usr/bin:/bin", "VARIANTCTL_INDEX_URL": index}
    environ |= {"VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    (tmp_path / "image/opt").mkdir(parents=True)
    return Image(tmp_path / "image", environ)


def test_every_instruction_can_be_done_on_a_host_without_a_gpu(image: Image) -> None:
    for command, done in image.build(DOCKERFILE):
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    told = image.run("/opt/tool/bin/variantctl list -p /app --json")
    labels = {each["name"]: each["label"] for each in json.loads(told.stdout)["packages"]}
    assert labels["torch"] == "cuda12.8"
    assert "cuda12.8" in image.run("python -c 'import torch; print(torch.variant)'").stdout
    # On this host it must not be called healthy: there is no H100.
    health = image.run(image.check)
    assert health.returncode == 1 and "torch" in health.stdout
    # Nothing stays of the cache: the environment is all that the image has.
    assert not list((image.root / "src").glob("*.whl")) and (image.root / "src/pylock.toml").is_file()


def test_the_build_fails_where_there_is_no_build_for_the_gpu(image: Image, tmp_path: Path) -> None:
    # The tool of this checkout, so that pip is not asked again.
    venv.create(image.root / "opt/tool", with_pip=False)
    tool = image.root / "opt/tool/bin/variantctl"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m variantctl "$@"\n')
    tool.chmod(0o755)
    changed = tmp_path / "Dockerfile"
    text = DOCKERFILE.read_text(encoding="utf-8").replace("--profile h100", "--profile tpu-v6e")
    changed.write_text(re.sub(r"RUN python -m venv /opt/tool.*\n", "", text))
    outcomes = {command: done for command, done in image.build(changed) if "variantctl lock" in command}
    (done,) = outcomes.values()
    assert done.returncode == 1 and "tpu" in done.stderr


def test_the_page_shows_the_same_file() -> None:
    page = (ROOT / "docs/container.md").read_text(encoding="utf-8")
    assert f"```dockerfile\n{DOCKERFILE.read_text(encoding='utf-8')}```" in page
