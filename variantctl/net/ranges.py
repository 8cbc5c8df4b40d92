"""What files that are read from afar have in common: a size, and a position that seeking alone moves."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from variantctl.net.errors import NetworkError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from variantctl.net.client import HttpClient, Stream


class SeekableReader(io.RawIOBase):
    """A read-only file of a known size. What inherits from it reads at ``position``, and moves it on.

    Attributes:
        size: in bytes.
        position: where the next read begins.
    """

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.size = size
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self.position = base + offset
        return self.position


BLOCK = 16 * 1024
TAIL = 4 * BLOCK
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})\s*\Z")
_REFUSALS = (400, 405, 416, 501)
#: What servers say to a range that they do not give. The last three too, though the file is there (so Nexus
#: answers to the last bytes of a file): whether it is, only a request for all of it can tell.
REFUSALS = (*_REFUSALS, 403, 404, 410)


class RangesUnsupported(Exception):  # noqa: N818  (a condition to handle, not an error to show)
    """The server does not give parts of the file, or the file changed in between: fetch it whole."""


class RangeFile(SeekableReader):
    """A read-only, seekable view of a remote file. Opening it fetches the end, where a zip's directory is.

    Blocks of 16 KiB are fetched at most once; neighbouring missing blocks with one request.

    Raises:
        RangesUnsupported: when opened or read.
        NetworkError: the server cannot be reached, or has no such file.
    """

    def __init__(self, client: HttpClient, url: str, size: int | None = None) -> None:
        super().__init__(size or 0)
        self._client = client
        self._url = url
        self._blocks: dict[int, bytes] = {}
        self._validator: str | None = None
        if size is None or size > TAIL:
            self._open_tail(size)
        else:
            self._fetch(0, size)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        start, end = self.position, min(self.position + len(view), self.size)
        if start >= end:
            return 0
        self._require(start, end)
        first = start // BLOCK
        data = b"".join(self._blocks[index] for index in range(first, (end - 1) // BLOCK + 1))
        view[: end - start] = data[start - first * BLOCK : end - first * BLOCK]
        self.position = end
        return end - start

    def _require(self, start: int, end: int) -> None:
        """Fetch the missing blocks of ``[start, end)``, each run of neighbours with one request."""
        missing = [i for i in range(start // BLOCK, (end - 1) // BLOCK + 1) if i not in self._blocks]
        while missing:
            run = 1
            while run < len(missing) and missing[run] == missing[0] + run:
                run += 1
            self._fetch(missing[0] * BLOCK, min((missing[0] + run) * BLOCK, self.size))
            del missing[:run]

    def _open_tail(self, size: int | None) -> None:
        if size is None:
            self._request(f"bytes=-{TAIL}", None)
        else:
            self._fetch((size - TAIL) // BLOCK * BLOCK, size)

    def _fetch(self, start: int, end: int) -> None:
        if start < end:
            self._request(f"bytes={start}-{end - 1}", (start, end))

    def _request(self, wanted: str, expected: tuple[int, int] | None) -> None:
        headers = {"Range": wanted}
        if self._validator:
            headers["If-Range"] = self._validator
        for attempt in self._client.settings.retry.attempts(self._client.sleep):
            with (
                attempt.catching(),
                self._client.stream(self._url, headers=headers, allow=_REFUSALS) as stream,
            ):
                start, end = self._check(stream, expected)
                data = stream.read(end - start)
                if len(data) != end - start:
                    raise NetworkError(
                        f"{self._url}: {len(data)} bytes came of a range of {end - start}",
                        url=self._url,
                        transient=True,
                    )
                self._keep(start, data)
                return

    def _check(self, stream: Stream, expected: tuple[int, int] | None) -> tuple[int, int]:
        """The range that came; only the one asked for, of the same file as before, will do."""
        given = content_range(stream.headers)
        if stream.status != 206 or given is None:
            raise RangesUnsupported(f"status {stream.status}")
        start, end, size = given
        tail = expected is None and end == size and 0 < end - start <= TAIL
        if not (tail or (start, end) == expected) or (self.size and size != self.size):
            raise RangesUnsupported("another range came than was asked for")
        validator = strong_validator(stream.headers)
        if self._validator and validator != self._validator:
            raise RangesUnsupported("the file changed while it was read")
        self.size, self._validator = size, validator
        return start, end

    def _keep(self, start: int, data: bytes) -> None:
        """Keep the whole blocks of *data*; the start of a tail of a file of unknown size is cut off."""
        skip = -start % BLOCK
        for offset in range(skip, len(data), BLOCK):
            self._blocks[(start + offset) // BLOCK] = data[offset : offset + BLOCK]


def content_range(headers: Mapping[str, str]) -> tuple[int, int, int] | None:
    """The part ``[start, end)`` that an answer holds, and the size of the whole (RFC 9110, 14.4)."""
    match = _CONTENT_RANGE.match(headers.get("content-range", ""))
    return None if match is None else (int(match[1]), int(match[2]) + 1, int(match[3]))


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """The strong ETag, which alone may be used to ask for more of the same bytes (RFC 9110, 13.1.5)."""
    etag = headers.get("etag", "")
    return etag if etag and not etag.startswith("W/") else None
