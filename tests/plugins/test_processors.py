"""x86-64 and Arm processors: levels and extensions, with archspec as an independent oracle."""

from __future__ import annotations

from pathlib import Path

import archspec.cpu
import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.aarch64 import Aarch64Plugin
from variant_providers.cpu.cpuinfo import parse_cpuinfo
from variant_providers.cpu.tables import aarch64, x86_64
from variant_providers.x86_64 import X8664Plugin

TARGETS = archspec.cpu.TARGETS
X86 = [name for name, target in TARGETS.items() if target.family.name == "x86_64"]
ARM = [name for name, target in TARGETS.items() if target.family.name == "aarch64" and target.features]


def machine(tmp_path: Path, uname: str, *processors: str, key: str) -> str:
    """A tree whose processors have these flag lines."""
    blocks = [f"processor\t: {index}\n{key}\t\t: {flags}\n" for index, flags in enumerate(processors)]
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "cpuinfo").write_text("\n".join(blocks))
    (tmp_path / "machine").write_text(f"{uname}\n")
    return str(tmp_path)


def x86(tmp_path: Path, *processors: str) -> dict[str, list[str]]:
    report = X8664Plugin.detect(machine(tmp_path, "x86_64", *processors, key="flags"))
    assert report["status"] == "ok"
    return {feature["name"]: feature["values"] for feature in report["features"]}  # type: ignore[attr-defined]


def arm(tmp_path: Path, *processors: str) -> dict[str, list[str]]:
    report = Aarch64Plugin.detect(machine(tmp_path, "aarch64", *processors, key="Features"))
    assert report["status"] == "ok"
    return {feature["name"]: feature["values"] for feature in report["features"]}  # type: ignore[attr-defined]


def as_linux(features: set[str]) -> str:
    """archspec's features as Linux prints them, with those that every 64-bit x86 processor has."""
    flags = {"fpu", "lm", "cmov", "mmx", "sse", "sse2"} | {
        "pni" if name == "sse3" else name for name in features
    }
    return " ".join(sorted(flags))


