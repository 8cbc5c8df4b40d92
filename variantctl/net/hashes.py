"""Digests of files, and whether they are the promised ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from variantctl.net.errors import HashMismatch

STRONG = ("sha256", "sha384", "sha512", "sha224", "blake2b", "sha3_256", "sha3_384", "sha3_512")
"""Algorithms that identify a file; md5 and sha1 are checked where given, and prove nothing."""

_CHUNK = 1024 * 1024


class Digests:
    """Several digests computed in one pass; sha256 is always one of them."""

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        names = {"sha256", *(name for name in algorithms if is_known(name))}
        self._hashers = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(names)}

    def update(self, data: bytes) -> None:
        for hasher in self._hashers.values():
            hasher.update(data)

    def result(self) -> dict[str, str]:
        """Algorithm -> hexadecimal digest."""
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}


def is_known(algorithm: str) -> bool:
    """Whether the algorithm has digests of a fixed length and this Python can compute them."""
    return algorithm in hashlib.algorithms_available and not algorithm.startswith("shake")


def digests_of(path: Path, algorithms: Iterable[str] = ()) -> dict[str, str]:
    """The digests of a file: sha256, and those of *algorithms* that are known."""
    digests = Digests(algorithms)
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digests.update(data)
    return digests.result()


def digests_of_bytes(data: bytes, algorithms: Iterable[str] = ()) -> dict[str, str]:
    """As ``digests_of``, of bytes in memory."""
    digests = Digests(algorithms)
    digests.update(data)
    return digests.result()


def check(
    filename: str,
    got: Mapping[str, str],
    promised: Mapping[str, str],
    *,
    promised_by: str,
    read_from: str,
) -> None:
    """Compare every digest that is both promised and computed.

    Raises:
        HashMismatch: one of them differs.
    """
    for algorithm, expected in promised.items():
        actual = got.get(algorithm)
        if actual is not None and actual != expected:
            raise HashMismatch(
                filename,
                algorithm,
                expected=expected,
                got=actual,
                promised_by=promised_by,
                read_from=read_from,
            )


def key_digest(*key: str) -> str:
    """The name of the entry of *key*."""
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()
