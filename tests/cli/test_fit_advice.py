"""PyTorch of an ordinary index: what ``install``, ``lock``, ``explain`` and ``matrix`` say of it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_install import Shell

LIBRARIES = ("nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-nccl-cu13")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An index in the layout of PyPI: torch for CUDA 13, and what it requires."""
    shell = Shell(tmp_path)
    shell.world.add("torch", "2.15.0", ("cuda-toolkit==13.2.*", *LIBRARIES, "filelock"))
    shell.world.add("cuda-toolkit", "13.2.1")
    for name in (*LIBRARIES, "filelock"):
        shell.world.add(name, "13.0", files={f"{name.replace('-', '_')}.bin": bytes(1000)})
    shell.world.package_finder()
    return shell


def index(shell: Shell) -> str:
    return f"{(shell.world.root / 'simple').as_uri()}/"


def test_another_vendors_machine_is_told_what_it_gets(shell: Shell) -> None:
    done = shell.run("install", "torch", "-i", index(shell), "--profile", "mi300x", "--dry-run")
    said = " ".join(done.stderr.split())
    assert (
        "torch 2.15.0 is built for CUDA 13.2, and profile mi300x has no NVIDIA GPU, but an AMD GPU." in said
    )
    assert "cannot be used" in said and "(cuda-toolkit and 3 other packages)" in said
    assert "was not asked: the command line names an index of its own." in said
    command = f"variantctl install torch -i {index(shell)} --profile mi300x --dry-run --backends pytorch"
    assert f"`{command}` asks it." in said


