"""Small wheels unpacked by forked processes: the same store, the same errors, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install.support import ByHand, Files, Place, Planned, target_place
from variantctl.cache import unpack, unpack_processes
from variantctl.cache.unpack_processes import UnpackProcesses
from variantctl.cache.unpacked import UnpackedStore
from variantctl.filesystem.digests import file_digest
from variantctl.install.apply import Options, apply_plan
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that are forked, whatever threads pytest has; two of them."""
    forked: list[int] = []
    fork = os.fork

    def counted() -> int:
        pid = fork()
        forked.append(pid)
        return pid

    monkeypatch.setattr(unpack_processes, "can_fork", lambda: True)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "fork", counted)
    return forked


def wheels(folder: Path, count: int = unpack_processes.FEWEST) -> list[Path]:
    files = {"small.py": b"x = 1\n", "big.bin": bytes(range(256)) * 4000, "bin/é, a.txt": b""}
    return [
        build_wheel(
            folder, name=f"w{i}", version="1", files={f"w{i}/{path}": data for path, data in files.items()}
        )
        for i in range(count)
    ]


def stored(place: Place, built: list[Path]) -> list[object]:
    """What the store says of each wheel, checked against its files; where the store lies aside."""
    store = UnpackedStore(place.cache)
    found = [store.get(wheel.name, file_digest(wheel)) for wheel in built]
    return [
        (
            wheel.filename,
            wheel.version,
            wheel.umask,
            wheel.size,
            [(f.path, f.digest, f.size) for f in wheel.files],
        )
        for wheel in found
        if wheel is not None
    ]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_store_is_the_same_as_by_threads(tmp_path: Path, forks: list[int]) -> None:
    built = wheels(tmp_path / "wheels")
    place = target_place(tmp_path)
    place.install(*built)
    assert len(forks) == 2 and all(map(is_gone, forks))
    by_processes = stored(place, built)
    place.cache.rename(tmp_path / "aside")
    other = target_place(tmp_path / "other")
    other.install(*built[:4])
    other.install(*built[4:])
    assert len(forks) == 2, "few wheels are not worth a process"
    assert by_processes == stored(other, built) and len(by_processes) == len(built)
    assert sorted(place.names()) == sorted(other.names())


def test_with_another_thread_that_does_not_end_nothing_is_forked(tmp_path: Path) -> None:
    code = (
        "import threading; from variantctl.cache.unpack_processes import can_fork\n"
        "print(can_fork()); stop = threading.Event(); threading.Thread(target=stop.wait).start()\n"
        "print(can_fork()); threading.Timer(0.05, stop.set).start(); print(can_fork())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["True", "False", "True"]


def test_without_fork_threads_do_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(unpack_processes, "can_fork", lambda: True)
    monkeypatch.setattr(os, "fork", refused)
    place = target_place(tmp_path)
    place.install(*(built := wheels(tmp_path / "wheels")))
    assert len(stored(place, built)) == len(built)


def test_a_damaged_wheel_is_refused_as_ever(tmp_path: Path, forks: list[int]) -> None:
    built = wheels(tmp_path / "wheels")
    data = bytearray(built[5].read_bytes())
    at = data.index(b"x = 1") if b"x = 1" in data else data.index(b"small.py") + len("small.py") + 2
    data[at] ^= 0xFF
    built[5].write_bytes(data)
    with pytest.raises(WheelError) as alone:
        UnpackedStore(tmp_path / "alone").add(
            built[5], parse_wheel_filename(built[5].name), file_digest(built[5])
        )
    place = target_place(tmp_path)
    with pytest.raises(WheelError) as error:
        place.install(*built)
    assert (str(error.value), error.value.hint) == (str(alone.value), alone.value.hint)
    assert forks and all(map(is_gone, forks))
    assert not list(place.cache.rglob(".new-*")) and place.names() == {}


def test_a_process_that_is_killed_is_done_without(tmp_path: Path, forks: list[int]) -> None:
    class Killing(Files):
        def fetch(self, planned: Planned, /, *, reader: object = None, cancel: object = None) -> Path:
            for pid in forks:
                os.kill(pid, signal.SIGKILL)
            return super().fetch(planned)

    place = target_place(tmp_path)
    built = wheels(tmp_path / "wheels")
    apply_plan(
        ByHand([Planned(wheel) for wheel in built]), place.environment, Killing(), Options(place.cache)
    )
    assert len(forks) == 2 and len(stored(place, built)) == len(built)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_process_takes_away_what_it_made(
    tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(unpack, "_make_folders", lambda *_: time.sleep(30))
    store = UnpackedStore(tmp_path / "cache")
    wheel = wheels(tmp_path / "wheels", 1)[0]
    with UnpackProcesses(store, 8) as processes:
        answer: list[bool] = []
        asking = threading.Thread(
            target=lambda: answer.append(
                processes.add(wheel, parse_wheel_filename(wheel.name), file_digest(wheel))
            )
        )
        asking.start()
        _wait_for(lambda: any(store.root.glob(".new-*/files")))
        for pid in forks:
            os.kill(pid, number)
        asking.join(10)
    assert answer == [False]
    assert not list(store.root.iterdir()) and all(map(is_gone, forks))


def test_they_end_with_whoever_forked_them(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from variantctl.cache import unpack_processes as up\n"
        "from variantctl.cache.unpacked import UnpackedStore\n"
        "os.cpu_count = lambda: 2; processes = up.UnpackProcesses(UnpackedStore(Path(sys.argv[1])), 8)\n"
        "print(*(process._pid for process in processes._all), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in ended.stdout.split()]
    assert len(pids) == 2
    _wait_for(lambda: all(map(_has_ended, pids)))


def _has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it does not come true")


def test_large_wheels_are_left_to_threads(
    tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = wheels(tmp_path / "wheels", 1)[0]
    monkeypatch.setattr(unpack_processes, "LARGE", wheel.stat().st_size)
    with UnpackProcesses(UnpackedStore(tmp_path / "cache"), 8) as processes:
        assert len(forks) == 2
        assert not processes.add(wheel, parse_wheel_filename(wheel.name), file_digest(wheel))


@pytest.mark.parametrize(("large", "at_once"), [(unpack_processes.LARGE, 8), (1, 4)])
def test_small_wheels_are_fetched_more_at_a_time(
    tmp_path: Path, forks: list[int], monkeypatch: pytest.MonkeyPatch, large: int, at_once: int
) -> None:
    monkeypatch.setattr(unpack_processes, "LARGE", large)
    together, most, lock = 0, 0, threading.Lock()

    class Slow(Files):
        def fetch(self, planned: Planned, /, *, reader: object = None, cancel: object = None) -> Path:
            nonlocal together, most
            with lock:
                together += 1
                most = max(most, together)
            time.sleep(0.2)
            with lock:
                together -= 1
            return super().fetch(planned)

    class Sized(Planned):
        @property
        def size(self) -> int:
            return self.path.stat().st_size

    place = target_place(tmp_path)
    plan = ByHand([Sized(wheel) for wheel in wheels(tmp_path / "wheels", 16)])
    apply_plan(plan, place.environment, Slow(), Options(place.cache))
    assert most == at_once
