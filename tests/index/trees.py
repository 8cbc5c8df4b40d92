"""What several tests of this room do to an index, and ask of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from variant_index.destinations import Destination
from variant_index.layout import path_of, sidecar
from variant_index.state import read_state

from tests.wheels.recipes import CU126, CU128, provided
from variantctl.wheels.build import build_wheel

VARIANTS = provided(null={}, cu126=CU126, cu128=CU128)


def wheel(
    folder: Path, name: str = "a", version: str = "1", label: str | None = None, text: str = ""
) -> Path:
    """A small wheel; always of the same date, so that the pages are the same on every run."""
    files = {f"{name}.py": text.encode()}
    path = build_wheel(folder, name=name, version=version, label=label, metadata=VARIANTS, files=files)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def readable(destination: Destination, on_reading: Callable[[str], None] = lambda _path: None) -> list[str]:
    """What a reader trips over: files that a page names and that are not there, or are others.

    This reads as a client does, page first, and shares no code with ``index verify``.
    """
    problems = []
    root = destination.read("simple/index.json")
    for project in json.loads(root.content)["projects"] if root else ():
        page = destination.read(f"simple/{project['name']}/index.json")
        if page is None:
            problems.append(f"{project['name']}: no page")
            continue
        state = read_state(project["name"], page.content, "page")
        for file in state.listed:
            path = path_of(state.name, file)
            assert path is not None
            on_reading(path)
            stored = destination.read(path)
            if stored is None or hashlib.sha256(stored.content).hexdigest() != file.hashes["sha256"]:
                problems.append(f"{path}: {'missing' if stored is None else 'another file'}")
            if file.core_metadata and destination.read(sidecar(path)) is None:
                problems.append(f"{path}: no metadata")
    return problems
