"""``nvidia-smi``: its CSV for the GPUs, its plain header for the CUDA version.

A tree may hold what it printed: ``nvidia-smi.csv`` (the command of :data:`QUERY`) and ``nvidia-smi.txt`` (no
arguments) at its top.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from variant_providers.nvidia.report import DriverReport, NvidiaGpu
from variant_providers.probing.child import Deadline, ask_command
from variant_providers.probing.text import printable
from variant_providers.probing.tree import Tree

SOURCE = "nvidia-smi"
CSV_FILE = "nvidia-smi.csv"
HEADER_FILE = "nvidia-smi.txt"
FIELDS = ("index", "name", "compute_cap", "driver_version", "memory.total", "mig.mode.current")
OLD_FIELDS = ("index", "name", "driver_version", "memory.total")
"""What every nvidia-smi knows: ``compute_cap`` came with R510, ``mig.mode.current`` with R450."""
QUERY = f"nvidia-smi --query-gpu={','.join(FIELDS)} --format=csv"

_MOST_GPUS = 256
_WHERE = {
    "driver_version": "nvidia-smi --query-gpu=driver_version",
    "cuda_driver": "nvidia-smi, its header",
    "compute_capability": "nvidia-smi --query-gpu=compute_cap",
}
_NUMBER = r"(?a)[0-9]{1,5}"
_CAPABILITY = r"(?a)([1-9][0-9]?)\.([0-9]{1,2})"
_MEMORY = r"(?a)([0-9]{1,9})(?:\s*MiB)?"
_DRIVER = r"(?a)[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}"
# R610 and later tell the user mode driver's CUDA version from the kernel's.
_CUDA = r"(?a)CUDA (?:UMD )?Version\s*:\s*([0-9]{1,3})\.([0-9]{1,3})"
_HEADER_DRIVER = r"(?a)(?:Driver|KMD) Version\s*:\s*([0-9]{1,4}(?:\.[0-9]{1,5}){1,3})"
_NO_LIBCUDA = r"(?a)CUDA (?:UMD )?Version\s*:\s*N/A"
_NO_GPU = "No devices were found"


def ask_nvidia_smi(program: str, deadline: Deadline) -> DriverReport:
    """Run ``nvidia-smi``, two or three times as its age asks for."""
    report = DriverReport(SOURCE, where=dict(_WHERE))
    for fields in (FIELDS, OLD_FIELDS):
        command = [program, f"--query-gpu={','.join(fields)}", "--format=csv"]
        said = ask_command(command, deadline.left())
        text = "\n".join(said.lines)
        take_csv(text, report)
        if said.hung or report.gpus or _NO_GPU in text:
            break
    if said.trouble is not None and not report.gpus:
        report.fail(f"nvidia-smi {said.trouble}")
    if _NO_GPU in text:
        report.count = 0
        report.notes.append("nvidia-smi: no devices were found")
    report.hung = said.hung
    if not report.hung and report.gpus:
        said = ask_command([program], deadline.left())
        take_header("\n".join(said.lines), report)
        report.hung = said.hung
    return report


def read_nvidia_smi(tree: Tree) -> DriverReport | None:
    """What ``nvidia-smi`` printed on the machine that a tree stands for, where that was kept."""
    table, header = tree.read_text(CSV_FILE), tree.read_text(HEADER_FILE)
    if table is None and header is None:
        return None
    report = DriverReport(SOURCE, where=dict(_WHERE))
    take_csv(table or "", report)
    take_header(header or "", report)
    if not report.gpus and not report.cuda:
        report.fail(f"what nvidia-smi printed ({CSV_FILE}, {HEADER_FILE}) is not understood")
    return report


def take_csv(text: str, report: DriverReport) -> None:
    """Read the CSV, with or without its header line, into ``report``; a malformed value is left out.

    Lines before the header, such as a driver's warnings, are passed over.
    """
    columns: tuple[str, ...] = ()
    for row in _rows(text):
        titles = tuple(title.partition("[")[0].strip() for title in row)
        if "index" in titles:
            columns = titles
        elif re.fullmatch(_NUMBER, row[0]) and len(report.gpus) < _MOST_GPUS:
            _take_row(row, columns or FIELDS, report)
    if report.gpus:
        report.count = len(report.gpus)


def take_header(text: str, report: DriverReport) -> None:
    """Read the versions that plain ``nvidia-smi`` prints in its box."""
    cuda, driver = re.search(_CUDA, text), re.search(_HEADER_DRIVER, text)
    if cuda is not None and int(cuda[1]) > 0:
        report.cuda = (int(cuda[1]), int(cuda[2]))
    report.lacks_libcuda = re.search(_NO_LIBCUDA, text) is not None
    if driver is not None and not report.driver:
        report.driver = driver[1]
        report.where["driver_version"] = "nvidia-smi, its header"


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


def _take_row(row: Sequence[str], columns: Sequence[str], report: DriverReport) -> None:
    """One GPU; a cell such as ``[N/A]`` or ``[Not Supported]`` matches no pattern and so says nothing."""
    cells = dict(zip(columns, row, strict=False))
    index = re.fullmatch(_NUMBER, cells.get("index", ""))
    if index is None:
        return
    name = printable(cells.get("name", ""))
    capability = re.fullmatch(_CAPABILITY, cells.get("compute_cap", ""))
    memory = re.fullmatch(_MEMORY, cells.get("memory.total", ""))
    gpu = NvidiaGpu(
        int(index[0]),
        "" if name.startswith("[") else name,
        (int(capability[1]), int(capability[2]))
        if capability is not None and int(capability[1]) > 0
        else None,
        int(memory[1]) * 2**20 if memory is not None and int(memory[1]) > 0 else None,
        mig=cells.get("mig.mode.current", "") == "Enabled",
    )
    report.gpus.append(gpu)
    driver = cells.get("driver_version", "")
    if re.fullmatch(_DRIVER, driver) and not report.driver:
        report.driver = driver
