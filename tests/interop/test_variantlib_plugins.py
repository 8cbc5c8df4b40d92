"""variant-providers is a provider package like any other: variantlib 0.2 loads its plugins by ``plugin-api``.

From a wheel built from plugins/, in an environment that has nothing but it and variantlib.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from variantctl.providers.installers import find_uv, python_of
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN
from variantctl.wheels.build import build_wheel

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
    "tpu": "variant_providers.tpu:TpuPlugin",
    "x86_64": "variant_providers.x86_64:X8664Plugin",
    "aarch64": "variant_providers.aarch64:Aarch64Plugin",
}
FORCED = {
    "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8",
    "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0",
    "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH": "gfx942",
    "AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION": "7.0",
    "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP": "20.1.0",
    "TPU_VARIANT_PROVIDER_FORCE_PRESENT": "1",
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
def test_variantlib_loads_all_of_them(environment: Path, forced: dict[str, str], tmp_path: Path) -> None:
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
        assert {"nvidia", "amd", "intel", "tpu"} <= answering
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
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(snippet())
    published = [
        "nvidia :: cuda_version_lower_bound :: 12.8",
        "nvidia :: sm_arch :: 90_real",
        "nvidia :: sm_arch :: 120_virtual",
        "amd :: gfx_arch :: gfx942",
        "amd :: gfx_arch :: gfx1100",
        "amd :: rocm_version :: 7.0",
        "intel :: device_ip :: 20.1.0",
        "tpu :: generation :: v6e",
        "tpu :: present :: true",
        "x86_64 :: level :: v3",
        "aarch64 :: asimddp :: on",
    ]
    checked = run(str(environment), "-c", VALIDATE, str(pyproject), *published)
    assert json.loads(checked) == [[], [], []]
    refused = run(str(environment), "-c", VALIDATE, str(pyproject), "nvidia :: sm_arch :: 91_imaginary")
    assert json.loads(refused)[0] == ["nvidia :: sm_arch :: 91_imaginary"]


CHOOSE = """
import json, sys
from variantlib.api import get_variants_by_priority

document = json.load(open(sys.argv[1]))
labels = {
    frozenset(f"{n} :: {f} :: {v}" for n, fs in ns.items() for f, vs in fs.items() for v in vs): label
    for label, ns in document["variants"].items()
}
ordered = get_variants_by_priority(variants_json=document)
print(json.dumps([labels[frozenset(p.to_str() for p in one.properties)] for one in ordered]))
"""


def snippet() -> str:
    """The tables that docs/making-wheels.md has to be copied."""
    text = (PLUGINS.parent / "docs/making-wheels.md").read_text()
    found = re.search(r"## Providers: a snippet to copy.*?```toml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def index_metadata(folder: Path, tables: str) -> Path:
    """The index-level metadata of three variants that ``wheel make`` made with these tables."""
    (folder / "pyproject.toml").write_text(tables)
    wheel = build_wheel(folder / "dist", name="thing", version="1")
    made = [sys.executable, "-m", "variantctl", "wheel", "make", "-f", str(wheel)]
    made += ["-o", str(folder / "wheels"), "--pyproject", str(folder / "pyproject.toml")]
    run(*made, "--null")
    run(*made, "--label", "cu128", "--property", "nvidia :: cuda_version_lower_bound :: 12.8")
    run(*made, "--label", "cu130", "--property", "nvidia :: cuda_version_lower_bound :: 13.0")
    build_index(folder / "wheels", folder / "out")
    # There is one more, under a name with its hash.
    return folder / "out/simple/thing/thing-1-variants.json"


def test_the_snippet_is_complete() -> None:
    table = tomllib.loads(snippet())["variant"]
    assert table["default-priorities"]["namespace"] == list(APIS) == list(table["providers"])
    for namespace, provider in table["providers"].items():
        assert provider == {
            "requires": ["variant-providers"],
            "plugin-api": f"variant_providers.{namespace}",
        }


@pytest.mark.parametrize("named", [True, False], ids=["plugin-api", "requires alone"])
def test_the_same_choice_here_and_in_variantlib(environment: Path, named: bool, tmp_path: Path) -> None:
    """Also where pyproject.toml says no more than ``requires = ["variant-providers"]``."""
    tables = snippet() if named else re.sub(r"plugin-api = .*\n", "", snippet())
    path = index_metadata(tmp_path, tables)
    providers = json.loads(path.read_text())["providers"]
    assert providers["nvidia"]["plugin-api"] == "variant_providers.nvidia"
    forced = {**FORCED, "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.9"}
    theirs = json.loads(run(str(environment), "-c", CHOOSE, str(path), environ=forced))
    index = str(tmp_path / "out/simple")
    ours = [sys.executable, "-m", "variantctl", "explain", "thing", "--json", "-i", f"file://{index}/"]
    assert theirs == ["cu128", "null"]
    wheels = json.loads(run(*ours, environ=forced))["wheels"]
    assert [wheel["label"] for wheel in wheels if wheel["rank"] is not None] == theirs


def test_the_package_alone_is_refused_with_the_line_to_add(environment: Path, tmp_path: Path) -> None:
    """Metadata that another tool wrote without ``plugin-api``: an error, and not silently another build."""
    path = index_metadata(tmp_path, snippet())
    document = json.loads(path.read_text())
    for provider in document["providers"].values():
        del provider["plugin-api"]
    path.write_text(json.dumps(document))
    done = subprocess.run([environment, "-c", CHOOSE, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and 'plugin-api = "variant_providers.nvidia"' in done.stderr
