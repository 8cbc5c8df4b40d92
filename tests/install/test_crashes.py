"""Real commands, killed and failing at a few of the moments that tests/campaigns/crashes.py has all of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import crashes, faults

SEED = 4


@pytest.mark.skipif(faults.missing() is not None, reason=faults.missing() or "")
@pytest.mark.parametrize("name", list(crashes.OPERATIONS))
def test_never_half(name: str, tmp_path: Path) -> None:
    report = crashes.run(5, SEED, tmp_path, [name])
    assert not report.failures, str(report)
    # Guards the layer: an operation that nothing kills proves nothing.
    assert sum(count for outcome, count in report.outcomes.items() if ": killed" in outcome) >= 4, str(report)
