"""Machines and installed packages to try the checks of accelerators with."""

from __future__ import annotations

from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.resolve.world import PLATFORM
from variantctl.doctor.checks import Ground, check
from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected, Inspection, backend_sources
from variantctl.families.knowledge import FamilyKnowledge
from variantctl.families.registry import Families
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.select.compatibility import Interpreter
from variantctl.select.ordinary_builds import ordinary_build

COMMANDS = Commands(("-p", "env"))


def installed(name: str, version: str = "1.0", requires: tuple[str, ...] = (), **more: Any) -> Inspected:
    """A package as an inspection finds it, with what its name, version and requirements show."""
    normal = canonicalize_name(name)
    source = next((source for source in backend_sources() if source.serves(normal)), None)
    label = source.label_of(normal, Version(version)) if source else None
    metadata = None
    if source is not None and label is not None:
        metadata = source.metadata(normal, Version(Version(version).public), PLATFORM.markers, [label])
    more.setdefault("build", ordinary_build(name, version, requires))
    return Inspected(
        normal, Version(version), label, metadata, source.name if source else None, requires, **more
    )


def found(*packages: Inspected, profile: str = "x86-64-v3", as_one: bool = True) -> list[Finding]:
    """What the checks find on a shipped profile's machine; dependencies that are not there do not count.

    Args:
        packages: what is installed.
        profile: the machine.
        as_one: whether names of a family count for one project.
    """
    machine = Machine(load_profile(profile))
    ground = Ground(
        machine.supported,
        lambda _namespace: None,
        Interpreter(PLATFORM.tags, PLATFORM.markers),
        f"profile {profile}",
        COMMANDS,
        families=Families(lambda: FamilyKnowledge(None)),
        as_one=as_one,
    )
    inspection = Inspection({item.name: item for item in packages}, {})
    return [item for item in check(inspection, ground) if item.kind != "missing-dependency"]


def kinds(findings: list[Finding]) -> list[tuple[str, str, str]]:
    """Severity, kind and package of each."""
    return [(item.severity, item.kind, item.package) for item in findings]
