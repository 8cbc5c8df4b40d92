"""[tool.variantctl]: what is read, what is refused, and that the JSON schema says the same."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.cli.test_install import METADATA, Shell
from variantctl.config.project import _INDEX_KEYS, _READERS, parse_project_settings, schema_text
from variantctl.net.errors import SettingsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GOOD = [
    "",
    'accelerator = "require"\naccelerator-of = "all"',
    'profiles = ["h100", "machines/node.toml"]',
    'exclude-newer = "2026-05-31"',
    'exclude-newer = "2026-05-31T10:00:00Z"',
    'exclude-newer = "2026-05-31 10:00:00.5+02:00"',
    'exclude-newer = "7 days"',
    'exclude-newer = " 1 Week ago "',
    'exclude-newer = "P7D"',
    'exclude-newer = "PT12H30M"',
    'exclude-newer-package = { torch = false, "Foo.bar" = "2026-05-31" }',
    'constraint-dependencies = ["numpy<2.3", "a ; python_version < \'3\'"]',
    'override-dependencies = ["protobuf==6.31.1"]',
    'default-extras = ["gpu"]\ndefault-groups = ["dev"]',
    'variants = { torch = "cu128" }\nsources = { torch = "pytorch" }',
    'index = { index-url = "https://h.example/simple", find-links = "wheels", no-index = true }',
    'index = { extra-index-url = ["https://h.example/simple"], index-strategy = "best-version" }',
]
BAD = [
    'accelerator = "always"',
    "accelerator = true",
    'accelerator-of = "some"',
    'profiles = "h100"',
    'profiles = [""]',
    'exclude-newer = "tomorrow"',
    'exclude-newer = "1 month"',
    'exclude-newer = "P1M"',
    'exclude-newer = "P"',
    "exclude-newer = 7",
    "exclude-newer-package = { torch = true }",
    'exclude-newer-package = { "-torch" = false }',
    'constraint-dependencies = "numpy"',
    'constraint-dependencies = [">=2"]',
    "override-dependencies = [1]",
    "default-groups = [[]]",
    'variants = { "to rch" = "cu128" }',
    "sources = { torch = 1 }",
    'index = { index-urls = "https://h.example/simple" }',
    'index = { index-url = "" }',
    'index = { trusted-host = "h.example" }',
    'index = { no-index = "yes" }',
    'index = "https://h.example/simple"',
    'acelerator = "any"',
]
SCHEMA = json.loads(schema_text())


def schema_takes(table: dict[str, Any]) -> bool:
    return not list(jsonschema.Draft7Validator(SCHEMA).iter_errors(table))


@pytest.mark.parametrize("text", GOOD)
def test_good(text: str, tmp_path: Path) -> None:
    table = tomllib.loads(text)
    parse_project_settings(table, "pyproject.toml", tmp_path)
    assert schema_takes(table)


@pytest.mark.parametrize("text", BAD)
def test_bad(text: str, tmp_path: Path) -> None:
    table = tomllib.loads(text)
    with pytest.raises(SettingsError) as error:
        parse_project_settings(table, "pyproject.toml", tmp_path)
    assert error.value.message.startswith("pyproject.toml: tool.variantctl")
    assert not schema_takes(table)


def test_the_schema_has_every_key() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"].keys() == _READERS.keys()
    assert set(SCHEMA["properties"]["index"]["properties"]) == set(_INDEX_KEYS)
    assert all("description" in each for each in SCHEMA["properties"].values())


def test_what_is_near_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        parse_project_settings({"acelerator": "any"}, "pyproject.toml", tmp_path)
    assert "'accelerator'" in str(error.value.hint)
    with pytest.raises(SettingsError) as error:
        parse_project_settings({"index": {"cert": "x"}}, "pyproject.toml", tmp_path)
    assert "your own variantctl.toml" in str(error.value.hint)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA, ["lib"])
    for version in ("1.0", "2.0", "3.0"):
        shell.world.add("lib", version)
    shell.world.package_finder()
    return shell


def configure(shell: Shell, text: str) -> None:
    (shell.world.root / "pyproject.toml").write_text(
        f'[project]\nname = "thing"\nversion = "1"\ndependencies = ["torch"]\n[tool.variantctl]\n{text}\n'
    )


def versions(shell: Shell, *options: str) -> dict[str, str]:
    plan = json.loads(shell.run("install", *options, "-p", "env", "--json", "--dry-run").stdout)
    return {item["name"]: f"{item['version']} {item['label'] or ''}".strip() for item in plan["install"]}


def test_they_count(shell: Shell) -> None:
    configure(
        shell,
        'constraint-dependencies = ["lib<3"]\nvariants = { torch = "null" }\n'
        'index = { index-url = "simple", no-index = false }',
    )
    assert versions(shell, "-r", "pyproject.toml") == {"torch": "2.0 null", "lib": "2.0"}
    configure(
        shell, 'override-dependencies = ["lib==1.0"]\nindex = { find-links = "wheels", no-index = true }'
    )
    assert versions(shell, "torch") == {"torch": "2.0 null", "lib": "1.0"}
    # What the command line says goes before it, and of what is not needed nothing is said.
    configure(
        shell,
        'accelerator = "any"\nvariants = { torch = "cuda12" }\n'
        'index = { find-links = "wheels", no-index = true }',
    )
    assert versions(shell, "torch", "--variant", "torch=null")["torch"] == "2.0 null"
    assert shell.run("install", "lib", "-p", "env", "--dry-run").stderr == ""


def test_profiles_are_whom_lock_and_matrix_are_for(shell: Shell) -> None:
    configure(shell, 'profiles = ["h100", "t4"]\nindex = { find-links = "wheels", no-index = true }')
    rows = json.loads(shell.run("matrix", "-r", "pyproject.toml", "--json", "-p", "env").stdout)["machines"]
    assert [row["machine"] for row in rows] == ["h100", "t4"]
    done = json.loads(shell.run("lock", "-r", "pyproject.toml", "--json", "-p", "env").stdout)
    assert [each["machine"] for each in done["machines"]] == ["profile h100", "profile t4"]


def test_a_broken_file_says_nothing_and_a_wrong_table_is_refused(shell: Shell) -> None:
    (shell.world.root / "pyproject.toml").write_text("[tool.variantctl\n")
    shell.install("lib")
    configure(shell, 'profile = ["h100"]')
    done = shell.install("lib", "--reinstall", code=1)
    assert "tool.variantctl.profile: unknown key" in done.stderr and "'profiles'" in done.stderr


def test_nothing_to_do_is_not_remembered_past_a_change(shell: Shell) -> None:
    shell.install("lib", "torch")
    for _ in range(2):
        assert "Nothing to do" in shell.install("lib", "torch").stdout
    configure(shell, 'variants = { torch = "cuda12" }')
    os.utime(shell.world.root / "pyproject.toml", (1, 1))
    assert "Nothing to do" not in shell.install("lib", "torch", code=1).stdout


def test_config_commands(shell: Shell) -> None:
    assert json.loads(shell.run("config", "schema").stdout) == SCHEMA
    configure(shell, 'profiles = ["h100"]')
    assert "pyproject.toml: [tool.variantctl] is right" in shell.run("config", "check").stdout
    configure(shell, "profiles = 1")
    assert "tool.variantctl.profiles" in shell.run("config", "check", code=1).stderr
