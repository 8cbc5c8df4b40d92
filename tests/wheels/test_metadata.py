"""Core metadata as it is found in the wild."""

from __future__ import annotations

import pytest

from variantctl.wheels.errors import WheelError
from variantctl.wheels.metadata import parse_core_metadata


def test_requirements_stay_as_written() -> None:
    data = (
        b"Metadata-Version: 2.4\nName: Torch\nVersion: 2.10.0\nRequires-Python: >=3.10\n"
        b"Requires-Dist: triton==3.6.0; 'nvidia' in variant_namespaces\n"
        b'Requires-Dist: opt-einsum (>=3.3) ; extra == "opt_einsum"\n'
        b"Provides-Extra: opt_einsum\nProvides-Extra: Opt-Einsum\n"
        b"Dynamic: Requires-Dist\n\nRequires-Dist: body\n"
    )
    metadata = parse_core_metadata(data, "x")
    assert metadata.requires_dist == (
        "triton==3.6.0; 'nvidia' in variant_namespaces",
        'opt-einsum (>=3.3) ; extra == "opt_einsum"',
    )
    assert metadata.provides_extra == ("opt-einsum",)
    assert metadata.normalized_name == "torch"
    assert str(metadata.requires_python) == ">=3.10"
    assert metadata.dynamic == ("requires-dist",)


def test_folded_requirement_is_one_line() -> None:
    data = b"Name: a\nVersion: 1\nRequires-Dist: b>=1 ;\n        python_version > '3'\n"
    assert parse_core_metadata(data, "x").requires_dist == ("b>=1 ; python_version > '3'",)


def test_bad_requires_python_holds_for_all_and_is_kept() -> None:
    metadata = parse_core_metadata(b"Name: a\nVersion: 1\nRequires-Python: >=3.6.*\n", "x")
    assert metadata.requires_python is None
    assert metadata.requires_python_text == ">=3.6.*"


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"1.2", b"2.1", b"2.4", b"9.9"])
def test_every_metadata_version_is_read(version: bytes) -> None:
    metadata = parse_core_metadata(b"Metadata-Version: %s\nName: a\nVersion: 1\n" % version, "x")
    assert metadata.metadata_version == version.decode()


def test_junk_is_passed_over() -> None:
    data = (
        b"Name: a\nVersion: 1\nLicense: MIT\n    text\nSummary: \xff\xfe\nHome-Page: UNKNOWN\nNonsense: 1\n"
    )
    metadata = parse_core_metadata(data, "x")
    assert (metadata.name, metadata.license) == ("a", "MIT")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no Name"),
        (b"Name: a\n", "no Version"),
        (b"Name: a\nName: b\nVersion: 1\n", "no Name, or several"),
        (b"Name: a\nVersion: one\n", "invalid version 'one'"),
        (b"\x00\xff\xfe", "no Name"),
    ],
)
def test_name_and_version_are_needed(data: bytes, says: str) -> None:
    with pytest.raises(WheelError, match=f"a-1.whl: METADATA has .*{says[:2]}") as caught:
        parse_core_metadata(data, "a-1.whl")
    assert says in caught.value.message
