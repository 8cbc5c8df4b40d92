"""NVIDIA GPUs: what the driver's CUDA version allows, then the best GPU's architecture."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.nvidia.report import dotted
from variant_providers.nvidia.tables import cuda
from variant_providers.nvidia.tables.chips import TEGRA, TEGRA_CAPABILITIES
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

FORCE_CUDA_DRIVER = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
FORCE_SM_ARCH = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"

DESKTOP = "desktop"
_DESKTOP = re.compile(DESKTOP)
_DRIVER = r"(?a)[0-9]{3,4}(\.[0-9]{1,5}){0,3}"
_NUMBERS = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_CUDA_ALLOWED = 'a string of two numbers, such as "12.8"'
_CAPABILITY_ALLOWED = 'strings of two numbers, such as "9.0"'
# uv and nvidia-variant-provider read this variable as a PEP 440 version and use its first two numbers.
_FORCED_CUDA = r"(?i)v?([0-9]{1,3})(?:\.([0-9]{1,3}))?(?:\.[0-9]+)*(?:[-_.]?(?:a|b|rc|post|dev)[0-9]*)*"


class NvidiaPlugin(Plugin):
    """Facts (a profile's ``[nvidia]``): ``cuda_driver``, the driver's CUDA version ``M.N``, and
    ``compute_capabilities``, those of all GPUs that programs may see.

    ``binary_compatibility`` is the override's: ``desktop`` takes a Jetson's GPU for a desktop's.
    """

    namespace = "nvidia"
    required = ("cuda_driver",)
    per_device = "compute_capabilities"

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every CUDA version of the known range, for both bounds, and every architecture."""
        versions = _versions_down(cuda.NEWEST)
        archs = [
            f"{major}{minor}"
            for major in range(cuda.HIGHEST_CAPABILITY_MAJOR, cuda.LOWEST_CAPABILITY[0] - 1, -1)
            for minor in range(9, -1, -1)
        ]
        real, virtual = [f"{arch}_real" for arch in archs], [f"{arch}_virtual" for arch in archs]
        return [
            FeatureConfig("cuda_version_lower_bound", versions),
            FeatureConfig("cuda_version_upper_bound", list(versions)),
            FeatureConfig("sm_arch", real + virtual, multi_value=True),
        ]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Ask NVML, libcuda, nvidia-smi, then read the kernel's files, until nothing is missing."""
        from variant_providers.nvidia.probe import NvidiaProbe

        NvidiaProbe(tree, finding).run()

    @classmethod
    def devices(cls) -> Iterable[tuple[int, str, str]]:
        """The GPUs of the table of names, with their compute capability; an id may have two names."""
        from variant_providers.nvidia.kernel_files import capability_of, sold_devices

        for device, names in sold_devices():
            capability = capability_of(device)
            for name in names.split(" or "):
                yield device, name, "" if capability is None else dotted(capability)
        for name, capability in TEGRA.values():
            yield 0, name.partition(" (")[0], dotted(capability)

    @classmethod
    def values_of_id(cls, device_id: int) -> list[str]:
        """By the chip's block of ids, which new boards with a known chip are in, too."""
        from variant_providers.nvidia.kernel_files import capability_of

        capability = capability_of(device_id)
        return [] if capability is None else [dotted(capability)]

    @classmethod
    def facts_of_driver(cls, version: str) -> dict[str, object]:
        """The newest CUDA that a driver (``550.107.02``) runs."""
        from variant_providers.nvidia.kernel_driver import cuda_of_driver

        runs = cuda_of_driver(version) if re.fullmatch(_DRIVER, version) else None
        return {} if runs is None else {"cuda_driver": dotted(runs)}

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The bounds from the driver's CUDA version, ``sm_arch`` from the best GPU."""
        fact_table.check_keys(facts, ("cuda_driver", "compute_capabilities", "binary_compatibility"))
        written = fact_table.text(facts, "cuda_driver", _NUMBERS, _CUDA_ALLOWED)
        listed = fact_table.texts(facts, "compute_capabilities", _NUMBERS, _CAPABILITY_ALLOWED)
        compatibility = fact_table.text(facts, "binary_compatibility", _DESKTOP, f'"{DESKTOP}"')
        if written is None:
            return _nothing("the driver's CUDA version is not known")
        driver = _pair(written)
        best = max((_pair(capability) for capability in listed), default=None)
        if not cuda.OLDEST <= driver <= cuda.NEWEST:
            known = f"{dotted(cuda.OLDEST)} to {dotted(cuda.NEWEST)}"
            return _nothing(f"CUDA {written} is outside the known range, {known}")
        if best is not None and best < cuda.LOWEST_CAPABILITY:
            lowest = dotted(cuda.LOWEST_CAPABILITY)
            return _nothing(f"compute capability {dotted(best)} is below {lowest}")
        configs = [FeatureConfig("cuda_version_lower_bound", _versions_down(driver))]
        above = _versions_above(driver)
        if above:
            configs.append(FeatureConfig("cuda_version_upper_bound", above))
        if best is None:
            return Derivation(configs, ["no GPU's compute capability is known, so no sm_arch is offered"])
        tegra = best in TEGRA_CAPABILITIES and compatibility is None
        configs.append(FeatureConfig("sm_arch", _architectures(best, tegra=tegra), multi_value=True))
        notes = _notes_on_tegra(best) if tegra else []
        return Derivation(configs, notes + _notes_on_others(best, listed))

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """The driver's CUDA version (any PEP 440 version) and one GPU's compute capability (``9.0``)."""
        forced: dict[str, tuple[object, str]] = {}
        driver = environ.get(FORCE_CUDA_DRIVER, "").strip()
        if driver:
            found = re.fullmatch(_FORCED_CUDA, driver)
            if found is None:
                raise FactsError(FORCE_CUDA_DRIVER, f"{driver!r} is not a version", 'allowed: such as "12.8"')
            forced["cuda_driver"] = (f"{int(found[1])}.{int(found[2] or 0)}", FORCE_CUDA_DRIVER)
        capability = environ.get(FORCE_SM_ARCH, "").strip()
        if capability:
            if not _NUMBERS.fullmatch(capability):
                raise FactsError(FORCE_SM_ARCH, f"{capability!r} is not understood", 'allowed: such as "9.0"')
            forced["compute_capabilities"] = ([dotted(_pair(capability))], FORCE_SM_ARCH)
            if _pair(capability) in TEGRA_CAPABILITIES:
                # The variable is uv's, too, which makes no difference: with it, both shall choose the same.
                forced["binary_compatibility"] = (DESKTOP, FORCE_SM_ARCH)
        return forced

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """With both facts forced the driver is left alone."""
        return {"cuda_driver", "compute_capabilities"} <= forced.keys()


def _architectures(capability: tuple[int, int], *, tegra: bool) -> list[str]:
    """What runs on a GPU: binaries for it and the lower minor versions, and PTX for its major version.

    On Tegra GPUs (Jetson) only binaries for the very GPU (the source is with :data:`TEGRA_CAPABILITIES`).
    """
    major, minor = capability
    oldest = minor if tegra else 0
    return [*(f"{major}{older}_real" for older in range(minor, oldest - 1, -1)), f"{major}0_virtual"]


def _notes_on_tegra(best: tuple[int, int]) -> list[str]:
    """A build for servers' Arm processors rarely has a Jetson's own architecture."""
    if best[1] == 0:
        return []
    return [
        f"compute capability {dotted(best)} is a Jetson's, which runs only what was built for {dotted(best)} "
        f"itself, and PTX for {best[0]}.0: NVIDIA publishes such builds for Jetson"
    ]


def _notes_on_others(best: tuple[int, int], listed: list[str]) -> list[str]:
    """A build for the best GPU does not run on one of a lower capability: binaries only run upwards."""
    lower = [capability for capability in listed if _pair(capability) < best]
    if not lower:
        return []
    named = " and ".join(lower)
    return [
        f"the GPUs differ: builds are chosen for compute capability {dotted(best)}, and what is built for "
        f"that alone does not run on the GPUs of {named} (CUDA_VISIBLE_DEVICES picks GPUs; --accelerator-of "
        "all takes what runs on all)"
    ]


def _nothing(why: str) -> Derivation:
    return Derivation(notes=[f"{why}: nothing is supported"])


def _versions_down(start: tuple[int, int]) -> list[str]:
    """From ``M.N`` down to ``M.0`` and ``M``, then each older major from its ``.20``, to ``11``."""
    values: list[str] = []
    for major in range(start[0], cuda.OLDEST[0] - 1, -1):
        highest = start[1] if major == start[0] else cuda.HIGHEST_MINOR
        values.extend(f"{major}.{minor}" for minor in range(highest, -1, -1))
        values.append(str(major))
    return values


def _versions_above(driver: tuple[int, int]) -> list[str]:
    """From ``15.20`` down through each version and bare major above the driver's."""
    values: list[str] = []
    for major in range(cuda.NEWEST[0], driver[0], -1):
        values.extend(f"{major}.{minor}" for minor in range(cuda.HIGHEST_MINOR, -1, -1))
        values.append(str(major))
    values.extend(f"{driver[0]}.{minor}" for minor in range(cuda.HIGHEST_MINOR, driver[1], -1))
    return values


def _pair(version: str) -> tuple[int, int]:
    major, _dot, minor = version.partition(".")
    return int(major), int(minor)
