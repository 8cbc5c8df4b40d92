"""``variantctl detect``: recorded machines, profiles, saving, and what a script sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from variantctl.providers.detect import detect
from variantctl.providers.plugins import ForeignPlugin, our_plugins
from variantctl.providers.profiles import parse_profile
from variantctl.providers.settings import ProviderSettings
from variantctl.providers.summary import meaning

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"
NAMESPACES = ["nvidia", "amd", "intel", "tpu", "x86_64", "aarch64"]
REPORT_KEYS = {"namespace", "status", "source", "elapsed_ms", "devices", "features", "evidence", "notes"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "variantctl.cli", "detect", *arguments]
    unforced = {name: value for name, value in os.environ.items() if "_FORCE_" not in name}
    return subprocess.run(command, capture_output=True, text=True, env={**unforced, **environment})


def without_times(detection: Any) -> Any:
    for report in detection["providers"]:
        assert report.pop("elapsed_ms") >= 0
    return detection


@pytest.mark.parametrize("folder", sorted(MACHINES.glob("*/tree")), ids=lambda path: path.parent.name)
def test_a_recorded_machine(folder: Path) -> None:
    found = json.loads(json.dumps(detect(root=str(folder)).as_json()))
    assert without_times(found) == json.loads((folder.parent / "expected.json").read_text())
    assert (folder.parent / "SOURCE.md").is_file()


@pytest.mark.parametrize("folder", sorted(MACHINES.glob("*/tree")), ids=lambda path: path.parent.name)
def test_a_saved_machine_supports_the_same(folder: Path) -> None:
    detection = detect(root=str(folder))
    profile = parse_profile(detection.as_profile("saved").encode(), source="saved")
    again = detect(profile=profile)
    assert {report.namespace: report.features for report in again.providers} == {
        report.namespace: report.features for report in detection.providers
    }


def test_the_json_of_the_contract() -> None:
    done = run("--json")
    assert done.returncode == 0 and done.stderr == ""
    found = json.loads(done.stdout)
    assert found["format"] == 1 and set(found["platform"]) == {"system", "machine", "libc", "python"}
    assert [report["namespace"] for report in found["providers"]][:6] == NAMESPACES
    for report in found["providers"]:
        assert set(report) >= REPORT_KEYS
        assert report["status"] in {"ok", "absent", "error", "disabled", "untrusted"}
        for feature in report["features"]:
            assert set(feature) == {"name", "values", "multi_value"} and feature["values"]


def test_the_table_summarises() -> None:
    done = run("--profile", "h100", COLUMNS="200", NO_COLOR="1")
    assert done.returncode == 0
    assert "CUDA driver 12.8: runs builds for CUDA 12.8 and older, back to 11.0." in done.stdout
    assert "sm_90" in done.stdout and "11.13" not in done.stdout


def test_detection_works_without_variantctl() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "variant_providers"], capture_output=True, text=True, check=True
    )
    assert [report["namespace"] for report in json.loads(done.stdout)["providers"]] == NAMESPACES


def test_a_profile_is_shown_and_nothing_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    for plugin in our_plugins().values():
        monkeypatch.setattr(plugin, "detect", lambda _root=None: pytest.fail("probed"))
    from variantctl.providers.profiles import load_profile

    detection = detect(profile=load_profile("arc-b580"))
    assert {report.namespace: report.status for report in detection.providers} == {
        "nvidia": "absent", "amd": "absent", "intel": "ok", "tpu": "absent",
        "x86_64": "ok", "aarch64": "absent",
    }  # fmt: skip


def test_saving_and_loading(tmp_path: Path) -> None:
    saved = tmp_path / "here.toml"
    assert run("--save", str(saved), "--json").returncode == 0
    again = json.loads(run("--profile", str(saved), "--json").stdout)
    first = json.loads(run("--json").stdout)
    features = [[report["features"] for report in found["providers"][:6]] for found in (first, again)]
    assert features[0] == features[1]


def test_disabled_and_foreign_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = [ForeignPlugin("ascend", "ascend-variant-provider", "0.0.2", "a:B")]
    monkeypatch.setattr("variantctl.providers.detect.foreign_plugins", lambda: foreign)
    detection = detect(settings=ProviderSettings(disabled=frozenset({"amd"})))
    reports = {report.namespace: report for report in detection.providers}
    assert reports["amd"].status == "disabled" and reports["ascend"].status == "untrusted"
    assert "ascend-variant-provider 0.0.2" in reports["ascend"].notes[0]


def test_foreign_plugins_are_found_and_not_imported(tmp_path: Path) -> None:
    info = tmp_path / "evil_provider-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil-provider\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[variant_plugins]\nnvidia = evil_provider:Plugin\n")
    (tmp_path / "evil_provider.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\n")
    done = run("--json", PYTHONPATH=str(tmp_path))
    reports = json.loads(done.stdout)["providers"]
    assert [report["namespace"] for report in reports if report["status"] == "untrusted"] == ["nvidia"]
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("--root", "/nonexistent/tree"), 1, "error"),
        (("--profile", "h1000"), 1, "unknown-profile"),
        (("--profile", "h100", "--root", "."), 2, "usage"),
        (("--save", "/nonexistent/x.toml"), 1, "system"),
    ],
)
def test_errors(arguments: tuple[str, ...], code: int, kind: str) -> None:
    done = run("--json", *arguments)
    assert done.returncode == code
    assert json.loads(done.stdout)["error"]["kind"] == kind


def test_links_in_a_tree_stay_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").symlink_to("/elsewhere/cpuinfo")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "cpuinfo").write_text("processor: 0\nflags: lm sse2 only_in_the_tree\n")
    found = {report.namespace: report for report in detect(root=str(tmp_path)).providers}
    assert found["x86_64"].status == "ok"
    assert found["x86_64"].devices[0]["processors"] == 1
    (tmp_path / "machine").symlink_to("machine")
    assert detect(root=str(tmp_path)).providers


def test_every_report_has_a_meaning() -> None:
    for name in ("h100", "mi300x", "arc-b580", "graviton4"):
        from variantctl.providers.profiles import load_profile

        for report in detect(profile=load_profile(name)).providers:
            assert bool(meaning(report)) == bool(report.features)


def test_a_folder_that_is_no_tree_is_pointed_out(tmp_path: Path) -> None:
    done = run("--root", str(tmp_path), "--json")
    assert done.returncode == 0 and "neither proc nor sys" in done.stderr
    assert all(report["status"] == "absent" for report in json.loads(done.stdout)["providers"])
    (tmp_path / "proc").mkdir()
    assert run("--root", str(tmp_path), "--json").stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
@pytest.mark.parametrize("name", ["machine", "variant-detect.json"])
def test_a_pipe_at_the_top_of_a_tree_does_not_block(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    command = [sys.executable, "-m", "variantctl.cli", "detect", "--root", str(tmp_path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and json.loads(done.stdout)["platform"]["machine"] is None


def test_the_module_says_that_there_is_no_such_tree(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "variant_providers", "--root", str(tmp_path / "absent")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and "no such folder" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
def test_the_module_ends_quietly_when_nobody_reads_on() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "variant_providers"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 0 and done.stderr == ""
