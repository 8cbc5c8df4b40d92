"""Google's TPUs: ids, generations, device nodes, and the variables that change what is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from variant_providers.config import FactsError
from variant_providers.google.tables.chips import CHIPS, GENERATIONS
from variant_providers.tpu import TpuPlugin

from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.variants import load_metadata
from variantctl.variants.accelerators import accelerators_of
from variantctl.variants.schemas import PEP_850_SCHEMA

FORCE = "TPU_VARIANT_PROVIDER_FORCE_PRESENT"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (FORCE, "TPU_VISIBLE_CHIPS", "TPU_VISIBLE_DEVICES", "TPU_ACCELERATOR_TYPE"):
        monkeypatch.delenv(name, raising=False)


def tree(folder: Path, *devices: tuple[str, str], subsystem: str = "", vendor: str = "0x1ae0") -> str:
    for address, device in devices:
        place = folder / "sys/bus/pci/devices" / address
        place.mkdir(parents=True)
        (place / "vendor").write_text(f"{vendor}\n")
        (place / "device").write_text(f"{device}\n")
        (place / "class").write_text("0x120000\n")
        if subsystem:
            (place / "subsystem_device").write_text(f"{subsystem}\n")
    return str(folder)


def values(report: dict[str, object]) -> dict[str, list[str]]:
    features = report["features"]
    assert isinstance(features, list)
    return {feature["name"]: feature["values"] for feature in features}


@pytest.mark.parametrize(
    ("device", "subsystem", "generation"),
    [
        ("0x0027", "0x004e", "v2"),
        ("0x0027", "0x004f", "v3"),
        ("0x0027", "", "v3"),
        ("0x005e", "", "v4"),
        ("0x0062", "", "v5p"),
        ("0x0063", "", "v5e"),
        ("0x006f", "", "v6e"),
        ("0x0076", "", "v7x"),
    ],
)
def test_generations(device: str, subsystem: str, generation: str, tmp_path: Path) -> None:
    root = tree(tmp_path, ("0000:00:05.0", device), ("0000:00:06.0", device), subsystem=subsystem)
    report = TpuPlugin.detect(root)
    assert report["status"] == "ok"
    assert values(report) == {"generation": [generation], "present": ["true"]}
    assert len(report["devices"]) == 2  # type: ignore[arg-type]
    assert report["facts"] == {"generations": [generation]}


def test_a_chip_without_a_public_name_is_present(tmp_path: Path) -> None:
    assert values(TpuPlugin.detect(tree(tmp_path, ("0000:00:05.0", "0x0056")))) == {"present": ["true"]}


def test_two_functions_are_one_chip(tmp_path: Path) -> None:
    root = tree(tmp_path, ("0000:00:05.0", "0x0076"), ("0000:00:05.1", "0x0076"))
    assert len(TpuPlugin.detect(root)["devices"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("device", "vendor", "said"),
    [
        ("0x0042", "0x1ae0", "1ae0:0042"),
        ("0x0063", "0x10de", "no TPU was seen"),
        ("0x00f0", "0x1ae0", "newer than this version"),
        ("garbage", "0x1ae0", "no TPU was seen"),
    ],
)
def test_what_is_no_tpu(device: str, vendor: str, said: str, tmp_path: Path) -> None:
    report = TpuPlugin.detect(tree(tmp_path, ("0000:00:05.0", device), vendor=vendor))
    assert report["status"] == "absent" and report["devices"] == []
    # As uv 0.13: what is built for machines without a TPU fits.
    assert values(report) == {"present": ["false"]}
    assert said in " ".join(report["notes"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("nodes", "noted"), [(["vfio/3"], False), (["vfio/vfio"], True), (["null"], True)])
def test_device_nodes(nodes: list[str], noted: bool, tmp_path: Path) -> None:
    root = tree(tmp_path, ("0000:00:05.0", "0x0063"))
    for node in nodes:
        (tmp_path / "dev" / node).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dev" / node).touch()
    notes = " ".join(TpuPlugin.detect(root)["notes"])  # type: ignore[arg-type]
    assert ("programs cannot open the TPU" in notes) is noted


@pytest.mark.parametrize(
    ("written", "found"),
    [("1", ["true"]), ("TRUE", ["true"]), ("yes", ["true"]), ("0", ["false"]), ("no", ["false"])],
)
def test_the_override(written: str, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE, written)
    report = TpuPlugin.detect()
    assert values(report) == {"present": found} and report["source"] == "environment"


def test_a_malformed_override_disables_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE, "banana")
    report = TpuPlugin.detect()
    assert report["status"] == "disabled" and report["features"] == []
    assert TpuPlugin.get_supported_configs() == []


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({"generations": ["v6e"]}, {"generation": ["v6e"], "present": ["true"]}),
        ({"present": "true"}, {"present": ["true"]}),
        ({"present": "false"}, {"present": ["false"]}),
        ({"present": "false", "generations": ["v6e"]}, {"present": ["false"]}),
    ],
)
def test_facts(facts: dict[str, object], found: dict[str, list[str]]) -> None:
    assert {config.name: config.values for config in TpuPlugin.configs_from_facts(facts)} == found


@pytest.mark.parametrize(
    "facts", [{}, {"generations": []}, {"generations": ["6e"]}, {"present": True}, {"chips": "8"}]
)
def test_facts_that_are_refused(facts: dict[str, object]) -> None:
    with pytest.raises(FactsError):
        TpuPlugin.configs_from_facts(facts)


def test_a_machine_without_one_has_no_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    table = load_metadata(
        {
            "$schema": PEP_850_SCHEMA,
            "default-priorities": {"namespace": ["tpu"]},
            "providers": {"tpu": {"requires": ["variant-providers"], "plugin-api": "variant_providers.tpu"}},
            "variants": {"cpu": {"tpu": {"present": ["false"]}}, "tpu": {"tpu": {"present": ["true"]}}},
        }
    )
    for written, present in (("0", "false"), ("1", "true")):
        monkeypatch.setenv(FORCE, written)
        machine = Machine()
        assert machine.supported(table) == {"tpu": {"present": [present]}}
        assert ("tpu" in machine.accelerators()) is (present == "true")
    assert accelerators_of(table.variants["tpu"]) == ("tpu",)
    assert accelerators_of(table.variants["cpu"]) == ()


def test_the_profiles() -> None:
    for name, generation in (("tpu-v5e", "v5e"), ("tpu-v6e", "v6e")):
        supported = load_profile(name).supported()
        assert supported["tpu"] == {"generation": [generation], "present": ["true"]}


def test_the_table_is_whole() -> None:
    assert {chip.generation for chip in CHIPS.values() if chip.generation} | {"v2"} == set(GENERATIONS)
