"""variant-providers is a provider package like any other: variantlib 0.2 loads its plugins by ``plugin-api``.

From a wheel built from plugins/, in an environment that has nothing but it and variantlib.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from variantctl.providers.installers import find_uv, python_of
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytestmark = pytest.mark.network

PLUGINS = Path(__file__).parents[2] / "plugins"
APIS = {
    "nvidia": "variant_providers.nvidia:NvidiaPlugin",
    "amd": "variant_providers.amd:AmdPlugin",
    "intel": "variant_providers.intel:IntelPlugin",
    "x86_64": "variant_providers.x86_64:X8664Plugin",
    "aarch64": "variant_providers.aarch64:Aarch64Plugin",
}
FORCED = {
    "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8",
    "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0",
    "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH": "gfx942",
    "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION": "7.0",
    "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP": "20.1.0",
}
ASK = """
import json, sys
from variantlib.plugins.loader import DictPluginLoader, EntryPointPluginLoader

def said(configs):
    return {
        name: [[c.name, c.values, c.multi_value] for c in config.configs] for name, config in configs.items()
    }

found = {}
for namespace, api in json.loads(sys.argv[1]).items():
    with DictPluginLoader({namespace: api}) as loader:
        assert loader.plugin_api_values == {namespace: api}
        found[namespace] = [
            said(loader.get_all_configs()).get(namespace),
            said(loader.get_supported_configs()).get(namespace, []),
        ]
with EntryPointPluginLoader() as loader:
    together = [loader.namespaces, said(loader.get_all_configs()), said(loader.get_supported_configs())]
print(json.dumps([found, together]))
"""

VALIDATE = """
import json, sys
from pathlib import Path
from variantlib.api import validate_variant
from variantlib.models.variant import VariantDescription, VariantProperty
from variantlib.pyproject_toml import VariantPyProjectToml

said = validate_variant(
    VariantDescription(properties=[VariantProperty.from_str(text) for text in sys.argv[2:]]),
    variant_info=VariantPyProjectToml.from_path(Path(sys.argv[1])),
)
parts = (said.invalid_properties, said.unknown_properties, said.multi_value_violations)
print(json.dumps([[item.to_str() for item in part] for part in parts]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and variantlib; its Python."""
    folder = tmp_path_factory.mktemp("variantlib")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder / "downloads")]
    control = subprocess.run(
        [*pip, "variantlib<0.3", "hatchling"], capture_output=True, text=True, check=False
    )
    if control.returncode != 0:
        pytest.skip(f"NOT RUN: pip cannot download variantlib: {control.stderr.strip().splitlines()[-1:]}")
    uv = find_uv()
    if uv is None:
        pytest.skip("NOT RUN: uv, a test dependency, is not installed")
    run(uv, "build", "-q", "--no-config", "--wheel", str(PLUGINS), "--out-dir", str(folder / "dist"))
    [wheel] = (folder / "dist").glob("*.whl")
    run(uv, "venv", "-q", "--no-config", "--python", sys.executable, str(folder / "env"))
    python = python_of(folder / "env")
    run(
        uv, "pip", "install", "-q", "--no-config", "--python", str(python), str(wheel), "variantlib>=0.2,<0.3"
    )
    return python


def run(*command: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    kept = {key: value for key, value in os.environ.items() if "VARIANT_PROVIDER" not in key}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**kept, **(environ or {})}, cwd=cwd
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def valid(configs: list[list[Any]]) -> dict[str, list[str]]:
    """Feature -> values, each found to be as PEP 825 has it."""
    features = {name: values for name, values, _multi in configs}
    assert len(features) == len(configs)
    for name, values in features.items():
        assert NAME_PATTERN.fullmatch(name) and values and len(set(values)) == len(values)
        assert all(VALUE_PATTERN.fullmatch(value) for value in values)
    return features


@pytest.mark.parametrize("forced", [{}, FORCED], ids=["this machine", "forced"])
def test_variantlib_loads_all_five(environment: Path, forced: dict[str, str], tmp_path: Path) -> None:
    output = run(str(environment), "-c", ASK, json.dumps(APIS), environ=forced, cwd=tmp_path)
    by_api, (namespaces, everything, supported) = json.loads(output)
    assert sorted(namespaces) == sorted(APIS)
    answering = set()
    for namespace, (all_configs, supported_configs) in by_api.items():
        assert everything[namespace] == all_configs and supported.get(namespace, []) == supported_configs
        valid_everywhere = valid(all_configs)
        for name, values in valid(supported_configs).items():
            assert set(values) <= set(valid_everywhere[name]), f"{namespace} :: {name}"
            answering.add(namespace)
        multi = {name: multi_value for name, _values, multi_value in all_configs}
        assert all(multi[name] == multi_value for name, _values, multi_value in supported_configs)
    # Where a plugin finds nothing it says so with an empty list, which variantlib takes for "not here".
    if forced:
        assert {"nvidia", "amd", "intel"} <= answering
    processor = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
    own = processor.get(platform.machine())
    assert answering & {"x86_64", "aarch64"} == ({own} if own else set())


def test_the_entry_points_are_the_plugin_apis() -> None:
    project = tomllib.loads((PLUGINS / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["variant_plugins"] == APIS and project["dependencies"] == []


def test_nothing_else_is_there(environment: Path) -> None:
    listing = "from importlib.metadata import distributions as d; print(*(x.name for x in d()), sep='\\n')"
    names = set(run(str(environment), "-I", "-c", listing).split())
    assert "variant-providers" in {name.replace("_", "-") for name in names}
    assert not names & {"variantctl", "pytest", "archspec", "httpx"} and len(names) < 10
    everything = "import variant_providers, sys; print(variant_providers.__file__)"
    assert str(environment.parent.parent) in run(str(environment), "-I", "-c", everything)


def test_variantlib_accepts_the_properties_that_published_wheels_have(
    environment: Path, tmp_path: Path
) -> None:
    """As ``variantlib make-variant`` judges the properties of a wheel, which is by asking the plugins."""
    tables = "\n".join(
        f'[variant.providers.{namespace}]\nrequires = ["variant-providers"]\nplugin-api = "{api}"\n'
        for namespace, api in APIS.items()
    )
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(f"[variant.default-priorities]\nnamespace = {json.dumps(list(APIS))}\n{tables}")
    published = [
        "nvidia :: cuda_version_lower_bound :: 12.8",
        "nvidia :: sm_arch :: 90_real",
        "nvidia :: sm_arch :: 120_virtual",
        "amd :: gfx_arch :: gfx942",
        "amd :: gfx_arch :: gfx1100",
        "amd :: rocm_version :: 7.0",
        "intel :: device_ip :: 20.1.0",
        "x86_64 :: level :: v3",
        "aarch64 :: asimddp :: on",
    ]
    checked = run(str(environment), "-c", VALIDATE, str(pyproject), *published)
    assert json.loads(checked) == [[], [], []]
    refused = run(str(environment), "-c", VALIDATE, str(pyproject), "nvidia :: sm_arch :: 91_imaginary")
    assert json.loads(refused)[0] == ["nvidia :: sm_arch :: 91_imaginary"]
