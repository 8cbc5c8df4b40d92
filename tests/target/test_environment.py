"""Environments of real interpreters, found the ways users name them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from variantctl.target.environment import Environment, find_environment
from variantctl.target.errors import (
    BrokenEnvironmentError,
    EnvironmentNotFoundError,
    ExternallyManagedError,
    NotVirtualError,
    UserFolderError,
)


def interpreters() -> list[Path]:
    """Every Python 3 that pyenv has here, and the running one."""
    found = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python"))
    return [*found, Path(sys.executable)]


@pytest.fixture(scope="session")
def plain_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environments") / "plain"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


PACKAGING = "from packaging.tags import sys_tags; from packaging.markers import default_environment"
PIP = (
    "from pip._internal.utils.compatibility_tags import get_supported as sys_tags; "
    "from pip._vendor.packaging.markers import default_environment"
)


def truth(python: Path, imports: str) -> dict[str, Any] | None:
    """What packaging, or pip, says when that interpreter runs it; None where it is too old for it."""
    import packaging

    folder = str(Path(packaging.__file__).parent.parent) if imports == PACKAGING else ""
    code = (
        f"import sys, json; sys.path.insert(0, {folder!r}); {imports}; "
        "print(json.dumps([[str(t) for t in sys_tags()], default_environment()]))"
    )
    done = subprocess.run([python, "-I", "-B", "-c", code], capture_output=True, text=True, check=False)
    if "SyntaxError" in done.stderr:
        return None
    tags, markers = json.loads(done.stdout)
    return {"tags": tags, "markers": markers}


def interpreter(version: str) -> Path:
    found = [path for path in interpreters() if path.parent.parent.name.startswith(f"{version}.")]
    if not found:
        pytest.skip(f"no Python {version} under ~/.pyenv/versions to compare with")
    return found[0]


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_tags_and_markers_are_those_packaging_gives_inside(version: str, cache: Path) -> None:
    python = interpreter(version)
    expected = truth(python, PACKAGING)
    if expected is None:
        pytest.skip(f"the packaging installed here does not run on Python {version}")
    for _ in range(2):
        environment = find_environment(str(python), cache=cache)
        assert [str(tag) for tag in environment.tags] == expected["tags"]
        assert environment.markers == expected["markers"]
        assert environment.kind == "system"


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_python_too_old_for_packaging_has_the_tags_of_its_own_pip(version: str, cache: Path) -> None:
    python = interpreter(version)
    environment = find_environment(str(python), cache=cache)
    expected = truth(python, PIP)
    assert expected is not None
    # An old pip lists the native platform in another place, but no other tags.
    assert {str(tag) for tag in environment.tags} == set(expected["tags"])
    assert environment.markers == expected["markers"]


def test_unsupported_python_is_named(cache: Path) -> None:
    found = [path for path in interpreters() if path.parent.parent.name.startswith(("3.6.", "3.7."))]
    if not found:
        pytest.skip("no Python 3.6 or 3.7 under ~/.pyenv/versions")
    with pytest.raises(BrokenEnvironmentError, match=r"is Python 3\.[67]\.\d+; Python 3.8 or newer"):
        find_environment(str(found[0]), cache=cache)


def test_scheme_is_what_the_interpreter_and_pip_use(plain_venv: Path, cache: Path) -> None:
    environment = find_environment(str(plain_venv), cache=cache)
    code = "import sysconfig, json; print(json.dumps(sysconfig.get_paths()))"
    python = environment.python
    paths = json.loads(subprocess.run([python, "-c", code], capture_output=True, check=True).stdout)
    for name in ("purelib", "platlib", "scripts", "data"):
        assert str(environment.scheme[name]) == paths[name]
    assert environment.prefix == plain_venv
    assert environment.is_virtual
    assert environment.kind == "virtual"
    assert environment.version == sys.version_info[:3]
    assert environment.python.parent == plain_venv / "bin"


def ways(plain_venv: Path) -> dict[str, tuple[str | None, dict[str, str], Path]]:
    elsewhere = plain_venv.parent
    here = elsewhere / "project"
    here.mkdir(exist_ok=True)
    if not (here / ".venv").exists():
        (here / ".venv").symlink_to(plain_venv)
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return {
        "folder": (str(plain_venv), {}, elsewhere),
        "relative folder": ("plain", {}, elsewhere),
        "interpreter": (str(plain_venv / "bin/python"), {}, elsewhere),
        "version on PATH": (minor, {"PATH": str(plain_venv / "bin")}, elsewhere),
        "command": (f"python{minor}", {"PATH": str(plain_venv / "bin")}, elsewhere),
        "VIRTUAL_ENV": (None, {"VIRTUAL_ENV": str(plain_venv), "CONDA_PREFIX": "/nowhere"}, elsewhere),
        "CONDA_PREFIX": (None, {"CONDA_PREFIX": str(plain_venv)}, elsewhere),
        "./.venv": (None, {}, here),
    }


@pytest.mark.parametrize(
    "way",
    [
        "folder",
        "relative folder",
        "interpreter",
        "version on PATH",
        "command",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "./.venv",
    ],
)
def test_every_way_to_name_an_environment(way: str, plain_venv: Path, cache: Path) -> None:
    python, environ, cwd = ways(plain_venv)[way]
    environment = find_environment(python, environ=environ, cwd=cwd, cache=cache)
    assert environment.prefix.resolve() == plain_venv


@pytest.mark.skipif(os.name == "nt", reason="the shim is a shell script")
def test_a_shim_that_does_not_work_is_passed_over(plain_venv: Path, tmp_path: Path, cache: Path) -> None:
    """A version manager has one for every version that it knows of, installed or not."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    shim = tmp_path / "shims" / f"python{minor}"
    shim.parent.mkdir()
    shim.write_text(f"#!/bin/sh\necho 'manager: python{minor}: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{plain_venv / 'bin'}"
    for python in (minor, f"python{minor}"):
        assert find_environment(python, environ={"PATH": path}, cache=cache).prefix == plain_venv
    with pytest.raises(BrokenEnvironmentError, match="command not found"):
        find_environment(minor, environ={"PATH": str(shim.parent)}, cache=cache)


def test_python_option_wins(plain_venv: Path, cache: Path) -> None:
    environ = {"VIRTUAL_ENV": "/nowhere"}
    assert find_environment(str(plain_venv), environ=environ, cache=cache).prefix == plain_venv


def test_nothing_found_says_how_to_make_one(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(EnvironmentNotFoundError) as caught:
        find_environment(environ={}, cwd=tmp_path, cache=cache)
    assert "`variantctl venv .venv`" in str(caught.value.hint)
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize("python", ["nowhere/at/all", "no-such-python", "3.99"])
def test_unknown_python(python: str, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(EnvironmentNotFoundError, match=python):
        find_environment(python, environ={"PATH": str(tmp_path)}, cwd=tmp_path, cache=cache)


def test_broken_environments(tmp_path: Path, cache: Path) -> None:
    venv.create(tmp_path / "gone", with_pip=False, symlinks=True)
    for link in (tmp_path / "gone/bin").glob("python*"):
        link.unlink()
        link.symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    for named in ("gone", "gone/bin/python", "empty"):
        with pytest.raises(BrokenEnvironmentError) as caught:
            find_environment(named, environ={}, cwd=tmp_path, cache=cache)
        assert "venv --clear" in str(caught.value.hint)
    with pytest.raises(EnvironmentNotFoundError, match="VIRTUAL_ENV="):
        find_environment(environ={"VIRTUAL_ENV": str(tmp_path / "never")}, cwd=tmp_path, cache=cache)


def test_advice_never_empties_a_folder_of_something_else(tmp_path: Path, cache: Path) -> None:
    project = tmp_path / "my project"
    project.mkdir()
    (project / "thesis.tex").touch()
    with pytest.raises(BrokenEnvironmentError) as caught:
        find_environment(str(project), environ={}, cwd=tmp_path, cache=cache)
    assert "--clear" not in str(caught.value.hint)


def test_something_that_is_no_interpreter(tmp_path: Path, cache: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'cannot start' >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(BrokenEnvironmentError, match="cannot start"):
        find_environment(str(script), cache=cache)
    script.chmod(0o644)
    with pytest.raises(BrokenEnvironmentError, match="cannot be run"):
        find_environment(str(script), cache=cache)


def test_environment_that_prints_at_start_up(tmp_path: Path, cache: Path) -> None:
    venv.create(tmp_path / "noisy", with_pip=False, symlinks=True)
    site = find_environment(str(tmp_path / "noisy"), cache=cache).scheme["purelib"]
    (site / "noise.pth").write_text("import sys; print('variantctl-probe:{}x'); sys.stdout.flush()\n")
    environment = find_environment(str(tmp_path / "noisy"), cache=tmp_path / "another-cache")
    assert environment.prefix == tmp_path / "noisy"


def test_answer_is_kept_until_the_environment_changes(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "kept"
    venv.create(folder, with_pip=False, symlinks=True)
    first = find_environment(str(folder), cache=cache)
    kept = list(cache.rglob("*.json"))
    assert len(kept) == 1
    kept[0].write_text(kept[0].read_text().replace('"cpython"', '"from the cache"'))
    assert find_environment(str(folder), cache=cache).implementation == "from the cache"
    # Made again at the same place, it is the same environment.
    os.utime(folder / "pyvenv.cfg", (1, 1))
    assert find_environment(str(folder), cache=cache).implementation == "from the cache"
    with (folder / "pyvenv.cfg").open("a") as configuration:
        configuration.write("x = y\n")
    assert find_environment(str(folder), cache=cache) == first
    kept[0].write_text("{")
    assert find_environment(str(folder), cache=cache) == first


def test_unwritable_cache_does_no_harm(plain_venv: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert find_environment(str(plain_venv), cache=blocked).prefix == plain_venv


def managed(tmp_path: Path, marker: str) -> dict[str, object]:
    """The facts of an interpreter whose standard library carries the marker of PEP 668."""
    from variantctl.target.probe import interpreter_facts

    python = next((path for path in interpreters() if path.parent.parent.name[:2] == "3."), None)
    if python is None:
        pytest.skip("no Python outside a virtual environment to look at")
    (tmp_path / "EXTERNALLY-MANAGED").write_text(marker)
    return {**interpreter_facts(python, cache=None), "stdlib": str(tmp_path)}


def test_externally_managed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "[externally-managed]\nError=Use apt install python3-xyz,\n  100% of the time.\nError-de=Nimm apt.\n"
    )
    facts = managed(tmp_path, text)
    monkeypatch.setattr("variantctl.target.environment.interpreter_facts", lambda *_, **__: facts)
    monkeypatch.setenv("LC_ALL", "C")
    with pytest.raises(ExternallyManagedError, match="Use apt install python3-xyz, 100% of the time"):
        find_environment(sys.executable)
    monkeypatch.setenv("LC_ALL", "de_AT.UTF-8")
    with pytest.raises(ExternallyManagedError, match="Nimm apt"):
        find_environment(sys.executable)
    assert find_environment(sys.executable, for_changes=False).externally_managed is not None
    assert find_environment(sys.executable, target=tmp_path / "t").externally_managed is None
    assert find_environment(sys.executable, prefix=tmp_path / "p").externally_managed is None
    assert find_environment(sys.executable, break_system_packages=True).externally_managed is not None


def test_only_virtual_environments_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from variantctl.target.probe import interpreter_facts

    facts = {**interpreter_facts(Path(sys.executable), cache=None), "is_virtual": False}
    monkeypatch.setattr("variantctl.target.environment.interpreter_facts", lambda *_, **__: facts)
    with pytest.raises(NotVirtualError, match="no virtual environment"):
        find_environment(sys.executable, require_virtual=True)
    assert not find_environment(sys.executable, require_virtual=True, for_changes=False).is_virtual
    assert find_environment(sys.executable, require_virtual=True, target=tmp_path).kind == "target"


def test_the_systems_interpreter(tmp_path: Path, plain_venv: Path, cache: Path) -> None:
    environ = {"PATH": str(plain_venv / "bin"), "VIRTUAL_ENV": str(tmp_path / "another")}
    found = find_environment(system=True, environ=environ, cwd=tmp_path, cache=cache)
    assert found.prefix == plain_venv


def test_unreadable_marker_still_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = managed(tmp_path, "nonsense")
    monkeypatch.setattr("variantctl.target.environment.interpreter_facts", lambda *_, **__: facts)
    with pytest.raises(ExternallyManagedError, match="EXTERNALLY-MANAGED says so"):
        find_environment(sys.executable)


def test_target_and_prefix(plain_venv: Path, tmp_path: Path, cache: Path) -> None:
    target = find_environment(str(plain_venv), target=tmp_path / "t", cache=cache)
    assert target.kind == "target"
    assert target.scheme["purelib"] == target.scheme["platlib"] == target.prefix == tmp_path / "t"
    assert target.scheme["scripts"] == tmp_path / "t/bin"
    prefix = find_environment(str(plain_venv), prefix=Path("p"), cwd=tmp_path, cache=cache)
    major, minor, _ = prefix.version
    assert prefix.scheme["purelib"] == tmp_path / f"p/lib/python{major}.{minor}/site-packages"
    assert prefix.scheme["data"] == prefix.prefix == tmp_path / "p"
    assert not (tmp_path / "t").exists()
    running = find_environment(target=tmp_path / "t", environ={}, cwd=tmp_path, cache=cache)
    assert isinstance(running, Environment)
    assert running.version == sys.version_info[:3]


def test_user_folder_is_the_one_the_interpreter_and_pip_use(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "mine"))
    python = next((path for path in interpreters() if path.parent.parent.name.startswith("3.12.")), None)
    if python is None:
        pytest.skip("no Python 3.12 under ~/.pyenv/versions")
    environment = find_environment(str(python), user=True, cache=cache)
    ask = [str(python), "-c", "import site; print(site.getuserbase()); print(site.getusersitepackages())"]
    base, site_packages = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.split()
    assert (environment.kind, environment.prefix) == ("user", Path(base))
    assert environment.site_packages == (Path(site_packages),)
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "other"))
    assert find_environment(str(python), user=True, cache=cache).prefix == tmp_path / "other"


def test_user_folder_needs_an_interpreter_that_sees_it(plain_venv: Path, tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserFolderError, match="does not see what --user installs"):
        find_environment(str(plain_venv), user=True, cache=cache)
    seeing = tmp_path / "seeing"
    venv.create(seeing, with_pip=False, symlinks=os.name != "nt", system_site_packages=True)
    assert find_environment(str(seeing), user=True, cache=cache).kind == "user"
    # An environment beside the user's work is not what --user means.
    (tmp_path / ".venv").symlink_to(plain_venv)
    path = {"PATH": str(seeing / "bin")}
    assert (
        find_environment(user=True, environ=path, cwd=tmp_path, cache=cache).python.parent == seeing / "bin"
    )
    with pytest.raises(EnvironmentNotFoundError, match="no python3 and no python on PATH"):
        find_environment(user=True, environ={"PATH": str(tmp_path)}, cwd=tmp_path, cache=cache)
