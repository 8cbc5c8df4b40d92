"""Names of libraries among constants: the quick search finds what the plain one does."""

from __future__ import annotations

import random
import time

from variantctl.machine_code import library
from variantctl.machine_code.library import _names_in

_LONGEST = b"libcudnn" + b"w" * 40 + b".so.12345678.12345678.12345678\0"
PARTS = (
    *(b"libcudart.so.12\0", _LONGEST, b"nvrtc64_120_0.dll\0", b"libcuda.so\0", b"/libcuda.so.1\0"),
    *(b"x", b".so", b".so.1\0", b".dll\0", b"\0", b" " * 63, b"y" * 100, b"lib"),
)


def test_the_same_as_the_plain_search() -> None:
    choose = random.Random(17)
    for number in range(3000):
        constants = b"".join(choose.choices(PARTS, k=choose.randrange(30)))
        plain = [match[1] for match in library._OPENED.finditer(constants)]
        assert list(_names_in(constants)) == plain, f"case {number}: {constants!r}"


def test_dots_alone_cost_little() -> None:
    """Each dot may be the start of an ending; what is around it is read once all the same."""
    constants = b".so." * 250_000
    started = time.process_time()
    assert list(_names_in(constants)) == []
    assert time.process_time() - started < 5
