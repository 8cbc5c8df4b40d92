"""``variantctl uninstall``: what is left over, and ``--orphans``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_install import Shell

PLACE = ("--no-index", "-f", "wheels")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """torch with libraries that only it needs, and app, which shares one dependency with it."""
    shell = Shell(tmp_path)
    shell.world.add("torch", "2.0", ("sympy", "filelock", "nvidia-cublas"))
    shell.world.add("sympy", requires=("mpmath",))
    for name in ("mpmath", "filelock", "nvidia-cublas"):
        shell.world.add(name, files={f"{name.replace('-', '_')}/data.bin": bytes(500_000)})
    shell.world.add("app", requires=("filelock",))
    shell.run("install", "torch", "app", "-p", "env", *PLACE)
    return shell


def uninstall(shell: Shell, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        shell.run("uninstall", "-p", "env", "--json", *arguments, code=code).stdout
    )
    return found


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_what_only_the_removed_package_needed_is_told(shell: Shell) -> None:
    done = shell.run("uninstall", "torch", "-p", "env")
    assert done.stdout == "removed torch 2.0\n"
    said = " ".join(done.stderr.split())
    assert "3 packages that nothing else needs stay (1.0 MB): mpmath, nvidia-cublas, sympy" in said
    command = shlex.split(said.split("`")[1])
    assert command[:4] == ["variantctl", "uninstall", "-y", "--orphans"]
    assert command[4:] == ["mpmath", "nvidia-cublas", "sympy", "-p", "env"]
    shell.run(*command[1:])
    assert set(shell.packages()) == {"app", "filelock"}
    assert shell.run("uninstall", "app", "-q", "-p", "env").stderr == ""


def test_what_stays_and_needs_the_removed_package_is_told(shell: Shell) -> None:
    warned = "filelock is needed by app, torch"
    assert f"warning: {warned}\n" in shell.run("uninstall", "filelock", "--dry-run", "-p", "env").stderr
    assert uninstall(shell, "filelock", "torch", "--dry-run")["notes"] == ["filelock is needed by app"]
    assert uninstall(shell, "torch", "--orphans", "--dry-run")["notes"] == []
    assert uninstall(shell, "filelock")["notes"] == [warned]


def test_many_that_are_left_over_are_not_named_one_by_one(shell: Shell) -> None:
    for number in range(6):
        shell.world.add(f"part{number}")
    shell.world.add("whole", requires=[f"part{number}" for number in range(6)])
    shell.run("install", "whole", "-p", "env", *PLACE)
    said = " ".join(shell.run("uninstall", "whole", "-p", "env").stderr.split())
    assert "part0, part1, part2, 3 others; `variantctl uninstall -y --orphans -p env` removes them" in said
    shell.run(*shlex.split(said.split("`")[1])[1:])
    assert not any(name.startswith("part") for name in shell.packages())
    # Where something else is left over as well, the short command would take too much.
    shell.run("install", "whole", "-p", "env", *PLACE)
    shell.run("uninstall", "torch", "-p", "env")
    said = " ".join(shell.run("uninstall", "whole", "-p", "env").stderr.split())
    assert "--orphans part0 part1" in said


def test_orphans_with_a_name_takes_what_only_that_needs(shell: Shell) -> None:
    shell.world.add("stray")
    shell.run("install", "stray", "-p", "env", *PLACE)
    (requested,) = shell.env.glob("lib/python*/site-packages/stray-1.0.dist-info/REQUESTED")
    requested.unlink()
    found = uninstall(shell, "--orphans", "torch", "--dry-run")
    assert names(found["remove"]) == ["torch", "mpmath", "nvidia-cublas", "sympy"] and found["orphans"] == []
    assert set(shell.packages()) >= {"torch", "stray"}
    assert names(uninstall(shell, "--orphans")["remove"]) == ["stray"]
    uninstall(shell, "--orphans", "torch")
    assert set(shell.packages()) == {"app", "filelock"}
    assert uninstall(shell, "--orphans")["remove"] == []
    assert "nothing is left over" in shell.run("uninstall", "--orphans", "-p", "env").stderr


def test_json_lists_what_stays(shell: Shell) -> None:
    found = uninstall(shell, "torch")
    assert names(found["remove"]) == ["torch"]
    assert names(found["orphans"]) == ["mpmath", "nvidia-cublas", "sympy"]
    assert found["orphans"][0]["size"] >= 500_000


def test_what_an_extra_asked_for_stays(shell: Shell) -> None:
    shell.world.add("server", requires=('fast; extra == "speed"',))
    shell.world.add("fast")
    shell.run("install", "server[speed]", "-p", "env", *PLACE)
    assert uninstall(shell, "--orphans", "--dry-run")["remove"] == []


def test_where_nobody_recorded_what_was_asked_for(shell: Shell) -> None:
    for requested in shell.env.glob("lib/python*/site-packages/*.dist-info/REQUESTED"):
        requested.unlink()
    failed = uninstall(shell, "--orphans", code=1)
    assert failed["error"]["kind"] == "nothing-requested"
    # What only torch needed shows all the same.
    assert names(uninstall(shell, "torch")["orphans"]) == ["mpmath", "nvidia-cublas", "sympy"]


def test_an_environments_own_tools_stay(shell: Shell) -> None:
    for name in ("pip", "other-tool"):
        shell.world.install(name, "1.0")
    (site,) = shell.env.glob("lib/python*/site-packages")
    for info in (shell.world.root / "site").iterdir():
        info.rename(site / info.name)
    assert names(uninstall(shell, "--orphans", "--dry-run")["remove"]) == ["other-tool"]


def test_nothing_named(shell: Shell) -> None:
    assert "nothing is named to remove" in shell.run("uninstall", "-p", "env", code=2).stderr
