"""Which Intel GPUs a program is meant to see: ``ZE_AFFINITY_MASK``, then ``ONEAPI_DEVICE_SELECTOR``.

Level Zero applies the mask itself; it is applied here only where GPUs are read from the PCI bus. The selector
is the SYCL runtime's, so it always is; only what Level Zero shows counts, as builds for XPUs use that.

Sources: the chapter "Affinity Mask" of Level Zero's specification, with ``parseAffinityMask`` of
compute-runtime, and "ONEAPI_DEVICE_SELECTOR" in ``EnvironmentVariables.md`` of Intel's LLVM.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

AFFINITY_MASK = "ZE_AFFINITY_MASK"
DEVICE_SELECTOR = "ONEAPI_DEVICE_SELECTOR"

_BACKENDS = ("level_zero", "opencl", "cuda", "hip", "native_cpu", "offload", "*")
_NUMBER = r"(?a)([0-9]{1,6})(?:\.(?:[0-9]{1,6}|\*)){0,2}"
_EVERY_GPU = ("*", "gpu", "*.*", "*.*.*")
_NO_GPU = ("cpu", "fpga", "acc", "accelerator")


def masked(written: str, tiles: Sequence[int], *, composite: bool) -> list[int]:
    """The devices that an affinity mask leaves, as positions in ``tiles``.

    Args:
        written: the mask, such as ``0,1`` or ``0.1``; ``""`` and ``default`` hide nothing.
        tiles: how many tiles each device has, in the order of PCI addresses.
        composite: whether devices are counted; otherwise every tile of a device of several tiles is.
    """
    if written in ("", "default"):
        return list(range(len(tiles)))
    counted = [position for position, count in enumerate(tiles) for _tile in range(1 if composite else count)]
    chosen: list[int] = []
    for entry in written.split(","):
        found = re.fullmatch(_NUMBER, entry.strip())
        if found is not None and int(found[1]) < len(counted):
            chosen.append(counted[int(found[1])])
    return sorted(dict.fromkeys(chosen))


def selected(written: str, count: int) -> list[int] | None:
    """The GPUs of ``count`` that a device selector leaves to Level Zero; ``None`` when it is malformed."""
    terms = [term.strip().lower() for term in written.split(";") if term.strip()]
    if not terms:
        return list(range(count))
    accepted: set[int] | None = None
    discarded: set[int] = set()
    for term in terms:
        named = _term(term.removeprefix("!"), count)
        if named is None:
            return None
        if term.startswith("!"):
            discarded |= named
        else:
            accepted = named | (accepted or set())
    left = set(range(count)) if accepted is None else accepted
    return sorted(left - discarded)


def _term(term: str, count: int) -> set[int] | None:
    backend, colon, devices = term.partition(":")
    if not colon or backend.strip() not in _BACKENDS or not devices.strip():
        return None
    named: set[int] = set()
    for device in (part.strip() for part in devices.split(",")):
        found = re.fullmatch(_NUMBER, device)
        if device in _EVERY_GPU:
            named |= set(range(count))
        elif found is not None:
            named |= {int(found[1])} & set(range(count))
        elif device not in _NO_GPU:
            return None
    return named if backend.strip() in ("level_zero", "*") else set()
