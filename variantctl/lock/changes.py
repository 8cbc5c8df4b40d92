"""How one lock differs from another, in words, a line each."""

from __future__ import annotations

from collections.abc import Iterator

from variantctl.lock.contents import Lock, LockedPackage


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
    if old.variants != new.variants:
        yield "other variant metadata"
    if old.declared != new.declared or old.dependencies != new.dependencies:
        yield "other dependencies"
    if old.marker != new.marker:
        yield f"marker {old.marker or 'none'} -> {new.marker or 'none'}"
    if (old.index, old.requires_python) != (new.index, new.requires_python):
        yield "another index or Requires-Python"


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
        found.setdefault(package.name, []).append(package)
    return found


def _versions(packages: list[LockedPackage]) -> str:
    return " and ".join(str(package.version) for package in packages)
