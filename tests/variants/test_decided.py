"""Requirements with their variant markers decided mean what they meant, to a reader without variants."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from packaging.requirements import Requirement

from tests.variants.test_markers import FOO, LINUX, NULL, Expression, expressions
from variantctl.variants.decided_markers import decide_requirement
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import NON_VARIANT, MarkerVariant, parse_requirement


@settings(deadline=None)
@given(expressions)
def test_the_truth_stays(expression: Expression) -> None:
    for variant in (FOO, NULL, NON_VARIANT):
        text = f"dep[x] >= 1 ; {expression.text}"
        wanted = parse_requirement(text).applies(LINUX, variant)
        decided = decide_requirement(text, variant)
        if decided is None:
            assert not wanted
            continue
        requirement = Requirement(decided)
        assert (requirement.name, requirement.extras, str(requirement.specifier)) == ("dep", {"x"}, ">=1")
        assert (requirement.marker is None or requirement.marker.evaluate({**LINUX, "extra": ""})) is wanted


@pytest.mark.parametrize(
    ("text", "decided"),
    [
        ("numpy", "numpy"),
        ("numpy>=2 ;  os_name=='nt'", "numpy>=2 ;  os_name=='nt'"),
        ("triton; variant_label == 'foobar'", "triton"),
        ("triton; 'a' in variant_namespaces and extra == 'x'", "triton ; extra == 'x'"),
        ("triton; variant_label != 'foobar' and extra == 'x'", None),
        (
            "t[b]==1; ('a' in variant_namespaces and (os_name == 'nt' or extra == 'x')) and os_name>'3'",
            "t[b]==1 ; (os_name == 'nt' or extra == 'x') and os_name>'3'",
        ),
        ("t; variant_label == 'x' or os_name == 'and or (' ", "t ; os_name == 'and or ('"),
        ("t @ https://example.org/t.whl ; variant_label == 'foobar'", "t@ https://example.org/t.whl"),
        (
            "t @ https://example.org/t.whl ; 'a' in variant_namespaces and os_name == 'nt'",
            "t@ https://example.org/t.whl ; os_name == 'nt'",
        ),
    ],
)
def test_what_is_left(text: str, decided: str | None) -> None:
    assert decide_requirement(text, FOO) == (decided and str(decided).replace("t@", "t @"))


def test_what_is_no_requirement_is_refused() -> None:
    with pytest.raises(InvalidVariantError):
        decide_requirement("t; variant_label ~= 'x'", MarkerVariant())
