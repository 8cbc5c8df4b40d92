"""Digests of files, and whether they are the promised ones."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from variantctl.net.errors import HashMismatch
from variantctl.net.hashes import Digests, check, digests_of, digests_of_bytes, is_known, key_digest

DATA = b"some bytes\n" * 300_000
SHA256 = hashlib.sha256(DATA).hexdigest()
SHA512 = hashlib.sha512(DATA).hexdigest()
MD5 = hashlib.md5(DATA, usedforsecurity=False).hexdigest()


def test_a_file_of_several_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    assert digests_of(path) == {"sha256": SHA256}
    expected = {"md5": MD5, "sha256": SHA256, "sha512": SHA512}
    assert digests_of(path, ["sha512", "md5", "none-such", "shake_256"]) == expected
    assert digests_of_bytes(DATA, ["sha512", "md5", "none-such", "shake_128"]) == expected


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert digests_of(tmp_path / "file") == {"sha256": hashlib.sha256(b"").hexdigest()}


def test_pieces_count_in_their_order() -> None:
    digests = Digests(["sha512"])
    digests.update(DATA[:5])
    digests.update(DATA[5:])
    assert digests.result() == {"sha256": SHA256, "sha512": SHA512}


@pytest.mark.parametrize(
    ("algorithm", "known"),
    [
        ("sha256", True),
        ("md5", True),
        ("sha3_512", True),
        ("shake_128", False),
        ("shake", False),
        ("x", False),
    ],
)
def test_algorithms(algorithm: str, known: bool) -> None:
    assert is_known(algorithm) is known


@pytest.mark.parametrize(
    "promised",
    [
        {},
        {"sha256": SHA256},
        {"sha512": SHA512, "sha256": SHA256},
        # Promised in a way that nobody computed: it proves nothing, and contradicts nothing.
        {"blake2b": "00", "sha256": SHA256},
        {"blake2b": "00"},
    ],
)
def test_what_agrees(promised: dict[str, str]) -> None:
    check("f", {"sha256": SHA256, "sha512": SHA512}, promised, promised_by="x", read_from="y")


@pytest.mark.parametrize(
    ("promised", "algorithm"),
    [
        ({"sha256": "00"}, "sha256"),
        ({"sha256": SHA256, "sha512": "00"}, "sha512"),
        ({"sha512": "00", "sha256": SHA256}, "sha512"),
        ({"sha256": SHA256.upper()}, "sha256"),
    ],
)
def test_one_that_differs_is_enough(promised: dict[str, str], algorithm: str) -> None:
    with pytest.raises(HashMismatch) as caught:
        check("f.whl", {"sha256": SHA256, "sha512": SHA512}, promised, promised_by="the lock", read_from="u")
    error = caught.value
    assert (error.filename, error.algorithm, error.expected) == ("f.whl", algorithm, promised[algorithm])
    assert error.got == {"sha256": SHA256, "sha512": SHA512}[algorithm]
    assert "the lock promises" in error.message


def test_keys_are_told_apart() -> None:
    assert key_digest("a", "b") != key_digest("ab") != key_digest("", "ab")
    assert key_digest("a", "b") == hashlib.sha256(b"a\0b").hexdigest()
    assert key_digest("\udcff") == hashlib.sha256(b"\xed\xb3\xbf").hexdigest()
