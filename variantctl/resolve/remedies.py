"""What would help where nothing can be installed: a provider to trust, a newer driver, another version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import InvalidVersion, Version

from variantctl.resolve.needs import Need, ProjectNeed
from variantctl.resolve.stock import Stock

_MOST_TRIED = 30
_SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


def remedies(name: NormalizedName, needs: Sequence[Need], stock: Stock) -> list[str]:
    """What would make a version of a project installable that some needs allow, a sentence each.

    Args:
        name: a project of which no wheel satisfies ``needs``.
        needs: everything that was asked of it.
        stock: what can be had.
    """
    versions = stock.versions(name)
    if not versions:
        return []
    allowed = stock.allowed(name, needs)
    if not allowed:
        found = _sdist_versions(name, needs, stock)
        return (
            [f"{name} {found[-1]} exists as a source distribution only; --build {name} builds it."]
            if found
            else []
        )
    newest = allowed[0]
    told = [f"{note.namespace}: {note.message}." for note in stock.unanswered(name, newest)]
    told += [advice.sentence for advice in stock.advice(name, newest)[:1]]
    other = _installable(name, versions, allowed, stock)
    if other is not None:
        age = "older" if other < newest else "newer"
        told.append(f"The {age} {name} {other} has a wheel that can be installed.")
    return [*told, f"'variantctl explain {name}=={newest}' says more about each wheel."]


def loosen(
    roots: Iterable[Need], limits: Iterable[ProjectNeed], others: Mapping[NormalizedName, Sequence[Version]]
) -> str:
    """Which of the user's own requirements to loosen, where those of several contradict each other.

    Args:
        roots: where the chains of the contradiction begin.
        limits: constraints among them.
        others: project -> the versions that it could have instead, newest first.
    """
    written = dict.fromkeys(
        root for root in [*roots, *limits] if isinstance(root, ProjectNeed) and (root.specifier or root.url)
    )
    if not written:
        return "Loosen one of the requirements above."
    told = []
    for need in written:
        outside = [version for version in others.get(need.name, ()) if not need.allows(version)]
        outside.sort(key=lambda version: version.is_prerelease)
        there = f" (there is {need.name} {outside[0]} too)" if outside else ""
        told.append(f"'{need}'{there}")
    return f"Loosen {' or '.join(dict.fromkeys(told))}."


def _installable(
    name: NormalizedName, versions: Sequence[Version], allowed: Sequence[Version], stock: Stock
) -> Version | None:
    """The nearest version that was not allowed and has a wheel: older ones first, the newest of them."""
    outside = [version for version in versions if version not in allowed]
    older = [version for version in outside if version < allowed[0]]
    newer = [version for version in reversed(outside) if version > allowed[0]]
    for version in [*older, *newer][:_MOST_TRIED]:
        if stock.judgeable(name, version):
            return version
    return None


def _sdist_versions(name: NormalizedName, needs: Sequence[Need], stock: Stock) -> list[Version]:
    found = []
    for file in stock.project(name).sdists:
        stem = file.filename
        for suffix in _SDIST_SUFFIXES:
            stem = stem.removesuffix(suffix)
        try:
            version = Version(stem.rpartition("-")[2])
        except InvalidVersion:
            continue
        if all(need.allows(version) for need in needs):
            found.append(version)
    return sorted(found)