@pytest.mark.parametrize("name", X86)
def test_x86_64_as_archspec_knows_it(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    offered = x86(tmp_path, as_linux(target.features))
    level = target.generic.name.removeprefix("x86_64").removeprefix("_") or "v1"
    assert offered["level"][0] == level
    assert set(offered) - {"level"} == target.features | {"mmx", "sse", "sse2"}


@pytest.mark.parametrize("name", ARM)
def test_aarch64_as_archspec_knows_it(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    offered = arm(tmp_path, " ".join(sorted(target.features)))
    version = target.generic.name.removeprefix("armv").replace("aarch64", "8a")
    newest = {"8.6a": "8.5a", "9.2a": "9.0a"}
    assert offered["version"][0] == newest.get(version, version)
    assert set(offered) - {"version"} == target.features


def test_the_tables_know_all_that_archspec_knows() -> None:
    known = {name for name, _year, _processor in x86_64.EXTENSIONS}
    assert set().union(*(TARGETS[name].features for name in X86)) <= known
    known = {name for name, _version in aarch64.EXTENSIONS}
    assert set().union(*(TARGETS[name].features for name in ARM)) <= known


def test_the_levels_are_those_of_the_psabi() -> None:
    added: set[str] = set()
    for level, features in x86_64.LEVELS.items():
        added |= set(features)
        if level != "v1":
            assert added == TARGETS[f"x86_64_{level}"].features


def test_extensions_are_listed_newest_first() -> None:
    instructions = x86_64.EXTENSIONS[:-4]
    years = [year for _name, year, _processor in instructions]
    assert years == sorted(years, reverse=True)
    versions = [tuple(map(int, version.split("."))) for _name, version in aarch64.EXTENSIONS]
    assert versions == sorted(versions, reverse=True)
    for table in (x86_64.EXTENSIONS, aarch64.EXTENSIONS):
        names = [row[0] for row in table]
        assert len(set(names)) == len(names)


def test_a_hidden_flag_lowers_the_level_and_keeps_the_extensions(tmp_path: Path) -> None:
    offered = x86(tmp_path, as_linux(TARGETS["icelake"].features - {"movbe"}))
    assert offered["level"] == ["v2", "v1"]
    assert offered["avx512f"] == ["on"] and "movbe" not in offered


def test_mixed_processors_offer_what_all_of_them_have(tmp_path: Path) -> None:
    offered = x86(
        tmp_path, as_linux(TARGETS["skylake_avx512"].features), as_linux(TARGETS["haswell"].features)
    )
    assert offered["level"][0] == "v3" and "avx512f" not in offered


def test_big_and_little_cores_offer_what_both_have(tmp_path: Path) -> None:
    little = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
    offered = arm(tmp_path, little, little + " atomics asimdrdm fphp asimdhp lrcpc dcpop asimddp")
    assert offered["version"] == ["8a"] and "asimddp" not in offered and "aes" in offered


def test_branch_targets_tell_m1_from_m2(tmp_path: Path) -> None:
    features = TARGETS["m1"].features
    for name, added, version in (("m1", set(), "8.4a"), ("m2", {"bti"}, "8.5a")):
        (tmp_path / name).mkdir()
        assert arm(tmp_path / name, " ".join(features | added))["version"][0] == version


@pytest.mark.parametrize("plugin", [X8664Plugin, Aarch64Plugin])
def test_a_machine_without_readable_flags_is_the_baseline(
    plugin: type[X8664Plugin | Aarch64Plugin], tmp_path: Path
) -> None:
    uname = "x86_64" if plugin is X8664Plugin else "aarch64"
    (tmp_path / "machine").write_text(uname)
    report = plugin.detect(str(tmp_path))
    assert report["status"] == "ok" and report["notes"]
    assert report["facts"] in ({"level": "v1", "features": []}, {"version": "8a", "features": []})


def test_another_architecture_is_absent(tmp_path: Path) -> None:
    root = machine(tmp_path, "riscv64", "", key="isa")
    for plugin in (X8664Plugin, Aarch64Plugin):
        report = plugin.detect(root)
        assert report["status"] == "absent" and "riscv64" in str(report["notes"])


def test_a_32_bit_python_can_load_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("variant_providers.probing.tree.Tree.pointer_bits", lambda _self: 32)
    for plugin in (X8664Plugin, Aarch64Plugin):
        assert plugin.detect()["status"] == "absent"


def test_facts_and_features_agree(tmp_path: Path) -> None:
    """A saved profile gives the same lists as the machine."""
    root = machine(tmp_path, "x86_64", as_linux(TARGETS["zen5"].features), key="flags")
    report = X8664Plugin.detect(root)
    facts = report["facts"]
    assert isinstance(facts, dict)
    assert [config.as_json() for config in X8664Plugin.configs_from_facts(facts)] == report["features"]
    assert report["files"] == ["machine", "proc/cpuinfo"]


names = st.sampled_from(["processor", "flags", "Features", "model name", "vmx flags", ""])
rows = st.lists(st.tuples(names, st.text(max_size=40)).map(lambda row: f"{row[0]}\t: {row[1]}"))


@given(rows.map("\n".join) | st.text(), st.sampled_from(["flags", "Features"]))
def test_any_cpuinfo_is_read(text: str, key: str) -> None:
    info = parse_cpuinfo(text, key)
    assert info.processors >= 0 and info.kinds >= 0 and len(info.model) <= 200
    assert info.model.isprintable()


@given(st.sets(st.sampled_from([name for name, _year, _processor in x86_64.EXTENSIONS])))
def test_a_level_never_promises_what_is_missing(features: set[str]) -> None:
    from variant_providers.cpu.x86_64 import extensions_from_flags, level_from_extensions

    flags = {x86_64.LINUX_SPELLINGS.get(name, (name,))[0] for name in features}
    assert extensions_from_flags(flags) == features
    level = level_from_extensions(features)
    for name, added in x86_64.LEVELS.items():
        if name != "v1" and name <= level:
            assert set(added) <= features
