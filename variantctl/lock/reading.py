"""A lock file read: TOML, PEP 751's rules, and PEP 825's where variant wheels are listed.

``packaging.pylock`` checks everything but the filenames of variant wheels, which it does not know: it is
given those without their label.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.pylock import Package, PackageArchive, PackageWheel, Pylock, PylockValidationError
from packaging.pylock import is_valid_pylock_path as is_valid_path

from variantctl.filesystem.bounded import read_bounded
from variantctl.filesystem.errors import unread
from variantctl.lock.contents import FILENAMES, Declared, Lock, LockedBackend, LockedPackage, LockedWheel
from variantctl.lock.document import TOOL
from variantctl.lock.errors import LockFileError
from variantctl.lock.members import MemberNames, read_member
from variantctl.lock.source_code import read_source
from variantctl.lock.variants_table import labels_without_entry
from variantctl.net.urls import parsed_url, scheme_of
from variantctl.values import replace
from variantctl.variants.digits import number_problem
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.markers import VariantRequirement, parse_requirement
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HINT = "Write it again with 'variantctl lock', or with the tool that made it."


def read_lock(path: Path) -> Lock:
    """The lock file at ``path``.

    Raises:
        LockFileError: it is not there, or not a lock file.
    """
    if not is_valid_path(path) and path.exists():
        hint = None
        if path.suffix in (".txt", ".in", ".toml"):
            hint = f"Lock what it names with `variantctl lock -r {path}`, and then run `variantctl sync`."
        raise LockFileError(f"{path}: a lock file is named {FILENAMES} (PEP 751)", hint=hint)
    try:
        data = read_bounded(path)
    except OSError as error:
        raise LockFileError(
            unread(path, error),
            hint=f"Make one: `variantctl lock NAME -o {path if is_valid_path(path) else 'pylock.toml'}`.",
        ) from None
    return parse_lock(data, str(path))


def parse_lock(data: bytes, source: str) -> Lock:
    """A lock file's bytes.

    Raises:
        LockFileError: naming ``source``, the key, and the rule that is broken.
    """
    try:
        text = data.decode("utf-8")
        if (problem := number_problem(text)) is not None:
            raise LockFileError(f"{source}: {problem}", hint=_HINT)
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LockFileError(f"{source} is not valid TOML: {error}", hint=_HINT) from None
    try:
        checked = Pylock.from_dict(_without_labels(table))
    except PylockValidationError as error:
        raise LockFileError(f"{source}: {error}", hint=_HINT) from None
    entries = table["packages"]
    roots = _roots(table, source)
    packages = tuple(
        _package(package, entry, f"{source}: packages[{place}] ({package.name})", source)
        for place, (package, entry) in enumerate(zip(checked.packages, entries, strict=True))
    )
    return Lock(
        _with_identities(packages),
        roots,
        checked.requires_python,
        tuple(checked.environments or ()),
        tuple(checked.extras or ()),
        tuple(checked.dependency_groups or ()),
        tuple(checked.default_groups or ()),
        checked.created_by,
    )


def _with_identities(packages: tuple[LockedPackage, ...]) -> tuple[LockedPackage, ...]:
    """Where a member of a family is needed, what it counts for."""
    if all(package.member is None for package in packages):
        return packages
    names = MemberNames(packages)
    return tuple(
        replace(package, dependencies=tuple(sorted(set(map(names.identity, package.dependencies)))))
        for package in packages
    )


def _without_labels(table: Mapping[str, Any]) -> dict[str, Any]:
    """The document as a tool would see it that knows no variants: labels gone from the filenames."""
    packages = table.get("packages")
    if not isinstance(packages, list):
        return dict(table)
    return {**table, "packages": [_plain_package(entry) for entry in packages]}


def _plain_package(entry: Any) -> Any:
    wheels = entry.get("wheels") if isinstance(entry, dict) else None
    if not isinstance(wheels, list):
        return entry
    return {**entry, "wheels": [_plain_wheel(wheel) for wheel in wheels]}


def _plain_wheel(wheel: Any) -> Any:
    filename = _filename_of(wheel) if isinstance(wheel, dict) else None
    if filename is None:
        return wheel
    try:
        parsed = parse_wheel_filename(filename)
    except InvalidVariantError:
        return wheel
    return wheel if parsed.label is None else {**wheel, "name": parsed.with_label(None)}


def _filename_of(table: Mapping[str, Any]) -> str | None:
    """``name``, else the last part of ``path`` or ``url`` (PEP 751, ``packages.wheels.name``)."""
    name, path, url = table.get("name"), table.get("path"), table.get("url")
    if isinstance(name, str) and name:
        return name
    if isinstance(path, str) and path:
        return path.replace("\\", "/").rpartition("/")[2]
    if isinstance(url, str) and url:
        # _wheel says it of a URL that cannot be read.
        return unquote(parsed_url(url).path.rpartition("/")[2]) if scheme_of(url) is not None else None
    return None


def _package(package: Package, entry: Mapping[str, Any], where: str, source: str) -> LockedPackage:
    wheels = tuple(
        _wheel(wheel, _filename_of(raw) or "", f"{where}.wheels[{place}]")
        for place, (wheel, raw) in enumerate(zip(package.wheels or (), entry.get("wheels", ()), strict=True))
    )
    archive, source_code = None, read_source(package)
    if package.archive is not None:
        filename = _filename_of(entry["archive"]) or ""
        if filename.endswith(".whl"):
            archive, source_code = _wheel(package.archive, filename, f"{where}.archive"), None
            if archive.wheel.name != package.name:
                raise LockFileError(f"{where}.archive: {filename} is of another project", hint=_HINT)
    found = LockedPackage(
        package.name,
        package.version if archive is None else archive.wheel.version,
        package.marker,
        package.requires_python,
        package.index,
        _dependencies(package),
        wheels,
        archive,
        source=source_code,
        declared=_declared(entry, where),
        withdrawn=_withdrawn(entry, where),
    )
    labels = {file.wheel.label for file in found.files} - {None}
    if not labels:
        return _with_backend(found, entry, f"{where}.tool.{TOOL}")
    variants = _variants(entry, where)
    missing = labels_without_entry(variants, [label for label in labels if label])
    if missing:
        raise LockFileError(
            f"{where}.variants-json has no entry for the label '{missing[0]}', which a wheel of it has",
            hint=_HINT,
        )
    return replace(found, variants=variants)


def _with_backend(package: LockedPackage, entry: Mapping[str, Any], where: str) -> LockedPackage:
    tool = entry.get("tool")
    table = tool.get(TOOL) if isinstance(tool, dict) else None
    backend = table.get("backend") if isinstance(table, dict) else None
    if backend is None or table is None:
        return package
    if not isinstance(backend, dict) or not all(isinstance(backend.get(k), str) for k in ("source", "label")):
        raise LockFileError(f"{where}.backend must have a source and a label", hint=_HINT)
    label = backend["label"]
    metadata = _variants(table, where)
    if metadata is None:
        raise LockFileError(f"{where} has a backend, and no variants-json", hint=_HINT)
    variants = {label: metadata.variants.get(label, {})}
    if (member := table.get("member")) is not None:
        try:
            if not isinstance(member, dict):
                raise ValueError("must be a table")
            identity, read = read_member(member, package.name)
        except ValueError as error:
            raise LockFileError(f"{where}.member {error}", hint=_HINT) from None
        package = replace(package, name=identity, member=read)
    return replace(
        package,
        variants=replace(metadata, variants=variants),
        backend=LockedBackend(backend["source"], label),
    )


def _dependencies(package: Package) -> tuple[Any, ...]:
    names = (entry.get("name") for entry in package.dependencies or ())
    return tuple(name for name in names if isinstance(name, str))


def _wheel(file: PackageWheel | PackageArchive, filename: str, where: str) -> LockedWheel:
    try:
        wheel: WheelFilename = parse_wheel_filename(filename)
    except InvalidVariantError as error:
        raise LockFileError(f"{where}: {error.message}", hint=_HINT) from None
    if not file.hashes:
        raise LockFileError(f"{where}: there is no hash of {filename}", hint=_HINT)
    hashes = {name.lower(): digest.lower() for name, digest in file.hashes.items()}
    # With both, the path is the nearer copy of the same bytes.
    path = file.path if file.path else None
    url = None if path else file.url
    if url is not None and scheme_of(url) not in ("http", "https", "file"):
        raise LockFileError(f"{where}: {url} is neither http(s) nor a file", hint=_HINT)
    uploaded = file.upload_time if isinstance(file.upload_time, datetime) else None
    return LockedWheel(wheel, url, path, hashes, file.size, uploaded)


def _variants(entry: Mapping[str, Any], where: str) -> VariantMetadata | None:
    table = entry.get("variants-json")
    if table is None:
        return None
    source = f"{where}.variants-json"
    if not isinstance(table, dict):
        raise LockFileError(f"{source} must be a table", hint=_HINT)
    try:
        return load_metadata(table, source=source)
    except InvalidVariantError as error:
        raise LockFileError(error.message, hint=error.hint or _HINT) from error


def _withdrawn(entry: Mapping[str, Any], where: str) -> tuple[str, ...]:
    tool = entry.get("tool")
    table = tool.get(TOOL) if isinstance(tool, dict) else None
    if not isinstance(table, dict) or "withdrawn" not in table:
        return ()
    return tuple(_strings(table["withdrawn"], f"{where}.tool.{TOOL}.withdrawn"))


def _declared(entry: Mapping[str, Any], where: str) -> Declared | None:
    tool = entry.get("tool")
    table = tool.get(TOOL) if isinstance(tool, dict) else None
    if not isinstance(table, dict) or "requires" not in table:
        return None
    requires = _strings(table["requires"], f"{where}.tool.{TOOL}.requires")
    exceptions = table.get("requires-of", {})
    if not isinstance(exceptions, dict):
        raise LockFileError(f"{where}.tool.{TOOL}.requires-of must be a table", hint=_HINT)
    return Declared(
        requires,
        {
            name: _strings(items, f"{where}.tool.{TOOL}.requires-of.{name}")
            for name, items in exceptions.items()
        },
    )


def _roots(table: Mapping[str, Any], source: str) -> tuple[VariantRequirement, ...] | None:
    tool = table.get("tool")
    own = tool.get(TOOL) if isinstance(tool, dict) else None
    if not isinstance(own, dict) or "requirements" not in own:
        return None
    where = f"{source}: tool.{TOOL}.requirements"
    try:
        return tuple(parse_requirement(text) for text in _strings(own["requirements"], where))
    except InvalidVariantError as error:
        raise LockFileError(f"{where}: {error.message}", hint=_HINT) from None


def _strings(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LockFileError(f"{where} must be an array of strings", hint=_HINT)
    return tuple(value)
