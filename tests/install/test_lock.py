"""One change of an environment at a time, whoever makes it and however it ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.install.support import Place, new_place, target_place
from variantctl.cache.progress import ProgressEvent
from variantctl.cache.unpacked import FOLDER
from variantctl.install.lock import locked
from variantctl.wheels.build import build_wheel

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks other processes")


def elsewhere(work: Callable[[], object]) -> int:
    """Do something in a child process; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_lock_excludes_and_leaves_no_trace(tmp_path: Path) -> None:
    site, log = tmp_path / "a/site", tmp_path / "log"

    def change() -> None:
        for _ in range(20):
            with locked(site), log.open("a") as file:
                file.write("in\n")
                file.flush()
                time.sleep(0.001)
                file.write("out\n")

    assert [exit_code(child) for child in [elsewhere(change) for _ in range(4)]] == [0] * 4
    assert log.read_text() == "in\nout\n" * 80
    assert not (site / ".variantctl").exists()


def test_folders_made_for_the_lock_go_with_it(tmp_path: Path) -> None:
    with locked(tmp_path / "a/b"):
        assert (tmp_path / "a/b").is_dir()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError), locked(Path("/proc/nowhere/site")):
        pass


def test_waiting_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    with locked(tmp_path):
        child = elsewhere(lambda: waits(tmp_path))
        time.sleep(0.4)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
    assert exit_code(child) == 0
    with locked(tmp_path, waiting=lambda: told.append("x")):
        pass
    assert told == []


def waits(site: Path) -> None:
    told: list[str] = []
    with locked(site, waiting=lambda: told.append("x")):
        assert told == ["x"]


def test_crashed_holder_blocks_nobody(tmp_path: Path) -> None:
    def hang() -> None:
        with locked(tmp_path):
            (tmp_path / "holding").touch()
            time.sleep(60)

    child = elsewhere(hang)
    while not (tmp_path / "holding").exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    exit_code(child)
    assert (tmp_path / ".variantctl/lock").exists()
    with locked(tmp_path, waiting=lambda: pytest.fail("nobody holds it")):
        pass
    assert not (tmp_path / ".variantctl").exists()


def test_five_installs_into_one_environment(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    wheels = [
        build_wheel(tmp_path, name=f"p{n}", version="1", files={f"p{n}/x{m}.py": b"" for m in range(50)})
        for n in range(5)
    ]
    common = build_wheel(tmp_path, name="common", version="1", files={"common.py": b"the same for all"})
    children = [elsewhere(lambda wheel=wheel: place.install(wheel, common)) for wheel in wheels]  # type: ignore[misc]
    assert [exit_code(child) for child in children] == [0] * 5
    assert place.names() == {"common": "1", **{f"p{n}": "1" for n in range(5)}}
    place.uninstall(*place.names())
    assert list(place.site.iterdir()) == []


def test_one_cold_cache_for_many_environments(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path, name="pkg", version="1", files={f"pkg/x{n}.py": bytes([n]) * 1000 for n in range(200)}
    )
    places = [
        Place(target_place(tmp_path / str(number)).environment, tmp_path / "cache") for number in range(6)
    ]
    children = [elsewhere(lambda place=place: place.install(wheel)) for place in places]  # type: ignore[misc]
    assert [exit_code(child) for child in children] == [0] * 6
    assert len(list((tmp_path / "cache" / FOLDER).iterdir())) == 1
    pictures = [
        {path.removeprefix(str(place.site)): what for path, what in place.picture().items()}
        for place in places
    ]
    assert all(found == pictures[0] for found in pictures)


def test_waiting_install_says_so(tmp_path: Path) -> None:
    place = target_place(tmp_path)
    wheel = build_wheel(tmp_path, name="pkg", version="1", files={"pkg.py": b""})
    place.site.mkdir()

    def install() -> None:
        stages: list[str] = []

        def progress(event: ProgressEvent) -> None:
            stages.append(event.stage)

        place.install(wheel, progress=progress)
        (tmp_path / "stages").write_text(" ".join(stages))

    with locked(place.site):
        child = elsewhere(install)
        time.sleep(0.5)
        assert place.names() == {}
    assert exit_code(child) == 0
    assert (tmp_path / "stages").read_text() == "fetch unpack wait stage swap"
    assert place.names() == {"pkg": "1"}
