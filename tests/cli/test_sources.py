"""Source code installed: folders, editable ones, archives, commits; what direct_url.json says of each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_build import BACKEND, add_sdist
from tests.cli.test_install import Shell
from tests.indexes.server import LoopbackServer
from variantctl.install.source_trees import probable_name
from variantctl.requirements.sources import source_reference

#: Builds an editable wheel: a .pth file that points to the source.
EDITABLE = """

def build_editable(directory, config_settings=None, metadata_directory=None):
    import base64, hashlib
    here = os.getcwd()
    wheel = os.path.join(directory, "{name}-1.0-py3-none-any.whl")
    info = "{name}-1.0.dist-info"
    head = "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n"
    files = {{
        "{name}.pth": here + "\\n",
        f"{{info}}/METADATA": head + "Requires-Dist: helper\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    record = ""
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(content)}}\\n"
            archive.writestr(path, content)
        archive.writestr(f"{{info}}/RECORD", record + f"{{info}}/RECORD,,\\n")
    return os.path.basename(wheel)
"""


def project(folder: Path, name: str = "thing", *, editable: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "mine"\nbackend-path = ["."]\n'
    )
    backend = BACKEND.format(name=name, built="1.0", fails=False)
    (folder / "mine.py").write_text(backend + (EDITABLE.format(name=name) if editable else ""))
    (folder / f"{name}.py").write_text("VALUE = 'source'\n")
    return folder


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=me", "-c", "user.email=me@h.invalid", "-c", "commit.gpgsign=false")
    command = ["git", *settings, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("helper")
    shell.world.add("extra")
    return shell


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits, the first of them tagged v1; the project lies in a subdirectory."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path / "repository"
    project(folder / "python/thing")
    git(folder, "init", "--quiet", ".")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "one")
    git(folder, "tag", "v1")
    (folder / "README").touch()
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "two")
    return folder


def origin(shell: Shell, name: str = "thing") -> dict[str, Any]:
    (path,) = shell.env.glob(f"lib/python*/site-packages/{name}-1.0.dist-info/direct_url.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def value(shell: Shell) -> str:
    command: Sequence[str] = [str(shell.python), "-I", "-c", "import thing; print(thing.VALUE)"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_folder(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    sources = ("--no-index", "-f", str(shell.world.wheels), "-p", str(shell.env))
    done = shell.run("install", ".", *sources, cwd=folder)
    assert f"note: building {folder}\n" in done.stderr
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}
    assert origin(shell) == {"url": folder.as_uri(), "dir_info": {}}
    assert value(shell) == "1.0"
    assert f"thing @ {folder.as_uri()}\n" in shell.run("freeze", "-p", "env").stdout
    # What is in a folder may have changed: it is built and installed again, as pip does.
    assert "thing" in shell.run("install", "./src", *sources).stdout


def test_editable(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    shell.install("-e", "src")
    assert value(shell) == "source"
    (folder / "thing.py").write_text("VALUE = 'edited since'\n")
    assert value(shell) == "edited since"
    assert origin(shell) == {"url": folder.as_uri(), "dir_info": {"editable": True}}
    assert shell.run("freeze", "-p", "env").stdout.splitlines()[-1] == f"-e {folder}"
    shell.run("uninstall", "thing", "-p", "env")
    assert shell.packages() == {"helper": "1.0"}


def test_editable_without_the_hook(shell: Shell, tmp_path: Path) -> None:
    project(tmp_path / "src", editable=False)
    done = shell.install("-e", "src", code=1)
    assert "leave -e out" in done.stderr
    assert shell.packages() == {}


def test_a_commit(shell: Shell, repository: Path) -> None:
    commit = git(repository, "rev-parse", "v1")
    place = f"git+{repository.as_uri()}"
    shell.install(f"thing @ {place}@v1#subdirectory=python/thing")
    assert origin(shell) == {
        "url": repository.as_uri(),
        "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": commit},
        "subdirectory": "python/thing",
    }
    frozen = shell.run("freeze", "-p", "env").stdout.splitlines()[-1]
    assert frozen == f"thing @ git+{repository.as_uri()}@{commit}#subdirectory=python/thing"
    # What was built of a commit is kept: freeze's line names the same one.
    assert "building" not in shell.install(frozen, "--reinstall").stderr
    newest = git(repository, "rev-parse", "HEAD")
    shell.install(f"{place}#subdirectory=python/thing")
    assert origin(shell)["vcs_info"] == {"vcs": "git", "commit_id": newest}
    assert "has no branch, tag or commit 'v9'" in shell.install(f"{place}@v9", code=1).stderr
    assert "nothing can be built" in shell.install(place, code=1).stderr


def test_an_archive(shell: Shell, tmp_path: Path) -> None:
    add_sdist(tmp_path / "site", "1.0")
    with LoopbackServer(tmp_path / "site") as server:
        url = f"{server.url}/thing-1.0.tar.gz"
        shell.install(url)
        found = origin(shell)
        digest = found["archive_info"]["hashes"]["sha256"]
        assert found == {
            "url": url,
            "archive_info": {"hash": f"sha256={digest}", "hashes": {"sha256": digest}},
        }
        shell.install(f"thing @ {url}#sha256={digest}", "--reinstall", "--no-deps", "--require-hashes")
        wrong = f"{url}#sha256={'0' * 64}"
        assert json.loads(shell.install(wrong, "--json", code=1).stdout)["error"]["kind"] == "hash-mismatch"


def test_in_a_requirements_file(shell: Shell, tmp_path: Path, repository: Path) -> None:
    project(tmp_path / "src/other", "other")
    (tmp_path / "src/requirements.txt").write_text(
        f"-e other\nthing @ git+{repository.as_uri()}@v1#subdirectory=python/thing\nextra\n"
        'nowhere @ git+https://h.invalid/x ; python_version < "3"\n'
    )
    done = shell.install("-r", "src/requirements.txt")
    assert shell.packages() == {"thing": "1.0", "other": "1.0", "helper": "1.0", "extra": "1.0"}
    assert "its marker does not hold here" in done.stderr


def test_what_is_refused(shell: Shell, tmp_path: Path) -> None:
    project(tmp_path / "src")
    assert "--no-build forbids" in shell.install("./src", "--no-build", code=2).stderr
    assert "has no hash" in shell.install("./src", "--require-hashes", code=1).stderr
    assert "is the source of 'thing', not of 'lib'" in shell.install("lib @ ./src", code=1).stderr
    (tmp_path / "empty").mkdir()
    assert "nothing can be built" in shell.install("./empty", code=1).stderr
    assert shell.packages() == {}


def test_the_plan_names_the_source(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    found = shell.plan("./src", "--dry-run")
    assert {item["name"]: item["url"] for item in found["install"]}["thing"] == folder.as_uri()
    assert shell.packages() == {}


@pytest.mark.parametrize(
    ("files", "place", "name"),
    [
        ({"setup.py": "import x\nsetup(name='by-setup')"}, "./src", "by-setup"),
        ({"setup.py": "setuptools.setup(name='by-setup', **more)"}, "./src", "by-setup"),
        ({"setup.py": "setup(name=NAME)"}, "./src", "src"),
        ({"setup.py": "setup(name='", "setup.cfg": "[metadata]\nname = By.Cfg"}, "./src", "by-cfg"),
        (
            {"setup.py": "setup(name='a')", "pyproject.toml": "[project]\nname = 'by-table'"},
            "./src",
            "by-table",
        ),
        ({"setup.py": "\0"}, "./src", "src"),
        ({}, "git+https://h.invalid/a/Some_Repo.git@v1", "some-repo"),
        ({}, "git+https://h.invalid/a/repo#subdirectory=python/thing", "thing"),
        ({}, "https://h.invalid/My_Thing-1.0.tar.gz", "my-thing"),
        ({}, "https://h.invalid/main.zip", "main"),
    ],
)
def test_what_options_call_source_that_is_not_named(
    files: dict[str, str], place: str, name: str, tmp_path: Path
) -> None:
    """A build that must be told something (--match-build, -C) is met before its name is known."""
    (tmp_path / "src").mkdir()
    for path, text in files.items():
        (tmp_path / "src" / path).write_text(text)
    source = source_reference(place, base=tmp_path)
    assert source is not None and probable_name(source) == name
