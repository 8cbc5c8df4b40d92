"""Any machine (``lock --all-variants``): every variant of every locked version, with what it needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.errors import ProjectNotFound
from variantctl.lock.agreement import Agreement, Resolved, Target, chosen_version
from variantctl.providers.algorithm import Machine
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError, UnsupportedVariantError
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import NON_VARIANT
from variantctl.target.platforms import platform_environment
from variantctl.values import dataclass
from variantctl.variants.markers import parse_requirement
from variantctl.variants.properties import ABI_DEPENDENCY, VariantProperty

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.settings import ProviderSettings
    from variantctl.target.platforms import Platform
    from variantctl.variants.metadata import VariantMetadata

#: Where wheels are published for, beside the platform at hand: system, machine, and the newest C library.
COMMON_PLATFORMS = (
    ("Linux", "x86_64", "glibc 2.50"),
    ("Linux", "aarch64", "glibc 2.50"),
    ("Darwin", "arm64", None),
    ("Windows", "AMD64", None),
)
_GIVEN_UP = (UnsatisfiableError, NoCandidateError, UnsupportedVariantError, ProjectNotFound)
_PROPERTY = re.compile(r"['\"]([a-z0-9_]+\s*::\s*[a-z0-9_]+\s*::\s*[a-z0-9_.]+)['\"]")


class AnyMachine(Machine):
    """A machine that supports every property that any variant asks for, or all but a few.

    Args:
        settings: what the user disabled stays so.
        without: properties that it does not support.
        only: of these properties' features it supports nothing else.
    """

    is_one = False

    def __init__(
        self,
        settings: ProviderSettings | None = None,
        *,
        without: frozenset[VariantProperty] = frozenset(),
        only: frozenset[VariantProperty] = frozenset(),
    ) -> None:
        super().__init__(None, settings)
        self._without = without
        self._only = {(item.namespace, item.feature): item.value for item in only}

    def accelerators(self) -> dict[str, dict[str, list[str]]]:
        """None: it is no machine that a build could be for."""
        return {}

    def supported(
        self, metadata: VariantMetadata, *, used_only: bool = True
    ) -> dict[str, dict[str, list[str]]]:
        """Everything that occurs in ``metadata``; nothing is asked of this machine."""
        found: dict[str, dict[str, set[str]]] = {}
        for properties in metadata.variants.values():
            for namespace, features in properties.items():
                if namespace != ABI_DEPENDENCY and namespace not in self.settings.disabled:
                    for feature, values in features.items():
                        kept = (value for value in values if self._offers(namespace, feature, value))
                        found.setdefault(namespace, {}).setdefault(feature, set()).update(kept)
        return {
            namespace: {feature: sorted(values) for feature, values in sorted(features.items()) if values}
            for namespace, features in sorted(found.items())
        }

    def _offers(self, namespace: str, feature: str, value: str) -> bool:
        if VariantProperty(namespace, feature, value) in self._without:
            return False
        return self._only.get((namespace, feature), value) == value


def any_machine(platform: Platform, settings: ProviderSettings | None = None) -> Target:
    """Any machine of a platform."""
    markers = platform.markers
    who = f"any machine with {markers['platform_system']} {markers['platform_machine']}"
    return Target(who, AnyMachine(settings), platform)


def other_platforms(platform: Platform) -> list[Platform]:
    """The common platforms beside one, with its Python."""
    here = platform.markers["platform_system"], platform.markers["platform_machine"]
    return [
        platform_environment(system=system, machine=machine, libc=libc, base=platform)
        for system, machine, libc in COMMON_PLATFORMS
        if (system, machine) != here
    ]


@dataclass(frozen=True, order=True)
class _Task:
    """A label of a version, to be resolved on a platform."""

    name: NormalizedName
    version: Version
    label: str
    platform: int


class Expansion:
    """Adds every variant to what machines have agreed on.

    Args:
        agreement: resolves; its versions are kept to.
        package_finder: where wheels come from.
        settings: what the user says about providers.
    """

    def __init__(
        self, agreement: Agreement, package_finder: PackageFinder, settings: ProviderSettings | None
    ) -> None:
        self._agreement = agreement
        self._package_finder = package_finder
        self._settings = settings
        self._locked: dict[NormalizedName, set[Version]] = {}
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and why, a line each."""
        return tuple(self._notes)

    def expand(self, resolved: Sequence[Resolved], platforms: Sequence[Platform]) -> list[Resolved]:
        """``resolved``, and a resolution for each further platform and for each variant of each version.

        What cannot be resolved with the versions that are there is left out, with a note.
        """
        found = list(resolved)
        for done in resolved:
            self._take(done.plan)
        everywhere = [done.target.platform for done in resolved]
        for platform in platforms:
            target = any_machine(platform, self._settings)
            extra = self._try(target, target.who)
            if extra is not None:
                found.append(extra)
                everywhere.append(platform)
        self._each_variant(found, everywhere)
        return found

    def _each_variant(self, found: list[Resolved], platforms: Sequence[Platform]) -> None:
        interpreters = [Interpreter(platform.tags, platform.markers) for platform in platforms]
        tried: set[_Task] = set()
        seen = 0
        while seen < len(found):  # grows: a variant may need packages with variants
            tasks = sorted(set(self._tasks(found[seen], interpreters)) - tried)
            seen += 1
            for task in tasks:
                tried.add(task)
                found += self._variant(task, platforms[task.platform])

    def _tasks(self, resolved: Resolved, interpreters: Sequence[Interpreter]) -> Iterator[_Task]:
        package_finder = resolved.package_finder(self._package_finder)
        for planned in resolved.plan.install:
            if planned.direct_url is not None:
                continue
            version = chosen_version(planned)
            wheels = package_finder.project(planned.name).wheels_of(version)
            if all(link.wheel.label is None for link in wheels):
                continue
            for link in wheels:
                for place, interpreter in enumerate(interpreters):
                    if interpreter.rank(link.wheel) is not None and not link.file.yanked:
                        label = link.wheel.label or NON_VARIANT
                        yield _Task(planned.name, version, label, place)

    def _variant(self, task: _Task, platform: Platform) -> Iterator[Resolved]:
        """With everything supported; then as markers tell apart which values of a feature are supported."""
        full = self._resolved(task, platform, AnyMachine(self._settings))
        if full is None:
            return
        yield full
        for machine in self._lesser_machines(task, full):
            lesser = self._resolved(task, platform, machine)
            if lesser is not None:
                yield lesser

    def _resolved(self, task: _Task, platform: Platform, machine: AnyMachine) -> Resolved | None:
        what = f"{task.name} {task.version} ({task.label or 'the non-variant wheel'})"
        resolved = self._try(Target(what, machine, platform, {task.name: task.label}), what)
        if resolved is None:
            return None
        planned = next(planned for planned in resolved.plan.install if planned.name == task.name)
        if (chosen_version(planned), planned.label or NON_VARIANT) == (task.version, task.label):
            return resolved
        self._note(what, f"what it needs fits {planned.version} only")
        return None

    def _lesser_machines(self, task: _Task, full: Resolved) -> Iterator[AnyMachine]:
        """A marker about a property holds only where the machine supports that one of a feature's values."""
        if not task.label:
            return
        planned = next(planned for planned in full.plan.install if planned.name == task.name)
        package_finder = full.package_finder(self._package_finder)
        metadata = package_finder.readable_variants(package_finder.project(task.name), task.version)
        properties = (metadata.properties_of(task.label) if metadata else None) or {}
        texts = self._package_finder.core_metadata(planned.link).requires_dist
        named = {match for text in texts if "variant_properties" in text for match in _PROPERTY.findall(text)}
        for item in sorted(VariantProperty.parse(text) for text in named):
            values = properties.get(item.namespace, {}).get(item.feature, ())
            if item.value in values and len(values) > 1:
                yield AnyMachine(self._settings, without=frozenset({item}))
                yield AnyMachine(self._settings, only=frozenset({item}))

    def _try(self, target: Target, what: str) -> Resolved | None:
        try:
            resolved = self._agreement.also(target)
        except _GIVEN_UP as error:
            self._note(what, error.message)
            return None
        strange = self._strange(resolved.plan)
        if strange is not None:
            self._note(what, f"it would take {strange.name} {strange.version}")
            return None
        self._take(resolved.plan)
        return resolved

    def _strange(self, plan: Plan) -> PlannedInstall | None:
        """A package in another version than the locked ones, though its requirements would allow those."""
        for planned in plan.install:
            version = chosen_version(planned)
            locked = self._locked.get(planned.name, {version})
            if version not in locked and any(_allowed(planned.name, other, plan) for other in locked):
                return planned
        return None

    def _take(self, plan: Plan) -> None:
        for planned in plan.install:
            self._locked.setdefault(planned.name, set()).add(chosen_version(planned))

    def _note(self, what: str, why: str) -> None:
        self._notes[f"{what} is left out: {why}"] = None


def _allowed(name: NormalizedName, version: Version, plan: Plan) -> bool:
    """Whether what a plan's packages require allows a version."""
    return all(
        requirement.specifier.contains(version, prereleases=True)
        for planned in plan.install
        for requirement in map(parse_requirement, planned.requires)
        if requirement.name == name
    )
