"""One project as stock tools are shown it: which files, under which names, at which paths."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import quote

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import Version

from variantctl.families.registry import NO_FAMILIES
from variantctl.indexes.page_writer import PageFile, project_html, project_json
from variantctl.indexes.project_files import WheelLink
from variantctl.net.errors import NetworkError
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import is_file_url, redact, url_to_path
from variantctl.proxy.sidecar import decided_metadata, rewritten_metadata
from variantctl.proxy.stand_in_wheels import StandInWheel, stand_in_of
from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.passed_over import without_build
from variantctl.select.compatibility import Interpreter
from variantctl.select.for_stock_tools import other_pythons, presented
from variantctl.select.ranking import SelectionContext
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename

if TYPE_CHECKING:
    from variantctl.config.settings import IndexSettings
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.select.preferences import VariantPreferences
    from variantctl.target.platforms import Platform

NO_LABEL = "-"
"""Stands for the label in the path of a file that has none; no label is a dash (PEP 825)."""
_PARALLEL = 16


@dataclass(frozen=True)
class ClientTarget:
    """Whom wheels are chosen for.

    Attributes:
        machine: what variant properties are supported.
        platform: the tags and markers.
        preferences: what the user said about variants.
        who: ``this machine`` or ``profile h100``, for messages.
    """

    machine: Machine
    platform: Platform
    preferences: VariantPreferences
    who: str


@dataclass(frozen=True)
class ShownFile:
    """A file under the name that a tool without variants understands.

    Attributes:
        file: as its source has it.
        filename: the name it is shown under: that of the same wheel without a label.
        label: its variant label; ``None`` for an ordinary file.
        link: what its name says; ``None`` for a source distribution.
        decided: whether its ``.metadata`` is written for the label; else it is the source's own.
        rewritten: whether its METADATA has variant markers, so that the wheel is rewritten on its way: what
            its source says of hash and size is not true of it then.
        stand_in: what is shown in its place, where it is a member of a family under another name.
        passed_over: why the version goes after older ones; ``""``: it does not. A tool without variants takes
            it only where ``==`` pins it, as with what was yanked (PEP 592).
    """

    file: RemoteFile
    filename: str
    label: str | None = None
    link: WheelLink | None = None
    decided: bool = False
    rewritten: bool = False
    passed_over: str = ""
    stand_in: StandInWheel | None = None

    @property
    def key(self) -> str:
        """What is unique to it among the files of its project: it stays the same whatever is chosen."""
        return f"{self.label or NO_LABEL}/{self.filename}"


@dataclass(frozen=True)
class ProjectView:
    """One project as one machine is shown it.

    Attributes:
        name: the project.
        shown: what its page lists, in the order of the source.
        files: every file there is by the key of its ordinary name, listed or not.
        package_finder: where the files are.
        stock: knows what the wheels are judged by.
        problems: the versions that are left out, and why, one line each.
    """

    name: NormalizedName
    shown: tuple[ShownFile, ...]
    files: Mapping[str, ShownFile]
    package_finder: PackageFinder
    candidate_finder: CandidateFinder
    problems: tuple[str, ...] = ()

    def pages(self, prefix: str) -> tuple[bytes, bytes]:
        """The HTML and the JSON page; *prefix* and a file's key are its URL."""
        listed = [page_file(file, url=prefix + quote(file.key)) for file in self.shown]
        return project_html(self.name, listed), project_json(self.name, self.versions, listed)

    @property
    def versions(self) -> list[str]:
        """The versions that have a file (PEP 700); of source distributions, those that wheels have too."""
        found = {file.link.version for file in self.shown if file.link is not None}
        return [str(version) for version in sorted(found)]

    def file(self, key: str) -> ShownFile | None:
        """The file with a key, listed or not: its name may have a build tag of ours."""
        label, _, filename = key.partition("/")
        keys = (key, *(f"{label}/{name}" for name in without_our_tag(filename)))
        return next((self.files[key] for key in keys if key in self.files), None)

    def terms(self, link: WheelLink) -> SelectionContext:
        """What a wheel of the project is judged by; raises as ``PackageFinder.variant_metadata``."""
        return self.candidate_finder.terms(self.name, link.wheel.version)

    def metadata(self, shown: ShownFile) -> bytes:
        """The METADATA that a tool is shown of a wheel."""
        assert shown.link is not None
        if shown.stand_in is not None:
            return shown.stand_in.metadata
        metadata = self.package_finder.metadata_bytes(shown.link)
        if not shown.decided:
            return metadata
        return decided_metadata(metadata, shown.link, self.terms(shown.link), self.package_finder.families)

    def rewritten(self, shown: ShownFile) -> bytes | None:
        """The METADATA that a wheel is rewritten with; ``None`` where it stays as it is."""
        assert shown.link is not None
        metadata = self.package_finder.metadata_bytes(shown.link)
        families = self.package_finder.families
        return rewritten_metadata(metadata, shown.link, self.terms(shown.link), families)


