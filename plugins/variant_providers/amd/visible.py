"""Which AMD GPUs a program is meant to see, and what ROCm is told to take them for.

``ROCR_VISIBLE_DEVICES`` is ROCm's runtime's: the first bad entry ends the list, and an empty list hides
every GPU (``amd_filter_device.h``). HIP then counts what the runtime has left over. It reads
``HIP_VISIBLE_DEVICES``, or ``CUDA_VISIBLE_DEVICES`` where that is empty or not set; where both are, it hides
nothing. Its first bad entry ends the list, too, but it takes decimal numbers only, without spaces or leading
zeros, and passes over a GPU that is listed twice (``Device::init`` in ``rocdevice.cpp`` of ROCm's clr).

``HSA_OVERRIDE_GFX_VERSION`` says what ROCm takes a GPU for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

ROCR_VISIBLE = "ROCR_VISIBLE_DEVICES"
HIP_VISIBLE = "HIP_VISIBLE_DEVICES"
CUDA_VISIBLE = "CUDA_VISIBLE_DEVICES"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"

_INDEX = r"(?a)[0-9]{1,6}|0[xX][0-9a-fA-F]{1,6}"
_VERSION = r"(?a)([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})"


def visible(
    unique_ids: Sequence[int], environ: Mapping[str, str], *, by_runtime: bool = True
) -> tuple[list[int], list[str]]:
    """The GPUs that a program may see, as positions in ``unique_ids``, and a note for each variable set.

    Args:
        unique_ids: every GPU's unique id in ROCm's order, 0 for one that has none.
        environ: the environment.
        by_runtime: whether ``ROCR_VISIBLE_DEVICES`` is still to be applied (some tools do so themselves).
    """
    left = list(range(len(unique_ids)))
    notes: list[str] = []
    runtime = environ.get(ROCR_VISIBLE) if by_runtime else None
    if runtime is not None:
        left = _reduced(left, _runtime_selection(runtime, unique_ids), ROCR_VISIBLE, notes)
    variable = next((name for name in (HIP_VISIBLE, CUDA_VISIBLE) if environ.get(name)), None)
    if variable is not None:
        ids = [unique_ids[position] for position in left]
        left = _reduced(left, _hip_selection(environ[variable], ids), variable, notes)
    return left, notes


def overridden(node: int, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The target that ROCm is told to take a GPU for, and what is wrong with the variable that says so."""
    for variable in (f"{OVERRIDE}_{node}", OVERRIDE):
        written = environ.get(variable)
        if written is None:
            continue
        found = re.fullmatch(_VERSION, written.strip())
        numbers = [int(number) for number in found.groups()] if found else []
        if not numbers or numbers[0] > 63 or numbers[1] > 15 or numbers[2] > 15:
            return (
                None,
                f"{variable}={written[:80]} is not a version such as 10.3.0: it is left out of account",
            )
        return f"gfx{numbers[0]}{numbers[1]:x}{numbers[2]:x}", None
    return None, None


def _reduced(left: list[int], chosen: list[int], variable: str, notes: list[str]) -> list[int]:
    if len(chosen) < len(left):
        notes.append(f"{variable} leaves {len(chosen)} of {len(left)} AMD GPUs visible")
    return [left[position] for position in chosen]


def _runtime_selection(written: str, unique_ids: Sequence[int]) -> list[int]:
    """The positions that a list for ROCm's runtime names, up to its first entry that names none."""
    chosen: list[int] = []
    for entry in written.split(","):
        position = _position(entry.strip().upper(), unique_ids)
        if position is None or position in chosen:
            break
        chosen.append(position)
    return chosen


def _hip_selection(written: str, unique_ids: Sequence[int]) -> list[int]:
    """The positions that a list for HIP names, up to its first entry that names none."""
    chosen: list[int] = []
    for entry in written.split(","):
        position = _hip_position(entry, unique_ids)
        if position is None:
            break
        if position not in chosen:
            chosen.append(position)
    return chosen


def _hip_position(entry: str, unique_ids: Sequence[int]) -> int | None:
    if "GPU-" in entry:
        names = [f"GPU-{unique_id:016x}" if unique_id else "GPU-XX" for unique_id in unique_ids]
        return next((position for position, name in enumerate(names) if entry in name), None)
    canonical = entry.isascii() and entry.isdecimal() and str(int(entry[:6])) == entry
    return int(entry) if canonical and int(entry) < len(unique_ids) else None


def _position(entry: str, unique_ids: Sequence[int]) -> int | None:
    if entry.startswith("GPU-"):
        # The start of an id is enough where only one GPU's begins so.
        matches = [
            position
            for position, unique_id in enumerate(unique_ids)
            if unique_id and len(entry) > 4 and f"GPU-{unique_id:016X}".startswith(entry)
        ]
        return matches[0] if len(matches) == 1 else None
    if not re.fullmatch(_INDEX, entry):
        return None
    position = int(entry, 16 if entry[:2] == "0X" else 10)
    return position if position < len(unique_ids) else None
