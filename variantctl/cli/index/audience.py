"""Whom an index's pages are for: every machine that ships as a profile, judged as ``explain`` judges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from variantctl.providers.profiles import load_profile, shipped_profiles

if TYPE_CHECKING:
    from variant_index.web.audience import Audience, Device, Platform

    from variantctl.providers.profiles import Profile
    from variantctl.resolve.interpreter import Interpreter

PYTHONS = ("3.14", "3.13", "3.12", "3.11", "3.10")
"""The Pythons that a wheel for any Python is offered for: those that are maintained."""

_GROUPS = {"nvidia": "NVIDIA GPU", "amd": "AMD GPU", "intel": "Intel GPU"}
_CPU = "CPU only"
_DRIVERS = (("nvidia", "cuda_driver", "CUDA driver {}"), ("amd", "rocm", "ROCm {}"))


def everybody() -> Audience:
    """The shipped profiles, graphics cards first, and what decides which wheels fit where."""
    from variant_index.web.audience import Audience

    from variantctl.resolve.reasons import OFFERS

    groups = (*_GROUPS.values(), _CPU)
    devices = sorted(map(_device, shipped_profiles()), key=lambda device: groups.index(device.group))
    return Audience(devices, PYTHONS, _interpreter, OFFERS)


def _device(name: str) -> Device:
    from variant_index.web.audience import Device

    profile = load_profile(name)
    return Device(
        name=name,
        title=profile.title or name,
        description=_description(profile),
        group=next((title for key, title in _GROUPS.items() if key in profile.namespaces), _CPU),
        platform=_platform(profile),
        supported=profile.supported(),
    )


def _description(profile: Profile) -> str:
    """What it is, and the driver: what mostly decides."""
    facts = [
        words.format(profile.namespaces[namespace][key])
        for namespace, key, words in _DRIVERS
        if key in profile.namespaces.get(namespace, ())
    ]
    return ", ".join([profile.description, *facts])


def _platform(profile: Profile) -> Platform:
    from variant_index.web.audience import Platform

    facts = profile.platform
    assert facts is not None and facts.system and facts.machine, "shipped profiles say what they run"
    return Platform(facts.system, facts.machine, facts.libc or "")


@lru_cache(maxsize=1024)
def _interpreter(platform: Platform, python: str) -> Interpreter:
    from variantctl.resolve.interpreter import Interpreter
    from variantctl.target.platforms import platform_environment

    found = platform_environment(
        system=platform.system, machine=platform.machine, libc=platform.libc or None, python=python
    )
    # What the machine that builds an index happens to run must not show in its pages.
    markers = {**found.markers, "platform_release": "", "platform_version": ""}
    return Interpreter(found.tags, markers)
