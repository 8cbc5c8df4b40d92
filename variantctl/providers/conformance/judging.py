"""From what was seen to findings: one small function for each group of rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from variantctl.providers.answers import ALL, NAME_LIMIT, NO_JSON, SUPPORTED, printable
from variantctl.providers.conformance.observing import Observation
from variantctl.providers.conformance.rules import RULES, Rule
from variantctl.values import dataclass
from variantctl.variants.properties import ABI_DEPENDENCY, NAME_PATTERN, VALUE_PATTERN

SLOW_MS = 1000
IMPORT_MS = 500

Found = Iterator[tuple[str, str]]
"""The name of a rule, and in what way it is broken."""


@dataclass(frozen=True)
class Finding:
    """A rule that is broken.

    Attributes:
        rule: which.
        details: what was seen, a sentence for each breach.
    """

    rule: Rule
    details: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The object of ``variantctl provider test --json``."""
        return {
            "rule": self.rule.name,
            "level": self.rule.level,
            "details": list(self.details),
            "asks": self.rule.asks,
            "source": self.rule.source,
            "remedy": self.rule.remedy,
        }


def judge(seen: Sequence[Observation]) -> list[Finding]:
    """Every rule that these observations show to be broken, in their order."""
    found: dict[str, dict[str, None]] = {name: {} for name in RULES}
    for look in _LOOKS:
        for name, detail in look(seen):
            found[name][detail] = None
    return [Finding(RULES[name], tuple(details)) for name, details in found.items() if details]


def features_of(seen: Sequence[Observation], method: str) -> dict[str, list[str]] | None:
    """Feature -> values of the first answer to a method, as far as they are strings; ``None`` without one."""
    one = next((one for one in seen if one.method == method and one.answered), None)
    if one is None:
        return None
    return {
        config["name"]: [value for value in config.get("values", ()) if isinstance(value, str)]
        for config in one.calls[0]["configs"]
        if isinstance(config.get("name"), str)
    }


def _import(seen: Sequence[Observation]) -> Found:
    for one in seen:
        if one.seen.get("stage") == "done" and "error" in one.seen:
            yield "import", f"The import failed: {printable(one.seen['error'])}"
    times = [one.seen["import_ms"] for one in seen if one.seen.get("stage") == "done"]
    # The first may have had to read from a cold disk.
    if times and min(times) >= IMPORT_MS:
        count = max(one.seen.get("modules", 0) for one in seen)
        yield "import-cost", f"The import took {min(times):.0f} ms and brought {count} modules."


def _methods(seen: Sequence[Observation]) -> Found:
    missing = {name for one in seen for name in one.seen.get("missing", ())}
    for name in sorted(missing):
        yield "methods", f"There is no {name}() that can be called."
    for one in seen:
        if one.method in missing:
            continue
        if one.seen.get("ordinary"):
            yield "no-arguments", f"{one.method}() is an ordinary method, which needs an object of the class."
        elif one.seen.get("wants"):
            count = one.seen["wants"]
            yield "no-arguments", f"{one.method}() insists on {count} argument{'s' if count > 1 else ''}."


def _attributes(seen: Sequence[Observation]) -> Found:
    attributes = next((one.seen["attributes"] for one in seen if "attributes" in one.seen), None)
    if attributes is None:
        return
    namespace = attributes.get("namespace")
    if namespace is None:
        yield "namespace", "There is no attribute namespace."
    elif not isinstance(namespace, str):
        yield "namespace-grammar", f"namespace is {_shown(namespace)}, not a string."
    elif namespace == ABI_DEPENDENCY or not NAME_PATTERN.fullmatch(namespace):
        yield "namespace-grammar", f"namespace is {printable(namespace, 80)!r}."
    said = {
        name: attributes[name]
        for name in ("all_properties_compatible", "is_aot_plugin")
        if name in attributes
    }
    for name, value in said.items():
        if not isinstance(value, bool):
            yield "fixed", f"{name} is {_shown(value)}, not True or False."
    if len(set(map(repr, said.values()))) > 1:
        yield "fixed", "all_properties_compatible and is_aot_plugin say different things."
    if any(value is True for value in said.values()):
        yield from _fixed(seen)


