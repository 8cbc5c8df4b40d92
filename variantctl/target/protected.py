"""What is never removed unasked: what an environment was made with, and what variantctl itself runs from."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.target.environment import Environment
from variantctl.target.installed import InstalledPackage
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.lenient import read_requirement

OURSELVES = canonicalize_name("variantctl")

#: What a virtual environment is made with; setuptools and wheel before Python 3.12 (PEP 632 and venv).
_SEEDS = frozenset({"pip", "uv"})
_OLD_SEEDS = frozenset({"setuptools", "wheel"})


def seeds(environment: Environment | None) -> frozenset[str]:
    """Nothing in an environment that uv made without ``--seed``: there they were installed on purpose."""
    if environment is None or _uv_made_it_bare(environment.prefix):
        return frozenset()
    return _SEEDS if environment.version >= (3, 12) else _SEEDS | _OLD_SEEDS


def _uv_made_it_bare(prefix: Path) -> bool:
    try:
        lines = (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    keys = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return "uv" in keys and keys.get("seed", "").lower() != "true"


def is_our_own(environment: Environment) -> bool:
    """Whether variantctl runs from it."""
    return environment.kind not in ("target", "prefix") and environment.prefix == Path(sys.prefix)


def ourselves(installed: Mapping[NormalizedName, InstalledPackage]) -> set[NormalizedName]:
    """variantctl and everything it needs, whatever the markers say."""
    found: set[NormalizedName] = set()
    queue = [OURSELVES]
    while queue:
        name = queue.pop()
        if name in installed and name not in found:
            found.add(name)
            queue.extend(_needs(installed[name]))
    return found


def _needs(package: InstalledPackage) -> Iterator[NormalizedName]:
    for text in package.requires():
        try:
            requirement = read_requirement(text).requirement
        except InvalidVariantError:
            continue
        if "extra" not in (requirement.marker or ""):
            yield requirement.name
