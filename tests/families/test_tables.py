"""The tables of families: what is shipped makes sense, and what makes none is refused with its key."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from variantctl.backends.knowledge_files import KnowledgeError
from variantctl.config.families import known_families
from variantctl.families.family import LocalBuild
from variantctl.families.knowledge import DATA, FamilyKnowledge, index_of, parse_family_file
from variantctl.families.tables import read_family
from variantctl.net.errors import SettingsError
from variantctl.variants.errors import InvalidVariantError

SHIPPED = sorted(Path(DATA).glob("*.toml"))
NEW = b"""
format = 1
kind = "family"
name = "acme"
version = "2026.12.1"
packages = ["acme"]
[members.cu13]
project = "acme-cu13"
properties.nvidia.cuda_version_lower_bound = ["13.0"]
[members.cpu]
"""


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_what_is_shipped_says_where_it_is_from(path: Path) -> None:
    file = parse_family_file(path.read_bytes(), str(path))
    family = read_family(file.name, file.table, str(path))
    assert family.name == path.stem
    assert family.fact_source.startswith("https://")
    for member in family.members:
        assert member.source or family.fact_source


def test_the_file_of_names_is_that_of_the_tables() -> None:
    files = [parse_family_file(path.read_bytes(), str(path)) for path in SHIPPED]
    made = index_of(read_family(file.name, file.table, "") for file in files)
    assert json.loads(Path(DATA, "names.json").read_text()) == made, (
        "python -m tests.families.names writes it"
    )


def test_no_name_belongs_to_two_families() -> None:
    names = [
        name
        for family in json.loads(Path(DATA, "names.json").read_text()).values()
        for of in family.values()
        for name in of
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("cu12torch2.8cxx11abitrue", {"nvidia": "12.0", "abi_dependency": "2.8"}),
        ("pt28cu126", {"nvidia": "12.0", "abi_dependency": "2.8"}),
        ("pt210cu130", {"nvidia": "13.0", "abi_dependency": "2.10"}),
        ("cu.13.0.torch.2.11", {"nvidia": "13.0", "abi_dependency": "2.11"}),
        ("other", None),
    ],
)
def test_what_local_versions_say(local: str, expected: dict[str, str] | None) -> None:
    pattern = r"(?:pt(?P<torch>\d{2,3}))?cu\.?(?P<cuda>\d+(?:\.\d+)?)"
    both = [LocalBuild(r"cu\.?(?P<cuda>\d+(?:\.\d+)?)\.?torch\.?(?P<torch>\d+\.\d+)"), LocalBuild(pattern)]
    said = next((found for each in both if (found := each.read(local)) is not None), None)
    told = None if said is None else {name: next(iter(of.values()))[0] for name, of in said.items()}
    assert told == expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"members": {"a": {}}}, "packages"),
        ({"packages": ["x"], "members": {}}, "members: must not be empty"),
        ({"packages": ["x"], "members": {"NO": {}}}, "members.NO"),
        ({"packages": ["x"], "members": {"null": {}}}, "null"),
        ({"packages": ["x"], "members": {"a": {"index": "nowhere"}}}, "members.a.index"),
        ({"packages": ["x"], "members": {"a": {"local": [{"pattern": "("}]}}}, "regular expression"),
        ({"packages": ["x"], "members": {"a": {"local": [{"pattern": "(?P<x>1)"}]}}}, "group 'x'"),
        ({"packages": ["x"], "members": {"a": {"versions": "new"}}}, "members.a.versions"),
        ({"packages": ["x"], "members": {"a": {"marker": "?"}}}, "members.a.marker"),
        ({"packages": ["x"], "members": {"a": {"colour": "red"}}}, "colour"),
        ({"packages": ["x"], "members": {"a": {"properties": {"priority": {"order": ["1"]}}}}}, "reserved"),
        ({"packages": ["../x"], "members": {"a": {}}}, "name of a package"),
    ],
)
def test_nonsense_is_refused_with_its_key(table: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidVariantError, match=message.replace("(", r"\(")):
        read_family("acme", table, "acme.toml")


def test_a_newer_file_is_used_once_it_is_stored(tmp_path: Path) -> None:
    knowledge = FamilyKnowledge(tmp_path)
    assert "acme" not in knowledge.names()
    with pytest.raises(KnowledgeError, match="sha256"):
        knowledge.store(NEW, origin="acme.toml", sha256="0" * 64)
    knowledge.store(NEW, origin="acme.toml", sha256=hashlib.sha256(NEW).hexdigest())
    fresh = FamilyKnowledge(tmp_path)
    assert fresh.index()["acme-cu13"] == ("acme", "acme")
    (tmp_path / "families" / "acme.toml").write_bytes(NEW + b"#")
    broken = FamilyKnowledge(tmp_path)
    assert "acme-cu13" not in broken.index()
    fresh.forget()
    assert "acme" not in FamilyKnowledge(tmp_path).names()


CONFIGURATION = """
[families.acme]
packages = ["acme"]
[families.acme.members.cu13]
project = "acme-cu13"
properties.nvidia.cuda_version_lower_bound = ["13.0"]
[families.acme.members.cpu]
[families.cupy]
enabled = false
[families.onnxruntime.members.qnn]
project = "onnxruntime-qnn"
only-by-name = true
"""


def test_configuration_adds_changes_and_switches_off(tmp_path: Path) -> None:
    file = tmp_path / "variantctl.toml"
    environ = {"VARIANTCTL_CONFIG_FILE": str(file), "VARIANTCTL_KNOWLEDGE_DIR": ""}
    file.write_text(CONFIGURATION)
    families = known_families(environ)
    assert families.identity("acme-cu13") == "acme"  # type: ignore[arg-type]
    assert families.of("cupy-cuda12x") is None
    assert families.identity("onnxruntime-qnn") == "onnxruntime"  # type: ignore[arg-type]
    assert families.identity("onnxruntime-gpu") == "onnxruntime"  # type: ignore[arg-type]
    assert not known_families({**environ, "VARIANTCTL_NO_FAMILIES": "1"})
    file.write_text("[families]\nenabled = false\n")
    assert not known_families(environ)
    file.write_text("[families.onnxruntime.members.gpu]\ncolour = 'red'\n")
    with pytest.raises(SettingsError, match="colour"):
        known_families(environ).of("onnxruntime")
