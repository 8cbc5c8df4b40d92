"""What somebody at a terminal sees while a search goes on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.campaigns.hard_graphs import hard_case
from tests.campaigns.memory_index import MemoryIndex
from variantctl.cache.folder import Cache
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request, resolve
from variantctl.target.platforms import platform_environment

SHOW = """
import time
from variantctl.cli.progress import search_progress
with search_progress(after=0) as tell:
    if tell is not None:
        tell(143, 1512)
    time.sleep(0.3)
"""


def test_a_search_tells_how_far_it_is(tmp_path: Path) -> None:
    case = hard_case(1, 10)
    told: list[tuple[int, int]] = []
    resolve(
        Request(tuple(parse_user_requirement(root) for root in case.roots)),
        package_finder=MemoryIndex(case.releases.values(), Cache(tmp_path)),
        machine=Machine(Profile("none")),
        platform=platform_environment(system="Linux", machine="x86_64", libc="glibc 2.39", python="3.11"),
        progress=lambda packages, versions: told.append((packages, versions)),
    )
    assert len(told) > 5
    assert told == sorted(told)


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal of Unix")
def test_one_line_at_a_terminal() -> None:
    import pty

    pid, descriptor = pty.fork()
    if pid == 0:
        os.environ["COLUMNS"] = "100"
        os.execv(sys.executable, [sys.executable, "-c", SHOW])
    said = b""
    try:
        while block := os.read(descriptor, 4096):
            said += block
    except OSError:
        pass  # the other end is closed
    os.waitpid(pid, 0)
    assert b"resolving: 143 packages, 1,512 versions looked at" in said
