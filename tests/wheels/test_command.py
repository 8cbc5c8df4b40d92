"""``variantctl wheel`` as a person and a script see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.wheels.malicious import MALICIOUS, raw_wheel
from tests.wheels.recipes import PYPROJECT, members
from variantctl.cli import main
from variantctl.wheels.build import build_wheel

PROPERTY = "nvidia :: cuda_version_lower_bound :: 12.8"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """An ordinary wheel."""
    return build_wheel(
        tmp_path, name="thing", version="1", requires=["torch[fast]>=2"], requires_python=">=3.9"
    )


@pytest.fixture
def pyproject(tmp_path: Path) -> Path:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT)
    return path


def make(wheel: Path, *arguments: str | Path) -> int:
    return main(["wheel", "make", "-f", str(wheel), "-o", str(wheel.parent / "out"), *map(str, arguments)])


def variant_json(path: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads(members(path)["thing-1.dist-info/variant.json"])
    return document


def test_make_prints_the_path(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(wheel, "--label", "cu128", "--property", PROPERTY, "x86_64::level::v3") == 0
    path = Path(capsys.readouterr().out.strip())
    assert path == wheel.parent / "out" / "thing-1-py3-none-any-cu128.whl"
    # Without a table, the order of the properties is that of the namespaces.
    assert variant_json(path)["default-priorities"] == {"namespace": ["nvidia", "x86_64"]}
    assert (
        make(wheel, "--label", "v3", "--property", "x86_64::level::v3", "--property", PROPERTY, "--json") == 0
    )
    path = Path(json.loads(capsys.readouterr().out)["wheel"])
    assert variant_json(path)["default-priorities"] == {"namespace": ["x86_64", "nvidia"]}


def test_make_from_pyproject(wheel: Path, pyproject: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(wheel, "--label", "cu126", "--pyproject", pyproject) == 0
    document = variant_json(Path(capsys.readouterr().out.strip()))
    assert document["variants"] == {"cu126": {"nvidia": {"cuda_version_lower_bound": ["12.6"]}}}
    assert make(wheel, "--null", "--pyproject", pyproject) == 0
    document = variant_json(Path(capsys.readouterr().out.strip()))
    assert document["variants"] == {"null": {}}
    assert list(document["providers"]) == ["nvidia"]  # type: ignore[call-overload]


def test_null_needs_a_namespace(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(wheel, "--null") == 1
    assert "--namespace" in capsys.readouterr().err
    assert make(wheel, "--null", "--namespace", "nvidia") == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "--label or --null is missing"),
        (["--label", "x", "--null"], 2, "exclude each other"),
        (["--null", "--property", PROPERTY], 1, "the null variant has no properties"),
        (["--label", "x", "--property", "nvidia :: 12.8"], 1, "not of the form"),
        (["--label", "X", "--property", PROPERTY], 1, "characters other than"),
        (["--label", "x"], 1, "no properties were given"),
        (["--label", "x", "--pyproject", "missing.toml"], 1, "missing.toml: No such file"),
        (["--label", "x", "--pyproject", __file__], 1, "it is not TOML"),
    ],
)
def test_make_refusals(
    wheel: Path, arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(wheel, *arguments) == code
    assert says in capsys.readouterr().err
    assert make(wheel, *arguments, "--json") == code
    assert says in json.loads(capsys.readouterr().out)["error"]["message"]


def test_unmake(wheel: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make(wheel, "--label", "cu128", "--property", PROPERTY)
    made = capsys.readouterr().out.strip()
    assert main(["wheel", "unmake", "-f", made, "-o", str(tmp_path / "back")]) == 0
    assert members(Path(capsys.readouterr().out.strip())) == members(wheel)


def test_inspect_for_a_person(
    wheel: Path, pyproject: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    make(wheel, "--label", "cu126", "--pyproject", pyproject)
    made = capsys.readouterr().out.strip()
    assert main(["wheel", "inspect", made]) == 0
    text = capsys.readouterr().out
    for shown in (
        "cu126",
        "nvidia :: cuda_version_lower_bound :: 12.6",
        "torch[fast]>=2",
        ">=3.9",
        "nvidia: plugin nvidia_variant_provider.plugin:NvidiaVariantPlugin of nvidia-variant-provider",
        "4 files",
        "verified",
    ):
        assert shown in text


def test_inspect_for_a_program(wheel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wheel", "inspect", str(wheel), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["name"], report["version"], report["label"]) == ("thing", "1", None)
    assert (report["tags"], report["requires_dist"]) == (["py3-none-any"], ["torch[fast]>=2"])
    assert (report["files"], report["record_verified"]) == (3, True)
    assert report["size"] == wheel.stat().st_size


def test_inspect_shows_an_unsound_wheel_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = MALICIOUS["wrong-hash"].build(tmp_path)
    assert main(["wheel", "inspect", str(path), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["error"]["kind"] == "invalid-wheel"
    assert (report["name"], report["record_verified"]) == ("evil", False)
    assert main(["wheel", "inspect", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "does not verify" in out
    assert err.startswith("error: evil-1.0-py3-none-any.whl: 'evil/__init__.py': its sha256")
    path = MALICIOUS["truncated"].build(tmp_path)
    assert main(["wheel", "inspect", str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "invalid-wheel"


def test_inspect_notes_a_stray_variant_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = raw_wheel(tmp_path, [("evil-1.0.dist-info/variant.json", b"{}")])
    assert main(["wheel", "inspect", str(path)]) == 0
    assert "note: evil-1.0-py3-none-any.whl: has a variant.json but no label" in capsys.readouterr().err
