"""``variantctl doctor`` on real environments: installed from a loopback index, then spoilt."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from tests.cli.test_install import Shell
from tests.resolve.world import variant_metadata
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An index that nobody answers for: a health check must not need one."""
    shell = Shell(tmp_path)
    shell.environ["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple/"
    return shell


def doctor(shell: Shell, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = shell.run("doctor", "-p", "env", "--json", *arguments, code=code)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["format"] == 1 and found["status"] == ("mismatch" if code else "ok")
    return found


def kinds(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["kind"], finding["package"]) for finding in found["findings"]]


def test_an_empty_environment_is_well(shell: Shell) -> None:
    assert doctor(shell)["findings"] == []
    done = shell.run("doctor", "-p", "env")
    assert "is right for this machine (0 packages, 0 of them variants)" in done.stdout
    assert shell.run("-q", "doctor", "-p", "env").stdout == ""


def test_no_environment_is_an_error(shell: Shell) -> None:
    failed = json.loads(shell.run("doctor", "-p", "nowhere", "--json", code=1).stdout)
    assert failed["error"]["kind"]


def test_moved_to_another_machine_and_a_downgraded_driver(shell: Shell, index: str, tmp_path: Path) -> None:
    shell.run("install", "torch", "-p", "env", "-i", index, "--profile", "rtx-3060")
    assert doctor(shell, "--profile", "rtx-3060")["findings"] == []
    old = tmp_path / "old-driver.toml"
    old.write_text(
        'format = 1\n[platform]\nsystem = "Linux"\nmachine = "x86_64"\nlibc = "glibc 2.35"\n'
        '[nvidia]\ncuda_driver = "12.6"\ncompute_capabilities = ["8.6"]\n'
    )
    (finding,) = doctor(shell, "--profile", str(old), code=1)["findings"]
    assert (finding["severity"], finding["kind"], finding["package"]) == (
        "error",
        "variant-mismatch",
        "torch",
    )
    assert "needs nvidia :: cuda_version_lower_bound 13.0" in finding["detail"]
    assert "driver offers 12.6 and older" in finding["detail"]
    assert finding["hint"].startswith("Update the CUDA driver to 13.0 or newer")
    moved = shell.run("doctor", "-p", "env", "--profile", "mi300x", code=1).stdout
    assert "error: torch 2.10.0 (cuda13.0) needs nvidia" in moved and "1 mismatch" in moved


def test_better_variants_are_suggestions_and_only_asked_for_with_updates(shell: Shell, index: str) -> None:
    shell.run(
        "install", "torch", "-p", "env", "-i", index, "--variant", "torch=cuda12.6", "--profile", "h100"
    )
    assert doctor(shell, "--profile", "h100")["findings"] == []
    found = doctor(shell, "--profile", "h100", "--updates", "-i", index)
    assert kinds(found) == [("better-variant", "torch"), ("driver-update", "torch")]
    assert {finding["severity"] for finding in found["findings"]} == {"suggestion"}
    assert "cuda12.6 is installed, and cuda12.8 is better for profile h100" in found["findings"][0]["detail"]
    assert "with CUDA driver 13.0 you would get cuda13.0" in found["findings"][1]["detail"]
    # What it suggests is what brings it.
    hint = found["findings"][0]["hint"]
    command = hint.split("`")[1].split()[1:]
    shell.run(*command)
    assert kinds(doctor(shell, "--profile", "h100", "--updates", "-i", index)) == [("driver-update", "torch")]


def test_a_build_that_only_another_version_has(shell: Shell, tmp_path: Path) -> None:
    """On this driver kernels 2.0 is for processors alone, and 1.0 has a build: what `install` would take."""
    needs = {"cuda13.2": "13.2", "cuda12.6": "12.0"}
    for version, label in (("2.0", "cuda13.2"), ("1.0", "cuda12.6")):
        properties = {label: {"nvidia": {"cuda_version_lower_bound": [needs[label]]}}, "null": {}}
        metadata = variant_metadata(["nvidia"], properties)
        for each in properties:
            build_wheel(tmp_path / "new", name="kernels", version=version, label=each, metadata=metadata)
        build_wheel(tmp_path / "new", name="kernels", version=version)
    build_index(tmp_path / "new", tmp_path / "site")
    with serve(tmp_path / "site") as root:
        source = ("-i", f"{root}/simple/", "--profile", "h100")
        shell.run("install", "kernels==2.0", "-p", "env", *source)
        assert doctor(shell, "--profile", "h100")["findings"] == []
        found = doctor(shell, "--updates", *source)
        other, driver = found["findings"]
        assert (other["kind"], driver["kind"]) == ("build-in-another-version", "driver-update")
        assert "kernels 2.0 has no build for the NVIDIA GPU of profile h100" in other["detail"]
        assert "kernels 1.0 (cuda12.6) has one" in other["detail"]
        shell.run(*other["hint"].split("`")[1].split()[1:])
        assert "kernels==1.0" in shell.run("freeze", "-p", "env").stdout
        assert doctor(shell, "--updates", *source)["findings"] == []


def test_an_index_that_cannot_be_asked_is_no_mismatch(shell: Shell, index: str) -> None:
    shell.run("install", "triton", "-p", "env", "-i", index)
    found = doctor(shell, "--updates", "--offline", "-i", "http://127.0.0.1:9/simple/")
    assert kinds(found) == [("not-asked", "triton")]
    found = doctor(shell, "--updates", "-i", "http://127.0.0.1:9/simple/")
    assert kinds(found) == [("not-asked", "")]


def test_builds_for_two_backends(shell: Shell) -> None:
    for name, version in (("torch", "2.10.0+cpu"), ("torchvision", "0.25.0+cpu")):
        build_wheel(shell.world.wheels, name=name, version=version)
    build_wheel(shell.world.root / "cuda", name="torchvision", version="0.25.0+cu128")
    source = ("-p", "env", "--no-index")
    shell.run("install", "torch", "torchvision", *source, "-f", "wheels")
    assert doctor(shell)["findings"] == []
    shell.run("install", "--no-deps", "torchvision==0.25.0+cu128", *source, "-f", "cuda", "--profile", "h100")
    found = doctor(shell, "--profile", "h100", code=1)
    assert kinds(found) == [("mixed-backends", "torch")]
    assert "torch 2.10.0+cpu for cpu; torchvision 0.25.0+cu128 for cu128" in found["findings"][0]["detail"]


def test_dependencies_of_the_installed_variant(shell: Shell, index: str) -> None:
    shell.run("install", "torch", "-p", "env", "-i", index, "--profile", "h100")
    shell.run("uninstall", "triton", "-y", "-p", "env")
    found = doctor(shell, "--profile", "h100", code=1)
    assert kinds(found) == [("missing-dependency", "torch")]
    assert "torch 2.10.0 needs triton==3.6.0, which is not installed" in found["findings"][0]["detail"]


def test_files_that_are_gone_or_changed(shell: Shell) -> None:
    shell.world.add("lib", files={"lib/__init__.py": b"value = 1\n", "lib/data.txt": b"data\n"})
    shell.run("install", "lib", "-p", "env", "--no-index", "-f", "wheels", "--link-mode", "copy")
    (module,) = shell.env.glob("lib/python*/site-packages/lib/__init__.py")
    module.write_bytes(b"value = 2\n")
    assert doctor(shell)["findings"] == []
    assert kinds(doctor(shell, "--verify", code=1)) == [("changed-files", "lib")]
    module.write_bytes(b"value = 1\n")
    assert doctor(shell, "--verify")["findings"] == []
    module.unlink()
    (finding,) = doctor(shell, code=1)["findings"]
    assert finding["kind"] == "missing-files" and str(module) in finding["detail"]
    assert " -p env" in finding["hint"]
    shell.run(*finding["hint"].split("`")[1].split()[1:], "--no-index", "-f", "wheels")
    assert doctor(shell)["findings"] == []


def test_damaged_metadata(shell: Shell) -> None:
    metadata = variant_metadata(["nvidia"], {"null": {}})
    shell.world.variants("lib", "1.0", metadata)
    shell.run("install", "lib", "-p", "env", "--no-index", "-f", "wheels", "--link-mode", "copy")
    (info,) = shell.env.glob("lib/python*/site-packages/lib-1.0.dist-info")
    (info / "variant.json").write_text("{")
    assert kinds(doctor(shell, code=1))[0] == ("broken-package", "lib")
    (info / "variant.json").unlink()
    (info / "RECORD").unlink()
    assert kinds(doctor(shell)) == [("no-record", "lib")]


def test_byte_code_may_be_missing(shell: Shell) -> None:
    shell.world.add("lib", files={"lib/__init__.py": b"value = 1\n"})
    shell.run("install", "lib", "-p", "env", "--no-index", "-f", "wheels", "--link-mode", "copy")
    (record,) = shell.env.glob("lib/python*/site-packages/lib-1.0.dist-info/RECORD")
    with record.open("a") as file:
        file.write("lib/__pycache__/__init__.cpython-311.pyc,,\n")
    assert doctor(shell)["findings"] == []
    with record.open("a") as file:
        file.write("lib/gone.py,,\n")
    assert kinds(doctor(shell, code=1)) == [("missing-files", "lib")]


def test_it_is_quick_enough_for_a_health_check(shell: Shell) -> None:
    for number in range(60):
        modules = {f"lib{number}/m{module}.py": b"" for module in range(50)}
        shell.world.add(f"lib{number}", files=modules)
    shell.run("install", *(f"lib{n}" for n in range(60)), "-p", "env", "--no-index", "-f", "wheels")
    started = time.perf_counter()
    assert doctor(shell)["packages"] == 60
    # Half a second where nothing else runs; tests run side by side.
    assert time.perf_counter() - started < 10


def test_a_cpu_build_beside_a_gpu_and_the_command_that_mends_it(shell: Shell) -> None:
    """Row 5 of issue 13's table, with PyTorch's layout on disk."""
    site = shell.world.root / "whl"
    for label, version in (("cpu", "2.15.0"), ("cpu", "2.14.1"), ("cu126", "2.14.1")):
        wheel = build_wheel(site / label / "torch", name="torch", version=f"{version}+{label}")
        with (wheel.parent / "index.html").open("a") as page:
            page.write(f'<a href="{wheel.name}">{wheel.name}</a>\n')
    shell.environ["VARIANTCTL_PYTORCH_URL"] = site.as_uri()
    shell.run("install", "--no-deps", "torch==2.14.1+cpu", "-p", "env", "--no-index", "-f", "whl/cpu/torch")
    assert doctor(shell, "--profile", "x86-64-v3")["findings"] == []
    (finding,) = doctor(shell, "--profile", "h100", code=1)["findings"]
    assert (finding["severity"], finding["kind"], finding["package"]) == ("error", "cpu-build", "torch")
    assert "profile h100 has an NVIDIA GPU" in finding["detail"] and finding["means"] and finding["evidence"]
    (said,) = doctor(shell, "--profile", "h100", "--accelerator", "any")["findings"]
    assert (said["severity"], said["kind"]) == ("suggestion", "cpu-build")
    command = finding["hint"].split("`")[1].split()
    assert command[-4:] == ["-p", "env", "--profile", "h100"]
    shell.run(*command[1:])
    assert shell.packages()["torch"] == "2.14.1+cu126"
    assert doctor(shell, "--profile", "h100")["findings"] == []


def test_two_distributions_that_own_one_import_package(shell: Shell) -> None:
    """As onnxruntime and onnxruntime-gpu do; unpacked one over the other, as pip leaves it."""
    import zipfile

    (site,) = shell.env.glob("lib/python*/site-packages")

    def unpack(name: str, version: str, text: bytes) -> None:
        files = {"onnxruntime/__init__.py": text, "onnxruntime/same.py": b""}
        with zipfile.ZipFile(
            build_wheel(shell.world.wheels, name=name, version=version, files=files)
        ) as wheel:
            wheel.extractall(site)

    unpack("onnxruntime-gpu", "1.20.0", b"gpu = True\n")
    assert doctor(shell, "--profile", "h100")["findings"] == []
    unpack("onnxruntime", "1.20.1", b"gpu = False\n")
    findings = doctor(shell, "--profile", "h100", code=1)["findings"]
    (shared,) = [finding for finding in findings if finding["kind"] == "shared-import"]
    assert (
        "onnxruntime 1.20.1 and onnxruntime-gpu 1.20.0 both own the import package onnxruntime"
        in shared["detail"]
    )
    assert "(1 file differs); Python finds the files of onnxruntime 1.20.1" in shared["detail"]
    records = {path: path.read_text() for path in site.glob("onnxruntime*.dist-info/RECORD")}
    for path, text in records.items():
        path.write_text("".join(f"{line.partition(',')[0]},,\n" for line in text.splitlines()))
    unhashed = doctor(shell, "--profile", "h100", "--no-families", "--accelerator", "any")["findings"]
    (told,) = [finding for finding in unhashed if finding["kind"] == "shared-import"]
    assert told["severity"] == "suggestion"
    assert "(1 file, and not every RECORD has hashes to compare); whose files Python finds" in told["detail"]
    for path, text in records.items():
        path.write_text(text)
    # What a GPU and its driver can use is one question, so one command leaves one of them.
    assert "`variantctl install onnxruntime -p env --profile h100` removes both" in shared["hint"]
    findings = doctor(shell, "--profile", "h100", "--no-families", code=1)["findings"]
    (shared,) = [finding for finding in findings if finding["kind"] == "shared-import"]
    uninstall, install = (part.split() for part in shared["hint"].split("`")[1::2])
    assert uninstall == ["variantctl", "uninstall", "-y", "onnxruntime", "-p", "env"]
    shell.run(*uninstall[1:])
    shell.run(*install[1:], "--no-index", "-f", "wheels")
    assert (site / "onnxruntime/__init__.py").read_bytes() == b"gpu = True\n"
    assert doctor(shell, "--profile", "h100")["findings"] == []


def test_commands_name_the_environment_and_what_else_was_given(shell: Shell) -> None:
    from variantctl.cli.remedies import commands_for

    words = ["-q", "doctor", "--json", "-penv", "--updates", "-i", "http://127.0.0.1:9/", "--no-cache"]
    given = commands_for([*words, "--profile=h100", "--python", "my env", "--verify", "--prefer", "nvidia"])
    assert given.environment == ("-penv", "--python", "my env")
    assert given.choice == (
        "-i",
        "http://127.0.0.1:9/",
        "--no-cache",
        "--profile=h100",
        "--prefer",
        "nvidia",
    )
    assert given.uninstall("a") == "variantctl uninstall -y a -penv --python 'my env'"


def test_a_source_that_a_hint_names_is_named_once() -> None:
    from variantctl.cli.remedies import commands_for

    given = commands_for(["--backends", "other", "--backends=more", "-p", "env", "-i", "https://a.example"])
    command = given.install("torch", "--backends", "pytorch")
    assert command == "variantctl install torch --backends pytorch -p env -i https://a.example"
    assert given.install("torch").count("--backends") == 2


def test_what_only_this_machine_knows(shell: Shell) -> None:
    """A module in PYTHONPATH that hides the installed one, and a variable that hides GPUs."""
    build_wheel(
        shell.world.wheels,
        name="cupy-cuda12x",
        version="14.0.0",
        files={"cupy/__init__.py": b"real = True\n"},
    )
    shell.run("install", "cupy-cuda12x", "-p", "env", "--no-index", "-f", "wheels", "--no-families")
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    assert doctor(shell)["findings"] == []
    (shell.world.root / "mine").mkdir()
    (shell.world.root / "mine" / "cupy.py").write_text("real = False\n")
    shell.environ["PYTHONPATH"] = str(shell.world.root / "mine")
    (shadowed,) = doctor(shell, code=1)["findings"]
    assert shadowed["kind"] == "shadowed-import"
    assert shadowed["detail"] == f"import cupy finds {shell.world.root}/mine/cupy.py, not cupy-cuda12x 14.0.0"
    del shell.environ["PYTHONPATH"]
    shell.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    assert "hidden-devices" in [finding["kind"] for finding in doctor(shell)["findings"]]


def torch_wheel(shell: Shell, version: str, *, sees: bool) -> None:
    """A stand-in of torch that says whether it sees a GPU, and computes."""
    from tests.doctor.test_trials import TORCH

    text = TORCH.format(version=version, gpus=int(sees), before="", kernel="pass", why="no device")
    build_wheel(shell.world.wheels, name="torch", version=version, files={"torch.py": text.encode()})


def test_run_says_what_each_framework_sees(shell: Shell) -> None:
    torch_wheel(shell, "2.10.0+cu128", sees=False)
    shell.run("install", "torch", "-p", "env", "--no-index", "-f", "wheels")
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    assert doctor(shell)["findings"] == [] and "run" not in doctor(shell)
    found = doctor(shell, "--run", code=1)
    assert kinds(found) == [("gpu-not-seen", "torch")]
    (trial,) = found["run"]
    assert trial["framework"] == "torch" and [item["device"] for item in trial["devices"]] == ["cpu"]
    said = shell.run("doctor", "-p", "env", "--run", code=1).stdout
    assert "torch 2.10.0+cu128: imported in" in said and "  cpu: ok in" in said
    assert "torch 2.10.0+cu128 is built for CUDA 12.8, and sees no GPU: RuntimeError: no device" in said
    assert "is no number of seconds" in shell.run("doctor", "--run", "--run-timeout", "x", code=2).stderr


def test_run_of_one_that_sees_its_gpu(shell: Shell) -> None:
    torch_wheel(shell, "2.10.0+cu128", sees=True)
    shell.run("install", "torch", "-p", "env", "--no-index", "-f", "wheels")
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    assert doctor(shell, "--run", "--run-timeout", "60")["findings"] == []
    assert doctor(shell, "--run", "--verify")["run"][0]["devices"][0]["name"] == "NVIDIA H100"
