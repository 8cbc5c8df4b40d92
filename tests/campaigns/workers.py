"""An index of many wheels made by four workers of which two are killed: byte for byte the one of one process.

A case is a wheel. The scheduler is dask's, the store moto's S3 API; each worker is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

from variant_index.bucket import Bucket
from variant_index.journal import FOLDER
from variant_index.locations import open_destination
from variant_index.operations import IndexAt
from variant_index.verify import verify_index

from tests.campaigns.report import Report
from tests.index.object_store import clean_environ, object_store
from tests.index.standins import index_bytes, stand_ins
from tests.index.stored_index import clear, start
from tests.workers.cluster import Cluster, cluster

_PROJECTS = 50
#: What of the wheels is done when a worker is killed.
_KILLS = (0.2, 0.5)


def run(cases: int, seed: int, folder: Path) -> Report:
    """Make the index by workers, and again by one process, of ``cases`` wheels."""
    report = Report(f"one index by four workers and by one process ({cases:,} wheels)", seed)
    with object_store() as store, patch.dict(os.environ, clean_environ(store)):
        bucket = open_destination(store.bucket(f"workers-{seed}"))
        assert isinstance(bucket, Bucket)
        _fill(bucket, folder / "wheels", cases)
        with cluster(folder / "dask", 4, clean_environ(store)) as dask:
            seconds = _by_workers(bucket, dask, cases, report)
        report.count(f"four workers, two of them killed: {seconds:.0f} s")
        made = index_bytes(bucket)
        if left := list(bucket.list(FOLDER)):
            report.fail("notes", f"{len(left)} are left")
        clear(bucket)
        seconds = _finished(start(bucket, "--workers", "1"), report)
        report.count(f"one process: {seconds:.0f} s")
        expected = index_bytes(bucket)
        different = sorted(path for path in made.keys() | expected if made.get(path) != expected.get(path))
        if different or len(expected) < 2 * _PROJECTS:
            report.fail("the index", f"{len(different)} files differ, {different[:3]}")
        else:
            report.count(f"the same {len(expected):,} files, byte for byte")
        for problem in verify_index(IndexAt(bucket.name).publisher()).problems[:20]:
            report.fail("index verify", f"{problem.where}: {problem.message}")
    return report


def _fill(bucket: Bucket, folder: Path, count: int) -> None:
    def put(path: Path) -> None:
        bucket.place(f"files/{path.name}", path)
        path.unlink()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, stand_ins(folder, count, projects=_PROJECTS)))


def _by_workers(bucket: Bucket, dask: Cluster, count: int, report: Report) -> float:
    started = time.monotonic()
    running = start(bucket, "--workers", dask.url)
    for share in _KILLS:
        while (noted := len(list(bucket.list(FOLDER)))) < share * count and running.poll() is None:
            time.sleep(1)
        dask.workers.pop().kill()
        report.count("a worker was killed" if running.poll() is None else "(too late to kill)")
        sys.stderr.write(f"{time.monotonic() - started:.0f} s: a worker killed, {noted:,} wheels noted\n")
    _finished(running, report)
    return time.monotonic() - started


def _finished(running: subprocess.Popen[str], report: Report) -> float:
    started = time.monotonic()
    _, err = running.communicate(timeout=7200)
    if running.returncode:
        report.fail("index build", f"exit {running.returncode}: {err[-500:]}")
    return time.monotonic() - started
