"""Whom an index's pages are for: every machine that ships as a profile, judged as ``explain`` judges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.version import Version

from variantctl.providers.profiles import load_profile, shipped_profiles
from variantctl.values import dataclass, replace

if TYPE_CHECKING:
    from variant_index.web.audience import Audience, Device, Driver, Platform
    from variant_index.web.pages import PeoplePages

    from variantctl.providers.profiles import Profile
    from variantctl.select.compatibility import Interpreter

PYTHONS = ("3.14", "3.13", "3.12", "3.11", "3.10")
"""The Pythons that a wheel for any Python is offered for: those that are maintained."""

_GROUPS = {"nvidia": "NVIDIA", "amd": "AMD", "intel": "Intel"}
_CPU = "CPU only"


@dataclass(frozen=True)
class _DriverFact:
    """A fact of profiles that an update changes.

    Attributes:
        namespace, key: where a profile has it.
        called: what has that version.
        versions: those in use, newest first.
    """

    namespace: str
    key: str
    called: str
    versions: tuple[str, ...]


_DRIVERS = (
    # What drivers of the branches R520 to R590 offer: NVIDIA, CUDA Toolkit release notes, table 3.
    _DriverFact(
        "nvidia",
        "cuda_driver",
        "CUDA",
        ("13.1", "13.0", "12.9", "12.8", "12.6", "12.5", "12.4", "12.2", "12.1", "12.0", "11.8"),
    ),
    _DriverFact("amd", "rocm", "ROCm", ("7.1", "7.0", "6.4", "6.3", "6.2", "6.1")),
)


def everybody() -> Audience:
    """The shipped profiles, graphics cards first, and what decides which wheels fit where."""
    from variant_index.web.audience import Audience

    from variantctl.select.reasons import OFFERS

    groups = (*_GROUPS.values(), _CPU)
    devices = sorted(map(_device, shipped_profiles()), key=lambda device: groups.index(device.group))
    return Audience(devices, PYTHONS, _interpreter, OFFERS)


def people_pages() -> PeoplePages:
    """What writes the pages for people into an index."""
    from variant_index.web.pages import PeoplePages

    return PeoplePages(everybody)


def _device(name: str) -> Device:
    from variant_index.web.audience import Device

    profile = load_profile(name)
    fact = next((fact for fact in _DRIVERS if fact.key in profile.namespaces.get(fact.namespace, ())), None)
    return Device(
        name=name,
        title=profile.title or name,
        description=profile.description,
        group=next((title for key, title in _GROUPS.items() if key in profile.namespaces), _CPU),
        platform=_platform(profile),
        supported=profile.supported(),
        driver=f"{fact.called} {profile.namespaces[fact.namespace][fact.key]}" if fact else "",
        drivers=_drivers(profile, fact) if fact else (),
    )


def _drivers(profile: Profile, fact: _DriverFact) -> list[Driver]:
    """The same machine with each version of its driver."""
    from variant_index.web.audience import Driver

    facts = profile.namespaces[fact.namespace]
    versions = {*fact.versions, str(facts[fact.key])}
    return [
        Driver(
            version,
            replace(
                profile, namespaces={fact.namespace: {**facts, fact.key: version}}, properties={}
            ).supported(),
        )
        for version in sorted(versions, key=Version, reverse=True)
    ]


def _platform(profile: Profile) -> Platform:
    from variant_index.web.audience import Platform

    facts = profile.platform
    assert facts is not None and facts.system and facts.machine, "shipped profiles say what they run"
    return Platform(facts.system, facts.machine, facts.libc or "")


@lru_cache(maxsize=1024)
def _interpreter(platform: Platform, python: str) -> Interpreter:
    from variantctl.select.compatibility import Interpreter
    from variantctl.target.platforms import platform_environment

    found = platform_environment(
        system=platform.system, machine=platform.machine, libc=platform.libc or None, python=python
    )
    # What the machine that builds an index happens to run must not show in its pages.
    markers = {**found.markers, "platform_release": "", "platform_version": ""}
    return Interpreter(found.tags, markers)
