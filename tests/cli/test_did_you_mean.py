"""A word that is nearly right is answered with the right one: packages, labels, commands of pip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_install import METADATA, Shell
from tests.indexes.test_sdists import sdist
from variantctl.indexes.project_names import _tables, meant


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("our-models")
    shell.world.variants("torch", "2.0", METADATA)
    return shell


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("our-model", "did you mean 'our-models'?"),  # a folder has it
        ("Our_Modles", "did you mean 'our-models'?"),
        ("onnxruntime-gpuu", "'onnxruntime-gpu'"),  # a family has it
        ("reqests", "did you mean 'requests'?"),  # everybody knows it
        ("torhc", "did you mean 'torch'?"),
        ("pytorch", "did you mean 'torch'?"),
        ("opencv", "did you mean 'opencv-python'?"),
        ("PIL", "did you mean 'pillow'?"),
    ],
)
def test_a_package_that_no_source_has(wrong: str, said: str, shell: Shell) -> None:
    error = json.loads(shell.install(wrong, "--json", code=1).stdout)["error"]
    assert error["kind"] == "not-found" and said in error["hint"]
    assert said in shell.run("versions", wrong, "--no-index", "-f", "wheels", "-p", "env", code=1).stderr


def test_nothing_is_near(shell: Shell) -> None:
    assert "did you mean" not in shell.install("qqqqqq", code=1).stderr
    assert meant("opencv-pithon-headles") == "did you mean 'opencv-python-headless'?"
    assert meant("numpy") is None, "a name is not near itself"


def test_the_table_leads_to_names_that_are_known() -> None:
    tables = _tables()
    assert not set(tables["placeholders"]) & set(tables["modules"])
    wrong = {*tables["placeholders"], *tables["modules"]}
    assert not wrong & set(tables["well-known"]["names"])
    assert all(name == name.lower().replace("_", "-") for name in wrong)


def test_a_placeholder_is_told_from_a_package(shell: Shell) -> None:
    sdist(
        shell.world.wheels / "sklearn-0.0.tar.gz",
        {"PKG-INFO": "Metadata-Version: 2.1\nName: sklearn\nVersion: 0.0\n"},
    )
    done = shell.install("sklearn", code=1)
    assert "sklearn is only a placeholder: did you mean 'scikit-learn'?" in done.stderr
    # Where an index of one's own has it, as a wheel, it is a package like any other.
    shell.world.add("pytorch")
    assert "placeholder" not in shell.install("pytorch").stderr


def test_a_package_that_is_not_installed(shell: Shell) -> None:
    shell.install("our-models")
    for command in (("show", "our-model"), ("uninstall", "-y", "our-model"), ("tree", "our-model")):
        code = 0 if command[0] == "uninstall" else 1
        assert "did you mean 'our-models'?" in shell.run(*command, "-p", "env", code=code).stderr


def test_a_label(shell: Shell) -> None:
    said = shell.install(
        "torch", "--variant", "torch=cuda13", "--profile", "h100", "--dry-run", code=1
    ).stderr
    assert (
        "torch 2.0 has no wheel with the label 'cuda13'; it has cuda12, null: did you mean 'cuda12'?" in said
    )
    said = shell.install("torch", "--variant", "torch=zzz", "--profile", "h100", "--dry-run", code=1).stderr
    assert "did you mean" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("pip", "install", "x"), "did you mean 'variantctl install'?"),
        (("pip", "compile", "x"), "'variantctl export --output requirements.txt'"),
        (("pip", "uninstal", "x"), "did you mean 'uninstall'"),
        (("pip",), "did you mean 'variantctl install'?"),
        (("uv", "pip", "install", "x"), "did you mean 'variantctl install'?"),
        (("uv", "add", "x"), "did you mean 'variantctl add'?"),
        (("poetry", "ad", "x"), "did you mean 'add'"),
        (("conda", "update", "x"), "'variantctl install --upgrade'"),
        (("-q", "pip", "-v", "freeze"), "did you mean 'variantctl freeze'?"),
    ],
)
def test_pip_and_its_command(shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in shell.run(*words, code=2).stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("install", "x", "--accelerator", "requires"), "did you mean 'require'?"),
        (("install", "x", "--link-mode", "hard"), "did you mean 'hardlink'?"),
        (("completion", "bsh"), "did you mean 'bash'"),
    ],
)
def test_a_value_of_an_option(shell: Shell, words: tuple[str, ...], said: str) -> None:
    done = shell.run(*words, code=2)
    assert "there is no '" in done.stderr and said in done.stderr
    said = shell.run("completion", "powershell", code=2).stderr
    assert "did you mean" not in said and "There are: bash, zsh, tcsh, fish." in said


@pytest.mark.parametrize(
    "name", ["requirements.txt", "dev-requirements.in", "deploy/requirements-gpu.txt", "pyproject.toml"]
)
def test_a_requirements_file_without_its_option(shell: Shell, name: str) -> None:
    error = json.loads(shell.install(name, "--json", code=1).stdout)["error"]
    assert error["hint"] == f"Name it with -r: -r {name}"


def test_an_extra_that_a_package_does_not_have(shell: Shell) -> None:
    shell.world.add("app", extras={"socks": ["our-models"]})
    assert "app 1.0 has no extra 'sockss': did you mean 'socks'?" in shell.install("app[sockss]").stderr
    # Also of a package that is there already.
    assert "app 1.0 has no extra 'sockss': did you mean 'socks'?" in shell.install("app[sockss]").stderr
    assert "our-models" not in shell.packages()


def test_a_family(shell: Shell) -> None:
    assert "did you mean 'onnxruntime'" in shell.run("families", "onnxruntim", code=2).stderr
