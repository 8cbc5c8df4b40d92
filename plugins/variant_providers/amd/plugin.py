"""AMD GPUs: the gfx targets, then the ROCm version."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from variant_providers import facts as fact_table
from variant_providers.amd.kfd import NODES, KfdGpu, Topology, is_integrated, read_topology
from variant_providers.amd.rocm import amdgpu_driver, driver_range, installed_rocm, rocm_between
from variant_providers.amd.tables.amdgpu import GFX_ARCHS, ROCM_HIGHEST_MINOR, ROCM_MAJORS
from variant_providers.amd.visible import OVERRIDE, overridden, visible
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.plugin import Plugin
from variant_providers.probing.pci import AMD, graphics
from variant_providers.probing.tree import Tree

FORCE_GFX_ARCH = "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"
FORCE_ROCM_VERSION = "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION"

# rocm_agent_enumerator names the processor gfx000; it never counts as a GPU.
_GFX = re.compile(r"gfx(?!0+$)[0-9a-f]{3,6}")
_GFX_ALLOWED = 'GPU targets such as "gfx942"'
_ROCM = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})(\.[0-9]{1,5})*")
_ROCM_ALLOWED = 'a version such as "7.0"'
_DRIVER_ALLOWED = 'a driver version such as "6.16.13"'


class AmdPlugin(Plugin):
    """Facts (a profile's ``[amd]``): ``gfx_archs``, every GPU's target, best first; ``rocm``, the installed
    ``M.N``; and ``amdgpu``, the version of the kernel driver's code base, which tells where ROCm is not.
    """

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
        """Read KFD's topology, else ask AMD's tools; then the ROCm version and the driver's."""
        environ = os.environ if tree.is_local else {}
        topology = read_topology(tree)
        if topology.gpus:
            archs = _from_kfd(topology, tree, finding, environ)
        else:
            archs = _from_tools(topology, tree, finding, environ)
        rocm = installed_rocm(tree, environ)
        if not archs:
            if rocm is not None:
                seen = "no AMD GPU can be used" if finding.devices else "there is no AMD GPU"
                finding.note(f"ROCm {rocm[0]} is installed ({rocm[1]}), but {seen}")
            return
        finding.facts = {"gfx_archs": archs}
        if rocm is not None:
            finding.facts["rocm"] = rocm[0]
            finding.saw("rocm", *rocm)
        driver = amdgpu_driver(tree)
        if driver is not None:
            finding.facts["amdgpu"] = driver[0]
            finding.saw("amdgpu", *driver)

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The targets as they stand, then ROCm: what is installed, else what the driver is known to run."""
        fact_table.check_keys(facts, ("gfx_archs", "rocm", "amdgpu"))
        archs = fact_table.texts(facts, "gfx_archs", _GFX, _GFX_ALLOWED)
        rocm = fact_table.text(facts, "rocm", _ROCM, _ROCM_ALLOWED)
        driver = fact_table.text(facts, "amdgpu", _ROCM, _DRIVER_ALLOWED)
        if not archs:
            return Derivation(notes=["ROCm without a GPU is of no use: nothing is supported"] if rocm else [])
        configs = [FeatureConfig("gfx_arch", archs, multi_value=True)]
        known = None if driver is None else driver_range(driver)
        if rocm is not None:
            major, minor = (int(number) for number in rocm.split(".")[:2])
            versions = [f"{major}.{older}" for older in range(minor, -1, -1)]
            configs.append(FeatureConfig("rocm_version", versions))
            return Derivation(configs, _other_majors(major, known))
        if known is None:
            which = (
                "the ROCm version is not known"
                if driver is None
                else f"what amdgpu {driver} runs is not known"
            )
            return Derivation(configs, [f"{which}, so builds that name a ROCm version are not offered"])
        release, oldest, newest = known
        configs.append(FeatureConfig("rocm_version", rocm_between(oldest, newest)))
        note = (
            "no ROCm is installed, and wheels bring their own: offered is what AMD supports on a driver as "
            f"new as amdgpu {driver} ({release}), ROCm {newest} back to {oldest}"
        )
        return Derivation(configs, [note])

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


def _other_majors(major: int, known: tuple[str, str, str] | None) -> list[str]:
    """Say that the driver would run other ROCm majors than the installed one."""
    if known is None or all(version.startswith(f"{major}.") for version in known[1:]):
        return []
    return [
        f"only builds for ROCm {major}.x are offered; the driver runs ROCm {known[1]} to {known[2]}, and "
        f"{FORCE_ROCM_VERSION} chooses another"
    ]


def _from_kfd(topology: Topology, tree: Tree, finding: Finding, environ: Mapping[str, str]) -> list[str]:
    """The targets of the visible GPUs, best first."""
    finding.source = "KFD"
    gpus = topology.gpus
    chosen, notes = visible([gpu.unique_id for gpu in gpus], environ)
    finding.notes.extend(notes)
    taken_for: dict[int, str] = {}
    for index, gpu in enumerate(gpus):
        finding.devices.append(_device(index, gpu.arch, gpu.name, gpu.integrated, gpu.memory_bytes))
        finding.saw("gfx_target_version", f"{gpu.version} ({gpu.arch})", f"/{NODES}/{gpu.node}/properties")
        instead, problem = overridden(gpu.node, environ)
        taken_for[index] = instead or gpu.arch
        if problem is not None and problem not in finding.notes:
            finding.note(problem)
        if instead is not None and instead != gpu.arch:
            finding.note(f"GPU {index} is {gpu.arch}, and {OVERRIDE} has ROCm take it for {instead}")
    _mark_hidden(finding, chosen)
    if topology.unreadable:
        finding.note(
            f"{topology.unreadable} KFD nodes cannot be read: this container was not given their GPUs"
        )
    if topology.unnamed:
        finding.note(f"{topology.unnamed} GPUs have no target in KFD: the kernel is older than 5.14")
    _check_device(tree, finding)
    best_first = sorted(chosen, key=lambda index: _worth(gpus[index]), reverse=True)
    return list(dict.fromkeys(taken_for[index] for index in best_first))


def _from_tools(topology: Topology, tree: Tree, finding: Finding, environ: Mapping[str, str]) -> list[str]:
    """The targets that a tool names, where there is reason to think that it can name any."""
    if topology.unreadable or topology.unnamed:
        finding.note(
            f"KFD shows no GPU's target ({topology.unreadable} nodes cannot be read, "
            f"{topology.unnamed} have none)"
        )
    elif tree.exists(NODES):
        finding.note("the KFD driver is loaded, and shows no GPU")
    elif tree.is_local and not sys.platform.startswith("linux"):
        finding.note("AMD GPUs are looked for on Linux only")
        return []
    else:
        finding.note("no AMD compute driver (/sys/class/kfd) was seen")
    cards = graphics(tree, AMD)
    # On WSL2 the GPU is behind /dev/dxg, and on no bus.
    if tree.is_local and (cards or tree.exists("dev/dxg") or tree.exists("dev/kfd")):
        archs = _ask_tools(finding, environ)
        if archs:
            return archs
    if cards:
        listed = ", ".join(f"{card.device:04x} at {card.address}" for card in cards)
        finding.fail(f"AMD graphics on the PCI bus ({listed}) cannot be used: is the amdgpu driver loaded?")
    return []


def _ask_tools(finding: Finding, environ: Mapping[str, str]) -> list[str]:
    from variant_providers.amd.rocm_tools import ask_tools

    answer = ask_tools(environ)
    for trouble in answer.troubles:
        finding.note(trouble)
    if not answer.gpus:
        return []
    finding.source = answer.tool
    # The tools do not say ids that could be matched, so entries of that kind hide the GPUs, with a note.
    chosen, notes = visible([0] * len(answer.gpus), environ, by_runtime=not answer.filtered)
    finding.notes.extend(notes)
    archs: dict[int, str] = {}
    for index, gpu in enumerate(answer.gpus):
        finding.devices.append(_device(index, gpu.arch, gpu.name or gpu.arch, is_integrated(gpu.arch), None))
        finding.saw("gfx_arch", gpu.arch, answer.tool)
        instead, problem = (None, None) if answer.overridden else overridden(index, environ)
        archs[index] = instead or gpu.arch
        if problem is not None and problem not in finding.notes:
            finding.note(problem)
    _mark_hidden(finding, chosen)
    best_first = sorted(chosen, key=lambda index: is_integrated(answer.gpus[index].arch))
    return list(dict.fromkeys(archs[index] for index in best_first))


def _device(index: int, arch: str, name: str, integrated: bool, memory: int | None) -> dict[str, object]:
    kind = "integrated" if integrated else "discrete"
    device: dict[str, object] = {"kind": kind, "index": index, "name": name, "arch": arch}
    if memory is not None:
        device["memory_bytes"] = memory
    return device


def _mark_hidden(finding: Finding, chosen: list[int]) -> None:
    for index, device in enumerate(finding.devices):
        if index not in chosen:
            device["visible"] = False


def _check_device(tree: Tree, finding: Finding) -> None:
    """Say what is missing before a program can compute; a tree without devices cannot tell."""
    if not tree.exists("dev"):
        return
    if not tree.exists("dev/kfd"):
        finding.note("/dev/kfd is missing: start the container with --device=/dev/kfd --device=/dev/dri")
    elif tree.is_local and not os.access(Path(tree.root or "/", "dev/kfd"), os.R_OK | os.W_OK):
        finding.note('/dev/kfd cannot be opened by this user, who must be in the group "render"')


def _worth(gpu: KfdGpu) -> tuple[bool, int, int]:
    """Discrete before integrated, then by memory, then by size; of equals the first comes first."""
    return not gpu.integrated, gpu.memory_bytes or 0, gpu.simds
