"""From requirements and machines to a lock: the union of what an install would do on each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.config.moments import uploaded_at
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.indexes.sdists import is_promised
from variantctl.lock.agreement import Agreement, Resolved, Target
from variantctl.lock.contents import (
    Declared,
    Lock,
    LockedBackend,
    LockedMember,
    LockedPackage,
    LockedSource,
    LockedWheel,
)
from variantctl.lock.everything import Expansion
from variantctl.lock.held_back import agreement_notes
from variantctl.lock.needed_on import markers_of
from variantctl.lock.overrides import overridden_roots, with_overrides
from variantctl.lock.source_code import locked_source, relative_path
from variantctl.lock.variants_table import backend_table, narrowed, of_backend
from variantctl.net.hashes import STRONG, is_known
from variantctl.net.redaction import bare_text, without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.sizes import remote_size
from variantctl.net.urls import is_file_url, split_credentials, url_to_path
from variantctl.resolve.resolver import Request
from variantctl.select.compatibility import Interpreter
from variantctl.values import dataclass, field, replace
from variantctl.variants.markers import VariantRequirement, parse_requirement
from variantctl.variants.metadata import VariantMetadata

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.settings import ProviderSettings
    from variantctl.resolve.plan import PlannedInstall
    from variantctl.target.platforms import Platform


@dataclass(frozen=True)
class LockRequest:
    """What a lock is made of.

    Attributes:
        request: what is asked for, and how versions and variants are chosen.
        targets: the machines that are locked for.
        base: the folder of the lock file.
        preferred: versions of the lock that is renewed.
        every_variant: lock the variants for any machine of the targets' platforms and of ``platforms``.
        platforms: further platforms, where they can be had.
        requires_python: written as it is.
        environments: written as they are.
        settings: what the user says about providers.
    """

    request: Request
    targets: Sequence[Target]
    base: Path
    preferred: Mapping[NormalizedName, Version] = field(default_factory=dict)
    every_variant: bool = False
    platforms: Sequence[Platform] = ()
    requires_python: SpecifierSet | None = None
    environments: tuple[Marker, ...] = ()
    settings: ProviderSettings | None = None


@dataclass
class _Entry:
    """What became known of one version of one project."""

    planned: PlannedInstall
    package_finder: PackageFinder
    backend_metadata: VariantMetadata | None = None
    links: dict[str, WheelLink] = field(default_factory=dict)
    needs: set[NormalizedName] = field(default_factory=set)
    #: URLs of the wheels that some machine takes; the others are for platforms that were not resolved for.
    taken: set[str] = field(default_factory=set)
    #: Its source code, where some machine builds it.
    built: PlannedInstall | None = None
    #: Of a member of a family: the names that it stands in for on some machine.
    stand_ins: set[NormalizedName] = field(default_factory=set)


@dataclass(frozen=True)
class Made:
    """A lock, and how it came about.

    Attributes:
        lock: the lock.
        resolved: for each machine asked for, what an install into an empty environment would do there.
        notes: what the user should know, a line each.
    """

    lock: Lock
    resolved: tuple[Resolved, ...]
    notes: tuple[str, ...]


def make_lock(wanted: LockRequest, package_finder: PackageFinder) -> Made:
    """Resolve for every machine, and unite what they take.

    Raises:
        NoCommonVersionError: the machines cannot agree on a version.
        VariantctlError: as ``resolve``.
    """
    agreement = Agreement(wanted.request, package_finder, wanted.preferred)
    asked = resolved = agreement.reach(wanted.targets)
    notes = agreement_notes(agreement, resolved, package_finder)
    if wanted.every_variant:
        expansion = Expansion(agreement, package_finder, wanted.settings)
        resolved = expansion.expand(resolved, wanted.platforms)
        notes += expansion.notes
    entries = _entries(resolved, package_finder)
    if wanted.every_variant:
        _add_other_platforms(entries, resolved)
    overrides = wanted.request.overrides
    found = _packages(entries, FileList(package_finder, wanted.base))
    packages = [with_overrides(package, overrides) for package in found]
    if wanted.request.options.no_deps:
        packages = [_alone(package) for package in packages]
    asked_for = {_portable(root) for root in overridden_roots(wanted.request.requirements, overrides)}
    roots = tuple(sorted(asked_for, key=str))
    markers = markers_of(packages, roots, [done.target.platform.markers for done in resolved])
    lock = Lock(
        tuple(replace(package, marker=markers[id(package)]) for package in packages),
        roots,
        wanted.requires_python,
        wanted.environments,
    )
    return Made(lock, tuple(asked), tuple(dict.fromkeys(notes)))


def _alone(package: LockedPackage) -> LockedPackage:
    """A package that brings nothing along, as was asked for: syncing would miss what is not locked."""
    return replace(package, declared=Declared(), dependencies=())


def _portable(requirement: VariantRequirement) -> VariantRequirement:
    """A direct reference without its URL, which may be of this machine: the entry says where its file is."""
    if requirement.url is None:
        return requirement
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return parse_requirement(f"{requirement.name}{extras}{marker}")


def _entries(resolved: Sequence[Resolved], package_finder: PackageFinder) -> list[_Entry]:
    """By name and version; builds of a backend apart, and those with other properties elsewhere too."""
    entries: dict[tuple[NormalizedName, Version, str, str], _Entry] = {}
    identity = package_finder.families.identity
    for done in resolved:
        seen = done.package_finder(package_finder)
        for planned in done.plan.install:
            link = planned.link
            metadata = _backend_metadata(planned, seen)
            table = json.dumps(backend_table(metadata), sort_keys=True) if metadata is not None else ""
            member = f"{planned.distribution} {planned.label}" if _is_member(link) else ""
            key = (planned.name, link.version, table, member)
            entry = entries.setdefault(key, _Entry(planned, seen, metadata))
            entry.links[link.file.url] = link
            entry.taken.add(link.file.url)
            if planned.needs_build:
                entry.built = planned
            entry.needs |= {identity(parse_requirement(text).name) for text in planned.requires}
            entry.stand_ins.update(planned.stands_in_for)
    return [entries[key] for key in sorted(entries)]


def _is_member(link: WheelLink) -> bool:
    return link.backend is not None and bool(link.backend.member)


def _backend_metadata(planned: PlannedInstall, package_finder: PackageFinder) -> VariantMetadata | None:
    """What says of a backend's build what it was built for; ``None`` for all other wheels."""
    link = planned.link
    label = link.wheel.label
    if link.backend is None or label is None:
        return None
    metadata = package_finder.readable_variants(package_finder.project(link.wheel.name), link.wheel.version)
    if metadata is None or label not in metadata.variants:
        return None
    if _is_member(link):
        # One that was asked for by name may need less than its family says.
        metadata = replace(metadata, variants={**metadata.variants, label: planned.properties})
    return of_backend(metadata, label)


