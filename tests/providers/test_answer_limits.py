"""Answers of plugins at the very limits, and what is said of each."""

from __future__ import annotations

import json
from typing import Any

import pytest

from variantctl.providers.answers import (
    ANSWER_LIMIT,
    NAME_LIMIT,
    Answer,
    BadAnswerError,
    check_configs,
    printable,
    read_answer,
)


def answer(**said: Any) -> Answer:
    return read_answer(json.dumps({"configs": [{"name": "f", "values": ["1"]}], **said}).encode())


def test_properties_that_fit_everywhere_are_declared_by_true_alone() -> None:
    assert answer(all_properties_compatible=True).fixed
    for said in (False, None, 1, "true"):
        assert not answer(all_properties_compatible=said).fixed
    assert not answer().fixed and not Answer().fixed and not check_configs([]).fixed


def test_the_longest_names_and_values_are_taken() -> None:
    longest = "x" * NAME_LIMIT
    assert answer(namespace=longest).namespace == longest
    assert answer(namespace=longest + "x").namespace is None
    (feature,) = check_configs([{"name": longest, "values": [longest]}]).features
    assert (feature.name, feature.values, feature.multi_value) == (longest, (longest,), False)
    for config in ({"name": longest + "x", "values": ["1"]}, {"name": "f", "values": [longest + "x"]}):
        with pytest.raises(BadAnswerError, match=f"more than {NAME_LIMIT}"):
            check_configs([config])


def test_the_longest_answer_is_taken() -> None:
    said = json.dumps({"configs": []}).encode()
    assert read_answer(said + b" " * (ANSWER_LIMIT - len(said))).features == ()
    with pytest.raises(BadAnswerError, match="more than"):
        read_answer(said + b" " * (ANSWER_LIMIT - len(said) + 1))


def test_features_without_values_are_named() -> None:
    found = check_configs([{"name": "a", "values": []}, {"name": "b", "values": ["1"], "multi_value": True}])
    assert [feature.name for feature in found.features] == ["b"] and found.features[0].multi_value
    assert found.notes == ("no value of 'a' is supported, so it is left out",)


def test_a_plugins_own_words_are_bounded() -> None:
    assert printable("a" * 300) == "a" * 300
    assert printable("a" * 301) == "a" * 300 + "..."
    assert printable("abc", 3) == "abc" and printable("abcd", 3) == "abc..."
    assert printable("a\x1b[2Jb\nc") == "a?[2Jb c"
