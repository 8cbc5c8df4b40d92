"""Why a wheel cannot be taken, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from variantctl.values import dataclass
from variantctl.variants.ordering import Unsupported
from variantctl.variants.properties import Supported

_MOST = 4
OFFERS: Mapping[tuple[str, str], str] = {
    ("nvidia", "cuda_version_lower_bound"): "{who}'s driver offers {best} and older",
    ("nvidia", "cuda_version_upper_bound"): "{who}'s driver is newer than that: it offers {last} and up",
    ("amd", "rocm_version"): "{who} runs ROCm {best} back to {last}",
    ("x86_64", "level"): "{who} is {best}",
    ("aarch64", "version"): "{who} is Arm v{best}",
}
"""(namespace, feature) -> what a machine offers, where "12.8, 12.7 ..." would not say it (design 4)."""


@dataclass(frozen=True)
class Reason:
    """One thing that speaks against a wheel.

    Attributes:
        kind: a stable, hyphenated word: ``tags``, ``requires-python``, ``property``, ``unknown-label``,
            ``no-variant-metadata``, ``yanked``, ``no-variants``, ``other-label``, ``excluded``, ``hash``.
        detail: a clause whose subject is the wheel ("needs Python >=3.12, but this is 3.11.7").
    """

    kind: str
    detail: str


def property_reasons(missing: Iterable[Unsupported], supported: Supported, who: str) -> list[Reason]:
    """Why a machine does not do: a reason for each feature, or one for a namespace it has nothing of."""
    reasons: list[Reason] = []
    for namespace, items in groupby(missing, key=lambda item: item.namespace):
        if supported.get(namespace):
            reasons += [Reason("property", _property(item, who)) for item in items]
        else:
            needs = " and ".join(_need(item) for item in items)
            reasons.append(Reason("property", f"needs {needs}; {who} offers no {namespace} properties"))
    return reasons


def summarise(values: Sequence[str], most: int = _MOST) -> str:
    """``a, b, c`` or, where there are many, ``a, b ... z (40 values)``."""
    if len(values) <= most:
        return ", ".join(values)
    return f"{', '.join(values[: most - 2])} ... {values[-1]} ({len(values)} values)"


def _need(item: Unsupported) -> str:
    one_of = "" if len(item.wanted) == 1 else "one of "
    return f"{item.namespace} :: {item.feature} {one_of}{summarise(item.wanted)}"


def _property(item: Unsupported, who: str) -> str:
    if not item.offered:
        return f"needs {_need(item)}; {who} offers no {item.namespace} :: {item.feature}"
    phrase = OFFERS.get((item.namespace, item.feature), "{who} offers {all}")
    words = {"best": item.offered[0], "last": item.offered[-1], "all": summarise(item.offered)}
    return f"needs {_need(item)}; {phrase.format(who=who, **words)}"
