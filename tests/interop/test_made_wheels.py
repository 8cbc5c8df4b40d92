"""variantlib 0.2, the reference implementation, reads what ``wheel make`` writes, and writes the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from variantlib.api import VariantDescription, VariantProperty, make_variant_dist_info
from variantlib.pyproject_toml import VariantPyProjectToml
from variantlib.variants_json import VariantsJson

from tests.providers.test_building import PYPROJECT, Project
from tests.wheels.recipes import members
from tests.wheels.test_batch import RECIPE, folder, make
from variantctl.variants.schemas import PEP_850_SCHEMA

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["folder"]


def document_in(path: Path) -> dict[str, Any]:
    (name,) = (name for name in members(path) if name.endswith(".dist-info/variant.json"))
    document: dict[str, Any] = json.loads(members(path)[name])
    return document


def theirs(table: dict[str, Any], label: str, properties: list[str], **options: Any) -> dict[str, Any]:
    """What variantlib writes for the same ``[variant]`` table."""
    description = VariantDescription(
        properties=[VariantProperty.from_str(text) for text in properties], label=label
    )
    text = make_variant_dist_info(description, VariantPyProjectToml(table), **options)
    document: dict[str, Any] = json.loads(text)
    # variantlib 0.2 writes another URL of the same format, and leaves a plugin-api that nobody may use.
    document["$schema"] = PEP_850_SCHEMA
    for provider in document["providers"].values():
        if "static-properties" in provider:
            provider.pop("plugin-api", None)
    return document


def test_a_recipe_gives_what_variantlib_gives(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(folder, "--json") == 0
    wheels = json.loads(capsys.readouterr().out)["wheels"]
    table = {"variant": tomllib.loads(RECIPE)["variant"]}
    for wheel in wheels:
        if wheel["label"] is None:
            continue
        ours = document_in(Path(wheel["wheel"]))
        read = VariantsJson(ours)
        assert list(read.variants) == [wheel["label"]]
        properties = [
            f"{namespace} :: {feature} :: {value}"
            for namespace, features in wheel["properties"].items()
            for feature, values in features.items()
            for value in values
        ]
        assert ours == theirs(table, wheel["label"], properties)


def test_build_requires_becomes_what_variantlib_makes_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(tmp_path)
    ours = document_in(Path(project.make()["wheel"]))
    (plugin,) = project.plugins.glob("*.whl")
    # A wheel of one module can be imported as it is.
    monkeypatch.setenv("PYTHONPATH", str(plugin))
    assert ours == theirs(tomllib.loads(PYPROJECT), "c2", ["acme :: chip :: c2"])
