"""Several machines as one that is locked for: one environment that runs on all of them."""

from __future__ import annotations

from collections.abc import Sequence

from variantctl.lock.agreement import Target
from variantctl.providers.united import UnitedMachine
from variantctl.resolve.errors import AcceleratorError
from variantctl.select.preferences import ANY, REQUIRE, VariantPreferences
from variantctl.target.platforms import common_platform
from variantctl.variants.accelerators import called

_HINT = "Leave out --union: then each machine gets its own builds from one lock."


def united_target(targets: Sequence[Target], preferences: VariantPreferences) -> tuple[Target, list[str]]:
    """What stands for all the machines, and what to say about it.

    Args:
        targets: the machines, at least two.
        preferences: has the accelerator policy.

    Raises:
        NoCommonPlatformError: they differ in system, processor or Python.
        AcceleratorError: no accelerator is common to all, and one is required.
    """
    machine = UnitedMachine([target.machine for target in targets])
    platform = common_platform([(target.who, target.platform) for target in targets])
    names = [target.who.removeprefix("profile ") for target in targets]
    who = f"{', '.join(names[:-1])} and {names[-1]} together"
    return Target(who, machine, platform), list(_notes(targets, machine, preferences))


def _notes(targets: Sequence[Target], machine: UnitedMachine, preferences: VariantPreferences) -> list[str]:
    vendors = machine.vendors()
    wanted = preferences.accelerator != ANY and not preferences.no_variants
    if not wanted or machine.accelerators() or (not any(vendors) and preferences.accelerator != REQUIRE):
        return []
    told = ", ".join(
        f"{target.who} has {called(names) if names else 'no accelerator'}"
        for target, names in zip(targets, vendors, strict=True)
    )
    if preferences.accelerator == REQUIRE:
        raise AcceleratorError(f"--accelerator require: no build is for all of them: {told}", hint=_HINT)
    return [f"{told}: no build is for all of them, so what is locked runs on the processor. {_HINT}"]
