"""What keeps a program from its GPU on the machine itself: drivers, device nodes, containers, variables."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName

from variantctl.doctor.findings import Commands, Finding, Severity
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.system import (
    LIBRARY_FOLDERS,
    TOOLKIT_VARIABLES,
    Gpu,
    System,
    device_nodes,
    driver_libraries,
    gpus_of,
    group_of,
    has_library,
    kernel_driver,
    link_target,
    permissions,
    toolkit_folder,
    toolkit_version,
)
from variantctl.select.ordinary_builds import VENDORS

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine

_WSL_FOLDER = "usr/lib/wsl/lib"
_HIDES = ("-1", "none", "void", "NoDevFiles")

VISIBLE: Mapping[str, tuple[str, ...]] = {
    "CUDA_VISIBLE_DEVICES": ("nvidia", "amd"),
    "HIP_VISIBLE_DEVICES": ("amd",),
    "ROCR_VISIBLE_DEVICES": ("amd",),
}
"""Variable -> whose GPUs it can hide (CUDA's programming guide; ROCm, "GPU isolation")."""

_EMPTY_HIDES = (("CUDA_VISIBLE_DEVICES", "nvidia"), ("ROCR_VISIBLE_DEVICES", "amd"))
"""Where an empty value hides every GPU. HIP takes an empty value for none at all (``Device::init`` in
``rocdevice.cpp`` of ROCm's clr)."""

CONTAINER_FLAGS: Mapping[str, str] = {
    "nvidia": "`docker run --gpus all ...` (Podman and CDI: `--device nvidia.com/gpu=all`; Kubernetes: "
    "a limit of `nvidia.com/gpu`)",
    "amd": "`docker run --device /dev/kfd --device /dev/dri --group-add video --group-add render ...`",
    "intel": "`docker run --device /dev/dri ...`",
}
"""NVIDIA Container Toolkit, ROCm and oneAPI: how a container is given GPUs."""


def check_system(
    system: System,
    packages: Mapping[NormalizedName, Inspected],
    wanted: Collection[str],
    commands: Commands,
) -> Iterator[Finding]:
    """Everything about the machine that keeps what is installed from its GPU.

    Args:
        system: the machine's files.
        packages: what is installed.
        wanted: the namespaces of the accelerators that some of it was built for: for those it is an error.
        commands: those that mend what is installed.
    """
    gpus = list(gpus_of(system))
    for check in (_no_driver, _container, _versions, _nodes):
        yield from check(system, gpus, wanted)
    yield from _wsl(system, wanted)
    yield from _hidden(system, wanted)
    yield from _library_path(system, packages.values())
    yield from _toolkit(system, packages)
    if "nvidia" in wanted and (kernel_driver(system) or system.is_wsl):
        yield from _companions(system, packages, commands)


def not_detected(machine: Machine, wanted: Collection[str]) -> Iterator[Finding]:
    """What the detectors could not find out: a driver that fails, hangs, or is too new for its table.

    Args:
        machine: as it was asked.
        wanted: the namespaces of the accelerators that something was built for.
    """
    for namespace, vendor in VENDORS.items():
        notes = [note for note in machine.notes if (note.namespace, note.status) == (namespace, "error")]
        if notes:
            yield Finding(
                _severity(namespace, wanted),
                "not-detected",
                "",
                f"what this machine offers of {namespace} cannot be told: {notes[0].message}",
                "`variantctl detect` shows what was asked, and what answered.",
                f"No build for an {vendor} GPU is taken on this machine.",
                tuple(note.message for note in notes[1:]),
            )


def _severity(namespace: str, wanted: Collection[str]) -> Severity:
    return "error" if namespace in wanted else "suggestion"


def _no_driver(system: System, gpus: Iterable[Gpu], wanted: Collection[str]) -> Iterator[Finding]:
    """A GPU on the bus that its vendor's kernel driver does not have."""
    loaded = {"nvidia": bool(kernel_driver(system)), "amd": system.has("sys/class/kfd/kfd")}
    for namespace, modules in (("nvidia", "nvidia"), ("amd", "amdgpu")):
        there = [gpu for gpu in gpus if gpu.namespace == namespace]
        if not there or loaded[namespace] or system.in_container or system.is_wsl:
            continue
        if namespace == "amd" and "amd" not in wanted:
            continue  # integrated graphics of a kernel without KFD harm nobody who does not compute on them
        driver = next((gpu.driver for gpu in there if gpu.driver), "")
        has = f"the kernel's driver {driver} has it" if driver else "no kernel driver has it"
        yield Finding(
            _severity(namespace, wanted),
            "no-driver",
            "",
            f"there is an {VENDORS[namespace]} GPU ({there[0].address}), and {has}",
            f"Install {VENDORS[namespace]}'s driver, then `sudo modprobe {modules}`, or restart.",
            "No program can compute on it: the driver's module is not loaded.",
            tuple(f"/sys/bus/pci/devices/{gpu.address}" for gpu in there),
        )


def _container(system: System, gpus: Iterable[Gpu], wanted: Collection[str]) -> Iterator[Finding]:
    """A container on a machine with a GPU that it was not given."""
    if not system.in_container:
        return
    render = any(name.startswith("renderD") for name in system.names("dev/dri"))
    given = {
        "nvidia": system.has("dev/nvidiactl") or system.has("dev/dxg"),
        "amd": system.has("dev/kfd"),
        "intel": render,
    }
    on_host = {gpu.namespace: f"/sys/bus/pci/devices/{gpu.address}" for gpu in gpus}
    if kernel_driver(system):
        on_host["nvidia"] = "/proc/driver/nvidia/version"
    for namespace, evidence in on_host.items():
        if namespace in wanted and not given[namespace]:
            yield Finding(
                "error",
                "container-without-gpu",
                "",
                f"the host has an {VENDORS[namespace]} GPU, and this container was not given it",
                f"Start the container with {CONTAINER_FLAGS[namespace]}.",
                "The host's GPU is seen in /sys and /proc, but its device nodes and driver are not here.",
                (evidence,),
            )
    if (
        "nvidia" in wanted
        and given["nvidia"]
        and kernel_driver(system)
        and not driver_libraries(system, "libcuda.so")
    ):
        yield Finding(
            "error",
            "driver-library-missing",
            "",
            "this container has NVIDIA's device nodes, and not the driver's library libcuda.so.1",
            "Start it with `-e NVIDIA_DRIVER_CAPABILITIES=compute,utility`, by NVIDIA's container toolkit.",
            "CUDA programs cannot start: they load libcuda.so.1, which the host's driver brings.",
            ("/dev/nvidiactl",),
        )


def _versions(system: System, _gpus: Iterable[Gpu], wanted: Collection[str]) -> Iterator[Finding]:
    """The driver that is loaded, and its libraries, of different versions."""
    kernel = kernel_driver(system)
    libraries = {
        version: path
        for name in ("libcuda.so", "libnvidia-ml.so")
        for path, version in driver_libraries(system, name).items()
        if version
    }
    if not kernel or not libraries or kernel in libraries:
        return
    version, path = next(iter(libraries.items()))
    in_container = (
        "Start the container anew, so that the host's libraries are mounted; the image must bring none."
    )
    yield Finding(
        _severity("nvidia", wanted),
        "driver-version-mismatch",
        "",
        f"the NVIDIA driver that is loaded is {kernel}, and its libraries are {version}",
        in_container
        if system.in_container
        else "Restart the machine (`sudo reboot`): the driver was updated since it started.",
        "Every CUDA program fails until both are the same (Failed to initialize NVML: Driver/library version "
        "mismatch).",
        (f"/proc/driver/nvidia/version: {kernel}", f"/{path}: {version}"),
    )


def _nodes(system: System, gpus: Iterable[Gpu], wanted: Collection[str]) -> Iterator[Finding]:
    """Device nodes that are there, and that this user may not open."""
    vendors = {gpu.namespace for gpu in gpus} | ({"nvidia"} if kernel_driver(system) else set())
    closed: dict[str, list[Path]] = {}
    for namespace, name in device_nodes(system):
        if namespace in vendors and not system.may_open(system.path(name)):
            closed.setdefault(namespace, []).append(system.path(name))
    for namespace, paths in closed.items():
        if namespace == "intel" and "intel" not in wanted:
            continue
        group = group_of(paths[0])
        user = (
            "Start the container with `--group-add` and the number of that group on the host."
            if (system.in_container)
            else f"`sudo usermod -aG {group} $USER`, then log in again."
        )
        yield Finding(
            _severity(namespace, wanted),
            "closed-device",
            "",
            f"{', '.join(map(str, paths))} may not be opened by this user (group {group})",
            "`sudo nvidia-modprobe -u -c=0` makes the nodes anew with their usual permissions."
            if namespace == "nvidia"
            else user,
            f"No program of this user can use the {VENDORS[namespace]} GPU.",
            tuple(permissions(path) for path in paths),
        )


def _wsl(system: System, wanted: Collection[str]) -> Iterator[Finding]:
    """What keeps programs in WSL from the GPU (NVIDIA, "CUDA on WSL User Guide")."""
    if not system.is_wsl or not wanted:
        return
    if not system.has("dev/dxg") and "standard" not in system.kernel and "WSL2" not in system.kernel:
        yield Finding(
            "error",
            "wsl1",
            "",
            f"this is WSL 1 (kernel {system.kernel}), which has no GPUs",
            "In Windows: `wsl --set-version DISTRIBUTION 2`.",
            "Only WSL 2 gives Linux programs the GPU.",
            ("/proc/sys/kernel/osrelease",),
        )
        return
    if "nvidia" not in wanted:
        return
    inside = [path for path in driver_libraries(system, "libcuda.so") if link_target(system, path)]
    from_windows = system.has(f"{_WSL_FOLDER}/libcuda.so.1")
    if inside and from_windows:
        yield Finding(
            "error",
            "driver-inside-wsl",
            "",
            f"a Linux driver of NVIDIA's is installed inside WSL 2 (/{inside[0]}), beside Windows' own",
            "`sudo apt-get remove --purge '^nvidia-.*' '^libnvidia-.*'`: in WSL 2 Windows has the driver.",
            "Programs may load the library that cannot reach the GPU.",
            tuple(f"/{path}" for path in (*inside, f"{_WSL_FOLDER}/libcuda.so.1")),
        )
    elif not from_windows:
        yield Finding(
            "error",
            "no-driver",
            "",
            f"WSL 2 has no libcuda.so.1 from Windows (/{_WSL_FOLDER})",
            "Install NVIDIA's driver in Windows, then `wsl --shutdown`.",
            "CUDA programs cannot start.",
            (f"/{_WSL_FOLDER}",),
        )


def _hidden(system: System, wanted: Collection[str]) -> Iterator[Finding]:
    for variable, namespaces in VISIBLE.items():
        value = system.environ.get(variable)
        if value is None or not any(
            namespace in wanted and _hides(system.environ, variable, namespace) for namespace in namespaces
        ):
            continue
        yield Finding(
            "suggestion",
            "hidden-devices",
            "",
            f"{variable} is set to {value!r}, which hides every GPU",
            f"`unset {variable}` shows them again.",
            "Programs that are started from here see no GPU.",
            (f"{variable}={value}",),
        )


def _hides(environ: Mapping[str, str], variable: str, namespace: str) -> bool:
    """Whether a variable hides every GPU of a vendor. HIP reads CUDA's only where its own says nothing."""
    value = environ.get(variable, "").strip()
    if namespace == "amd" and variable == "CUDA_VISIBLE_DEVICES" and environ.get("HIP_VISIBLE_DEVICES"):
        return False
    return value in _HIDES if value else (variable, namespace) in _EMPTY_HIDES


def _library_path(system: System, packages: Iterable[Inspected]) -> Iterator[Finding]:
    """Libraries that LD_LIBRARY_PATH puts before those that packages brought."""
    brought = {
        file.path.name: item
        for item in packages
        if item.build.library
        for file in item.files
        if ".so" in file.path.name
    }
    for folder in system.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep):
        if not folder or not brought:
            continue
        found = [name for name in system.names(folder.lstrip("/")) if name in brought]
        if found:
            owner = brought[found[0]]
            yield Finding(
                "suggestion",
                "library-path",
                owner.name,
                f"LD_LIBRARY_PATH puts {folder}/{found[0]} before the one of {owner}",
                "`unset LD_LIBRARY_PATH`, or take that folder out of it: packages find their own libraries.",
                "Programs may load a version of it that they were not built for.",
                tuple(f"{folder}/{name}" for name in found[:4]),
            )


