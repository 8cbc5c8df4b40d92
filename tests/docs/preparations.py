"""What the documentation takes for granted: an index, wheels, projects, a bucket."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import copy_checkout
from tests.cli.test_sources import project as source_tree
from tests.index.object_store import object_store
from variantctl.backends.tables import shipped_table
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ground:
    """Where the blocks of one page run.

    Attributes:
        folder: their working folder.
        wheels: the stand-in wheels that the index has.
        stack: closes what is opened, when the page has ended.
    """

    folder: Path
    wheels: Path
    stack: ExitStack


def _programs(folder: Path) -> Path:
    """A folder for PATH: variantctl, Python and uv as they are here; pip is that of an environment."""
    folder.mkdir()
    scripts = Path(sys.executable).parent
    for name, command in {
        "variantctl": [sys.executable, "-m", "variantctl"],
        "python": [sys.executable],
        "python3": [sys.executable],
        "uv": [str(scripts / "uv")],
        "pytest": [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
    }.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    return folder


def environment_of(folder: Path, index: str) -> dict[str, str]:
    """The variables of a shell that has the index below `folder`, and nothing of whoever runs the tests."""
    kept = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE", "HTTPS_PROXY") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "PATH": f"{folder / 'work/.venv/bin'}:{_programs(folder / 'programs')}:/usr/bin:/bin",
        "VARIANTCTL_INDEX_URL": index,
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "UV_NO_CONFIG": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _environment(ground: Ground) -> Mapping[str, str]:
    """`.venv`, without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ground.folder / ".venv"], check=True)
    return {}


def _environment_with_pip(ground: Ground) -> Mapping[str, str]:
    """`.venv`, with pip, as `python3 -m venv` makes it."""
    subprocess.run([sys.executable, "-m", "venv", ground.folder / ".venv"], check=True)
    return {}


def _checkout(ground: Ground) -> Mapping[str, str]:
    """The working folder is a checkout of variantctl."""
    copy_checkout(ground.folder)
    return {}


def _wheels(ground: Ground) -> Mapping[str, str]:
    """`wheels/` and `dist/` have wheels with variants and without."""
    for name in ("wheels", "dist"):
        shutil.copytree(ground.wheels, ground.folder / name)
    return {}


def _thing(ground: Ground) -> Mapping[str, str]:
    """`dist/` has one ordinary wheel of thing 1.0."""
    build_wheel(ground.folder / "dist", name="thing", version="1.0", files={"thing.py": b"\n"})
    return {}


def _two_builds(ground: Ground) -> Mapping[str, str]:
    """`dist/v3` and `dist/null` have a build each of thing 1.0."""
    for name in ("v3", "null"):
        build_wheel(ground.folder / "dist" / name, name="thing", version="1.0", files={"thing.py": b"\n"})
    return {}


def _two_names(ground: Ground) -> Mapping[str, str]:
    """`names/` has acme 1.0 as two distributions, which are imported by the same name."""
    for name in ("acme-cu12", "acme-cpu"):
        build_wheel(ground.folder / "names", name=name, version="1.0", files={"acme.py": b"\n"})
    return {}


def _library(ground: Ground) -> Mapping[str, str]:
    """`build/libthing.so` is a shared library."""
    (ground.folder / "build").mkdir()
    (ground.folder / "thing.c").write_text("int thing(void) { return 1; }\n")
    command = ["cc", "-shared", "-fPIC", "-o", "build/libthing.so", "thing.c"]
    subprocess.run(command, cwd=ground.folder, check=True)
    return {}


def _project(ground: Ground) -> Mapping[str, str]:
    """A project with an extra `gpu` and the groups `dev` and `docs`; `lib/` is another one."""
    source_tree(ground.folder / "lib", "lib")
    made = source_tree(ground.folder / "made")
    for path in made.iterdir():
        shutil.move(path, ground.folder / path.name)
    made.rmdir()
    with (ground.folder / "pyproject.toml").open("a") as file:
        file.write(
            '\n[project]\nname = "thing"\nversion = "1.0"\ndependencies = ["torch"]\n'
            '[project.optional-dependencies]\ngpu = ["triton"]\n'
            '[dependency-groups]\ndev = ["helper"]\ndocs = ["helper"]\n'
        )
    return {}


def _node(ground: Ground) -> Mapping[str, str]:
    """`my-cluster.toml` is a profile."""
    shipped = ROOT / "variantctl/providers/data/mi300x.toml"
    text = shipped.read_text(encoding="utf-8").replace('name = "mi300x"', 'name = "my-cluster"')
    (ground.folder / "my-cluster.toml").write_text(text, encoding="utf-8")
    return {}


def _cluster(ground: Ground) -> Mapping[str, str]:
    """`kubectl` and `scontrol`, which print what those of a cluster do."""
    programs = ground.folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for name, printed in {"kubectl": "nodes.json", "scontrol": "scontrol.txt"}.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\nexec cat '{ROOT / 'fixtures' / 'clusters' / printed}'\n")
        program.chmod(0o755)
    return {}


def _bucket(ground: Ground) -> Mapping[str, str]:
    """An object store with the bucket `my-bucket`."""
    store = ground.stack.enter_context(object_store())
    store.bucket("my-bucket")
    return store.environ


def _backends(ground: Ground) -> Mapping[str, str]:
    """Indexes for each accelerator, as PyTorch has them, in the place of PyTorch's; `whl/` has the files."""
    for backend in ("cpu", "cu128"):
        folder = ground.folder / "whl" / backend
        names = []
        for name in ("torch", "torchvision"):
            wheel = build_wheel(
                folder,
                name=name,
                version=f"2.10.0+{backend}",
                files={f"{name}.py": b"\n"},
                requires=["torch"] if name == "torchvision" else [],
            )
            (folder / name).mkdir()
            wheel = wheel.rename(folder / name / wheel.name)
            link = f'<a href="{wheel.name.replace("+", "%2B")}">{wheel.name}</a>\n'
            (folder / name / "index.html").write_text(link)
            names.append(f'<a href="{name}/">{name}</a>\n')
        (folder / "index.html").write_text("".join(names))
    root = ground.stack.enter_context(serve(ground.folder / "whl"))
    return {"VARIANTCTL_PYTORCH_URL": root, "INDEXES": root}


def _table(ground: Ground) -> Mapping[str, str]:
    """`pytorch.toml`, newer than the one that is shipped, with its checksum beside it."""
    lines = shipped_table("pytorch").decode().splitlines(keepends=True)
    table = "".join('version = "2099.1.1"\n' if line.startswith("version =") else line for line in lines)
    (ground.folder / "pytorch.toml").write_text(table, encoding="utf-8")
    digest = hashlib.sha256(table.encode()).hexdigest()
    (ground.folder / "pytorch.toml.sha256").write_text(f"{digest}  pytorch.toml\n")
    return {}


PREPARATIONS: Mapping[str, Callable[[Ground], Mapping[str, str]]] = {
    "kubectl and scontrol": _cluster,
    "an environment": _environment,
    "an environment with pip": _environment_with_pip,
    "a checkout": _checkout,
    "wheels": _wheels,
    "the wheel of thing": _thing,
    "two builds of thing": _two_builds,
    "a library": _library,
    "a project": _project,
    "a profile of a cluster": _node,
    "a bucket": _bucket,
    "a newer table": _table,
    "indexes for each accelerator": _backends,
    "one package under two names": _two_names,
}
