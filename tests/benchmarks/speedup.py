"""What a second worker adds: processor time of each, and seconds, for auditing the same wheels.

``python -m tests.benchmarks.speedup [WORKERS...]`` (default: 1 2). Seconds tell something only where as many
cores are free. Processor time always does: nothing is waited for, so that with free cores the work takes as
long as the busiest worker is busy, as long as the process that hands it out has less to do.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from variant_index.audit_file import WheelAt, audit_at, wheels_at

from tests.machine_code.files import elf_library, fatbin
from variantctl.wheels.build import build_wheel
from variantctl.workers.executors import Load, Workers
from variantctl.workers.running import run_all

_WHEELS, _MEGABYTES = 128, 60


def measured(wheel: WheelAt) -> tuple[int, float]:
    """Audit a wheel; which process did it, and the seconds of processor that it took until now."""
    found = audit_at(wheel)
    assert found.audit is not None and found.audit.libraries, found.error
    return os.getpid(), time.process_time()


def main(counts: list[int]) -> None:
    """Print a line for each number of workers."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = _made(Path(folder))
        sizes = [task.size for task in tasks]
        measured(tasks[0])  # Pages of the files are in memory for all of them, and so are modules here.
        print(f"{len(tasks)} wheels of {sizes[0] // 1_000_000} MB, {os.cpu_count()} cores")
        print("workers  seconds  CPU of all  of the busiest  of the one that hands out")
        for count in counts:
            own, began = time.process_time(), time.monotonic()
            taken: dict[int, float] = {}
            load = Load(len(tasks), sum(sizes))
            for _, (worker, seconds) in run_all(measured, tasks, sizes, Workers(count), load):
                # One worker is a thread of this process.
                taken[worker] = seconds - (own if worker == os.getpid() else 0)
            took, own = time.monotonic() - began, time.process_time() - own
            print(
                f"{count:7} {took:8.1f} {sum(taken.values()):11.1f} {max(taken.values()):15.1f} {own:10.1f}"
            )


def _made(folder: Path) -> list[WheelAt]:
    """One wheel under many paths."""
    library = elf_library(
        {".nv_fatbin": fatbin("cubin 80", "cubin 90", "ptx 90")}, needed=["libcudart.so.12"]
    )
    content = library + os.urandom(_MEGABYTES * 900_000) + bytes(_MEGABYTES * 1_000_000)
    made = build_wheel(folder / "0", name="thing", version="1", files={"thing/code.so": content})
    for number in range(1, _WHEELS):
        (folder / str(number)).mkdir()
        (folder / str(number) / made.name).hardlink_to(made)
    return wheels_at(str(folder))


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [1, 2])