def _toolkit(system: System, packages: Mapping[NormalizedName, Inspected]) -> Iterator[Finding]:
    """The CUDA that extensions would be built with: it is not there, or of another major than torch's."""
    torch = packages.get(NormalizedName("torch"))
    built_for = torch.build.version if torch is not None and torch.build.accelerator == "nvidia" else None
    if torch is None or built_for is None:
        return
    folder = toolkit_folder(system)
    variable = next((name for name in TOOLKIT_VARIABLES if system.environ.get(name)), None)
    if variable is not None and not system.names(folder.lstrip("/")):
        yield Finding(
            "suggestion",
            "toolkit-missing",
            "torch",
            f"{variable} is {folder}, and there is no such folder, or nothing is in it",
            f"`unset {variable}`, or set it to the folder of a CUDA {built_for} toolkit.",
            "Extensions of torch cannot be built here, and programs that look for CUDA there fail.",
            (f"{variable}={folder}",),
        )
        return
    version = toolkit_version(system, folder.lstrip("/"))
    if version is None:
        return
    if version.partition(".")[0] == built_for.partition(".")[0]:
        return
    yield Finding(
        "suggestion",
        "toolkit-mismatch",
        "torch",
        f"the CUDA toolkit in {folder} is {version}, and {torch} is built for CUDA {built_for}",
        f"Install the toolkit of CUDA {built_for}, and set CUDA_HOME to it, before you build extensions.",
        "Extensions of torch cannot be built here; running it is not affected.",
        (f"{folder}/version.json",),
    )


