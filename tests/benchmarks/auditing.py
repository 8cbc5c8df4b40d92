"""Auditing wheels beside ``unzip -t``, which unpacks the same bytes and looks at none.

``VARIANTCTL_BENCHMARK_AUDIT`` names real wheels (separated as in PATH); without it one of 250 MB is made.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.compare import Case
from tests.machine_code.files import elf_library, fatbin
from variantctl.wheels.build import build_wheel


def cases() -> list[Case]:
    """A case for each wheel."""
    named = os.environ.get("VARIANTCTL_BENCHMARK_AUDIT", "")
    wheels = [Path(name) for name in named.split(os.pathsep) if name] or [_made()]
    audit = [str(Path(sys.executable).with_name("variantctl")), "wheel", "audit", "--json"]
    return [
        Case(
            name=f"auditing: {wheel.name} ({wheel.stat().st_size // 1_000_000} MB)",
            ours=[*audit, str(wheel)],
            peers={"unzip -t": ["unzip", "-tqq", str(wheel)]},
            targets={"unzip -t": 1.3},
            # Making a wheel leaves this process large, and with it what it starts.
            most_megabytes=200 if named else None,
        )
        for wheel in wheels
    ]


def _made() -> Path:
    """Half of its bytes cannot be compressed, as code that is compressed already cannot."""
    folder = Path(tempfile.mkdtemp(prefix="variantctl-benchmark-"))
    block = random.Random(0).randbytes(1 << 19) + bytes(range(256)) * 2048
    sections = {".nv_fatbin": fatbin("cubin 75", "ptx 90"), ".text": block * 250}
    library = elf_library(sections, needed=["libcudart.so.12"])
    files = {"large/_C.so": library, **{f"large/{number}.py": b"x = 1\n" * 1000 for number in range(500)}}
    return build_wheel(folder, name="large", version="1", files=files)
