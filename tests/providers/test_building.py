"""``build-requires`` becomes static properties, and properties are checked with what plugins know."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.providers.plugin_wheels import GOOD
from tests.wheels.recipes import members
from variantctl.wheels.build import build_wheel

FIXED = GOOD.replace(
    'namespace = "acme"', 'namespace = "acme"\n    all_properties_compatible = True'
).replace('["fast"], True', '["fast"]')
PYPROJECT = """
[variant.default-priorities]
namespace = ["acme"]
[variant.providers.acme]
build-requires = ["acme-provider"]
plugin-api = "acme_provider:Plugin"
[variant.variants.c2.acme]
chip = ["c2"]
[variant.variants.bad.acme]
chip = ["c9"]
"""


class Project:
    """A project whose provider is a wheel in a folder."""

    def __init__(self, folder: Path, plugin: str = FIXED) -> None:
        self.folder = folder
        self.plugins = folder / "plugins"
        build_wheel(
            self.plugins,
            name="acme-provider",
            version="1",
            files={"acme_provider.py": plugin.encode()},
            entry_points={"variant_plugins": {"acme": "acme_provider:Plugin"}},
        )
        self.wheel = build_wheel(folder / "dist", name="thing", version="1")
        (folder / "pyproject.toml").write_text(PYPROJECT)
        self.environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
            "PIP_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(folder / "uv"),
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }

    def make(self, *arguments: str, code: int = 0, label: str = "c2", trust: bool = True) -> Any:
        command = ["wheel", "make", "-f", str(self.wheel), "--json"]
        command += ["-o", str(self.folder / "out"), "--pyproject", str(self.folder / "pyproject.toml")]
        command += ["--no-index", "--find-links", str(self.plugins), "--label", label, *arguments]
        command += ["--trust-provider", "acme-provider"] if trust else []
        done = commands.run(*command, env=self.environ)
        assert done.returncode == code, done.stdout + done.stderr
        return {**json.loads(done.stdout), "stderr": done.stderr}


def test_the_plugins_answer_is_written(tmp_path: Path) -> None:
    project = Project(tmp_path)
    made = Path(project.make()["wheel"])
    document = json.loads(members(made)["thing-1.dist-info/variant.json"])
    # chip before mode, best value first, as the plugin has it.
    assert document["providers"] == {
        "acme": {
            "static-properties": {"chip": ["c3", "c2", "c1"], "mode": ["fast"]},
            "feature-order": ["chip", "mode"],
        }
    }
    assert document["variants"] == {"c2": {"acme": {"chip": ["c2"]}}}


def test_what_the_plugin_does_not_know_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    error = project.make(label="bad", code=1)["error"]
    assert "variants.bad.acme.chip: 'c9' is not a value that the provider knows" in error["message"]
    assert "it may be: c3, c2, c1" in error["hint"]
    project.make("--no-validate", label="bad")


def test_a_plugin_that_is_not_trusted_is_not_run(tmp_path: Path) -> None:
    project = Project(tmp_path)
    error = project.make(trust=False, code=1)["error"]
    assert error["kind"] == "untrusted-provider"
    assert "--trust-provider acme-provider" in error["hint"]


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        (GOOD, "does not declare all_properties_compatible"),
        (FIXED.replace('["fast"]', '["fast"], True'), "feature 'mode' is multi-value"),
        (FIXED.replace("return [Config", "raise OSError('boom'); return [Config"), "OSError: boom"),
        (FIXED.replace("return [Config", "return []; [Config"), "answers with no feature"),
    ],
)
def test_a_plugin_that_may_not_be_asked_when_building(tmp_path: Path, plugin: str, says: str) -> None:
    error = Project(tmp_path, plugin).make(code=1)["error"]
    assert says in error["message"]
    assert "variant.providers.acme.build-requires" in error["message"]


def test_our_detectors_are_no_build_time_providers(tmp_path: Path) -> None:
    project = Project(tmp_path)
    text = PYPROJECT.replace('["acme-provider"]', '["nvidia-variant-provider"]')
    (tmp_path / "pyproject.toml").write_text(text)
    error = project.make(code=1)["error"]
    assert "depends on the machine" in error["message"]


def test_a_plugin_for_install_time_is_asked_what_it_knows(tmp_path: Path) -> None:
    project = Project(tmp_path, GOOD)
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.replace("build-requires", "requires"))
    made = Path(project.make()["wheel"])
    document = json.loads(members(made)["thing-1.dist-info/variant.json"])
    assert document["providers"]["acme"]["requires"] == ["acme-provider"]
    assert "'c9' is not a value" in project.make(label="bad", code=1)["error"]["message"]
    # Without trust nothing is checked, and that is said.
    said = project.make(label="bad", trust=False)["stderr"]
    assert "properties of acme are not checked" in said
    assert "not trusted" in said
