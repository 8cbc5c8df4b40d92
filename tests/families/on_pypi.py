"""Which member of each family each profile gets, by what PyPI has.

``python -m tests.families.on_pypi`` prints the table anew.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from variantctl.cache.folder import Cache
from variantctl.config.pip import pip_default_index
from variantctl.config.settings import IndexSettings
from variantctl.families.knowledge import FamilyKnowledge
from variantctl.families.registry import Families
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.resolver import Request, resolve
from variantctl.target.platforms import platform_environment
from variantctl.variants.errors import VariantctlError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("members.toml")
PROFILES = ("h100", "b200", "t4", "v100", "mi300x", "rx-7900xtx", "arc-b580", "x86-64-v3")
PACKAGES = (
    *("onnxruntime", "cupy", "jax", "tensorflow", "mlx", "faiss", "cudf", "cuml", "rmm", "dask-cudf"),
    *("nvidia-dali", "spacy", "xgboost", "open3d", "vllm"),
)


def expected() -> dict[str, dict[str, str]]:
    """Package -> profile -> member, as the table has it."""
    table: dict[str, dict[str, str]] = tomllib.loads(TABLE.read_text())["members"]
    return table


def finder(cache: Cache) -> PackageFinder:
    """PyPI, as pip is configured, and nothing else."""
    url = pip_default_index(os.environ, cache=cache)
    families = Families(lambda: FamilyKnowledge(None), elsewhere=False)
    return PackageFinder(IndexSettings(index_url=url, families=families), cache=cache)


def member(package: str, profile: str, package_finder: PackageFinder) -> str:
    """The member that a profile gets; ``none`` where there is none for it."""
    platform = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.39", python="3.12")
    request = Request((parse_user_requirement(package),), options=SearchOptions(no_deps=True))
    try:
        plan = resolve(
            request,
            package_finder=package_finder,
            machine=Machine(load_profile(profile)),
            platform=platform,
            who=f"profile {profile}",
        )
    except VariantctlError:
        return "none"
    (planned,) = plan.install
    backend = planned.link.backend
    extra = f"[{backend.extra}]" if backend is not None and backend.extra else ""
    return f"{planned.distribution}{extra}"


def rows() -> Iterator[tuple[str, dict[str, str]]]:
    """Package, and profile -> member."""
    with finder(Cache.open(environ=os.environ)) as package_finder:
        for package in PACKAGES:
            yield package, {profile: member(package, profile, package_finder) for profile in PROFILES}


def main() -> None:
    """Print the table as PyPI has it now."""
    for package, by_profile in rows():
        print(f"[members.{package}]")
        for profile, name in by_profile.items():
            print(f'{profile} = "{name}"')
        sys.stdout.flush()


if __name__ == "__main__":
    main()
