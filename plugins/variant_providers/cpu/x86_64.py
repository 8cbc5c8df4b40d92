"""x86-64 processors: the psABI level, then one feature per instruction set extension."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.cpu.processor import fits, read_cpuinfo, read_elsewhere
from variant_providers.cpu.tables.x86_64 import EXTENSIONS, LEVELS, LINUX_SPELLINGS, PROOFS, SPELLINGS
from variant_providers.finding import Finding
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

_LEVEL = re.compile("|".join(LEVELS))
_NAMES = tuple(name for name, _year, _processor in EXTENSIONS)


class X8664Plugin(Plugin):
    """The level and the extensions, from the flags and not from a processor's name: hypervisors hide flags.

    Facts (a profile's ``[x86_64]``): ``level`` (``v1`` to ``v4``, required), which implies that level's own
    extensions (the psABI's and no more), and ``features``, the extensions beyond it.
    """

    namespace = "x86_64"

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every level, then every extension, newest first."""
        return [
            FeatureConfig("level", list(reversed(LEVELS))),
            *(FeatureConfig(name, ["on"]) for name in _NAMES),
        ]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Read the flags that every processor has."""
        if not fits(tree, finding, "x86_64"):
            return
        extensions = read_elsewhere(tree, finding, "x86_64")
        if extensions is None:
            info = read_cpuinfo(tree, finding, "flags")
            extensions = extensions_from_flags(info.common) if info is not None else set()
        finding.facts = _facts(level_from_extensions(extensions), extensions)

    @classmethod
    def facts_of_flags(cls, flags: Collection[str]) -> dict[str, object]:
        """The level and the extensions of flags in any spelling: ``AVX512BF16`` is ``avx512_bf16``.

        Labels leave out the flags that "everybody" has, so a level is taken from what proves it: whatever has
        AVX2 and FMA3 is of v3, and whatever has the five parts of AVX-512 of v4, of all that has been sold.
        """
        told = {_plain(flag) for flag in flags}
        extensions = {name for name in _NAMES if _plain(name) in told or told & set(SPELLINGS.get(name, ()))}
        levels = [level for level in LEVELS if f"x8664{level}" in told]
        if not levels:
            levels = [level for level, proof in PROOFS.items() if extensions.issuperset(proof)]
        return _facts(levels[-1] if levels else level_from_extensions(extensions), extensions)

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """``level`` downwards, then every extension that the level implies or the facts list."""
        fact_table.check_keys(facts, ("level", "features"))
        level = fact_table.text(facts, "level", _LEVEL, "one of " + ", ".join(LEVELS))
        if level is None:
            raise FactsError("level", "missing", "one of " + ", ".join(LEVELS))
        has = {*_implied(level), *fact_table.words(facts, "features", _NAMES)}
        levels = list(LEVELS)[: list(LEVELS).index(level) + 1]
        configs = [FeatureConfig("level", levels[::-1])]
        configs.extend(FeatureConfig(name, ["on"]) for name in _NAMES if name in has)
        return Derivation(configs)


def _facts(level: str, extensions: Collection[str]) -> dict[str, object]:
    implied = _implied(level)
    features = [name for name in _NAMES if name in extensions and name not in implied]
    return {"level": level, "features": features}


def _plain(flag: str) -> str:
    return re.sub(r"[^a-z0-9]", "", flag.lower())


def extensions_from_flags(flags: Collection[str]) -> set[str]:
    """The extensions of our table among the flags of ``/proc/cpuinfo``."""
    return {
        name for name in _NAMES if any(spelling in flags for spelling in LINUX_SPELLINGS.get(name, (name,)))
    }


def level_from_extensions(extensions: Collection[str]) -> str:
    """The highest psABI level whose extensions are all there; every x86-64 processor is ``v1``."""
    reached = "v1"
    for level, added in LEVELS.items():
        if level != "v1" and not all(name in extensions for name in added):
            break
        reached = level
    return reached


def _implied(level: str) -> set[str]:
    implied: set[str] = set()
    for name, added in LEVELS.items():
        implied.update(added)
        if name == level:
            break
    return implied
