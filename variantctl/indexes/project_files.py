"""What a source says about its files, sorted into wheels, variants.json files and the rest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

from packaging.utils import InvalidSdistFilename, NormalizedName, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from variantctl.indexes.project_status import ACTIVE, ProjectStatus
from variantctl.net.remote_file import RemoteFile
from variantctl.values import dataclass, field, replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import WheelFilename, parse_variants_json_filename, parse_wheel_filename

_SDIST_ENDINGS = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")
_SEPARATORS = r"[-_.]+"


@dataclass(frozen=True)
class BackendBuild:
    """Where a wheel lies that takes part as a variant, though its name has no label.

    Attributes:
        source: the name of the source of kind ``backends``.
        version: the version in the wheel's own name, mostly with the backend as its local part
            (``2.10.0+cu128``): what METADATA, RECORD and the environment know it by.
        project: the distribution's own name, where a family counts it for another; ``None``: it is the same.
        member: the member of the family.
        extra: what the member needs beside the wheel's own requirements: those of this extra.
        together: whether everything from the source has to be of one label.
    """

    source: str
    version: Version
    project: NormalizedName | None = None
    member: str = ""
    extra: NormalizedName | None = None
    together: bool = True


@dataclass(frozen=True)
class WheelLink:
    """A wheel of a source: the file, and what its name says (PEP 427, PEP 825).

    Attributes:
        file: the file.
        wheel: what counts when choosing. For a wheel of a backend that is the public version and the
            backend's label; for any other what its name says.
        backend: where a wheel of a backend lies, else ``None``.
        told_by: of source code to be built: a wheel of the same version that is for another machine or
            Python, and whose METADATA is taken for its own; ``None``: there is none.
    """

    file: RemoteFile
    wheel: WheelFilename
    backend: BackendBuild | None = None
    told_by: WheelLink | None = None

    @property
    def version(self) -> Version:
        """The version that is installed, and that requirements are compared with."""
        return self.wheel.version if self.backend is None else self.backend.version

    @property
    def extra(self) -> NormalizedName | None:
        """The extra that makes it the member of a family that it is; ``None``: it needs none for that."""
        return None if self.backend is None else self.backend.extra

    @property
    def own_name(self) -> WheelFilename:
        """What the name alone says, which the wheel's content must agree with."""
        if self.backend is None:
            return self.wheel
        name = self.backend.project or self.wheel.name
        return replace(self.wheel, name=name, version=self.backend.version, label=None)


@dataclass(frozen=True)
class ProjectFiles:
    """Every file a source has of one project.

    Attributes:
        name: the normalized name.
        source: the source, without credentials; several, where find-links joined an index.
        wheels: in the source's order.
        sdists: in the source's order.
        variants_json: version -> its index-level variant metadata file (PEP 825).
        skipped: (filename, why) of what was listed and cannot be used.
        status: what the index says of the project as a whole.
    """

    name: NormalizedName
    source: str
    wheels: tuple[WheelLink, ...] = ()
    sdists: tuple[RemoteFile, ...] = ()
    variants_json: Mapping[Version, RemoteFile] = field(default_factory=lambda: MappingProxyType({}))
    skipped: tuple[tuple[str, str], ...] = ()
    status: ProjectStatus = ACTIVE

    @cached_property
    def by_version(self) -> Mapping[Version, tuple[WheelLink, ...]]:
        """The wheels of each version, newest version first."""
        groups: dict[Version, list[WheelLink]] = {}
        for link in self.wheels:
            groups.setdefault(link.wheel.version, []).append(link)
        return {version: tuple(groups[version]) for version in sorted(groups, reverse=True)}

    @cached_property
    def listed(self) -> tuple[Version, ...]:
        """The versions that have a wheel or a source archive, newest first."""
        return tuple(sorted({*self.by_version, *self._sdists_by_version}, reverse=True))

    def sdist_of(self, version: Version) -> RemoteFile | None:
        """The source archive of a version; of several the last."""
        return self._sdists_by_version.get(version)

    @cached_property
    def _sdists_by_version(self) -> dict[Version, RemoteFile]:
        found = {version_of_sdist(file.filename, self.name): file for file in self.sdists}
        return {version: file for version, file in found.items() if version is not None}

    @cached_property
    def builds(self) -> Mapping[Version, int]:
        """How many labels the wheels of a version have (``None`` is one), where any has a label.

        Where several versions are listed as one, a label counts once for each of them.
        """
        return {
            version: len({(link.wheel.label, link.version) for link in links})
            for version, links in self.by_version.items()
            if any(link.wheel.label is not None for link in links)
        }

    @cached_property
    def has_backends(self) -> bool:
        """Whether some wheels are of a backend."""
        return any(link.backend is not None for link in self.wheels)

    def wheels_of(self, version: Version) -> tuple[WheelLink, ...]:
        """The wheels of *version*; empty where there are none.

        Of a backend's wheels those of a public version are meant (``2.10.0``), or of a file's own version
        (``2.10.0+cu128``).
        """
        wheels = self.by_version.get(version, ())
        if wheels or version.local is None:
            return wheels
        public = self.by_version.get(Version(version.public), ())
        return tuple(link for link in public if link.version == version)

    def spellings(self, version: Version) -> tuple[Version, ...]:
        """The versions of the wheels that are listed as one version: of backends' wheels their own."""
        wheels = self.by_version.get(version, ())
        if not any(link.backend for link in wheels):
            return (version,)
        return tuple(dict.fromkeys(link.version for link in wheels))


