"""``--accelerator-of``: whether a build has to run on the best GPU of a vendor, or on each of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_install import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def profile(folder: Path, *capabilities: str, driver: str = "13.0") -> str:
    path = folder / "box.toml"
    path.write_text(
        f'format = 1\nname = "box"\n[nvidia]\ncuda_driver = "{driver}"\n'
        f"compute_capabilities = {json.dumps(capabilities)}\n"
    )
    return str(path)


def label(shell: Shell, index: str, box: str, *options: str, **environ: str) -> str | None:
    before = dict(shell.environ)
    shell.environ.update(environ)
    done = shell.run("explain", "torch", "-i", index, "--profile", box, "--json", *options)
    shell.environ = before
    selected = json.loads(done.stdout)["selected"]
    return None if selected is None else selected["label"]


@pytest.mark.parametrize(
    ("capabilities", "best", "every"),
    # torch 2.10.0: CUDA 13.0 from 7.5 on, 12.8 from 7.0 to 12.0, 12.6 from 5.0 to 9.0.
    [
        (("8.9",), "cuda13.0", "cuda13.0"),
        (("8.9", "8.9"), "cuda13.0", "cuda13.0"),
        (("8.9", "7.5"), "cuda13.0", "cuda13.0"),
        (("8.9", "7.0"), "cuda13.0", "cuda12.8"),
        (("12.0", "7.0"), "cuda13.0", "cuda12.8"),
        (("8.9", "6.1"), "cuda13.0", "cuda12.6"),
        (("9.0", "8.6", "5.2"), "cuda13.0", "cuda12.6"),
        (("12.0", "6.1"), "cuda13.0", "null"),
        (("8.9", "3.5"), "cuda13.0", "null"),
    ],
)
def test_which_gpus_count(
    shell: Shell, index: str, tmp_path: Path, capabilities: tuple[str, ...], best: str, every: str
) -> None:
    box = profile(tmp_path, *capabilities)
    assert label(shell, index, box) == best == label(shell, index, box, "--accelerator-of", "best")
    assert label(shell, index, box, "--accelerator-of", "all") == every


def test_the_reasons_name_the_other_gpu(shell: Shell, index: str, tmp_path: Path) -> None:
    box = profile(tmp_path, "12.0", "6.1")
    done = shell.run("explain", "torch", "-i", index, "--profile", box, "--accelerator-of", "all", "--json")
    reasons = {wheel["label"]: wheel["reasons"] for wheel in json.loads(done.stdout)["wheels"]}
    (reason,) = reasons["cuda13.0"]
    assert reason["kind"] == "property" and "another accelerator of profile box" in reason["detail"]
    assert "61_real" in reason["detail"]
    (reason,) = reasons["cuda12.6"]
    assert "another accelerator" not in reason["detail"] and "120_real" in reason["detail"]


def test_the_variable_and_the_configuration(shell: Shell, index: str, tmp_path: Path) -> None:
    box = profile(tmp_path, "8.9", "7.0")
    assert label(shell, index, box, VARIANTCTL_ACCELERATOR_OF="all") == "cuda12.8"
    configuration = tmp_path / "variantctl.toml"
    configuration.write_text('accelerator-of = "all"\n')
    named = str(configuration)
    assert label(shell, index, box, VARIANTCTL_CONFIG_FILE=named) == "cuda12.8"
    assert label(shell, index, box, "--accelerator-of", "best", VARIANTCTL_CONFIG_FILE=named) == "cuda13.0"


def test_another_word_is_refused(shell: Shell, index: str, tmp_path: Path) -> None:
    box = profile(tmp_path, "8.9", "7.0")
    command = ("explain", "torch", "-i", index, "--profile", box)
    shell.run(*command, "--accelerator-of", "some", code=2)
    shell.environ["VARIANTCTL_ACCELERATOR_OF"] = "some"
    done = shell.run(*command, code=1)
    assert "VARIANTCTL_ACCELERATOR_OF" in done.stderr and "best, all" in done.stderr


def test_a_lock_is_chosen_from_in_the_same_way(shell: Shell, index: str, tmp_path: Path) -> None:
    box = profile(tmp_path, "8.9", "7.0")
    lock = tmp_path / "pylock.toml"
    shell.run("lock", "torch", "-i", index, "--all-variants", "-o", str(lock))
    for which, expected in (("best", "cuda13.0"), ("all", "cuda12.8")):
        done = shell.run(
            "sync", str(lock), "--dry-run", "--profile", box, "--accelerator-of", which, "--json", "--target",
            str(tmp_path / "there"),
        )  # fmt: skip
        installed = {item["name"]: item["label"] for item in json.loads(done.stdout)["install"]}
        assert installed["torch"] == expected