def _fixed(seen: Sequence[Observation]) -> Found:
    everything, supported = features_of(seen, ALL), features_of(seen, SUPPORTED)
    if everything is not None and supported is not None and _sets(everything) != _sets(supported):
        yield "fixed", "It says that it is fixed, and does not support all that it calls valid."
    for config in _configs(seen):
        if config.get("multi_value") is True:
            yield (
                "fixed",
                f"It says that it is fixed, and feature {_shown(config.get('name'))} is multi-value.",
            )


def _ending(seen: Sequence[Observation]) -> Found:
    for one in seen:
        call = f"{one.method}()"
        stage = one.seen.get("stage")
        if one.timed_out and stage == "done":
            yield "ends", f"{call} answered, and the process then {one.trouble}."
        elif one.timed_out:
            what = "The import" if stage == "import" else call
            yield "time-limit", f"{what} {one.trouble}."
        elif one.trouble is not None:
            yield "crash", f"During {'the import' if stage == 'import' else call} the process {one.trouble}."
        elif stage != "done":
            yield "crash", f"{call} ended the process without an answer."
        if one.seen.get("left"):
            count = one.seen["left"]
            yield "ends", f"{call} left {count} process{'es' if count > 1 else ''} behind."
        if one.stdout:
            yield "stdout", f"Written to standard output: {one.stdout!r}."
        if one.stderr:
            yield "stderr", f"Written to standard error: {one.stderr!r}."


def _calls(seen: Sequence[Observation]) -> Found:
    for one in seen:
        for call in one.calls:
            if "error" in call and one.method not in one.seen.get("missing", ()):
                yield "raises", f"{one.method}() raised {printable(call['error'])}."
    for method in (ALL, SUPPORTED):
        times = [call["elapsed_ms"] for one in seen if one.method == method for call in one.calls]
        if times and min(times) >= SLOW_MS:
            yield "slow", f"{method}() took {min(times) / 1000:.1f} s at the least."


def _events(seen: Sequence[Observation]) -> Found:
    for one in seen:
        for event in one.seen.get("events", ()):
            what, detail = event
            if what == "network":
                yield "network", f"It asked the network: {printable(detail, 120)}."
            elif what == "write":
                yield "writes", f"It wrote {printable(detail, 120)}."


def _shapes(seen: Sequence[Observation]) -> Found:
    for one in seen:
        for call in one.calls:
            returned = call.get("returned")
            if returned is not None and returned != "list":
                yield "returns-list", f"{one.method}() returned a Python {printable(returned, 60)}."
    for config in _configs(seen):
        yield from _shape(config)


def _shape(config: dict[str, Any]) -> Found:
    named = f"Feature {_shown(config.get('name'))}"
    if config["mapping"]:
        yield "config-attributes", f"{named} is a dict, which has keys and no attributes."
    lacking = [name for name in ("name", "values", "multi_value") if name not in config["has"]]
    if lacking:
        kind = printable(config["type"], 60)
        yield "config-attributes", f"{named}, a {kind}, has no {' and no '.join(lacking)}."
    if "multi_value" in config and not isinstance(config["multi_value"], bool):
        yield (
            "config-attributes",
            f"{named}: multi_value is {_shown(config['multi_value'])}, not True or False.",
        )
    name = config.get("name")
    if "name" in config and not _matches(NAME_PATTERN, name):
        yield "grammar", f"A feature is called {_shown(name)}."
    if "values" not in config:
        return
    if config["values_type"] != "list":
        yield "values-list", f"{named}: values is a Python {printable(config['values_type'], 60)}."
    if not config["values"] and config["values_type"] in ("list", "tuple", "set", "frozenset"):
        yield "empty-values", f"{named} has no values."
    for value in config["values"]:
        if not _matches(VALUE_PATTERN, value):
            yield "grammar", f"{named} has the value {_shown(value)}."
            break
    texts = [json.dumps(value, sort_keys=True) for value in config["values"]]
    twice = next((text for text in texts if texts.count(text) > 1), None) if len(texts) < 2000 else None
    if twice is not None:
        yield "duplicates", f"{named} lists {printable(twice, 80)} more than once."


