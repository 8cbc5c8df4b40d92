"""What of a machine bears on its GPUs: the PCI bus, drivers' files, device nodes, variables.

Only files and environment variables are read; no driver library is loaded. Linux alone is looked at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from variantctl.values import dataclass, field

PCI_VENDORS: Mapping[str, str] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
"""PCI vendor id -> namespace (the PCI ID repository)."""

_GPU_CLASSES = ("0x03", "0x12")
"""Display controllers and processing accelerators (the base classes of PCI's class codes)."""

LIBRARY_FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "lib/x86_64-linux-gnu",
    "lib64",
    "usr/local/nvidia/lib64",
    "run/opengl-driver/lib",
)
"""Where distributions, NVIDIA's container toolkit, GKE and NixOS put the driver's libraries."""

_KERNEL_MODULE = re.compile(r"Kernel Module\b.*?\s(\d+\.\d+(?:\.\d+)?)\s")
_VERSIONED = re.compile(r"lib(?:cuda|nvidia-ml)\.so\.(\d+\.\d+(?:\.\d+)?)")


def may_open(path: Path) -> bool:
    """Whether this user may read and write a device node."""
    return os.access(path, os.R_OK | os.W_OK)


@dataclass(frozen=True)
class System:
    """The files and variables of a machine.

    Attributes:
        root: of its file system.
        environ: the environment variables.
        may_open: whether a device node may be opened.
    """

    root: Path = field(default_factory=lambda: Path("/"))
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    may_open: Callable[[Path], bool] = may_open

    def path(self, name: str) -> Path:
        """Of a file, by its name without a leading slash."""
        return self.root / name

    def text(self, name: str) -> str:
        """Of a file; ``""`` where it cannot be read."""
        try:
            return self.path(name).read_bytes()[:65536].decode("utf-8", "replace")
        except OSError:
            return ""

    def names(self, folder: str) -> list[str]:
        """Of what is in a folder; none where it cannot be read."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except OSError:
            return []

    def has(self, name: str) -> bool:
        """Whether there is such a file, a broken link too."""
        return os.path.lexists(self.path(name))

    @property
    def in_container(self) -> bool:
        """Whether Docker, Podman or Kubernetes started this."""
        marks = self.has(".dockerenv") or self.has("run/.containerenv")
        return marks or "KUBERNETES_SERVICE_HOST" in self.environ

    @property
    def kernel(self) -> str:
        """The kernel's release: ``6.8.0-45-generic``."""
        return self.text("proc/sys/kernel/osrelease").strip()

    @property
    def is_wsl(self) -> bool:
        """Windows Subsystem for Linux, of either version."""
        return self.has("dev/dxg") or "microsoft" in self.kernel.lower()


@dataclass(frozen=True)
class Gpu:
    """A GPU on the PCI bus: its address, its vendor's namespace, and the kernel driver that has it."""

    address: str
    namespace: str
    driver: str


def gpus_of(system: System) -> Iterator[Gpu]:
    """The GPUs that Linux lists on the PCI bus, but for those that a virtual machine was given."""
    for address in system.names("sys/bus/pci/devices"):
        folder = f"sys/bus/pci/devices/{address}"
        namespace = PCI_VENDORS.get(system.text(f"{folder}/vendor").strip())
        if namespace is None or not system.text(f"{folder}/class").startswith(_GPU_CLASSES):
            continue
        driver = link_target(system, f"{folder}/driver")
        if driver != "vfio-pci":
            yield Gpu(address, namespace, driver)


def link_target(system: System, name: str) -> str:
    """The last part of what a link points to; ``""`` where it is none."""
    try:
        return Path(os.readlink(system.path(name))).name
    except OSError:
        return ""


def kernel_driver(system: System) -> str:
    """The version of NVIDIA's kernel module, ``""`` where it is not loaded."""
    found = _KERNEL_MODULE.search(system.text("proc/driver/nvidia/version"))
    return found[1] if found else ""


def driver_libraries(system: System, name: str) -> dict[str, str]:
    """Where a library of the driver is, and its version: that of the file that ``NAME.1`` leads to."""
    found: dict[str, str] = {}
    for folder in LIBRARY_FOLDERS:
        path = f"{folder}/{name}.1"
        if not system.has(path):
            continue
        target = _VERSIONED.fullmatch(link_target(system, path))
        found[path] = target[1] if target else ""
    return found


def device_nodes(system: System) -> Iterator[tuple[str, str]]:
    if system.has("dev/kfd"):
        yield "amd", "dev/kfd"
    for name in system.names("dev/dri"):
        if name.startswith("renderD"):
            vendor = system.text(f"sys/class/drm/{name}/device/vendor").strip()
            namespace = PCI_VENDORS.get(vendor)
            if namespace in ("amd", "intel"):
                yield namespace, f"dev/dri/{name}"
    for name in system.names("dev"):
        if re.fullmatch(r"nvidia(ctl|-uvm|\d+)", name):
            yield "nvidia", f"dev/{name}"


def group_of(path: Path) -> str:
    try:
        return path.group()
    except (OSError, KeyError):
        return "render"


def permissions(path: Path) -> str:
    try:
        return f"{path}: mode {path.stat().st_mode & 0o777:o}, owner {path.owner()}, group {path.group()}"
    except (OSError, KeyError):
        return str(path)


TOOLKIT_VARIABLES = ("CUDA_HOME", "CUDA_PATH")
"""The variables that name the folder of the CUDA toolkit; the first that is set counts
(torch/utils/cpp_extension.py, ``_find_cuda_home``)."""


def toolkit_folder(system: System) -> str:
    """Where builds of extensions look: CUDA_HOME, else the nvcc on PATH, else /usr/local/cuda."""
    for variable in TOOLKIT_VARIABLES:
        if named := system.environ.get(variable):
            return named
    for folder in system.environ.get("PATH", "").split(os.pathsep):
        if folder and system.has(f"{folder.lstrip('/')}/nvcc"):
            return str(Path(folder).parent)
    return "/usr/local/cuda"


def has_library(system: System, library: str) -> bool:
    named = [
        folder.lstrip("/") for folder in system.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if folder
    ]
    folders = (*LIBRARY_FOLDERS, "usr/local/cuda/lib64", *named)
    return any(name.startswith(library) for folder in folders for name in system.names(folder))


def toolkit_version(system: System, folder: str) -> str | None:
    """The version of an installed toolkit (``version.json``, since CUDA 11.1)."""
    try:
        told = json.loads(system.text(f"{folder}/version.json"))
        version = told["cuda"]["version"]
    except (ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and re.match(r"\d", version) else None
