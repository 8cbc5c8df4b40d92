"""The parsers of the NVIDIA and processor detectors take anything: no exception escapes, no wrong type."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from variant_providers import PLUGINS
from variant_providers.aarch64 import Aarch64Plugin
from variant_providers.config import FactsError
from variant_providers.cpu import darwin, windows
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.nvidia import kernel_files as nvidia_files
from variant_providers.nvidia.kernel_driver import cuda_of_driver
from variant_providers.nvidia.nvidia_smi import take_csv, take_header
from variant_providers.nvidia.report import DriverReport, NvidiaGpu
from variant_providers.nvidia.tables import chips as nvidia_chips
from variant_providers.nvidia.tables import cuda
from variant_providers.plugin import Plugin
from variant_providers.probing.pci import graphics
from variant_providers.probing.tree import Tree
from variant_providers.x86_64 import X8664Plugin

words = st.sampled_from(
    [
        "index",
        "name",
        "compute_cap",
        "driver_version",
        "memory.total",
        "[MiB]",
        "mig.mode.current",
        "0",
        "1",
        "99999999999",
        "9.0",
        "-1.0",
        "0.0",
        "[N/A]",
        "[Not_Supported]",
        "81559",
        "MiB",
        "Enabled",
        "Disabled",
        "570.86.15",
        "٣.٤",
        "²",
        "CUDA",
        "Version:",
        "UMD",
        "KMD",
        "Driver",
        "ERR!",
        "NVIDIA",
        "Kernel",
        "Module",
        "for",
        "x86_64",
        "NVRM",
        "version:",
        "R36",
        "(release),",
        "REVISION:",
        "4.0,",
        "#",
        "flags",
        "Features",
        "processor",
        ":",
        "=",
        "hw.optional.arm.FEAT_I8MM",
        "machdep.cpu.features",
        "AVX2",
        "PF_AVX2_INSTRUCTIONS_AVAILABLE",
        "(40)",
        "(999)",
        "0x10de",
        "0x2330",
        "0x030000",
        "0xzz",
        "nvidia,tegra234",
    ]
)
glue = st.sampled_from([" ", ", ", "\n", "\t", ":", ": ", "|", "\0", '"', "\r", "\x85", "\u2028"])
lines = st.lists(st.tuples(words | st.text(max_size=6), glue).map("".join), max_size=40).map("".join)
texts = lines | st.text()


def check_gpu(gpu: NvidiaGpu) -> None:
    json.dumps(gpu.as_device())
    assert type(gpu.index) is int and isinstance(gpu.name, str) and gpu.name.isprintable()
    assert gpu.capability is None or all(type(number) is int and number >= 0 for number in gpu.capability)
    assert gpu.memory_bytes is None or gpu.memory_bytes > 0


@given(texts, texts)
def test_nvidia_smi(table: str, header: str) -> None:
    seen = DriverReport("nvidia-smi")
    take_csv(table, seen)
    take_header(header, seen)
    assert seen.cuda is None or all(type(number) is int for number in seen.cuda)
    assert seen.driver.isascii()
    for gpu in seen.gpus:
        check_gpu(gpu)


@given(texts)
def test_sysctl(text: str) -> None:
    values = darwin.parse_sysctl(text)
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in values.items())
    assert darwin.arm_extensions(values) >= {"fp", "asimd"}
    assert all(isinstance(name, str) for name in darwin.x86_extensions(values))
    assert darwin.is_translated(values) in (True, False)


@given(texts)
def test_windows_features(text: str) -> None:
    numbers = windows.parse_features(text)
    assert all(type(number) is int and 0 <= number < 1000 for number in numbers)
    assert windows.x86_extensions(numbers) >= {"sse2"} and windows.arm_extensions(numbers) >= {"fp"}


FILES = (
    "machine", "proc/cpuinfo", "proc/driver/nvidia/version", "sys/module/nvidia/version",
    "proc/device-tree/compatible", "proc/device-tree/model", "etc/nv_tegra_release",
    "nvidia-smi.csv", "nvidia-smi.txt", "sysctl.txt",
    "processor-features.txt", "sys/bus/pci/devices/0000:01:00.0/class",
    "sys/bus/pci/devices/0000:01:00.0/vendor",
    "sys/bus/pci/devices/0000:01:00.0/device", "proc/driver/nvidia/gpus/0000:01:00.0/information",
)  # fmt: skip
trees = st.dictionaries(st.sampled_from(FILES), texts | st.binary(max_size=60), max_size=len(FILES))


@given(trees)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_tree_is_probed(files: dict[str, str | bytes]) -> None:
    with tempfile.TemporaryDirectory() as root:
        for name, content in files.items():
            path = Path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
            )
        tree = Tree(root)
        for gpu in nvidia_files.read_files(tree).gpus:
            check_gpu(gpu)
        assert all(isinstance(device.device, int) for device in graphics(tree, 0x10DE))
        for plugin in (NvidiaPlugin, X8664Plugin, Aarch64Plugin):
            report = plugin.detect(root)
            json.dumps(report)
            assert report["status"] in ("ok", "absent", "error")
            assert isinstance(report["features"], list)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["12.8", "v3", "8.2a"]),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=2)
    ),
    max_leaves=6,
)
keys = st.sampled_from(["cuda_driver", "compute_capabilities", "level", "version", "features"]) | st.text(
    max_size=5
)


@pytest.mark.parametrize("plugin", [NvidiaPlugin, X8664Plugin, Aarch64Plugin])
@given(facts=st.dictionaries(keys, values, max_size=3))
def test_any_profile_table_is_taken_or_refused(plugin: type[Plugin], facts: dict[str, object]) -> None:
    try:
        configs = plugin.configs_from_facts(facts)
    except FactsError as error:
        assert isinstance(error.key, str) and error.problem and error.allowed
        return
    for config in configs:
        assert config.values and all(isinstance(value, str) for value in config.values)


@given(st.integers(0, 0xFFFF))
def test_any_device_id_has_one_chip_or_none(device: int) -> None:
    inside = [chip for first, last, chip in nvidia_chips.BLOCKS if first <= device <= last]
    assert len(inside) <= 1
    expected = nvidia_chips.CAPABILITIES[inside[0]] if inside else None
    assert nvidia_files.capability_of(device) == expected


def test_the_tables_are_in_order() -> None:
    firsts = [first for first, _last, _chip in nvidia_chips.BLOCKS]
    assert firsts == sorted(firsts)
    assert {chip for *_ids, chip in nvidia_chips.BLOCKS} == set(nvidia_chips.CAPABILITIES)
    assert list(cuda.DRIVER_BRANCHES) == sorted(cuda.DRIVER_BRANCHES)
    versions = [version for _branch, version in cuda.DRIVER_BRANCHES]
    assert versions == sorted(versions)


def test_every_named_gpu_has_a_capability() -> None:
    """The names come from two lists, the blocks from a third look at them: they have to fit."""
    names = Path(nvidia_files.__file__).parent / "tables" / "gpus.txt"
    ids = [line.partition(" ")[0] for line in names.read_text().splitlines() if not line.startswith("#")]
    assert len(ids) == len(set(ids)) > 600 and ids == sorted(ids)
    without = [number for number in ids if nvidia_files.capability_of(int(number, 16)) is None]
    # A development board whose chip is not published.
    assert without == ["29bb"]


@pytest.mark.parametrize(
    ("device", "name", "capability"),
    [
        ("1380", "GTX 750 Ti", (5, 0)), ("17c2", "GTX TITAN X", (5, 2)), ("13c2", "GTX 970", (5, 2)),
        ("15f8", "P100 PCIe 16GB", (6, 0)), ("1b80", "GTX 1080", (6, 1)), ("1b06", "GTX 1080 Ti", (6, 1)),
        ("1b38", "P40", (6, 1)), ("1db4", "V100 PCIe 16GB", (7, 0)), ("1eb8", "T4", (7, 5)),
        ("1f82", "GTX 1650", (7, 5)), ("2184", "GTX 1660", (7, 5)), ("1e04", "RTX 2080 Ti", (7, 5)),
        ("20b5", "A100 80GB PCIe", (8, 0)), ("20b7", "A30", (8, 0)), ("2204", "RTX 3090", (8, 6)),
        ("2236", "A10", (8, 6)), ("2504", "RTX 3060", (8, 6)), ("25b6", "A2", (8, 6)),
        ("2684", "RTX 4090", (8, 9)), ("26b9", "L40S", (8, 9)), ("27b8", "L4", (8, 9)),
        ("2331", "H100 PCIe", (9, 0)), ("2335", "H200", (9, 0)), ("2342", "GH200", (9, 0)),
        ("2901", "B200", (10, 0)), ("2941", "GB200", (10, 0)), ("3182", "B300", (10, 3)),
        ("2b85", "RTX 5090", (12, 0)), ("2d04", "RTX 5060 Ti", (12, 0)), ("2bb1", "RTX PRO 6000", (12, 0)),
        ("2e12", "GB10", (12, 1)), ("102d", "K80", (3, 7)), ("1180", "GTX 680", (3, 0)),
    ],
)  # fmt: skip
def test_common_gpus(device: str, name: str, capability: tuple[int, int]) -> None:
    """By hand, from NVIDIA's page of compute capabilities."""
    assert name in nvidia_files.name_of(int(device, 16))
    assert nvidia_files.capability_of(int(device, 16)) == capability


