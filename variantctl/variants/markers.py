"""The four variant markers in dependency specifiers (PEP 825, "Environment markers").

``packaging`` does not know them, so that each comparison with one is replaced by a standard one that is
always true or always false, and ``packaging`` evaluates the whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cached_property, lru_cache

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from variantctl.values import dataclass
from variantctl.variants.digits import number_problem
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.nodes import show
from variantctl.variants.properties import Supported, VariantProperty

_VARIABLE = r"variant_(?:label|properties|features|namespaces)"
_STRING = r"'[^']*'|\"[^\"]*\""
_OPERATOR = r"not[ \t]+in\b|in\b|===|==|~=|!=|<=|>=|<|>"
_ATOM = re.compile(
    rf"""
    (?P<text_left>{_STRING}) [ \t]* (?P<op_left>{_OPERATOR}) [ \t]* \b(?P<name_right>{_VARIABLE})\b
    | \b(?P<name_left>{_VARIABLE}) [ \t]* (?P<op_right>{_OPERATOR}) [ \t]* (?P<text_right>{_STRING})
    | (?P<other_string>{_STRING})
    | \b(?P<stray>{_VARIABLE})\b
    """,
    re.VERBOSE,
)
_TRUE = ' "" in os_name '
_FALSE = ' "" not in os_name '
_SEPARATOR = r"\s*::\s*"
_HEAD = re.compile(r"[ \t]*[A-Za-z0-9][A-Za-z0-9._-]*[ \t]*(?:\[[^\]]*\][ \t]*)?(?P<url>@[ \t]*[^ \t]+)?")


@dataclass(frozen=True)
class MarkerVariant:
    """The selected wheel's variant, as its markers see it (PEP 825, "Evaluating variant markers").

    Attributes:
        label: the label in the wheel's filename; ``""`` for a non-variant wheel.
        properties: the properties of that label that the machine supports.
    """

    label: str = ""
    properties: frozenset[VariantProperty] = frozenset()

    @cached_property
    def sets(self) -> Mapping[str, frozenset[str]]:
        """The members of the three set-valued markers, written without white space around ``::``."""
        items = self.properties
        return {
            "variant_properties": frozenset(f"{p.namespace}::{p.feature}::{p.value}" for p in items),
            "variant_features": frozenset(f"{p.namespace}::{p.feature}" for p in items),
            "variant_namespaces": frozenset(p.namespace for p in items),
        }


NON_VARIANT = MarkerVariant()
"""What the markers see for a wheel without a variant label."""


def narrow(metadata: VariantMetadata | None, label: str | None, supported: Supported) -> MarkerVariant:
    """What the markers see for the wheel with *label*: its properties, narrowed to those *supported*.

    A label of ``None`` is a non-variant wheel, for which no metadata is needed.
    """
    if label is None:
        return NON_VARIANT
    properties = (metadata.properties_of(label) if metadata is not None else None) or {}
    kept = frozenset(
        VariantProperty(namespace, feature, value)
        for namespace, features in properties.items()
        for feature, values in features.items()
        for value in set(values).intersection(supported.get(namespace, {}).get(feature, ()))
    )
    return MarkerVariant(label, kept)


def evaluate_marker(
    marker: str, environment: Mapping[str, str], variant: MarkerVariant, extras: Collection[str] = ()
) -> bool:
    """Whether *marker* holds, for no extra or for any one of *extras*.

    Args:
        marker: a marker, with or without variant markers.
        environment: the standard markers' values, as ``packaging.markers.default_environment`` gives them.
            One that is missing is that of the running interpreter.
        variant: the selected wheel's variant.
        extras: the extras asked for, in any spelling.

    Raises:
        InvalidVariantError: *marker* is not a marker, or compares what cannot be compared.
    """
    standard = "".join(
        piece if isinstance(piece, str) else (_TRUE if piece.holds(variant) else _FALSE)
        for piece in _compile(marker)
    )
    asked = ("", *extras) if "extra" in marker else ("",)
    known = _verdicts(tuple(sorted(environment.items())))
    try:
        return any(_holds(standard, extra, environment, known) for extra in asked)
    except InvalidMarker as error:
        raise _refusal(marker, str(error).partition("\n")[0]) from error
    except (ValueError, KeyError, RecursionError) as error:  # undefined comparisons and names
        raise _refusal(marker, f"cannot be evaluated: {error}") from error


def _holds(
    standard: str, extra: str, environment: Mapping[str, str], known: dict[tuple[str, str], bool]
) -> bool:
    """Whether a marker holds for one extra; each is evaluated once, as thousands of wheels have the same."""
    verdict = known.get((standard, extra))
    if verdict is None:
        verdict = _parsed(standard).evaluate({**environment, "extra": extra})
        known[standard, extra] = verdict
    return verdict


@lru_cache(maxsize=64)
def _verdicts(environment: tuple[tuple[str, str], ...]) -> dict[tuple[str, str], bool]:
    """What is known of markers in one environment."""
    return {}


def decided_pieces(marker: str, variant: MarkerVariant) -> tuple[str | bool, ...]:
    """*marker* with the truth of each comparison with a variant marker in that comparison's place.

    Raises:
        InvalidVariantError: it compares what cannot be compared.
    """
    return tuple(piece if isinstance(piece, str) else piece.holds(variant) for piece in _compile(marker))


@dataclass(frozen=True)
class VariantRequirement:
    """A dependency specifier whose marker may have variant markers.

    Attributes:
        text: the specifier as it was written.
        requirement: the same without its marker, as ``packaging`` reads it.
        marker: the marker as it was written; ``None`` if there is none.
    """

    text: str
    requirement: Requirement
    marker: str | None

    @cached_property
    def name(self) -> NormalizedName:
        """The project's normalized name."""
        return canonicalize_name(self.requirement.name)

    @cached_property
    def extras(self) -> frozenset[NormalizedName]:
        """The normalized names of the extras it asks for."""
        return frozenset(canonicalize_name(extra) for extra in self.requirement.extras)

    @property
    def extras_as_written(self) -> tuple[NormalizedName, ...]:
        """The same, each once, in the order in which they were written."""
        if not self.requirement.extras:
            return ()
        listed = self.text.partition("[")[2].partition("]")[0].split(",")
        return tuple(dict.fromkeys(canonicalize_name(extra.strip()) for extra in listed))

    @property
    def specifier(self) -> SpecifierSet:
        """The versions it allows."""
        return self.requirement.specifier

    @property
    def url(self) -> str | None:
        """The URL of a direct reference, else ``None``."""
        return self.requirement.url

    def applies(
        self,
        environment: Mapping[str, str],
        variant: MarkerVariant = NON_VARIANT,
        extras: Collection[str] = (),
    ) -> bool:
        """Whether its marker, if any, holds: see ``evaluate_marker``.

        Raises:
            InvalidVariantError: the marker compares what cannot be compared; the specifier is named.
        """
        if self.marker is None:
            return True
        try:
            return evaluate_marker(self.marker, environment, variant, extras)
        except InvalidVariantError as error:
            raise InvalidVariantError(error.rule, source=show(self.text)) from error

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1 << 16)
def parse_requirement(text: str) -> VariantRequirement:
    """Read a dependency specifier, with or without variant markers.

    Raises:
        InvalidVariantError: *text* is not one; it is named.
    """
    if (problem := number_problem(text)) is not None:
        raise InvalidVariantError(f"is not a dependency specifier: {problem}", source=show(text))
    head = _HEAD.match(text)
    semicolon = text.find(";", head.end() if head is not None else 0)
    if head is not None and semicolon >= 0:
        # In 'name @ url' a semicolon belongs to the URL unless white space precedes it.
        plain, marker = text[:semicolon], text[semicolon + 1 :].strip(" \t")
    else:
        plain, marker = text, None
    try:
        if marker is not None:
            standard = "".join(_FALSE if isinstance(p, _Comparison) else p for p in _compile(marker))
            try:
                _parsed(standard)
            except InvalidMarker:
                Requirement(f"{plain};{standard}")  # says more of what is wrong
                raise
        return VariantRequirement(text, _plain(plain.rstrip(" \t")), marker)
    except InvalidVariantError as error:
        raise InvalidVariantError(error.rule, source=show(text)) from error
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidVariantError(f"is not a dependency specifier: {reason}", source=show(text)) from error


