"""The layer that fails or kills a real command at a chosen call on files (``faults.c``, by LD_PRELOAD)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("faults.c")
#: Calls by the letters of ``faults.c``: everything that changes something, and the same with reading.
CHANGES, CALLS = "cdnsm", "cdnsmr"


def missing() -> str | None:
    """Why the layer cannot be used here, or None."""
    if sys.platform != "linux":
        return "faults are injected by LD_PRELOAD, which is Linux's"
    if shutil.which("cc") is None:
        return "no C compiler: the layer that injects faults cannot be built"
    return None


def build(folder: Path) -> Path:
    """Compile the layer; the library's path."""
    library = folder / "libfaults.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


@dataclass(frozen=True)
class Fault:
    """Which call fails, and how.

    Attributes:
        at: the number of the call, from 1; 0: none.
        number: the errno; 0: the process is killed.
        classes: which calls are counted.
        lasting: whether every counted call after it fails as well.
    """

    at: int
    number: int = 0
    classes: str = CHANGES
    lasting: bool = False

    def environ(self, library: Path, roots: tuple[Path, ...], log: Path | None = None) -> dict[str, str]:
        """The variables that make it happen, to calls on files below ``roots``."""
        found = {
            "LD_PRELOAD": str(library),
            "FAULT_ROOTS": ":".join(str(root) for root in roots),
            "FAULT_CLASSES": self.classes,
            "FAULT_AT": str(self.at),
            "FAULT_ERRNO": str(self.number),
            "FAULT_LASTING": "1" if self.lasting else "0",
        }
        if log is not None:
            found["FAULT_LOG"] = str(log)
        return found

    def __str__(self) -> str:
        if not self.number:
            return f"killed at change {self.at}"
        lasting = ", and whatever follows" if self.lasting else ""
        import errno

        return f"{errno.errorcode[self.number]} at call {self.at} of {self.classes}{lasting}"


@dataclass(frozen=True)
class Call:
    """A counted call: its class (a letter), its name, and the path."""

    kind: str
    name: str
    path: str


def calls(log: Path) -> list[Call]:
    """What a run with ``FAULT_LOG`` did, in order."""
    rows = (line.split(" ", 3) for line in log.read_text().splitlines())
    return [Call(kind, name, path) for _, kind, name, path in rows]


def clean_environ() -> dict[str, str]:
    """The environment variables that a command of ours needs, and none that configure it."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}
