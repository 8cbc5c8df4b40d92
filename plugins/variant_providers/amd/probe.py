"""Asking every source about AMD GPUs: KFD's topology, else AMD's tools; then ROCm and the kernel driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from variant_providers.amd.kfd import NODES, KfdGpu, Topology, is_integrated, read_topology
from variant_providers.amd.rocm import amdgpu_driver, installed_rocm
from variant_providers.amd.tables.amdgpu import OLD_DEVICES
from variant_providers.amd.tables.amdgpu_names import name_of
from variant_providers.amd.visible import OVERRIDE, overridden, visible
from variant_providers.finding import Finding
from variant_providers.probing.pci import AMD, PciDevice, graphics, revision_of
from variant_providers.probing.tree import Tree

DXG_DETECTION = "HSA_ENABLE_DXG_DETECTION"
"""Has ROCm's runtime look for WSL2's GPU; from ROCm 7.13 on it does unless this is 0 (ROCm/librocdxg 34)."""


def probe(tree: Tree, finding: Finding) -> None:
    """Write down what the sources say."""
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
    _note_cards_beside(topology, tree, finding)
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
    on_wsl = tree.exists("dev/dxg")
    # On WSL2 the GPU is behind /dev/dxg, and on no bus.
    if tree.is_local and (cards or on_wsl or tree.exists("dev/kfd")):
        archs = _ask_tools(finding, environ, on_wsl=on_wsl)
        if archs:
            return archs
    _explain_cards(cards, finding)
    return []


def _explain_cards(cards: Sequence[PciDevice], finding: Finding) -> None:
    """Why AMD graphics that no source offers cannot be used."""
    old = [card for card in cards if _is_old(card)]
    if old:
        finding.note(f"AMD graphics on the PCI bus ({_listed(old)}) are older than any that ROCm runs on")
    guests = [card for card in cards if card.for_a_guest]
    if guests:
        finding.fail(f"AMD graphics on the PCI bus ({_listed(guests)}) are set aside for virtual machines")
    others = [card for card in cards if card not in old and card not in guests]
    if others:
        finding.fail(
            f"AMD graphics on the PCI bus ({_listed(others)}) cannot be used: is the amdgpu driver loaded?"
        )


def _note_cards_beside(topology: Topology, tree: Tree, finding: Finding) -> None:
    """Name the GPUs on the bus that KFD does not show beside those that it shows."""
    shown = {gpu.address for gpu in topology.gpus}
    missing = [card for card in graphics(tree, AMD) if card.address not in shown and not _is_old(card)]
    for card in missing:
        name = name_of(card.device, revision_of(tree, card.address)) or "AMD graphics"
        if card.for_a_guest:
            why = "it is set aside for a virtual machine"
        elif topology.unreadable:
            why = "this container was not given it"
        else:
            why = "KFD, the kernel's compute driver, does not show it"
        finding.note(f"{name} ({_listed([card])}) does not count: {why}")


def _is_old(card: PciDevice) -> bool:
    return any(first <= card.device <= last for first, last in OLD_DEVICES)


def _listed(cards: Sequence[PciDevice]) -> str:
    return ", ".join(f"{card.device:04x} at {card.address}" for card in cards)


def _ask_tools(finding: Finding, environ: Mapping[str, str], *, on_wsl: bool) -> list[str]:
    from variant_providers.amd.rocm_tools import ask_tools

    switch = {DXG_DETECTION: "1"} if on_wsl and DXG_DETECTION not in environ else None
    answer = ask_tools(environ, switch)
    if switch and answer.gpus:
        finding.note(
            f"set {DXG_DETECTION}=1 for your programs, too: without it, ROCm before 7.13 does not look for "
            "the GPU of WSL2"
        )
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
