"""A few wheels of the campaign ``odd-wheels``: Python's own copy of pip, and those that are only untidy."""

from __future__ import annotations

import ensurepip
import os
from pathlib import Path

import pytest

from tests.campaigns import odd_wheels
from tests.wheels.untidy import UNTIDY
from variantctl.wheels.build import build_wheel

SEED = 14


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", os.devnull)


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    found = [*(Path(ensurepip.__file__).parent / "_bundled").glob("*.whl")]
    found += [
        case.build(tmp_path / f"untidy-{number}")
        for number, case in enumerate(UNTIDY.values())
        if "pip" in case.tools
    ]
    data = {
        "data/share/one/x": b"x",
        "scripts/run": b"#!python\n",
        "headers/one.h": b"h",
        "purelib/two.py": b"2",
    }
    found.append(
        build_wheel(
            tmp_path / "whole",
            name="one",
            version="1",
            files={"one/__init__.py": b"1"},
            data=data,
            entry_points={"console_scripts": {"one": "one:main"}},
        )
    )
    return found


def test_as_pip_installs_them(wheels: list[Path], tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    report = odd_wheels.run(5, SEED, tmp_path / "work", [*wheels[-1:], *wheels[:4]])
    assert not report.failures, str(report)
    assert report.outcomes["the same as by pip"] >= 3, str(report)


@pytest.mark.parametrize("damage", ["missing", "other", "more", "script", "refused"])
def test_it_notices(damage: str, wheels: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = odd_wheels._by_us

    def by_us(wheel: Path, folder: Path) -> odd_wheels.Installed:
        found = real(wheel, folder)
        if damage == "missing":
            (folder / "one/__init__.py").unlink()
        elif damage == "other":
            (folder / "one/__init__.py").write_text("2")
        elif damage == "more":
            (folder / "more.py").touch()
        elif damage == "script":
            (folder / "bin/one").unlink()
        else:
            return odd_wheels.Installed(folder, "no")
        return found

    monkeypatch.setattr(odd_wheels, "_by_us", by_us)
    report = odd_wheels.run(1, SEED, tmp_path, wheels[-1:])
    assert len(report.failures) == 1
