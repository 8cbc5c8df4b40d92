"""AMD GPUs: the gfx targets, then the ROCm version."""

from __future__ import annotations

import re
from collections.abc import Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.plugin import Plugin
from variant_providers.tables.amdgpu import GFX_ARCHS, ROCM_HIGHEST_MINOR, ROCM_MAJORS
from variant_providers.tree import Tree

FORCE_GFX_ARCH = "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"
FORCE_ROCM_VERSION = "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION"

# rocm_agent_enumerator names the processor gfx000; it never counts as a GPU.
_GFX = re.compile(r"gfx(?!0+$)[0-9a-f]{3,6}")
_GFX_ALLOWED = 'GPU targets such as "gfx942"'
_ROCM = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(\.[0-9]{1,5})*")
_ROCM_ALLOWED = 'a version such as "7.0"'


class AmdPlugin(Plugin):
    """Facts (a profile's ``[amd]``): ``gfx_archs``, every GPU's target, best first, and ``rocm``, ``M.N``."""

    namespace = "amd"
    required = ("gfx_archs",)

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every gfx target LLVM knows, and every ROCm version a label may name."""
        versions = [
            f"{major}.{minor}" for major in ROCM_MAJORS for minor in range(ROCM_HIGHEST_MINOR, -1, -1)
        ]
        return [
            FeatureConfig("gfx_arch", list(GFX_ARCHS), multi_value=True),
            FeatureConfig("rocm_version", versions),
        ]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Say honestly that this version does not look for AMD GPUs."""
        if tree.exists("sys/class/kfd/kfd/topology/nodes"):
            finding.note("the KFD driver is loaded, but this version does not read AMD GPUs from it yet")
        else:
            finding.note("no AMD compute driver (/sys/class/kfd) was seen")

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The targets as they stand, then the ROCm version and the older minors of its major."""
        fact_table.check_keys(facts, ("gfx_archs", "rocm"))
        archs = fact_table.texts(facts, "gfx_archs", _GFX, _GFX_ALLOWED)
        rocm = fact_table.text(facts, "rocm", _ROCM, _ROCM_ALLOWED)
        if not archs:
            return Derivation(notes=["ROCm without a GPU is of no use: nothing is supported"] if rocm else [])
        configs = [FeatureConfig("gfx_arch", archs, multi_value=True)]
        notes = []
        if rocm is None:
            notes.append("the ROCm version is not known, so builds that name one are not offered")
        else:
            major, minor = rocm.split(".")[:2]
            configs.append(
                FeatureConfig(
                    "rocm_version", [f"{int(major)}.{older}" for older in range(int(minor), -1, -1)]
                )
            )
        return Derivation(configs, notes)

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """Targets separated by commas, semicolons or spaces, and a ROCm version of two or more numbers."""
        forced: dict[str, tuple[object, str]] = {}
        archs = environ.get(FORCE_GFX_ARCH, "").strip()
        if archs:
            listed = [arch.lower() for arch in re.split(r"[,;\s]+", archs) if arch]
            if not listed or not all(_GFX.fullmatch(arch) for arch in listed):
                raise FactsError(FORCE_GFX_ARCH, f"{archs!r} is not understood", "allowed: " + _GFX_ALLOWED)
            forced["gfx_archs"] = (list(dict.fromkeys(listed)), FORCE_GFX_ARCH)
        rocm = environ.get(FORCE_ROCM_VERSION, "").strip()
        if rocm:
            found = _ROCM.fullmatch(rocm)
            if found is None:
                raise FactsError(
                    FORCE_ROCM_VERSION, f"{rocm!r} is not understood", "allowed: " + _ROCM_ALLOWED
                )
            forced["rocm"] = (f"{int(found[1])}.{int(found[2])}", FORCE_ROCM_VERSION)
        return forced

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """With both facts forced there is nothing to look for."""
        return {"gfx_archs", "rocm"} <= forced.keys()
