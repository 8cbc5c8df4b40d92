"""Support bundles: they replay, they hold only what was read, and nothing private is in them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.indexes.test_sdists import damaged_tar
from tests.plugins.conftest import driver_folders, fake_driver, nothing_forced  # noqa: F401 - fixtures
from variantctl.providers.bundle import Scrubber, opened_tree, write_bundle
from variantctl.providers.bundle_files import kept, kept_output
from variantctl.providers.detect import detect
from variantctl.providers.errors import BundleError

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"
ALL = sorted(path.parent.name for path in MACHINES.glob("*/tree"))
SAME = ("namespace", "status", "source", "devices", "features", "notes", "facts")

PLANTED = {
    "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd aes\nCPU architecture: 8\n"
    "Hardware\t: BCM2835\nSerial\t\t: 10000000deadbeef\nModel\t\t: Raspberry Pi 4 of planted-owner\n",
    "machine": "aarch64\n",
    "nvidia-smi.csv": "index, name, uuid, serial\n"
    "0, NVIDIA A100, GPU-8836a272-ca08-9629-24b6-54ca9b98cd30, 1322321005689\n",
    "nvidia-smi.txt": "planted-host 00:1b:44:11:3a:b7 192.168.17.23 fe80::1ff:fe23:4567:890a Version\n"
    "/home/planted-owner/x Version\nprivate note\n"
    "| Driver Version: 570.86.15 CUDA Version: 12.8 |\nSerial Number: 1322321005689\n"
    "MIG-8836a272-ca08-9629-24b6-54ca9b98cd30 GPU-14e8a3b9c2d1f0aa C:\\Users\\planted-owner\\y\n",
}
SECRETS = (
    "deadbeef", "8836a272", "14e8a3b9", "1322321005689", "planted-owner", "planted-host", "00:1b:44",
    "192.168.17.23", "fe80", "4567:890a", "private note",
)  # fmt: skip


def reports(detection: Any) -> list[dict[str, Any]]:
    return [
        {key: report[key] for key in SAME}
        for report in json.loads(json.dumps(detection.as_json()))["providers"]
    ]


def plant(folder: Path) -> str:
    for name, text in PLANTED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


@pytest.mark.parametrize("name", ALL)
def test_every_machine_replays_from_its_bundle(name: str, tmp_path: Path) -> None:
    tree = str(MACHINES / name / "tree")
    first = detect(root=tree)
    write_bundle(first, tmp_path / "bundle.tar.gz", tree)
    with opened_tree(str(tmp_path / "bundle.tar.gz")) as root:
        again = detect(root=root)
    assert reports(again) == reports(first)
    assert again.platform == first.platform


def test_a_bundle_holds_only_what_was_read(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plant(tree)
    (tree / "etc").mkdir()
    (tree / "etc" / "shadow").write_text("secret")
    detection = detect(root=str(tree))
    names = write_bundle(detection, tmp_path / "bundle.tar", str(tree))
    read = {name for report in detection.providers for name in report.files}
    assert set(names) <= read | {"machine", "variant-detect.json"}
    with tarfile.open(tmp_path / "bundle.tar") as archive:
        assert archive.getnames() == names
        for entry in archive:
            assert (entry.uname, entry.gname, entry.uid, entry.mtime) == ("", "", 0, 0)


def test_nothing_private_is_in_a_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"planted-host", "planted-owner", "root", "ab"}
    monkeypatch.setattr("variantctl.providers.bundle.local_names", lambda: names)
    tree = plant(tmp_path / "tree")
    scrubber = Scrubber(names)
    monkeypatch.setattr("variantctl.providers.bundle.Scrubber", lambda _names: scrubber)
    write_bundle(detect(root=tree), tmp_path / "bundle.tar.gz", tree)
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            assert file is not None
            text = entry.name + file.read().decode()
            assert [secret for secret in SECRETS if secret in text] == [], entry.name


def test_what_a_driver_said_is_recorded(
    fake_driver: Callable[..., None],  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_driver(nvml="", cuda="")
    first = detect()
    names = write_bundle(first, tmp_path / "bundle.tar.gz")
    assert any(name.startswith("tools/nvidia-0-nvml_child") for name in names)
    fake_driver()
    with opened_tree(str(tmp_path / "bundle.tar.gz")) as root:
        again = detect(root=root)
        assert root is not None
        captured = next(Path(root, "tools").glob("nvidia-*nvml_child*")).read_text()
    assert "RTX 4090" in captured and "left out" in captured and "0000000" not in captured
    assert reports(again)[:3] == reports(first)[:3]
    nvidia = again.providers[0]
    assert {"fact": "recorded", "value": "NVML", "source": "/variant-detect.json"} in nvidia.evidence
    assert again.platform == first.platform


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")
def test_a_link_in_an_image_is_never_followed_to_this_machine(tmp_path: Path) -> None:
    root, ours = tmp_path / "image", tmp_path / "ours"
    ours.write_text("processor\t: 0\nflags\t\t: lm this_machines_own\n")
    (root / "proc").mkdir(parents=True)
    (root / "proc" / "cpuinfo").symlink_to(ours)
    inside = root / str(ours).lstrip("/")
    inside.parent.mkdir(parents=True)
    inside.write_text("processor\t: 0\nflags\t\t: lm fpu the_images_own\n")
    write_bundle(detect(root=str(root)), tmp_path / "b.tar", str(root))
    with tarfile.open(tmp_path / "b.tar") as archive:
        file = archive.extractfile("proc/cpuinfo")
        assert file is not None and b"the_images_own" in file.read()


def test_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "variantctl.cli", "detect", "--json"]
    bundle = str(tmp_path / "b.tar.gz")
    made = subprocess.run([*command, "--bundle", bundle], capture_output=True, text=True, check=True)
    assert "--root" in made.stderr
    again = subprocess.run([*command, "--root", bundle], capture_output=True, text=True, check=True)
    first, second = (json.loads(done.stdout) for done in (made, again))
    for one, other in zip(first["providers"], second["providers"], strict=False):
        assert {key: one[key] for key in SAME} == {key: other[key] for key in SAME}
    assert first["platform"] == second["platform"]
    bad = subprocess.run([*command, "--profile", "h100", "--bundle", bundle], capture_output=True, text=True)
    assert bad.returncode == 1 and "profile" in json.loads(bad.stdout)["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00truncated"])
def test_what_is_no_bundle(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(content)
    with pytest.raises(BundleError, match="not a bundle"), opened_tree(str(tmp_path / "b.tar.gz")):
        pass


def test_an_evil_bundle_stays_in_its_folder(tmp_path: Path) -> None:
    mark = f"escaped-from-{tmp_path.parent.name}-{tmp_path.name}"
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for name in (f"../{mark}", str(tmp_path / mark), f"proc/../../{mark}", "machine"):
            entry = tarfile.TarInfo(name)
            entry.size = 7
            archive.addfile(entry, io.BytesIO(b"x86_64\n"))
        for kind, target in (
            (tarfile.SYMTYPE, "/etc"),
            (tarfile.LNKTYPE, "/etc/passwd"),
            (tarfile.CHRTYPE, ""),
        ):
            entry = tarfile.TarInfo(f"link{kind!r}")
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)
    with opened_tree(str(tmp_path / "b.tar")) as root:
        assert root is not None
        assert [path.name for path in Path(root).rglob("*")] == ["machine"]
        assert not (Path(root).parent / mark).exists() and not (tmp_path / mark).exists()


def test_a_bundle_is_not_unpacked_without_end(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("big")
        entry.size = 65 * 1024 * 1024
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
    with pytest.raises(BundleError, match="too large"), opened_tree(str(tmp_path / "b.tar.gz")):
        pass


def test_what_a_bundle_leaves_out_has_an_end_too(tmp_path: Path) -> None:
    """300 kB of gzip, in an entry that no file is made of."""
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("../big")
        entry.size = 300 * 1024 * 1024
        archive.addfile(entry, io.BytesIO(bytes(entry.size)))
        archive.addfile(tarfile.TarInfo("machine"))
    with pytest.raises(BundleError, match="unpacks to more than"), opened_tree(str(tmp_path / "b.tar.gz")):
        pass


@pytest.mark.parametrize("ending", ["gz", "xz", "bz2"])
def test_a_damaged_bundle(ending: str, tmp_path: Path) -> None:
    """Neither zlib's error nor lzma's is one of tarfile."""
    text = b"".join(b"processor : %d\n" % number for number in range(50_000))
    file = damaged_tar(tmp_path / f"b.tar.{ending}", "proc/cpuinfo", text)
    with pytest.raises(BundleError, match="not a bundle"), opened_tree(str(file)):
        pass


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(["source", "devices", "evidence", "notes", "facts", "failed"])
facts = st.dictionaries(st.sampled_from(["cuda_driver", "compute_capabilities", "level", "x"]), json_values)
said = st.dictionaries(fields, json_values | facts | st.lists(facts, max_size=2))
records = st.dictionaries(
    st.sampled_from(["nvidia", "amd", "intel", "x86_64", "aarch64"]), said | json_values
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"providers": records | json_values, "platform": json_values}) | json_values)
def test_any_record_is_read(written: Any) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "variant-detect.json").write_text(json.dumps(written))
        for report in detect(root=folder).providers:
            json.dumps(report.as_json())
            assert report.status in {"ok", "absent", "error"}
            assert "bug" not in str(report.notes), report.notes


@given(st.text())
def test_scrubbing_takes_any_text(text: str) -> None:
    scrubber = Scrubber({"somebody"})
    once = scrubber.text(text)
    assert "192.0.2.17" not in scrubber.text(f"{text} 192.0.2.17 {text}") or "192.0.2.17" in text
    assert isinstance(once, str)


KEPT = (
    "machine",
    "proc/cpuinfo",
    "proc/version",
    "proc/driver/nvidia/version",
    "proc/sys/kernel/osrelease",
    "proc/device-tree/model",
    "etc/nv_tegra_release",
    "var/lib/dpkg/status",
    "sys/bus/pci/devices/0000:03:00.0/vendor",
    "sys/bus/pci/devices/0000:03:00.0/uevent",
    "sys/class/kfd/kfd/topology/nodes/1/properties",
    "sys/class/kfd/kfd/topology/nodes/1/mem_banks/0/properties",
    "opt/rocm-6.1.3/.info/version",
    "sysctl.txt",
    "processor-features.txt",
    "nvidia-smi.txt",
    "nvidia-smi.csv",
    "run/.containerenv",
)
TOOLS = ("nvml_child", "nvidia-smi", "rocminfo", "rocm_agent_enumerator", "amd-smi", "unheard-of")


@given(st.text(), st.sampled_from([*KEPT, "other"]))
def test_keeping_takes_any_text(text: str, name: str) -> None:
    found = kept(name, text)
    assert (found is None) == (name == "other")
    assert found is None or kept(name, found) == found, "what was kept is kept again"


@given(st.lists(st.text()), st.sampled_from(TOOLS))
def test_keeping_takes_any_output(lines: list[str], tool: str) -> None:
    assert isinstance(kept_output(tool, lines), str)


@pytest.mark.parametrize("name", ALL)
def test_every_file_that_is_read_is_in_a_list(name: str) -> None:
    """A detector that reads another file has to say what of it may be seen."""
    for report in detect(root=str(MACHINES / name / "tree")).providers:
        assert [
            file for file in report.files if file != "variant-detect.json" and kept(file, "") is None
        ] == []


PRIVATE = {
    "proc/driver/nvidia/version": (
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  "
        "(alice@buildhost)  Fri Aug 16 21:22:33 UTC 2024\n"
        "GCC version:  gcc version 12.3.0 (alice@buildhost) \n",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03\n"
        "GCC version:  gcc version 12.3.0\n",
    ),
    "proc/version": (
        "Linux version 6.8.0-79-generic (alice@buildhost) (x86_64-linux-gnu-gcc-13 13.3.0) #79-Ubuntu SMP\n",
        "Linux version 6.8.0-79-generic\n",
    ),
    "sys/class/kfd/kfd/topology/nodes/1/properties": (
        "simd_count 304\nhive_id 12345678901234567\nunique_id 9876543210987654321\ngfx_target_version 90402\n"
        "serial 7777777\nmachine_serial_number 7777777\n",
        "simd_count 304\ngfx_target_version 90402\n",
    ),
    "proc/cpuinfo": (
        "processor\t: 0\nflags\t\t: lm\nSERIAL\t: 7777777\nSerialNumber: 7777777\nS/N : 7777777\n"
        "Model\t: Raspberry Pi of alice\nmodel\t: 7\nmicrocode : 0x7777777\n",
        "processor\t: 0\nflags\t\t: lm\nmodel\t: 7\n",
    ),
    "var/lib/dpkg/status": (
        "Package: alices-secret\nVersion: 1\n\nPackage: nvidia-l4t-core\nMaintainer: alice <a@buildhost>\n"
        "Version: 36.4.3-2025\nDescription: x\n\nPackage: other\nVersion: 2\n",
        "Package: nvidia-l4t-core\nVersion: 36.4.3-2025\n",
    ),
    "run/.containerenv": ('engine="podman"\nname="alices-box"\nid="7777777"\n', ""),
    "nvidia-smi.csv": (
        "index, name, serial, pci.serial, driver_version\n0, NVIDIA A100, 7777777, 7777777, 570.1\n"
        "alice, bob, carol, dave, eve\n",
        "index,name,driver_version\n0,NVIDIA A100,570.1\n",
    ),
    "nvidia-smi.txt": (
        "alice@buildhost  | NVIDIA-SMI 570.1   Driver Version: 570.1   CUDA Version: 12.8 | Serial 7777777\n",
        "NVIDIA-SMI 570.1  Driver Version: 570.1  CUDA Version: 12.8\n",
    ),
    "etc/nv_tegra_release": (
        "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: Wed by alice\n",
        "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n",
    ),
}


@pytest.mark.parametrize("name", list(PRIVATE))
def test_keys_are_kept_and_nothing_else(name: str) -> None:
    given_, expected = PRIVATE[name]
    assert kept(name, given_) == expected


@pytest.mark.parametrize(
    ("tool", "lines", "expected"),
    [
        (
            "nvml_child",
            [
                '{"driver": "570.1"}',
                '{"uuid": {"index": 0, "uuid": "GPU-1"}}',
                '{"device": {"index": 0, "name": "A100", "serial": "7777777", "boardId": 7}}',
                "alice was here",
            ],
            '{"driver": "570.1"}\n{"device": {"index": 0, "name": "A100"}}\n(2 lines left out)\n',
        ),
        (
            "rocminfo",
            [
                "Agent 1",
                "  Name:                    gfx942",
                "  Uuid:                    GPU-7777777",
                "  Marketing Name:          AMD Instinct MI300X",
                "  Serial No.:              7777777",
                "  Hive ID:                 7777777",
                "ROCk module is loaded",
            ],
            "Agent 1\n  Name:                    gfx942\n  Marketing Name:          AMD Instinct MI300X\n"
            "ROCk module is loaded\n(3 lines left out)\n",
        ),
        (
            "amd-smi",
            [
                '[{"gpu": 0, "asic": {"market_name": "MI300X", "asic_serial": "0x77",',
                ' "xgmi_hive_id": "0x77",',
                ' "target_graphics_version": "gfx942", "oam_id": 7, "subsystem_id": "7"}}]',
            ],
            None,
        ),
        ("nvidia-smi", ["NVIDIA-SMI has failed because it couldn't", "alice"], None),
        ("unheard-of", ["alice", ""], "(1 lines left out)\n"),
    ],
)
def test_what_tools_print(tool: str, lines: list[str], expected: str | None) -> None:
    found = kept_output(tool, lines)
    assert expected is None or found == expected
    assert "77" not in found and "alice" not in found
    if tool == "amd-smi":
        assert "MI300X" in found and "gfx942" in found
    if tool == "nvidia-smi":
        assert "has failed" in found


def test_versions_and_bus_addresses_stay() -> None:
    kept = "570.86.15 0000:03:00.0 6.16.13 1.3.29735.27 32.0.101.6078 12.8 gfx942:sramecc+:xnack-"
    assert Scrubber({"a", "gfx"}).text(kept) == kept
