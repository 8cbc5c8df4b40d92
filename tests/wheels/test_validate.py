"""``wheel validate``: everything that is wrong is said, in one go, and nothing that is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wheels.malicious import MALICIOUS, VARIANT_JSON, raw_wheel
from tests.wheels.recipes import CU126, CU128, metadata, provided
from variantctl.cli import main
from variantctl.variants import load_metadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel
from variantctl.wheels.variant_wheel import make_variant

LABELLED = "evil-1.0-py3-none-any-x.whl"
MEMBER = "evil-1.0.dist-info/variant.json"


def validate(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, object]]:
    code = main(["wheel", "validate", "--json", *map(str, arguments)])
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, report


def wheels_of(report: dict[str, object]) -> list[dict[str, Any]]:
    wheels = report["wheels"]
    assert isinstance(wheels, list)
    return wheels


def messages(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[str]:
    code, report = validate(capsys, *arguments)
    found = [problem["message"] for wheel in wheels_of(report) for problem in wheel["problems"]]
    assert code == (1 if found else 0)
    assert report["valid"] == (not found)
    assert report["problems"] == len(found)
    return found


def test_sound_wheels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = provided(null={}, cu126=CU126, cu128=CU128)
    paths = [
        build_wheel(tmp_path, name="a", version="1", label=label, metadata=table, tag=tag, build=build)
        for label, tag, build in (
            (None, "py3-none-any", None),
            ("null", "py2.py3-none-any", "1x"),
            ("cu126", "cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", None),
            ("cu128", "cp312-cp312-win_amd64", "2"),
        )
    ]
    assert messages(capsys, *paths) == []
    assert main(["wheel", "validate", *map(str, paths)]) == 0
    assert capsys.readouterr().out == "".join(f"{path.name}: valid\n" for path in paths)


def test_every_problem_of_a_wheel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    properties = {
        "x": {"nvidia": {"sm_arch": ["9_real", "90_real"], "cuda_version_lower_bound": ["12.0", "12.1"]}}
    }
    variant = {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": ["nvidia"]},
        "variants": properties,
    }
    path = raw_wheel(
        tmp_path,
        [(MEMBER, json.dumps(variant).encode()), ("evil/a.py", b"a"), ("evil/b.py", b"b")],
        filename=LABELLED,
        metadata=b"Metadata-Version: 2.1\nName: evil\nVersion: 1.1\nRequires-Dist: a; variant_label\n"
        b"Requires-Dist: b ==\nRequires-Python: ~3\n",
        record={"evil/a.py": b"b", "evil/b.py": b""},
    )
    found = messages(capsys, path)
    for says in (
        "it is about version 1.1",
        "variant_label must be compared",
        "Requires-Dist: 'b =='",
        "Requires-Python: '~3'",
        "the values of nvidia :: sm_arch are not sorted",
        "'9_real' is not a value that the provider knows",
        "has 2 values (12.0, 12.1), and the provider allows one",
        "'evil/a.py': its sha256 is not the one",
        "'evil/b.py': RECORD does not list it",
    ):
        assert [text for text in found if says in text], (says, found)
    assert len(found) == 9, found
    fewer = messages(capsys, path, "--no-validate")
    assert len(fewer) == 7, fewer


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "it is missing, though the filename has the variant label 'x'"),
        (b"{", "it is not valid JSON"),
        (VARIANT_JSON % b"y", "must have exactly one entry, 'x'"),
        (b"{}", "$schema: is required and missing"),
        ((VARIANT_JSON % b"x").replace(b"peps/825/v0.1.1", b"v0.0.3"), "it is of an older draft"),
        ((VARIANT_JSON % b"x").replace(b"v0.1.1", b"v2.0.0"), "major version 2 of the format"),
        ((VARIANT_JSON % b"x").replace(b'["ns"]', b'["other"]'), "must list 'ns'"),
    ],
)
def test_variant_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, says: str
) -> None:
    members = [] if content is None else [(MEMBER, content)]
    (found,) = messages(capsys, raw_wheel(tmp_path, members, filename=LABELLED))
    assert says in found


@pytest.mark.parametrize("name", sorted(MALICIOUS))
def test_what_verify_refuses_is_found(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert messages(capsys, MALICIOUS[name].build(tmp_path))


@pytest.mark.parametrize(
    ("wheel_file", "says"),
    [
        (b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "Wheel-Version is 2.0"),
        (b"Wheel-Version: 1.0\nTag: py3-none-any\n", "Root-Is-Purelib is neither"),
        (b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n", "py2-none-any, py3-none-any"),
        (b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nBuild: 3\nTag: py3-none-any\n", "Build is 3"),
    ],
)
def test_the_wheel_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wheel_file: bytes, says: str
) -> None:
    path = build_wheel(tmp_path, name="a", version="1", dist_info={"WHEEL": wheel_file})
    (found,) = messages(capsys, path)
    assert says in found


def test_wheels_that_do_not_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = build_wheel(tmp_path / "in", name="a", version="1")
    other = build_wheel(tmp_path / "in", name="a", version="1", tag="py2-none-any")
    one = make_variant(plain, tmp_path, label="cu126", properties=CU126, table=metadata())
    two = make_variant(other, tmp_path, label="cu126", properties=CU128, table=metadata())
    newer = build_wheel(tmp_path / "in", name="a", version="2")
    three = make_variant(newer, tmp_path, label="cu126", properties=CU128, table=metadata())
    (found,) = messages(capsys, one, two, three)
    assert "'cu126' is not the same in" in found


def test_a_plugin_that_is_named_for_two_namespaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = load_metadata(
        {
            "$schema": PEP_850_SCHEMA,
            "default-priorities": {"namespace": ["nvidia", "amd"]},
            "providers": {name: {"requires": ["variant-providers"]} for name in ("nvidia", "amd")},
            "variants": {"null": {}},
        }
    )
    path = build_wheel(tmp_path, name="a", version="1", label="null", metadata=table)
    (message,) = messages(capsys, path)
    assert "plugin variant_providers is named for amd and nvidia, and answers for one only" in message


def test_not_a_wheel_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").touch()
    (tmp_path / "a-1-py3-none-any.whl").write_bytes(b"PK")
    assert len(messages(capsys, *tmp_path.iterdir(), tmp_path / "gone-1-py3-none-any.whl")) == 3
    assert main(["wheel", "validate", str(tmp_path / "notes.txt")]) == 1
    out = capsys.readouterr().out
    assert out == "notes.txt: 1 problem\n  a wheel's filename ends in '.whl'\n"


def test_an_untrusted_provider_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = make_variant(
        build_wheel(tmp_path / "in", name="a", version="1"),
        tmp_path,
        label="x",
        properties={"acme": {"chip": ("c9",)}},
    )
    code, report = validate(capsys, path)
    assert code == 0
    (wheel,) = wheels_of(report)
    assert "acme is not checked: variantctl has no detector for namespace 'acme'" in wheel["notes"][0]


def test_inspect_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = build_wheel(tmp_path, name="a", version="1")
    bad = MALICIOUS["wrong-hash"].build(tmp_path)
    assert main(["wheel", "inspect", str(good), str(bad), str(tmp_path / "no.whl"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [("error" in wheel) for wheel in report["wheels"]] == [False, True, True]
    assert main(["wheel", "inspect", str(good), str(good)]) == 0
    assert capsys.readouterr().out.count("verified") == 2


def test_unmake_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = build_wheel(tmp_path / "in", name="a", version="1")
    one = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    two = make_variant(plain, tmp_path, label="cu128", properties=CU128)
    newer = make_variant(
        build_wheel(tmp_path / "in", name="a", version="2"), tmp_path, label="cu126", properties=CU126
    )
    out = str(tmp_path / "out")
    assert main(["wheel", "unmake", "-f", str(one), "-f", str(two), "-o", out]) == 1
    assert "becomes a-1-py3-none-any.whl" in capsys.readouterr().err
    assert main(["wheel", "unmake", "-f", str(one), "-f", str(newer), "-o", out, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["wheels"]) == 2
