"""One lock for several machines: each gets from it what an install would give it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.lock.bench import Bench, file_names
from variantctl.providers.profiles import shipped_profiles
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

MACHINES = ("h100", "mi300x", "raspberry-pi-5")
WANTED = ("deepspeed", "executorch")
LOCKED_FOR = [part for machine in MACHINES for part in ("--profile", machine)]


def without_our_table(text: str) -> str:
    return re.sub(r"\n\[(packages\.)?tool\.variantctl\]\n(.+\n|\]\n)*", "\n", text)


@pytest.mark.parametrize("machine", MACHINES)
def test_sync_plans_what_install_plans(bench: Bench, machine: str) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    expected = bench.plan("install", *WANTED, "--profile", machine)
    assert bench.plan("sync", bench.lock, "--profile", machine) == expected
    assert len(expected) >= 3


@pytest.mark.parametrize("machine", shipped_profiles())
def test_any_machine_gets_from_a_lock_of_all_variants_what_install_gives(bench: Bench, machine: str) -> None:
    bench.locked(*WANTED, "--all-variants")
    expected = bench.plan("install", *WANTED, "--profile", machine)
    assert bench.plan("sync", bench.lock, "--profile", machine) == expected


def test_the_lock_has_the_wheels_that_the_machines_need_and_no_others(bench: Bench) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    names = [package["name"] for package in bench.read()["packages"]]
    assert names == ["deepspeed", "executorch", "torch", "triton", "triton-rocm"]
    assert file_names(bench.package("torch")) == [
        f"torch-2.10.0-py3-none-any-{label}.whl" for label in ("cuda12.8", "null", "rocm7.1")
    ]
    variants = bench.package("torch")["variants-json"]
    assert set(variants["variants"]) == {"cuda12.8", "null", "rocm7.1"}
    assert variants["default-priorities"]["namespace"] == ["nvidia", "amd", "priority"]
    assert variants["providers"].keys() == {"nvidia", "amd", "priority"}
    assert variants["$schema"] == "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"


def test_all_variants_and_what_only_some_of_them_need(bench: Bench) -> None:
    bench.locked("torch", "--all-variants")
    assert len(file_names(bench.package("torch"))) == 7
    for name in ("triton", "triton-rocm", "triton-xpu"):
        assert file_names(bench.package(name))
    assert bench.package("torch")["dependencies"] == [
        {"name": name} for name in ("triton", "triton-rocm", "triton-xpu")
    ]


def test_every_file_has_its_hash_its_size_and_its_index(bench: Bench) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    for package in bench.read()["packages"]:
        assert package["index"] == bench.index
        for wheel in package["wheels"]:
            assert re.fullmatch(r"[0-9a-f]{64}", wheel["hashes"]["sha256"])
            assert wheel["size"] > 500


def test_no_marker_of_a_package_speaks_of_variants(bench: Bench) -> None:
    bench.locked(*WANTED, "--all-variants")
    for package in bench.read()["packages"]:
        assert "variant" not in package.get("marker", "")
    # A tool that knows no variants takes no package that only variants need.
    assert bench.package("triton-rocm")["marker"] == 'python_version < "0"'
    assert "marker" not in bench.package("torch")


def test_without_our_own_table_the_same_is_installed(bench: Bench) -> None:
    """PEP 751: what ``[tool]`` holds must be disposable."""
    bench.locked(*WANTED, "--all-variants")
    text = without_our_table(bench.lock.read_text("utf-8"))
    assert "tool.variantctl" not in text
    bare = bench.root / "pylock.bare.toml"
    bare.write_text(text, "utf-8")
    for machine in (*MACHINES, "arc-b580", "graviton3"):
        ours = bench.plan("sync", bench.lock, "--profile", machine)
        theirs = bench.plan("sync", bare, "--profile", machine)
        for planned in (*ours, *theirs):
            del planned["because"], planned["requires"]
        assert theirs == ours


def test_what_a_variant_needs_may_need_more(bench: Bench) -> None:
    """Without our table, METADATA of the wheels is read: of a variant, and of what only variants need."""
    wheels, site = bench.root / "wheels", bench.root / "site"
    metadata = load_metadata(
        {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["gpu"]},
            "variants": {"fast": {"gpu": {"arch": ["1"]}}},
        }
    )
    needs = {"lib": ["kernels; 'gpu' in variant_namespaces"], "kernels": ["runtime"], "runtime": []}
    for name, requires in needs.items():
        label = "fast" if name == "lib" else None
        variants = metadata if label else None
        build_wheel(wheels, name=name, version="1.0", requires=requires, label=label, metadata=variants)
    build_index(wheels, site)
    profile = bench.profile("gpu", properties={"gpu": {"arch": ["1"]}})
    bench.index = (site / "simple").as_uri()
    bench.locked("lib", "--profile", profile)
    bare = bench.root / "pylock.bare.toml"
    bare.write_text(without_our_table(bench.lock.read_text("utf-8")), "utf-8")
    for lock in (bench.lock, bare):
        names = [planned["name"] for planned in bench.plan("sync", lock, "--profile", profile)]
        assert names == ["kernels", "lib", "runtime"]


def test_a_machine_that_was_not_thought_of_takes_what_it_can(bench: Bench) -> None:
    bench.locked("torch", *LOCKED_FOR)
    # An RTX 4090's driver opens CUDA 13, which is not in the lock.
    (torch, _) = bench.plan("sync", bench.lock, "--profile", "rtx-4090")
    assert torch["label"] == "cuda12.8"


def test_a_machine_that_nothing_fits_is_told_what_there_is(bench: Bench) -> None:
    bench.locked("torch", "--profile", "h100", "--profile", "mi300x")
    outcome = bench.sync("--profile", "raspberry-pi-5", "--target", bench.root / "there", "--json")
    assert outcome.code == 1
    error = outcome.json["error"]
    assert error["kind"] == "lock-does-not-fit"
    assert "no wheel of torch 2.10.0 in the lock fits profile raspberry-pi-5" in error["message"]
    assert "cuda12.8 needs nvidia :: cuda_version_lower_bound 12.0" in error["message"]
    assert "rocm7.1 needs amd" in error["message"]
    assert "--all-variants" in error["hint"]
    assert not (bench.root / "there").exists()


def test_sync_asks_for_wheels_and_for_nothing_else(bench: Bench) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    bench.asked.clear()
    outcome = bench.run(
        "sync",
        bench.lock,
        "--profile",
        "mi300x",
        "--target",
        bench.root / "there",
        "--cache-dir",
        bench.root / "empty",
    )
    assert outcome.code == 0, outcome.err
    asked = sorted(line.rpartition("/")[2] for line in bench.asked)
    assert asked == [
        "deepspeed-0.18.2-py3-none-any.whl",
        "executorch-1.1.0-py3-none-any-null.whl",
        "torch-2.10.0-py3-none-any-rocm7.1.whl",
        "triton_rocm-3.6.0-py3-none-any.whl",
    ]


def test_the_same_folder_follows_from_machine_to_machine(bench: Bench) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    there = bench.root / "there"

    def synced(machine: str) -> set[str]:
        outcome = bench.sync("--profile", machine, "--target", there)
        assert outcome.code == 0, outcome.err
        return {path.name.partition("-")[0] for path in there.glob("*.dist-info")}

    assert synced("mi300x") == {"deepspeed", "executorch", "torch", "triton_rocm"}
    assert synced("h100") == {"deepspeed", "executorch", "torch", "triton"}
    assert not (there / "triton_rocm").exists()
    assert 'variant = "cuda12.8"' in (there / "torch" / "__init__.py").read_text().replace("'", '"')
    again = bench.sync("--profile", "h100", "--target", there, "--json").json
    assert (again["install"], again["remove"], len(again["keep"])) == ([], [], 4)


def test_the_same_input_gives_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    bench.locked(*WANTED, *LOCKED_FOR)
    first = bench.lock.read_bytes()
    bench.lock.unlink()
    bench.locked(*reversed(WANTED), *LOCKED_FOR, "--refresh")
    assert bench.lock.read_bytes() == first


def test_the_json_names_what_each_machine_takes(bench: Bench) -> None:
    outcome = bench.locked("torch", *LOCKED_FOR, "--json").json
    assert (outcome["format"], outcome["remove"], outcome["keep"]) == (1, [], [])
    labels = {(planned["name"], planned["label"]) for planned in outcome["install"]}
    assert labels == {
        ("torch", "cuda12.8"),
        ("torch", "null"),
        ("torch", "rocm7.1"),
        ("triton", None),
        ("triton-rocm", None),
    }
    assert [machine["machine"] for machine in outcome["machines"]] == [f"profile {name}" for name in MACHINES]
    assert outcome["changed"] is True
    assert bench.locked("torch", *LOCKED_FOR, "--json").json["changed"] is False