def _add_other_platforms(entries: Iterable[_Entry], resolved: Sequence[Resolved]) -> None:
    """The wheels of each label that was resolved, for every platform: those share what they require."""
    platforms = {id(done.target.platform): done.target.platform for done in resolved}
    interpreters = [Interpreter(platform.tags, platform.markers) for platform in platforms.values()]
    for entry in entries:
        if entry.planned.direct_url is not None or entry.backend_metadata is not None:
            continue
        labels = {link.wheel.label for link in entry.links.values()}
        for link in entry.package_finder.project(entry.planned.name).wheels_of(entry.planned.version):
            if (
                link.wheel.label in labels
                and not link.file.yanked
                and any(interpreter.rank(link.wheel) is not None for interpreter in interpreters)
            ):
                entry.links.setdefault(link.file.url, link)


def _packages(entries: Sequence[_Entry], files: FileList) -> list[LockedPackage]:
    links = (link for entry in entries for link in entry.links.values() if not is_promised(link))
    locked = files.locked(links)
    names = {entry.planned.name for entry in entries}
    return [_package(entry, names, files, locked) for entry in entries]


def _package(
    entry: _Entry,
    names: set[NormalizedName],
    files: FileList,
    locked: Mapping[str, LockedWheel],
) -> LockedPackage:
    planned = entry.planned
    links = sorted(entry.links.values(), key=lambda link: link.wheel.filename)
    wheels = tuple(locked[link.file.url] for link in links if not is_promised(link))
    direct = planned.direct_url is not None
    declared, requires_python = _declared(links, entry.taken, entry.package_finder)
    backend = planned.link.backend
    source = files.source(entry.built) if entry.built is not None else None
    return LockedPackage(
        planned.name,
        None if source is not None and source.kind == "directory" else planned.link.version,
        requires_python=requires_python,
        index=None if direct else files.index_of(planned.link.file),
        dependencies=tuple(sorted((entry.needs & names) - {planned.name})),
        wheels=() if direct else wheels,
        archive=wheels[0] if direct and source is None else None,
        variants=entry.backend_metadata or _variants(entry),
        declared=declared,
        source=source,
        backend=LockedBackend(backend.source, planned.link.wheel.label or "")
        if backend is not None and entry.backend_metadata is not None
        else None,
        withdrawn=planned.withdrawn,
        member=_member(entry) if entry.backend_metadata is not None and _is_member(planned.link) else None,
    )


