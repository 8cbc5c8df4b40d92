"""What every machine that ships as a profile would get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from variantctl.providers.algorithm import Machine
from variantctl.providers.machine_platform import PlatformFacts
from variantctl.providers.profiles import load_profile, shipped_profiles
from variantctl.resolve.plan import Plan
from variantctl.resolve.requirements import parse_user_requirement
from variantctl.resolve.resolution import Request, resolve
from variantctl.sources.catalog import Catalog
from variantctl.sources.settings import IndexSettings
from variantctl.target.platforms import platform_environment


@dataclass(frozen=True)
class Row:
    """One machine.

    Attributes:
        profile: its name.
        plan: what an install into an empty environment would do there.
    """

    profile: str
    plan: Plan


def matrix(index_url: str, requirements: Sequence[str]) -> Iterator[Row]:
    """Resolve ``requirements`` for every shipped profile, from the one index at ``index_url``."""
    request = Request(tuple(parse_user_requirement(requirement) for requirement in requirements))
    with Catalog(IndexSettings(index_url=index_url, origin="the demo")) as catalog:
        for name in shipped_profiles():
            profile = load_profile(name)
            facts = profile.platform or PlatformFacts()
            platform = platform_environment(
                system=facts.system, machine=facts.machine, libc=facts.libc, python=facts.python
            )
            machine = Machine(profile, environment=platform.markers)
            plan = resolve(request, catalog=catalog, machine=machine, platform=platform, who=name)
            yield Row(name, plan)
