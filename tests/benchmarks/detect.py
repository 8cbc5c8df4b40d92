"""How long it takes to say what this machine supports, beside a bare interpreter and its peers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.benchmarks.compare import Case

BIN = Path(sys.executable).parent
MOST_OVER_INTERPRETER_S = 0.150


def cases() -> list[Case]:
    """``variantctl detect --json`` with nothing forced, beside a bare interpreter and peers."""
    bare = "python -c pass"
    environment = {
        name: value for name, value in os.environ.items() if "_VARIANT_PROVIDER_FORCE_" not in name
    }
    return [
        Case(
            name="detection: variantctl detect --json",
            ours=[str(BIN / "variantctl"), "detect", "--json"],
            peers={
                bare: [sys.executable, "-c", "pass"],
                "archspec cpu": [str(BIN / "archspec"), "cpu"],
                "variantlib analyze-platform": [str(BIN / "variantlib"), "analyze-platform"],
            },
            most_over={bare: MOST_OVER_INTERPRETER_S},
            environment=environment,
        )
    ]
