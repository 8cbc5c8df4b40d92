"""What an environment has already, as the search sees it: of a family one candidate, whatever its name is."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName

from variantctl.families.registry import Families
from variantctl.resolve.candidates import InstalledCandidate
from variantctl.target.installed import InstalledPackage


class Present:
    """The packages of an environment, by the project that each counts for.

    Of a family whose members exclude each other two may be there all the same: pip knows nothing of
        families. Then
    neither counts, for one has overwritten the other, and both make room for whatever is taken. What only
    stands in for another distribution is none.

    Args:
        installed: by its own name.
        families: which names count for another.

    Attributes:
        candidates: identity -> what is installed.
    """

    def __init__(self, installed: Mapping[NormalizedName, InstalledPackage], families: Families) -> None:
        self._by_identity: dict[NormalizedName, list[InstalledPackage]] = {}
        for name, package in installed.items():
            self._by_identity.setdefault(families.identity(name), []).append(package)
        self.candidates: dict[NormalizedName, InstalledCandidate] = {}
        for identity, packages in self._by_identity.items():
            real = [package for package in packages if package.stands_in_by is None]
            if len(real) == 1:
                self.candidates[identity] = _candidate(real[0], identity, families, installed)

    def of(self, identity: NormalizedName) -> tuple[InstalledPackage, ...]:
        """Everything that is installed of a project, what stands in for another distribution included."""
        return tuple(self._by_identity.get(identity, ()))

    def several(self, identity: NormalizedName) -> tuple[InstalledPackage, ...]:
        """The members of a family, where more than one is installed."""
        real = tuple(each for each in self.of(identity) if each.stands_in_by is None)
        return real if len(real) > 1 else ()


def _candidate(
    package: InstalledPackage,
    identity: NormalizedName,
    families: Families,
    installed: Mapping[NormalizedName, InstalledPackage],
) -> InstalledCandidate:
    family = families.of(package.name)
    if family is None or package.label is not None:
        return InstalledCandidate(package, identity if identity != package.name else None)
    label = family.installed_label(package.name, package.version, installed)
    extra = next((each.extra for each in family.members if each.label == label), None)
    return InstalledCandidate(package, identity if identity != package.name else None, label, extra)
