"""What one wheel costs a worker: requests, bytes, processor time.

``python -m tests.benchmarks.scale [WHEEL...]``. The store is obstore's own in memory, so that nothing is
waited for; docs/scale.md multiplies what is printed here. Without wheels it makes three: one of 200 kB, and
two with a library, of 20 and of 200 MB.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from obstore.store import MemoryStore
from variant_index.bucket import Bucket
from variant_index.indexed_file import upload_time
from variant_index.one_file import ALWAYS, NEVER, FileAt, read_file, remember

from tests.machine_code.files import elf_library, fatbin
from variantctl.wheels.build import build_wheel


class _Counting(Bucket):
    """A store that counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), "memory://scale")
        self.requests: Counter[str] = Counter()
        self.read_bytes = 0

    def _do(self, what: str, path: str, action: Callable[[], object]) -> object:  # type: ignore[override]
        self.requests[what] += 1
        return super()._do(what, path, action)

    def read_range(self, path: str, start: int, end: int) -> bytes:
        self.read_bytes += end - start
        return super().read_range(path, start, end)


def main(names: list[str]) -> None:
    """Print a line for each wheel and each way to read it."""
    with tempfile.TemporaryDirectory() as folder:
        wheels = [Path(name) for name in names] or _made(Path(folder))
        columns = ("MB", "how", "reads", "writes", "MB read", "CPU s", "s/GB")
        print(f"{'wheel':40}", *(f"{name:>8}" for name in columns))
        for wheel in wheels:
            for how, audit in (("ranges", NEVER), ("whole", ALWAYS)):
                _measure(wheel, how, audit)


def _measure(wheel: Path, how: str, audit: str) -> None:
    import obstore

    store, size = _Counting(), wheel.stat().st_size
    attributes = {"sha256": "0" * 64} if audit == NEVER else {}
    obstore.put(store._store, f"files/{wheel.name}", wheel, attributes=attributes)
    remember(store)
    task = FileAt(store.target, f"files/{wheel.name}", size, upload_time(0), stays=True, journal=store.target)
    store.exclusive()  # It asks the store once what it can: that is no wheel's cost.
    store.requests.clear()
    began = time.process_time()
    read = read_file(_with(task, audit))
    took = time.process_time() - began
    assert read.file is not None, read.refused
    reads, writes = store.requests["read"], store.requests["write"]
    name, megabytes = wheel.name[:40], size / 1e6
    figures = (f"{store.read_bytes / 1e6:8.1f}", f"{took:8.2f}", f"{took / size * 1e9:8.1f}")
    print(f"{name:40} {megabytes:8.1f} {how:>8} {reads:8} {writes:8}", *figures)


def _with(task: FileAt, audit: str) -> FileAt:
    from variantctl.values import replace

    return replace(task, audit=audit)


def _made(folder: Path) -> list[Path]:
    library = elf_library(
        {".nv_fatbin": fatbin("cubin 80", "cubin 90", "ptx 90")}, needed=["libcudart.so.12"]
    )
    made = []
    for name, size in (("small", 200_000), ("medium", 20_000_000), ("large", 200_000_000)):
        files = {f"{name}/code.so": library + os.urandom(size)}
        made.append(build_wheel(folder, name=name, version="1", files=files))
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
