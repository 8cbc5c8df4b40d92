"""``export`` takes names as they are, and says where ``install`` would take another member."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.families.test_stand_ins import Place


def export(place: Place, *words: str) -> tuple[str, str]:
    """What is written, and what is said."""
    where = ("-i", place.index, "--no-backends", "--profile", place.root / "gpu.toml")
    command: list[object] = [sys.executable, "-m", "variantctl", "export", *where, *words]
    done = subprocess.run(
        [str(word) for word in command], env=place.env, capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr


def test_a_member_for_cpus_is_said(tmp_path: Path) -> None:
    place = Place(tmp_path)
    text, said = export(place, "rembg")
    assert "onnxruntime @" in text and "onnxruntime-gpu" not in text
    assert "onnxruntime 1.31.0 has no use for the accelerator" in said
    assert "takes onnxruntime-gpu in its place" in said
    text, said = export(place, "faces")
    assert "onnxruntime-gpu @" in text and "in its place" not in said
    assert "in its place" not in export(place, "rembg", "--no-families")[1]
