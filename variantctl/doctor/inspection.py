"""What there is to know of an installed environment before it is judged; see :mod:`.checks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.tags import Tag
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.source import BackendSource
from variantctl.backends.tables import BY_DEFAULT, shipped_source
from variantctl.doctor.frameworks import build_from_files
from variantctl.select.ordinary_builds import OrdinaryBuild, optional_requirements, ordinary_build
from variantctl.target.errors import BrokenPackageError
from variantctl.target.installed import InstalledFile, InstalledPackage, installed_packages, packages_in
from variantctl.target.integrity import changed_among, missing_among, wheel_tags
from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata

if TYPE_CHECKING:
    from variantctl.target.environment import Environment


@dataclass(frozen=True)
class Inspected:
    """One installed package.

    Attributes:
        name: normalized.
        version: as installed, with its local part.
        label: the variant's; of a build from a sub-index for a backend that one's; ``None``: neither.
        metadata: what says what the label was built for.
        family: the source of backends that the package belongs to, whether or not it was installed from it.
        requires: its dependencies as written.
        requires_python: as written, ``""`` where it does not say.
        tags: the platforms it is for; empty where it does not say.
        missing: the files that are gone.
        changed: the files that are not what they were.
        problems: what is wrong with its folder, in words.
        unlisted: it has no RECORD, so that its files are not known.
        requested: a user asked for it, as far as its installer records that.
        build: what it was built for, by its own files or by what an ordinary wheel shows.
        files: every file of it, as RECORD has it.
        is_direct: it was installed from a URL or a folder, and from no index.
        stands_in_by: the distribution that stands in for this name; ``None``: it is what it says.
    """

    name: NormalizedName
    version: Version
    label: str | None = None
    metadata: VariantMetadata | None = None
    family: str | None = None
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    tags: frozenset[Tag] = frozenset()
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unlisted: bool = False
    requested: bool = False
    build: OrdinaryBuild = field(default_factory=OrdinaryBuild)
    files: tuple[InstalledFile, ...] = field(default=(), repr=False)
    is_direct: bool = False
    stands_in_by: NormalizedName | None = None

    @property
    def declares(self) -> frozenset[str]:
        """The namespaces of what it was built for: its label's, or what an ordinary wheel shows."""
        properties = (self.metadata.properties_of(self.label) if self.metadata and self.label else None) or {}
        return frozenset({*properties, *({self.build.accelerator} if self.build.accelerator else ())})

    @property
    def size(self) -> int:
        """Bytes, as far as RECORD says."""
        return sum(file.size or 0 for file in self.files)

    @property
    def pin(self) -> str:
        """``torch==2.10.0``: the version, without what the local part says of the build."""
        return f"{self.name}=={self.version.public}"

    def __str__(self) -> str:
        label = f" ({self.label})" if self.label and self.version.local is None else ""
        return f"{self.name} {self.version}{label}"


@dataclass(frozen=True)
class Inspection:
    """An environment.

    Attributes:
        packages: those of its own, by name.
        elsewhere: name -> version of what its interpreter sees besides (system site-packages).
        sites: the folders that its packages are in.
    """

    packages: Mapping[NormalizedName, Inspected]
    elsewhere: Mapping[NormalizedName, Version]
    sites: tuple[Path, ...] = ()


def inspect(
    environment: Environment,
    *,
    markers: Mapping[str, str],
    verify: bool = False,
    begin: Callable[[str], None] = lambda _name: None,
    installed: Mapping[NormalizedName, InstalledPackage] | None = None,
) -> Inspection:
    """Read what is installed; nothing is asked of the machine or the network.

    Args:
        environment: which environment.
        markers: of the platform, which decide what a backend's wheels were built for.
        verify: read every file, to compare it with its hash.
        begin: called with the name of each package.
        installed: its packages, where they are known already.
    """
    packages = installed_packages(environment) if installed is None else installed
    inspected = {}
    for name, package in packages.items():
        begin(name)
        inspected[name] = _inspected(package, markers, verify=verify)
    others = packages_in(path for path in environment.site_paths if path not in environment.site_packages)
    elsewhere = {name: other.version for name, other in others.items()}
    return Inspection(inspected, elsewhere, environment.site_packages)


def _inspected(package: InstalledPackage, markers: Mapping[str, str], *, verify: bool) -> Inspected:
    problems = [note for note in package.notes if "RECORD" not in note]
    core = _core(package, problems)
    source = next((source for source in backend_sources() if source.serves(package.name)), None)
    label, metadata = _variant(package, source, markers, problems)
    files, unlisted = _files(package)
    requires = core.requires_dist if core else ()
    return Inspected(
        package.name,
        package.version,
        label,
        metadata,
        source.name if source else None,
        requires,
        core.requires_python_text if core else "",
        wheel_tags(package),
        tuple(str(path) for path in missing_among(files)),
        tuple(str(path) for path in changed_among(files)) if verify else (),
        tuple(dict.fromkeys(problems)),
        unlisted,
        package.asked_for,
        _build(package, requires, markers),
        files,
        package.source is not None,
        package.stands_in_by,
    )


def _files(package: InstalledPackage) -> tuple[tuple[InstalledFile, ...], bool]:
    """Those that RECORD lists, and whether there is none to read."""
    if package.legacy:
        return (), False
    try:
        return package.files(), False
    except BrokenPackageError:
        return (), True


def _build(package: InstalledPackage, requires: Sequence[str], markers: Mapping[str, str]) -> OrdinaryBuild:
    """By what its files say, else by its name, version and requirements."""
    read = build_from_files(package.name, package.dist_info.parent)
    if read is not None:
        return read
    applying = tuple(text for text in requires if _applies(text, markers))
    return ordinary_build(package.name, str(package.version), applying, optional_requirements(requires))


def _applies(text: str, markers: Mapping[str, str]) -> bool:
    try:
        return read_requirement(text).requirement.applies(markers)
    except InvalidVariantError:
        return False


def _core(package: InstalledPackage, problems: list[str]) -> CoreMetadata | None:
    if package.legacy and not package.dist_info.is_dir():
        return None
    path = package.dist_info / ("PKG-INFO" if package.legacy else "METADATA")
    try:
        return parse_core_metadata(path.read_bytes(), path.name)
    except OSError:
        return None
    except VariantctlError as error:
        problems.append(error.message)
        return None


def _variant(
    package: InstalledPackage,
    source: BackendSource | None,
    markers: Mapping[str, str],
    problems: list[str],
) -> tuple[str | None, VariantMetadata | None]:
    """The label, and what says what it was built for."""
    if package.label is not None:
        path = package.dist_info / "variant.json"
        try:
            return package.label, load_metadata(path.read_bytes(), source=f"{package.name}'s variant.json")
        except OSError as error:
            problems.append(f"variant.json cannot be read: {error.strerror}")
        except VariantctlError as error:
            problems.append(error.message)
        return package.label, None
    label = source.label_of(package.name, package.version) if source else None
    if source is None or label is None:
        return None, None
    return label, source.metadata(package.name, Version(package.version.public), markers, [label])


@lru_cache(maxsize=1)
def backend_sources() -> tuple[BackendSource, ...]:
    """The mappings of sub-indexes to properties that are shipped: what ``+cu128`` stands for."""
    return tuple(map(shipped_source, BY_DEFAULT))
