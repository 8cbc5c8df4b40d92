"""Installing what the same command installed before, without resolving, while that would do the same."""

from __future__ import annotations

import errno
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.campaigns import faults
from tests.cli.notes import run
from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from tests.install.support import Place, new_place, picture
from variantctl.cli import repeated
from variantctl.target.installed import installed_packages
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no notes are kept on Windows")


class Bench:
    """An index, a cache that has its wheels, and environments that were not installed into yet."""

    def __init__(self, folder: Path, server: LoopbackServer, site: Site) -> None:
        self.folder, self.server, self.site = folder, server, site
        self.places = {name: new_place(folder, name=name) for name in ("first", "second")}
        self.environ = {
            **{key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"},
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
            "VARIANTCTL_CONFIG_FILE": str(folder / "variantctl.toml"),
            "PIP_CONFIG_FILE": os.devnull,
        }
        (folder / "variantctl.toml").write_text("")
        # What is younger than a tick of the clock is not relied on.
        time.sleep(0.15)
        assert self.run("first")[0].startswith("Installed 2 packages into ")

    def command(self, *words: str) -> list[str]:
        return ["install", "one", "-i", f"{self.server.url}/simple/", *words]

    def run(self, place: str, *words: str, code: int = 0) -> tuple[str, set[str], str]:
        """What was printed, what was imported, and what was said besides."""
        command = [*self.command(*words), "-p", str(self.places[place].environment.prefix)]
        done = run(*command, environ=self.environ, cwd=self.folder)
        assert done.code == code, done
        return done.said, done.imported, done.errors

    def is_repeated(self, *words: str, code: int = 0) -> bool:
        return "argparse" not in self.run("second", *words, code=code)[1]

    @property
    def second(self) -> Place:
        return self.places["second"]

    def notes(self) -> list[Path]:
        return sorted((self.folder / "cache").glob("repeated-*/*"))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    site = Site(tmp_path / "site")
    site.wheel("one", requires=("two",))
    site.wheel("two")
    site.publish("one")
    site.publish("two")
    with LoopbackServer(site.folder) as server:
        yield Bench(tmp_path, server, site)


def relative(place: Place) -> dict[str, str]:
    """The files of site-packages, by their names in it."""
    return {path[len(str(place.site)) :]: kind for path, kind in picture(place.site).items()}


def test_the_same_for_another_environment(bench: Bench) -> None:
    bench.server.clear()
    said, imported, _ = bench.run("second")
    assert said.startswith(f"Installed 2 packages into {bench.second.environment.prefix} in ")
    assert said.splitlines()[1:] == ["  one  1.0  requested", "  two  1.0  needed by one"]
    unneeded = {"argparse", "dataclasses", "subprocess", "logging", "httpx", "rich", "packaging.tags"}
    assert not imported & {*unneeded, "variantctl.resolve", "variantctl.indexes.finder"}
    assert bench.server.requests == []
    assert relative(bench.second) == relative(bench.places["first"])
    requested = {name: each.requested for name, each in installed_packages(bench.second.environment).items()}
    assert requested == {"one": True, "two": False}


def test_the_activated_environment_is_the_one(bench: Bench) -> None:
    prefix = bench.second.environment.prefix
    bench.environ |= {"VIRTUAL_ENV": str(prefix), "PATH": f"{prefix}/bin:{bench.environ['PATH']}"}
    done = run(*bench.command(), environ=bench.environ, cwd=bench.folder)
    assert done.code == 0 and done.from_a_note
    assert bench.second.names() == {"one": "1.0", "two": "1.0"}


def _publish_another(bench: Bench) -> None:
    bench.site.wheel("two", "2.0")
    bench.site.publish("two")


def _refresh_elsewhere(bench: Bench) -> None:
    _publish_another(bench)
    place = new_place(bench.folder, name="third")
    bench.places["third"] = place
    bench.run("third", "--refresh")


def _expire(bench: Bench) -> None:
    (note,) = bench.notes()
    value = json.loads(note.read_text())
    note.write_text(json.dumps({**value, "fresh_until": time.time() - 1}))


def _touch_configuration(bench: Bench) -> None:
    (bench.folder / "variantctl.toml").write_text("[index]\n")


def _set_variable(bench: Bench) -> None:
    bench.environ["VARIANTCTL_ANYTHING"] = "1"


def _install_another_version(bench: Bench) -> None:
    bench.second.install(bench.site.wheel("two", "0.5"))


def _leave_half_a_change(bench: Bench) -> None:
    (bench.second.site / ".variantctl").mkdir()


def _clean_the_cache(bench: Bench) -> None:
    subprocess.run([sys.executable, "-m", "variantctl", "cache", "clean"], env=bench.environ, check=True)


def _empty_the_store(bench: Bench) -> None:
    for path in (bench.folder / "cache/install").glob("wheels-*/*"):
        path.rename(bench.folder / path.name)


def _damage_the_note(bench: Bench) -> None:
    (note,) = bench.notes()
    note.write_text(note.read_text()[:-2])


CHANGES: list[Callable[[Bench], None]] = [
    _refresh_elsewhere,
    _expire,
    _touch_configuration,
    _set_variable,
    _install_another_version,
    _leave_half_a_change,
    _clean_the_cache,
    _damage_the_note,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_noticed(change: Callable[[Bench], None], bench: Bench) -> None:
    change(bench)
    assert not bench.is_repeated()
    assert bench.second.names().keys() == {"one", "two"}


def test_a_wheel_that_is_gone_is_fetched_again(bench: Bench) -> None:
    _empty_the_store(bench)
    assert not bench.is_repeated()
    assert bench.second.names() == {"one": "1.0", "two": "1.0"}


def test_an_edited_file_in_the_store_is_noticed(bench: Bench) -> None:
    (stored,) = (bench.folder / "cache/install").glob("wheels-*/*/files/two/data.bin")
    first = bench.places["first"].site / "two/data.bin"
    first.chmod(0o644)
    first.write_bytes(b"edited in place")
    assert stored.read_bytes() == b"edited in place"
    assert not bench.is_repeated()
    assert (bench.second.site / "two/data.bin").read_bytes() == b"\n"
    assert not (bench.second.site / ".variantctl").exists()


def test_a_touched_file_in_the_store_is_as_good(bench: Bench) -> None:
    (stored,) = (bench.folder / "cache/install").glob("wheels-*/*/files/two/data.bin")
    os.utime(stored, (1, 1))
    assert bench.is_repeated()


def test_a_file_in_the_way_is_refused_as_ever(bench: Bench) -> None:
    (bench.second.site / "two").mkdir()
    (bench.second.site / "two/data.bin").write_text("mine")
    before = bench.second.picture()
    _, imported, said = bench.run("second", code=1)
    assert "argparse" in imported
    assert "but one is there already that no installed package owns" in said
    assert bench.second.picture() == before


@pytest.mark.parametrize(
    "option", ["--upgrade", "--reinstall", "--dry-run", "--no-cache", "--verbose", "--json", "--refresh"]
)
def test_never_from_a_note(option: str, bench: Bench) -> None:
    bench.run("first", option)
    assert not bench.is_repeated(option)


def test_a_note_is_for_one_command_line(bench: Bench) -> None:
    assert not bench.is_repeated("--no-deps")
    assert bench.second.names() == {"one": "1.0"}


def test_quiet_says_nothing(bench: Bench) -> None:
    bench.run("first", "--quiet", "--reinstall")
    third = bench.places["third"] = new_place(bench.folder, name="third")
    assert bench.run("third", "--quiet")[0] == ""
    said, imported, _ = bench.run("second", "--quiet")
    assert said == ""
    assert "argparse" not in imported
    assert third.names() == bench.second.names()


def test_no_secret_is_written_down(bench: Bench) -> None:
    bench.environ["SECRET"] = "hunter2"
    bench.run("second")
    assert len(bench.notes()) == 2
    assert not any(b"hunter2" in note.read_bytes() for note in bench.notes())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="asks for what every x86_64 has")
def test_what_this_machine_decided_is_decided_anew(bench: Bench) -> None:
    metadata = load_metadata(
        {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["x86_64"]},
            "variants": {"v1": {"x86_64": {"level": ["v1"]}}},
        }
    )
    build_wheel(bench.site.files, name="two", version="2.0", files={}, label="v1", metadata=metadata)
    bench.site.publish("two")
    _clean_the_cache(bench)
    for _ in range(2):
        assert not bench.is_repeated()
        assert bench.second.names() == {"one": "1.0", "two": "2.0"}
        bench.second.uninstall("one", "two")
    assert bench.notes() == []


