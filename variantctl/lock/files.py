"""Wheels as a lock file lists them: where they are, their hashes, their size, when they were uploaded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from variantctl.lock.contents import LockedWheel
from variantctl.redaction import without_secrets
from variantctl.sources.errors import NetworkError, OfflineError
from variantctl.sources.files import RemoteFile, WheelLink
from variantctl.sources.hashes import STRONG, is_known
from variantctl.sources.urls import is_file_url, split_credentials, url_to_path

if TYPE_CHECKING:
    from variantctl.sources.catalog import Catalog

_PARALLEL = 8
_TOTAL = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)\s*\Z")


class FileList:
    """Gives links as locked wheels.

    Args:
        catalog: fetches what must be fetched to know a hash.
        base: the folder of the lock file, which paths are relative to.
    """

    def __init__(self, catalog: Catalog, base: Path) -> None:
        self._catalog = catalog
        self._base = base
        self._indexes = {
            split_credentials(url)[0].rstrip("/")
            for layer in catalog.settings.layers
            for url in (layer.index_url, *layer.extra_index_urls)
            if url is not None
        }

    def locked(self, links: Iterable[WheelLink]) -> dict[str, LockedWheel]:
        """URL -> locked wheel.

        Raises:
            VariantctlError: a file without a hash that proves anything cannot be fetched to make one.
        """
        links = sorted(links, key=lambda link: link.file.url)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            return dict(zip((link.file.url for link in links), pool.map(self._locked, links), strict=True))

    def index_of(self, file: RemoteFile) -> str | None:
        """The base URL of the index a file was found in; ``None`` for a folder or a page of links."""
        source = file.source.rstrip("/")
        return f"{source}/" if source in self._indexes and not is_file_url(source) else None

    def _locked(self, link: WheelLink) -> LockedWheel:
        file = link.file
        hashes = {name: digest for name, digest in file.hashes.items() if is_known(name)}
        size = file.size
        if not any(name in STRONG for name in hashes):
            fetched = self._catalog.fetch(link)
            hashes["sha256"] = fetched.sha256
            size = fetched.path.stat().st_size
        url: str | None = without_secrets(file.url)  # a lock is shared
        path = None
        if is_file_url(file.url):
            place = url_to_path(file.url)
            url, path, size = None, self._relative(place), place.stat().st_size
        elif size is None:
            size = self._remote_size(file.url)
        return LockedWheel(link.own_name, url, path, hashes, size, _moment(file.upload_time))

    def _relative(self, place: Path) -> str:
        """With ``/``, as PEP 751 has it for portability; absolute where no relative path leads there."""
        try:
            return PurePath(os.path.relpath(place, self._base)).as_posix()
        except ValueError:  # another drive
            return place.as_posix()

    def _remote_size(self, url: str) -> int | None:
        """What the server says when asked for one byte; ``None`` where it is silent: sizes are optional."""
        try:
            with self._catalog.client.stream(url, headers={"Range": "bytes=0-0"}, allow=(416,)) as stream:
                total = _TOTAL.match(stream.headers.get("content-range", ""))
                return int(total[1]) if total else (stream.length if stream.status == 200 else None)
        except (NetworkError, OfflineError):
            return None


def _moment(text: str | None) -> datetime | None:
    """PEP 700's ``yyyy-mm-ddThh:mm:ss.ffffffZ``; ``None`` for what is no moment in time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None
