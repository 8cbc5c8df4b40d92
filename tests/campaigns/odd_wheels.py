"""Wheels as people published them: each installed by us and by pip, and judged by what it says of itself.

Every refusal is to be right: what pip installs and we refuse is a failure, with our reason. What is installed
is judged by RECORD (each row's file, hash and size; no file beside it), by METADATA (name and version) and by
entry points (a script for each), and its files are compared with pip's, byte for byte.

The wheels are those of the folders in ``VARIANTCTL_CAMPAIGN_WHEELS`` (with ``:`` between them, as ``PATH``
has it); where it is not set, those of ``projects.txt``, which pip downloads once into ``build/odd-wheels``.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

from packaging.tags import sys_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from tests.campaigns.report import Report
from variantctl.cli import app

ROOT = Path(__file__).parents[2]
VARIABLE = "VARIANTCTL_CAMPAIGN_WHEELS"
PROJECTS = Path(__file__).with_name("projects.txt")
#: In bytes: what is larger takes a minute of both, and says nothing more.
_LARGEST = 60 << 20
#: Files that say who installed: each has its own.
_OF_INSTALLERS = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "provenance_url.json")


@dataclass(frozen=True)
class Installed:
    """What an installer did: the folder, or why there is none."""

    folder: Path
    refusal: str = ""


def run(cases: int, seed: int, folder: Path, wheels: Sequence[Path] = ()) -> Report:
    """Draw wheels for this interpreter, and install each."""
    report = Report("wheels beside pip", seed)
    tags = frozenset(sys_tags())
    fitting = [wheel for wheel in wheels or _found() if tags & _tags(wheel)]
    for wheel in random.Random(seed).sample(fitting, min(cases, len(fitting))):
        for name in ("ours", "pips"):
            shutil.rmtree(folder / name, ignore_errors=True)
        _judge(wheel, _by_us(wheel, folder / "ours"), _by_pip(wheel, folder / "pips"), report)
    return report


def _found() -> list[Path]:
    named = os.environ.get(VARIABLE)
    folders = [Path(each) for each in named.split(os.pathsep)] if named else [_downloaded()]
    found = (wheel for folder in folders for wheel in folder.rglob("*.whl"))
    by_name = {wheel.name: wheel for wheel in found if wheel.stat().st_size <= _LARGEST}
    return [by_name[name] for name in sorted(by_name)]


def _downloaded() -> Path:
    folder = ROOT / "build/odd-wheels"
    if not folder.is_dir():
        half = folder.with_name("odd-wheels.half")
        command = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", str(half)]
        subprocess.run([sys.executable, "-m", "pip", *command, "-r", str(PROJECTS)], check=True)
        half.rename(folder)
    return folder


def _tags(wheel: Path) -> frozenset[object]:
    with contextlib.suppress(ValueError):
        return frozenset(parse_wheel_filename(wheel.name)[3])
    return frozenset()


def _by_us(wheel: Path, folder: Path) -> Installed:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = app.run(
            ["install", "--no-deps", "--no-index", "--no-cache", "--target", str(folder), str(wheel)]
        )
    return Installed(folder, said.getvalue().strip() if code else "")


def _by_pip(wheel: Path, folder: Path) -> Installed:
    command = ["install", "--quiet", "--no-deps", "--no-index", "--no-compile", "--target", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", *command, str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    return Installed(folder, done.stderr.strip() if done.returncode else "")


def _judge(wheel: Path, ours: Installed, pips: Installed, report: Report) -> None:
    if ours.refusal:
        if pips.refusal:
            report.count("refused by both")
        else:
            report.fail("refused by us alone", f"{wheel}\n      {ours.refusal[-600:]}")
        return
    problems = [*_problems(wheel, ours.folder)]
    if pips.refusal:
        report.count("refused by pip alone")
    else:
        problems += _differences(_files(ours.folder), _files(pips.folder))
    if problems:
        report.fail("not as it should be", "\n      ".join([str(wheel), *problems[:8]]))
    elif not pips.refusal:
        report.count("the same as by pip")


def _problems(wheel: Path, folder: Path) -> Iterator[str]:
    """What is not as the wheel says."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    infos = sorted(folder.glob("*.dist-info"))
    if len(infos) != 1:
        yield f"{len(infos)} metadata folders"
        return
    (info,) = infos
    found = PathDistribution(info)
    if canonicalize_name(found.metadata["Name"]) != name or Version(found.version) != version:
        yield f"METADATA says {found.metadata['Name']} {found.version}"
    yield from _record_problems(folder, info)
    yield from _script_problems(folder, found)


def _record_problems(folder: Path, info: Path) -> Iterator[str]:
    rows = {row[0]: row[1:] for row in csv.reader((info / "RECORD").open(encoding="utf-8", newline=""))}
    for path, (digest, size) in rows.items():
        file = folder / path
        if not file.is_file():
            yield f"{path} is in RECORD, and not there"
            continue
        content = file.read_bytes()
        if digest and digest != f"sha256={_sha256(content)}":
            yield f"{path} is not as RECORD has it"
        if size and int(size) != len(content):
            yield f"{path} has another size than in RECORD"
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    yield from (f"{path} is in no RECORD" for path in sorted(there - rows.keys()))


def _script_problems(folder: Path, found: Distribution) -> Iterator[str]:
    for point in found.entry_points:
        if point.group in ("console_scripts", "gui_scripts") and not (folder / "bin" / point.name).is_file():
            yield f"there is no script {point.name}"


def _files(folder: Path) -> dict[str, str]:
    """Path -> digest; of what installers write themselves, and of scripts, that it is there."""
    found = {}
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        is_installers = inside.parts[0].endswith(".dist-info") and path.name in _OF_INSTALLERS
        # pip gives itself one more script, which its wheel does not ask for.
        is_installers = is_installers or inside.as_posix() == f"bin/pip3.{sys.version_info[1]}"
        if path.is_file() and "__pycache__" not in inside.parts and not is_installers:
            is_script = inside.parts[0] == "bin"
            # pip's folder for headers is that of the virtual environment it runs in: include/site/python3.12.
            parts = inside.parts[3:] if inside.parts[:2] == ("include", "site") else inside.parts[1:]
            place = "/".join(("include", *parts)) if inside.parts[0] == "include" else inside.as_posix()
            found[place] = "" if is_script else _sha256(path.read_bytes())
    return found


def _differences(ours: Mapping[str, str], pips: Mapping[str, str]) -> Iterator[str]:
    yield from (f"{path} is there by us alone" for path in sorted(ours.keys() - pips.keys()))
    yield from (f"{path} is there by pip alone" for path in sorted(pips.keys() - ours.keys()))
    yield from (
        f"{path} has another content"
        for path in sorted(ours.keys() & pips.keys())
        if ours[path] != pips[path]
    )


def _sha256(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
