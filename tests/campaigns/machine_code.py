"""Damaged libraries by the thousand, and wheels that are made to cost much: 10,000 libraries, one of 4 GB.

A case is 200 damaged files. A defect is an exception, work out of proportion to a file's size, a wheel that
takes more than 200 MB of memory, or more seconds of processor than 1.3 times ``unzip -t`` and a millisecond
for each library.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tests.campaigns.report import Report
from tests.machine_code.damage import SOUND, damaged, problem_with
from tests.machine_code.files import elf_library, fatbin

PROGRAM = (
    "import sys; from pathlib import Path; from variantctl.cli import main; code = main(sys.argv[1:]);"
    "print(Path('/proc/self/status').read_text()); sys.exit(code)"
)
_GIGABYTE = 1 << 30


def run(cases: int, seed: int, folder: Path) -> Report:
    """Damage ``200 * cases`` files, then audit the large wheels."""
    report = Report("machine-code (200 damaged files a case)", seed)
    for number in range(cases):
        choose = random.Random(f"{seed} {number}")
        for _ in range(200):
            data = damaged(choose)
            problem = problem_with(data)
            if problem is None:
                report.count("read, or said to be damaged")
            else:
                kept = folder / f"{number}.bin"
                kept.write_bytes(data)
                report.fail("a damaged file", f"case {number}: {problem} ({kept})")
    # A small library takes longer than its bytes: half a millisecond, whatever its size.
    _judge(report, "a wheel of 10,000 libraries", _of_many(folder), more=10)
    if shutil.disk_usage(folder).free > 10 * _GIGABYTE:
        _judge(report, "a wheel with a library of 4 GB", _of_one(folder, 4 * _GIGABYTE))
    return report


def _judge(report: Report, name: str, wheel: Path, *, more: float = 1) -> None:
    """Memory and time of auditing one wheel."""
    unzip = _seconds(["unzip", "-tqq", str(wheel)])[0]
    command = [sys.executable, "-c", PROGRAM, "wheel", "audit", "--json", str(wheel)]
    took, said = _seconds(command)
    peak = re.search(r"VmHWM:\s+(\d+) kB", said)
    megabytes = int(peak[1]) // 1024 if peak else 0
    words = f"{name}: {took:.1f} s, unzip -t {unzip:.1f} s, {megabytes} MB"
    if megabytes > 200 or took > 1.3 * unzip + more:
        report.fail(name, words)
    else:
        report.count(words)


def _seconds(command: list[str]) -> tuple[float, str]:
    """Seconds of processor, which other programs on the machine change little, and what was said."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return user + system, done.stdout


def _of_many(folder: Path) -> Path:
    path = folder / "many-1-py3-none-any.whl"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("many-1.dist-info/METADATA", "Name: many\nVersion: 1\n")
        for number in range(10_000):
            archive.writestr(f"many/{number}.so", SOUND[0])
    return path


def _of_one(folder: Path, size: int) -> Path:
    """A library of which one part in fifty cannot be compressed, so that it is no bomb."""
    library = elf_library({".nv_fatbin": fatbin("cubin 75", "ptx 90")}, needed=["libcudart.so.12"])
    block = random.Random(0).randbytes(20_000) + bytes(980_000)
    path = folder / "large-1-py3-none-any.whl"
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("large-1.dist-info/METADATA", "Name: large\nVersion: 1\n")
        info = ZipInfo("large/large.so")
        info.compress_type = ZIP_DEFLATED
        with archive.open(info, "w", force_zip64=True) as member:
            member.write(library)
            for _ in range(size // len(block)):
                member.write(block)
    return path
