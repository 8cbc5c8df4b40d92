"""Labels, features and properties: what PEP 825 allows, and what it refuses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import validate_label
from variantctl.variants.properties import VariantFeature, VariantProperty, collect, expand

from . import strategies


@given(st.text(max_size=6) | st.text("az09_.A- \n", max_size=4))
def test_label_is_what_the_pep_s_pattern_allows(text: str) -> None:
    allowed = re.fullmatch(r"[0-9a-z_.]+", text, re.ASCII) is not None
    if allowed:
        assert validate_label(text) == text
    else:
        with pytest.raises(InvalidVariantError, match="variant label"):
            validate_label(text)


@given(st.text("az09_.A \n", max_size=4), st.text("az09_.A", max_size=4), st.text("az09_.A\n", max_size=4))
def test_property_is_what_the_pep_s_patterns_allow(namespace: str, feature: str, value: str) -> None:
    name = r"[a-z0-9_]+"
    allowed = (
        re.fullmatch(name, namespace) and re.fullmatch(name, feature) and re.fullmatch(r"[a-z0-9_.]+", value)
    )
    if allowed:
        assert str(VariantProperty(namespace, feature, value)) == f"{namespace} :: {feature} :: {value}"
        assert str(VariantFeature(namespace, feature)) == f"{namespace} :: {feature}"
    else:
        with pytest.raises(InvalidVariantError):
            VariantProperty(namespace, feature, value)


@pytest.mark.parametrize("text", ["a :: b :: 1.0", "a::b::1.0", " a  ::b ::\t1.0 "])
def test_white_space_around_the_separators_is_ignored(text: str) -> None:
    assert VariantProperty.parse(text) == VariantProperty("a", "b", "1.0")


@pytest.mark.parametrize(
    "text", ["", "a", "a :: b", "a :: b :: c :: d", "a : b : c", "a :: :: c", "a b::c::d"]
)
def test_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(InvalidVariantError):
        VariantProperty.parse(text)


def test_feature_is_read_from_two_parts() -> None:
    assert VariantFeature.parse("a :: b") == VariantFeature("a", "b")
    with pytest.raises(InvalidVariantError, match="namespace :: feature"):
        VariantFeature.parse("a :: b :: c")


@given(strategies.properties)
def test_properties_expand_and_collect(table: dict[str, dict[str, list[str]]]) -> None:
    expected = {ns: {f: tuple(sorted(v)) for f, v in features.items()} for ns, features in table.items()}
    assert collect(expand(expected)) == expected
