"""Why a wheel cannot be taken, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from variantctl.variants.ordering import Unsupported

_MOST = 4
# What the values of a feature are, where "this machine offers 12.8, 12.7 ..." would not say it (design 4).
_DRIVER = {
    ("nvidia", "cuda_version_lower_bound"): "{who}'s driver offers {best} and older",
    ("nvidia", "cuda_version_upper_bound"): "{who}'s driver is newer than that: it offers {last} and up",
    ("amd", "rocm_version"): "{who} offers ROCm {best} and older of that series",
    ("x86_64", "level"): "{who} is {best}",
    ("aarch64", "version"): "{who} is Arm v{best}",
}


@dataclass(frozen=True)
class Reason:
    """One thing that speaks against a wheel.

    Attributes:
        kind: a stable, hyphenated word: ``tags``, ``requires-python``, ``property``, ``unknown-label``,
            ``no-variant-metadata``, ``yanked``, ``no-variants``, ``other-label``, ``excluded``, ``hash``.
        detail: a clause whose subject is the wheel ("needs Python >=3.12; this is 3.11.7").
    """

    kind: str
    detail: str


def property_reasons(missing: Iterable[Unsupported], who: str) -> list[Reason]:
    """One reason for each feature of which a machine offers none of the values a wheel needs."""
    return [Reason("property", _property(item, who)) for item in missing]


def summarise(values: Sequence[str], most: int = _MOST) -> str:
    """``a, b, c`` or, where there are many, ``a, b ... z (40 values)``."""
    if len(values) <= most:
        return ", ".join(values)
    return f"{', '.join(values[: most - 2])} ... {values[-1]} ({len(values)} values)"


def _property(item: Unsupported, who: str) -> str:
    wanted = summarise(list(item.wanted))
    one_of = "" if len(item.wanted) == 1 else "one of "
    need = f"needs {item.namespace} :: {item.feature} {one_of}{wanted}"
    offered = list(item.offered)
    if not offered:
        return f"{need}; {who} has none"
    phrase = _DRIVER.get((item.namespace, item.feature), "{who} offers {all}")
    return f"{need}; " + phrase.format(who=who, best=offered[0], last=offered[-1], all=summarise(offered))
