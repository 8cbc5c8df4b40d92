"""A lock file as TOML text: keys in PEP 751's order, arrays sorted, the same bytes for the same content.

tomli-w writes every scalar; which tables are inline is decided here, since PEP 751 asks for consistency and
tomli-w decides by the length of a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tomli_w

from variantctl.lock.contents import LOCK_VERSION, Declared, Lock, LockedPackage, LockedSource, LockedWheel
from variantctl.lock.members import member_table
from variantctl.lock.source_code import source_table
from variantctl.lock.variants_table import backend_table, variants_table

TOOL = "variantctl"


def dumps(lock: Lock) -> str:
    """The text of a lock file."""
    return "\n".join(_lines(lock)) + "\n"


def _lines(lock: Lock) -> Iterator[str]:
    yield _pair("lock-version", LOCK_VERSION)
    if lock.environments:
        yield _pair("environments", [str(marker) for marker in lock.environments])
    if lock.requires_python is not None:
        yield _pair("requires-python", str(lock.requires_python))
    yield _pair("created-by", lock.created_by)
    if not lock.packages:
        yield _pair("packages", [])
    names: dict[str, set[str]] = {}
    for package in lock.packages:
        names.setdefault(package.name, set()).add(package.distribution)
    for package in lock.packages:
        yield ""
        yield "[[packages]]"
        yield from _package(package, names)
    if lock.roots is not None:
        yield ""
        yield f"[tool.{TOOL}]"
        yield _pair("requirements", sorted({str(root) for root in lock.roots}))


def _package(package: LockedPackage, names: Mapping[str, Iterable[str]]) -> Iterator[str]:
    yield _pair("name", package.distribution)
    if package.version is not None:
        yield _pair("version", str(package.version))
    if package.marker is not None:
        yield _pair("marker", str(package.marker))
    if package.requires_python is not None:
        yield _pair("requires-python", str(package.requires_python))
    if package.dependencies:
        needed = [each for name in package.dependencies for each in sorted(names.get(name, (name,)))]
        yield _pair("dependencies", [{"name": name} for name in needed])
    source = package.source
    if package.archive is not None:
        yield _pair("archive", _file(package.archive))
    if source is not None and source.kind != "sdist":
        yield _pair(source.kind, source_table(source))
    if package.index is not None:
        yield _pair("index", package.index)
    if source is not None and source.kind == "sdist":
        yield _pair("sdist", source_table(source))
    if package.wheels:
        files = sorted(package.wheels, key=lambda wheel: wheel.filename)
        yield _pair("wheels", [_file(wheel) for wheel in files])
    if package.variants is not None and package.backend is None:
        yield from _variants(variants_table(package.variants), "packages.variants-json")
    if package.declared is not None:
        yield ""
        yield f"[packages.tool.{TOOL}]"
        yield from _declared(package.declared)
        if package.withdrawn:
            yield _pair("withdrawn", list(package.withdrawn))
        if package.backend is not None and package.variants is not None:
            yield _pair("backend", {"source": package.backend.source, "label": package.backend.label})
            if package.member is not None:
                yield _pair("member", member_table(package))
            yield from _variants(backend_table(package.variants), f"packages.tool.{TOOL}.variants-json")


def _file(wheel: LockedWheel) -> dict[str, Any]:
    """PEP 751's order of keys; ``name`` is left out, since every URL and path ends in it."""
    table = {"upload-time": wheel.upload_time, "url": wheel.url, "path": wheel.path, "size": wheel.size}
    return {key: value for key, value in table.items() if value is not None} | {
        "hashes": dict(sorted(wheel.hashes.items()))
    }


def _variants(table: Mapping[str, Any], key_path: str) -> Iterator[str]:
    """A line for each provider and each variant: those are what changes from one version to the next."""
    yield ""
    yield f"[{key_path}]"
    yield _pair("$schema", table["$schema"])
    for key in ("default-priorities", "providers", "static-properties", "variants"):
        if key in table:
            yield ""
            yield f"[{key_path}.{key}]"
            yield from (_pair(name, value) for name, value in table[key].items())


