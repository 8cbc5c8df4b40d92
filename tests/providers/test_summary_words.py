"""What ``detect`` says in words of what a machine supports."""

from __future__ import annotations

from pathlib import Path

import pytest

from variantctl.providers.detect import detect
from variantctl.providers.summary import meaning

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"


@pytest.mark.parametrize(
    ("machine", "namespace", "words"),
    [
        ("jetson-orin", "nvidia", "GPU code: sm_87, else PTX of sm_80."),
        ("two-nvidia-gpus", "nvidia", "GPU code: sm_89, then down to sm_80, else PTX of sm_80."),
        ("grace-hopper", "nvidia", "GPU code: sm_90, else PTX of sm_90."),
        ("strix-halo-old-rocm", "amd", "Runs builds for ROCm 10.0 and older, back to 6.3."),
    ],
)
def test_the_words(machine: str, namespace: str, words: str) -> None:
    reports = {report.namespace: report for report in detect(root=str(MACHINES / machine / "tree")).providers}
    assert words in meaning(reports[namespace])