def _planted(bench: Bench, note: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The note, where a command with these variables looks for it."""
    with monkeypatch.context() as context:
        context.chdir(bench.folder)
        for name in list(os.environ):
            context.delenv(name)
        for name, value in environ.items():
            # The layer takes itself out of the variables, for what the command starts.
            if name != "LD_PRELOAD":
                context.setenv(name, value)
        place = repeated._place(bench.command())
    assert place is not None
    Path(place).write_text(note)


@pytest.mark.skipif(faults.missing() is not None, reason=faults.missing() or "")
def test_never_half(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = time.time_ns()
    print("seed", seed)
    draw = random.Random(seed)
    library, log = faults.build(bench.folder), bench.folder / "calls.log"
    prefix, start = bench.second.environment.prefix, bench.folder / "start"
    shutil.copytree(prefix, start, symlinks=True)
    (note,) = (path.read_text() for path in bench.notes())

    def repeat(fault: faults.Fault, log: Path | None = None) -> subprocess.CompletedProcess[str]:
        environ = bench.environ | fault.environ(library, (prefix,), log)
        _planted(bench, note, environ, monkeypatch)
        command = [sys.executable, "-X", "importtime", "-m", "variantctl", *bench.command()]
        place = ["-p", str(prefix)]
        return subprocess.run(
            [*command, *place],
            cwd=bench.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    old = relative(bench.second)
    done = repeat(faults.Fault(0, classes=faults.CALLS), log)
    assert done.returncode == 0 and "argparse" not in done.stderr
    new = {path: what.replace("file 444", "file 644") for path, what in relative(bench.second).items()}
    made = faults.calls(log)
    kills = sum(call.kind in faults.CHANGES for call in made)
    every = [faults.Fault(at) for at in range(1, kills + 1)]
    every += [
        faults.Fault(at, number, faults.CALLS, lasting)
        for at in range(1, len(made) + 1)
        for number in (errno.EIO, errno.EACCES)
        for lasting in (False, True)
    ]
    outcomes = set()
    for fault in draw.sample(every, 30):
        shutil.rmtree(prefix)
        shutil.copytree(start, prefix, symlinks=True)
        done = repeat(fault)
        outcomes.add(done.returncode)
        left = relative(bench.second)
        variantctl = [sys.executable, "-m", "variantctl"]
        reads = [*variantctl, "list", "-p", str(prefix)]
        subprocess.run(reads, env=bench.environ, check=True, capture_output=True)
        assert relative(bench.second) == left, f"{fault}: a command that only reads changed something"
        # What changes nothing of its own, or what a user does who was interrupted.
        again = draw.random() < 0.5
        changes = bench.command() if again else ["uninstall", "--yes", "nobody"]
        subprocess.run(
            [*variantctl, *changes, "-p", str(prefix)], env=bench.environ, check=True, capture_output=True
        )
        # Where a link is refused it is a copy, which is not read-only.
        found = {path: what.replace("file 444", "file 644") for path, what in relative(bench.second).items()}
        different = {path for path in {*found, *new} if found.get(path) != new.get(path)}
        assert not different or (found == old and not again), (str(fault), again, different)
    assert {0, 1, -9} >= outcomes >= {-9}
