"""Asking Level Zero about Intel GPUs, and the PCI bus where there is no Level Zero to ask."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NamedTuple

from variant_providers.finding import Finding
from variant_providers.intel.level_zero import (
    NO_DRIVER,
    SONAME,
    ZeAnswer,
    ZeDevice,
    ask_level_zero,
    describe,
    find_libraries,
)
from variant_providers.intel.tables.pci_ids import DISCRETE_IPS, TWO_TILES, look_up
from variant_providers.intel.visible import AFFINITY_MASK, DEVICE_SELECTOR, masked, selected
from variant_providers.probing.pci import DEVICES, INTEL, PciDevice, graphics
from variant_providers.probing.tree import Tree

_DISPLAY = 3
_NODES = "dev/dri"


class _Gpu(NamedTuple):
    device_ip: str
    name: str
    integrated: bool
    memory_bytes: int | None
    source: str
    visible: bool = True


def probe(tree: Tree, finding: Finding) -> None:
    """Ask Level Zero where there may be a GPU of Intel's; where it cannot be asked, look the PCI ids up."""
    cards = [card for card in graphics(tree, INTEL) if card.base_class == _DISPLAY]
    answer = _ask(finding) if tree.is_local and _worth_asking(tree, cards) else None
    gpus = [] if answer is None else _from_level_zero(answer, finding)
    if gpus:
        finding.source = "Level Zero"
    elif cards:
        gpus = _from_pci(cards, tree, finding)
        if answer is not None and answer.denies:
            gpus = _unusable(gpus, cards, tree, finding)
    elif not finding.notes:
        where = "on the PCI bus" if tree.exists(DEVICES) or not tree.is_local else "on this machine"
        finding.note(f"no GPU of Intel's was seen {where}")
    if gpus:
        _report(gpus, os.environ.get(DEVICE_SELECTOR, "") if tree.is_local else "", finding)


def _worth_asking(tree: Tree, cards: list[PciDevice]) -> bool:
    """Whether a child process can find anything: WSL2 and Windows show no PCI bus to look at."""
    return bool(cards) or sys.platform == "win32" or tree.exists("dev/dxg")


def _ask(finding: Finding) -> ZeAnswer | None:
    libraries = find_libraries()
    if not libraries:
        finding.note(f"Level Zero ({SONAME}) is not installed: programs need it to compute on Intel GPUs")
        return None
    answer = ask_level_zero(libraries)
    _note_troubles(answer, finding)
    return answer


def _from_level_zero(answer: ZeAnswer, finding: Finding) -> list[_Gpu]:
    gpus = [gpu for gpu in map(_gpu, answer.devices) if gpu is not None]
    if len(gpus) < len(answer.devices):
        finding.note("Level Zero did not say the device IP of every GPU")
    if answer.denies and not answer.errors:
        hidden = f" ({AFFINITY_MASK} is set)" if os.environ.get(AFFINITY_MASK) else ""
        finding.note(f"Level Zero answers, but shows no GPU{hidden}")
    return gpus


def _unusable(gpus: list[_Gpu], cards: list[PciDevice], tree: Tree, finding: Finding) -> list[_Gpu]:
    """GPUs on the bus that Level Zero, which programs compute through, does not find: they do not count."""
    if any(gpu.visible for gpu in gpus) and not os.environ.get(AFFINITY_MASK):
        finding.fail(f"programs cannot use the Intel GPU on the PCI bus: {_why_unusable(cards, tree)}")
    return [gpu._replace(visible=False) for gpu in gpus]


def _why_unusable(cards: list[PciDevice], tree: Tree) -> str:
    nodes = [name for name in tree.names(_NODES) if name.startswith("renderD")]
    if all(card.for_a_guest for card in cards):
        return "it is set aside for a virtual machine"
    if not nodes:
        return f"there is no /{_NODES}/renderD128 (start a container with --device=/dev/dri)"
    if not any(os.access(Path(tree.root or "/", _NODES, name), os.R_OK | os.W_OK) for name in nodes):
        return f'/{_NODES}/{nodes[0]} cannot be opened by this user, who must be in the group "render"'
    return "Level Zero finds none; is the compute driver (libze_intel_gpu.so.1) installed and new enough?"


