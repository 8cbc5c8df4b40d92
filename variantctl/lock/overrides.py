"""Overrides in a lock: what its packages say that they need, with the user's own words in place of theirs.

A lock is read without the files that it was made of: what it says of the needs of a package must be what was
resolved, or a machine that installs from it would find that something is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from variantctl.lock.contents import Declared, LockedPackage
from variantctl.requirements.requirement import UserRequirement
from variantctl.values import replace
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import VariantRequirement, parse_requirement


def with_overrides(package: LockedPackage, overrides: Sequence[UserRequirement]) -> LockedPackage:
    """A package whose requirements are those that were resolved."""
    declared = package.declared
    if declared is None or not overrides:
        return package
    exceptions = {name: _texts(texts, overrides) for name, texts in declared.exceptions.items()}
    return replace(package, declared=Declared(_texts(declared.requires, overrides), exceptions))


def overridden_roots(
    roots: Sequence[UserRequirement], overrides: Sequence[UserRequirement]
) -> list[VariantRequirement]:
    """What was asked for, with overrides in place of what they are about."""
    named = {override.name for override in overrides}
    asked = {root.name for root in roots}
    kept = [root.requirement for root in roots if root.name not in named]
    return [*kept, *(override.requirement for override in overrides if override.name in asked)]


def _texts(texts: Iterable[str], overrides: Sequence[UserRequirement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for text in texts for each in _instead(text, overrides)))


def _instead(text: str, overrides: Sequence[UserRequirement]) -> Iterator[str]:
    requirement = read_requirement(text).requirement
    about = [override.requirement for override in overrides if override.name == requirement.name]
    if not about:
        yield text
    for override in about:
        # What only an extra needs, it still needs for that extra alone.
        condition = requirement.marker if "extra" in str(requirement.marker) else None
        markers = [f"({marker})" for marker in (override.marker, condition) if marker]
        bare = parse_requirement(str(override.requirement))
        yield f"{bare} ; {' and '.join(markers)}" if markers else str(bare)
