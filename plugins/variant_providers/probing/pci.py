"""The display controllers and accelerators on the PCI bus, as Linux lists them in sysfs."""

from __future__ import annotations

import re
from typing import NamedTuple

from variant_providers.probing.tree import Tree

DEVICES = "sys/bus/pci/devices"

AMD = 0x1002
INTEL = 0x8086
GOOGLE = 0x1AE0

# PCI classes: 03 is a display controller (VGA, 3D, other), 12 a processing accelerator.
_CLASSES = (0x03, 0x12)
_NUMBER = re.compile(r"0x([0-9a-fA-F]{1,8})", re.ASCII)
_DRIVER = r"(?am)^DRIVER=([A-Za-z0-9_-]{1,64})$"
_MOST_DEVICES = 4096


class PciDevice(NamedTuple):
    """A display controller or an accelerator.

    Attributes:
        address: such as ``0000:03:00.0``.
        base_class: 3 for a display controller, 18 for an accelerator.
        vendor: the vendor's id, such as ``0x8086``.
        device: the device's id.
        driver: the kernel driver that it is bound to, such as ``vfio-pci``; ``""`` for none, or unknown.
    """

    address: str
    base_class: int
    vendor: int
    device: int
    driver: str = ""

    @property
    def for_a_guest(self) -> bool:
        """Whether it is set aside for a virtual machine, so that nothing here can use it."""
        return self.driver in ("vfio-pci", "pci-stub", "xen-pciback")


def graphics(tree: Tree, vendor: int) -> list[PciDevice]:
    """The devices of a vendor that may be GPUs, in the order of their addresses."""
    found = []
    for address in tree.names(DEVICES)[:_MOST_DEVICES]:
        base_class = (_number(tree, address, "class") or 0) >> 16
        # Most devices on a bus are neither, so the class is read first.
        if base_class not in _CLASSES or _number(tree, address, "vendor") != vendor:
            continue
        device = _number(tree, address, "device")
        if device is not None:
            found.append(PciDevice(address, base_class, vendor, device, _driver(tree, address)))
    return found


def devices_of(tree: Tree, vendor: int) -> list[PciDevice]:
    """All devices of a vendor, of whatever class, in the order of their addresses; drivers are not read."""
    found = []
    for address in tree.names(DEVICES)[:_MOST_DEVICES]:
        if _number(tree, address, "vendor") != vendor:
            continue
        device = _number(tree, address, "device")
        if device is not None:
            base_class = (_number(tree, address, "class") or 0) >> 16
            found.append(PciDevice(address, base_class, vendor, device))
    return found


def subsystem_of(tree: Tree, address: str) -> int | None:
    """The subsystem's device id at an address, which tells products with one chip apart."""
    return _number(tree, address, "subsystem_device")


def revision_of(tree: Tree, address: str) -> int | None:
    """The revision of the device at an address, which tells boards of one device id apart."""
    return _number(tree, address, "revision")


def _number(tree: Tree, address: str, name: str) -> int | None:
    text = tree.read_text(f"{DEVICES}/{address}/{name}")
    found = None if text is None else _NUMBER.fullmatch(text.strip())
    return None if found is None else int(found[1], 16)


def _driver(tree: Tree, address: str) -> str:
    found = re.search(_DRIVER, tree.read_text(f"{DEVICES}/{address}/uevent") or "")
    return "" if found is None else found[1]
