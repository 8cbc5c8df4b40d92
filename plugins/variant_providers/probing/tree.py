"""The files that detectors read: this machine's, or those of a tree that stands for another one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_FILE_LIMIT = 16 * 1024 * 1024
_LINK_LIMIT = 40
SYSCTL_FILE = "sysctl.txt"
FEATURES_FILE = "processor-features.txt"
"""At the top of a tree: what macOS's ``sysctl`` printed; what Windows' ``IsProcessorFeaturePresent`` said."""

_MACHINES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


class Tree:
    """A file system seen from its top, with a record of what was read.

    With a ``root``, links are followed inside it only (an absolute link in a mounted image means the
    image's file, not this machine's), and nothing is asked of this machine: no library, no system call.

    Attributes:
        root: the folder that stands for ``/``, or ``None`` for this machine.
        files: the paths read so far, in order, without a leading slash: what a support bundle must hold.
    """

    def __init__(self, root: str | None = None) -> None:
        self.root = root
        self.files: list[str] = []

    @property
    def is_local(self) -> bool:
        """Whether this is the machine we run on."""
        return self.root is None

    def read_text(self, path: str) -> str | None:
        """The text of a regular file, at most 16 MiB of it, or ``None`` when it cannot be read.

        Args:
            path: without a leading slash: ``proc/cpuinfo``.
        """
        data = self.read_bytes(path)
        return None if data is None else data.decode("utf-8", "replace")

    def read_bytes(self, path: str) -> bytes | None:
        """The bytes of a regular file, at most 16 MiB of them, or ``None`` when it cannot be read."""
        place = self._resolve(path)
        if place is None:
            return None
        try:
            # A device or a pipe in somebody's tree could block for ever.
            if not place.is_file():
                return None
            with place.open("rb") as file:
                data = file.read(_FILE_LIMIT)
        except (OSError, ValueError):
            return None
        self.files.append(path)
        return data

    def exists(self, path: str) -> bool:
        """Whether there is anything at ``path``."""
        place = self._resolve(path)
        try:
            return place is not None and place.exists()
        except (OSError, ValueError):
            return False

    def names(self, path: str) -> list[str]:
        """The sorted names in a folder; empty when it cannot be listed."""
        place = self._resolve(path)
        try:
            return [] if place is None else sorted(entry.name for entry in place.iterdir())
        except (OSError, ValueError):
            return []

    def machine(self) -> str:
        """The processor architecture as ``uname -m`` on Linux names it, ``""`` when it cannot be told.

        A tree says it in the file ``machine`` at its top; without that file, ``proc/cpuinfo`` tells x86-64
        (which has ``flags`` lines with ``lm``) from 64-bit Arm (``CPU architecture: 8``).
        """
        if self.is_local:
            name = (
                os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
            )
            return _canonical(name)
        written = self.read_text("machine")
        if written is not None and written.strip():
            return _canonical(written.strip().splitlines()[0])
        cpuinfo = self.read_text("proc/cpuinfo") or ""
        if "CPU architecture: 8" in cpuinfo:
            return "aarch64"
        flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
        return "x86_64" if "lm" in flags.partition(":")[2].split() else ""

    def system(self) -> str:
        """``Linux``, ``Darwin`` or ``Windows``; a tree is told by what was captured at its top."""
        if self.is_local:
            return {"win32": "Windows", "darwin": "Darwin"}.get(sys.platform, "Linux")
        if self.exists(SYSCTL_FILE):
            return "Darwin"
        return "Windows" if self.exists(FEATURES_FILE) else "Linux"

    def pointer_bits(self) -> int:
        """How wide this Python's pointers are; a tree is taken for a 64-bit system."""
        return 64 if not self.is_local or sys.maxsize > 2**32 else 32

    def _resolve(self, path: str) -> Path | None:
        """Where ``path`` lies on this machine, links resolved inside the root; ``None`` for a loop."""
        if self.root is None:
            return Path("/" + path.lstrip("/"))
        pending = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = done[:-1]
                continue
            try:
                target = str(Path(self.root, *done, part).readlink())
            except (OSError, ValueError):
                done.append(part)
                continue
            links += 1
            if links > _LINK_LIMIT:
                return None
            if target.startswith("/"):
                done = []
            pending.extend([piece for piece in target.split("/") if piece not in ("", ".")][::-1])
        return Path(self.root, *done)


def _canonical(machine: str) -> str:
    lowered = machine.lower()
    return _MACHINES.get(lowered, lowered)
