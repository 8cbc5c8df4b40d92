"""Which destination a user names: a folder, or a URL of an object store."""

from __future__ import annotations

import re
from pathlib import Path

from variant_index.destinations import Destination

_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def is_store_url(text: str) -> bool:
    """Whether this names an object store (``s3://...``) and not a folder."""
    return _URL.match(text) is not None


def open_destination(target: str | Path) -> Destination:
    """The destination that a user names: a folder, or a URL of an object store.

    Raises:
        DestinationError: the URL cannot be used, or what it needs is not installed.
    """
    if is_store_url(str(target)):
        from variant_index.bucket import open_bucket

        return open_bucket(str(target))
    from variant_index.folder import LocalFolder

    return LocalFolder(Path(target))
