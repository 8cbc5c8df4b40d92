"""Installing, beside uv and pip: one large wheel and an application of some 90, cold, warm, and not at all.

``python -m tests.benchmarks installing --runs 5`` prints every case. All three tools use one index on
loopback, each its own cache, on one file system; every counted run is into an environment that was made anew.
The wheels come once from what pip is configured for, and are kept in the system's temporary folder, where
20 GB should be free. VARIANTCTL_BENCHMARK_CUDA=1 adds the torch of PyPI with its CUDA libraries: 3 GB more to
download, and 15 GB of room. Our modules are compiled first, as an installer does it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.compare import Case
from tests.benchmarks.server import serving

TORCH, APPLICATION = "torch==2.13.0", "jupyterlab"
#: PyPI's torch with NVIDIA's libraries: 29 wheels, 2.9 GB.
CUDA_STACK = "torch==2.14.1"
BIN = Path(sys.executable).parent
_PEERS = ("uv", "pip")


def cases() -> Iterator[Case]:
    """The rows of the table in docs/performance.md."""
    kept = Path(tempfile.gettempdir()) / "variantctl-benchmark-wheels"
    site = _site(kept, (("--no-deps", "--no-index", TORCH), (APPLICATION,)))
    subprocess.run([sys.executable, "-m", "compileall", "-q", *_our_packages()], check=True)
    stack = ExitStack()
    atexit.register(stack.close)
    work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="variantctl-benchmark-")))
    bench = Bench(work, stack.enter_context(serving(site)) + "/simple/")
    torch = [TORCH, "--no-deps"]
    yield bench.case("torch, warm", torch, cold=False, targets={"uv": 1.1})
    yield bench.case("torch, cold", torch, cold=True, targets={"uv": 1.2, "pip": 0.25}, most_megabytes=150)
    yield bench.case(f"{APPLICATION}, warm", [APPLICATION], cold=False, targets={"uv": 1.3, "pip": 0.2})
    yield bench.case(f"{APPLICATION}, cold", [APPLICATION], cold=True, targets={"uv": 1.5})
    if os.environ.get("VARIANTCTL_BENCHMARK_CUDA"):
        stack_site = _site(kept / "cuda", ((CUDA_STACK,),))
        cuda = Bench(work / "cuda", stack.enter_context(serving(stack_site)) + "/simple/")
        yield cuda.case(f"{CUDA_STACK} with CUDA, cold", [CUDA_STACK], cold=True, targets={"uv": 1.1})
    yield bench.case(
        f"{APPLICATION}, nothing to do", [APPLICATION], cold=False, fresh=False, targets={"uv": 1.5}
    )


class Bench:
    """Where the tools work: an environment and a cache for each, below one folder."""

    def __init__(self, work: Path, index_url: str) -> None:
        self._work = work
        self._index_url = index_url
        self._away = 0

    def case(
        self,
        name: str,
        arguments: list[str],
        *,
        cold: bool,
        fresh: bool = True,
        targets: dict[str, float] | None = None,
        most_megabytes: float | None = None,
    ) -> Case:
        """One row: ``cold`` empties the cache before each run, ``fresh`` makes the environment anew."""
        return Case(
            name=f"installing: {name}",
            ours=self._command("variantctl", arguments),
            peers={peer: self._command(peer, arguments) for peer in _PEERS},
            targets=targets or {},
            most_megabytes=most_megabytes,
            warm_up=not cold,
            prepare=self._preparation(cold=cold, fresh=fresh),
            environment={
                key: value
                for key, value in os.environ.items()
                if not key.startswith("UV_") and key != "PYTHONDONTWRITEBYTECODE"
            },
        )

    def _command(self, tool: str, arguments: list[str]) -> list[str]:
        python = str(self._python(tool))
        common = ["--index-url", self._index_url, "--cache-dir", str(self._cache(tool)), *arguments]
        if tool == "pip":
            return [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *common]
        program = [str(BIN / "uv"), "pip"] if tool == "uv" else [str(BIN / "variantctl")]
        return [*program, "install", "--quiet", "--python", python, *common]

    def _preparation(self, *, cold: bool, fresh: bool) -> Callable[[str], None]:
        def prepare(tool: str) -> None:
            if cold:
                self._put_away(self._cache(tool))
            if fresh or not self._python(tool).exists():
                self._make_environment(tool)
            # What the last run wrote must not be written during this one.
            os.sync()

        return prepare

    def _make_environment(self, tool: str) -> None:
        template = self._work / "template"
        if not template.exists():
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", template], check=True)
        environment = self._work / tool / "environment"
        self._put_away(environment)
        shutil.copytree(template, environment, symlinks=True)

    def _put_away(self, folder: Path) -> None:
        """Out of the way, but not deleted: ext4 searches long for inodes among those that were just freed."""
        if folder.exists():
            self._away += 1
            folder.rename(self._work / f"away-{self._away}")

    def _cache(self, tool: str) -> Path:
        return self._work / tool / "cache"

    def _python(self, tool: str) -> Path:
        return self._work / tool / "environment" / "bin" / "python"


def _our_packages() -> Iterator[str]:
    """What an editable installation leaves uncompiled where PYTHONDONTWRITEBYTECODE is set."""
    for name in ("variantctl", "variant_index", "variant_providers"):
        spec = find_spec(name)
        yield from (spec.submodule_search_locations or ()) if spec is not None else ()


def _site(kept: Path, downloads: Iterable[Iterable[str]]) -> Path:
    """A static index of what pip downloads, made once."""
    wheels, site = kept / "wheels", kept / "site"
    if not (site / "simple" / "index.json").exists():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"]
        for words in downloads:
            subprocess.run([*download, "--dest", str(wheels), *words], check=True)
        subprocess.run([BIN / "variantctl", "index", "build", "--quiet", wheels, "-o", site], check=True)
    return site