def names_as_they_are(settings: IndexSettings, name: NormalizedName) -> IndexSettings:
    """The settings with which a project is looked up.

    Where the local part of a version says what a wheel is for (flash-attn's ``+cu12torch2.8``), each wheel
    goes with one torch. A tool takes each package by itself, so that it is shown all of them, as they are.
    """
    family = settings.families.of(name)
    if family is None or not any(member.local for member in family.members):
        return settings
    return replace(settings, families=NO_FAMILIES)


def view_project(package_finder: PackageFinder, buyer: ClientTarget, name: NormalizedName) -> ProjectView:
    """Choose for every version of a project, exactly as ``explain`` does for one.

    Variant metadata is read of each version that has variants, several at a time.

    Raises:
        ProjectNotFound: no source has the project.
        NetworkError: a page, or the metadata of a version, cannot be had: then nothing is known to be best.
        SourceError: what a source answers is no page.
    """
    platform = buyer.platform
    candidate_finder = CandidateFinder(
        package_finder,
        buyer.machine,
        Interpreter(platform.tags, platform.markers),
        preferences=buyer.preferences,
        who=buyer.who,
    )
    try:
        project = candidate_finder.project(name)
        others = other_pythons(project.wheels, platform)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            chosen = list(
                pool.map(
                    lambda version: _choose(package_finder, candidate_finder, name, version, others),
                    project.by_version,
                )
            )
        order = AcceleratorOrder(candidate_finder)
        behind = order.behind(name, tuple(project.by_version))
        why = without_build(candidate_finder) if behind else ""
    finally:
        candidate_finder.close()
    names = {id(link): shown for choice in chosen for link, shown in choice.shown}
    shown = [
        replace(names[id(link)], passed_over=why if link.wheel.version in behind else "")
        for link in project.wheels
        if id(link) in names
    ]
    sdists = [
        ShownFile(file, file.filename, passed_over=why if _version_of(file) in behind else "")
        for file in project.sdists
    ]
    files = {file.key: file for file in (*(_shown(name, link) for link in project.wheels), *sdists)}
    return ProjectView(
        name,
        (*shown, *sdists),
        files,
        package_finder,
        candidate_finder,
        tuple(choice.problem for choice in chosen if choice.problem is not None),
    )


def _version_of(sdist: RemoteFile) -> Version | None:
    try:
        return parse_sdist_filename(sdist.filename)[1]
    except InvalidSdistFilename:
        return None


@dataclass(frozen=True)
class _Choice:
    """What is shown of a version, each wheel with how; or why nothing is."""

    shown: tuple[tuple[WheelLink, ShownFile], ...] = ()
    problem: str | None = None


def _choose(
    package_finder: PackageFinder,
    candidate_finder: CandidateFinder,
    name: NormalizedName,
    version: Version,
    others: Sequence[Interpreter],
) -> _Choice:
    wheels = candidate_finder.project(name).wheels_of(version)
    if not any(link.wheel.label for link in wheels):
        return _Choice(tuple((link, _shown(name, link)) for link in wheels))
    try:
        terms = candidate_finder.terms(name, version)
        decided: dict[Hashable, bytes | None] = {}
        found = []
        for link in presented(wheels, terms, others):
            key = _same_metadata(link)
            if key not in decided:
                decided[key] = _decided(package_finder, link, terms)
            found.append((link, _shown(name, link, decided[key])))
        return _Choice(tuple(found))
    except NetworkError:
        raise
    except VariantctlError as error:
        return _Choice(problem=f"{name} {version} is left out: {redact(error.message)}")