def test_the_command_that_is_advised_works_as_pasted(shell: Shell) -> None:
    shell.world.root.joinpath("whl/rocm7.1/torch").mkdir(parents=True)
    folder = shell.world.root / "whl"
    from variantctl.wheels.build import build_wheel

    wheel = build_wheel(folder / "rocm7.1/torch", name="torch", version="2.10.0+rocm7.1")
    (folder / "rocm7.1/torch/index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    shell.environ["VARIANTCTL_NO_BACKENDS"] = "1"
    done = shell.run("install", "torch", "-i", index(shell), "--profile", "mi300x", "--dry-run", "--json")
    (note,) = json.loads(done.stdout)["notes"]
    assert "VARIANTCTL_NO_BACKENDS switches it off" in note
    words = shlex.split(note.split("`")[1])
    assert words[:4] == ["env", "-u", "VARIANTCTL_NO_BACKENDS", "variantctl"]
    del shell.environ["VARIANTCTL_NO_BACKENDS"]
    shell.environ["VARIANTCTL_PYTORCH_URL"] = folder.as_uri()
    plan = json.loads(shell.run(*words[4:]).stdout)
    assert [item["version"] for item in plan["install"]] == ["2.10.0+rocm7.1"]


def test_a_machine_without_a_gpu(shell: Shell) -> None:
    done = shell.run("install", "torch", "-i", index(shell), "--profile", "raspberry-pi-5", "--dry-run")
    assert "profile raspberry-pi-5 has no NVIDIA GPU" in " ".join(done.stderr.split())


def test_a_driver_that_is_too_old(shell: Shell) -> None:
    done = shell.run("install", "torch", "-i", index(shell), "--profile", "t4", "--dry-run", "--json")
    plan = json.loads(done.stdout)
    fits = {item["name"]: item["fit"] for item in plan["install"]}
    assert fits["torch"]["status"] == "misfit"
    assert fits["torch"]["needs"] == {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}
    assert fits["torch"]["why"].endswith(
        "needs a driver for CUDA 13.0 or newer; profile t4's driver offers 12.8"
    )
    assert fits["filelock"] == {"status": "fits", "needs": {}, "why": "shows no need of an accelerator"}
    assert fits["nvidia-cublas"]["status"] == "misfit"
    (note,) = plan["notes"]
    assert note.startswith(f"torch 2.15.0 {fits['torch']['why']}.")


def test_a_machine_that_it_is_for_is_told_nothing(shell: Shell, tmp_path: Path) -> None:
    profile = tmp_path / "new.toml"
    profile.write_text('format = 1\n[nvidia]\ncuda_driver = "13.2"\ncompute_capabilities = ["9.0"]\n')
    done = shell.run("install", "torch", "-i", index(shell), "--profile", str(profile), "--dry-run", "--json")
    plan = json.loads(done.stdout)
    assert plan["notes"] == [] and "built for" not in done.stderr
    assert {item["fit"]["status"] for item in plan["install"]} == {"fits"}


def test_a_cpu_build_where_a_gpu_is(shell: Shell) -> None:
    shell.world.add("torch", "2.16.0+cpu")
    shell.world.package_finder()
    done = shell.run("install", "torch", "-i", index(shell), "--profile", "h100", "--dry-run")
    assert "torch 2.16.0+cpu is built for CPUs, and profile h100 has an NVIDIA GPU." in " ".join(
        done.stderr.split()
    )
    quiet = shell.run("install", "torch", "-i", index(shell), "--profile", "x86-64-v3", "--dry-run")
    assert "built for" not in quiet.stderr


def test_lock_explain_and_matrix_say_it_too(shell: Shell) -> None:
    common = ("torch", "-i", index(shell), "--profile", "mi300x")
    for command in (("lock", "-o", "pylock.toml"), ("explain", "--plan")):
        done = shell.run(command[0], *common, *command[1:])
        said = " ".join(done.stderr.split())
        assert "has no NVIDIA GPU, but an AMD GPU" in said and f"`variantctl {command[0]}" in said
    found: dict[str, Any] = json.loads(shell.run("matrix", *common, "--json").stdout)
    (row,) = found["machines"]
    assert "has no NVIDIA GPU" in row["notes"][0]
    assert {item["name"]: item["fit"]["status"] for item in row["install"]}["torch"] == "misfit"
    assert "mi300x: torch 2.15.0 is built for CUDA 13.2" in shell.run("matrix", *common).stdout


def test_a_lock_for_any_machine_has_nothing_to_say(shell: Shell) -> None:
    done = shell.run("lock", "torch", "-i", index(shell), "--all-variants", "--json")
    assert "built for" not in done.stderr
    assert all("fit" not in item for item in json.loads(done.stdout)["install"])


def test_what_stays_is_told_too(shell: Shell) -> None:
    shell.world.add("torch", "2.16.0+cpu")
    shell.world.package_finder()
    place = ("-p", "env", "-i", index(shell))
    shell.run("install", "torch==2.16.0+cpu", "--no-deps", *place)
    assert shell.run("install", "torch==2.16.0+cpu", *place).stderr == ""
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "13.2"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    done = shell.run("install", "torch", *place)
    said = " ".join(done.stderr.split())
    assert "Nothing to do: torch 2.16.0+cpu is there already." in done.stdout
    assert (
        "warning: torch 2.16.0+cpu, which stays, is built for CPUs, and this machine has an NVIDIA GPU."
        in said
    )
    assert f"`variantctl install torch -p env -i {index(shell)} --reinstall --backends pytorch`" in said
    assert shell.run("install", "torch", "--accelerator", "any", *place).stderr == ""
    shell.run("install", "torch==2.15.0", *place)
    assert shell.run("install", "torch", *place).stderr == ""


def test_explain_of_one_package(shell: Shell) -> None:
    common = ("torch", "-i", index(shell), "--profile")
    found = json.loads(shell.run("explain", *common, "mi300x", "--json").stdout)
    assert found["fit"]["status"] == "misfit" and "has no NVIDIA GPU" in found["notes"][0]
    assert (
        f"`variantctl explain torch -i {index(shell)} --profile mi300x --json --backends pytorch`"
        in found["notes"][0]
    )
    fine = json.loads(
        shell.run("explain", "filelock", "-i", index(shell), "--profile", "mi300x", "--json").stdout
    )
    assert fine["fit"]["status"] == "fits" and "notes" not in fine
    assert "has no NVIDIA GPU" in " ".join(shell.run("explain", *common, "raspberry-pi-5").stderr.split())


def test_a_source_that_was_asked_and_had_nothing(shell: Shell) -> None:
    """By default, beside pip's own index: nobody may be told that it was not asked."""
    shell.environ["PIP_INDEX_URL"] = index(shell)
    shell.environ["VARIANTCTL_PYTORCH_URL"] = (shell.world.root / "empty").as_uri()
    (shell.world.root / "empty" / "cpu").mkdir(parents=True)
    done = shell.run("install", "torch", "--profile", "mi300x", "--dry-run")
    said = " ".join(done.stderr.split())
    assert "has no NVIDIA GPU" in said and "was not asked" not in said
    assert "has none of torch for this machine and Python" in said or "could not be asked" in said
