"""Intel GPUs: the real ctypes path against a compiled stand-in for libze_loader, PCI ids, and visibility."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.finding import Finding
from variant_providers.intel import IntelPlugin, level_zero
from variant_providers.intel import probe as intel
from variant_providers.intel.level_zero import SONAME, ZeDevice, decode_ip, read_answer
from variant_providers.intel.tables.device_ips import DEVICE_IPS
from variant_providers.intel.tables.pci_ids import DISCRETE_IPS, IDS, TWO_TILES, look_up
from variant_providers.intel.visible import masked, selected
from variant_providers.probing.child import ChildAnswer
from variant_providers.probing.pci import INTEL, graphics
from variant_providers.probing.tree import Tree

from tests.plugins.here import MACHINES, Here, detect_here, in_tree, values

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in is an ELF library")
STUB = Path(__file__).with_name("stubs") / "ze_loader.c"
CALLS = ("zeInitDrivers", "zeDeviceGet", "zeDeviceGetProperties", "zeDeviceGetMemoryProperties")
OLD_CALLS = ("zeInit", "zeDriverGet")
CODES = sorted(code for code in level_zero.ERRORS if code > 0)
UHD = {"kind": "integrated", "index": 0, "name": "Intel UHD Graphics 770", "device_ip": "12.2.0"}
B580 = {"kind": "discrete", "index": 1, "name": "Intel Arc B580 Graphics", "device_ip": "20.1.0"}
Fake = Callable[..., None]


@pytest.fixture(scope="session")
def ze_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that each hold a libze_loader.so.1: a ``new`` one, and one of before 1.10, ``old``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the Level Zero stand-in cannot be built")
    folders = {}
    for kind, options in {"new": [], "old": ["-DOLD"]}.items():
        folders[kind] = tmp_path_factory.mktemp(f"ze-{kind}")
        command = [compiler, "-shared", "-fPIC", *options, "-o", str(folders[kind] / SONAME), str(STUB)]
        subprocess.run(command, check=True)
    return folders


@pytest.fixture
def fake_ze(ze_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Fake:
    """``fake_ze(mode, devices, kind)`` puts the stand-in where the loader finds it, behaving as told."""

    def install(mode: str = "", devices: str = "01", kind: str = "new") -> None:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(ze_folders[kind]))
        monkeypatch.setenv("FAKE_ZE", mode)
        monkeypatch.setenv("FAKE_ZE_DEVICES", devices)

    return install


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZE_AFFINITY_MASK", "ONEAPI_DEVICE_SELECTOR", "ZE_FLAT_DEVICE_HIERARCHY"):
        monkeypatch.delenv(name, raising=False)


def detected(patch: pytest.MonkeyPatch, machine: str | Path = "arc-b580") -> dict[str, Any]:
    report = detect_here(IntelPlugin, machine, patch)
    json.dumps(report)
    return report


@linux_only
@pytest.mark.parametrize("kind", ["new", "old"])
def test_it_answers(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    fake_ze(kind=kind)
    report = detected(monkeypatch)
    assert report["status"] == "ok" and report["source"] == "Level Zero" and report["notes"] == []
    assert report["facts"] == {"device_ips": ["20.1.0", "12.2.0"]}
    assert values(report) == {"device_ip": ["20.1.0", "12.2.0"]}
    assert report["devices"] == [UHD, {**B580, "memory_bytes": 12168933376}]
    assert {seen["source"] for seen in report["evidence"]} == {"Level Zero zeDeviceGetProperties"}
    assert "ab" * 4 not in json.dumps(report).lower()


@linux_only
@pytest.mark.parametrize(
    ("devices", "ips"), [("1", ["20.1.0"]), ("22", ["12.60.7"]), ("12", ["20.1.0", "12.60.7"])]
)
def test_one_and_two_gpus(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, devices: str, ips: list[str]
) -> None:
    fake_ze(devices=devices)
    report = detected(monkeypatch)
    assert report["facts"] == {"device_ips": ips}
    assert [device["index"] for device in report["devices"]] == list(range(len(devices)))


@linux_only
def test_npus_and_other_vendors_are_left_out(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze(devices="3142")
    report = detected(monkeypatch)
    assert report["facts"] == {"device_ips": ["20.1.0", "12.60.7"]}


@linux_only
@pytest.mark.parametrize("code", CODES, ids=hex)
@pytest.mark.parametrize("call", CALLS[:3])
def test_a_failing_call_costs_a_note(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    fake_ze(f"fail:{call}:{code}")
    report = detected(monkeypatch)
    # The PCI ids still tell what there is, and only "no driver can be used" says that nothing can use it.
    denied = code == level_zero.NO_DRIVER
    assert report["status"] == ("error" if denied else "ok") and report["source"] == "PCI device ids"
    assert report["facts"] == (None if denied else {"device_ips": ["20.1.0", "12.2.0"]})
    assert any(
        f"{call}: {level_zero.ERRORS[code]} (Level Zero error {code:#x})" in note for note in report["notes"]
    )


@linux_only
@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([], "there is no /dev/dri/renderD128 (start a container with --device=/dev/dri)"),
        (["renderD128"], "is the compute driver (libze_intel_gpu.so.1) installed and new enough?"),
    ],
)
@pytest.mark.parametrize("mode", ["", f"fail:zeInitDrivers:{level_zero.NO_DRIVER}"])
def test_level_zero_is_not_overruled_by_the_bus(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, nodes: list[str], why: str
) -> None:
    """A GPU that Level Zero does not find is of no use to any program."""
    shutil.copytree(MACHINES / "arc-b580" / "tree", tmp_path, dirs_exist_ok=True)
    for node in nodes:
        (tmp_path / "dev" / "dri").mkdir(parents=True)
        (tmp_path / "dev" / "dri" / node).touch()
    fake_ze(mode, devices="")
    report = detected(monkeypatch, tmp_path)
    assert report["status"] == "error" and report["facts"] is None and report["features"] == []
    assert [device["visible"] for device in report["devices"]] == [False, False]
    assert f"programs cannot use the Intel GPU on the PCI bus: {why}" in report["notes"][-1].replace(
        "Level Zero finds none; ", ""
    )


@linux_only
def test_a_node_that_may_not_be_opened(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(MACHINES / "arc-b580" / "tree", tmp_path, dirs_exist_ok=True)
    (tmp_path / "dev" / "dri").mkdir(parents=True)
    (tmp_path / "dev" / "dri" / "renderD128").touch()
    fake_ze(devices="")
    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    assert 'must be in the group "render"' in detected(monkeypatch, tmp_path)["notes"][-1]


@linux_only
def test_a_mask_that_hides_all_is_no_error(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze()
    monkeypatch.setenv("ZE_AFFINITY_MASK", "9")
    report = detected(monkeypatch)
    assert report["status"] == "absent" and report["facts"] is None


@linux_only
def test_a_card_that_a_guest_has(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_tree = in_tree(IntelPlugin, "arc-for-a-guest")
    assert in_a_tree["status"] == "error" and in_a_tree["facts"] is None
    fake_ze(devices="")
    report = detected(monkeypatch, "arc-for-a-guest")
    assert report["status"] == "error" and "set aside for a virtual machine" in report["notes"][-1]


@linux_only
@pytest.mark.parametrize("call", OLD_CALLS)
def test_an_old_loader_that_fails(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    fake_ze(f"fail:{call}:{level_zero.NO_DRIVER}", kind="old")
    report = detected(monkeypatch)
    assert report["source"] == "PCI device ids"
    assert "libze_intel_gpu.so.1" in report["notes"][0]


@linux_only
def test_memory_that_cannot_be_read_is_left_out(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze("fail:zeDeviceGetMemoryProperties:0x78000003")
    report = detected(monkeypatch)
    assert report["source"] == "Level Zero" and report["devices"] == [UHD, B580]
    assert report["notes"] == [
        "zeDeviceGetMemoryProperties: unsupported feature (Level Zero error 0x78000003)"
    ]


@linux_only
@pytest.mark.parametrize("call", CALLS)
def test_a_crash_costs_a_note(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    fake_ze(f"crash:{call}")
    report = detected(monkeypatch)
    assert report["status"] == "ok" and report["facts"] == {"device_ips": ["20.1.0", "12.2.0"]}
    assert "Intel's driver (Level Zero) crashed (SIGSEGV)" in report["notes"]


@linux_only
@pytest.mark.parametrize("call", CALLS)
def test_a_hang_costs_a_note_and_the_limit(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    fake_ze(f"hang:{call}")
    monkeypatch.setenv("VARIANT_PROVIDERS_TIMEOUT", "0.5")
    start = time.perf_counter()
    report = detected(monkeypatch)
    assert time.perf_counter() - start < 1.5
    assert report["status"] == "ok"
    assert any("did not answer within 0.5 s" in note for note in report["notes"])


@linux_only
def test_a_hang_ends_within_three_seconds_by_itself(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze("hang:zeInitDrivers")
    start = time.perf_counter()
    report = detected(monkeypatch)
    assert 1.9 < time.perf_counter() - start < 3
    assert report["source"] == "PCI device ids"


@linux_only
def test_a_crash_with_nothing_else_to_go_by_is_an_error(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ze("crash:zeInitDrivers")
    report = detected(monkeypatch, "skylake-igpu")
    assert report["status"] == "error" and report["facts"] is None


@linux_only
def test_garbage_gives_well_formed_values(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze("garbage")
    report = detected(monkeypatch)
    assert report["status"] == "ok"
    assert report["facts"] == {"device_ips": ["1023.255.63"]}
    assert all("memory_bytes" not in device for device in report["devices"])


@linux_only
def test_what_a_driver_prints_is_not_taken_for_its_answer(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ze("noisy")
    assert detected(monkeypatch)["devices"] == [UHD, {**B580, "memory_bytes": 12168933376}]


@linux_only
def test_without_the_extension_the_device_id_tells(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze("plain")
    report = detected(monkeypatch)
    assert report["source"] == "Level Zero" and report["facts"] == {"device_ips": ["20.1.0", "12.2.0"]}
    assert [seen["source"] for seen in report["evidence"]] == ["PCI device id a780", "PCI device id e20b"]


@linux_only
def test_the_mask_is_applied_once(fake_ze: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ze()
    monkeypatch.setenv("ZE_AFFINITY_MASK", "1")
    assert detected(monkeypatch)["facts"] == {"device_ips": ["20.1.0"]}


@linux_only
def test_the_selector_is_applied_to_what_level_zero_shows(
    fake_ze: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ze()
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", "level_zero:0")
    report = detected(monkeypatch)
    assert report["facts"] == {"device_ips": ["12.2.0"]}
    assert report["devices"][1]["visible"] is False and "visible" not in report["devices"][0]
    assert report["notes"] == ["ONEAPI_DEVICE_SELECTOR leaves 1 of 2 Intel GPUs to Level Zero"]


def test_masks_and_selectors_where_only_the_bus_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel, "find_libraries", list)
    monkeypatch.setenv("ZE_AFFINITY_MASK", "1")
    report = detected(monkeypatch)
    assert report["facts"] == {"device_ips": ["20.1.0"]}
    assert (
        report["notes"][0]
        == f"Level Zero ({SONAME}) is not installed: programs need it to compute on Intel GPUs"
    )
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", "opencl:*")
    report = detected(monkeypatch)
    assert report["status"] == "absent" and report["facts"] is None
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", "nonsense")
    assert detected(monkeypatch)["facts"] == {"device_ips": ["20.1.0"]}


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("", [0, 1, 2]),
        ("level_zero:*", [0, 1, 2]),
        ("level_zero:gpu", [0, 1, 2]),
        ("LEVEL_ZERO:1", [1]),
        ("*:gpu", [0, 1, 2]),
        ("*:0,2", [0, 2]),
        ("level_zero:0.1", [0]),
        ("level_zero:*.*", [0, 1, 2]),
        ("level_zero:cpu", []),
        ("opencl:gpu", []),
        ("cuda:*;hip:*", []),
        ("opencl:*;level_zero:2", [2]),
        ("!level_zero:0", [1, 2]),
        ("!opencl:gpu", [0, 1, 2]),
        ("level_zero:*;!level_zero:1", [0, 2]),
        ("level_zero:9", []),
        ("gpu", None),
        ("metal:*", None),
        ("level_zero:", None),
        ("level_zero:foo", None),
    ],
)
def test_device_selectors(written: str, left: list[int] | None) -> None:
    assert selected(written, 3) == left


@pytest.mark.parametrize(
    ("written", "composite", "left"),
    [
        ("", True, [0, 1]),
        ("default", True, [0, 1]),
        ("0", True, [0]),
        ("1,0", True, [0, 1]),
        ("0.1", True, [0]),
        ("7", True, []),
        ("nonsense", True, []),
        # The first device has two tiles, each of which counts.
        ("1", False, [0]),
        ("2", False, [1]),
    ],
)
def test_affinity_masks(written: str, composite: bool, left: list[int]) -> None:
    assert masked(written, [2, 1], composite=composite) == left


@given(st.text(max_size=60), st.integers(0, 9))
def test_any_selector_and_mask(written: str, count: int) -> None:
    for left in (selected(written, count), masked(written, [1] * count, composite=True)):
        assert left is None or (left == sorted(set(left)) and set(left) <= set(range(count)))


def test_no_child_is_started_without_an_intel_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_arguments: object) -> None:
        raise AssertionError("Level Zero was asked")

    monkeypatch.setattr(intel, "ask_level_zero", never)
    monkeypatch.setattr(intel, "find_libraries", lambda: [SONAME])
    for machine in ("xeon-no-gpu", "mi300x-8", "graviton4"):
        report = detected(monkeypatch, machine)
        assert report["status"] == "absent", machine
    # A tree stands for another machine, whatever is installed here.
    assert IntelPlugin.detect(str(MACHINES / "arc-b580" / "tree"))["source"] == "PCI device ids"


@pytest.mark.parametrize(
    ("version", "ip"),
    [(0x05004000, "20.1.0"), (0x030DC008, "12.55.8"), (0x07800004, "30.0.4"), (0x030F0007, "12.60.7")],
)
def test_decoding_the_ip(version: int, ip: str) -> None:
    # The numbers are those of compute-runtime's aot_config_headers.
    assert decode_ip(version) == ip


def test_the_tables_agree() -> None:
    every = [device for names in IDS.values() for ids in names.values() for device in ids]
    assert len(every) == len(set(every)) > 170
    # Max 1550VG and the first Max cards have IPs that no build has been labelled with.
    assert set(IDS) - set(DEVICE_IPS) == {"12.61.7", "12.60.1"}
    assert set(DISCRETE_IPS) < set(IDS) and set(every) >= TWO_TILES
    assert {base for _names, base in DEVICE_IPS.values() if base} <= set(DEVICE_IPS)
    assert look_up(0xE20B) == ("20.1.0", "Intel Arc B580 Graphics")
    assert look_up(0x1912) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_SAID = st.fixed_dictionaries(
    {},
    optional={
        "library": _JSON, "drivers": _JSON, "error": _JSON, "unloadable": _JSON,
        "device": _JSON | st.fixed_dictionaries(
            {"type": _JSON | st.just(1), "vendor": _JSON | st.just(0x8086)},
            optional={"ip": _JSON, "name": _JSON, "memory": _JSON, "flags": _JSON, "device_id": _JSON},
        ),
    },
)  # fmt: skip


@given(st.lists(_SAID.map(json.dumps) | st.text(), max_size=4))
def test_any_answer_of_the_child(lines: list[str]) -> None:
    answer = read_answer(ChildAnswer(lines))
    assert all(type(device) is ZeDevice for device in answer.devices)
    for device in answer.devices:
        assert type(device.device_id) is int and type(device.name) is str and device.name.isprintable()
        assert device.memory_bytes is None or type(device.memory_bytes) is int
    for call, code in answer.errors:
        assert isinstance(level_zero.describe(call, code), str)


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_any_files_on_the_bus(
    tmp_path_factory: pytest.TempPathFactory, one: bytes, two: bytes, three: bytes
) -> None:
    root = tmp_path_factory.mktemp("bus")
    for address, class_text in (("0000:00:02.0", b"0x030000\n"), ("0000:00:03.0", three)):
        folder = root / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        for name, data in (("class", class_text), ("vendor", one), ("device", two)):
            (folder / name).write_bytes(data)
    assert all(device.vendor == INTEL for device in graphics(Tree(str(root)), INTEL))
    finding = Finding()
    IntelPlugin.probe(Tree(str(root)), finding)
    if finding.facts is not None:
        IntelPlugin.derive(finding.facts)


def test_a_machine_without_a_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Here(str(tmp_path)).is_local
    report = detected(monkeypatch, tmp_path)
    assert report["status"] == "absent" and len(report["notes"]) == 1
