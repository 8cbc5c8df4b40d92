"""Variant markers in dependency specifiers, next to a tree whose truth is known by how it was made."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker, default_environment
from packaging.requirements import InvalidRequirement, Requirement

from variantctl.variants import load_metadata
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import NON_VARIANT, MarkerVariant, evaluate_marker, narrow, parse_requirement
from variantctl.variants.properties import VariantProperty

from . import strategies

LINUX = {**{key: str(value) for key, value in default_environment().items()}, "os_name": "posix"}
FOO = MarkerVariant(
    "foobar", frozenset({VariantProperty("foo", "bar", "baz"), VariantProperty("a", "b", "1.0")})
)
NULL = MarkerVariant("null")


class Expression(NamedTuple):
    """A marker's text and whether it holds for FOO on LINUX."""

    text: str
    holds: bool


def quoted(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f'"{text}"', f"'{text}'"])


@st.composite
def comparisons(draw: st.DrawFn) -> Expression:
    """One comparison, in any spelling the grammar allows."""
    space = st.sampled_from(["", " ", "\t "])
    kind = draw(st.sampled_from(["label", "set", "standard", "string"]))
    if kind == "label":
        text = draw(st.sampled_from(["foobar", "foo", "", "null", "foobar baz"]))
        literal, op = draw(quoted(text)), draw(st.sampled_from(["==", "!=", "<=", ">=", "<", ">"]))
        equal = text == "foobar"
        holds = {"==": equal, "!=": not equal, "<=": equal, ">=": equal, "<": False, ">": False}[op]
        left, right = draw(st.permutations([literal, "variant_label"]))
        if draw(st.booleans()):
            op = draw(st.sampled_from(["in", "not in", "not  in"]))
            inside = "foobar" in text if left == "variant_label" else text in "foobar"
            holds = inside == (op == "in")
            return Expression(f"{left} {op} {right}", holds)
        return Expression(f"{left}{draw(space)}{op}{draw(space)}{right}", holds)
    if kind == "set":
        name, members = draw(
            st.sampled_from(
                [
                    ("variant_namespaces", [["foo"], ["a"]]),
                    ("variant_features", [["foo", "bar"], ["a", "b"]]),
                    ("variant_properties", [["foo", "bar", "baz"], ["a", "b", "1.0"]]),
                ]
            )
        )
        parts = draw(st.sampled_from([*members, ["foo", "b"], ["x"], ["foo", "bar", "1.0"], []]))
        separator = draw(st.sampled_from(["::", " :: ", "  ::", "::\t"]))
        op = draw(st.sampled_from(["in", "not in"]))
        literal = draw(quoted(separator.join(parts)))
        return Expression(f"{literal}{draw(space)}{op} {name}", (parts in members) == (op == "in"))
    if kind == "standard":
        return draw(
            st.sampled_from(
                [
                    Expression("os_name == 'posix'", True),
                    Expression("'nt' == os_name", False),
                    Expression("python_version >= '3'", True),
                    Expression("os_name in 'nt java'", False),
                ]
            )
        )
    hidden = draw(st.sampled_from(["variant_label == x", "a in variant_features", "variant_properties"]))
    return Expression(f"os_name == {draw(quoted(hidden))}", False)


