"""The machine's own faults, in trees: recorded ones of fixtures/machines, and ones made for a fault."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from tests.doctor.machines import COMMANDS, installed
from variantctl.doctor.findings import Finding
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.system import System
from variantctl.doctor.system_checks import check_system, not_detected
from variantctl.providers.algorithm import Machine, ProviderNote
from variantctl.select.ordinary_builds import OrdinaryBuild
from variantctl.target.installed import InstalledFile

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"
MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  {}  Release Build\n"


class Tree:
    """A root folder to fill."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.closed: set[str] = set()
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str = "") -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def link(self, name: str, target: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def gpu(self, vendor: str, driver: str = "") -> None:
        folder = "sys/bus/pci/devices/0000:01:00.0"
        self.write(f"{folder}/vendor", vendor + "\n")
        self.write(f"{folder}/class", "0x030000\n")
        if driver:
            self.link(f"{folder}/driver", f"../../../bus/pci/drivers/{driver}")

    def nvidia(self, kernel: str = "570.133.20", library: str = "570.133.20") -> None:
        self.gpu("0x10de", "nvidia")
        self.write("proc/driver/nvidia/version", MODULE.format(kernel))
        self.write("dev/nvidiactl")
        for name in ("libcuda", "libnvidia-ml"):
            self.write(f"usr/lib/x86_64-linux-gnu/{name}.so.{library}")
            self.link(f"usr/lib/x86_64-linux-gnu/{name}.so.1", f"{name}.so.{library}")

    def find(self, wanted: Collection[str] = ("nvidia",), *packages: Inspected) -> list[Finding]:
        def may_open(path: Path) -> bool:
            return str(path.relative_to(self.root)) not in self.closed

        system = System(self.root, self.environ, may_open)
        return list(check_system(system, {item.name: item for item in packages}, wanted, COMMANDS))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.kind) for finding in findings]


def recorded(name: str, wanted: Collection[str], environ: Mapping[str, str] | None = None) -> list[Finding]:
    return list(
        check_system(
            System(MACHINES / name / "tree", environ or {}, lambda _path: True), {}, wanted, COMMANDS
        )
    )


def test_a_machine_that_is_well(tree: Tree) -> None:
    tree.nvidia()
    assert tree.find() == []
    assert Tree(tree.root / "empty").find(("nvidia", "amd", "intel")) == []


@pytest.mark.parametrize(
    "name", ["dgx-h100", "mi300x-8", "arc-a770", "xeon-no-gpu", "raspberry-pi-5", "jetson-orin"]
)
def test_recorded_machines_that_are_well(name: str) -> None:
    assert recorded(name, ("nvidia", "amd", "intel")) == []


def test_driver_and_libraries_of_different_versions(tree: Tree) -> None:
    tree.nvidia("570.133.20", "575.57.08")
    (finding,) = tree.find()
    assert kinds([finding]) == [("error", "driver-version-mismatch")]
    assert "that is loaded is 570.133.20, and its libraries are 575.57.08" in finding.detail
    assert "`sudo reboot`" in finding.hint and len(finding.evidence) == 2
    assert kinds(tree.find(())) == [("suggestion", "driver-version-mismatch")]
    tree.write(".dockerenv")
    assert "Start the container anew" in tree.find()[0].hint


def test_the_open_kernel_module_names_itself_otherwise(tree: Tree) -> None:
    tree.nvidia("560.35.03", "560.35.03")
    text = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build\n"
    tree.write("proc/driver/nvidia/version", text)
    assert tree.find() == []
    tree.write("proc/driver/nvidia/version", text.replace("560.35.03", "565.57.01"))
    assert kinds(tree.find()) == [("error", "driver-version-mismatch")]


