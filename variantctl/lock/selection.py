"""Which wheel of each entry a machine takes: the choice that an install makes, among what the lock lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.indexes.project_files import BackendBuild, WheelLink
from variantctl.lock.contents import Lock, LockedPackage, LockedWheel
from variantctl.lock.errors import LockFileError, LockMismatchError
from variantctl.lock.members import MemberNames
from variantctl.lock.source_links import SourceLinks, refuse_unproven
from variantctl.lock.variants_table import united
from variantctl.lock.walk import Picked, Visit, Walk
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import joined_url, path_to_url
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import VariantPreferences
from variantctl.select.ranking import (
    RankedWheel,
    SelectionContext,
    abi_dependencies,
    evaluate_wheels,
    rank_wheels,
)
from variantctl.values import dataclass, field, replace
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import VariantRequirement
from variantctl.variants.metadata import VariantMetadata

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine

ReadRequires = Callable[[WheelLink], Sequence[str]]
"""Gives the Requires-Dist of a wheel whose lock entry does not have it."""

_MOST_REASONS = 6


@dataclass(frozen=True)
class Selected:
    """An entry that is installed.

    Attributes:
        package: the entry.
        wheel: its wheel for this machine.
        visit: who needs it, and what it needs.
    """

    package: LockedPackage
    wheel: RankedWheel
    visit: Visit


@dataclass(frozen=True)
class Choices:
    """What the user chooses of a lock.

    Attributes:
        extras: of the lock, normalized.
        groups: dependency groups of the lock, beside its default ones.
        preferences: about variants.
    """

    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    preferences: VariantPreferences = field(default_factory=VariantPreferences)


class Selection:
    """The choice for one machine.

    Args:
        lock: the lock file.
        base: the folder that its relative paths start from.
        machine: what variant properties are supported.
        interpreter: what wheels must fit.
        choices: what the user says.
        read_requires: asked only where a lock of another tool lists variant wheels.
        sources: what is built where no wheel is taken; ``None``: nothing is.
        who: ``this machine`` or the profile, for messages.
    """

    def __init__(
        self,
        lock: Lock,
        base: Path,
        machine: Machine,
        interpreter: Interpreter,
        *,
        choices: Choices,
        read_requires: ReadRequires,
        sources: SourceLinks | None = None,
        who: str = "this machine",
    ) -> None:
        self._lock = lock
        self._base = base
        self._machine = machine
        self._interpreter = interpreter
        self._choices = choices
        self._read_requires = read_requires
        self._sources = sources
        self._who = who
        self._ranked: dict[int, RankedWheel | None] = {}
        #: Source of kind ``backends`` -> the backend that everything from it comes from, if one can.
        self._backends: dict[str, str | None] = {}

    def select(self) -> list[Selected]:
        """What to install, by name.

        Raises:
            LockMismatchError: the lock is not for this Python or platform, or lacks what this machine needs.
            LockFileError: the lock contradicts itself, or has no wheel of something (PEP 751).
        """
        self._check_environment()
        own = self._lock.roots is not None and all(
            package.declared is not None for package in self._lock.packages
        )
        visits = self._walked(self._lock.roots or ()) if own else self._listed()
        selected = []
        for visit in visits.values():
            wheel = self._wheel(visit.picked.package)
            assert wheel is not None
            selected.append(Selected(visit.picked.package, wheel, visit))
        return selected

    def fitting_wheels(self) -> Iterator[Selected]:
        """Of each project the wheel that is taken if the project is needed; none of what is built."""
        for name in dict.fromkeys(package.name for package in self._lock.packages if package.files):
            for package in self._entries(name):
                # To learn of other source code than an sdist what it is, this very answer may be needed.
                is_plain = package.source is None or package.source.kind == "sdist"
                wheel = self._wheel(package) if is_plain else None
                if wheel is not None:
                    yield Selected(package, wheel, Visit(Picked(package, wheel.variant, ())))
                    break

    def _check_environment(self) -> None:
        lock, markers = self._lock, self._interpreter.markers
        python = self._interpreter.python  # a release, of a pre-release too
        if lock.requires_python is not None and not lock.requires_python.contains(python):
            raise LockMismatchError(
                f"the lock is for Python {lock.requires_python}; {self._who} has {python}",
                hint="Use another interpreter (-p), or lock again for this one.",
            )
        if lock.environments and not any(marker.evaluate(dict(markers)) for marker in lock.environments):
            listed = " or ".join(f"({marker})" for marker in lock.environments)
            raise LockMismatchError(f"the lock is for environments where {listed}; {self._who} is none")
        self._check_choices()

    def _check_choices(self) -> None:
        for what, wanted, there in (
            ("extra", self._choices.extras, {canonicalize_name(extra) for extra in self._lock.extras}),
            ("dependency group", self._choices.groups, {*self._lock.dependency_groups}),
        ):
            missing = sorted(set(wanted) - there)
            if missing:
                listed = ", ".join(sorted(there)) or "none"
                raise LockMismatchError(f"the lock has no {what} '{missing[0]}'; it has {listed}")

    # --- a lock of ours: from what was asked for, along what is needed ---

    def _walked(self, roots: Sequence[VariantRequirement]) -> dict[NormalizedName, Visit]:
        names = MemberNames(self._lock.packages)
        return Walk(self._entries, self._pick, self._interpreter.markers, names=names).run(roots)

    def _entries(self, name: NormalizedName) -> list[LockedPackage]:
        """The newest first; of builds for backends that of the backend all others are of, then the best."""
        packages = list(self._lock.named(name))
        if any(package.backend is not None for package in packages):
            places = self._places_of_backends(packages)
            packages.sort(key=lambda package: places.get(id(package), len(places)))
            packages.sort(key=lambda package: not self._is_of_common_backend(package))
        return packages

    def _is_of_common_backend(self, package: LockedPackage) -> bool:
        backend = package.backend
        if backend is None or (package.member is not None and not package.member.together):
            return False
        if backend.source not in self._backends:
            self._backends[backend.source] = self._common_backend(backend.source)
        return self._backends[backend.source] == backend.label

    def _common_backend(self, source: str) -> str | None:
        """The best backend that has all of a source's packages for this machine; ``None`` if none has."""
        fitting: dict[NormalizedName, list[str]] = {}
        listed = [p for p in self._lock.packages if p.backend is not None and p.backend.source == source]
        for name in dict.fromkeys(package.name for package in listed):
            packages = [package for package in listed if package.name == name]
            places = self._places_of_backends(packages)
            packages = [package for package in packages if id(package) in places]
            packages.sort(key=lambda package: places[id(package)])
            fitting[name] = [package.backend.label for package in packages if package.backend is not None]
        first, *others = fitting.values()
        return next((label for label in first if all(label in labels for labels in others)), None)

    def _places_of_backends(self, packages: Sequence[LockedPackage]) -> dict[int, int]:
        """``id`` of an entry that fits -> its place among all backends' builds, the newest version first."""
        packages = [package for package in packages if package.backend is not None]
        # Two members of a family may be the same file, with other extras.
        links, owners = [], {}
        for package in packages:
            for link in (self.link(file, package) for file in package.files):
                links.append(link)
                owners[link.wheel.label, link.file.filename] = package
        metadata = united([package.variants for package in packages if package.variants is not None])
        ranked = rank_wheels(links, self._terms(packages[0], metadata))
        labels = list(dict.fromkeys(wheel.link.wheel.label for wheel in ranked))
        ranked.sort(key=lambda wheel: wheel.link.wheel.version, reverse=True)
        if any(package.member is not None for package in packages):
            # Members have versions of their own: the build for the device goes before a newer one.
            ranked.sort(key=lambda wheel: labels.index(wheel.link.wheel.label))
        places: dict[int, int] = {}
        for wheel in ranked:
            owner = owners[wheel.link.wheel.label, wheel.link.file.filename]
            places.setdefault(id(owner), len(places))
        return places

    def _pick(self, package: LockedPackage) -> Picked | None:
        wheel = self._wheel(package)
        if wheel is None:
            others = [other for other in self._lock.named(package.name) if other is not package]
            if any(self._wheel(other) is not None for other in others):
                return None
            raise self._unfit(package)
        declared = package.declared
        filename = wheel.link.wheel.filename
        requires = declared.of(filename) if declared is not None else self._read_requires(wheel.link)
        return Picked(package, wheel.variant, requires)

    # --- a lock of another tool: every entry whose marker holds (PEP 751, "Installation") ---

    def _listed(self) -> dict[NormalizedName, Visit]:
        environment: dict[str, str | frozenset[str]] = {
            **self._interpreter.markers,
            "extras": self._choices.extras,
            "dependency_groups": self._choices.groups.union(self._lock.default_groups),
        }
        holding = [
            package
            for package in self._lock.packages
            if package.marker is None or package.marker.evaluate(environment, context="lock_file")
        ]
        by_name: dict[NormalizedName, LockedPackage] = {}
        for package in holding:
            if package.name in by_name:
                raise LockFileError(
                    f"the lock has two entries for {package.name} that both apply to {self._who}: "
                    f"{by_name[package.name].version} and {package.version}"
                )
            by_name[package.name] = package
        depended = {name for package in holding for name in package.dependencies}
        visits = {name: self._visit_of(package, name not in depended) for name, package in by_name.items()}
        return dict(sorted(self._with_variant_needs(visits).items()))

    def _visit_of(self, package: LockedPackage, requested: bool, *, read: bool = False) -> Visit:
        """An entry; what its wheel requires is read where markers in the lock cannot say it (or ``read``)."""
        wheel = self._wheel(package)
        if wheel is None:
            raise self._unfit(package)
        parents = {other.name for other in self._lock.packages if package.name in other.dependencies}
        requires = self._read_requires(wheel.link) if read or wheel.label is not None else ()
        return Visit(Picked(package, wheel.variant, requires), requested, parents)

    def _with_variant_needs(self, visits: dict[NormalizedName, Visit]) -> dict[NormalizedName, Visit]:
        """Add what the variant markers of a selected wheel ask for: no ``packages.marker`` can say it."""
        queue = list(visits.values())
        for visit in queue:  # grows while it is read
            picked = visit.picked
            visit.applying = [
                requirement
                for requirement in (read_requirement(text).requirement for text in picked.requires)
                if requirement.applies(self._interpreter.markers, picked.variant)
            ]
            for requirement in visit.applying:
                if requirement.name in visits:
                    visits[requirement.name].parents.add(picked.package.name)
                    continue
                for package in self._lock.named(requirement.name):
                    new = self._visit_of(package, False, read=True)
                    new.parents.add(picked.package.name)
                    visits[requirement.name] = new
                    queue.append(new)
                    break
        return visits

    # --- wheels ---

    def _wheel(self, package: LockedPackage) -> RankedWheel | None:
        if id(package) not in self._ranked:
            self._ranked[id(package)] = self._best(package)
        return self._ranked[id(package)]

    def _best(self, package: LockedPackage) -> RankedWheel | None:
        if not self._accepts_python(package):
            return None
        if self._takes_wheels(package):
            links = [self.link(file, package) for file in package.files]
            ranked = rank_wheels(links, self._terms(package, package.variants))
            if (best := next((wheel for wheel in ranked if self._fits_others(wheel)), None)) is not None:
                return best
        if package.source is None or self._sources is None or not self._sources.may_build(package.name):
            return None
        built = rank_wheels([self._sources.link(package)], self._terms(package, None))
        return next(iter(built), None)

    def _accepts_python(self, package: LockedPackage) -> bool:
        specifier = package.requires_python
        return specifier is None or specifier.contains(self._interpreter.python)

    def _fits_others(self, wheel: RankedWheel) -> bool:
        """Whether the lock has the releases that a variant was built for (PEP 850, ``abi_dependency``)."""
        return all(
            any(
                SpecifierSet(f"=={prefix}.*").contains(other.version, prereleases=True)
                for prefix in prefixes
                for other in self._lock.named(canonicalize_name(package))
                if other.version is not None
            )
            for package, prefixes in abi_dependencies(wheel.properties).items()
        )

    def _terms(self, package: LockedPackage, metadata: VariantMetadata | None) -> SelectionContext:
        preferences = self._choices.preferences
        supported = {} if metadata is None or preferences.no_variants else self._machine.supported(metadata)
        return SelectionContext(
            self._interpreter,
            preferences,
            preferences.labels.get(package.name),
            metadata,
            supported,
            allow_yanked=True,
            each_alone=() if metadata is None else self._machine.each_alone(metadata, supported),
            who=self._who,
            installed={
                other.name: other.version for other in self._lock.packages if other.version is not None
            },
        )

    def link(self, file: LockedWheel, package: LockedPackage) -> WheelLink:
        """A locked wheel as a source would list it, as a variant where it is a backend's build.

        Raises:
            LockFileError: it has no hash that proves anything.
        """
        refuse_unproven(file.filename, file.hashes)
        url = file.url if file.path is None else path_to_url(self._base / file.path)
        assert url is not None
        if file.path is None and "://" not in url:
            url = joined_url(path_to_url(self._base) + "/", url)
        hashes: Mapping[str, str] = dict(file.hashes)
        remote = RemoteFile(file.filename, url, hashes, size=file.size, source="the lock file")
        backend, member = package.backend, package.member
        if backend is None:
            return WheelLink(remote, file.wheel)
        version = file.wheel.version
        wheel = replace(file.wheel, version=Version(version.public), label=backend.label)
        if member is None:
            return WheelLink(remote, wheel, BackendBuild(backend.source, version))
        build = BackendBuild(
            backend.source, version, member.project, member.label, member.extra, member.together
        )
        return WheelLink(remote, replace(wheel, name=package.name), build)

    def _takes_wheels(self, package: LockedPackage) -> bool:
        return self._sources is None or self._sources.takes_wheels(package.name)

    def _forbidden(self, package: LockedPackage) -> LockMismatchError | None:
        """What to say where the user forbids what would do."""
        source = package.source
        if source is not None and (self._sources is None or not self._sources.may_build(package.name)):
            has = (
                f"no wheel of {package} that fits {self._who}" if package.files else f"no wheel of {package}"
            )
            return LockMismatchError(
                f"the lock has {has}, only its source code ({source.shown}), and building that is forbidden",
                hint=f"Leave out what forbids it (--no-build, --only-binary), or add --build {package.name}.",
            )
        if source is None and not self._takes_wheels(package):
            return LockMismatchError(
                f"--no-binary forbids the wheels of {package}, and the lock has no source code of it"
            )
        return None

    def _unfit(self, package: LockedPackage) -> LockMismatchError:
        if not self._accepts_python(package):
            return LockMismatchError(
                f"{package} needs Python {package.requires_python}; "
                f"{self._who} has {self._interpreter.python}",
                hint="Use another interpreter (-p), or lock again for this one.",
            )
        if (problem := self._forbidden(package)) is not None:
            return problem
        links = [self.link(file, package) for file in package.files]
        judged = evaluate_wheels(links, self._terms(package, package.variants))
        reasons = [
            f"{wheel.link.wheel.label or wheel.link.wheel.filename} "
            + ("; ".join(reason.detail for reason in wheel.reasons) or "was built for another release")
            for wheel in judged
        ]
        more = len(reasons) - _MOST_REASONS
        shown = reasons[:_MOST_REASONS] + ([f"and {more} more"] if more > 0 else [])
        return LockMismatchError(
            f"no wheel of {package} in the lock fits {self._who}: " + "; ".join(shown),
            hint="Lock again with this machine among those locked for ('variantctl lock ... "
            "--profile NAME-or-FILE', which may be given several times), or with --all-variants.",
        )
