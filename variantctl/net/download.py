"""One file from a URL, hashed while it is received; a transfer that breaks off goes on where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from threading import Event, Lock
from typing import BinaryIO, Protocol

from variantctl.net.client import HttpClient, Stream
from variantctl.net.errors import NetworkError, SizeMismatch
from variantctl.net.hashes import Digests
from variantctl.net.partial import Partial
from variantctl.net.parts import Splitting, fetch_parts
from variantctl.net.ranges import REFUSALS, RangesUnsupported, content_range, strong_validator
from variantctl.values import dataclass

SPLITTING = Splitting()
MOST_BYTES = 64 << 30
"""A file that nobody said the size of may be so long: more than any wheel, less than a server can send."""
#: In bytes: how much may come before it is looked again whether there is room.
_LOOK_AFTER = 64 << 20


class Progress(Protocol):
    """Called as bytes arrive, from the thread that receives them."""

    def __call__(self, done_bytes: int, total: int | None, /) -> None: ...


class Cancelled(Exception):  # noqa: N818  (another download failed; this one was told to stop)
    """The download was given up because it is not wanted any more."""


@dataclass(frozen=True)
class Download:
    """What came.

    Attributes:
        status: 200, or 304 where a conditional request found nothing new (then nothing was written).
        size: in bytes.
        hashes: algorithm -> digest of what was written.
        headers: of the answer, names in lower case.
    """

    status: int
    size: int
    hashes: Mapping[str, str]
    headers: Mapping[str, str]


def download(
    client: HttpClient,
    url: str,
    into: BinaryIO | Partial,
    *,
    algorithms: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    cancel: Event | None = None,
    splitting: Splitting | None = SPLITTING,
) -> Download:
    """Fetch what is at *url*, in one pass; of a large file on a slow way several parts at once.

    Args:
        client: makes the requests; its retry policy says how often a broken transfer is taken up again.
        url: ``http(s)://``.
        into: an empty, seekable and writable file, or what an earlier run left of this one.
        algorithms: digests to compute besides sha256.
        headers: of the request (validators).
        size: how long the file is, where the index or the lock says so; no more than that is taken.
        progress: called with the bytes done and the total.
        cancel: when set, the download stops with ``Cancelled``.
        splitting: when to use several connections; ``None``: never. Takes a file on disk.

    Raises:
        NetworkError: no connection, a bad status, or fewer bytes than announced after all retries.
        SizeMismatch: it is not so long as *size*, or longer than ``MOST_BYTES``.
        NoSpaceError: there is no room for it.
    """
    partial = into if isinstance(into, Partial) else Partial(into)
    transfer = _Transfer(partial, tuple(algorithms), size, progress, cancel)
    transfer.splitting = splitting if isinstance(into, Partial) else None
    while True:
        if not partial.spans and partial.prefix != partial.size:
            unchanged = _by_one(client, url, transfer, headers)
            if unchanged is not None:
                return unchanged
        try:
            if partial.size is not None and partial.done < partial.size:
                transfer.receive_parts(client, url)
            return Download(200, partial.prefix, transfer.digests.result(), transfer.headers)
        except RangesUnsupported:
            # Only what one connection gives in one go can be relied on.
            transfer.splitting = None
            transfer.restart()


def _by_one(
    client: HttpClient, url: str, transfer: _Transfer, headers: Mapping[str, str] | None
) -> Download | None:
    """Receive from one connection, until all is here or more should help; a 304 is given back."""
    for attempt in client.settings.retry.attempts(client.sleep):
        with attempt.catching():
            wanted = {**(headers or {}), **transfer.resume_headers()}
            allow = (304, *REFUSALS) if "Range" in wanted else (304, 416)
            with client.stream(url, headers=wanted, allow=allow) as stream:
                if stream.status == 304:
                    return Download(304, 0, {}, stream.headers)
                transfer.receive(stream)
            return None
    raise AssertionError("the last attempt returns or raises")


class _Transfer:
    """The state that survives a broken connection: the bytes so far and their digests."""

    def __init__(
        self,
        partial: Partial,
        algorithms: tuple[str, ...],
        size: int | None,
        progress: Progress | None,
        cancel: Event | None,
    ) -> None:
        self._partial = partial
        self._algorithms = algorithms
        self._size = size
        self._most = MOST_BYTES if size is None else size
        self._room_until = 0
        self._progress = progress
        self._cancel = cancel
        self._lock = Lock()
        self._told = partial.done
        self.splitting: Splitting | None = None
        self.headers: Mapping[str, str] = {}
        self.digests = Digests(algorithms)
        self._hashed = 0
        self._hash_up_to(partial.prefix)

    def restart(self) -> None:
        """Begin again, with nothing."""
        self._partial.restart()
        self._told = self._hashed = 0
        self.digests = Digests(self._algorithms)

    def resume_headers(self) -> dict[str, str]:
        """Ask for the rest, if it is of the same file as what is there (RFC 9110, 13.1.5)."""
        partial = self._partial
        if not partial.prefix or partial.validator is None or partial.prefix == partial.size:
            return {}
        return {"Range": f"bytes={partial.prefix}-", "If-Range": partial.validator}

    def receive(self, stream: Stream) -> None:
        """Take what the server sends, to its end, or until more connections should be faster.

        Raises:
            NetworkError: it ended early, or is not what was asked for.
        """
        partial = self._partial
        total = self._begin(stream)
        started, before = time.monotonic(), partial.prefix
        partial.file.seek(before)
        for chunk in stream.chunks():
            self._check_cancelled()
            self._check_size(stream.url, partial.prefix + len(chunk))
            partial.append(chunk)
            self.digests.update(chunk)
            self._hashed = partial.prefix
            self._advance(len(chunk), total)
            if total is not None and self._is_split_due(stream, total, partial.prefix - before, started):
                partial.split()
                return
        if total is not None and partial.prefix != total:
            raise NetworkError(
                f"{stream.url}: {partial.prefix:,} bytes came of {total:,}",
                url=stream.url,
                transient=True,
                hint="The transfer broke off, or the index lists another size; try again.",
            )

    def receive_parts(self, client: HttpClient, url: str) -> None:
        """Take what is missing by several connections; hash what is whole meanwhile."""
        partial, stop = self._partial, Event()

        def advance(size: int) -> None:
            if self._cancel is not None and self._cancel.is_set():
                stop.set()
            self._advance(size, partial.size)

        for _ in fetch_parts(client, url, partial, self.splitting or SPLITTING, advance, stop):
            self._check_cancelled()
            partial.join()
            self._hash_up_to(partial.prefix)
        self._check_cancelled()
        partial.join()
        self._hash_up_to(partial.prefix)

    def _is_split_due(self, stream: Stream, total: int, fresh: int, started: float) -> bool:
        return (
            self.splitting is not None
            and self._partial.validator is not None
            and (stream.status == 206 or stream.headers.get("accept-ranges", "").lower() == "bytes")
            and self.splitting.is_due(total, self._partial.prefix, fresh, time.monotonic() - started)
        )

    def _begin(self, stream: Stream) -> int | None:
        """Line up with the answer: the rest of the file, or all of it. Returns the total size, if known."""
        given, partial = content_range(stream.headers), self._partial
        rest = (partial.prefix, partial.size, partial.size)
        if stream.status == 206 and given == rest and partial.prefix:
            self.headers = stream.headers
            return partial.size
        self.restart()
        if stream.status in (206, *REFUSALS):
            raise NetworkError(
                f"{stream.url}: the server sent another part of the file than was asked for",
                url=stream.url,
                transient=True,
            )
        self.headers = stream.headers
        total = stream.length if stream.length is not None else self._size
        if total is not None:
            self._check_size(stream.url, total, whole=True)
            partial.check_room(total)
        partial.begin(strong_validator(stream.headers), total)
        return total

    def _check_size(self, url: str, size: int, *, whole: bool = False) -> None:
        """Refuse the first byte too much, and a whole file of another size; look whether there is room."""
        if size > self._most or (whole and self._size is not None and size != self._size):
            self._partial.restart()
            promised = f"{self._most:,} bytes" if self._size is not None else f"at most {self._most:,} bytes"
            raise SizeMismatch(
                f"{url}: {size:,} bytes or more come, and it should have {promised}",
                hint="Do not install this file; tell whoever publishes it, or lock again.",
            )
        if not whole and size > self._room_until:
            self._partial.check_room(size)
            self._room_until = size + _LOOK_AFTER

    def _advance(self, size: int, total: int | None) -> None:
        if self._progress is not None:
            with self._lock:
                self._told += size
                self._progress(self._told, total)

    def _hash_up_to(self, end: int) -> None:
        while self._hashed < end:
            piece = self._partial.read_at(self._hashed, end - self._hashed)
            if not piece:
                raise NetworkError("the partial download was cut short behind our back", url="")
            self.digests.update(piece)
            self._hashed += len(piece)

    def _check_cancelled(self) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled
