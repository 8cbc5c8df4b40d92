"""Members of families in a lock: each is an entry of its own name, and they count for one project.

For other tools an entry is ``onnxruntime-gpu``, an ordinary distribution. What a machine needs is
``onnxruntime``, and which of the entries it takes is chosen among all of them, as variants are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from variantctl.lock.contents import LockedMember, LockedPackage
from variantctl.values import replace
from variantctl.variants.markers import VariantRequirement

_LISTS = ("stands-in-for", "extras")


class MemberNames:
    """What names and extras count for in one lock.

    Args:
        packages: its entries.
    """

    def __init__(self, packages: Iterable[LockedPackage]) -> None:
        self._identities: dict[NormalizedName, NormalizedName] = {}
        self._extras: dict[NormalizedName, set[NormalizedName]] = {}
        for package in packages:
            member = package.member
            if member is not None:
                names = (package.name, member.project, *member.stands_in_for)
                self._identities.update(dict.fromkeys(names, package.name))
                self._extras.setdefault(package.name, set()).update(member.extras)

    def identity(self, name: NormalizedName) -> NormalizedName:
        """The project that a name counts for."""
        return self._identities.get(name, name)

    def counted(self, requirement: VariantRequirement) -> VariantRequirement:
        """A requirement of the project that it counts for, without the extras that only name a member."""
        identity = self._identities.get(requirement.name)
        if identity is None:
            return requirement
        kept = requirement.extras - self._extras[identity]
        if identity == requirement.name and kept == requirement.extras:
            return requirement
        plain = Requirement(str(requirement.requirement))
        plain.name, plain.extras = identity, set(kept)
        return replace(requirement, text=str(plain), requirement=plain)


def member_table(package: LockedPackage) -> dict[str, Any]:
    """What is written of a member."""
    member = package.member
    assert member is not None
    table: dict[str, Any] = {"identity": package.name, "label": member.label}
    if member.extra is not None:
        table["extra"] = member.extra
    if member.stands_in_for:
        table["stands-in-for"] = list(member.stands_in_for)
    if member.extras:
        table["extras"] = list(member.extras)
    if not member.together:
        table["together"] = False
    return table


def read_member(table: Mapping[str, Any], project: NormalizedName) -> tuple[NormalizedName, LockedMember]:
    """The identity, and the member.

    Raises:
        ValueError: says what is wrong, as a clause whose subject is the table.
    """
    for key in ("identity", "label"):
        if not isinstance(table.get(key), str):
            raise ValueError(f"must have a text '{key}'")
    for key in _LISTS:
        if not isinstance(found := table.get(key, []), list) or not all(isinstance(i, str) for i in found):
            raise ValueError(f"has a '{key}' that is no list of names")
    extra, together = table.get("extra"), table.get("together", True)
    if not isinstance(extra, str | None) or not isinstance(together, bool):
        raise ValueError("has an 'extra' that is no name, or a 'together' that is not true or false")
    names = [tuple(map(canonicalize_name, table.get(key, ()))) for key in _LISTS]
    member = LockedMember(
        project,
        table["label"],
        canonicalize_name(extra) if extra is not None else None,
        stands_in_for=names[0],
        extras=names[1],
        together=together,
    )
    return canonicalize_name(table["identity"]), member