def combine(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def joined(pair: tuple[Expression, Expression], word: str, parentheses: bool) -> Expression:
        left, right = pair
        holds = (left.holds and right.holds) if word == "and" else (left.holds or right.holds)
        text = f"({left.text}) {word} ({right.text})"
        return Expression(f"( {text})" if parentheses else text, holds)

    return st.builds(joined, st.tuples(inner, inner), st.sampled_from(["and", "or"]), st.booleans())


expressions = st.recursive(comparisons(), combine, max_leaves=6)


@given(expressions)
def test_every_expression_has_the_truth_it_was_made_with(expression: Expression) -> None:
    assert evaluate_marker(expression.text, LINUX, FOO) is expression.holds
    requirement = parse_requirement(f"dep[x] >= 1 ; {expression.text}")
    assert requirement.marker == expression.text.strip(" \t")
    assert requirement.applies(LINUX, FOO) is expression.holds


@given(st.lists(comparisons(), min_size=1, max_size=5), st.data())
def test_and_binds_closer_than_or(items: list[Expression], data: st.DataObject) -> None:
    words = [data.draw(st.sampled_from(["and", "or"])) for _ in items[1:]]
    text, python = items[0].text, str(items[0].holds)
    for word, item in zip(words, items[1:], strict=True):
        text, python = f"{text} {word} {item.text}", f"{python} {word} {item.holds}"
    assert evaluate_marker(text, LINUX, FOO) is eval(python)


PEP_EXAMPLES = [
    ('variant_label == "foobar"', True, False, False),
    ('variant_label != "null"', True, False, True),
    ('variant_label == ""', False, False, True),
    ('"foo" in variant_namespaces', True, False, False),
    ('"foo :: bar" in variant_features', True, False, False),
    ('"foo :: bar :: baz" in variant_properties', True, False, False),
    ('"foo::bar::baz" in variant_properties', True, False, False),
    ('"foo :: bar :: qux" in variant_properties', False, False, False),
    ('"foo" not in variant_namespaces', False, True, True),
]


@pytest.mark.parametrize(("marker", "foo", "null", "plain"), PEP_EXAMPLES)
def test_the_pep_s_examples(marker: str, foo: bool, null: bool, plain: bool) -> None:
    found = [evaluate_marker(marker, LINUX, variant) for variant in (FOO, NULL, NON_VARIANT)]
    assert found == [foo, null, plain]


def test_multi_valued_features_are_narrowed_to_what_is_supported() -> None:
    metadata = load_metadata(
        {
            "$schema": strategies.PEP_825,
            "default-priorities": {"namespace": ["nvidia"]},
            "variants": {"cu": {"nvidia": {"sm_arch": ["120_real", "110_real"]}}, "null": {}},
        }
    )
    marker = '"nvidia :: sm_arch :: 110_real" in variant_properties'
    both = {"nvidia": {"sm_arch": ["120_real", "110_real", "90_real"]}}
    one = {"nvidia": {"sm_arch": ["120_real"]}}
    assert evaluate_marker(marker, LINUX, narrow(metadata, "cu", both))
    assert not evaluate_marker(marker, LINUX, narrow(metadata, "cu", one))
    assert evaluate_marker('"nvidia :: sm_arch" in variant_features', LINUX, narrow(metadata, "cu", one))
    assert narrow(metadata, "null", both) == NULL
    assert narrow(metadata, None, both) == NON_VARIANT
    assert narrow(None, None, {}) == NON_VARIANT
    assert narrow(metadata, "unlisted", both) == MarkerVariant("unlisted")


@pytest.mark.parametrize(
    ("text", "url", "marker"),
    [
        ("dep", None, None),
        ("dep; 'a' in variant_namespaces", None, "'a' in variant_namespaces"),
        ("Dep.One [Extra_X] >=1,<2;variant_label=='x'", None, "variant_label=='x'"),
        ("dep (>=1) ; os_name == 'nt'", None, "os_name == 'nt'"),
        ("dep @ https://h/a;variant_label", "https://h/a;variant_label", None),
        ("dep @ https://h/?q=variant_label=='x'", "https://h/?q=variant_label=='x'", None),
        ("dep@https://h/a;b ; variant_label == ';'", "https://h/a;b", "variant_label == ';'"),
        ("dep[x]@ file:///a ; 'a;b' in variant_features", "file:///a", "'a;b' in variant_features"),
    ],
)
def test_requirements_are_taken_apart(text: str, url: str | None, marker: str | None) -> None:
    requirement = parse_requirement(text)
    assert (requirement.url, requirement.marker) == (url, marker)
    assert str(requirement) == requirement.text == text
    assert requirement.requirement.marker is None
    assert requirement.name in ("dep", "dep-one")
    assert requirement.extras <= {"x", "extra-x"}
    if url is None and "variant" not in text:
        assert requirement.specifier == Requirement(text).specifier


@pytest.mark.parametrize(
    ("marker", "extras", "applies"),
    [
        ("extra == 'gpu'", [], False),
        ("extra == 'gpu'", ["gpu"], True),
        ("extra == 'Gpu_X'", ["cpu", "gpu.x"], True),
        ("extra == 'gpu' and 'foo' in variant_namespaces", ["gpu"], True),
        ("extra == 'gpu' and 'foo' not in variant_namespaces", ["gpu"], False),
        ("extra == 'gpu' or 'foo' in variant_namespaces", [], True),
        ("extra != 'gpu'", ["gpu"], True),  # the project itself is wanted too, without the extra
        ("extra == 'a' and extra == 'b'", ["a", "b"], False),
    ],
)
def test_extras(marker: str, extras: list[str], applies: bool) -> None:
    assert parse_requirement(f"dep; {marker}").applies(LINUX, FOO, extras) is applies


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "not a dependency specifier"),
        ("dep >", "not a dependency specifier"),
        ("dep;", "not a dependency specifier"),
        ("; variant_label == 'x'", "not a dependency specifier"),
        ("dep; variant_label", "must be compared with a quoted string"),
        ("dep; variant_label == variant_label", "must be compared"),
        ("dep; variant_label == os_name", "must be compared"),
        ("dep; variant_label ~= 'x'", "cannot compare"),
        ("dep; 'x' === variant_label", "cannot compare"),
        ("dep; variant_features == 'x'", "is a set"),
        ("dep; variant_features in 'x'", "is a set"),
        ("dep; 'x' == variant_properties", "is a set"),
        ("dep; 'x' in variant_things", "not a dependency specifier"),
        ("dep; 'x' in my_variant_label", "not a dependency specifier"),
        ("dep; variant_label == 'x", "must be compared"),
        ("dep; variant_label == 'x' 'y'", "not a dependency specifier"),
        ("dep; (variant_label == 'x'", "not a dependency specifier"),
        ("dep; " + "(" * 5000 + "variant_label == 'x'" + ")" * 5000, "not a dependency specifier"),
    ],
)
def test_errors_name_the_requirement(text: str, rule: str) -> None:
    with pytest.raises(InvalidVariantError, match=rule) as caught:
        parse_requirement(text)
    assert caught.value.source is not None
    assert text[:10] in caught.value.source


