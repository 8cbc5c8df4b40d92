"""Is a wheel what it says it is: what is checked, in which order things are told, how progress is told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.wheels.malicious import METADATA, VARIANT_JSON, raw_wheel
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError
from variantctl.wheels.record import RecordEntry
from variantctl.wheels.verify import check_claims, check_contents, content_problems, scripts_of, verify_wheel

FILES = {"one/a.py": b"a" * 10, "one/b.py": b"b" * 200_000, "one/c.py": b"", "one/d.py": b"d" * 3000}


def sound(folder: Path) -> Path:
    return build_wheel(folder, name="one", version="1.0", files=FILES)


def record_of(archive: WheelArchive) -> dict[str, RecordEntry]:
    return dict(check_claims(archive).record)


def test_a_sound_wheel_has_no_notes_and_tells_its_progress(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    wheel = sound(tmp_path)
    assert verify_wheel(wheel, progress=lambda done, total: told.append((done, total))) == ()
    with zipfile.ZipFile(wheel) as archive:
        total = sum(info.file_size for info in archive.infolist() if not info.filename.endswith("RECORD"))
    record = next(size for size in {all_ for _, all_ in told})
    assert {all_ for _, all_ in told} == {record} and record >= total
    done = [part for part, _ in told]
    assert done == sorted(done) and done[-1] == record and len(set(done)) > 1
    assert verify_wheel(wheel) == ()


def test_what_differs_is_told_in_the_order_of_the_archive(tmp_path: Path) -> None:
    """The largest file is read first, and told in its place all the same."""
    with WheelArchive.open(sound(tmp_path)) as archive:
        record = record_of(archive)
        for path in ("one/a.py", "one/b.py", "one/d.py"):
            record[path] = RecordEntry(path, "sha256", "A" * 43, len(FILES[path]))
        problems = content_problems(archive, record)
        assert [error.member for error in problems] == ["one/a.py", "one/b.py", "one/d.py"]
        with pytest.raises(WheelError) as caught:
            check_contents(archive, record)
        assert caught.value.member == "one/a.py" and "and 2 more" in caught.value.message


def test_a_size_that_differs_is_found(tmp_path: Path) -> None:
    with WheelArchive.open(sound(tmp_path)) as archive:
        record = record_of(archive)
        entry = record["one/d.py"]
        record["one/d.py"] = RecordEntry("one/d.py", entry.algorithm, entry.digest, 1)
        assert [error.member for error in content_problems(archive, record)] == ["one/d.py"]
        # A file that RECORD does not list is not what this looks at.
        del record["one/d.py"]
        assert content_problems(archive, record) == []


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (METADATA.replace(b"evil", b"other"), "it is about 'other', the filename about 'evil'"),
        (METADATA.replace(b"1.0", b"1.1"), "it is about version 1.1, the filename about 1.0"),
    ],
)
def test_metadata_of_another_wheel(tmp_path: Path, metadata: bytes, says: str) -> None:
    metadata = metadata.replace(b"Metadata-Version: 2.1.1", b"Metadata-Version: 2.1")
    wheel = raw_wheel(tmp_path, metadata=metadata)
    with pytest.raises(WheelError) as caught:
        verify_wheel(wheel)
    assert says in caught.value.message
    assert (caught.value.member or "").endswith("METADATA")


def test_a_local_version_in_the_filename_alone(tmp_path: Path) -> None:
    wheel = raw_wheel(tmp_path)
    moved = wheel.rename(wheel.with_name("evil-1.0+cu128-py3-none-any.whl"))
    with WheelArchive.open(wheel.with_name(moved.name)) as archive:
        assert check_claims(archive).record


def test_a_name_to_answer_to(tmp_path: Path) -> None:
    """A cache keeps a wheel under another name; it is judged by that which it should have."""
    kept = sound(tmp_path).rename(tmp_path / "0123abcd")
    assert verify_wheel(kept, expected=parse_wheel_filename("one-1.0-py3-none-any.whl")) == ()
    with pytest.raises(WheelError):
        verify_wheel(kept, expected=parse_wheel_filename("two-1.0-py3-none-any.whl"))


def test_no_wheel_file(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, name="one", version="1.0", files=FILES)
    without = tmp_path / "other" / wheel.name
    without.parent.mkdir()
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(without, "w") as new:
        for info in old.infolist():
            if not info.filename.endswith("/WHEEL"):
                new.writestr(info, old.read(info))
    with pytest.raises(WheelError, match="no WHEEL file"):
        verify_wheel(without)


def test_variant_json_where_none_belongs_is_a_note(tmp_path: Path) -> None:
    """An ordinary name and a variant.json: it is installed as what its name says."""
    member = ("evil-1.0.dist-info/variant.json", VARIANT_JSON % b"x")
    wheel = raw_wheel(tmp_path, [member])
    with WheelArchive.open(wheel) as archive:
        claims = check_claims(archive)
    assert len(claims.notes) == 1 and "variant.json" in claims.notes[0]
    assert claims.untidy == ()
    assert verify_wheel(wheel) == claims.notes


def test_scripts(tmp_path: Path) -> None:
    points = {"console_scripts": {"one": "one:main"}}
    wheel = build_wheel(tmp_path, name="one", version="1.0", files=FILES, entry_points=points)
    with WheelArchive.open(wheel) as archive:
        assert [script.name for script in scripts_of(archive).entries] == ["one"]
    with WheelArchive.open(sound(tmp_path / "without")) as archive:
        assert not scripts_of(archive).entries


def test_a_variant_json_that_contradicts_the_name(tmp_path: Path) -> None:
    """It lists another label than the one in the filename."""
    dist_info = {"variant.json": VARIANT_JSON % b"other"}
    wheel = raw_wheel(
        tmp_path,
        [(f"evil-1.0.dist-info/{name}", content) for name, content in dist_info.items()],
        filename="evil-1.0-py3-none-any-x.whl",
    )
    with pytest.raises(VariantctlError, match=r"variant\.json"), WheelArchive.open(wheel) as archive:
        check_claims(archive)
