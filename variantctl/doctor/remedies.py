"""Commands that have a build chosen anew, so that what comes of them works on the machine. Pure.

A version whose build does not fit may have no other one for the machine but that for CPUs, as torch 2.15.0
has on a driver for CUDA 12.8. So its number is no part of the command, and the accelerator policy chooses the
release. What was built together is chosen together: torchvision goes with one release of torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from packaging.utils import NormalizedName

from variantctl.doctor.findings import Commands
from variantctl.doctor.inspection import Inspected, backend_sources
from variantctl.variants.accelerators import accelerators_of

BUILT_TOGETHER = ("torch", "torchvision", "torchaudio")
"""Of a source's packages those that load each other's libraries, so that each must say what it is for."""


def chosen_again(item: Inspected, packages: Collection[Inspected], commands: Commands) -> str:
    """A sentence with the command that chooses a build of a package, and of what was built with it.

    Args:
        item: the package whose build does not fit.
        packages: all that are installed.
        commands: those for the environment.
    """
    return choose_together(item, _together(item, packages), commands)


def choose_together(item: Inspected, items: Iterable[Inspected], commands: Commands) -> str:
    """The same for packages that are known to belong together."""
    names = dict.fromkeys(sorted((each.name for each in items), key=_place))
    source = ("--backends", item.family) if item.family is not None and not _is_own_variant(item) else ()
    what = "release that has a build for it" if item.declares or item.family else "release for it"
    return f"`{commands.install('--reinstall', *names, *source)}` takes the newest {what}."


def same_versions(item: Inspected, packages: Collection[Inspected], commands: Commands) -> str:
    """A sentence with the command that chooses builds of the versions that are installed."""
    pins = {each.name: each.pin for each in _together(item, packages)}
    return commands.reinstall(pins[name] for name in sorted(pins, key=_place))


def brought_back(item: Inspected, commands: Commands) -> str:
    """A sentence with the command that installs a package again as it was, from the source that has such."""
    if item.family is None or item.version.local is None:
        return commands.reinstall([item.pin])
    return commands.reinstall([f"{item.name}=={item.version}", "--backends", item.family])


def is_for_accelerator(item: Inspected) -> bool:
    """Whether the label of a package, or the source that it belongs to, is about accelerators."""
    properties = (item.metadata.properties_of(item.label) if item.metadata and item.label else None) or {}
    return item.family is not None or bool(accelerators_of(properties, item.metadata))


def _together(item: Inspected, packages: Collection[Inspected]) -> list[Inspected]:
    """A package, and those of its source that were built with it."""
    if item.family is None:
        return [item]
    return [item, *(other for other in packages if other.family == item.family and _is_of_family(other))]


def _is_of_family(item: Inspected) -> bool:
    return item.label is not None or item.name in BUILT_TOGETHER


def _is_own_variant(item: Inspected) -> bool:
    """Whether it is a variant by its own ``variant.json``: then its index is no sub-index for a backend."""
    return item.label is not None and item.version.local is None


def _place(name: NormalizedName) -> tuple[int, NormalizedName]:
    """What the others are built for first."""
    order = [package for source in backend_sources() for package in source.packages]
    return (order.index(name) if name in order else len(order)), name
