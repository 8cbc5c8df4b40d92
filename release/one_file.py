"""``python -m release.one_file WHEEL... -o variantctl.pyz``: variantctl and all that it needs in one file.

It runs on every Python from 3.10 on, on every system, without pip: what is compiled is left out. It is a zip
file with a ``__main__.py`` (PEP 441). The same wheels make the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LEFT_OUT = ("backports-zstd", "isal")
"""Compiled as a whole. variantctl does without them: zlib is slower, and packed code of AMD is not read."""

SYSTEMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
MINORS = range(10, 15)
COMPILED = (".so", ".pyd", ".dylib", ".dll")
_OF_THE_INSTALLER = ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json")
"""They say where and how something was installed, which here was a temporary folder."""
_BEGIN = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def build(wheels: Sequence[Path], output: Path) -> None:
    """Write the file.

    Args:
        wheels: those of both distributions; what they need comes from the configured index.
        output: where to.

    Raises:
        SystemExit: if a package cannot be had, or consists of compiled code alone.
    """
    with tempfile.TemporaryDirectory(prefix="variantctl-one-file-") as name:
        folder = Path(name) / "packages"
        _install([str(wheel) for wheel in wheels], folder, Path(name))
        files = dict(_files(folder))
    content = hashlib.sha256(
        b"".join(name.encode() + hashlib.sha256(data).digest() for name, data in files.items())
    ).hexdigest()
    bootstrap = (Path(__file__).parent / "bootstrap.py").read_bytes()
    files["__main__.py"] = bootstrap.replace(b"@CONTENT@", content[:20].encode())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(_BEGIN + _archive(files))
    output.chmod(0o755)


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A zip file that knows nothing of the line before it: install.sh replaces that, by any length."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _install(wanted: list[str], folder: Path, work: Path) -> None:
    """Install until nothing is missing on any of the Pythons and systems that the file is for."""
    overrides = work / "overrides.txt"
    overrides.write_text("".join(f'{name}; python_version < "3"\n' for name in LEFT_OUT))
    while True:
        command = [sys.executable, "-m", "variantctl", "install", "--quiet", "--no-backends", "--no-variants"]
        command += ["--override", str(overrides), "--target", str(folder), *wanted]
        if subprocess.run(command, check=False).returncode:
            sys.exit("error: what variantctl needs could not be installed")
        there = {canonicalize_name(found["Name"]): found for found in _metadata(folder)}
        missing = _needed(there.values()) - there.keys() - set(LEFT_OUT)
        if not missing:
            return
        wanted = [*wanted, *sorted(missing)]


def _metadata(folder: Path) -> Iterator[Message]:
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        yield BytesHeaderParser().parsebytes(path.read_bytes())


def _needed(distributions: Iterable[Message]) -> set[str]:
    found: set[str] = set()
    for each in distributions:
        for text in each.get_all("Requires-Dist", []):
            requirement = Requirement(text)
            if requirement.marker is None or any(map(requirement.marker.evaluate, _machines())):
                found.add(canonicalize_name(requirement.name))
    return found


def _machines() -> Iterator[dict[str, str]]:
    for minor in MINORS:
        for system in SYSTEMS:
            version = {"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0"}
            yield {**system, **version, "extra": "", "implementation_name": "cpython"}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (
            path.is_dir()
            or "__pycache__" in name
            or name.startswith("bin/")
            or path.name in _OF_THE_INSTALLER
        ):
            continue
        if path.suffix in COMPILED:
            # "_speedups.cpython-311-x86_64-linux-gnu.so": the package has to have the same in Python.
            if not list(path.parent.glob("*.py")):
                sys.exit(f"error: {name} has nothing beside it that runs without it")
            continue
        if path.suffix in (".c", ".pyi"):
            continue
        yield name, path.read_bytes()


def main() -> int:
    """Build it, and say how large it is and what its hash is."""
    parser = argparse.ArgumentParser(prog="python -m release.one_file", description=__doc__)
    parser.add_argument("wheels", nargs="+", type=Path, help="the wheels of variantctl and variant-providers")
    parser.add_argument("-o", "--output", type=Path, default=Path("variantctl.pyz"))
    parser.add_argument(
        "--from", dest="url", metavar="URL", help="write install.sh beside it, which takes it there"
    )
    args = parser.parse_args()
    build(args.wheels, args.output)
    data = args.output.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    print(f"{args.output}: {len(data) / 1e6:.1f} MB, sha256 {found}")
    if args.url is not None:
        write_script(args.output.with_name("install.sh"), args.url, found)
    return 0


def write_script(path: Path, url: str, sha256: str) -> None:
    """Write the script that installs the file of this hash from this place."""
    text = (Path(__file__).parent / "install.sh").read_text(encoding="utf-8")
    path.write_text(text.replace("@FROM@", url).replace("@SHA256@", sha256), encoding="utf-8")
    path.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main())
