"""Reading wheels: sound ones are read, and every unsound one is refused with its name."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wheels.malicious import FILENAME, MALICIOUS, Malicious, raw_wheel, streamed_wheel, zip64_wheel
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError
from variantctl.wheels.limits import parse_size
from variantctl.wheels.record import check_names, read_record, verified_chunks
from variantctl.wheels.verify import check_claims, verify_archive, verify_wheel

CASES = [pytest.param(case, id=name) for name, case in MALICIOUS.items()]
DEEP = [pytest.param(case, id=name) for name, case in MALICIOUS.items() if case.deep]


@pytest.mark.parametrize("case", CASES)
def test_malicious_wheel_is_refused_by_name(case: Malicious, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    with pytest.raises(VariantctlError) as caught:
        verify_wheel(path)
    assert caught.value.kind in ("invalid-wheel", "invalid-variant")
    assert path.name in caught.value.message
    assert re.search(case.says, caught.value.message), caught.value.message


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=name) for name, case in MALICIOUS.items() if not case.deep]
)
def test_most_dangers_are_seen_without_inflating(case: Malicious, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    with pytest.raises(VariantctlError), WheelArchive.open(path) as archive:
        check_claims(archive)


def test_sound_raw_wheel_passes(tmp_path: Path) -> None:
    # The generator of malicious wheels is sound where nothing is wrong: each refusal is about its one flaw.
    assert verify_wheel(raw_wheel(tmp_path)) == ()


@pytest.mark.parametrize("build", [streamed_wheel, zip64_wheel])
def test_uncommon_archives_are_sound(build: Callable[[Path], Path], tmp_path: Path) -> None:
    assert verify_wheel(build(tmp_path)) == ()


@pytest.mark.parametrize(
    ("text", "size"), [("5", 5), ("1.5 kB", 1500), ("20GB", 20 * 10**9), ("2GiB", 2 << 30), ("1T", 10**12)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1 XB", "1e9"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


def test_reads_members_and_metadata(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, name="Some.Thing", version="1.0.0", files={"thing.py": b"x = 1\n"})
    with WheelArchive.open(path) as archive:
        assert archive.dist_info == "some_thing-1.0.0.dist-info"
        assert archive.names[0] == "thing.py"
        assert archive.read("thing.py") == b"x = 1\n"
        assert b"Name: Some.Thing" in archive.metadata_bytes()
        assert archive.variant_json_bytes() is None
        with pytest.raises(WheelError, match=r"'other\.py': the wheel has no such file"):
            archive.read("other.py")


def test_reads_from_any_seekable_file(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, name="thing", version="1", files={"thing.py": b"x"})
    with WheelArchive.from_file(io.BytesIO(path.read_bytes()), path.name) as archive:
        assert archive.read("thing.py") == b"x"


def test_large_members_come_in_pieces(tmp_path: Path) -> None:
    content = bytes(9_000_000)
    path = build_wheel(tmp_path, name="thing", version="1", files={"zeros": content})
    with WheelArchive.open(path) as archive:
        pieces = list(verified_chunks(archive, read_record(archive).entries["zeros"]))
        assert max(map(len, pieces)) <= 4 << 20
        assert b"".join(pieces) == content
        with pytest.raises(WheelError, match="more than the 1000 allowed"):
            archive.read("zeros", limit=1000)


@pytest.mark.parametrize("case", DEEP)
def test_unpacking_notices_what_names_do_not_show(case: Malicious, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    with pytest.raises(WheelError), WheelArchive.open(path) as archive:
        record = read_record(archive).entries
        check_names(archive, record)
        for entry in record.values():
            for _ in verified_chunks(archive, entry):
                pass


def test_a_kept_wheel_answers_to_the_name_it_is_known_by(tmp_path: Path) -> None:
    path = raw_wheel(tmp_path).rename(tmp_path / "0123abcd")
    verify_wheel(path, expected=parse_wheel_filename(FILENAME))
    with pytest.raises(WheelError, match=r"not that of other 1\.0"):
        verify_wheel(path, expected=parse_wheel_filename("other-1.0-py3-none-any.whl"))


@pytest.mark.parametrize("dist_info", ["Evil-1.0.dist-info", "evil-1.dist-info", "evil-1.0.0.dist-info"])
def test_metadata_folder_may_be_spelled_otherwise(dist_info: str, tmp_path: Path) -> None:
    with WheelArchive.open(raw_wheel(tmp_path, dist_info=dist_info)) as archive:
        assert archive.dist_info == dist_info
        verify_archive(archive)


@pytest.mark.parametrize("stem", ["some-thing-1.0", "Some.Thing-1.0", "some_thing-1.0"])
def test_metadata_folder_with_dashes_in_the_name(stem: str, tmp_path: Path) -> None:
    path = raw_wheel(
        tmp_path,
        filename="some_thing-1.0-py3-none-any.whl",
        dist_info=f"{stem}.dist-info",
        metadata=b"Name: some-thing\nVersion: 1.0\n",
    )
    verify_wheel(path)


def test_device_names_matter_only_where_windows_may_install(tmp_path: Path) -> None:
    name = "evil-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    verify_wheel(raw_wheel(tmp_path, [("evil/aux.h", b"x")], filename=name))
    with pytest.raises(WheelError, match="device"):
        verify_wheel(
            raw_wheel(tmp_path, [("evil/aux.h", b"x")], filename="evil-1.0-cp312-cp312-win_amd64.whl")
        )


def test_signatures_need_no_hash(tmp_path: Path) -> None:
    signature = "evil-1.0.dist-info/RECORD.jws"
    verify_wheel(raw_wheel(tmp_path, [(signature, b"{}")], record={signature: b""}))


def test_non_variant_wheel_with_variant_json_is_noted(tmp_path: Path) -> None:
    notes = verify_wheel(raw_wheel(tmp_path, [("evil-1.0.dist-info/variant.json", b"junk")]))
    assert len(notes) == 1
    assert "has a variant.json but no label" in notes[0]


def test_several_problems_are_counted(tmp_path: Path) -> None:
    path = raw_wheel(tmp_path, record={"a": b"1", "b": b"2", "c": b"3"})
    with pytest.raises(WheelError, match=r"'a': .*\(and 2 more problems of this wheel\)"):
        verify_wheel(path)


def test_missing_file_is_a_wheel_error(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match="cannot be opened: No such file"):
        verify_wheel(tmp_path / FILENAME)


def test_progress_reaches_the_total(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, name="thing", version="1", files={"a": bytes(1000), "b": bytes(3_000_000)})
    seen: list[tuple[int, int]] = []
    verify_wheel(path, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] > 3_001_000


def test_flipped_bits_are_noticed_where_no_record_is_read(tmp_path: Path) -> None:
    with (
        WheelArchive.open(MALICIOUS["bit-flip"].build(tmp_path)) as archive,
        pytest.raises(WheelError, match=r"'evil/data\.txt': its checksum \(CRC\) is wrong"),
    ):
        archive.read("evil/data.txt")


@pytest.mark.parametrize("claim", [1000, 9_000_000])
def test_a_member_of_another_size_than_it_claims(claim: int, tmp_path: Path) -> None:
    # One that inflates to more than it says must not be inflated to its end: it may be a bomb.
    path = raw_wheel(tmp_path, [("evil/zeros", bytes(8_000_000))])
    data = bytearray(path.read_bytes())
    for at in (data.index(b"evil/zeros") - 30 + 22, data.rindex(b"evil/zeros") - 46 + 24):
        assert int.from_bytes(data[at : at + 4], "little") == 8_000_000
        data[at : at + 4] = claim.to_bytes(4, "little")
    path.write_bytes(data)
    produced = 0
    with WheelArchive.open(path) as archive, pytest.raises(WheelError, match=f"the {claim} bytes it claims"):
        for piece in archive.chunks("evil/zeros"):
            produced += len(piece)
    assert produced <= claim