def sort_files(
    name: str,
    source: str,
    files: Iterable[RemoteFile],
    skipped: Iterable[tuple[str, str]] = (),
    status: ProjectStatus = ACTIVE,
) -> ProjectFiles:
    """Sort the files of a project page; what cannot be used is named in ``skipped`` with the reason.

    Args:
        name: the project, in any spelling.
        source: the source, without credentials.
        files: as parsed from the page; the first of two files of one name is kept.
        skipped: what the page's parser already left out.
        status: what the page says of the project.
    """
    project = canonicalize_name(name)
    wheels: list[WheelLink] = []
    sdists: list[RemoteFile] = []
    variants_json: dict[Version, RemoteFile] = {}
    left_out = list(skipped)
    for file in _with_others(files, left_out):
        entry = _recognise(file, project)
        if isinstance(entry, WheelLink):
            wheels.append(entry)
        elif isinstance(entry, Version):
            variants_json[entry] = file
        elif entry is None:
            sdists.append(file)
        else:
            left_out.append((file.filename, entry))
    return ProjectFiles(
        project,
        source,
        tuple(wheels),
        tuple(sdists),
        MappingProxyType(variants_json),
        tuple(left_out),
        status,
    )


def version_of_sdist(filename: str, project: NormalizedName) -> Version | None:
    """What the name of a source archive tells; ``None`` where it tells no version of that project."""
    try:
        name, version = parse_sdist_filename(filename)
    except (InvalidSdistFilename, InvalidVersion):
        return None
    return version if name == project else None


def _with_others(files: Iterable[RemoteFile], left_out: list[tuple[str, str]]) -> Iterable[RemoteFile]:
    """The files, each once; where another entry of the same file lies is kept, should the first be dead."""
    first: dict[str, RemoteFile] = {}
    for file in files:
        known = first.setdefault(file.filename, file)
        if known is file:
            continue
        left_out.append((file.filename, "listed twice; the first entry is used"))
        if known.agrees_with(file) and file.url != known.url:
            first[file.filename] = replace(known, others=(*known.others, file.url))
    return first.values()


def _recognise(file: RemoteFile, project: NormalizedName) -> WheelLink | Version | str | None:
    """A wheel, the version of a variants.json, ``None`` for an sdist, or why the file cannot be used."""
    filename = file.filename
    if filename.endswith(".whl"):
        try:
            wheel = parse_wheel_filename(filename)
        except InvalidVariantError as error:
            return error.rule
        if wheel.name != project:
            return f"belongs to {wheel.name}, not to {project}"
        return WheelLink(file, wheel)
    if filename.endswith("-variants.json"):
        parsed = parse_variants_json_filename(filename)
        if parsed is None:
            return "not a valid {name}-{version}-variants.json"
        return parsed[1] if parsed[0] == project else f"belongs to {parsed[0]}, not to {project}"
    if filename.endswith(_SDIST_ENDINGS):
        stem = re.sub(_SEPARATORS, "-", filename).lower()
        return None if stem.startswith(f"{project}-") else f"does not belong to {project}"
    return "neither a wheel nor a source archive"


def join_sources(project: NormalizedName, sources: Sequence[ProjectFiles]) -> ProjectFiles:
    """Join what *sources*, the preferred one first, have of a project.

    Of two files of one name the first is kept. Variant wheels of one version are taken from one source only,
    the first that has any: labels and priorities of different publishers need not mean the same, so their
    metadata is never merged (PEP 825, "Installing wheels from multiple sources").
    """
    if len(sources) == 1:
        return sources[0]
    wheels: dict[str, WheelLink] = {}
    sdists: dict[str, RemoteFile] = {}
    skipped = [entry for source in sources for entry in source.skipped]
    variant_source: dict[Version, ProjectFiles] = {}
    for source in sources:
        for link in source.wheels:
            version = link.wheel.version
            if link.wheel.label is not None:
                chosen = variant_source.setdefault(version, source)
                if chosen is not source:
                    reason = f"the variants of {version} are taken from {chosen.source} alone"
                    skipped.append((link.file.filename, reason))
                    continue
            if link.file.filename in wheels:
                skipped.append((link.file.filename, f"{source.source} has it too; the first is used"))
                continue
            wheels[link.file.filename] = link
        for file in source.sdists:
            sdists.setdefault(file.filename, file)
    variants_json = {
        version: source.variants_json[version]
        for version, source in variant_source.items()
        if version in source.variants_json
    }
    return ProjectFiles(
        project,
        source=", ".join(dict.fromkeys(source.source for source in sources)),
        wheels=tuple(wheels.values()),
        sdists=tuple(sdists.values()),
        variants_json=MappingProxyType(variants_json),
        skipped=tuple(skipped),
        status=next((source.status for source in sources if source.status != ACTIVE), ACTIVE),
    )
