"""Index pages on disk, kept as HTTP's caching says, and ten minutes where the server says nothing.

Sources of the rules: RFC 9111 (freshness, validation), RFC 9110, 13.1 (conditional requests). A page that is
fresh is read without touching the network or importing the HTTP library.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import time
from collections.abc import Collection, Mapping

from variantctl.cache.buckets import PAGES, PROJECTS
from variantctl.cache.folder import Cache
from variantctl.net.auth import split_url
from variantctl.net.client import HttpClient, Response
from variantctl.net.errors import OfflineError
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import is_file_url
from variantctl.values import dataclass
from variantctl.variants.digits import whole_number

DEFAULT_LIFETIME = 600.0
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?([0-9]+)")
_KEPT_HEADERS = ("content-type", "etag", "last-modified", "cache-control", "expires", "date")
_ABSENT = (404, 410)


@dataclass(frozen=True)
class _Entry:
    """A stored answer, and until when (seconds since the epoch) it may be used without asking."""

    response: Response
    fresh_until: float


class CachedPages:
    """GET with a memory: what the resolver reads of indexes goes through here.

    Attributes:
        client: makes the requests that remain.
        refresh: ask again (validators are still sent, so an unchanged page costs no transfer).
    """

    def __init__(self, client: HttpClient, cache: Cache, *, refresh: bool = False) -> None:
        self.client = client
        self.refresh = refresh
        self._cache = cache

    def get(
        self,
        url: str,
        *,
        accept: str,
        refresh: bool | None = None,
        patience: float | None = None,
        allow: Collection[int] = (),
    ) -> Response:
        """The page at *url*: status 200, or 404 where there is none (that is remembered too).

        Args:
            url: ``http(s)://``, or ``file://`` (never stored).
            accept: the Accept header; part of the key.
            refresh: whether to ask even where the stored page is fresh; ``None``: as this object does.
            patience: as in ``HttpClient.get``.
            allow: more statuses that are returned, and not stored.

        Raises:
            NetworkError: as ``HttpClient.get``.
            OfflineError: offline, and the page was never stored.
        """
        if is_file_url(url):
            return self.client.get(url, allow=_ABSENT)
        key = (split_url(url)[0], accept)
        entry = self._load(key)
        offline = self.client.settings.offline
        again = self.refresh if refresh is None else refresh
        if entry is not None and (offline or (time.time() < entry.fresh_until and not again)):
            return entry.response
        if offline:
            raise OfflineError(
                f"{key[0]} is not in the cache",
                url=key[0],
                hint="Run the command once without --offline, so that the page is stored.",
            )
        # Where somebody is asking for it already, or was until just now, what they get will do.
        with self._cache.exclusive_lock(PAGES, *key, hold_after_waiting=False):
            theirs = self._load(key)
            if theirs is not None and time.time() < theirs.fresh_until and theirs != entry:
                return theirs.response
            return self._ask(url, key, entry, patience, allow)

    def _ask(
        self,
        url: str,
        key: tuple[str, str],
        entry: _Entry | None,
        patience: float | None,
        allow: Collection[int],
    ) -> Response:
        """The page from the index, or the stored one where the index says that it has not changed."""
        validators = _validators(entry.response.headers) if entry is not None else {}
        response = self.client.get(
            url, accept=key[1], headers=validators, allow=(*_ABSENT, 304, 403, *allow), patience=patience
        )
        if response.status == 304 and entry is not None:
            headers = {**entry.response.headers, **_kept(response.headers)}
            response = Response(entry.response.url, entry.response.status, headers, entry.response.content)
        self._store(key, response)
        return response

    def forget(self, url: str, *, accept: str) -> None:
        """Take a stored page away: what it says is no page of an index."""
        with contextlib.suppress(OSError):
            self._cache.path(PAGES, split_url(url)[0], accept).unlink()

    def identity(self, url: str, *, accept: str) -> str | None:
        """The sha256 of the stored page that ``get`` would answer with; ``None`` where it would ask."""
        key = (split_url(url)[0], accept)
        path = self._cache.path(PAGES, *key)
        try:
            with path.open("rb") as file:
                stored = json.loads(file.readline())
            usable = self.client.settings.offline or (
                time.time() < float(stored["fresh_until"]) and not self.refresh
            )
            if usable and stored["status"] == 200 and stored["key"] == list(key):
                return str(stored["sha256"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def read_derived(self, url: str, digest: str) -> bytes | None:
        """What was made of the page with that sha256, or ``None``."""
        return self._cache.read(PROJECTS, url, digest)

    def write_derived(self, url: str, digest: str, data: bytes) -> None:
        """Keep what was made of a page."""
        self._cache.write(data, PROJECTS, url, digest)

    def is_stored(self, url: str, *, accept: str) -> bool:
        """Whether ``get`` would answer without a request."""
        entry = self._load((split_url(url)[0], accept))
        return entry is not None and time.time() < entry.fresh_until and not self.refresh

    def _load(self, key: tuple[str, str]) -> _Entry | None:
        """The stored answer; a damaged or truncated entry counts as none."""
        try:
            with self._cache.path(PAGES, *key).open("rb") as file:
                data = file.read()
        except OSError:
            return None
        head, _, body = data.partition(b"\n")
        try:
            stored = json.loads(head)
            if stored["length"] != len(body) or stored["key"] != list(key):
                return None
            response = Response(stored["url"], stored["status"], stored["headers"], body)
            return _Entry(response, float(stored["fresh_until"]))
        except (ValueError, KeyError, TypeError):
            return None

    def _store(self, key: tuple[str, str], response: Response) -> None:
        control = response.headers.get("cache-control", "").lower()
        if "no-store" in control or response.status not in (200, *_ABSENT):
            return
        fresh_until = time.time() + lifetime(response.headers)
        head = {
            "key": list(key),
            "url": without_secrets(response.url),
            "status": response.status,
            "headers": _kept(response.headers),
            "length": len(response.content),
            "sha256": hashlib.sha256(response.content).hexdigest(),
            "fresh_until": fresh_until,
        }
        path = self._cache.path(PAGES, *key)
        with self._cache.writing(path) as file:
            file.write(json.dumps(head).encode() + b"\n" + response.content)


def lifetime(headers: Mapping[str, str]) -> float:
    """Seconds for which an answer may be used without asking again (RFC 9111, 4.2.1)."""
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return 0.0
    spent = float(whole_number(headers.get("age", "").strip()) or 0)
    match = _MAX_AGE.search(control)
    if match:
        return max(0.0, float(match[1]) - spent)
    if "expires" in headers:
        from email.utils import parsedate_to_datetime

        try:
            expires = parsedate_to_datetime(headers["expires"]).timestamp()
            date = parsedate_to_datetime(headers["date"]).timestamp() if "date" in headers else time.time()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0
        return max(0.0, expires - date - spent)
    return DEFAULT_LIFETIME


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    wanted = {"if-none-match": headers.get("etag"), "if-modified-since": headers.get("last-modified")}
    return {name: value for name, value in wanted.items() if value}


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in _KEPT_HEADERS if name in headers}
