"""64-bit Arm processors: the architecture version that the features prove, then one feature per HWCAP."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.cpu.processor import fits, read_cpuinfo, read_elsewhere
from variant_providers.cpu.tables.aarch64 import EXTENSIONS, MANDATORY, PROVES_85
from variant_providers.finding import Finding
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

_VERSION = re.compile("|".join(re.escape(version) for version in MANDATORY))
_NAMES = tuple(name for name, _version in EXTENSIONS)


class Aarch64Plugin(Plugin):
    """The architecture version and the extensions.

    Facts (a profile's ``[aarch64]``): ``version`` (``8a`` to ``9.0a``, required), which implies only what
    that version makes mandatory (8.2a does not imply ``asimddp``), and ``features``, what goes beyond it.
    """

    namespace = "aarch64"

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every version, then every extension, newest first."""
        versions = FeatureConfig("version", list(reversed(MANDATORY)))
        return [versions, *(FeatureConfig(name, ["on"]) for name in _NAMES)]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Read the HWCAPs that every processor has."""
        if not fits(tree, finding, "aarch64"):
            return
        extensions = read_elsewhere(tree, finding, "aarch64")
        if extensions is None:
            info = read_cpuinfo(tree, finding, "Features")
            extensions = set(_NAMES).intersection(info.common) if info is not None else set()
        finding.facts = _facts(extensions)

    @classmethod
    def facts_of_flags(cls, flags: Collection[str]) -> dict[str, object]:
        """The version and the extensions of HWCAPs in upper or lower case."""
        return _facts({flag.lower() for flag in flags}.intersection(_NAMES))

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """``version`` downwards, then every extension that the version implies or the facts list."""
        fact_table.check_keys(facts, ("version", "features"))
        version = fact_table.text(facts, "version", _VERSION, "one of " + ", ".join(MANDATORY))
        if version is None:
            raise FactsError("version", "missing", "one of " + ", ".join(MANDATORY))
        has = {*_implied(version), *fact_table.words(facts, "features", _NAMES)}
        versions = list(MANDATORY)[: list(MANDATORY).index(version) + 1]
        configs = [FeatureConfig("version", versions[::-1])]
        configs.extend(FeatureConfig(name, ["on"]) for name in _NAMES if name in has)
        return Derivation(configs)


def _facts(extensions: Collection[str]) -> dict[str, object]:
    version = version_from_extensions(extensions)
    implied = _implied(version)
    features = [name for name in _NAMES if name in extensions and name not in implied]
    return {"version": version, "features": features}


def version_from_extensions(extensions: Collection[str]) -> str:
    """The highest version whose mandatory features are all there; every AArch64 processor is ``8a``."""
    proved = "8a"
    for version, added in MANDATORY.items():
        if version != "8a" and not all(name in extensions for name in added):
            break
        proved = version
    return "8.4a" if proved == "8.5a" and PROVES_85 not in extensions else proved


def _implied(version: str) -> set[str]:
    implied: set[str] = set()
    for name, added in MANDATORY.items():
        implied.update(added)
        if name == version:
            break
    return implied
