"""Real commands in a process of their own, that say which modules they needed: what notes are to save."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

#: Prints the exit code and what was imported, after what the command printed.
_PROGRAM = """
import sys
before = set(sys.modules)
from variantctl.cli import main
code = main(sys.argv[1:])
imported = sorted(set(sys.modules) - before)
import json
print(json.dumps([code, imported]))
"""


class Done(NamedTuple):
    """How a command ended, what it printed, what it said besides, and what it imported."""

    code: int
    said: str
    errors: str
    imported: set[str]

    @property
    def from_a_note(self) -> bool:
        return "argparse" not in self.imported


def run(*words: str, environ: Mapping[str, str], cwd: Path) -> Done:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        capture_output=True,
        text=True,
        env=environ,
        cwd=cwd,
        timeout=60,
        check=True,
    )
    said, _, last = done.stdout.rstrip("\n").rpartition("\n")
    code, modules = json.loads(last)
    return Done(code, f"{said}\n" if said else "", done.stderr, set(modules))
