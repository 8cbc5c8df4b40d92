"""Lock files read and written: what is valid comes back, what is not is refused by name."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.pylock import Pylock, PylockValidationError
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.demo.recipe import packages as demo_packages
from variantctl.lock.contents import Declared, Lock, LockedPackage, LockedWheel
from variantctl.lock.document import dumps
from variantctl.lock.errors import LockFileError
from variantctl.lock.reading import parse_lock, read_lock
from variantctl.lock.variants_table import narrowed, variants_table
from variantctl.variants import load_metadata
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.markers import parse_requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).parents[2] / "fixtures" / "metadata"

HASH = "0123456789abcdef" * 4
WHEEL = f'{{ url = "https://files.test/a-1-py3-none-any-x.whl", hashes = {{ sha256 = "{HASH}" }} }}'
VALID = f"""lock-version = "1.0"
created-by = "somebody"

[[packages]]
name = "a"
version = "1"
wheels = [{WHEEL}]

[packages.variants-json]
"$schema" = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
default-priorities = {{ namespace = ["gpu"] }}
variants = {{ x = {{ gpu = {{ arch = ["1"] }} }} }}
"""


def test_the_valid_one_is_read() -> None:
    (package,) = parse_lock(VALID.encode(), "pylock.toml").packages
    assert package.variants is not None and list(package.variants.variants) == ["x"]
    assert package.wheels[0].wheel.label == "x"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('lock-version = "1.0"', "lock-version =", "pylock.toml is not valid TOML"),
        ('lock-version = "1.0"', "", "Missing required value in 'lock-version'"),
        ('lock-version = "1.0"', 'lock-version = "2.0"', "version 2.0 is not supported"),
        ('created-by = "somebody"', "", "Missing required value in 'created-by'"),
        ('name = "a"', 'name = "A_a"', "is not normalized"),
        ('name = "a"', 'name = "b"', "not consistent with package name"),
        ('version = "1"', 'version = "2"', "not consistent with package version"),
        ("-x.whl", "-X.whl", "Invalid wheel filename"),
        ("-x.whl", "-y.whl", "variants-json has no entry for the label 'y'"),
        ("https://files.test/", "ftp://files.test/", "is neither http"),
        (f'{{ sha256 = "{HASH}" }}', "{}", "At least one hash must be provided"),
        (f"wheels = [{WHEEL}]", "", "Exactly one of"),
        ("v0.1.1.json", "v9.1.1.json", "major version 9 of the format is not supported"),
        ('namespace = ["gpu"]', 'namespace = ["cpu"]', "default-priorities.namespace: must list 'gpu'"),
        ('arch = ["1"]', "arch = [1]", "variants.x.gpu.arch"),
        ("[packages.variants-json]", "[packages.variants-other]", "has no entry for the label 'x'"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(old: str, new: str, says: str) -> None:
    assert old in VALID
    with pytest.raises(LockFileError) as caught:
        parse_lock(VALID.replace(old, new).encode(), "pylock.toml")
    assert says in caught.value.message
    assert caught.value.message.startswith("pylock.toml")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[packages.tool.variantctl]\nrequires = "b"\n', "requires must be an array of strings"),
        ("[packages.tool.variantctl]\nrequires = []\nrequires-of = 3\n", "requires-of must be a table"),
        ("[tool.variantctl]\nrequirements = [3]\n", "requirements must be an array of strings"),
        ('[tool.variantctl]\nrequirements = ["-"]\n', "is not a dependency specifier"),
    ],
)
def test_a_damaged_table_of_ours_is_refused(table: str, says: str) -> None:
    with pytest.raises(LockFileError, match=says):
        parse_lock(f"{VALID}\n{table}".encode(), "pylock.toml")


@given(st.binary(max_size=200) | st.text(alphabet='[]{}="\n abpackges.-1', max_size=200).map(str.encode))
def test_noise_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(LockFileError):
        parse_lock(data, "pylock.toml")


@pytest.mark.parametrize("name", ["lock.toml", "pylock.a.b.toml", "Pylock.toml", "pylock"])
def test_a_lock_has_the_name_of_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(VALID)
    with pytest.raises(LockFileError, match=r"named pylock\.toml or pylock\.NAME\.toml"):
        read_lock(tmp_path / name)


def test_a_lock_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LockFileError, match="there is no file") as caught:
        read_lock(tmp_path / "pylock.toml")
    assert caught.value.hint is not None and "variantctl lock" in caught.value.hint


# --- what is written ---

_TEXTS = st.text(max_size=20)
_NAMES = st.sampled_from(["a", "b-c", "d"]).map(canonicalize_name)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    names = draw(st.lists(_NAMES, unique=True, min_size=1))
    return Lock(
        tuple(_package(draw, name) for name in sorted(names)),
        tuple(parse_requirement(text) for text in sorted(draw(st.sets(st.sampled_from(["a", "d>=1"]))))),
        draw(st.sampled_from([None, SpecifierSet(">=3.10")])),
        draw(st.sampled_from([(), (Marker("os_name == 'nt'"), Marker("os_name == 'posix'"))])),
    )


def _package(draw: st.DrawFn, name: NormalizedName) -> LockedPackage:
    stem = f"{name.replace('-', '_')}-1.0-py3-none-any"
    labels = sorted(draw(st.sets(st.sampled_from(["", "-x", "-null", "-cuda12.8"]), min_size=1)))
    metadata = load_metadata(
        {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["gpu"]},
            "variants": {
                label[1:]: {} if label == "-null" else {"gpu": {"arch": [draw(st.sampled_from("123"))]}}
                for label in labels
                if label
            },
        }
    )
    return LockedPackage(
        name,
        Version("1.0"),
        draw(st.sampled_from([None, Marker("python_version < '0'")])),
        draw(st.sampled_from([None, SpecifierSet(">=3.8,!=3.9.*")])),
        draw(st.sampled_from([None, "https://index.test/simple/"])),
        tuple(draw(st.lists(_NAMES, unique=True))),
        tuple(
            LockedWheel(
                parse_wheel_filename(f"{stem}{label}.whl"),
                url=f"https://files.test/{stem}{label}.whl",
                hashes={"sha256": HASH},
                size=draw(st.sampled_from([None, 12])),
            )
            for label in sorted(labels, key=lambda label: f"{stem}{label}.whl")
        ),
        variants=metadata if any(labels) else None,
        declared=Declared(tuple(draw(st.lists(_TEXTS))), {f"{stem}.whl": tuple(draw(st.lists(_TEXTS)))}),
    )


@given(locks())
def test_what_is_written_is_read_back(lock: Lock) -> None:
    text = dumps(lock)
    assert parse_lock(text.encode(), "pylock.toml") == lock
    assert dumps(parse_lock(text.encode(), "pylock.toml")) == text


@given(locks())
def test_packaging_accepts_it_but_for_the_names_of_variant_wheels(lock: Lock) -> None:
    table = tomllib.loads(dumps(lock))
    labelled = any(file.wheel.label for package in lock.packages for file in package.files)
    if labelled:
        # As of packaging 26.3. Once it knows them, reading.py has no need to hide them.
        with pytest.raises(PylockValidationError, match="Invalid wheel filename"):
            Pylock.from_dict(table)
    for package in table["packages"]:
        package["wheels"] = [{**wheel, "name": _plain(wheel["url"])} for wheel in package["wheels"]]
    Pylock.from_dict(table).validate()


def _plain(url: str) -> str:
    return parse_wheel_filename(url.rpartition("/")[2]).with_label(None)


# --- variants-json ---


@pytest.mark.parametrize("name", ["torch-2.8.0-variants.json", "torch-2.10.0-variants.json"])
def test_real_metadata_of_older_formats_is_kept(name: str) -> None:
    metadata = load_metadata((FIXTURES / name).read_bytes())
    table = variants_table(metadata)
    assert table["$schema"] == metadata.schema
    assert load_metadata(_through_toml(table)) == metadata
    few = list(metadata.variants)[:2]
    kept = load_metadata(_through_toml(variants_table(narrowed(metadata, few))))
    assert {label: metadata.variants[label] for label in few} == kept.variants


@pytest.mark.parametrize("package", [package for package in demo_packages() if package.metadata is not None])
def test_provider_tables_are_kept(package: Any) -> None:
    assert load_metadata(_through_toml(variants_table(package.metadata))) == package.metadata


def test_the_table_conforms_to_the_schema() -> None:
    schema = FIXTURES / "pep-0825-variant-schema-0.1.1.json"
    (package,) = parse_lock(VALID.encode(), "pylock.toml").packages
    assert package.variants is not None
    table = _through_toml(variants_table(package.variants))
    jsonschema.validate(table, json.loads(schema.read_text("utf-8")))


def test_a_null_variant_alone_keeps_the_namespaces() -> None:
    metadata = load_metadata(
        {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["cpu", "gpu"]},
            "variants": {"null": {}, "x": {"gpu": {"arch": ["1"]}}},
        }
    )
    assert narrowed(metadata, ["x"]).namespaces == ("gpu",)
    # PEP 825's schema wants at least one.
    assert narrowed(metadata, ["null"]).namespaces == ("cpu", "gpu")


def _through_toml(table: Mapping[str, Any]) -> dict[str, Any]:
    import tomli_w

    again: dict[str, Any] = tomllib.loads(tomli_w.dumps(table))
    return again
