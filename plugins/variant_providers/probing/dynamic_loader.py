"""What the dynamic loader of this machine would find, without loading anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def loader_knows(soname: str) -> bool:
    """Whether ``dlopen`` by this name can succeed by LD_LIBRARY_PATH or the loader's cache (ld.so(8))."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":")
    if any(folder and Path(folder, soname).exists() for folder in folders):
        return True
    try:
        return soname.encode() + b"\0" in Path("/etc/ld.so.cache").read_bytes()
    except OSError:
        return False


def files_in(folders: Iterable[str], name: str) -> list[str]:
    """The files of this name in ``folders`` (without a leading slash), each real file once."""
    paths = (Path("/", folder, name) for folder in folders)
    by_file = {os.path.realpath(path): str(path) for path in reversed([*paths]) if path.exists()}
    return list(by_file.values())[::-1]
