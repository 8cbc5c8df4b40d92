"""Members of families: which of them are installed, whether they suit the machine, and what stands in.

A family is one thing to import under several names (:mod:`variantctl.families.family`). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property

from packaging.utils import NormalizedName

from variantctl.backends.source import Ask
from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected
from variantctl.families.family import Family, Member
from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.select.fit import devices
from variantctl.select.ordinary_builds import VENDORS
from variantctl.select.reasons import property_reasons
from variantctl.values import dataclass
from variantctl.variants.ordering import explain_label
from variantctl.variants.properties import Properties


@dataclass(frozen=True)
class InstalledMember:
    """A distribution that belongs to a family.

    Attributes:
        item: the distribution.
        identity: the package that it counts for.
        family: its family.
        member: which member it is.
        needs: what it was built for; nothing: it runs anywhere.
    """

    item: Inspected
    identity: NormalizedName
    family: Family
    member: Member
    needs: Properties

    @property
    def is_for_cpus(self) -> bool:
        """Whether it uses no accelerator: neither the family nor its own files name one."""
        return not self.needs and self.item.build.accelerator not in VENDORS


class Members:
    """The families of an environment.

    Args:
        packages: what is installed.
        markers: of the platform, which decide what a member's wheels need.
        families: what is known of families.
        as_one: whether ``install`` takes the names of a family for one project. Where that was switched
            off, the commands name members.
    """

    def __init__(
        self,
        packages: Mapping[NormalizedName, Inspected],
        markers: Mapping[str, str],
        families: Families = NO_FAMILIES,
        *,
        as_one: bool = True,
    ) -> None:
        self._packages = packages
        self._markers = markers
        self._families = families
        self._as_one = as_one

    @cached_property
    def by_identity(self) -> Mapping[NormalizedName, tuple[Inspected, ...]]:
        """Package -> the distributions that bring it; what only stands in for another is none."""
        found: dict[NormalizedName, list[Inspected]] = {}
        for name, item in self._packages.items():
            if item.stands_in_by is None and self._families.of(name) is not None:
                found.setdefault(self._families.identity(name), []).append(item)
        return {identity: tuple(items) for identity, items in found.items()}

    @cached_property
    def unkept_promises(self) -> tuple[Inspected, ...]:
        """The names that something stands in for that is not there."""
        return tuple(
            item
            for item in self._packages.values()
            if item.stands_in_by is not None and item.stands_in_by not in self._packages
        )

    def identity(self, name: NormalizedName) -> NormalizedName:
        """The package that a name counts for."""
        return self._families.identity(name)

    def identity_of(self, owners: Collection[NormalizedName]) -> NormalizedName | None:
        """The package that some distributions all bring, where they are members of one family."""
        identities = {self._families.identity(name) for name in owners}
        (identity,) = identities if len(identities) == 1 else (None,)
        return identity if identity is not None and self._families.of(identity) is not None else None

    @cached_property
    def single(self) -> tuple[InstalledMember, ...]:
        """Every package that one distribution brings, as far as it is known which member that is."""
        found = []
        for identity, items in self.by_identity.items():
            family = self._families.of(identity)
            if len(items) != 1 or family is None or items[0].metadata is not None:
                continue
            (item,) = items
            member = family.installed_member(item.name, item.version, self._packages)
            if member is None:
                continue
            build = member.build_of(item.version)
            needs = member.properties_of(identity, item.version, self._markers)
            if build is not None and build[1]:
                needs = {**needs, **build[1]}
            found.append(InstalledMember(item, identity, family, member, needs))
        return tuple(found)

    def plugin_of(self, name: NormalizedName) -> NormalizedName | None:
        """The package for whose member a distribution was installed (``jax-cuda13-plugin``: ``jax``)."""
        for each in self.single:
            if any(name in member.shows for member in each.family.members):
                return each.identity
        return None

    def usable(self, family: Family, ask: Ask) -> list[Member]:
        """The members with builds for an accelerator of the machine, the best first."""
        return [
            each
            for each in family.best_first(ask, self._markers)
            if not each.only_by_name and VENDORS.keys() & set(each.namespaces)
        ]

    def instead(
        self, name: NormalizedName, ask: Ask, commands: Commands, *, cuda_major: str | None = None
    ) -> str | None:
        """The commands that take the member for the machine in place of a distribution.

        Args:
            name: the distribution, or one that an extra of the family brought.
            ask: what the machine offers.
            commands: those of the environment.
            cuda_major: only a member for this CUDA.

        Returns:
            ``None`` where no family knows the name, or the machine can use nothing of it.
        """
        plugin_of = self.plugin_of(name)
        identity = plugin_of or self._families.identity(name)
        family = self._families.of(identity)
        usable = self.usable(family, ask) if family is not None else []
        if cuda_major is not None:
            usable = [each for each in usable if self._is_for_cuda(each, cuda_major)]
        if not usable:
            return None
        best = usable[0]
        wanted = str(identity) if self._as_one and cuda_major is None else best.requirement(identity)
        install = commands.install("--reinstall", wanted) if self._as_one else commands.install(wanted)
        gone = (
            name if plugin_of is not None or (not self._as_one and wanted.partition("[")[0] != name) else ""
        )
        return f"`{commands.uninstall(gone)}`, then `{install}`" if gone else f"`{install}`"

    def _is_for_cuda(self, member: Member, major: str) -> bool:
        return any(
            bound.partition(".")[0] == major
            for properties in member.may_be(self._markers)
            for bound in properties.get("nvidia", {}).get("cuda_version_lower_bound", ())
        )

    def leaves_one(self, owners: Sequence[Inspected], commands: Commands) -> str | None:
        """The command that leaves one of several members; ``None`` where no command does that alone."""
        identity = self.identity_of([item.name for item in owners])
        if identity is None or not self._as_one:
            return None
        gone = "both" if len(owners) == 2 else "all of them"
        return f"`{commands.install(identity)}` removes {gone}, and installs the build for the machine."


def check_members(
    members: Members, ask: Ask, present: Collection[str], who: str, commands: Commands
) -> Iterator[Finding]:
    """A member for CPUs beside an accelerator, one that the machine cannot use, a promise without a wheel.

    Args:
        members: what is installed of families.
        ask: what the machine offers.
        present: the namespaces of the accelerators that it has.
        who: ``this machine`` or ``profile h100``.
        commands: those of the environment.
    """
    for item in members.unkept_promises:
        yield _unkept(item, members, commands)
    for each in members.single:
        if each.is_for_cpus:
            yield from _for_cpus(each, members, ask, present, who, commands)
        elif each.needs and not each.member.runs_anywhere:
            yield from _unusable(each, members, ask, who, commands)


def _unkept(item: Inspected, members: Members, commands: Commands) -> Finding:
    return Finding(
        "error",
        "stand-in-alone",
        item.name,
        f"{item} only says that {item.stands_in_by} stands in for it, and that is not installed",
        f"`{commands.install(members.identity(item.name))}` installs it.",
        f"pip and uv take {item.name} for installed, and import fails.",
    )


def _for_cpus(
    each: InstalledMember,
    members: Members,
    ask: Ask,
    present: Collection[str],
    who: str,
    commands: Commands,
) -> Iterator[Finding]:
    usable = members.usable(each.family, ask) if present else []
    if not usable:
        return
    command = members.instead(each.item.name, ask, commands)
    used = dict.fromkeys(name for other in usable for name in other.namespaces if name in present)
    # What something else brought may be right for that; what a user asked for is what they look at.
    yield Finding(
        "error" if each.item.requested else "suggestion",
        "cpu-build",
        each.item.name,
        f"{each.item} makes no use of {devices(used)}, which {who} has",
        f"{command} takes a build that does." if command else "",
        f"{each.identity} runs on the CPU alone.",
        (*_signs(each.item), each.member.source or each.family.fact_source),
    )


def _unusable(
    each: InstalledMember, members: Members, ask: Ask, who: str, commands: Commands
) -> Iterator[Finding]:
    """What its files or its name show is told by the checks of ordinary wheels; the table knows more."""
    metadata = each.family.metadata_of({each.member.label: (each.member, each.needs)})
    supported = ask(metadata)
    missing = [
        need
        for need in explain_label(metadata, each.member.label, supported)
        if need.namespace in VENDORS and supported.get(need.namespace)
    ]
    if not missing:
        return
    reasons = "; ".join(reason.detail for reason in property_reasons(missing, supported, who))
    command = members.instead(each.item.name, ask, commands)
    uninstall = f"`{commands.uninstall(each.item.name)}` removes it."
    yield Finding(
        "error",
        "variant-mismatch",
        each.item.name,
        f"{each.item}, which is the build {each.member.label}, {reasons}",
        f"{command} takes the build for {who}." if command else uninstall,
        "It cannot use a GPU here.",
        (*_signs(each.item), each.member.source or each.family.fact_source),
    )


def _signs(item: Inspected) -> tuple[str, ...]:
    return tuple(f"{item.name}: {sign.evidence}" for sign in item.build.signs[:1])
