"""``variantctl index`` as a person and a script see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.wheels.malicious import MALICIOUS
from tests.wheels.recipes import CU126, CU128, metadata
from variantctl.cli import main
from variantctl.wheels.build import build_wheel


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with an ordinary wheel and two variants."""
    for label in (None, "cu126", "cu128"):
        variants = metadata(cu126=CU126, cu128=CU128)
        build_wheel(tmp_path / "w", name="a", version="1", label=label, metadata=variants)
    return tmp_path / "w"


def test_build(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (wheels / "readme.txt").write_text("x")
    assert main(["index", "build", str(wheels), "-o", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out' / 'simple'}: 1 project, 3 wheels (2 variants)\n"
    assert "note: readme.txt: not a wheel or a source distribution" in err
    next(wheels.glob("*cu126*")).unlink()
    assert main(["index", "build", str(wheels), "-o", str(tmp_path / "out"), "--verify", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["format"] == 1
    assert summary["variants_json"] == ["a/a-1-variants.json"]
    assert len(summary["removed"]) == 2


def test_refusal_is_an_error_object(wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    MALICIOUS["truncated"].build(wheels)
    command = ["index", "build", str(wheels), "-o", str(tmp_path / "out")]
    assert main([*command, "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "invalid-wheel"
    assert error["message"].startswith("evil-1.0-py3-none-any.whl: it is cut short")
    assert main(command) == 1
    assert not (tmp_path / "out").exists()


def test_a_store_is_no_folder_to_build_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", "build", "s3://bucket/files", "-o", str(tmp_path / "out")]) == 1
    assert "hint: Wheels of a store are indexed where they lie: give a URL" in capsys.readouterr().err
    assert main(["index", "add", str(tmp_path), "--index", str(tmp_path / "out")]) == 1
    assert "is a folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["build"], ["build", "x"], ["nonsense"]])
def test_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["index", *arguments]) == 2
    assert capsys.readouterr().out == ""
