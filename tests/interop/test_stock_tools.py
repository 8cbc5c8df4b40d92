"""One index, one machine, six tools: variantctl, uv with and without variants, pip, poetry and pdm.

The four that know nothing of variants go through the proxy, and through a flattened tree. Each must install
what variantctl and uv choose on the same index.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.interop import tool_environments
from tests.interop.test_uv_choice import METADATA
from variantctl.cli import main
from variantctl.serving.files import Folder
from variantctl.serving.http_server import listening
from variantctl.wheels.build import build_wheel

MACHINES = {"hopper": ("12.8", "9.0", "cuda12.8"), "blackwell": ("13.0", "12.0", "cuda13.0")}
"""Name -> driver's CUDA version, compute capability, the label to be installed."""
STOCK = ("pip", "uv", "poetry", "pdm")
SEE_LABELS = "import kernels, marked; print(kernels.label, marked.label)"
SEE_REQUIRES = "from importlib.metadata import requires; print(requires('marked'))"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``kernels`` is what uv can choose too; ``marked`` has variant markers, and needs what they name."""
    folder = tmp_path_factory.mktemp("site")
    wheels = folder / "wheels"
    for label in METADATA.variants:
        files = f"label = {label!r}\n".encode()
        build_wheel(
            wheels, name="kernels", version="1.0", label=label, metadata=METADATA, files={"kernels.py": files}
        )
        build_wheel(
            wheels,
            name="marked",
            version="1.0",
            label=label,
            metadata=METADATA,
            files={"marked.py": files},
            requires=["gpu-helper; 'nvidia' in variant_namespaces", "cpu-helper; variant_label == 'null'"],
        )
    for name in ("gpu-helper", "cpu-helper"):
        build_wheel(wheels, name=name, version="1.0")
    build_index(wheels, folder / "out")
    profiles = []
    for name, (cuda, capability, _) in MACHINES.items():
        profiles.append(str(folder / f"{name}.toml"))
        Path(profiles[-1]).write_text(
            f'format = 1\nname = "{name}"\n'
            f'[nvidia]\ncuda_driver = "{cuda}"\ncompute_capabilities = ["{capability}"]\n'
        )
    assert main(["index", "flatten", str(folder / "out"), *profiles]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[str]:
    with listening(Folder(site)) as address:
        yield address.url


def environment(tmp_path: Path, machine: str) -> dict[str, str]:
    """A clean one, with the two variables that make a machine up for uv and for variantctl."""
    dropped = ("PIP_", "UV_", "POETRY_", "PDM_", "VARIANTCTL_", "VIRTUAL_ENV", "NV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    cuda, capability, _ = MACHINES[machine]
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "POETRY_CACHE_DIR": str(tmp_path / "poetry"),
        "POETRY_VIRTUALENVS_IN_PROJECT": "true",
        "POETRY_KEYRING_ENABLED": "false",
        "PDM_CACHE_DIR": str(tmp_path / "pdm"),
        "PDM_CHECK_UPDATE": "0",
        "VARIANTCTL_CACHE_DIR": str(tmp_path / "variantctl"),
        "VARIANTCTL_CONFIG_FILE": os.devnull,
        "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": cuda,
        "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": capability,
    }


class Project:
    """A folder with a virtual environment, and tools that install into it."""

    def __init__(self, folder: Path, environ: dict[str, str], config: pytest.Config) -> None:
        self.folder = folder
        self.environ = environ
        self.config = config
        self.python = folder / ".venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / ".venv")], check=True)

    def run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def command(self, tool: str, url: str | None) -> list[str]:
        """What installs both packages; *url* is the index, ``None`` where the environment says it."""
        index = ["--index-url", url] if url else []
        if tool == "pip":
            return [
                sys.executable,
                "-m",
                "pip",
                "--python",
                str(self.python),
                "install",
                *index,
                "kernels",
                "marked",
            ]
        if tool == "uv":
            uv = [sys.executable, "-m", "uv", "pip", "install", "--python", str(self.python)]
            return [*uv, *index, "kernels", "marked"]
        self._write_project(tool, url)
        command = [str(tool_environments.executable(tool, self.config)), "install"]
        return [*command, "--no-interaction"] if tool == "poetry" else command

    def _write_project(self, tool: str, url: str | None) -> None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        text = (
            f'[project]\nname = "x"\nversion = "1"\nrequires-python = "~={version}.0"\n'
            'dependencies = ["kernels", "marked"]\n[tool.poetry]\npackage-mode = false\n'
            "[tool.pdm]\ndistribution = false\n"
        )
        if tool == "poetry":
            text += f'[[tool.poetry.source]]\nname = "variants"\npriority = "primary"\nurl = "{url}"\n'
        elif url:
            text += f'[[tool.pdm.source]]\nname = "pypi"\nurl = "{url}"\n'
        (self.folder / "pyproject.toml").write_text(text)

    def check(self, label: str) -> None:
        """Both are of the one build, what it needs is there, and the METADATA can be read by anybody."""
        assert self.run([str(self.python), "-c", SEE_LABELS]).split() == [label, label]
        assert self.run([str(self.python), "-c", SEE_REQUIRES]).strip() == "['gpu-helper']"
        uv = [sys.executable, "-m", "uv", "pip", "check", "--python", str(self.python)]
        self.run(uv)


@pytest.fixture
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def project(tmp_path: Path, machine: str, pytestconfig: pytest.Config) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, environment(tmp_path, machine), pytestconfig)


def cases(*tools: str) -> list[object]:
    """pip and uv on both machines; poetry and pdm, which take their time, on one."""
    found: list[object] = []
    for tool in tools:
        marks = [pytest.mark.network] if tool in ("poetry", "pdm") else []
        machines = list(MACHINES)[: 1 if marks else None]
        found += [pytest.param(tool, machine, marks=marks) for machine in machines]
    return found


@pytest.mark.parametrize(("tool", "machine"), cases(*STOCK), indirect=["machine"])
def test_through_the_proxy(project: Project, server: str, tool: str, machine: str) -> None:
    ours = [sys.executable, "-m", "variantctl", "proxy", "-i", f"{server}/simple/", "-p", str(project.python)]
    if tool == "poetry":
        # poetry's sources are in its project: the port has to be known.
        import socket

        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        ours += ["--port", str(port)]
        command = project.command(tool, f"http://127.0.0.1:{port}/simple/")
    else:
        command = project.command(tool, None)
    project.run([*ours, "--", *command])
    project.check(MACHINES[machine][2])


@pytest.mark.parametrize(("tool", "machine"), cases(*STOCK), indirect=["machine"])
def test_through_a_flattened_tree(project: Project, server: str, tool: str, machine: str) -> None:
    project.run(project.command(tool, f"{server}/simple-{machine}/"))
    project.check(MACHINES[machine][2])


@pytest.mark.parametrize("machine", MACHINES, indirect=True)
def test_variantctl_and_uv_with_variants(project: Project, server: str, machine: str) -> None:
    label = MACHINES[machine][2]
    index = ["--index-url", f"{server}/simple/"]
    project.run(
        [
            sys.executable,
            "-m",
            "variantctl",
            "install",
            "-p",
            str(project.python),
            *index,
            "kernels",
            "marked",
        ]
    )
    assert project.run([str(project.python), "-c", SEE_LABELS]).split() == [label, label]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--preview-features", "wheel-variants"]
    # uv cannot read the variant markers of 'marked'.
    target = project.folder / "theirs"
    project.run([*uv, "--python", str(project.python), "--target", str(target), *index, "kernels"])
    assert repr(label) in (target / "kernels.py").read_text()
