"""Plugin answers, checked: whatever comes in, only sound features come out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.providers import isolated_query
from variantctl.providers.answers import (
    ANSWER_LIMIT,
    FEATURE_LIMIT,
    NAME_LIMIT,
    VALUE_LIMIT,
    Answer,
    BadAnswerError,
    check_configs,
    printable,
    read_answer,
)
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.text("abcxyz019_", min_size=1, max_size=6)
VALUES = st.text("abcxyz019_.", min_size=1, max_size=6)
NEARLY = st.lists(
    st.fixed_dictionaries(
        {"name": NAMES | JSON, "values": st.lists(VALUES | JSON, max_size=4) | JSON},
        optional={"multi_value": st.booleans() | JSON, "more": JSON},
    )
    | JSON,
    max_size=5,
)


def is_sound(answer: Answer) -> None:
    assert isinstance(answer.features, tuple) and isinstance(answer.notes, tuple)
    assert len({feature.name for feature in answer.features}) == len(answer.features) <= FEATURE_LIMIT
    for feature in answer.features:
        assert type(feature.name) is str and NAME_PATTERN.fullmatch(feature.name)
        assert isinstance(feature.values, tuple) and feature.values
        assert len(set(feature.values)) == len(feature.values)
        assert all(type(value) is str and VALUE_PATTERN.fullmatch(value) for value in feature.values)
        assert type(feature.multi_value) is bool
    assert answer.namespace is None or NAME_PATTERN.fullmatch(answer.namespace)
    assert all(note.isprintable() for note in answer.notes)


def is_sound_or_refused(data: bytes) -> None:
    try:
        answer = read_answer(data)
    except BadAnswerError as error:
        assert str(error).isprintable() and len(str(error)) < 500
    else:
        is_sound(answer)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    is_sound_or_refused(data)


@given(JSON)
def test_any_json(value: Any) -> None:
    is_sound_or_refused(json.dumps(value).encode())


@given(NEARLY | JSON, JSON | NAMES)
def test_nearly_right_answers(configs: Any, namespace: Any) -> None:
    is_sound_or_refused(json.dumps({"configs": configs, "namespace": namespace}).encode())


@given(st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=5, unique=True), max_size=6))
def test_right_answers_come_out_as_they_are_in_order(features: dict[str, list[str]]) -> None:
    configs = [{"name": name, "values": values, "multi_value": True} for name, values in features.items()]
    answer = read_answer(json.dumps({"configs": configs, "namespace": "acme"}).encode())
    assert [(feature.name, list(feature.values)) for feature in answer.features] == list(features.items())
    assert all(feature.multi_value for feature in answer.features)
    assert answer.notes == () and answer.namespace == "acme"


@given(st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=8))
def test_repeated_values_count_once_in_order(values: list[str]) -> None:
    answer = check_configs([{"name": "f", "values": values}])
    assert list(answer.features[0].values) == list(dict.fromkeys(values))
    assert bool(answer.notes) == (len(set(values)) < len(values))


OBJECTS = st.recursive(
    JSON
    | st.binary(max_size=4)
    | st.frozensets(st.text(max_size=3), max_size=3)
    | st.complex_numbers()
    | st.builds(object)
    | st.just(len),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(
            lambda name, values: type("C", (), {"name": name, "values": values})(), NAMES | inner, inner
        )
    ),
    max_leaves=8,
)


@given(OBJECTS)
def test_what_a_plugin_returns_always_becomes_json(returned: Any) -> None:
    plain = isolated_query.config_object(returned)
    is_sound_or_refused(json.dumps({"configs": [plain]}).encode())
    is_sound_or_refused(json.dumps({"configs": isolated_query.plain(returned)}).encode())


@given(st.text())
def test_a_plugins_words_are_safe_to_print(text: str) -> None:
    shown = printable(text, 50)
    assert shown.isprintable() and len(shown) <= 53


@pytest.mark.parametrize(
    ("configs", "said"),
    [
        ([{"name": f"f{n}", "values": ["1"]} for n in range(FEATURE_LIMIT + 1)], "more than 1,000 features"),
        ([{"name": "f", "values": [str(n) for n in range(VALUE_LIMIT + 1)]}], "more than 10,000 values"),
        (
            [{"name": name, "values": [str(n) for n in range(VALUE_LIMIT // 2 + 1)]} for name in "fg"],
            "more than 10,000 values",
        ),
        ([{"name": "f" * (NAME_LIMIT + 1), "values": ["1"]}], "more than 128 characters"),
        ([{"name": "f", "values": ["1" * (NAME_LIMIT + 1)]}], "more than 128 characters"),
        ([{"name": "f", "values": [""]}], "the value '' is empty"),
        ([{"name": "", "values": ["1"]}], "feature '' has characters"),
        ([{"name": "é", "values": ["1"]}], r"feature '\xe9' has characters"),
        ([{"name": "f", "values": ["1"]}, {"name": "f", "values": []}], "'f' is there twice"),
        ([{"name": "f", "values": []}, {"name": "f", "values": ["1"]}], "'f' is there twice"),
        ([{"name": "f", "values": ["1"], "multi_value": 1}], "multi_value is a number"),
        ({"f": ["1"]}, "returned an object, not a list"),
    ],
)
def test_refusals_say_what_is_bad(configs: object, said: str) -> None:
    with pytest.raises(BadAnswerError) as caught:
        check_configs(configs)
    assert said in str(caught.value)


def test_limits_themselves_are_allowed() -> None:
    assert (
        len(check_configs([{"name": f"f{n}", "values": ["1"]} for n in range(FEATURE_LIMIT)]).features)
        == 1000
    )
    many = check_configs([{"name": "f" * NAME_LIMIT, "values": [str(n) for n in range(VALUE_LIMIT)]}])
    assert len(many.features[0].values) == VALUE_LIMIT


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b" " * (ANSWER_LIMIT + 1), "more than 1,048,576 bytes"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"[]", "is a list, not an object"),
        (b"{}", "returned null"),
        (b'{"error": "\\u001b[2Jboom"}', "?[2Jboom"),
        (b'{"error": 3}', "it failed"),
    ],
)
def test_bytes_that_are_no_answer(data: bytes, said: str) -> None:
    with pytest.raises(BadAnswerError) as caught:
        read_answer(data)
    assert said in str(caught.value)
