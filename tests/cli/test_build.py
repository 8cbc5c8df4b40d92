"""Source distributions: built where there is no wheel, with a backend that needs no network."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.test_install import Shell

BACKEND = """
import os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    if {fails!r}:
        raise SystemExit("no compiler here")
    name = "{name}-{built}-py3-none-any.whl"
    info = "{name}-{built}.dist-info"
    files = {{
        "{name}.py": "VALUE = '{built}'\\n",
        f"{{info}}/METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: {built}\\n"
        "Requires-Dist: helper\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    record = ""
    with zipfile.ZipFile(os.path.join(directory, name), "w") as archive:
        for path, content in files.items():
            import base64, hashlib
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(content)}}\\n"
            archive.writestr(path, content)
        archive.writestr(f"{{info}}/RECORD", record + f"{{info}}/RECORD,,\\n")
    return name
"""


def add_sdist(
    folder: Path,
    version: str,
    *,
    name: str = "thing",
    requires: Sequence[str] = (),
    fails: bool = False,
    built: str | None = None,
) -> None:
    """``thing-VERSION.tar.gz``, whose build needs *requires* and gives version ``built``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "pyproject.toml": f"[build-system]\nrequires = {list(requires)}\n"
        'build-backend = "mine"\nbackend-path = ["."]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = ["helper"]\n',
        "mine.py": BACKEND.format(name=name, built=built or version, fails=fails),
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
    }
    with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("helper")
    add_sdist(shell.world.wheels, "1.0")
    return shell


def test_source_distributions_are_built_where_there_is_no_wheel(shell: Shell) -> None:
    done = shell.install("thing")
    assert "note: building thing-1.0.tar.gz\n" in done.stderr
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}


@pytest.mark.parametrize(
    "options", [("--no-build",), ("--only-binary", ":all:"), ("--only-binary=other,Thing",)], ids=" ".join
)
def test_what_may_not_be_built(shell: Shell, options: tuple[str, ...]) -> None:
    assert "thing has no wheels, only source" in shell.install("thing", *options, code=1).stderr
    if ":all:" in " ".join((*options, ":all:" if options == ("--no-build",) else "")):
        shell.install("thing", *options, "--build", "Thing")


def test_an_older_wheel_before_a_newer_source(shell: Shell, tmp_path: Path) -> None:
    """``--prefer-binary``, here and in a requirements file; where there is no wheel, it builds."""
    shell.world.add("thing", "0.9")
    (tmp_path / "requirements.txt").write_text("--prefer-binary\nthing\n")
    for words in (("thing", "--prefer-binary"), ("-r", str(tmp_path / "requirements.txt"))):
        assert "building" not in shell.install(*words, "--dry-run").stderr
        shell.install(*words, "--reinstall")
        assert shell.packages()["thing"] == "0.9"
    shell.install("thing>=1", "--prefer-binary", "-U")
    assert shell.packages()["thing"] == "1.0"
    shell.install("thing==0.9", "--reinstall")
    shell.install("thing", "-U")
    assert shell.packages()["thing"] == "1.0"


def test_pips_words_count(shell: Shell, tmp_path: Path) -> None:
    shell.environ["PIP_ONLY_BINARY"] = "thing"
    assert "thing has no wheels" in shell.install("thing", code=1).stderr
    del shell.environ["PIP_ONLY_BINARY"]
    (tmp_path / "requirements.txt").write_text("--only-binary :all:\nthing\n")
    assert "thing has no wheels" in shell.install("-r", "requirements.txt", code=1).stderr


def test_no_binary_builds_in_place_of_a_wheel(shell: Shell) -> None:
    shell.world.add("thing")
    assert "building" not in shell.install("thing").stderr
    assert "building thing-1.0.tar.gz" in shell.install("thing", "--no-binary", "thing", "--reinstall").stderr
    assert shell.packages()["helper"] == "1.0"


def test_what_is_passed_over_is_not_built(shell: Shell) -> None:
    """1.0 says what it needs in its pyproject.toml, so that only the version that is taken is built."""
    add_sdist(shell.world.wheels, "0.9")
    shell.world.add("app", requires=("thing<1",))
    done = shell.install("app", "thing")
    assert "building thing-0.9.tar.gz" in done.stderr and "thing-1.0" not in done.stderr


def test_what_a_build_needs_is_built_too(shell: Shell) -> None:
    add_sdist(shell.world.wheels, "1.0", name="tool", requires=["thing"])
    done = shell.install("tool", "-C", "a=1")
    assert "building tool-1.0.tar.gz: installing thing\n" in done.stderr
    assert done.stderr.index("tool-1.0.tar.gz") < done.stderr.index("building thing-1.0.tar.gz\n")
    assert shell.packages() == {"tool": "1.0", "helper": "1.0"}


def test_a_build_that_needs_itself(shell: Shell) -> None:
    add_sdist(shell.world.wheels, "1.0", name="tool", requires=["tool"])
    assert "tool-1.0.tar.gz needs itself to be built" in shell.install("tool", code=1).stderr


def test_without_isolation(shell: Shell) -> None:
    add_sdist(shell.world.wheels, "1.0", name="tool", requires=["nowhere"])
    assert "nowhere" in shell.install("tool", code=1).stderr
    shell.install("tool", "--no-build-isolation")
    assert shell.packages() == {"tool": "1.0", "helper": "1.0"}


