"""TPUs on the PCI bus: which there are, which a program is meant to see, and whether it can open them."""

from __future__ import annotations

import os
import re

from variant_providers.finding import Finding
from variant_providers.google.tables.chips import CHIPS, TYPE_PREFIXES, V2, V2_OR_V3, V2_SUBSYSTEM, Chip
from variant_providers.probing.pci import DEVICES, GOOGLE, PciDevice, devices_of, subsystem_of
from variant_providers.probing.tree import Tree

ACCELERATOR_TYPE = "TPU_ACCELERATOR_TYPE"
VISIBLE = ("TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES")
"""Which chips libtpu opens; the second is the older name."""

_ACCELERATOR = 0x12
_TYPE = re.compile(r"([a-z]+[0-9]+[a-z]*)-[0-9]{1,6}", re.ASCII)
_GENERATION = re.compile(r"v[0-9]{1,2}[a-z]{0,2}", re.ASCII)


def probe(tree: Tree, finding: Finding) -> None:
    """Read the bus; Google's other devices (network, disks) have its vendor id, too, and are no TPUs."""
    listed = devices_of(tree, GOOGLE)
    chips = [(device, chip) for device in listed if (chip := _chip(device, tree)) is not None]
    for device in listed:
        if device.base_class == _ACCELERATOR and device.device not in CHIPS:
            finding.note(
                f"the accelerator 1ae0:{device.device:04x} of Google's at {device.address} is not in our "
                "table of TPUs: it is newer than this version"
            )
    if not chips:
        where = "on the PCI bus" if tree.exists(DEVICES) or not tree.is_local else "on this machine"
        finding.note(f"no TPU was seen {where}")
        finding.facts = {"present": "false"}
        return
    finding.source = "PCI device ids"
    named = _accelerator_type(finding) if tree.is_local else None
    visible = _visible(len(_cards(chips)), finding) if tree.is_local else None
    generations: list[str] = []
    for index, (device, chip) in enumerate(_cards(chips)):
        generation = chip.generation or named or ""
        _report(finding, index, device, chip, generation, visible)
        generations += [generation] if generation else []
    finding.facts = {"present": "true"}
    if generations:
        finding.facts = {"generations": list(dict.fromkeys(generations))}
    _check_nodes(tree, chips[0][1], finding)


def _chip(device: PciDevice, tree: Tree) -> Chip | None:
    chip = CHIPS.get(device.device)
    if device.device == V2_OR_V3 and subsystem_of(tree, device.address) == V2_SUBSYSTEM:
        return V2
    return chip


def _cards(chips: list[tuple[PciDevice, Chip]]) -> list[tuple[PciDevice, Chip]]:
    """One of each chip: some show a PCI function for each of their two cores."""
    first: dict[str, tuple[PciDevice, Chip]] = {}
    for device, chip in chips:
        first.setdefault(device.address.rpartition(".")[0], (device, chip))
    return list(first.values())


def _report(
    finding: Finding,
    index: int,
    device: PciDevice,
    chip: Chip,
    generation: str,
    visible: frozenset[int] | None,
) -> None:
    said: dict[str, object] = {"kind": "tpu", "index": index, "name": f"Google TPU {generation}".rstrip()}
    if generation:
        said["generation"] = generation
    if chip.memory_gib:
        said["memory_bytes"] = chip.memory_gib * 1024**3
    if visible is not None and index not in visible:
        said["visible"] = False
    finding.devices.append(said)
    source = f"/{DEVICES}/{device.address}/device (1ae0:{device.device:04x})"
    finding.saw("generation", generation or "not named", source)


def _accelerator_type(finding: Finding) -> str | None:
    """The generation that the machine's environment names (``v5litepod-8``), for chips without a name."""
    written = os.environ.get(ACCELERATOR_TYPE, "").strip()
    found = _TYPE.fullmatch(written)
    if found is None:
        return None
    generation = TYPE_PREFIXES.get(found[1], found[1])
    if not _GENERATION.fullmatch(generation):
        return None
    finding.saw("generation", generation, f"environment variable {ACCELERATOR_TYPE}")
    return generation


def _visible(count: int, finding: Finding) -> frozenset[int] | None:
    """The chips that libtpu opens, or ``None`` for all; they are of one generation, whichever are left."""
    for variable in VISIBLE:
        written = os.environ.get(variable, "").strip()
        if not written:
            continue
        parts = [part.strip() for part in written.split(",")]
        if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
            finding.note(f"{variable} is not understood, and is left out of account")
            return None
        chosen = frozenset(int(part) for part in parts) & frozenset(range(count))
        finding.note(f"{variable} leaves {len(chosen)} of {count} TPU chips visible")
        return chosen
    return None


def _check_nodes(tree: Tree, chip: Chip, finding: Finding) -> None:
    """Programs open device nodes; a container without them has the chips on its bus all the same."""
    if not tree.exists("dev"):
        return
    folder, _slash, prefix = chip.node.rpartition("/")
    if not any(re.fullmatch(rf"{prefix}[0-9]+", name) for name in tree.names(folder)):
        finding.note(
            f"there is no /{chip.node}0: programs cannot open the TPU (start a container with --privileged, "
            f"or with --device for each /{chip.node}*)"
        )
