"""``variantctl list`` and ``variantctl uninstall``, as whole processes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import commands
from tests.install.support import Place, Planned
from variantctl.wheels.build import build_wheel


def variantctl(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        "VARIANTCTL_CACHE_DIR": str(place.cache),
        "VIRTUAL_ENV": str(place.environment.prefix),
    }
    return commands.run(*arguments, env=environ)


@pytest.fixture
def full(place: Place, tmp_path: Path) -> Place:
    one = build_wheel(tmp_path, name="One.Thing", version="1.0+cpu", files={"one.py": b""})
    two = build_wheel(tmp_path, name="two", version="2", files={"two.py": b""})
    url = {"url": "https://example.org/two-2-py3-none-any.whl", "archive_info": {}}
    place.install(one, Planned(two, direct_url=url, requested=True))
    return place


def test_list(full: Place) -> None:
    done = variantctl(full, "list")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "Package    Version  Source",
        "---------  -------  ------------------------------------------",
        "one-thing  1.0+cpu",
        "two        2        https://example.org/two-2-py3-none-any.whl",
    ]
    found = json.loads(variantctl(full, "list", "--json").stdout)
    assert found["format"] == 1
    assert found["packages"][1] == {
        "name": "two",
        "version": "2",
        "label": None,
        "source": "https://example.org/two-2-py3-none-any.whl",
        "editable": False,
        "installer": "variantctl",
        "requested": True,
    }


def test_list_of_nothing_and_of_a_broken_package(place: Place) -> None:
    done = variantctl(place, "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing is installed" in done.stderr
    (place.site / "half-1.dist-info").mkdir()
    done = variantctl(place, "list", "--json")
    assert [package["name"] for package in json.loads(done.stdout)["packages"]] == ["half"]
    assert "half-1.dist-info has no METADATA" in done.stderr


def test_uninstall(full: Place) -> None:
    done = variantctl(full, "uninstall", "one_THING", "absent", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "would remove one-thing 1.0+cpu\n")
    assert full.names() == {"one-thing": "1.0+cpu", "two": "2"}
    done = variantctl(full, "uninstall", "one_THING", "absent")
    assert (done.returncode, done.stdout) == (0, "removed one-thing 1.0+cpu\n")
    assert "absent is not installed" in done.stderr
    assert full.names() == {"two": "2"}
    done = variantctl(full, "uninstall", "two", "two", "absent", "--json")
    assert json.loads(done.stdout) == {
        "format": 1,
        "remove": [{"name": "two", "version": "2"}],
        "missing": ["absent"],
        "orphans": [],
        "notes": [],
    }
    assert full.names() == {}
    assert variantctl(full, "uninstall", "two").returncode == 0


def test_errors_are_the_contract(full: Place) -> None:
    (full.site / "two-2.dist-info/RECORD").unlink()
    done = variantctl(full, "uninstall", "two", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "broken-package"
    done = variantctl(full, "list", "-p", "nowhere", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["kind"] == "no-environment"
    assert variantctl(full, "uninstall").returncode == 2


def test_interrupted_change_is_undone_first(full: Place) -> None:
    state = full.site / ".variantctl"
    (state / "stage").mkdir(parents=True)
    (state / "aside").mkdir()
    (full.site / "one.py").rename(state / "aside/0")
    journal = {"format": 1, "title": "the removal of one", "clear": [], "place": [], "emptied": []}
    (state / "journal.json").write_text(json.dumps({**journal, "aside": [str(full.site / "one.py")]}))
    done = variantctl(full, "uninstall", "two", "--yes")
    assert done.returncode == 0
    assert "undid the removal of one, which was cut short" in done.stderr
    assert (full.site / "one.py").is_file()
    assert not state.exists()
