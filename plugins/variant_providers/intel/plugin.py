"""Intel GPUs: the device IP of each, then that of its compatible base platform."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
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
from variant_providers.intel.tables.device_ips import DEVICE_IPS
from variant_providers.intel.tables.pci_ids import DISCRETE_IPS, TWO_TILES, look_up
from variant_providers.intel.visible import AFFINITY_MASK, DEVICE_SELECTOR, masked, selected
from variant_providers.plugin import Plugin
from variant_providers.probing.pci import DEVICES, INTEL, PciDevice, graphics
from variant_providers.probing.tree import Tree

FORCE_DEVICE_IP = "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP"

_DEVICE_IP = re.compile(r"[0-9]{1,4}\.[0-9]{1,3}\.[0-9]{1,2}")
_DISPLAY = 3
_ALLOWED = 'device IPs as architecture.release.revision, such as "20.1.0"'


class IntelPlugin(Plugin):
    """Facts (a profile's ``[intel]``): ``device_ips``, architecture.release.revision a GPU, best first."""

    namespace = "intel"
    required = ("device_ips",)

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every device IP of Intel's table."""
        return [FeatureConfig("device_ip", list(DEVICE_IPS), multi_value=True)]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Ask Level Zero where there may be a GPU of Intel's; else look its PCI device id up."""
        cards = [card for card in graphics(tree, INTEL) if card.base_class == _DISPLAY]
        gpus: list[_Gpu] = []
        if tree.is_local and _worth_asking(tree, cards):
            gpus = _ask(finding)
        if not gpus and cards:
            gpus = _from_pci(cards, tree, finding)
        elif not gpus and not finding.notes:
            where = "on the PCI bus" if tree.exists(DEVICES) or not tree.is_local else "on this machine"
            finding.note(f"no GPU of Intel's was seen {where}")
        if gpus:
            _report(gpus, os.environ.get(DEVICE_SELECTOR, "") if tree.is_local else "", finding)

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """Each device's IP and then its base platform's, without repetitions."""
        fact_table.check_keys(facts, ("device_ips",))
        values: list[str] = []
        notes: list[str] = []
        for device_ip in fact_table.texts(facts, "device_ips", _DEVICE_IP, _ALLOWED):
            _names, base = DEVICE_IPS.get(device_ip, ((), None))
            values.append(device_ip)
            if base is not None:
                values.append(base)
            if device_ip not in DEVICE_IPS:
                notes.append(f"device IP {device_ip} is not in our table, so no base platform is offered")
        unique = list(dict.fromkeys(values))
        return Derivation([FeatureConfig("device_ip", unique, multi_value=True)] if unique else [], notes)

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """Device IPs separated by commas, semicolons or spaces."""
        written = environ.get(FORCE_DEVICE_IP, "").strip()
        if not written:
            return {}
        listed = [item for item in re.split(r"[,;\s]+", written) if item]
        if not listed or not all(_DEVICE_IP.fullmatch(item) for item in listed):
            raise FactsError(FORCE_DEVICE_IP, f"{written!r} is not understood", "allowed: " + _ALLOWED)
        return {"device_ips": (list(dict.fromkeys(listed)), FORCE_DEVICE_IP)}

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """With the device IPs forced there is nothing to look for."""
        return "device_ips" in forced


@dataclass(frozen=True)
class _Gpu:
    device_ip: str
    name: str
    integrated: bool
    memory_bytes: int | None
    source: str
    visible: bool = True


def _worth_asking(tree: Tree, cards: list[PciDevice]) -> bool:
    """Whether a child process can find anything: WSL2 and Windows show no PCI bus to look at."""
    return bool(cards) or sys.platform == "win32" or tree.exists("dev/dxg")


def _ask(finding: Finding) -> list[_Gpu]:
    libraries = find_libraries()
    if not libraries:
        finding.note(f"Level Zero ({SONAME}) is not installed: programs need it to compute on Intel GPUs")
        return []
    answer = ask_level_zero(libraries)
    _note_troubles(answer, finding)
    gpus = [gpu for gpu in map(_from_level_zero, answer.devices) if gpu is not None]
    if len(gpus) < len(answer.devices):
        finding.note("Level Zero did not say the device IP of every GPU")
    if gpus:
        finding.source = "Level Zero"
    elif answer.drivers is not None and not answer.errors and not answer.devices:
        hidden = f" ({AFFINITY_MASK} is set)" if os.environ.get(AFFINITY_MASK) else ""
        finding.note(f"Level Zero answers, but shows no GPU{hidden}")
    return gpus


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


def _from_level_zero(device: ZeDevice) -> _Gpu | None:
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
