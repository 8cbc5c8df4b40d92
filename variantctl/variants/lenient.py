"""Requirements of old packages, whose writers knew no standard yet: common faults are corrected.

What is corrected is what uv 0.13 corrects (its ``LenientRequirement``; each fault is that of a real package),
so that both tools read the same. What uv refuses is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

from variantctl.values import dataclass
from variantctl.variants.decided_markers import without_comparisons
from variantctl.variants.digits import number_problem
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import VariantRequirement, parse_requirement

#: Fault -> its correction, in the order in which they are tried: each on top of those before it.
_CORRECTIONS = (
    (re.compile(r"(?<=\d)(?=[<>=~^!])"), ","),  # elasticsearch-dsl (>=7.2.0<8.0.0)
    (re.compile(r"!=~((?:\d\.)*\d)"), r"!=\1.*"),  # jupyter-core (!=~5.0,>=4.12)
    (re.compile(r"([<>]=?)\s*(\d+(?:\.\d+)*)\.\*"), r"\1\2"),  # numpy (>=1.19.*)
    (re.compile(r"(?:(\d\.\d))+\*"), r"\1.*"),  # pyzmq (!=3.0*)
    (re.compile(r",\s*$"), ""),  # pyzmq >=3.6,
    (re.compile(r">dev"), ">0.0.0dev"),  # pytz (>dev)
    (re.compile(r"(\d+(?:\.\d)*(?:a|b|rc|post|dev)\d+)\.0"), r"\1"),  # >=9.0.0a1.0
    (re.compile(r"""^[^;]*['"][^;]*"""), lambda found: re.sub(r"""['"]""", "", found[0])),  # botocore>=1.3',
)
_COMPARISON = re.compile(
    r"""(?P<left>'[^']*'|"[^"]*"|[\w.]+)\s*(?P<op>not\s+in|in|===|[<>=!~]=|[<>])\s*"""
    r"""(?P<right>'[^']*'|"[^"]*"|[\w.]+)"""
)
_VERSIONS = frozenset({"python_version", "python_full_version", "implementation_version"})
_MOST_KNOWN = 1 << 16


@dataclass(frozen=True)
class LenientRequirement:
    """A requirement as it is understood.

    Attributes:
        requirement: with what was wrong corrected.
        correction: a clause whose subject is the package that has it, such as ``requires 'pytz (>dev)', which
            is read as 'pytz (>0.0.0dev)'``; ``None`` where nothing was wrong.
    """

    requirement: VariantRequirement
    correction: str | None = None


@lru_cache(maxsize=_MOST_KNOWN)
def read_requirement(text: str) -> LenientRequirement:
    """Read a requirement of METADATA (*Requires-Dist*).

    A comparison that compares nothing comparable (``python_version >= "3.7.*"``) is left out, as uv does it:
    the rest of the marker decides, and where nothing is left of it the requirement always holds.

    Raises:
        InvalidVariantError: *text* is none, even when corrected.
    """
    requirement = _corrected(text)
    if requirement.marker is not None and (left := _sensible(requirement.marker)) != requirement.marker:
        requirement = parse_requirement(f"{requirement.requirement}" + (f" ; {left}" if left else ""))
    if requirement.text == text:
        return LenientRequirement(requirement)
    return LenientRequirement(requirement, f"requires '{text}', which is read as '{requirement.text}'")


@lru_cache(maxsize=_MOST_KNOWN)
def read_specifiers(text: str) -> SpecifierSet | None:
    """Read version specifiers (*Requires-Python*); ``None`` where they are none, even when corrected."""
    if number_problem(text) is not None:
        return None
    for attempt in (text, *_attempts(text)):
        try:
            return SpecifierSet(attempt)
        except ValueError:
            continue
    return None


def _corrected(text: str) -> VariantRequirement:
    try:
        return parse_requirement(text)
    except InvalidVariantError as error:
        for attempt in _attempts(text):
            try:
                return parse_requirement(attempt)
            except InvalidVariantError:
                continue
        raise error from None


def _attempts(text: str) -> Iterator[str]:
    """The text with one more correction each time."""
    for fault, correction in _CORRECTIONS:
        corrected = fault.sub(correction, text)
        if corrected != text:
            yield corrected
            text = corrected


@lru_cache(maxsize=_MOST_KNOWN)
def _sensible(marker: str) -> str:
    """What is left of a marker without comparisons that have no meaning."""
    return without_comparisons(marker, _is_senseless)


def _is_senseless(comparison: str) -> bool:
    """Whether a comparison of a marker has no meaning, so that ``packaging`` would compare mere letters."""
    found = _COMPARISON.fullmatch(comparison)
    if found is None:
        return False
    left, op, right = found["left"], found["op"], found["right"]
    texts = [side for side in (left, right) if side[0] in "'\""]
    if any(side.startswith("variant_") for side in (left, right)):
        return False
    if len(texts) != 1:
        return True
    variable = right if left is texts[0] else left
    if variable not in _VERSIONS:
        return op == "~=" and variable != "extra"
    return not _is_version(texts[0][1:-1], op, reverse=left is texts[0])


def _is_version(text: str, op: str, *, reverse: bool) -> bool:
    if op == "in" or op.startswith("not"):
        return True
    try:
        _ = Version(text) if reverse else Specifier(f"{op}{text}")
    except ValueError:
        return False
    return True