def test_what_cannot_be_compared_is_refused_when_evaluated() -> None:
    for marker in ("os_name ~= 'x'", "'a' in extras", "nonsense", "variant_label == 'x' nonsense"):
        with pytest.raises(InvalidVariantError, match="marker"):
            evaluate_marker(marker, LINUX, FOO)
    with pytest.raises(InvalidVariantError, match="dep; os_name ~= 'x'"):
        parse_requirement("dep; os_name ~= 'x'").applies(LINUX)


@given(
    st.text("de ;@[]()'\"=<>!~inotar_variantlabelspace.:1,&|#\\\n\x00é", max_size=60)
    | st.lists(
        st.sampled_from(
            [
                "dep",
                ";",
                " ",
                "variant_label",
                "'x'",
                '"a::b"',
                "==",
                "in",
                "not",
                "(",
                ")",
                "and",
                "os_name",
                "@",
                "u",
            ]
        ),
        max_size=14,
    ).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_requirement(text).applies(LINUX, FOO, ["x"])
    except InvalidVariantError:
        if "variant_" not in text:
            with pytest.raises((InvalidRequirement, ValueError)):
                marker = Requirement(text).marker
                assert marker is not None
                marker.evaluate({**LINUX, "extra": ""})
    else:
        if "variant_" not in text:
            Requirement(text)


@given(st.sampled_from(["os_name == 'posix'", "python_version < '3.8'", "extra == 'x' or os_name == 'nt'"]))
def test_standard_markers_are_packaging_s(marker: str) -> None:
    assert evaluate_marker(marker, LINUX, FOO) is Marker(marker).evaluate({**LINUX, "extra": ""})