def test_a_container_without_its_gpu_flag(tree: Tree) -> None:
    (finding,) = recorded("container-without-driver", ("nvidia",))
    assert kinds([finding]) == [("error", "container-without-gpu")]
    assert "docker run --gpus all" in finding.hint
    assert recorded("container-without-driver", ()) == []
    assert recorded("container-driver-no-tools", ("nvidia",)) == []
    (amd,) = recorded("amd-container", ("amd",), {"KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert amd.kind == "container-without-gpu" and "--device /dev/kfd --device /dev/dri" in amd.hint
    tree.gpu("0x8086", "i915")
    tree.write("run/.containerenv")
    assert kinds(tree.find(("intel",))) == [("error", "container-without-gpu")]
    tree.write("dev/dri/renderD128")
    assert tree.find(("intel",)) == []


def test_a_container_with_nodes_and_without_the_drivers_library(tree: Tree) -> None:
    tree.write("proc/driver/nvidia/version", MODULE.format("570.1.2"))
    tree.write("dev/nvidiactl")
    tree.write(".dockerenv")
    (finding,) = tree.find()
    assert finding.kind == "driver-library-missing" and "NVIDIA_DRIVER_CAPABILITIES" in finding.hint


def test_device_nodes_that_may_not_be_opened(tree: Tree) -> None:
    tree.gpu("0x1002", "amdgpu")
    tree.write("sys/class/kfd/kfd/topology/nodes/1/gpu_id", "1234")
    tree.write("sys/class/drm/renderD128/device/vendor", "0x1002\n")
    tree.write("dev/kfd")
    tree.write("dev/dri/renderD128")
    assert tree.find(("amd",)) == []
    tree.closed = {"dev/kfd", "dev/dri/renderD128"}
    (finding,) = tree.find(("amd",))
    assert kinds([finding]) == [("error", "closed-device")]
    assert str(tree.root / "dev/kfd") in finding.detail and "dev/dri/renderD128" in finding.detail
    assert "`sudo usermod -aG " in finding.hint and "mode 644" in finding.evidence[0]
    assert kinds(tree.find(())) == [("suggestion", "closed-device")]
    tree.write(".dockerenv")
    assert "--group-add" in tree.find(("amd",))[0].hint


def test_nvidias_nodes_may_be_closed_too(tree: Tree) -> None:
    tree.nvidia()
    tree.closed = {"dev/nvidiactl"}
    assert kinds(tree.find()) == [("error", "closed-device")]


def test_no_driver() -> None:
    (finding,) = recorded("nvidia-without-driver", ("nvidia",))
    assert kinds([finding]) == [("error", "no-driver")] and "sudo modprobe nvidia" in finding.hint
    assert kinds(recorded("amdgpu-not-loaded", ("amd",))) == [("error", "no-driver")]
    assert recorded("amdgpu-not-loaded", ("nvidia",)) == []


def test_a_gpu_that_nouveau_has_or_a_virtual_machine(tree: Tree) -> None:
    tree.gpu("0x10de", "nouveau")
    assert "the kernel's driver nouveau has it" in tree.find()[0].detail
    other = Tree(tree.root / "passed")
    other.gpu("0x10de", "vfio-pci")
    assert other.find() == []


def test_wsl(tree: Tree) -> None:
    assert recorded("wsl2", ("nvidia",)) == []
    (missing,) = recorded("wsl2-without-driver", ("nvidia",))
    assert missing.kind == "no-driver" and "Windows" in missing.hint
    tree.write("dev/dxg")
    tree.write("usr/lib/wsl/lib/libcuda.so.1")
    tree.write("proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n")
    assert tree.find() == []
    tree.link("usr/lib/x86_64-linux-gnu/libcuda.so.1", "libcuda.so.570.133.20")
    assert kinds(tree.find()) == [("error", "driver-inside-wsl")]
    first = Tree(tree.root / "first")
    first.write("proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n")
    assert kinds(first.find()) == [("error", "wsl1")]


@pytest.mark.parametrize(
    ("variable", "value", "wanted", "expected"),
    [
        ("CUDA_VISIBLE_DEVICES", "", "nvidia", 1),
        ("CUDA_VISIBLE_DEVICES", "-1", "nvidia", 1),
        ("CUDA_VISIBLE_DEVICES", "0,1", "nvidia", 0),
        ("CUDA_VISIBLE_DEVICES", "", "intel", 0),
        ("CUDA_VISIBLE_DEVICES", "", "amd", 0),
        ("CUDA_VISIBLE_DEVICES", "-1", "amd", 1),
        ("HIP_VISIBLE_DEVICES", "", "amd", 0),
        ("HIP_VISIBLE_DEVICES", "-1", "amd", 1),
        ("ROCR_VISIBLE_DEVICES", "", "amd", 1),
        ("HIP_VISIBLE_DEVICES", "", "nvidia", 0),
    ],
)
def test_variables_that_hide_gpus(tree: Tree, variable: str, value: str, wanted: str, expected: int) -> None:
    tree.environ = {variable: value}
    found = tree.find((wanted,))
    assert kinds(found) == [("suggestion", "hidden-devices")] * expected
    assert all(f"`unset {variable}`" in finding.hint for finding in found)


def test_libraries_that_are_found_before_those_of_packages(tree: Tree) -> None:
    name = "libcudnn.so.9"
    record = (InstalledFile(Path("/env/nvidia/cudnn/lib") / name, "", 1),)
    cudnn = installed("nvidia-cudnn-cu12", requires=(), files=record)
    tree.environ = {"LD_LIBRARY_PATH": "/usr/local/cuda/lib64:"}
    assert tree.find((), cudnn) == []
    tree.write(f"usr/local/cuda/lib64/{name}")
    (finding,) = tree.find((), cudnn)
    assert kinds([finding]) == [("suggestion", "library-path")]
    assert "/usr/local/cuda/lib64/libcudnn.so.9 before the one of nvidia-cudnn-cu12 1.0" in finding.detail


def test_a_toolkit_of_another_major_than_torchs(tree: Tree) -> None:
    torch = installed("torch", "2.9.0", ("nvidia-cublas",))
    assert tree.find((), torch) == []
    tree.write("usr/local/cuda/version.json", '{"cuda": {"name": "CUDA SDK", "version": "12.4.1"}}')
    (finding,) = tree.find((), torch)
    assert kinds([finding]) == [("suggestion", "toolkit-mismatch")]
    assert "is 12.4.1, and torch 2.9.0 is built for CUDA 13.0" in finding.detail
    tree.write("opt/cuda/version.json", '{"cuda": {"version": "13.0.1"}}')
    tree.environ = {"CUDA_HOME": "/opt/cuda"}
    assert tree.find((), torch) == []
    tree.write("opt/cuda/version.json", '["13"]')
    assert tree.find((), torch) == []


def test_a_folder_of_the_toolkit_that_is_not_there(tree: Tree) -> None:
    torch = installed("torch", "2.9.0", ("nvidia-cublas",))
    tree.environ = {"CUDA_HOME": "/usr/local/cuda-12.4"}
    (finding,) = tree.find((), torch)
    assert kinds([finding]) == [("suggestion", "toolkit-missing")]
    assert finding.detail.startswith("CUDA_HOME is /usr/local/cuda-12.4, and there is no such folder")
    assert "set it to the folder of a CUDA 13.0 toolkit" in finding.hint
    # Nobody who runs a CPU build, or no torch, needs a toolkit.
    assert tree.find(()) == []
    tree.write("usr/local/cuda-12.4/bin/nvcc")
    assert tree.find((), torch) == []
    # torch reads CUDA_PATH only where CUDA_HOME is not set.
    tree.environ["CUDA_PATH"] = "/opt/gone"
    assert tree.find((), torch) == []
    del tree.environ["CUDA_HOME"]
    assert "CUDA_PATH is /opt/gone" in tree.find((), torch)[0].detail


def test_the_nvcc_on_path_says_which_toolkit(tree: Tree) -> None:
    torch = installed("torch", "2.9.0", ("nvidia-cublas",))
    tree.write("usr/local/cuda/version.json", '{"cuda": {"version": "13.0.1"}}')
    tree.write("opt/old/version.json", '{"cuda": {"version": "11.8.0"}}')
    tree.write("opt/old/bin/nvcc")
    assert tree.find((), torch) == []
    tree.environ = {"PATH": "/usr/bin:/opt/old/bin"}
    assert "in /opt/old is 11.8.0" in tree.find((), torch)[0].detail


def test_tensorflow_without_the_libraries_of_cuda(tree: Tree) -> None:
    tree.nvidia()
    cuda = OrdinaryBuild("nvidia", "12.5", {"nvidia": {"cuda_version_lower_bound": ("12.0",)}})
    tensorflow = installed("tensorflow", "2.21.0", build=cuda)
    (finding,) = tree.find(("nvidia",), tensorflow)
    assert kinds([finding]) == [("suggestion", "libraries-missing")]
    assert "`variantctl install 'tensorflow[and-cuda]' -p env`" in finding.hint
    assert tree.find(("nvidia",), tensorflow, installed("nvidia-cudnn-cu12")) == []
    tree.write("usr/local/cuda/lib64/libcudnn.so.9")
    assert tree.find(("nvidia",), tensorflow) == []


class Silent(Machine):
    """A machine whose detectors could not find out."""

    @property
    def notes(self) -> list[ProviderNote]:
        return [
            ProviderNote("nvidia", "error", "NVML: error 18 (version mismatch)"),
            ProviderNote("nvidia", "error", "libcuda did not answer in 2 s"),
            ProviderNote("amd", "absent", "no AMD compute driver was seen"),
            ProviderNote("nvidia", "ok", "a note"),
        ]


def test_what_the_detectors_could_not_find_out() -> None:
    (finding,) = not_detected(Silent(), ("nvidia",))
    assert kinds([finding]) == [("error", "not-detected")]
    assert "NVML: error 18" in finding.detail and finding.evidence == ("libcuda did not answer in 2 s",)
    assert kinds(list(not_detected(Silent(), ()))) == [("suggestion", "not-detected")]
    assert list(not_detected(Machine(), ("nvidia",))) == []
