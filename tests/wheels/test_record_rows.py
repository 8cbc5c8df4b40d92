"""Rows of RECORD one by one: what is read, what is said of them, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.wheels.untidy import MODULE, untidy_wheel
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.record import Record, encode_digest, hashes_in_library, raise_first, read_record

DIGEST = encode_digest(hashlib.sha256(MODULE).digest())
INIT = "evil/__init__.py"


def read(folder: Path, *rows: str, also: tuple[str, ...] = ()) -> Record:
    """RECORD with these rows in place of that of the module, and with some before all."""

    def change(found: dict[str, str]) -> None:
        others = {path: row for path, row in found.items() if path != INIT}
        found.clear()
        found.update({f"new {number}": row for number, row in enumerate((*also, *rows))})
        found.update(others)

    with WheelArchive.open(untidy_wheel(folder, change)) as archive:
        return read_record(archive)


@pytest.mark.parametrize(("digits", "size"), [(18, int("1" * 18)), (19, None)])
def test_sizes(digits: int, size: int | None, tmp_path: Path) -> None:
    record = read(tmp_path, f"{INIT},sha256={DIGEST},{'1' * digits}")
    assert record.entries[INIT].size == size
    assert len(record.untidy) == (size is None)


@pytest.mark.parametrize("padding", ["", "=", "==", "==="])
def test_padding_is_left_out(padding: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{INIT},sha256={DIGEST}{padding},").entries[INIT].digest == DIGEST
    assert "=" not in DIGEST


def test_paths_as_windows_spells_them(tmp_path: Path) -> None:
    for written in ("evil\\__init__.py", "./evil/__init__.py", ".\\evil\\__init__.py"):
        record = read(tmp_path / written.strip("./\\")[:5], f"{written},sha256={DIGEST},")
        assert INIT in record.entries
        assert "spelled as Windows does" in record.untidy[0]
    record = read(tmp_path / "missing", f"{INIT},sha256={DIGEST},", "./missing.py,,", "a\\b.py,,")
    assert {"./missing.py", "a\\b.py"} <= record.entries.keys(), "as they are written, for messages"
    assert not any("Windows" in text for text in record.untidy)


def test_how_many_rows_are_odd(tmp_path: Path) -> None:
    (one,) = read(tmp_path / "one", f"{INIT},,").untidy
    assert "has a row without a hash" in one
    (two,) = read(tmp_path / "two", f"{INIT},,", "missing.py,,").untidy
    assert "has 2 rows without a hash" in two


def test_the_line_is_named(tmp_path: Path) -> None:
    with pytest.raises(WheelError, match="RECORD, line 1: the hash is not base64"):
        read(tmp_path / "one", f"{INIT},sha256=?,")
    with pytest.raises(WheelError, match="RECORD, line 2: the hash has not the length of sha256"):
        read(tmp_path / "two", f"{INIT},sha256=abcd,", also=("missing.py,,",))


def test_the_first_of_several_problems() -> None:
    problems = [WheelError("x.whl", f"it has problem {number}", member=f"m{number}") for number in range(3)]
    raise_first([])
    more = ("", " (and 1 more problem of this wheel)", " (and 2 more problems of this wheel)")
    for count, said in enumerate(more, 1):
        with pytest.raises(WheelError) as caught:
            raise_first(problems[:count])
        assert caught.value.problem == f"it has problem 0{said}"
        assert caught.value.member == "m0"


def test_what_lies_below_site_packages_as_it_is() -> None:
    rows = {
        "one.py": "sha256=a",
        "one/x.data/y.py": "sha256=b",
        "one-1.data/scripts/run": "sha256=c",
        "one/__pycache__/x.pyc": "sha256=d",
        "one-1.dist-info/RECORD": "",
    }
    assert hashes_in_library(rows.items()) == {"one.py": "sha256=a", "one/x.data/y.py": "sha256=b"}
