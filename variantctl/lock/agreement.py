"""Several machines, one version of each package: their resolutions made to agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.families.registry import MemberWishes
from variantctl.lock.errors import NoCommonVersionError
from variantctl.requirements.requirement import UserRequirement
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.resolve.resolver import Request, resolve
from variantctl.select.preferences import VariantPreferences
from variantctl.values import dataclass, replace
from variantctl.variants.markers import parse_requirement

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.target.platforms import Platform

_MOST_ROUNDS = 100
_ORIGIN = "what another machine takes"
_HINT = (
    "Lock these machines into files of their own (-o pylock.NAME.toml), or ask for a version that has wheels "
    "for all of them."
)


@dataclass(frozen=True)
class Target:
    """A machine that is locked for.

    Attributes:
        who: ``this machine`` or ``profile h100``, for messages.
        machine: what variant properties are supported.
        platform: the tags and markers.
        labels: project -> the label to take, beside those the user names.
    """

    who: str
    machine: Machine
    platform: Platform
    labels: Mapping[NormalizedName, str] | None = None


@dataclass(frozen=True)
class Resolved:
    """A machine and what an install into an empty environment would do there."""

    target: Target
    plan: Plan

    def package_finder(self, package_finder: PackageFinder) -> PackageFinder:
        """The sources as this machine sees them: of indexes for backends those that it can use."""
        taken = {
            planned.name: frozenset({backend.member})
            for planned in self.plan.install
            if (backend := planned.link.backend) is not None and backend.member
        }
        return package_finder.for_machine(
            self.target.machine.supported, self.target.platform.markers, MemberWishes(taken)
        )


def chosen_version(planned: PlannedInstall) -> Version:
    """The version that machines agree on: of builds for backends (``2.10.0+cu128``) the public one."""
    return planned.link.wheel.version


class Agreement:
    """Resolves for one machine after the other; what the earlier ones take, the later ones prefer.

    Args:
        request: what is asked for.
        package_finder: where wheels come from.
        preferred: versions to prefer, of a lock that is renewed.
    """

    def __init__(
        self, request: Request, package_finder: PackageFinder, preferred: Mapping[NormalizedName, Version]
    ) -> None:
        self._request = request
        self._package_finder = package_finder
        self._renewed = dict(preferred)
        self._preferred = dict(preferred)
        self._limits: dict[NormalizedName, Version] = {}
        #: Projects of which machines may take different versions, since they are required to.
        self._apart: set[NormalizedName] = set()
        #: Those that may become so, if the lower version does not do for everybody.
        self._separable: set[NormalizedName] = set()

    def reach(self, targets: Sequence[Target]) -> list[Resolved]:
        """The resolutions, in the order of ``targets``.

        Where a later machine cannot take the version of an earlier one, all are resolved again with the lower
        of both as the limit. Two versions stay only where the requirements themselves leave no common one.

        Raises:
            NoCommonVersionError: one package has no version for all of them.
            VariantctlError: as ``resolve``.
        """
        for _ in range(_MOST_ROUNDS):
            resolved = self._round(targets)
            if resolved is not None:
                return resolved
        raise NoCommonVersionError(
            f"the machines did not agree in {_MOST_ROUNDS} rounds",
            hint="Lock for fewer of them, or pin some versions in a constraints file (-c).",
        )

    @property
    def limited(self) -> frozenset[NormalizedName]:
        """The projects of which some machine could not take the version of another one."""
        return frozenset(self._limits)

    def alone(self, target: Target) -> Plan:
        """What a machine would take without the others.

        Raises:
            VariantctlError: as ``resolve``.
        """
        return self._resolve(target, {}, self._renewed)

    def also(self, target: Target) -> Resolved:
        """One more machine, which takes the versions of the others or none.

        Raises:
            VariantctlError: it cannot.
        """
        return Resolved(target, self._resolve(target, self._limits))

    def _round(self, targets: Sequence[Target]) -> list[Resolved] | None:
        """All machines in turn; ``None`` after a disagreement that changed the limits."""
        done: list[Resolved] = []
        taken: dict[NormalizedName, tuple[PlannedInstall, Resolved]] = {}
        for target in targets:
            try:
                plan = self._resolve(target, self._limits)
            except (UnsatisfiableError, NoCandidateError) as error:
                if not self._limits:
                    raise
                self._give_up_limits(target, error)
                return None
            resolved = Resolved(target, plan)
            for planned in plan.install:
                before, whose = taken.setdefault(planned.name, (planned, resolved))
                if chosen_version(before) != chosen_version(planned) and planned.name not in self._apart:
                    self._settle(planned, resolved, before, whose)
                    return None
            done.append(resolved)
            self._preferred |= {planned.name: chosen_version(planned) for planned in plan.install}
        return done

    def _resolve(
        self,
        target: Target,
        limits: Mapping[NormalizedName, Version],
        preferred: Mapping[NormalizedName, Version] | None = None,
    ) -> Plan:
        preferred = self._preferred if preferred is None else preferred
        bounds = [
            UserRequirement(parse_requirement(f"{name}<={version.public}"), _ORIGIN)
            for name, version in sorted(limits.items())
        ]
        request = self._request
        preferences: VariantPreferences = request.preferences
        if target.labels:
            preferences = replace(preferences, labels={**target.labels, **preferences.labels})
        return resolve(
            replace(
                request,
                constraints=(*request.constraints, *bounds),
                preferences=preferences,
                options=replace(request.options, preferred=dict(preferred), every_device=True),
            ),
            package_finder=self._package_finder,
            machine=target.machine,
            platform=target.platform,
            who=target.who,
        )

    def _settle(
        self, planned: PlannedInstall, resolved: Resolved, before: PlannedInstall, whose: Resolved
    ) -> None:
        """Ask everybody for the lower version; accept two only where the requirements want them."""
        name = planned.name
        mine, theirs = chosen_version(planned), chosen_version(before)
        lower = min(mine, theirs)
        if mine != theirs and planned.distribution != before.distribution and self._limits.get(name) == lower:
            # Members of a family, which are published at different times, and have no version in common.
            self._apart.add(name)
            del self._limits[name]
            return
        ruled_out = [self._excludes(name, theirs, resolved), self._excludes(name, mine, whose)]
        if all(ruled_out):
            self._apart.add(name)
        elif self._limits.get(name) == lower:
            raise _no_common_version(name, [(whose.target.who, before), (resolved.target.who, planned)])
        else:
            self._limits[name] = lower
            if any(ruled_out) or planned.distribution != before.distribution:
                self._separable.add(name)

    def _excludes(self, name: NormalizedName, version: Version, resolved: Resolved) -> bool:
        """Whether what is required on a machine does not allow a version."""
        identity = self._package_finder.families.identity
        markers = resolved.target.platform.markers
        asked = [root.requirement for root in self._request.requirements if root.requirement.applies(markers)]
        needed = [parse_requirement(text) for planned in resolved.plan.install for text in planned.requires]
        return any(
            identity(requirement.name) == name
            and not requirement.specifier.contains(version, prereleases=True)
            for requirement in (*asked, *needed)
        )

    def _give_up_limits(self, target: Target, error: UnsatisfiableError | NoCandidateError) -> None:
        """The lower versions do not do for a machine: let those be apart that requirements pull apart."""
        apart = [name for name in self._limits if name in self._separable]
        if not apart:
            named = ", ".join(f"{name} {version}" for name, version in sorted(self._limits.items()))
            raise NoCommonVersionError(
                f"{target.who} cannot take what the other machines take ({named}): {error.message}",
                hint=_HINT,
            ) from error
        for name in apart:
            self._apart.add(name)
            del self._limits[name]


def _no_common_version(
    name: NormalizedName, taken: Sequence[tuple[str, PlannedInstall]]
) -> NoCommonVersionError:
    who = ", ".join(f"{who} takes {planned.version}" for who, planned in taken)
    return NoCommonVersionError(
        f"there is no version of {name} for all machines: {who}",
        hint=_HINT,
    )