@dataclass(frozen=True)
class _Comparison:
    """One comparison with a variant marker: *name* *op* *text*, or with *text* first if *reversed_*."""

    name: str
    op: str
    text: str
    reversed_: bool

    def holds(self, variant: MarkerVariant) -> bool:
        """Its truth, by the rules for ``String`` and ``Set of String`` fields of dependency specifiers."""
        if self.name != "variant_label":
            found = re.sub(_SEPARATOR, "::", self.text) in variant.sets[self.name]
            return found if self.op == "in" else not found
        left, right = (self.text, variant.label) if self.reversed_ else (variant.label, self.text)
        if self.op in ("in", "not in"):
            return (left in right) == (self.op == "in")
        if self.op in ("<", ">"):
            return False
        return (left == right) == (self.op != "!=")


@lru_cache(maxsize=1 << 16)
def _compile(marker: str) -> tuple[str | _Comparison, ...]:
    """*marker* as pieces of standard marker text and variant comparisons between them."""
    if "variant_" not in marker:
        return (marker,)
    pieces: list[str | _Comparison] = []
    end = 0
    for match in _ATOM.finditer(marker):
        if match["other_string"] is not None:
            continue
        if match["stray"] is not None:
            rule = f"{match['stray']} must be compared with a quoted string"
            raise _refusal(marker, rule)
        pieces += [marker[end : match.start()], _comparison(marker, match)]
        end = match.end()
    return (*pieces, marker[end:])


def _comparison(marker: str, match: re.Match[str]) -> _Comparison:
    text_first = match["text_left"] is not None
    name = match["name_right"] if text_first else match["name_left"]
    op = re.sub(r"[ \t]+", " ", match["op_left"] if text_first else match["op_right"])
    text = (match["text_left"] if text_first else match["text_right"])[1:-1]
    if name == "variant_label":
        if op in ("~=", "==="):
            raise _refusal(marker, f"{name} is a string, which {op!r} cannot compare")
    elif not text_first or op not in ("in", "not in"):
        raise _refusal(marker, f"{name} is a set: write '\"...\" in {name}' or '\"...\" not in {name}'")
    return _Comparison(name, op, text, text_first)


_parsed = lru_cache(maxsize=1 << 16)(Marker)
_plain = lru_cache(maxsize=1 << 16)(Requirement)


def _refusal(marker: str, rule: str) -> InvalidVariantError:
    return InvalidVariantError(f"the marker {show(marker)}: {rule}")
