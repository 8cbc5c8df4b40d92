"""Wheels whose filename alone says which build they are, as flash-attn's releases do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.install.support import Place, target_place
from tests.lock.bench import counted
from variantctl.cli import app
from variantctl.wheels.build import build_wheel

BUILDS = ("cu12torch2.8cxx11abiTRUE", "cu12torch2.7cxx11abiFALSE")
NEWEST = f"flash_attn-2.8.3+{BUILDS[0]}-py3-none-any.whl"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = target_place(tmp_path)
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(place.cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", "/dev/null")
    monkeypatch.chdir(tmp_path)
    return place


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    plain = build_wheel(tmp_path, name="flash_attn", version="2.8.3", files={"flash_attn.py": b"x = 1\n"})
    (tmp_path / "wheels").mkdir()
    for build in BUILDS:
        shutil.copy(plain, tmp_path / "wheels" / f"flash_attn-2.8.3+{build}-py3-none-any.whl")
    return tmp_path / "wheels"


@pytest.fixture
def served(tmp_path: Path, wheels: Path) -> Iterator[str]:
    shutil.copytree(wheels, tmp_path / "served")
    with counted(tmp_path / "served") as (url, _):
        yield url


def run(target: Place, *arguments: str) -> None:
    assert app.run([*arguments, "--target", str(target.environment.prefix)]) == 0
    assert target.names() == {"flash-attn": "2.8.3"}


@pytest.mark.parametrize("named", ["flash-attn", "flash-attn==2.8.3", f"flash-attn==2.8.3+{BUILDS[1]}"])
def test_find_links(named: str, target: Place, wheels: Path) -> None:
    run(target, "install", "--no-index", "-f", str(wheels), named)


def test_a_path(target: Place, wheels: Path) -> None:
    run(target, "install", "--no-index", str(wheels / NEWEST))


@pytest.mark.parametrize("form", ["{}", "flash-attn @ {}"])
@pytest.mark.parametrize("safe", ["+", ""])
def test_a_url(form: str, safe: str, target: Place, served: str) -> None:
    run(target, "install", "--no-index", form.format(f"{served}/{quote(NEWEST, safe=safe)}"))


def test_an_index(target: Place, wheels: Path, tmp_path: Path) -> None:
    for wheel in wheels.iterdir():
        assert app.run(["index", "add", "-o", str(tmp_path / "site"), str(wheel)]) == 0
    with counted(tmp_path / "site") as (url, _):
        run(target, "install", "-i", f"{url}/simple/", "flash-attn")
        assert app.run(["lock", "-i", f"{url}/simple/", "flash-attn"]) == 0
        run(target, "sync")
    assert app.run(["index", "verify", "-o", str(tmp_path / "site")]) == 0


@pytest.mark.parametrize("named", ["path", "project"])
def test_a_lock(named: str, target: Place, wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    what = str(wheels / NEWEST) if named == "path" else "flash-attn"
    assert app.run(["lock", "--no-index", "-f", str(wheels), what]) == 0
    run(target, "sync")
    capsys.readouterr()
    # The hash tells that it is there; its version is another one inside.
    run(target, "sync")
    assert "Nothing to do" in capsys.readouterr().out


def test_another_version_inside_is_refused(
    target: Place, wheels: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = wheels / NEWEST.replace("2.8.3", "2.8.4")
    (wheels / NEWEST).rename(wheel)
    assert app.run(["install", "--no-index", str(wheel), "--target", str(target.environment.prefix)]) == 1
    assert "2.8.3" in capsys.readouterr().err
