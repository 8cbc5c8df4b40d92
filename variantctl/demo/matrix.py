"""What every machine that ships as a profile would get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from variantctl.config.settings import IndexSettings
from variantctl.explain.matrix import MatrixMachine, Row
from variantctl.explain.matrix import matrix as resolve_matrix
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.machine_platform import PlatformFacts
from variantctl.providers.profiles import load_profile, shipped_profiles
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request
from variantctl.target.platforms import platform_environment


def matrix(index_url: str, requirements: Sequence[str]) -> Iterator[Row]:
    """Resolve ``requirements`` for every shipped profile, from the one index at ``index_url``.

    Raises:
        VariantctlError: it cannot be done for one of them; the demo's index has something for all.
    """
    request = Request(tuple(parse_user_requirement(requirement) for requirement in requirements))
    with PackageFinder(IndexSettings(index_url=index_url, origin="the demo")) as package_finder:
        for row in resolve_matrix(request, map(_subject, shipped_profiles()), package_finder=package_finder):
            if row.error is not None:
                raise row.error
            yield row


def _subject(name: str) -> MatrixMachine:
    profile = load_profile(name)
    facts = profile.platform or PlatformFacts()
    platform = platform_environment(
        system=facts.system, machine=facts.machine, libc=facts.libc, python=facts.python
    )
    return MatrixMachine(name, Machine(profile, environment=platform.markers), platform, name)