def _member(entry: _Entry) -> LockedMember:
    planned, backend = entry.planned, entry.planned.link.backend
    assert backend is not None
    family = entry.package_finder.families.of(planned.name)
    members = family.members if family is not None else ()
    extras = {extra for each in members for extra in (each.extra, *each.also) if extra is not None}
    return LockedMember(
        planned.distribution,
        backend.member,
        backend.extra,
        stands_in_for=tuple(sorted(entry.stand_ins)),
        extras=tuple(sorted(extras)),
        together=backend.together,
    )


def _variants(entry: _Entry) -> VariantMetadata | None:
    """The metadata of the labels that occur in filenames."""
    labels = {label for link in entry.links.values() if (label := link.own_name.label) is not None}
    if not labels:
        return None
    planned = entry.planned
    if planned.direct_url is not None:
        project = ProjectFiles(planned.name, planned.url, (planned.link,))
    else:
        project = entry.package_finder.project(planned.name)
    metadata = entry.package_finder.readable_variants(project, planned.version)
    return narrowed(metadata, labels) if metadata else None


def _declared(
    links: Sequence[WheelLink], taken: set[str], package_finder: PackageFinder
) -> tuple[Declared, SpecifierSet | None]:
    """What the wheels require, and the Pythons they are for where they agree on that.

    Of a wheel that no machine takes METADATA is not read: it is the same as another's of the same label, for
    another platform.
    """
    read = {link.file.url: package_finder.core_metadata(link) for link in links if link.file.url in taken}
    of_label: dict[str | None, str] = {}
    for link in links:
        if link.file.url in taken:
            of_label.setdefault(link.wheel.label, link.file.url)
    requires = {
        link.wheel.filename: tuple(
            map(bare_text, read.get(link.file.url, read[of_label[link.wheel.label]]).requires_dist)
        )
        for link in links
    }
    counts = Counter(requires.values())
    common = min(counts, key=lambda texts: (-counts[texts], texts))
    exceptions = {filename: texts for filename, texts in requires.items() if texts != common}
    pythons = {metadata.requires_python_text for metadata in read.values()}
    return Declared(common, exceptions), _specifier(pythons.pop()) if len(pythons) == 1 else None


def _specifier(text: str | None) -> SpecifierSet | None:
    try:
        return SpecifierSet(text) if text else None
    except ValueError:
        return None


_PARALLEL = 8


class FileList:
    """Gives links as locked wheels.

    Args:
        package_finder: fetches what must be fetched to know a hash.
        base: the folder of the lock file, which paths are relative to.
    """

    def __init__(self, package_finder: PackageFinder, base: Path) -> None:
        self._package_finder = package_finder
        self._base = base
        self._indexes = {
            split_credentials(url)[0].rstrip("/")
            for layer in package_finder.settings.layers
            for url in (layer.index_url, *layer.extra_index_urls)
            if url is not None
        }

    def locked(self, links: Iterable[WheelLink]) -> dict[str, LockedWheel]:
        """URL -> locked wheel.

        Raises:
            VariantctlError: a file without a hash that proves anything cannot be fetched to make one.
        """
        links = sorted(links, key=lambda link: link.file.url)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return dict(zip((link.file.url for link in links), pool.map(self._locked, links), strict=True))

    def index_of(self, file: RemoteFile) -> str | None:
        """The base URL of the index a file was found in; ``None`` for a folder or a page of links."""
        source = file.source.rstrip("/")
        return f"{source}/" if source in self._indexes and not is_file_url(source) else None

    def source(self, planned: PlannedInstall) -> LockedSource:
        """Source code that some machine builds.

        Raises:
            VariantctlError: a source distribution without a hash that proves anything cannot be fetched.
        """
        return locked_source(planned, self._base, lambda: self._measured(planned.link))

    def _locked(self, link: WheelLink) -> LockedWheel:
        file = link.file
        hashes, size = self._measured(link)
        url: str | None = without_secrets(file.url)  # a lock is shared
        path = None
        if is_file_url(file.url):
            url, path = None, relative_path(url_to_path(file.url), self._base)
        return LockedWheel(link.own_name, url, path, hashes, size, uploaded_at(file.upload_time))

    def _measured(self, link: WheelLink) -> tuple[dict[str, str], int | None]:
        """The hashes of a file, of which one proves something, and its size where that is known."""
        file = link.file
        hashes = {name: digest for name, digest in file.hashes.items() if is_known(name)}
        size = file.size
        if not any(name in STRONG for name in hashes):
            fetched = self._package_finder.fetch(link)
            hashes["sha256"] = fetched.sha256
            size = fetched.path.stat().st_size
        if is_file_url(file.url):
            size = url_to_path(file.url).stat().st_size
        elif size is None:
            size = remote_size(file.url, self._package_finder.client)
        return hashes, size