@pytest.mark.parametrize(
    ("driver", "version"),
    [
        ("340.108", None), ("440.33", (10, 2)), ("450.51.06", (11, 0)), ("470.256.02", (11, 4)),
        ("525.60.13", (12, 0)), ("535.54", (12, 2)), ("572.16", (12, 8)), ("580.65.06", (13, 0)),
        ("595.45.04", (13, 2)), ("610.43.02", (13, 3)), ("999.1", (13, 3)),
    ],
)  # fmt: skip
def test_drivers(driver: str, version: tuple[int, int] | None) -> None:
    """By hand, from the table in NVIDIA's CUDA release notes."""
    assert cuda_of_driver(driver) == version


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("| NVIDIA-SMI 570.86.15  Driver Version: 570.86.15  CUDA Version: 12.8 |", (12, 8)),
        ("| NVIDIA-SMI 610.47  KMD Version: 610.47  CUDA UMD Version: 13.3 |", (13, 3)),
        ("| NVIDIA-SMI 390.48  Driver Version: 390.48 |", None),
        ("| NVIDIA-SMI 535.1  Driver Version: 535.1  CUDA Version: N/A |", None),
        ("| NVIDIA-SMI 535.1  Driver Version: 535.1  CUDA Version: ERR! |", None),
    ],
)
def test_headers(header: str, version: tuple[int, int] | None) -> None:
    seen = DriverReport("nvidia-smi")
    take_header(header, seen)
    assert seen.cuda == version and seen.driver


def test_every_plugin_is_listed() -> None:
    assert list(PLUGINS) == ["nvidia", "amd", "intel", "tpu", "x86_64", "aarch64"]
