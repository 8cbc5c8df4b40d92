"""Properties against what their provider knows at all (PEP 850, ``get_all_configs``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.nodes import key_path
from variantctl.variants.properties import Properties
from variantctl.variants.suggestions import did_you_mean, listed

NOT_VALIDATED = "--no-validate takes the properties as they are"


@dataclass(frozen=True)
class KnownFeature:
    """One feature as its provider knows it.

    Attributes:
        values: every value it may have, in the provider's order.
        multi_value: whether one wheel may declare several values of it, of which a machine needs one.
    """

    values: tuple[str, ...]
    multi_value: bool = False


KnownFeatures = Mapping[str, Mapping[str, KnownFeature]]
"""namespace -> feature -> what is valid. A namespace that is not there cannot be checked."""


def unknown_properties(
    properties: Properties, known: KnownFeatures, *, source: str | None = None, label: str = ""
) -> Iterator[InvalidVariantError]:
    """What of a variant's properties no machine could ever have, each with what was meant perhaps.

    Three rules (PEP 850, "Plugin API"): a feature is one of the provider's; a value is one of the
    feature's; several values only where the provider says ``multi_value``.

    Args:
        properties: namespace -> feature -> values.
        known: what the providers know. Namespaces that are not in it are passed over.
        source: the file they are from, for messages.
        label: the variant, for messages.
    """
    for namespace, features in properties.items():
        if namespace not in known:
            continue
        for feature, values in features.items():
            key = key_path(key_path(key_path("variants", label) if label else "", namespace), feature)
            found = known[namespace].get(feature)
            if found is None:
                guess = did_you_mean(feature, known[namespace])
                rule = f"namespace {namespace!r} has no feature {feature!r}"
                hint = guess or f"it has: {listed(known[namespace])}"
                yield InvalidVariantError(rule, source=source, key=key, hint=f"{hint}; {NOT_VALIDATED}")
                continue
            for value in values:
                if value not in found.values:
                    hint = did_you_mean(value, found.values) or f"it may be: {listed(found.values)}"
                    rule = f"{value!r} is not a value that the provider knows"
                    yield InvalidVariantError(rule, source=source, key=key, hint=f"{hint}; {NOT_VALIDATED}")
            if len(values) > 1 and not found.multi_value:
                rule = f"has {len(values)} values ({listed(values)}), and the provider allows one"
                hint = f"keep one of them, or make a variant of each; {NOT_VALIDATED}"
                yield InvalidVariantError(rule, source=source, key=key, hint=hint)


def check_known(
    properties: Properties, known: KnownFeatures, *, source: str | None = None, label: str = ""
) -> None:
    """Refuse properties that their providers do not know.

    Raises:
        InvalidVariantError: the first of ``unknown_properties``; the message counts the others.
    """
    problems = list(unknown_properties(properties, known, source=source, label=label))
    if problems:
        first, others = problems[0], len(problems) - 1
        more = f" (and {others} more problem{'s' if others > 1 else ''} of its properties)" if others else ""
        raise InvalidVariantError(f"{first.rule}{more}", source=source, key=first.key, hint=first.hint)