def _declared(declared: Declared) -> Iterator[str]:
    yield _pair("requires", list(declared.requires))
    if declared.exceptions:
        exceptions = sorted(declared.exceptions.items())
        yield _pair("requires-of", {filename: list(requires) for filename, requires in exceptions})


def _pair(key: str, value: object) -> str:
    return f"{_key(key)} = {_value(value, multiline=True)}"


def _value(value: object, *, multiline: bool = False) -> str:
    """A value on one line, or an array of tables or of several strings with an element to a line."""
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return _array(value, multiline=multiline)
    return tomli_w.dumps({"_": value}).removeprefix("_ = ").rstrip("\n")


def _array(items: Iterable[object], *, multiline: bool) -> str:
    values = [_value(item) for item in items]
    joined = f"[{', '.join(values)}]"
    if not values or not multiline or (len(joined) < 80 and not joined.startswith("[{")):
        return joined
    lines = "".join(f"    {value},\n" for value in values)
    return f"[\n{lines}]"


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def changes(old: Lock, new: Lock) -> list[str]:
    """What a renewed lock changes: packages first, by name, then the rest."""
    return [*_package_changes(old, new), *_other_changes(old, new)]


def _package_changes(old: Lock, new: Lock) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    for name in sorted({*before, *after}):
        was, now = before.get(name, []), after.get(name, [])
        versions_were, versions_are = _versions(was), _versions(now)
        if not was:
            yield f"added {name} {versions_are}"
        elif not now:
            yield f"removed {name} {versions_were}"
        elif versions_were != versions_are:
            yield f"changed {name}: {versions_were} -> {versions_are}"
        else:
            yield from (
                f"changed {package}: {what}"
                for previous, package in zip(was, now, strict=True)
                for what in _entry_changes(previous, package)
            )


def _entry_changes(old: LockedPackage, new: LockedPackage) -> Iterator[str]:
    were, are = ({file.filename: file for file in package.files} for package in (old, new))
    for filename in sorted({*were, *are}):
        if filename not in were:
            yield f"{filename} is new"
        elif filename not in are:
            yield f"{filename} is gone"
        elif were[filename].hashes != are[filename].hashes:
            yield f"{filename} has another hash"
        elif were[filename] != are[filename]:
            yield f"{filename} has another place, size or date"
    yield from _source_changes(old.source, new.source)
    if old.variants != new.variants:
        yield "other variant metadata"
    if old.declared != new.declared or old.dependencies != new.dependencies:
        yield "other dependencies"
    if old.marker != new.marker:
        yield f"marker {old.marker or 'none'} -> {new.marker or 'none'}"
    if (old.index, old.requires_python) != (new.index, new.requires_python):
        yield "another index or Requires-Python"


def _source_changes(old: LockedSource | None, new: LockedSource | None) -> Iterator[str]:
    if old is None or new is None:
        if new is not None:
            yield f"{new.shown} is new"
        if old is not None:
            yield f"{old.shown} is gone"
    elif old.kind == new.kind and (old.url, old.path) == (new.url, new.path) and old.commit != new.commit:
        yield f"commit {old.commit} -> {new.commit}"
    elif old.filename == new.filename and old.hashes != new.hashes:
        yield f"{new.shown} has another hash"
    elif old != new:
        yield f"{new.shown} has another place, size, date or way to be installed"


def _other_changes(old: Lock, new: Lock) -> Iterator[str]:
    were = sorted(str(root) for root in old.roots or ())
    are = sorted(str(root) for root in new.roots or ())
    if were != are:
        yield f"asked for: {', '.join(were) or 'unknown'} -> {', '.join(are)}"
    if old.requires_python != new.requires_python:
        yield f"requires-python {old.requires_python or 'none'} -> {new.requires_python or 'none'}"
    if old.environments != new.environments:
        yield "other environments"


def _by_name(lock: Lock) -> dict[str, list[LockedPackage]]:
    found: dict[str, list[LockedPackage]] = {}
    for package in sorted(lock.packages, key=lambda package: str(package.version)):
        found.setdefault(package.distribution, []).append(package)
    return found


def _versions(packages: list[LockedPackage]) -> str:
    return " and ".join(str(package.version or "from its folder") for package in packages)
