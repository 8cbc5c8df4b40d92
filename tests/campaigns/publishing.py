"""Publishers of one bucket at the same time, and publishers that are killed: nothing is lost or broken.

The bucket is behind a real S3 API (moto's server); every publisher is a process of its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

from variant_index.destinations import Destination
from variant_index.locations import open_destination
from variant_index.operations import IndexAt
from variant_index.verify import verify_index

from tests.campaigns.report import Report
from tests.index.object_store import ObjectStore, clean_environ, object_store
from tests.index.trees import readable, wheel

_PROJECTS = ("alpha", "beta")
_LABELS = (None, "null", "cu126", "cu128")


class _Bench:
    """One bucket, what was published to it so far, and publishers."""

    def __init__(self, store: ObjectStore, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.url = f"{store.bucket(f'publishing-{seed}')}/index"
        self.folder = folder
        self.environ = clean_environ(store)
        self.published: dict[str, set[str]] = {}
        self.yanked: set[str] = set()
        self.duration = 1.0
        self._left = [
            (name, f"{major}.{minor}", label)
            for major in range(40)
            for minor in range(10)
            for name in _PROJECTS
            for label in _LABELS
        ]

    def destination(self) -> Destination:
        return open_destination(self.url)

    def wheels(self, most: int) -> list[Path]:
        """A few wheels that were never published; often of one version, so that its metadata is contended."""
        taken = [self._left.pop(0) for _ in range(self.random.randint(1, most))]
        return [
            wheel(self.folder / "wheels", name, version, label, text=f"{name}{version}{label}" * 2000)
            for name, version, label in taken
        ]

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """A publisher."""
        command = [sys.executable, "-m", "variantctl", "index", *map(str, arguments), "--index", self.url]
        return subprocess.Popen(
            command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def expect(self, paths: list[Path]) -> None:
        for path in paths:
            self.published.setdefault(path.name.partition("-")[0], set()).add(path.name)

    def problems(self) -> list[str]:
        """What is lost, and what a reader trips over."""
        destination = self.destination()
        found = readable(destination)
        for project, names in self.published.items():
            stored = destination.read(f"simple/{project}/index.json")
            files = json.loads(stored.content)["files"] if stored else []
            listed = {file["filename"] for file in files}
            found += [f"{name} is lost" for name in sorted(names - listed)]
            marks = {file["filename"] for file in files if file.get("yanked")}
            found += [f"{name} is not yanked" for name in sorted(self.yanked & names - marks)]
        return found


def run(cases: int, seed: int, folder: Path) -> Report:
    """Half of the cases are two publishers at once, half a publisher killed and run again."""
    report = Report("publishing to S3 (moto)", seed)
    with object_store() as store, patch.dict(os.environ, clean_environ(store)):
        bench = _Bench(store, folder, seed)
        for case in range(cases):
            problems = _race(bench) if case % 2 == 0 else _kill(bench, report)
            what = "two at once" if case % 2 == 0 else "killed, then run again"
            if problems:
                report.fail(what, f"case {case}: {'; '.join(problems[:5])}")
            else:
                report.count(f"{what}: nothing lost")
        final = verify_index(IndexAt(bench.url).publisher())
        for problem in final.problems:
            report.fail("index verify", f"{problem.where}: {problem.message}")
    return report


def _race(bench: _Bench) -> list[str]:
    """Two publishers add at once; now and then a third yanks what was there before."""
    parts = [bench.wheels(3), bench.wheels(3)]
    before = [name for names in bench.published.values() for name in sorted(names)]
    started = time.monotonic()
    publishers = [bench.start("add", *part) for part in parts]
    if before and bench.random.random() < 0.5:
        name = bench.random.choice(before)
        publishers.append(bench.start("yank", name))
        bench.yanked.add(name)
    failed = [text for publisher in publishers if (text := _failure(publisher))]
    bench.duration = time.monotonic() - started
    for part in parts:
        bench.expect(part)
    return [*failed, *bench.problems()]


def _kill(bench: _Bench, report: Report) -> list[str]:
    """A publisher is killed at a random moment; then the same is run again to its end."""
    wheels = bench.wheels(4)
    publisher = bench.start("add", *wheels)
    time.sleep(bench.random.uniform(0.15, 0.7) * bench.duration)
    publisher.kill()
    publisher.communicate()
    report.count(
        "a publisher was still at work when it was killed" if publisher.returncode < 0 else "(too late)"
    )
    problems = [f"after the kill: {text}" for text in bench.problems()]
    failed = _failure(bench.start("add", *wheels))
    bench.expect(wheels)
    return [*problems, *([failed] if failed else []), *bench.problems()]


def _failure(publisher: subprocess.Popen[str]) -> str:
    _, err = publisher.communicate(timeout=300)
    return "" if publisher.returncode == 0 else f"exit {publisher.returncode}: {err[-300:]}"
