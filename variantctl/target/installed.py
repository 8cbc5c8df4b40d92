"""What is installed in an environment, read from its ``*.dist-info`` folders.

"Recording installed projects" is the specification of these folders; ``*.egg-info`` and ``*.egg-link`` are
what setuptools left before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from variantctl.net.redaction import without_secrets
from variantctl.target.environment import Environment
from variantctl.target.errors import BrokenPackageError
from variantctl.values import dataclass, field
from variantctl.variants.digits import whole_number
from variantctl.variants.names import canonicalize_name

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.wheels.metadata import CoreMetadata


DIRECT_URL, PROVENANCE = "direct_url.json", "provenance_url.json"
STAND_IN = "stand_in.json"
"""In a ``dist-info`` of a name that another distribution stands in for: which one does."""


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """One row of an installed package's RECORD.

    Attributes:
        path: absolute and normalized (no ``..``); links are not followed.
        digest: ``sha256=...`` as RECORD has it, or ``""``.
        size: in bytes, or None where RECORD does not say.
    """

    path: Path
    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class InstalledPackage:
    """A package of an environment.

    Attributes:
        name: normalized.
        version: the installed version.
        dist_info: the ``*.dist-info`` folder (or the ``*.egg-info``, ``*.egg-link``; see ``legacy``).
        label: the variant label in ``variant.json`` (``"null"``: null variant); None for an ordinary wheel.
        installer: the content of INSTALLER, or None.
        requested: installed because a user asked for it, not as a dependency (REQUESTED exists).
        direct_url: the content of ``direct_url.json``, or None where it came from an index.
        editable: installed in editable (development) mode.
        legacy: not a ``*.dist-info`` folder: it can be listed, not removed or upgraded.
        notes: what is wrong with its folder, in words.
        stands_in_by: the distribution that stands in for this name, of which nothing else is here; ``None``:
            it is what it says.
    """

    name: NormalizedName
    version: Version
    dist_info: Path
    label: str | None = None
    installer: str | None = None
    requested: bool = False
    direct_url: Mapping[str, Any] | None = None
    editable: bool = False
    legacy: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)
    stands_in_by: NormalizedName | None = None

    def files(self) -> tuple[InstalledFile, ...]:
        """Every file of the package, as its RECORD has it.

        Raises:
            BrokenPackageError: there is no RECORD, or it cannot be read.
        """
        import csv

        record = self.dist_info / "RECORD"
        try:
            text = record.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BrokenPackageError(
                f"{self.name} {self.version} has no readable RECORD ({record}), so its files are not known",
                hint=f"It was installed by {self.installer or 'an unknown tool'}; use that to change it.",
            ) from error
        try:
            return tuple(_rows(text, self.dist_info.parent))
        except csv.Error as error:
            raise BrokenPackageError(
                f"{self.name} {self.version} has a RECORD that is no CSV ({record}: {error})",
                hint="Install the package again, with the tool that installed it.",
            ) from error

    def requires(self) -> tuple[str, ...]:
        """Its dependencies (Requires-Dist of METADATA) as written; none where METADATA is missing."""
        metadata = self._metadata()
        return metadata.requires_dist if metadata is not None else ()

    def extras(self) -> tuple[NormalizedName, ...] | None:
        """Its extras (Provides-Extra of METADATA); ``None`` where METADATA is missing."""
        metadata = self._metadata()
        return metadata.provides_extra if metadata is not None else None

    def _metadata(self) -> CoreMetadata | None:
        from variantctl.wheels.metadata import parse_core_metadata

        name = "PKG-INFO" if self.legacy else "METADATA"
        try:
            data = (self.dist_info / name).read_bytes()
        except OSError:
            return None
        return parse_core_metadata(data, str(self.dist_info / name))

    def wheel_hashes(self) -> Mapping[str, str]:
        """Algorithm -> digest of the wheel it was installed from, as far as that was recorded.

        By direct_url.json (PEP 610), else by provenance_url.json (PEP 710, a draft).
        """
        recorded = self.direct_url
        if recorded is None and not self.legacy:
            recorded = _json(self.dist_info / PROVENANCE, [])
        info = (recorded or {}).get("archive_info")
        hashes = info.get("hashes") if isinstance(info, dict) else None
        if not isinstance(hashes, dict):
            return {}
        return {name: digest for name, digest in hashes.items() if isinstance(digest, str)}

    @property
    def asked_for(self) -> bool:
        """Whether REQUESTED says that a user asked for it; uv writes that for everything it installs."""
        return self.requested and self.installer != "uv"

    @property
    def source(self) -> str | None:
        """Where it came from, if not from an index: the URL of ``direct_url.json`` without credentials."""
        url = self.direct_url.get("url") if self.direct_url else None
        return without_secrets(url) if isinstance(url, str) else None


def installed_packages(environment: Environment) -> dict[NormalizedName, InstalledPackage]:
    """The packages in the environment's own site-packages, sorted by name."""
    return packages_in(environment.site_packages)


def packages_in(folders: Iterable[Path]) -> dict[NormalizedName, InstalledPackage]:
    """The packages in some folders, sorted by name; of a name that occurs twice, the first folder's."""
    found: dict[NormalizedName, InstalledPackage] = {}
    for folder in folders:
        for entry in _entries(folder):
            package = _package(folder, entry)
            if package is None:
                continue
            other = found.setdefault(package.name, package)
            if other is not package and other.legacy and not package.legacy:
                found[package.name] = package
    return dict(sorted(found.items()))


