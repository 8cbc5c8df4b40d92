"""Which package is decided next: pins first, then what conflicts, then what was met first.

The tiers are uv's (its ``PubGrubPriority``), so that both tools decide in the same order, and so take the
same versions where several sets are right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from packaging.utils import NormalizedName

from variantctl.resolve.incompatibility import (
    Incompatibility,
    Package,
)
from variantctl.resolve.needs import BackendRequirement, Need, ProjectRequirement

#: So many conflicts change the place of a package.
_MANY = 5

_UNCONDITIONAL = re.compile(r"""python_(full_)?version\s*>=?\s*('[^']*'|"[^"]*")""")

_BACKEND, _REFERENCE, _PIN, _REJECTED, _REJECTS, _ANY = range(6)


class Priorities:
    """The order of decisions; a package moves forward when others pin it, and when it is in conflicts often.

    Args:
        family_of: project -> what it is met together with (itself, or a source of backends), and its place
            there: what the others of a source are built for comes first.
    """

    def __init__(self, family_of: Callable[[NormalizedName], tuple[str, int]]) -> None:
        self._family_of = family_of
        self._families: dict[NormalizedName, tuple[str, int]] = {}
        self._met: dict[str, int] = {}
        self._parts: dict[str, int] = {}
        self._tiers: dict[NormalizedName, int] = {}
        self._in_parts: set[NormalizedName] = set()
        self._rejected: Counter[Package] = Counter()
        self._rejecting: Counter[Package] = Counter()
        self._to_prioritize: list[Package] = []
        self._to_take_back: list[Package] = []
        self._pythons: set[str] = set()

    def meet(self, need: Need) -> None:
        """A need is taken on."""
        name = need.name
        if name not in self._families:
            self._families[name] = self._family_of(name)
            self._met.setdefault(self._families[name][0], len(self._met))
        self._parts.setdefault(need.identifier, len(self._parts))
        tier = _tier(need)
        self._tiers[name] = min(tier, self._tiers.get(name, tier))
        if isinstance(need, ProjectRequirement) and (need.extra or _is_conditional(need.requirement.marker)):
            self._in_parts.add(name)

    def decided(self, name: NormalizedName) -> None:
        """A project is decided: what has extras, or is needed under a marker, is from now on like a pin.

        To uv these are packages of their own, which pin the project to the version that they got.
        """
        if name in self._in_parts:
            self._tiers[name] = min(_PIN, self._tiers[name])

    def of(self, package: Package) -> tuple[int, int, int, int]:
        """What is smallest is decided next."""
        name = package.name
        family, rank = self._families[name]
        return self._tiers[name], self._met[family], rank, self._parts[package.identifier]

    def conflict(self, deciding: Package, affected: NormalizedName, cause: Incompatibility) -> None:
        """Count a conflict.

        Args:
            deciding: the package that was being decided: it counts as the one that is rejected.
            affected: the project whose candidates the conflict rules out.
            cause: what all others are in that reject it.
        """
        others = [package for package in cause.terms if package.name != affected]
        if others:
            self._count(self._rejected, deciding, self._to_prioritize)
        for package in others:
            self._count(self._rejecting, package, self._to_take_back)

    def other_python(self, package: Package, asked: str) -> None:
        """Count that a version asks for another Python: to uv that is a conflict with a package "Python".

        What asks for it first is in conflict while "Python" is decided, the others while they are.
        """
        if asked in self._pythons:
            self._count(self._rejected, package, self._to_prioritize)
        self._pythons.add(asked)
        self._count(self._rejecting, package, self._to_take_back)

    def reorder(self) -> list[Package]:
        """Move what was in many conflicts; the packages whose decisions should be taken back, since they
        reject too much."""
        for package in self._to_prioritize:
            self._move(package, _REJECTED)
        moved = [package for package in self._to_take_back if self._move(package, _REJECTS)]
        self._to_prioritize.clear()
        self._to_take_back.clear()
        return moved

    @staticmethod
    def _count(counter: Counter[Package], package: Package, many: list[Package]) -> None:
        counter[package] += 1
        if counter[package] == _MANY:
            many.append(package)

    def _move(self, package: Package, tier: int) -> bool:
        """Move a package to a tier of conflicts; whether it moved (never from what is rejected back)."""
        now = self._tiers.get(package.name, _ANY)
        if now <= _REFERENCE or now in (tier, _REJECTED):
            return False
        self._tiers[package.name] = tier
        return True


@lru_cache(maxsize=1 << 14)
def _is_conditional(marker: str | None) -> bool:
    """Whether a marker asks for more than an extra, and a Python that is no older than some."""
    return bool(marker and re.search(r"[a-z]_[a-z]", _UNCONDITIONAL.sub("", marker)))


def _tier(need: Need) -> int:
    if isinstance(need, BackendRequirement):
        return _BACKEND
    if isinstance(need, ProjectRequirement):
        if need.url:
            return _REFERENCE
        if need.pins:
            return _PIN
    return _ANY
