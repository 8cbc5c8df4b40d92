"""Environments that are made once for what they must have, and kept in the cache: those of scripts.

Layout below the cache's root::

    script-envs-v1/{key}/                     a virtual environment, at the place that it was made for
    script-envs-v1/{key}/variantctl-complete  it has everything; its date says when it was last used
    script-envs-v1/.lock-{key}                one process makes it, others wait
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from variantctl.cache.buckets import SCRIPT_ENVIRONMENTS
from variantctl.cache.folder import Cache
from variantctl.filesystem.locks import exclusive_lock
from variantctl.filesystem.private_folders import make_private
from variantctl.net.hashes import key_digest
from variantctl.target.discovery import interpreter_of

_COMPLETE = "variantctl-complete"


def kept_environment(
    cache: Cache,
    needs: object,
    make: Callable[[Path], None],
    *,
    anew: bool = False,
    waiting: Callable[[], None] = lambda: None,
) -> Path:
    """The folder of the environment for some needs: the one that is there, else a new one.

    Args:
        cache: where it is kept.
        needs: all that it depends on, as JSON may have it.
        make: makes it in a folder; an environment that it did not finish is made again.
        anew: make it even where there is one.
        waiting: called now and then while another process makes it.

    Raises:
        OSError: the cache cannot be written.
    """
    key = key_digest(json.dumps(needs, sort_keys=True))
    root = cache.root / SCRIPT_ENVIRONMENTS
    folder = root / key
    if not anew and _is_whole(folder):
        return folder
    make_private(root)
    with exclusive_lock(root / f".lock-{key}", keep_waiting=waiting) as waited:
        if waited and _is_whole(folder):
            return folder
        if folder.exists():
            (folder / _COMPLETE).unlink(missing_ok=True)
            shutil.rmtree(folder)
        make(folder)
        (folder / _COMPLETE).touch()
    return folder


def _is_whole(folder: Path) -> bool:
    """Whether it is finished and its interpreter is still there; a use is recorded."""
    complete = folder / _COMPLETE
    if not complete.is_file() or interpreter_of(folder) is None:
        return False
    try:
        os.utime(complete)
    except OSError:
        # A cache that cannot be written can still be read.
        return True
    return True
