"""Many small wheels with code for accelerators, in a folder or in a store, and the index of them as bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from variant_index.destinations import Destination

from tests.machine_code.files import elf_library, fatbin
from tests.wheels.recipes import CU126, CU128, provided
from variantctl.wheels.build import build_wheel

LABELS = (None, "null", "cu126", "cu128")
_METADATA = provided(null={}, cu126=CU126, cu128=CU128)
_DATE = 1_700_000_000


def stand_ins(folder: Path, count: int, *, projects: int = 5, size: int = 2000) -> Iterator[Path]:
    """Make wheels one by one: variants of several versions of several projects, with a library each.

    Args:
        folder: where they are made.
        count: how many.
        projects: how many projects there are.
        size: bytes of something that cannot be compressed.
    """
    libraries = {label: _library(*cubins) for label, cubins in (("cu126", ("80",)), ("cu128", ("90", "100")))}
    for number in range(count):
        label = LABELS[number % len(LABELS)]
        name, version = f"p{number // len(LABELS) % projects}", f"1.{number // len(LABELS) // projects}"
        files = {f"{name}/data": os.urandom(size)}
        if label in libraries:
            files[f"{name}/code.so"] = libraries[label]
        path = build_wheel(folder, name=name, version=version, label=label, metadata=_METADATA, files=files)
        os.utime(path, (_DATE, _DATE))
        yield path


def _library(*cubins: str) -> bytes:
    content = fatbin(*(f"cubin {architecture}" for architecture in cubins), "ptx 90")
    return elf_library({".nv_fatbin": content}, needed=["libcudart.so.12"])


def index_bytes(
    destination: Destination, folders: tuple[str, ...] = ("simple", "project")
) -> dict[str, bytes]:
    """Every file of an index, by its path."""
    found = {}
    for folder in folders:
        for listed in destination.list(folder):
            stored = destination.read(listed.path)
            if stored is not None and not listed.path.rpartition("/")[2].startswith("."):
                found[listed.path] = stored.content
    return found
