"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """A file to write ``target`` into: it takes its place when the block ends, and is gone if that fails.

    A file that is there already is replaced in one step, so a reader sees the old or the new content; one
    with the same content is left alone, with its date.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        if same_content(partial, target):
            partial.unlink()
        else:
            partial.replace(target)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            # A write that fails (a full disk) does not say where.
            error.filename = str(target)
        raise


def same_content(left: Path, right: Path) -> bool:
    """Whether both are files with the same bytes."""
    if not right.is_file() or left.stat().st_size != right.stat().st_size:
        return False
    with left.open("rb") as one, right.open("rb") as other:
        while piece := one.read(1 << 20):
            if piece != other.read(1 << 20):
                return False
    return True
