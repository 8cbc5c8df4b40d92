"""What of a file comes into a support bundle: the keys, lines and columns that detection reads, no others.

Lists of what to keep, not of what to cut: a serial number under a name that nobody thought of, a hive's id,
the builder's user and host in ``/proc/driver/nvidia/version`` are not in them. A file in no list stays out.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator

Keeper = Callable[[str], str]

#: ``/proc/cpuinfo``: what the processor is, of x86 and of Arm (Linux arch/*/kernel/cpu/proc.c, cpuinfo.c).
_CPUINFO = frozenset(
    {
        "processor",
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "flags",
        "Features",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
        "CPU revision",
    }
)
#: KFD's properties of a node and of its memory (Linux amdkfd/kfd_topology.c), without unique_id and hive_id.
_KFD = frozenset(
    {
        "array_count",
        "cpu_cores_count",
        "device_id",
        "domain",
        "drm_render_minor",
        "flags",
        "gfx_target_version",
        "heap_type",
        "lds_size_in_kb",
        "location_id",
        "mem_banks_count",
        "simd_count",
        "simd_per_cu",
        "size_in_bytes",
        "vendor_id",
        "wave_front_size",
    }
)
_UEVENT = frozenset({"DRIVER", "PCI_CLASS", "PCI_ID", "PCI_SUBSYS_ID", "PCI_SLOT_NAME"})
_SYSCTL = ("machdep.cpu.", "hw.optional.", "hw.logicalcpu", "hw.ncpu", "sysctl.proc_translated")
_COLUMNS = ("index", "name", "compute_cap", "driver_version", "memory.total", "mig.mode.current")
#: rocminfo's fields and amd-smi's; what our own children print, by the object's key.
_ROCMINFO = frozenset({"Name", "Marketing Name", "Vendor Name", "Device Type", "Chip ID"})
_AMD_SMI = frozenset({"market_name", "target_graphics_version", "vendor_name", "vendor_id", "device_id"})
_CHILD = frozenset(
    {
        "call",
        "capability",
        "code",
        "count",
        "cuda",
        "device",
        "device_id",
        "driver",
        "drivers",
        "error",
        "file",
        "flags",
        "index",
        "ip",
        "library",
        "memory",
        "name",
        "type",
        "unloadable",
        "vendor",
    }
)
#: What tools say when they find nothing.
_COMPLAINTS = (
    "NVIDIA-SMI has failed because",
    "Failed to initialize NVML",
    "No devices were found",
    "Unable to determine the device handle",
    "ROCk module is NOT loaded",
    "ROCk module is loaded",
    "Unable to open /dev/kfd",
)
_VERSION = r"[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}"
_WORD = r"[A-Za-z0-9._+~-]{1,64}"
#: Files that are one short value, with the form of it.
_VALUES: tuple[tuple[str, str], ...] = (
    (r"machine", _WORD),
    (r"sys/module/[a-z0-9_]+/version", _WORD),
    (r"opt/rocm[^/]*/\.info/version", _WORD),
    (r"proc/sys/kernel/osrelease", _WORD),
    (r"sys/bus/pci/devices/[^/]+/(?:class|device|vendor|revision|subsystem_device)", r"0x[0-9a-fA-F]{1,8}"),
    (r"proc/device-tree/(?:compatible|model)", r"[ -~\0]{1,500}"),
)


def kept(name: str, text: str) -> str | None:
    """What of a file that detection read is kept; ``None``: nothing, not even that it was there.

    Args:
        name: its path in the tree, with ``/``.
        text: its content.
    """
    for pattern, form in _VALUES:
        if re.fullmatch(pattern, name):
            found = re.match(form, text)
            return f"{found[0]}\n" if found else ""
    if re.search(r"(?:^|/)(?:\.dockerenv|\.containerenv)$", name):
        return ""
    keeper = next((keeper for pattern, keeper in _KEEPERS if re.fullmatch(pattern, name)), None)
    return keeper(text) if keeper is not None else None


def kept_output(tool: str, lines: Iterable[str]) -> str:
    """What of a tool's output is kept, and how many lines are not.

    Args:
        tool: its name, or that of one of our own children.
        lines: what it printed.
    """
    said = list(lines)
    text = "\n".join(said)
    keep = next((keeper for pattern, keeper in _OUTPUTS if re.fullmatch(pattern, tool)), None)
    found = keep(text) if keep is not None else ""
    found += "".join(f"{line[:200]}\n" for line in said if line.strip().startswith(_COMPLAINTS))
    left_out = sum(1 for line in said if line.strip()) - found.count("\n")
    return found + (f"({left_out} lines left out)\n" if left_out > 0 else "")


def _colons(keys: Collection[str]) -> Keeper:
    """Lines ``key : value``; empty lines, which part the blocks, stay.

    Case counts: x86's ``model`` is a number, a board's ``Model`` may be anything.
    """

    def keep(text: str) -> str:
        return _lines(
            line
            for line in text.splitlines()
            if not line.strip() or (":" in line and line.partition(":")[0].strip() in keys)
        )

    return keep


def _words(keys: Collection[str], separator: str = " ") -> Keeper:
    """Lines ``key value`` or ``key=value``."""

    def keep(text: str) -> str:
        return _lines(line for line in text.splitlines() if line.partition(separator)[0].strip() in keys)

    return keep


def _found(*patterns: str) -> Keeper:
    """The parts of lines that have a form: the rest of the line is not kept."""

    def keep(text: str) -> str:
        return _lines(
            found[0]
            for line in text.splitlines()
            for pattern in patterns
            if (found := re.search(pattern, line, re.ASCII)) is not None
        )

    return keep


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _sysctl(text: str) -> str:
    return _lines(line for line in text.splitlines() if line.strip().startswith(_SYSCTL))


def _package(text: str) -> str:
    """Of all the packages that dpkg knows, the one that says which Jetson Linux this is."""
    found = re.search(
        r"^(Package: nvidia-l4t-core\n)(?:(?!\n\n)[\s\S])*?^(Version: [\w.+~-]+)$", text, re.MULTILINE
    )
    return f"{found[1]}{found[2]}\n" if found else ""


def _table(text: str) -> str:
    """The columns that we ask nvidia-smi for; of a table without a header, the first ones."""
    try:
        rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    except csv.Error:
        return ""
    titles = next((row for row in rows if "index" in row), [])
    chosen = [place for place, title in enumerate(titles) if title.partition("[")[0].strip() in _COLUMNS]
    if not titles:
        chosen = list(range(len(_COLUMNS)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = [row for row in rows if row is titles or (row[0].isascii() and row[0].strip().isdigit())]
    writer.writerows([row[place] for place in chosen if place < len(row)] for row in rows)
    return out.getvalue()


def _objects(keys: Collection[str]) -> Keeper:
    """Lines that are JSON objects, with these keys alone, at any depth."""

    def keep(text: str) -> str:
        return _lines(_object_lines(text.splitlines(), keys))

    return keep


def _object_lines(lines: Iterable[str], keys: Collection[str]) -> Iterator[str]:
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict) and (left := _only(said, keys)):
            yield json.dumps(left)


def _only(value: object, keys: Collection[str]) -> object:
    if isinstance(value, dict):
        return {key: _only(item, keys) for key, item in value.items() if key in keys}
    if isinstance(value, list):
        return [_only(item, keys) for item in value]
    return value


def _amd_smi(text: str) -> str:
    """``amd-smi static --asic``: JSON, or lines ``KEY: value``."""
    start = min((at for at in (text.find("["), text.find("{")) if at >= 0), default=-1)
    if start < 0:
        return _colons({key.upper() for key in _AMD_SMI})(text)
    try:
        said, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return ""
    return json.dumps(_only(said, {*_AMD_SMI, "gpu_data", "asic", "gpu"}), indent=1) + "\n"


def _rocminfo(text: str) -> str:
    agents = re.compile(r"Agent [0-9]+\s*")
    return _lines(
        line
        for line in text.splitlines()
        if agents.fullmatch(line) or line.partition(":")[0].strip() in _ROCMINFO
    )


def _header(text: str) -> str:
    """The versions in the box that nvidia-smi prints."""
    named = rf"(?:NVIDIA-SMI|(?:Driver|KMD|CUDA UMD|CUDA) Version\s*:)\s*(?:{_VERSION}|N/A)"
    found = (re.findall(named, line, re.ASCII) for line in text.splitlines())
    return _lines("  ".join(versions) for versions in found if versions)


_KEEPERS: tuple[tuple[str, Keeper], ...] = (
    (r"proc/cpuinfo", _colons(_CPUINFO)),
    # The rest of the line is who built the module, on which host, and when.
    (
        r"proc/driver/nvidia/version",
        _found(
            rf"^NVRM version:.{{1,80}}?\s{_VERSION}(?![0-9.])", rf"^GCC version:\s+gcc version {_VERSION}"
        ),
    ),
    (r"proc/version", _found(rf"^Linux version {_WORD}")),
    (
        r"etc/nv_tegra_release",
        _found(r"^# R[0-9]{1,3} \(release\), REVISION: [0-9.]{1,9}(?:, GCID: [0-9]+)?(?:, BOARD: \w+)?"),
    ),
    (r"var/lib/dpkg/status", _package),
    (r"sys/class/kfd/kfd/topology/nodes/[0-9]+/(?:mem_banks/[0-9]+/)?properties", _words(_KFD)),
    (r"sys/bus/pci/devices/[^/]+/uevent", _words(_UEVENT, "=")),
    (r"sysctl\.txt", _sysctl),
    (r"processor-features\.txt", _found(r"^(?:PF_\w+ \()?[0-9]+\)?:?\s+[01]\b")),
    (r"nvidia-smi\.txt", _header),
    (r"nvidia-smi\.csv", _table),
)
_OUTPUTS: tuple[tuple[str, Keeper], ...] = (
    (r"\w+_child", _objects(_CHILD)),
    (r"nvidia-smi(?:\.exe)?", lambda text: _header(text) + _table(text)),
    (r"rocminfo", _rocminfo),
    (r"rocm_agent_enumerator", _found(r"^gfx[0-9a-f]{3,5}[\w:+-]{0,32}$")),
    (r"amd-smi", _amd_smi),
    (r"sysctl", _sysctl),
)
