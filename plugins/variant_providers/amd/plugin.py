"""AMD GPUs: the gfx targets, then the ROCm version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from variant_providers import facts as fact_table
from variant_providers.amd.rocm import driver_release, newest_first, release_with
from variant_providers.amd.tables.amdgpu import GFX_ARCHS, ROCM_HIGHEST_MINOR, ROCM_MAJORS, UNSURE_ARCHS
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

FORCE_GFX_ARCH = "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"
FORCE_ROCM_VERSION = "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION"

# rocm_agent_enumerator names the processor gfx000; it never counts as a GPU.
_GFX = re.compile(r"gfx(?!0+$)[0-9a-f]{3,6}")
_GFX_ALLOWED = 'GPU targets such as "gfx942"'
_ROCM = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(\.[0-9]{1,5})*")
_CODE_BASE = r"(?a)[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,5})*"
_ROCM_ALLOWED = 'a version such as "7.0"'
_DRIVER_ALLOWED = 'a driver version such as "6.16.13"'


class AmdPlugin(Plugin):
    """Facts (a profile's ``[amd]``): ``gfx_archs``, every GPU's target, best first; ``amdgpu``, the version
    of the kernel driver's code base, which decides what ROCm runs; ``rocm``, the installed ``M.N``, which
    tells where the driver is not known; and ``rocm_limit``, the override's, above which nothing is offered.
    """

    namespace = "amd"
    required = ("gfx_archs",)
    per_device = "gfx_archs"

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
        """Read KFD's topology, else ask AMD's tools; then the ROCm version and the driver's."""
        from variant_providers.amd.probe import probe

        probe(tree, finding)

    @classmethod
    def devices(cls) -> Iterable[tuple[int, str, str]]:
        """The GPUs of the table of names, with their target."""
        from variant_providers.amd.tables.amdgpu_names import NAMES
        from variant_providers.amd.tables.device_archs import arch_of_device

        for device, names in NAMES.items():
            for name in names:
                yield device, name, arch_of_device(device) or ""

    @classmethod
    def values_of_id(cls, device_id: int) -> list[str]:
        """By the chip's block of ids."""
        from variant_providers.amd.tables.device_archs import arch_of_device

        arch = arch_of_device(device_id)
        return [] if arch is None else [arch]

    @classmethod
    def facts_of_driver(cls, version: str) -> dict[str, object]:
        """The version of amdgpu's code base, which decides what ROCm runs."""
        found = re.match(_CODE_BASE, version)
        return {"amdgpu": found[0]} if found is not None else {}

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The targets as they stand, then every ROCm that the driver runs, whichever is installed."""
        fact_table.check_keys(facts, ("gfx_archs", "rocm", "amdgpu", "rocm_limit"))
        archs = fact_table.texts(facts, "gfx_archs", _GFX, _GFX_ALLOWED)
        rocm = fact_table.text(facts, "rocm", _ROCM, _ROCM_ALLOWED)
        driver = fact_table.text(facts, "amdgpu", _ROCM, _DRIVER_ALLOWED)
        limit = fact_table.text(facts, "rocm_limit", _ROCM, _ROCM_ALLOWED)
        if not archs:
            return Derivation(notes=["ROCm without a GPU is of no use: nothing is supported"] if rocm else [])
        versions, note = _offered(rocm, driver) if limit is None else (newest_first(None, limit), "")
        configs = [FeatureConfig("gfx_arch", archs, multi_value=True)]
        if versions:
            configs.append(FeatureConfig("rocm_version", versions))
        return Derivation(configs, [*([note] if note else []), *_notes_on_targets(archs)])

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
            forced["rocm_limit"] = (f"{int(found[1])}.{int(found[2])}", FORCE_ROCM_VERSION)
        return forced

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """With both facts forced there is nothing to look for."""
        return {"gfx_archs", "rocm_limit"} <= forced.keys()


def _offered(rocm: str | None, driver: str | None) -> tuple[list[str], str]:
    """The ROCm versions to offer, newest first, and how that follows.

    Wheels bring their own ROCm, so the kernel driver decides, and an installed ROCm is no limit. Where the
    driver is not known, it is taken to be the one that AMD released with the installed ROCm.
    """
    release = None if driver is None else driver_release(driver)
    why = f"a driver as new as amdgpu {driver}"
    if release is None and rocm is not None:
        release, why = release_with(rocm), f"the driver that it released with ROCm {rocm}"
    versions = newest_first(release, rocm)
    if release is not None:
        installed = "no ROCm is installed" if rocm is None else f"ROCm {rocm} is installed"
        span = f"ROCm {versions[0]} back to {versions[-1]}"
        return versions, (
            f"{installed}, and wheels bring their own: offered is what AMD supports on {why} "
            f"({release.name}), {span}"
        )
    if versions:
        return versions, ""
    unknown = "the ROCm version is not known" if driver is None else f"what amdgpu {driver} runs is not known"
    return [], f"{unknown}, so builds that name a ROCm version are not offered"


def _notes_on_targets(archs: Sequence[str]) -> list[str]:
    unsure = " and ".join(arch for arch in archs if arch in UNSURE_ARCHS)
    if not unsure:
        return []
    return [
        f"PyTorch's wheels declare {unsure}, and are reported to abort on it at the first matrix product, as "
        "their rocBLAS has no kernels for it (pytorch/pytorch issue 179865); AMD's TheRock has builds that do"
    ]
