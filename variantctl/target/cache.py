"""Where variantctl keeps what can be made again: interpreter facts here, unpacked wheels in install/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of variantctl's caches: ``VARIANTCTL_CACHE_DIR``, else the platform's own (XDG on Linux)."""
    named = environ.get("VARIANTCTL_CACHE_DIR")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("variantctl", appauthor=False))
