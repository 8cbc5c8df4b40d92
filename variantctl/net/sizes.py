"""How large a file is, with no more of it read than its server asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from variantctl.net.errors import NetworkError, OfflineError
from variantctl.net.urls import is_file_url, url_to_path

if TYPE_CHECKING:
    from variantctl.net.client import HttpClient
    from variantctl.net.remote_file import RemoteFile

_TOTAL = re.compile(r"bytes (?:[0-9]+-[0-9]+|\*)/([0-9]{1,18})\s*\Z")


def file_size(file: RemoteFile, client: HttpClient) -> int | None:
    """Bytes: what the page says (PEP 700), else the file system, else the server when asked for one byte.

    ``None`` where nobody says, or the server cannot be reached: a size is never worth an error.
    """
    if file.size is not None:
        return file.size
    if is_file_url(file.url):
        try:
            path = url_to_path(file.url)
            return path.stat().st_size if path.is_file() else None
        except OSError:
            return None
    if not file.url.startswith(("http://", "https://")):
        return None  # a repository
    return remote_size(file.url, client)


def remote_size(url: str, client: HttpClient) -> int | None:
    """Bytes: what the server says when asked for one of them; ``None`` where it is silent."""
    try:
        with client.stream(url, headers={"Range": "bytes=0-0"}, allow=(416,)) as stream:
            total = _TOTAL.match(stream.headers.get("content-range", ""))
            return int(total[1]) if total else (stream.length if stream.status == 200 else None)
    except (NetworkError, OfflineError):
        return None