def _decided(package_finder: PackageFinder, link: WheelLink, terms: SelectionContext) -> bytes | None:
    """The METADATA that a wheel is rewritten with; ``None`` where it stays as it is."""
    if not is_decided(link):
        return None
    return rewritten_metadata(package_finder.metadata_bytes(link), link, terms, package_finder.families)


def _same_metadata(link: WheelLink) -> Hashable:
    """What wheels of one version with the same METADATA have in common.

    Wheels of one version and label differ in their tags: where no hash tells, one is read for all of them.
    """
    promised = link.file.core_metadata
    known = tuple(sorted(promised.items())) if isinstance(promised, Mapping) else None
    return link.wheel.label, known


def is_decided(link: WheelLink) -> bool:
    """Whether its name has a label, or an extra makes it a member of a family.

    What a backend's wheel is a variant of, it does not know itself.
    """
    return link.own_name.label is not None or link.extra is not None


def _shown(name: NormalizedName, link: WheelLink, metadata: bytes | None = None) -> ShownFile:
    """How a wheel is shown on the page of a project; ``metadata``: what it is rewritten with."""
    if (stand_in := stand_in_of(link, name)) is not None:
        return ShownFile(link.file, stand_in.filename, link.wheel.label, link, stand_in=stand_in)
    own, decided, rewritten = link.own_name, is_decided(link), metadata is not None
    filename = ordinary_name(own)
    if decided and (rewritten or not link.file.hashes):
        known = json.dumps(dict(link.file.hashes)) if link.file.hashes else link.file.url
        filename = unique_name(own, own.label or "", known, metadata or b"")
    return ShownFile(link.file, filename, link.wheel.label, link, decided, rewritten)


def page_file(file: ShownFile, *, url: str, filename: str = "") -> PageFile:
    """The file as a page lists it, at another URL than its source's; the hash is the wheel's own."""
    source = file.file
    if (stand_in := file.stand_in) is not None:
        return replace(
            stand_in.entry(url),
            yanked=source.yanked or file.passed_over or False,
            upload_time=source.upload_time,
        )
    return PageFile(
        filename or file.filename,
        hashes={} if file.rewritten else source.hashes,
        url=url,
        size=None if file.rewritten else _size(source),
        requires_python=source.requires_python or "",
        core_metadata=True if file.decided else source.core_metadata,
        yanked=source.yanked or file.passed_over or False,
        upload_time=source.upload_time,
    )


def _size(file: RemoteFile) -> int | None:
    if file.size is not None or not is_file_url(file.url):
        return file.size
    try:
        return url_to_path(file.url).stat().st_size
    except OSError:
        return None


_OURS = re.compile(r"\A([^-]+-[^-]+)-(\d[^-]*)v[0-9a-f]{8}(-[^-]+-[^-]+-[^-]+\.whl)\Z")


def ordinary_name(wheel: WheelFilename) -> str:
    """The name of the same wheel without a label."""
    return wheel.with_label(None)


def unique_name(wheel: WheelFilename, *content: str | bytes) -> str:
    """The ordinary name with a build tag made of what is unique to the wheel; one it has stays part of it."""
    digest = hashlib.sha256()
    for part in content:
        digest.update((part.encode() if isinstance(part, str) else part) + b"\0")
    parts = ordinary_name(wheel).removesuffix(".whl").split("-")
    build = parts.pop(2) if wheel.build else "0"
    return "-".join([*parts[:2], f"{build}v{digest.hexdigest()[:8]}", *parts[2:]]) + ".whl"


def without_our_tag(filename: str) -> tuple[str, ...]:
    """The ordinary names that ``unique_name`` may have made *filename* of; none where it did not."""
    match = _OURS.match(filename)
    if match is None:
        return ()
    head, build, tail = match.groups()
    tagged = f"{head}-{build}{tail}"
    return (head + tail, tagged) if build == "0" else (tagged,)
