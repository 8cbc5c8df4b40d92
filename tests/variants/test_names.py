"""Names beside ``packaging``, which says what is normalized."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name as theirs

from variantctl.variants.names import canonicalize_name


@given(st.one_of(st.text(), st.text("aB0-_.", max_size=12)))
@example("Friendly-._.-Bard")
def test_as_packaging_has_them(name: str) -> None:
    assert canonicalize_name(name) == theirs(name)
