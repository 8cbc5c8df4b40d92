"""The vectors in ``vectors/`` hold: in variantctl, in variantlib 0.2, and in uv 0.13, each as it is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from variant_index.build import build_index
from variantlib.variants_json import VariantsJson

from tests.interop.test_uv_choice import environment, installed_label, with_uv, with_variantctl
from variantctl.demo.server import serve
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile
from variantctl.providers.settings import ProviderSettings
from variantctl.variants import load_metadata, order_labels
from variantctl.variants.errors import InvalidVariantError
from variantctl.wheels.build import build_wheel

FOLDER = Path(__file__).parents[2] / "vectors"
Case = dict[str, Any]

VARIANTLIB = """
import json, sys
from variantlib.api import get_variants_by_priority

case = json.load(sys.stdin)
ordered = get_variants_by_priority(
    variants_json=case["metadata"], enable_optional_plugins=case["machine"].get("enabled", [])
)
print(json.dumps([one.label for one in ordered]))
"""
PLUGIN = """
from types import SimpleNamespace
namespace = {namespace!r}
def get_supported_configs():
    return [SimpleNamespace(name=n, values=v, multi_value=True) for n, v in {answers!r}]
get_all_configs = get_supported_configs
class NvidiaVariantPlugin:
    get_supported_configs = staticmethod(get_supported_configs)
    get_all_configs = staticmethod(get_supported_configs)
TpuVariantPlugin = NvidiaVariantPlugin
"""


def cases(kind: str, tool: str | None = None) -> list[Any]:
    found = json.loads((FOLDER / f"{kind}.json").read_text())["cases"]
    return [pytest.param(case, id=case["name"]) for case in found if tool is None or tool in case["checked"]]


def label_of(filename: str | None) -> str | None:
    return filename.removesuffix(".whl").partition("-any-")[2] or None if filename else None


def test_the_files_are_as_their_schema_says() -> None:
    schema = json.loads((FOLDER / "vectors.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    names = []
    for kind in ("order", "choice", "refused"):
        document = json.loads((FOLDER / f"{kind}.json").read_text())
        assert document["kind"] == kind
        assert [error.message for error in validator.iter_errors(document)] == []
        names += [case["name"] for case in document["cases"]]
        for case in document["cases"]:
            assert not set(case["checked"]) & set(case.get("not_checked", {}))
            assert set(case["checked"]) | set(case.get("not_checked", {})) >= {"variantctl", "variantlib"}
    assert len(names) == len(set(names)) >= 40


def our_order(case: Case) -> list[str]:
    """The labels that fit, as variantctl's provider algorithm and its order have it."""
    listed = case["machine"]["supported"]
    supported = {
        namespace: {feature["feature"]: tuple(feature["values"]) for feature in features}
        for namespace, features in listed.items()
    }
    settings = ProviderSettings(enabled=frozenset(case["machine"].get("enabled", ())))
    machine = Machine(Profile("the vector's machine", properties=supported), settings)
    metadata = load_metadata(case["metadata"])
    return order_labels(metadata, machine.supported(metadata))


@pytest.mark.parametrize("case", cases("order", "variantctl"))
def test_order_here(case: Case) -> None:
    assert our_order(case) == case["expected"]["order"]


@pytest.mark.parametrize("case", cases("choice", "variantctl"))
def test_order_of_files_here(case: Case) -> None:
    labels: list[str | None] = [*our_order(case)]
    if any(label_of(wheel) is None for wheel in case["wheels"]):
        labels.append(None)
    assert labels == [label_of(wheel) for wheel in case["expected"]["order"]]


def variantlib_order(case: Case, folder: Path) -> list[str]:
    """The labels that fit in variantlib's order: it asks plugins that answer what the machine supports."""
    for namespace, provider in case["metadata"]["providers"].items():
        listed = case["machine"]["supported"].get(namespace, ())
        answers = [(feature["feature"], feature["values"]) for feature in listed]
        for requirement in provider.get("requires", ()):
            package = folder / requirement.partition(">")[0].replace("-", "_")
            package.mkdir()
            source = PLUGIN.format(namespace=namespace, answers=answers)
            (package / "__init__.py").write_text(source)
            (package / "plugin.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-c", VARIANTLIB],
        input=json.dumps(case),
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # It adds the null variant, whether or not there is one.
    return [label for label in json.loads(done.stdout) if label in case["metadata"]["variants"]]


@pytest.mark.parametrize("case", [*cases("order", "variantlib"), *cases("choice", "variantlib")])
def test_order_in_variantlib(case: Case, tmp_path: Path) -> None:
    expected = case["expected"]["order"]
    if "wheels" in case:
        expected = [label for label in map(label_of, expected) if label is not None]
    assert variantlib_order(case, tmp_path) == expected


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One index with the wheels of every case, each under the case's name."""
    folder = tmp_path_factory.mktemp("vectors")
    for parameter in cases("choice"):
        (case,) = parameter.values
        metadata = load_metadata(case["metadata"])
        for wheel in case["wheels"]:
            label = label_of(wheel)
            said = None if label is None else metadata
            build_wheel(folder / "wheels", name=case["name"], version="1.0", label=label, metadata=said)
    build_index(folder / "wheels", folder / "site")
    with serve(folder / "site") as root:
        yield f"{root}/simple/"


@pytest.mark.parametrize("case", cases("choice", "variantctl"))
def test_choice_here(case: Case, index: str, tmp_path: Path) -> None:
    environ = {**environment(tmp_path), **case["machine"]["environment"]}
    chosen = with_variantctl(index, case["name"], tmp_path / "target", environ)
    assert chosen == label_of(case["expected"]["choice"])


@pytest.mark.parametrize("case", cases("choice", "uv"))
def test_choice_of_uv(case: Case, index: str, tmp_path: Path) -> None:
    environ = {**environment(tmp_path), **case["machine"]["environment"]}
    chosen = with_uv(index, case["name"], tmp_path / "target", environ)
    assert chosen == label_of(case["expected"]["choice"])
    assert installed_label(tmp_path / "target") == chosen


@pytest.mark.parametrize("case", cases("refused", "variantctl"))
def test_refused_here(case: Case) -> None:
    with pytest.raises(InvalidVariantError):
        load_metadata(case["metadata"])


@pytest.mark.parametrize("case", cases("refused", "variantlib"))
def test_refused_by_variantlib(case: Case) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        VariantsJson(case["metadata"])
