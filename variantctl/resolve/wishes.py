"""The members of families that a user asks for by their own names, or by extras that stand for them."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import NormalizedName

from variantctl.families.registry import Families
from variantctl.requirements.requirement import UserRequirement
from variantctl.select.preferences import VariantPreferences
from variantctl.values import replace


def with_wishes(
    preferences: VariantPreferences, requirements: Iterable[UserRequirement], families: Families
) -> VariantPreferences:
    """What a user said about variants, with the members that the requirements name.

    Such a name is a wish as ``--variant`` is: of its family nothing else is taken. Where several are named,
    one of them is; the package's own name is one more, if a member is called so (``onnxruntime`` beside
    ``onnxruntime-gpu``). ``--variant`` counts for the identity, whichever of its names it is said of.
    """
    wished: dict[NormalizedName, frozenset[str]] = {}
    named: dict[NormalizedName, set[NormalizedName]] = {}
    for requirement in requirements:
        identity = families.identity(requirement.name)
        labels = families.wished(requirement.name, requirement.requirement.extras)
        if labels:
            wished[identity] = wished.get(identity, frozenset()) | labels
        named.setdefault(identity, set()).add(requirement.name)
    for identity in wished:
        if identity in named[identity] and len(named[identity]) > 1:
            wished[identity] |= families.own_labels(identity)
    labels_said = {families.identity(name): label for name, label in preferences.labels.items()}
    if not wished and labels_said == preferences.labels:
        return preferences
    return replace(preferences, wished=wished, labels=labels_said)
