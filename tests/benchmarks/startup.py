"""How long a command takes before it does anything."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.compare import Case

SCRIPT = Path(sys.executable).with_name("variantctl")


def cases() -> list[Case]:
    """``variantctl --version`` beside an interpreter that imports one small module."""
    peer = 'python -c "import packaging.version"'
    return [
        Case(
            name="start-up: variantctl --version",
            ours=[str(SCRIPT), "--version"],
            peers={peer: [sys.executable, "-c", "import packaging.version"]},
            targets={peer: 1.5},
        )
    ]
