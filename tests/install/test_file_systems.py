"""File systems that fold names, and such as have no room: told before anything is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.campaigns import faults
from tests.install.support import picture
from variantctl.install.spelling import EXACT, Spelling, probe
from variantctl.wheels.build import build_wheel

ACUTE = "\u00e9", "e\u0301"
Install = Callable[..., subprocess.CompletedProcess[str]]


def command(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """``variantctl`` with the cache of ``folder``."""
    settings = {
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
        "VARIANTCTL_CONFIG_FILE": os.devnull,
        "PIP_CONFIG_FILE": os.devnull,
    }
    return subprocess.run(
        [sys.executable, "-m", "variantctl", *arguments],
        env=faults.clean_environ() | settings | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def folding_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := faults.missing():
        pytest.skip(reason)
    library = tmp_path_factory.mktemp("folding") / "libfolding.so"
    source = Path(__file__).with_name("folding.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture
def folding(folding_library: Path, tmp_path: Path) -> Install:
    """``install(*arguments)`` into the folder ``target``, whose file system folds names."""
    environ = {"LD_PRELOAD": str(folding_library), "FOLD_ROOT": str(tmp_path / "target")}

    def install(*arguments: str) -> subprocess.CompletedProcess[str]:
        where = ("--no-index", "--target", str(tmp_path / "target"))
        return command(tmp_path, environ, "install", *where, *arguments)

    return install


@pytest.mark.parametrize(
    "files",
    [("Same.py", "same.py"), ("pkg/A/x.py", "pkg/a/y.py"), (f"caf{ACUTE[0]}.py", f"caf{ACUTE[1]}.py")],
)
def test_names_that_collide_there(files: tuple[str, str], folding: Install, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    one = build_wheel(tmp_path, name="both", version="1", files={name: name.encode() for name in files})
    before = picture(tmp_path / "target")
    done = folding(str(one))
    assert done.returncode == 1
    assert "which are one in this environment: it does not tell upper and lower case apart" in done.stderr
    assert picture(tmp_path / "target") == before
    # They are two files elsewhere.
    exact = command(tmp_path, {}, "install", "--no-index", "--target", str(tmp_path / "exact"), str(one))
    assert exact.returncode == 0, exact.stderr
    assert all((tmp_path / "exact" / name).read_bytes() == name.encode() for name in files)


def test_file_of_another_spelling_is_in_the_way(folding: Install, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target/precious.py").write_text("mine")
    wheel = build_wheel(tmp_path, name="pkg", version="1", files={"Precious.py": b"yours"})
    done = folding(str(wheel))
    assert done.returncode == 1
    assert "one is there already that no installed package owns" in done.stderr
    assert (tmp_path / "target/precious.py").read_text() == "mine"


def test_a_newer_version_may_spell_its_files_otherwise(folding: Install, tmp_path: Path) -> None:
    for version, name in (("1", "Module.py"), ("2", "module.py"), ("3", "MODULE.py")):
        wheel = build_wheel(tmp_path, name="pkg", version=version, files={name: version.encode()})
        done = folding(str(wheel))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "target/module.py").read_text() == version


def test_real_file_system_is_asked(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    found = probe(tmp_path, plain=False)
    (tmp_path / "a").touch()
    assert found.any_case == (tmp_path / "A").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "lock"]
    assert EXACT.key("Aé") == "Aé"
    assert Spelling(any_form=True).key(ACUTE[1]) == ACUTE[0]
    assert Spelling(any_case=True).key(f"X{ACUTE[1].upper()}") == f"x{ACUTE[0]}"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes and some sixty files."""
    folder = tmp_path / "small"
    folder.mkdir()
    options = "size=2m,nr_inodes=64"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_no_room_is_told_ahead(small_disk: Path, tmp_path: Path) -> None:
    large = build_wheel(tmp_path, name="large", version="1", files={"large.bin": os.urandom(3 << 20)})
    many = build_wheel(tmp_path, name="many", version="1", files={f"m{n}.py": b"" for n in range(100)})
    small = build_wheel(tmp_path, name="small", version="1", files={"small.bin": bytes(1 << 20)})
    target = ("install", "--no-index", "--target", str(small_disk / "target"))
    for wheel, says in ((large, "where 2,0"), (many, "whose file system has room for")):
        done = command(tmp_path, {}, *target, str(wheel))
        assert done.returncode == 1
        assert f"the installation of {wheel.name.partition('-')[0]} 1 needs" in done.stderr
        assert says in done.stderr
        assert list(small_disk.iterdir()) == []
    # The cache is full before anything is unpacked into it.
    done = command(small_disk, {}, "install", "--no-index", "--target", str(tmp_path / "target"), str(large))
    assert done.returncode == 1
    assert "unpacking large-1-py3-none-any.whl needs" in done.stderr
    assert not (tmp_path / "target").exists()
    done = command(tmp_path, {}, *target, str(small))
    assert done.returncode == 0, done.stderr
    assert (small_disk / "target/small.bin").stat().st_size == 1 << 20
