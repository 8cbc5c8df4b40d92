"""Every family that counts in one run, and what a name says about it.

Most names belong to none. Which ones do stands in a small file (``data/names.json``), made of the tables: a
table is read when a name of its family comes up, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, cast

from variantctl.net.errors import SettingsError
from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.nodes import Node

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from variantctl.families.family import Family, Member
    from variantctl.families.knowledge import FamilyKnowledge

_ENABLED = "enabled"


@dataclass(frozen=True)
class MemberWishes:
    """Members that are asked for whatever the machine can use.

    Attributes:
        labels: identity -> the labels that a user names.
        everything: all of them, to say of each why it is not taken.
    """

    labels: Mapping[NormalizedName, frozenset[str]] = field(default_factory=dict)
    everything: bool = False

    @property
    def view(self) -> str:
        """What tells one from another."""
        named = sorted((name, sorted(labels)) for name, labels in self.labels.items())
        return f"{named} {self.everything}"


NO_WISHES = MemberWishes()


class Families:
    """The families of one run.

    Args:
        knowledge: opens the tables, at the first name; ``None``: there are no families at all.
        changes: what configuration says, by name.
        elsewhere: whether members may be asked for at places of their own. Not where somebody named the
            default index: who has one may not want anything from elsewhere.

    Attributes:
        problems: why stored tables are not used, a line each.
    """

    def __init__(
        self,
        knowledge: Callable[[], FamilyKnowledge] | None = None,
        changes: Mapping[str, Node] | None = None,
        *,
        elsewhere: bool = True,
    ) -> None:
        self._open = knowledge
        self._changes = dict(changes or {})
        self._read: dict[str, Family] = {}
        self._elsewhere = elsewhere
        self.problems: list[str] = []

    def __bool__(self) -> bool:
        return self._open is not None

    @cached_property
    def _knowledge(self) -> FamilyKnowledge | None:
        return self._open() if self._open is not None else None

    @cached_property
    def _index(self) -> Mapping[str, tuple[str, str]]:
        """Distribution -> (family, identity)."""
        if self._knowledge is None:
            return {}
        index = dict(self._knowledge.index())
        for name, node in self._changes.items():
            for other in [other for other, (family, _) in index.items() if family == name]:
                del index[other]
            if _is_on(node):
                index.update((each, (name, identity)) for each, identity in self.family(name).names().items())
        return index

    @property
    def names(self) -> list[str]:
        """What the families are called."""
        known = self._knowledge.names() if self._knowledge is not None else ()
        on = [name for name in self._changes if _is_on(self._changes[name])]
        off = set(self._changes) - set(on)
        return sorted({*known, *on} - off)

    @property
    def distributions(self) -> list[str]:
        """Every name that belongs to a family."""
        return list(self._index)

    def family(self, name: str) -> Family:
        """A family by what it is called.

        Raises:
            SettingsError: its table, or what configuration says about it, makes no sense.
            KeyError: there is none.
        """
        if name not in self._read:
            from variantctl.families.tables import read_family

            if self._knowledge is None:
                raise KeyError(name)
            table, origin, problem = self._knowledge.table(name)
            if problem:
                self.problems.append(f"{name}: {problem}; what comes with variantctl is used")
            changes = self._changes.get(name)
            if table is None and changes is None:
                raise KeyError(name)
            try:
                self._read[name] = read_family(name, table or {}, origin, changes)
            except InvalidVariantError as error:
                raise SettingsError(error.message, hint=error.hint) from None
        return self._read[name]

    def asks_elsewhere(self, name: str) -> bool:
        """Whether the members of a family may be asked for at places of their own."""
        return self._elsewhere or name in self._changes

    def of(self, name: str) -> Family | None:
        """The family that a distribution or an identity belongs to."""
        found = self._index.get(name)
        return self.family(found[0]) if found is not None else None

    def identity(self, name: NormalizedName) -> NormalizedName:
        """What a name counts for; of names that belong to no family the name itself."""
        found = self._index.get(name)
        return name if found is None else cast("NormalizedName", found[1])

    def names_of(self, identity: NormalizedName) -> list[NormalizedName]:
        """Every distribution that counts for an identity."""
        family = self.of(identity)
        if family is None:
            return [identity]
        return [name for name, counted in family.names().items() if counted == identity]

    def plain_extras(self, name: NormalizedName, extras: Collection[str]) -> frozenset[str]:
        """Some extras without those that stand for members."""
        family = self.of(name) if extras else None
        if family is None:
            return frozenset(extras)
        return frozenset(extra for extra in extras if family.member_of_extra(extra) is None)

    def wished(self, name: NormalizedName, extras: Iterable[str]) -> frozenset[str]:
        """The labels of the members that somebody names; none where only the identity is named."""
        found = self._index.get(name)
        if found is None:
            return frozenset()
        family = self.family(found[0])
        members: list[Member] = family.members_named(self.identity(name), name)
        members += [each for extra in extras if (each := family.member_of_extra(extra)) is not None]
        return frozenset(each.label for each in members)

    def own_labels(self, identity: NormalizedName) -> frozenset[str]:
        """The labels of the members that are called as the package is, and need no extra."""
        family = self.of(identity)
        members = family.members if family is not None else ()
        named = (each for each in members if each.extra is None and each.project_of(identity) == identity)
        return frozenset(each.label for each in named)

    def installed_label(self, name: NormalizedName, version: Version, there: Collection[str]) -> str | None:
        """The label of an installed distribution; ``None`` where it belongs to no family."""
        family = self.of(name)
        return family.installed_label(name, version, there) if family is not None else None


NO_FAMILIES = Families()
"""Where families are left out, and for everything that is not asked for by a user."""


def read_families(table: object, origin: str) -> tuple[bool, dict[str, Node]]:
    """The ``[families]`` table of a configuration file: whether families count at all, and what it says of
    each.

    Raises:
        SettingsError: it is no table, or one in it is none.
    """
    try:
        top = Node(table, origin, "families")
        on, changes = True, {}
        for name, value in top.mapping().items():
            node = top.child(name, value)
            if name == _ENABLED:
                on = node.flag()
                continue
            node.mapping()
            changes[name] = node
            _is_on(node)
    except InvalidVariantError as error:
        raise SettingsError(error.message, hint=error.hint) from None
    return on, changes


def _is_on(node: Node) -> bool:
    enabled = node.get(_ENABLED)
    return enabled is None or enabled.flag()