def _together(seen: Sequence[Observation]) -> Found:
    for one in seen:
        for call in one.calls:
            names = [config["name"] for config in call.get("configs", ()) if "name" in config]
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                yield "duplicates", f"{one.method}() lists the feature {_shown(twice)} more than once."
    everything, supported = features_of(seen, ALL), features_of(seen, SUPPORTED)
    if everything is not None and not everything:
        yield "all-not-empty", "get_all_configs() lists no feature."
    if everything is None or supported is None:
        return
    for name, values in supported.items():
        if name not in everything:
            yield "subset", f"Feature {name!r} is supported here, and get_all_configs() does not know it."
            continue
        strange = [value for value in values if value not in set(everything[name])]
        if strange:
            shown = f"{printable(strange[0], 80)!r}"
            yield "subset", f"{name} :: {shown} is supported here, and get_all_configs() does not know it."
    multi = {config["name"]: config.get("multi_value") for config in _configs(seen, ALL) if "name" in config}
    for config in _configs(seen, SUPPORTED):
        called = config.get("name")
        if isinstance(called, str) and called in multi and multi[called] != config.get("multi_value"):
            yield "subset", f"The two methods disagree on multi_value of feature {called!r}."


def _steadiness(seen: Sequence[Observation]) -> Found:
    for method, rule in ((ALL, "deterministic-all"), (SUPPORTED, "deterministic-supported")):
        answers = [
            (one, call["configs"])
            for one in seen
            if one.method == method and one.answered
            for call in one.calls
        ]
        if not answers:
            continue
        first = _normal(answers[0][1], method)
        for one, configs in answers[1:]:
            if _normal(configs, method) == first:
                continue
            where = " where PATH, HOME and visible devices are others" if one.changed else ""
            same = _normal(configs, ALL) == _normal(answers[0][1], ALL)
            how = "in another order" if same else "something else"
            yield rule, f"{method}() answered {how} in another call or process{where}."
            break


def _normal(configs: Sequence[dict[str, Any]], method: str) -> object:
    """What must not change: of what is valid the content, of what is supported the order, too."""
    written = [
        (
            json.dumps(config.get("name")),
            [json.dumps(value) for value in config.get("values", ())],
            json.dumps(config.get("multi_value")),
        )
        for config in configs
    ]
    if method == SUPPORTED:
        return written
    return sorted((name, sorted(values), multi) for name, values, multi in written)


def _configs(seen: Sequence[Observation], method: str | None = None) -> Iterator[dict[str, Any]]:
    for one in seen:
        if method is None or one.method == method:
            for call in one.calls:
                yield from call.get("configs", ())


def _sets(features: dict[str, list[str]]) -> dict[str, set[str]]:
    return {name: set(values) for name, values in features.items()}


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and len(value) <= NAME_LIMIT and pattern.fullmatch(value) is not None


def _shown(value: object) -> str:
    """A plugin's value, for a person."""
    if isinstance(value, dict) and list(value) == [NO_JSON]:
        return f"a Python {printable(str(value[NO_JSON]), 60)}"
    return ascii(value) if not isinstance(value, str) else repr(printable(value, 80))


_LOOKS: tuple[Callable[[Sequence[Observation]], Found], ...] = (
    _import,
    _methods,
    _attributes,
    _ending,
    _calls,
    _events,
    _shapes,
    _together,
    _steadiness,
)
