"""What is left over in an environment once some packages are gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packaging.utils import NormalizedName

from variantctl.doctor.dependencies import Graph
from variantctl.doctor.orphans import left_over as unneeded
from variantctl.doctor.orphans import orphans
from variantctl.target.environment import Environment
from variantctl.target.errors import BrokenPackageError
from variantctl.target.installed import InstalledPackage
from variantctl.target.protected import is_our_own, ourselves, seeds
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.markers import MarkerVariant, narrow
from variantctl.variants.parse import load_metadata

_OTHERS = frozenset({"conda", "debian", "rpm"})
"""Installers (INSTALLER) that keep their own account of what is needed."""


class NothingRequestedError(VariantctlError):
    """Nobody recorded what was asked for, so that everything would count as left over."""

    kind = "nothing-requested"


@dataclass(frozen=True)
class LeftOver:
    """A package that nothing needs and nobody asked for.

    Attributes:
        package: the package.
        size: bytes, as far as RECORD says.
    """

    package: InstalledPackage
    size: int


def left_over(
    installed: Mapping[NormalizedName, InstalledPackage], environment: Environment
) -> list[LeftOver]:
    """What nothing needs that was asked for, by name.

    Never among them: what the environment was made with; variantctl and what it needs, where it runs from
    there; what is editable, was not installed from a wheel, or belongs to another package manager.

    Args:
        installed: the environment's packages.
        environment: which environment.

    Raises:
        NothingRequestedError: of no package is it recorded that it was asked for.
    """
    asked = {name for name, package in installed.items() if package.requested}
    if not asked:
        raise NothingRequestedError(
            f"{environment.prefix}: of no package is it recorded that somebody asked for it (REQUESTED)",
            hint="Name the packages that are to be removed.",
        )
    needed = graph_of(installed, environment).needed()
    kept = asked | _kept(installed, environment)
    return [LeftOver(installed[name], _size(installed[name])) for name in orphans(needed, kept)]


def only_for(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    leaving: Collection[NormalizedName],
    *,
    surely: bool,
) -> list[LeftOver]:
    """What only the packages that are about to be removed need, by name.

    Args:
        installed: the environment's packages.
        environment: which environment.
        leaving: those that are about to be removed.
        surely: leave out what uv installed: it says of everything that somebody asked for it.
    """
    needed = graph_of(installed, environment).needed()
    kept = _kept(installed, environment)
    kept |= {name for name, item in installed.items() if (item.requested if surely else item.asked_for)}
    candidates = _below(needed, leaving) - kept - set(leaving)
    staying = {name: others for name, others in needed.items() if name not in leaving}
    return [LeftOver(installed[name], _size(installed[name])) for name in unneeded(staying, candidates)]


def still_needing(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    leaving: Collection[NormalizedName],
) -> dict[NormalizedName, list[NormalizedName]]:
    """Those of the packages that are about to be removed -> the packages that stay and need them, by name."""
    found: dict[NormalizedName, list[NormalizedName]] = {}
    for name, others in sorted(graph_of(installed, environment).needed().items()):
        if name not in leaving:
            for other in others & set(leaving):
                found.setdefault(other, []).append(name)
    return found


def _below(
    needed: Mapping[NormalizedName, Collection[NormalizedName]], names: Collection[NormalizedName]
) -> set[NormalizedName]:
    """Whatever is installed and needed by some packages, or by what they need."""
    found: set[NormalizedName] = set()
    pending = [other for name in names for other in needed.get(name, ())]
    while pending:
        name = pending.pop()
        if name in needed and name not in found:
            found.add(name)
            pending += needed[name]
    return found


def _kept(
    installed: Mapping[NormalizedName, InstalledPackage], environment: Environment
) -> set[NormalizedName]:
    """What is never left over."""
    kept = {name for name, package in installed.items() if _is_kept(package)}
    kept |= {name for name in installed if name in seeds(environment)}
    return kept | (ourselves(installed) if is_our_own(environment) else set())


def graph_of(installed: Mapping[NormalizedName, InstalledPackage], environment: Environment) -> Graph:
    """What needs what; of a variant whatever its properties may need."""
    requirements = {name: _requires(package) for name, package in installed.items()}
    variants = {name: _variant(package) for name, package in installed.items() if package.label is not None}
    return Graph(requirements, variants, environment.markers)


def _requires(package: InstalledPackage) -> tuple[str, ...]:
    try:
        return package.requires()
    except VariantctlError:
        return ()


def _variant(package: InstalledPackage) -> MarkerVariant:
    try:
        data = (package.dist_info / "variant.json").read_bytes()
        metadata = load_metadata(data, source=f"{package.name}'s variant.json")
    except (OSError, VariantctlError):
        return MarkerVariant(package.label or "")
    built_for = metadata.properties_of(package.label or "") or {}
    everything = {
        namespace: {feature: list(values) for feature, values in features.items()}
        for namespace, features in built_for.items()
    }
    return narrow(metadata, package.label, everything)


def _is_kept(package: InstalledPackage) -> bool:
    return package.editable or package.legacy or package.installer in _OTHERS


def _size(package: InstalledPackage) -> int:
    try:
        return sum(file.size or 0 for file in package.files())
    except BrokenPackageError:
        return 0