def _note_troubles(answer: ZeAnswer, finding: Finding) -> None:
    if answer.trouble is not None:
        finding.fail(f"Intel's driver (Level Zero) {answer.trouble}")
    for reason in answer.unloadable:
        finding.fail(f"the Level Zero library cannot be loaded: {reason}")
    for call, code in dict.fromkeys(answer.errors):
        if code == NO_DRIVER:
            finding.note(f"{describe(call, code)}: is the compute driver (libze_intel_gpu.so.1) installed?")
        else:
            finding.fail(describe(call, code))


def _gpu(device: ZeDevice) -> _Gpu | None:
    known = look_up(device.device_id)
    device_ip = device.device_ip or (known[0] if known else "")
    if not device_ip:
        return None
    name = device.name or (known[1] if known else "Intel GPU")
    # What a processor's GPU calls its memory is the system's.
    memory = None if device.integrated else device.memory_bytes
    source = (
        "Level Zero zeDeviceGetProperties" if device.device_ip else f"PCI device id {device.device_id:04x}"
    )
    return _Gpu(device_ip, name, device.integrated, memory, source)


def _from_pci(cards: list[PciDevice], tree: Tree, finding: Finding) -> list[_Gpu]:
    """The GPUs whose device ids are in our table, in the order of their addresses."""
    gpus: list[_Gpu] = []
    environ = os.environ if tree.is_local else {}
    composite = environ.get("ZE_FLAT_DEVICE_HIERARCHY") == "COMPOSITE"
    tiles = [2 if card.device in TWO_TILES else 1 for card in cards]
    left = masked(environ.get(AFFINITY_MASK, ""), tiles, composite=composite)
    if len(left) < len(cards):
        finding.note(f"{AFFINITY_MASK} leaves {len(left)} of {len(cards)} Intel GPUs visible")
    for position, card in enumerate(cards):
        known = look_up(card.device)
        if known is not None and card.for_a_guest and not tree.is_local:
            finding.fail(f"the Intel GPU at {card.address} is set aside for a virtual machine")
            continue
        if known is None:
            finding.note(
                f"Intel graphics 8086:{card.device:04x} at {card.address} is not in our table of GPUs: it is "
                "older than Xe (2020), which no build is made for, or newer than this version"
            )
            continue
        device_ip, name = known
        source = f"/{DEVICES}/{card.address}/device (8086:{card.device:04x})"
        integrated = device_ip not in DISCRETE_IPS
        gpus.append(_Gpu(device_ip, name, integrated, None, source, position in left))
    if gpus:
        finding.source = "PCI device ids"
        finding.note(
            "device IPs are from PCI device ids: the last stepping of each product is taken for granted"
        )
    return gpus


def _report(gpus: list[_Gpu], selector: str, finding: Finding) -> None:
    """Devices, evidence and facts: discrete GPUs first, and what the selector leaves of them."""
    seen = [gpu for gpu in gpus if gpu.visible]
    chosen = selected(selector, len(seen))
    if chosen is None:
        finding.note(f"{DEVICE_SELECTOR} is not understood, and is left out of account")
        chosen = list(range(len(seen)))
    elif len(chosen) < len(seen):
        finding.note(f"{DEVICE_SELECTOR} leaves {len(chosen)} of {len(seen)} Intel GPUs to Level Zero")
    left = [seen[position] for position in chosen]
    for index, gpu in enumerate(gpus):
        kind = "integrated" if gpu.integrated else "discrete"
        device: dict[str, object] = {
            "kind": kind,
            "index": index,
            "name": gpu.name,
            "device_ip": gpu.device_ip,
        }
        if gpu.memory_bytes is not None:
            device["memory_bytes"] = gpu.memory_bytes
        if not any(gpu is other for other in left):
            device["visible"] = False
        finding.devices.append(device)
        finding.saw("device_ip", gpu.device_ip, gpu.source)
    best_first = sorted(left, key=lambda gpu: gpu.integrated)
    if best_first:
        finding.facts = {"device_ips": list(dict.fromkeys(gpu.device_ip for gpu in best_first))}
