"""Which AMD GPUs a program is meant to see: ``ROCR_VISIBLE_DEVICES``, then ``HIP_VISIBLE_DEVICES``; and what
``HSA_OVERRIDE_GFX_VERSION`` makes ROCm take them for.

Source: ``amd_filter_device.h`` of ROCm's runtime (the first bad entry ends the list, an empty list hides
every GPU), and ROCm's page "GPU isolation techniques": HIP counts what the runtime has left over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

ROCR_VISIBLE = "ROCR_VISIBLE_DEVICES"
HIP_VISIBLE = "HIP_VISIBLE_DEVICES"
OVERRIDE = "HSA_OVERRIDE_GFX_VERSION"

_INDEX = re.compile(r"[0-9]{1,6}|0[xX][0-9a-fA-F]{1,6}", re.ASCII)
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)


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
    notes = []
    for variable in (ROCR_VISIBLE, HIP_VISIBLE) if by_runtime else (HIP_VISIBLE,):
        written = environ.get(variable)
        if written is None:
            continue
        chosen = _select(written, [unique_ids[position] for position in left])
        if len(chosen) < len(left):
            notes.append(f"{variable} leaves {len(chosen)} of {len(left)} AMD GPUs visible")
        left = [left[position] for position in chosen]
    return left, notes


def overridden(node: int, environ: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The target that ROCm is told to take a GPU for, and what is wrong with the variable that says so."""
    for variable in (f"{OVERRIDE}_{node}", OVERRIDE):
        written = environ.get(variable)
        if written is None:
            continue
        found = _VERSION.fullmatch(written.strip())
        numbers = [int(number) for number in found.groups()] if found else []
        if not numbers or numbers[0] > 63 or numbers[1] > 15 or numbers[2] > 15:
            return (
                None,
                f"{variable}={written[:80]} is not a version such as 10.3.0: it is left out of account",
            )
        return f"gfx{numbers[0]}{numbers[1]:x}{numbers[2]:x}", None
    return None, None


def _select(written: str, unique_ids: Sequence[int]) -> list[int]:
    """The positions that a list names, up to its first entry that names none."""
    chosen: list[int] = []
    for entry in written.split(","):
        position = _position(entry.strip().upper(), unique_ids)
        if position is None or position in chosen:
            break
        chosen.append(position)
    return chosen


def _position(entry: str, unique_ids: Sequence[int]) -> int | None:
    if entry.startswith("GPU-"):
        # The start of an id is enough where only one GPU's begins so.
        matches = [
            position
            for position, unique_id in enumerate(unique_ids)
            if unique_id and len(entry) > 4 and f"GPU-{unique_id:016X}".startswith(entry)
        ]
        return matches[0] if len(matches) == 1 else None
    if not _INDEX.fullmatch(entry):
        return None
    position = int(entry, 16 if entry[:2] == "0X" else 10)
    return position if position < len(unique_ids) else None
