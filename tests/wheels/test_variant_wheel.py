"""Ordinary wheels made into variant wheels, and back."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import jsonschema
import pytest
from hypothesis import given, settings
from variantlib.variants_json import VariantsJson

from tests.wheels.malicious import MALICIOUS, member, raw_wheel
from tests.wheels.recipes import CU126, CU128, files, labels, members, metadata, properties, provided
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import Properties
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError
from variantctl.wheels.variant_wheel import make_variant, unmake_variant
from variantctl.wheels.verify import verify_wheel

SCHEMA = Path(__file__).parents[2] / "fixtures" / "metadata" / "pep-0825-variant-schema-0.1.1.json"


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """An ordinary wheel."""
    return build_wheel(tmp_path / "in", name="thing", version="1.0+cpu", files={"thing.py": b"x = 1\n" * 99})


def test_null_and_labelled(plain: Path, tmp_path: Path) -> None:
    null = make_variant(plain, tmp_path, label="null", properties={}, table=metadata())
    cuda = make_variant(plain, tmp_path, label="cu128", properties=CU128, table=provided())
    assert null.name == "thing-1.0+cpu-py3-none-any-null.whl"
    assert cuda.name == "thing-1.0+cpu-py3-none-any-cu128.whl"
    for path in (null, cuda):
        verify_wheel(path)
        before, after = members(plain), members(path)
        changed = {name for name in after if before.get(name) != after[name]}
        assert changed == {f"thing-1.0+cpu.dist-info/{name}" for name in ("variant.json", "RECORD")}
        assert list(after)[-1].endswith("/RECORD")
    document = json.loads(members(cuda)["thing-1.0+cpu.dist-info/variant.json"])
    assert document == {
        "$schema": PEP_850_SCHEMA,
        "default-priorities": {"namespace": ["nvidia"]},
        "providers": {
            "nvidia": {
                "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
                "requires": ["nvidia-variant-provider"],
            }
        },
        "variants": {
            "cu128": {"nvidia": {"cuda_version_lower_bound": ["12.8"], "sm_arch": ["100_real", "90_real"]}}
        },
    }


def test_follows_the_schema_and_variantlib_reads_it(plain: Path, tmp_path: Path) -> None:
    path = make_variant(plain, tmp_path, label="cu128", properties=CU128)
    document = json.loads(members(path)["thing-1.0+cpu.dist-info/variant.json"])
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    path = make_variant(plain, tmp_path, label="cu128", properties=CU128, table=provided())
    document = json.loads(members(path)["thing-1.0+cpu.dist-info/variant.json"])
    read = VariantsJson(document)
    assert {str(p.value) for p in read.variants["cu128"].properties} == {"12.8", "100_real", "90_real"}


def test_same_input_same_bytes_and_no_rewriting(plain: Path, tmp_path: Path) -> None:
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    first, stamp = path.read_bytes(), path.stat().st_mtime_ns
    os.utime(plain, (0, 0))
    time.sleep(0.01)
    assert make_variant(plain, tmp_path, label="cu126", properties=CU126) == path
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (first, stamp)
    # Other properties under the same name replace it, as a build tool's output would be.
    make_variant(plain, tmp_path, label="cu126", properties=CU128)
    assert path.read_bytes() != first
    assert {p.name for p in tmp_path.iterdir()} == {"in", path.name}


@settings(max_examples=60, deadline=None)
@given(files, labels, properties)
def test_round_trip(contents: Mapping[str, bytes], label: str, wanted: Properties) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            plain = build_wheel(Path(folder) / "a", name="pkg", version="1", files=contents)
            verify_wheel(plain)
        except VariantctlError:
            return  # a file that is also a folder
        made = make_variant(plain, Path(folder) / "b", label=label, properties=wanted)
        verify_wheel(made)
        unmade = unmake_variant(made, Path(folder) / "c")
        assert unmade.name == plain.name
        assert members(unmade) == members(plain)
        assert list(members(unmade)) == list(members(plain))
        again = make_variant(unmade, Path(folder) / "d", label=label, properties=wanted)
        assert again.read_bytes() == made.read_bytes()
        relabelled = make_variant(made, Path(folder) / "e", label="other", properties=None)
        assert json.loads(members(relabelled)["pkg-1.dist-info/variant.json"])["variants"]["other"] == {
            namespace: {feature: list(values) for feature, values in features.items()}
            for namespace, features in wanted.items()
        }


def test_compressed_bytes_modes_and_times_stay(tmp_path: Path) -> None:
    odd = ZipInfo("evil/odd.bin", (2024, 2, 29, 23, 59, 58))
    odd.external_attr = 0o100755 << 16
    odd.compress_type = ZIP_DEFLATED
    odd.extra = b"\x55\x54\x05\x00\x03\x00\x00\x00\x00"
    plain = raw_wheel(tmp_path / "in", [(odd, b"abc" * 1000), (member("evil/é.txt"), b"x")])
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    with ZipFile(plain) as before, ZipFile(path) as after:
        assert after.testzip() is None
        for old in before.infolist()[:-1]:
            new = after.getinfo(old.filename)
            for attribute in ("date_time", "external_attr", "create_system", "compress_size", "CRC"):
                assert getattr(old, attribute) == getattr(new, attribute)
        assert after.infolist()[-2].date_time == (1980, 1, 1, 0, 0, 0)


class Pipe:
    """A file that cannot seek: what is written to it gets data descriptors."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def test_data_descriptors_are_left_behind(tmp_path: Path) -> None:
    plain = raw_wheel(tmp_path / "in")
    streamed = tmp_path / "streamed" / plain.name
    streamed.parent.mkdir()
    with streamed.open("wb") as out, ZipFile(Pipe(out), "w", ZIP_DEFLATED) as archive:
        for name, content in members(plain).items():
            archive.writestr(name, content)
    with ZipFile(streamed) as archive:
        assert all(info.flag_bits & 8 for info in archive.infolist())
    path = make_variant(streamed, tmp_path, label="cu126", properties=CU126)
    verify_wheel(path)
    with ZipFile(path) as archive:
        assert not any(info.flag_bits & 8 for info in archive.infolist())