def _companions(
    system: System, packages: Mapping[NormalizedName, Inspected], commands: Commands
) -> Iterator[Finding]:
    """Builds for CUDA whose wheels do not require its libraries: an extra or the system brings them."""
    for name, (library, owner, wanted) in COMPANIONS.items():
        item = packages.get(NormalizedName(name))
        if item is None or item.build.accelerator != "nvidia":
            continue
        if any(other.startswith(owner) for other in packages) or has_library(system, library):
            continue
        yield Finding(
            "suggestion",
            "libraries-missing",
            item.name,
            f"{item} is built for CUDA, and {library} is neither in a package nor in the system's folders",
            f"`{commands.install(wanted)}` brings CUDA's libraries with it.",
            f"{name} falls back to the CPU, and says so only in its log.",
            (
                f"no package {owner}*",
                f"no {library} in {', '.join(LIBRARY_FOLDERS[:3])}, usr/local/cuda/lib64",
            ),
        )


COMPANIONS: Mapping[str, tuple[str, str, str]] = {
    "tensorflow": ("libcudnn.so", "nvidia-cudnn-cu", "tensorflow[and-cuda]"),
    "onnxruntime-gpu": ("libcudnn.so", "nvidia-cudnn-cu", "onnxruntime-gpu[cuda,cudnn]"),
}
"""Distribution -> a library that it loads, whose packages begin how, and the requirement that brings them."""
