"""``nvidia-smi``: its CSV for the GPUs, its plain header for the CUDA version.

A tree may hold what it printed: ``nvidia-smi.csv`` (the command of :data:`QUERY`) and ``nvidia-smi.txt`` (no
arguments) at its top.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from variant_providers.child import ask_command
from variant_providers.nvidia_seen import NvidiaGpu, NvidiaSeen, printable
from variant_providers.tree import Tree

SOURCE = "nvidia-smi"
CSV_FILE = "nvidia-smi.csv"
HEADER_FILE = "nvidia-smi.txt"
FIELDS = ("index", "name", "compute_cap", "driver_version", "memory.total", "mig.mode.current")
OLD_FIELDS = ("index", "name", "driver_version", "memory.total")
"""What every nvidia-smi knows: ``compute_cap`` came with R510, ``mig.mode.current`` with R450."""
QUERY = f"nvidia-smi --query-gpu={','.join(FIELDS)} --format=csv"

_MOST_GPUS = 256
_SMALLEST_LIMIT_S = 0.1
_WHERE = {
    "driver_version": "nvidia-smi --query-gpu=driver_version",
    "cuda_driver": "nvidia-smi, its header",
    "compute_capability": "nvidia-smi --query-gpu=compute_cap",
}
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_CAPABILITY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})", re.ASCII)
_MEMORY = re.compile(r"([0-9]{1,9})(?:\s*MiB)?", re.ASCII)
_DRIVER = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}", re.ASCII)
# R610 and later tell the user mode driver's CUDA version from the kernel's.
_CUDA = re.compile(r"CUDA (?:UMD )?Version\s*:\s*([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)
_HEADER_DRIVER = re.compile(r"(?:Driver|KMD) Version\s*:\s*([0-9]{1,4}(?:\.[0-9]{1,5}){1,3})", re.ASCII)
_NO_GPU = "No devices were found"


def ask_nvidia_smi(program: str, limit: float) -> NvidiaSeen:
    """Run ``nvidia-smi``, two or three times as its age asks for, for ``limit`` seconds altogether."""
    seen = NvidiaSeen(SOURCE, where=dict(_WHERE))
    deadline = time.monotonic() + limit
    for fields in (FIELDS, OLD_FIELDS):
        left = max(deadline - time.monotonic(), _SMALLEST_LIMIT_S)
        said = ask_command([program, f"--query-gpu={','.join(fields)}", "--format=csv"], left)
        text = "\n".join(said.lines)
        take_csv(text, seen)
        if said.hung or seen.gpus or _NO_GPU in text:
            break
    if said.trouble is not None and not seen.gpus:
        seen.fail(f"nvidia-smi {said.trouble}")
    if _NO_GPU in text:
        seen.count = 0
        seen.notes.append("nvidia-smi: no devices were found")
    seen.hung = said.hung
    if not seen.hung and seen.gpus:
        said = ask_command([program], max(deadline - time.monotonic(), _SMALLEST_LIMIT_S))
        take_header("\n".join(said.lines), seen)
        seen.hung = said.hung
    return seen


def read_nvidia_smi(tree: Tree) -> NvidiaSeen | None:
    """What ``nvidia-smi`` printed on the machine that a tree stands for, where that was kept."""
    table, header = tree.read_text(CSV_FILE), tree.read_text(HEADER_FILE)
    if table is None and header is None:
        return None
    seen = NvidiaSeen(SOURCE, where=dict(_WHERE))
    take_csv(table or "", seen)
    take_header(header or "", seen)
    if not seen.gpus and not seen.cuda:
        seen.fail(f"what nvidia-smi printed ({CSV_FILE}, {HEADER_FILE}) is not understood")
    return seen


def take_csv(text: str, seen: NvidiaSeen) -> None:
    """Read the CSV, with or without its header line, into ``seen``; a malformed value is left out.

    Lines before the header, such as a driver's warnings, are passed over.
    """
    columns: tuple[str, ...] = ()
    for row in _rows(text):
        titles = tuple(title.partition("[")[0].strip() for title in row)
        if "index" in titles:
            columns = titles
        elif _NUMBER.fullmatch(row[0]) and len(seen.gpus) < _MOST_GPUS:
            _take_row(row, columns or FIELDS, seen)
    if seen.gpus:
        seen.count = len(seen.gpus)


def take_header(text: str, seen: NvidiaSeen) -> None:
    """Read the versions that plain ``nvidia-smi`` prints in its box."""
    cuda, driver = _CUDA.search(text), _HEADER_DRIVER.search(text)
    if cuda is not None and int(cuda[1]) > 0:
        seen.cuda = (int(cuda[1]), int(cuda[2]))
    if driver is not None and not seen.driver:
        seen.driver = driver[1]
        seen.where["driver_version"] = "nvidia-smi, its header"


def _rows(text: str) -> list[list[str]]:
    import csv

    rows = []
    for line in text.splitlines():
        try:
            row = next(csv.reader([line], skipinitialspace=True), [])
        except csv.Error:
            continue
        if row:
            rows.append([cell.strip() for cell in row])
    return rows


def _take_row(row: Sequence[str], columns: Sequence[str], seen: NvidiaSeen) -> None:
    """One GPU; a cell such as ``[N/A]`` or ``[Not Supported]`` matches no pattern and so says nothing."""
    cells = dict(zip(columns, row, strict=False))
    index = _NUMBER.fullmatch(cells.get("index", ""))
    if index is None:
        return
    gpu = NvidiaGpu(int(index[0]))
    name = printable(cells.get("name", ""))
    if name and not name.startswith("["):
        gpu.name = name
    capability = _CAPABILITY.fullmatch(cells.get("compute_cap", ""))
    if capability is not None and int(capability[1]) > 0:
        gpu.capability = (int(capability[1]), int(capability[2]))
    memory = _MEMORY.fullmatch(cells.get("memory.total", ""))
    if memory is not None and int(memory[1]) > 0:
        gpu.memory_bytes = int(memory[1]) * 2**20
    gpu.mig = cells.get("mig.mode.current", "") == "Enabled"
    driver = cells.get("driver_version", "")
    if _DRIVER.fullmatch(driver) and not seen.driver:
        seen.driver = driver
    seen.gpus.append(gpu)