def test_windows_line_ends_and_order_of_record_stay(tmp_path: Path) -> None:
    plain = raw_wheel(tmp_path / "in", [("evil/b.py", b"b"), ("evil/a.py", b"a")])
    contents = members(plain)
    record = contents["evil-1.0.dist-info/RECORD"].replace(b"\n", b"\r\n")
    with ZipFile(plain, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, record if name.endswith("RECORD") else content)
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    lines = members(path)["evil-1.0.dist-info/RECORD"].split(b"\r\n")
    assert lines[:-3] == record.split(b"\r\n")[:-2]
    assert lines[-3].startswith(b"evil-1.0.dist-info/variant.json,sha256=")
    assert lines[-2:] == [b"evil-1.0.dist-info/RECORD,,", b""]


def test_signatures_are_dropped(tmp_path: Path) -> None:
    plain = raw_wheel(tmp_path / "in", [("evil-1.0.dist-info/RECORD.jws", b"{}")])
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    assert "evil-1.0.dist-info/RECORD.jws" not in members(path)
    assert b"RECORD.jws" not in members(path)["evil-1.0.dist-info/RECORD"]
    verify_wheel(path)


STATIC = ProviderInfo(build_requires=("some-plugin",))


@pytest.mark.parametrize(
    ("label", "wanted", "table", "says"),
    [
        ("cu-12", CU126, None, "characters other than"),
        ("", CU126, None, "is empty"),
        ("null", CU126, None, "reserved for the variant"),
        ("cu126", {}, metadata(), "has no properties"),
        ("cu126", None, metadata(), "no properties were given"),
        ("cu126", None, None, "no properties were given"),
        ("null", {}, None, "no namespace is known"),
        ("null", None, None, "no namespace is known"),
        (
            "cu126",
            {"amd": {"gfx_arch": ("gfx942",)}},
            metadata(),
            "'amd' is not listed in default-priorities",
        ),
        ("cu126", CU128, metadata(cu126=CU126), "not those listed for this label"),
        (
            "cu126",
            CU126,
            VariantMetadata(PEP_850_SCHEMA, ("nvidia",), {"nvidia": STATIC}),
            "thing.toml: providers.nvidia.build-requires",
        ),
    ],
)
def test_refuses_what_would_be_invalid(
    plain: Path,
    tmp_path: Path,
    label: str,
    wanted: Properties | None,
    table: VariantMetadata | None,
    says: str,
) -> None:
    out = tmp_path / "out"
    with pytest.raises(InvalidVariantError, match=says):
        make_variant(plain, out, label=label, properties=wanted, table=table, table_source="thing.toml")
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.parametrize("case", ["wrong-hash", "extra-file", "bit-flip", "truncated", "symlink"])
def test_refuses_an_unsound_wheel_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    source = MALICIOUS[case].build(tmp_path / "in")
    with pytest.raises(WheelError):
        make_variant(source, tmp_path / "out", label="cu126", properties=CU126)
    assert not list((tmp_path / "out").glob("*"))


def test_refuses_to_overwrite_its_source(plain: Path, tmp_path: Path) -> None:
    made = make_variant(plain, tmp_path, label="cu126", properties=CU126)
    with pytest.raises(WheelError, match="would overwrite it"):
        make_variant(made, tmp_path, label="cu126", properties=CU128)
    with pytest.raises(WheelError, match="nothing to undo"):
        unmake_variant(plain, tmp_path)


def test_a_variant_keeps_its_provider_table_under_another_label(plain: Path, tmp_path: Path) -> None:
    made = make_variant(plain, tmp_path, label="cu126", properties=CU126, table=provided())
    other = make_variant(made, tmp_path, label="cu128", properties=CU128)
    document = json.loads(members(other)["thing-1.0+cpu.dist-info/variant.json"])
    assert list(document["variants"]) == ["cu128"]
    assert list(document["providers"]) == ["nvidia"]


def test_abi_dependency_needs_no_listing(plain: Path, tmp_path: Path) -> None:
    wanted = {**CU126, "abi_dependency": {"torch": ("2.10",)}}
    path = make_variant(plain, tmp_path, label="cu126_torch210", properties=wanted, table=metadata())
    verify_wheel(path)
