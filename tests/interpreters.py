"""The suite's quick part on every Python of this machine: ``python -m tests.interpreters [VERSION...]``.

It runs against the wheels of both distributions, not against the checkout, so that a file that a wheel lacks
is missed. The interpreter that runs this is left out: it has the whole suite.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
OLDEST = (3, 10)

QUICK = (
    "tests/variants",
    "tests/requirements/test_requirement.py",
    "tests/select/test_ranking.py",
    "tests/wheels/test_build.py",
    "tests/wheels/test_metadata.py",
    "tests/wheels/test_inflate.py",
    "tests/config/test_settings.py",
    "tests/plugins/test_tpu.py",
    "tests/plugins/test_values.py",
    "tests/providers/test_algorithm.py",
    "tests/test_values.py",
)
"""What depends on the interpreter most, and takes less than a minute of it: the standard, wheels, values."""

NEEDED = (
    "pip",
    "pytest>=8.3",
    "hypothesis>=6.120",
    "pytest-xdist>=3.6",
    "jsonschema>=4.23",
    "variantlib>=0.2,<0.3",
)
COPIED = ("tests", "fixtures", "docs", "vectors", "pyproject.toml", "README.md")


def interpreters(environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Version (``3.12``) -> an interpreter of it that works, from PATH and from pyenv; 3.10 and newer."""
    found: dict[str, Path] = {}
    for path in _candidates(environ):
        version = _version(path)
        if version is not None and version >= OLDEST:
            found.setdefault(".".join(map(str, version)), path)
    return dict(sorted(found.items(), key=lambda item: tuple(map(int, item[0].split(".")))))


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    root = Path(environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(root.glob("versions/3.*/bin/python3"), reverse=True)
    for minor in range(OLDEST[1], 30):
        named = shutil.which(f"python3.{minor}", path=environ.get("PATH"))
        if named is not None:
            yield Path(named)


def _version(python: Path) -> tuple[int, int] | None:
    """The version of a CPython; ``None`` for what does not run (a shim of pyenv, for one) or is another."""
    script = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-c", script], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = re.fullmatch(r"cpython (\d+) (\d+)\s*", done.stdout)
    return None if said is None else (int(said[1]), int(said[2]))


def build_wheels(folder: Path) -> list[Path]:
    """Build both distributions as ``python -m build`` does: each wheel from its source distribution."""
    for source in (REPOSITORY, REPOSITORY / "plugins"):
        command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(folder), str(source)]
        _run(command, cwd=folder)
    return sorted(folder.glob("*.whl"))


def run_quick_tests(version: str, python: Path, wheels: Sequence[Path], folder: Path) -> str | None:
    """Run the quick part in an environment of its own; what went wrong, or ``None``."""
    environment = folder / f"env-{version}"
    uv = [sys.executable, "-m", "uv"]
    try:
        _run([*uv, "venv", "--quiet", "--python", str(python), str(environment)])
        own = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        _run([*uv, "pip", "install", "--quiet", "--python", str(own), *map(str, wheels), *NEEDED])
    except subprocess.CalledProcessError as error:
        return f"the environment could not be made:\n{error.stderr}"
    # Random tests take long, and give up where a machine is busy: the whole suite has them.
    options = ["-q", "-x", "-n", "2", "-p", "no:cacheprovider", "-m", "not hypothesis"]
    command = [str(own), "-m", "pytest", *options, *QUICK]
    done = subprocess.run(command, cwd=folder / "checkout", capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout[-6000:] + done.stderr[-2000:]


def copy_tests(folder: Path) -> None:
    """The tests without the packages that they test, so that those of the wheels are imported."""
    for name in COPIED:
        source, target = REPOSITORY / name, folder / "checkout" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    shutil.copytree(
        REPOSITORY / "plugins", folder / "checkout/plugins", ignore=shutil.ignore_patterns("*.py")
    )


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)


def main() -> int:
    """Run the tests, a line for each interpreter; 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.interpreters", description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="such as 3.12; by default all others")
    wanted = parser.parse_args().versions
    here = ".".join(map(str, sys.version_info[:2]))
    found = interpreters()
    chosen = {
        version: path for version, path in found.items() if (version in wanted if wanted else version != here)
    }
    if not chosen:
        print(f"no other Python from 3.10 on is here: the tests ran on {here} alone")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="variantctl-interpreters-") as name:
        folder = Path(name)
        wheels = build_wheels(folder)
        copy_tests(folder)
        for version, path in chosen.items():
            start = time.monotonic()
            trouble = run_quick_tests(version, path, wheels, folder)
            failed = failed or trouble is not None
            outcome = "passed" if trouble is None else f"FAILED\n{trouble}"
            print(f"Python {version}: {outcome} ({time.monotonic() - start:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
