"""Names for tools without variants: valid, unique to a wheel, and found again."""

from __future__ import annotations

import pytest
from packaging.utils import parse_wheel_filename as parse_plain

from variantctl.proxy.project_view import ordinary_name, unique_name, without_our_tag
from variantctl.variants.filenames import parse_wheel_filename

NAMES = [
    "torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64-cuda12.8.whl",
    "torch-2.10.0-1-py3-none-any-cuda12.8.whl",
    "torch-2.10.0-0-py3-none-any-null.whl",
    "torch-2.10.0-12abc-py3-none-any-null.whl",
    "big.thing-2.0+local-py2.py3-none-any-x.whl",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_unique_name_is_an_ordinary_one_with_a_build_tag(name: str) -> None:
    wheel = parse_wheel_filename(name)
    ordinary = ordinary_name(wheel)
    unique = unique_name(wheel, "a", b"b")
    assert unique != unique_name(wheel, "ab", b"")
    assert unique == unique_name(wheel, "a", b"b")
    assert parse_plain(unique)[:2] == parse_plain(ordinary)[:2]
    assert parse_plain(unique)[3] == parse_plain(ordinary)[3]
    assert (parse_plain(unique)[2] or (0,))[0] == (wheel.build or (0,))[0]
    assert ordinary in without_our_tag(unique)
    assert without_our_tag(ordinary) == ()