def with_stand_ins(
    names: Collection[str], installed: Mapping[NormalizedName, InstalledPackage]
) -> list[InstalledPackage]:
    """Some installed packages, with those that stand in for them and those that they stand in for.

    One goes with the other: a name without what stands in for it would be an empty promise.
    """
    by_name: Mapping[str, InstalledPackage] = {str(name): package for name, package in installed.items()}
    going = set(names)
    going |= {
        by
        for name in names
        if (there := by_name.get(name)) is not None and (by := there.stands_in_by) is not None
    }
    return [package for name, package in installed.items() if name in going or package.stands_in_by in going]


# os.listdir where names are wanted: a Path for every entry would cost more than reading the folder.
def _entries(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _package(folder: Path, entry: str) -> InstalledPackage | None:
    stem, dot, suffix = entry.rpartition(".")
    if not dot or suffix not in ("dist-info", "egg-info", "egg-link"):
        return None
    path = folder / entry
    if suffix == "egg-link":
        return _egg_link(path, stem)
    # pip marks what it is about to remove with a tilde, and leaves that behind when it is killed.
    if stem.startswith("~"):
        return None
    if suffix == "egg-info":
        named = _name_and_version(stem.split("-py")[0])
        return InstalledPackage(*named, path, legacy=True) if named else None
    named = _name_and_version(stem) or _from_metadata(path)
    return _from_dist_info(path, *named) if named else None


def _name_and_version(stem: str) -> tuple[NormalizedName, Version] | None:
    name, dash, version = stem.rpartition("-")
    if not dash:
        return None
    try:
        return canonicalize_name(name), Version(version.replace("_", "-"))
    except ValueError:
        return None


def _from_metadata(dist_info: Path) -> tuple[NormalizedName, Version] | None:
    from variantctl.variants.errors import VariantctlError
    from variantctl.wheels.metadata import parse_core_metadata

    try:
        metadata = parse_core_metadata((dist_info / "METADATA").read_bytes(), str(dist_info))
    except (OSError, VariantctlError):
        return None
    return canonicalize_name(metadata.name), metadata.version


def _from_dist_info(path: Path, name: NormalizedName, version: Version) -> InstalledPackage | None:
    try:
        files = set(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        # Nothing else may be passed over: what cannot be read would count as not installed.
        return None
    notes = [f"{path.name} has no {needed}" for needed in ("METADATA", "RECORD") if needed not in files]
    direct_url = _json(path / "direct_url.json", notes) if "direct_url.json" in files else None
    folder = direct_url.get("dir_info") if direct_url else None
    return InstalledPackage(
        name=name,
        version=version,
        dist_info=path,
        label=_label(path, notes) if "variant.json" in files else None,
        installer=_line(path / "INSTALLER") if "INSTALLER" in files else None,
        requested="REQUESTED" in files,
        direct_url=direct_url,
        editable=isinstance(folder, dict) and folder.get("editable") is True,
        notes=tuple(notes),
        stands_in_by=_stood_in_by(path, notes) if STAND_IN in files else None,
    )


def stand_in_record(by: str, version: str) -> bytes:
    """What ``STAND_IN`` says: which distribution stands in, in which version."""
    return json.dumps({"format": 1, "by": by, "version": version}, sort_keys=True).encode()


def stand_in_summary(by: str, version: str) -> str:
    """What METADATA of such a name says in a line."""
    return f"{by} {version} stands in for it: both are builds of one package"


def _stood_in_by(dist_info: Path, notes: list[str]) -> NormalizedName | None:
    data = _json(dist_info / STAND_IN, notes)
    by = data.get("by") if data else None
    return canonicalize_name(by) if isinstance(by, str) else None


def _egg_link(path: Path, stem: str) -> InstalledPackage | None:
    """``setup.py develop``: the file names a source folder, whose egg-info has the version."""
    source = _line(path)
    if source is None:
        return None
    version = Version("0")
    for info in Path(source).glob("*.egg-info/PKG-INFO"):
        named = _from_metadata_file(info)
        version = named or version
    return InstalledPackage(canonicalize_name(stem), version, path, editable=True, legacy=True)


def _from_metadata_file(path: Path) -> Version | None:
    from variantctl.variants.errors import VariantctlError
    from variantctl.wheels.metadata import parse_core_metadata

    try:
        return parse_core_metadata(path.read_bytes(), str(path)).version
    except (OSError, VariantctlError):
        return None


def _label(dist_info: Path, notes: list[str]) -> str | None:
    """PEP 825: an installed variant's ``variant.json`` has exactly one label under ``variants``."""
    data = _json(dist_info / "variant.json", notes)
    variants = data.get("variants") if data else None
    if not isinstance(variants, dict) or len(variants) != 1:
        notes.append(f"{dist_info.name}/variant.json does not name one variant label")
        return None
    return str(next(iter(variants)))


def _json(path: Path, notes: list[str]) -> dict[str, Any] | None:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    notes.append(f"{path.parent.name}/{path.name} cannot be read")
    return None


def _line(path: Path) -> str | None:
    try:
        return next(iter(path.read_text(encoding="utf-8", errors="replace").splitlines()), "").strip() or None
    except OSError:
        return None


def _rows(text: str, root: Path) -> Iterator[InstalledFile]:
    import csv

    base = os.path.normpath(root)
    for row in csv.reader(text.splitlines()):
        # No file has such a name.
        if not row or not row[0] or "\0" in row[0]:
            continue
        path, digest, size = (*row, "", "")[:3]
        # join keeps an absolute path as it is: some installers write those for scripts.
        absolute = Path(os.path.normpath(os.path.join(base, path)))
        yield InstalledFile(absolute, digest, whole_number(size))
