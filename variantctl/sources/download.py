"""One file from a URL, hashed while it is received; a transfer that breaks off goes on where it stopped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import BinaryIO, Protocol

from variantctl.sources.errors import NetworkError
from variantctl.sources.hashes import Digests
from variantctl.sources.http import HttpClient, Stream
from variantctl.sources.ranges import strong_validator

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)\s*\Z")


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
    file: BinaryIO,
    *,
    algorithms: Iterable[str] = (),
    headers: Mapping[str, str] | None = None,
    size: int | None = None,
    progress: Progress | None = None,
    cancel: Event | None = None,
) -> Download:
    """Write what is at *url* to *file*, in one pass.

    Args:
        client: makes the requests; its retry policy says how often a broken transfer is taken up again.
        url: ``http(s)://``.
        file: empty, seekable and writable.
        algorithms: digests to compute besides sha256.
        headers: of the request (validators).
        size: how long the file should be, where the index says so.
        progress: called with the bytes done and the total.
        cancel: when set, the download stops with ``Cancelled``.

    Raises:
        NetworkError: no connection, a bad status, or fewer bytes than announced after all retries.
    """
    transfer = _Transfer(file, tuple(algorithms), size, progress, cancel)
    for attempt in client.settings.retry.attempts(client.sleep):
        with attempt.catching():
            wanted = {**(headers or {}), **transfer.resume_headers()}
            with client.stream(url, headers=wanted, allow=(304, 416)) as stream:
                if stream.status == 304:
                    return Download(304, 0, {}, stream.headers)
                transfer.receive(stream)
            return Download(200, transfer.done, transfer.digests.result(), transfer.headers)
    raise AssertionError("the last attempt returns or raises")


class _Transfer:
    """The state that survives a broken connection: the bytes so far, their digests, their validator."""

    def __init__(
        self,
        file: BinaryIO,
        algorithms: tuple[str, ...],
        size: int | None,
        progress: Progress | None,
        cancel: Event | None,
    ) -> None:
        self._file = file
        self._algorithms = algorithms
        self._size = size
        self._progress = progress
        self._cancel = cancel
        self._validator: str | None = None
        self.headers: Mapping[str, str] = {}
        self._restart()

    def _restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.done = 0
        self.digests = Digests(self._algorithms)

    def resume_headers(self) -> dict[str, str]:
        """Ask for the rest, if it is of the same file as what is there (RFC 9110, 13.1.5)."""
        if not self.done or self._validator is None:
            return {}
        return {"Range": f"bytes={self.done}-", "If-Range": self._validator}

    def receive(self, stream: Stream) -> None:
        """Take what the server sends, to its end.

        Raises:
            NetworkError: it ended early, or is not what was asked for.
        """
        total = self._begin(stream)
        for chunk in stream.chunks():
            if self._cancel is not None and self._cancel.is_set():
                raise Cancelled
            self._file.write(chunk)
            self.digests.update(chunk)
            self.done += len(chunk)
            if self._progress is not None:
                self._progress(self.done, total)
        if total is not None and self.done != total:
            raise NetworkError(
                f"{stream.url}: {self.done:,} bytes came of {total:,}",
                url=stream.url,
                transient=True,
                hint="The transfer broke off, or the index lists another size; try again.",
            )

    def _begin(self, stream: Stream) -> int | None:
        """Line up with the answer: the rest of the file, or all of it. Returns the total size, if known."""
        match = _CONTENT_RANGE.match(stream.headers.get("content-range", ""))
        if stream.status == 206 and match is not None and int(match[1]) == self.done and self.done:
            return int(match[2])
        self._restart()
        if stream.status in (206, 416):
            self._validator = None
            raise NetworkError(
                f"{stream.url}: the server sent another part of the file than was asked for",
                url=stream.url,
                transient=True,
            )
        self.headers = stream.headers
        self._validator = strong_validator(stream.headers)
        return stream.length if stream.length is not None else self._size
