"""Many real commands at once: one cold cache, one environment, and somebody who is killed among them."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.faults import clean_environ
from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from tests.install.support import picture, target_place
from variantctl.install.lock import locked
from variantctl.target.installed import InstalledPackage, packages_in
from variantctl.target.integrity import changed_files, missing_files
from variantctl.wheels.build import build_wheel

#: Packages that need each other in a row, each with some files.
NAMES = ("app", "middle", "base")


class Shop:
    """An index on loopback and a cache that is empty."""

    def __init__(self, folder: Path, server: LoopbackServer, site: Site) -> None:
        self.folder, self.server, self.cache = folder, server, folder / "cache"
        for name, needed in zip(NAMES, (*NAMES[1:], None), strict=True):
            noise = b"".join(hashlib.sha256(b"%s %d" % (name.encode(), n)).digest() for n in range(8000))
            files = {f"{name}/m{n}.py": b"x = %d\n" % n for n in range(60)} | {f"{name}/data.bin": noise}
            requires = (needed,) if needed else ()
            points = {"console_scripts": {name: f"{name}:main"}}
            build_wheel(
                site.files, name=name, version="1", files=files, requires=requires, entry_points=points
            )
            site.publish(name, sidecars=True)

    def start(self, target: Path, *packages: str) -> subprocess.Popen[str]:
        environ = clean_environ() | {
            "VARIANTCTL_CACHE_DIR": str(self.cache),
            "VARIANTCTL_CONFIG_FILE": os.devnull,
            "PIP_CONFIG_FILE": os.devnull,
        }
        command = [sys.executable, "-m", "variantctl", "install", "-i", f"{self.server.url}/simple/"]
        return subprocess.Popen(
            [*command, "--target", str(target), *packages],
            env=environ,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def downloads(self) -> Counter[str]:
        """How often each file was asked for (not its pages, which several may ask for at once)."""
        return Counter(path.rpartition("/")[2] for path in self.server.paths if path.startswith("/files/"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    site = Site(tmp_path / "site")
    with LoopbackServer(site.folder) as server:
        yield Shop(tmp_path, server, site)


def ended(processes: list[subprocess.Popen[str]]) -> list[str]:
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), outputs
    return [err for _, err in outputs]


def is_whole(target: Path) -> bool:
    """Whether everything is there, as its RECORD has it."""
    packages = packages_in([target])
    return sorted(packages) == sorted(NAMES) and not any(
        [*missing_files(package), *changed_files(package)] for package in packages.values()
    )


def stored(cache: Path) -> list[InstalledPackage]:
    """The unpacked wheels of a cache: each looks like a package that is installed."""
    return [package for info in cache.rglob("*.dist-info") for package in packages_in([info.parent]).values()]


def test_twenty_environments_from_one_cold_cache(shop: Shop, tmp_path: Path) -> None:
    targets = [tmp_path / f"target{number}" for number in range(20)]
    ended([shop.start(target, "app") for target in targets])
    assert all(is_whole(target) for target in targets)
    wheels = {f"{name}-1-py3-none-any.whl" for name in NAMES}
    counted = shop.downloads()
    assert wheels <= counted.keys()
    assert {name: count for name, count in counted.items() if count > 1} == {}
    # Each file of a wheel is one file of the cache, with a name in each environment.
    assert {(target / "app/data.bin").stat().st_nlink for target in targets} == {21}
    assert len(stored(shop.cache)) == 3
    assert all(not changed_files(package) for package in stored(shop.cache))


def test_five_installs_into_one_environment(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "target"
    said = ended([shop.start(target, *packages) for packages in [NAMES[n:] for n in (0, 1, 2, 0, 1)]])
    assert is_whole(target)
    assert not (target / ".variantctl").exists()
    assert {name: count for name, count in shop.downloads().items() if count > 1} == {}
    # Who came too late to have anything to do found it done.
    assert all("error" not in text for text in said)


def test_a_killed_holder_blocks_nobody(shop: Shop, tmp_path: Path) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    shop.server.rule("/files/base-1-py3-none-any.whl", delay=1.5, times=1)
    first = shop.start(target, "app")
    until = time.monotonic() + 30
    while "/files/base-1-py3-none-any.whl" not in shop.server.paths:
        assert time.monotonic() < until
        time.sleep(0.01)
    waiting = shop.start(other, "app")
    time.sleep(0.3)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    ended([waiting, shop.start(target, "app")])
    assert is_whole(target) and is_whole(other)


def test_who_only_reads_waits_for_nobody(tmp_path: Path) -> None:
    place = target_place(tmp_path)
    place.install(build_wheel(tmp_path, name="pkg", version="1", files={"pkg.py": b""}))
    before = picture(tmp_path)
    command = [sys.executable, "-m", "variantctl", "list", "--target", str(place.site)]
    with locked(place.site):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert "another variantctl is changing" in done.stderr
    assert "pkg" in done.stdout
    assert picture(tmp_path) == before
