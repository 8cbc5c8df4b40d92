"""What a lock gives a machine with an accelerator: a lock made elsewhere may have no build for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from variantctl.lock.contents import Lock
from variantctl.lock.selection import Selected
from variantctl.resolve.errors import AcceleratorError
from variantctl.select.preferences import ANY, REQUIRE, VariantPreferences
from variantctl.variants.accelerators import accelerators_of, called, idle_beside

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine

_HINT = (
    "Lock again with this machine among those that are locked for: variantctl lock --profile NAME-or-FILE."
)


def accelerator_notes(
    selected: Sequence[Selected], lock: Lock, machine: Machine, preferences: VariantPreferences, who: str
) -> list[str]:
    """A note for each build for the processor that a lock gives a machine with an accelerator.

    Args:
        selected: what is installed of the lock.
        lock: the lock.
        machine: the machine; asked only where a build for the processor is selected.
        preferences: has the accelerator policy.
        who: ``this machine`` or the profile.

    Raises:
        AcceleratorError: ``--accelerator require``, and there is such a build.
    """
    if preferences.accelerator == ANY or preferences.no_variants:
        return []
    poor = [
        item for item in selected if _is_cpu_build(item, lock) and item.package.name not in preferences.labels
    ]
    offered = preferences.allowed(machine.accelerators()) if poor else {}
    here = accelerators_of(offered)
    required = preferences.accelerator == REQUIRE
    if not (poor and required) and not idle_beside(offered):
        return []
    device = f"the {called(here)} of {who}" if here else f"{who}, which has no accelerator that is known"
    notes = [f"{item.package} is a CPU build: the lock has no build of it for {device}" for item in poor]
    if required:
        raise AcceleratorError(f"--accelerator require: {notes[0]}", hint=_HINT)
    return [f"{note}. {_HINT}" for note in notes]


def _is_cpu_build(item: Selected, lock: Lock) -> bool:
    """Whether a wheel was built for no accelerator, and its project is built for some."""
    package = item.package
    if item.wheel.label is None or accelerators_of(item.wheel.properties, package.variants):
        return False
    return package.backend is not None or any(_built_for(lock, item))


def _built_for(lock: Lock, item: Selected) -> Iterator[str]:
    for other in lock.named(item.package.name):
        if other.variants is not None:
            for properties in other.variants.variants.values():
                yield from accelerators_of(properties, other.variants)