def test_a_plan_builds_nothing(shell: Shell) -> None:
    done = shell.install("thing", "--dry-run", "--json")
    planned = {item["name"]: item for item in json.loads(done.stdout)["install"]}
    sdist = shell.world.wheels / "thing-1.0.tar.gz"
    assert planned["thing"]["filename"] == sdist.name and planned["thing"]["url"] == sdist.as_uri()
    assert planned["thing"]["build"] and planned["thing"]["requires"] == ["helper"]
    assert "build" not in planned["helper"] and "building" not in done.stderr


def test_a_wheel_for_another_machine_says_what_source_code_needs(shell: Shell) -> None:
    """As uv has it: what cannot be built here can be planned, and what a build then needs is compared."""
    add_sdist(shell.world.wheels, "2.0", fails=True)
    # gensim 3.8.3 needed numpy<=1.16.1 on Python 2.7 only.
    for tag in ("cp27-cp27m-linux_x86_64", "cp310-cp310-win_amd64", "cp38-cp38-linux_x86_64"):
        shell.world.add("thing", "2.0", tag=tag, requires=["other>=1"])
    shell.world.add("thing", "2.0", tag="cp39-cp39-linux_x86_64", requires=["helper>=1"])
    shell.world.add("other")
    done = shell.install("thing", "--dry-run", "--json", "--python-version", "3.12", "--no-backends")
    planned = {item["name"]: item for item in json.loads(done.stdout)["install"]}
    assert planned.keys() == {"thing", "helper"} and planned["thing"]["requires"] == ["helper>=1"]
    assert planned["thing"]["filename"] == "thing-2.0.tar.gz" and planned["thing"]["build"]
    assert "no compiler here" in shell.install("thing", code=1).stderr


def test_what_a_build_needs_is_compared_with_what_was_said(shell: Shell) -> None:
    shell.world.add("thing", "1.0", tag="cp39-cp39-linux_x86_64", requires=["helper>=1"])
    done = shell.install("thing")
    assert "thing 1.0 needs something else, now that it is built" in done.stderr
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}


def test_what_was_built_is_not_built_again(shell: Shell) -> None:
    installed = {item["name"]: item for item in shell.plan("thing")["install"]}
    assert installed["thing"]["filename"] == "thing-1.0-py3-none-any.whl"
    assert len(installed["thing"]["hashes"]["sha256"]) == 64
    done = shell.install("thing", "--reinstall", "--json")
    again = {item["name"]: item for item in json.loads(done.stdout)["install"]}
    assert again["thing"] == installed["thing"] and "building" not in done.stderr
    # Other settings make another wheel.
    assert "building" in shell.install("thing", "--reinstall", "-C", "a=1").stderr
    assert (
        "building" in shell.install("thing", "--reinstall", "--config-settings-package", "Thing:a=2").stderr
    )
    assert (
        "building" not in shell.install("thing", "--reinstall", "--config-settings-package", "o:a=2").stderr
    )


def test_a_wheel_goes_before_a_build(shell: Shell) -> None:
    add_sdist(shell.world.wheels, "2.0", fails=True)
    shell.world.add("thing", "2.0")
    shell.install("thing")
    assert shell.packages() == {"thing": "2.0"}


@pytest.mark.parametrize(
    ("fails", "built", "says"),
    [(True, None, "no compiler here"), (False, "3.0", "3.0")],
)
def test_builds_that_fail(shell: Shell, fails: bool, built: str | None, says: str) -> None:
    add_sdist(shell.world.wheels, "2.0", fails=fails, built=built)
    done = shell.install("thing", "--json", code=1)
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "build-failed"
    assert "thing-2.0.tar.gz" in error["message"]
    assert says in error["message"]
    assert shell.packages() == {}


def test_only_for_the_platform_at_hand(shell: Shell) -> None:
    done = shell.install("thing", "--profile", "apple-m4", "--json", code=1)
    assert json.loads(done.stdout)["error"]["kind"] == "platform-mismatch"
    assert sys.platform != "darwin" or shell.packages() == {}
    # What it needs is known without a build.
    planned = shell.plan("thing", "--profile", "apple-m4", "--dry-run")["install"]
    assert [item["name"] for item in planned] == ["helper", "thing"]


def test_other_commands_know_source_distributions(shell: Shell, tmp_path: Path) -> None:
    place = ("--no-index", "-f", str(shell.world.wheels), "-p", str(shell.env))
    saved = shell.run("download", "thing", "-d", "saved", *place).stdout
    assert "thing-1.0.tar.gz" in saved and (tmp_path / "saved/thing-1.0.tar.gz").is_file()
    assert "thing-1.0.tar.gz#sha256=" not in shell.run("export", "thing", *place).stdout
    assert "thing @ file://" in shell.run("export", "thing", *place).stdout
    found = json.loads(shell.run("explain", "thing", "--json", *place).stdout)
    assert [wheel["filename"] for wheel in found["wheels"]] == ["thing-1.0.tar.gz"]
    found = json.loads(shell.run("matrix", "thing", "--profile", "h100", "--json", *place).stdout)
    assert [item["name"] for item in found["machines"][0]["install"]] == ["helper", "thing"]
    for command in ("download", "export", "explain", "matrix"):
        assert "thing has no wheels" in shell.run(command, "thing", "--no-build", *place, code=1).stderr
