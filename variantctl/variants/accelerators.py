"""Which namespaces are about an accelerator, and which about the processor. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties, Supported

PROCESSORS = frozenset(("x86_64", "aarch64"))
"""Every machine has a processor: what is built for one never holds a version back (design, section 5)."""

DETECTED = ("nvidia", "amd", "intel", "tpu")
"""The accelerators that variantctl detects itself; a provider plugin may know others (``ascend``)."""

CALLED: Mapping[str, str] = {
    "nvidia": "NVIDIA GPU",
    "amd": "AMD GPU",
    "intel": "Intel GPU",
    "tpu": "Google TPU",
}
"""A namespace -> what it stands for, in words."""


_ABSENCE: Mapping[str, Mapping[str, str]] = {"tpu": {"present": "false"}}
"""Namespace -> the property that says that the device is not there (uv's ``tpu :: present :: false``)."""


INTEL_CARDS: Mapping[str, frozenset[str]] = {
    "35.11.0": frozenset(),
    "20.2.0": frozenset(),
    "20.1.0": frozenset(("20.4.4",)),
    "12.60.7": frozenset(),
    "12.57.0": frozenset(),
    "12.56.5": frozenset(),
    "12.55.8": frozenset(),
    "12.10.0": frozenset(),
}
"""Device IP of a card of Intel's -> those of other GPUs that run its code, and so offer it, too.

Every other IP is that of a GPU in a processor. Source: the table of ``intel-variant-provider`` 0.0.3
(Crescent Island, Battlemage, Ponte Vecchio, Alchemist, DG1).
"""


def idle_beside(supported: Supported) -> tuple[str, ...]:
    """The accelerators of a machine for which a build for CPUs is worth a word.

    The GPU of an Intel processor is none of them: most laptops have one, and few builds are for it.
    """
    return tuple(
        name for name in accelerators_of(supported) if name != "intel" or has_intel_card(supported[name])
    )


AMD_PROCESSORS = frozenset(
    (
        "gfx90c",
        "gfx1013",
        "gfx1033",
        "gfx1035",
        "gfx1036",
        "gfx1103",
        "gfx1150",
        "gfx1151",
        "gfx1152",
        "gfx1153",
    )
)
"""The GPUs in processors of AMD's (LLVM, "User Guide for AMDGPU Backend", the APUs of its table)."""


def main_accelerators(supported: Supported) -> tuple[str, ...]:
    """The accelerators that a machine's builds are chosen for: its cards, where it has any.

    A laptop with a card has a GPU in its processor, too; a newer release for that one is no reason to leave
    the card idle.
    """
    names = accelerators_of(supported)
    cards = tuple(name for name in names if not _is_in_processor(name, supported[name]))
    return cards or names


def _is_in_processor(namespace: str, features: Mapping[str, Sequence[str]]) -> bool:
    if namespace == "intel":
        return not has_intel_card(features)
    return namespace == "amd" and set(features.get("gfx_arch", ("",))) <= AMD_PROCESSORS


def has_intel_card(features: Mapping[str, Sequence[str]]) -> bool:
    """Whether one of Intel's GPUs is a card of its own, by the device IPs that the machine offers."""
    offered = features.get("device_ip", ())
    return any(
        value in INTEL_CARDS and not INTEL_CARDS[value] & set(offered[:place])
        for place, value in enumerate(offered)
    )


def is_accelerator(namespace: str, metadata: VariantMetadata | None = None) -> bool:
    """Whether a namespace is about a device that a machine may lack.

    What metadata lists itself (``static-properties``) is true of every machine, and so is no device.
    """
    if namespace in PROCESSORS or namespace == ABI_DEPENDENCY:
        return False
    provider = metadata.providers.get(namespace) if metadata is not None else None
    return provider is None or provider.static_properties is None


def accelerators_of(
    properties: Properties | Supported, metadata: VariantMetadata | None = None
) -> tuple[str, ...]:
    """The accelerators that some properties are about; of supported ones, those that the machine has."""
    return tuple(
        name
        for name, values in properties.items()
        if values and is_accelerator(name, metadata) and not says_absent(name, values)
    )


def says_absent(namespace: str, features: Mapping[str, Sequence[str]]) -> bool:
    """Whether all that is said of an accelerator is that there is none."""
    absence = _ABSENCE.get(namespace)
    return absence is not None and all(
        [absence.get(name)] == list(values) for name, values in features.items()
    )


def called(namespaces: Collection[str]) -> str:
    """What some accelerators are called: ``NVIDIA GPU``, ``ascend accelerator``."""
    return " and ".join(CALLED.get(name, f"{name} accelerator") for name in sorted(namespaces))
