"""A large zip that can be read while it is received: its end is fetched first, by a request of its own.

Nothing that is read here has been compared with a hash. Who reads ahead puts it to use only when the whole
file was found to be right, and ``is_same_as`` says that the end was that of the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Condition
from typing import TYPE_CHECKING

from variantctl.net.errors import NetworkError
from variantctl.net.ranges import SeekableReader, content_range, strong_validator

if TYPE_CHECKING:
    from pathlib import Path

    from variantctl.net.client import HttpClient

#: Smaller files (in bytes) are here before anything could be gained.
SMALLEST = 8 << 20
#: The directory, METADATA and RECORD lie in the last hundredth or so, of wheels of many small files too.
_LEAST_END, _PART_OF_END = 1 << 18, 64


class NotStreamable(Exception):  # noqa: N818  (the download says what went wrong)
    """What is read does not come any more, or not as it was announced."""


class StreamingZip(SeekableReader):
    """The bytes so far, and the end. A read waits until what it asks for is there; from any thread."""

    def __init__(self, client: HttpClient, url: str, handle: int, validator: str, size: int) -> None:
        super().__init__(size)
        self._client, self._url, self._validator = client, url, validator
        # Of our own: the download closes its handle when it is done.
        self._handle = os.dup(handle)
        self._reached = 0
        self._end: bytes | None = None
        self._given_up = False
        self._changed = Condition()

    def reach(self, prefix: int) -> None:
        """So many bytes from the start are there now."""
        with self._changed:
            self._reached = prefix
            self._changed.notify_all()

    def give_up(self) -> None:
        """No more will come, or nobody wants it: reads fail from now on."""
        with self._changed:
            self._given_up = True
            self._changed.notify_all()

    def read_at(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes, fewer at the end of the file only.

        Raises:
            NotStreamable: the download was given up, or began anew.
        """
        end = min(offset + size, self.size)
        if self._end is None:
            self._end = self._fetch_end()
        before_end = self.size - len(self._end)
        if offset >= before_end:
            return self._end[offset - before_end : max(offset, end) - before_end]
        if self._given_up or self._reached < end:
            with self._changed:
                self._changed.wait_for(lambda: self._given_up or self._reached >= end)
                if self._given_up:
                    raise NotStreamable
        return os.pread(self._handle, end - offset, offset)

    def is_same_as(self, path: Path) -> bool:
        """Whether all that was read is of the file that is whole now."""
        if self._given_up or self._end is None:
            return False
        with path.open("rb") as file:
            if file.seek(0, os.SEEK_END) != self.size or not os.path.samestat(
                os.fstat(file.fileno()), os.fstat(self._handle)
            ):
                return False
            file.seek(self.size - len(self._end))
            return file.read() == self._end

    def read(self, size: int = -1, /) -> bytes:
        piece = self.read_at(self.position, self.size - self.position if size < 0 else size)
        self.position += len(piece)
        return piece

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()

    def _fetch_end(self) -> bytes:
        start = max(0, self.size - max(_LEAST_END, self.size // _PART_OF_END))
        headers = {"Range": f"bytes={start}-{self.size - 1}", "If-Range": self._validator}
        try:
            with self._client.stream(self._url, headers=headers) as stream:
                same = strong_validator(stream.headers) in (None, self._validator)
                if not same or content_range(stream.headers) != (start, self.size, self.size):
                    raise NotStreamable
                end = stream.read(self.size - start)
        except NetworkError:
            raise NotStreamable from None
        if len(end) != self.size - start:
            raise NotStreamable
        return end


class TailFetch:
    """Lets a download be read before it is whole; the ``Partial`` says how far it is.

    Args:
        client: makes the request for the end.
        url: of the file.
        reader: called once at most, from the thread that receives; must return at once.
    """

    def __init__(self, client: HttpClient, url: str, reader: Callable[[StreamingZip], None]) -> None:
        self._client, self._url, self._reader = client, url, reader
        self._arriving: StreamingZip | None = None

    def begin(self, handle: int, validator: str | None, size: int | None) -> None:
        """A transfer begins, with nothing of the file here yet."""
        if self._arriving is not None or validator is None or size is None or size < SMALLEST:
            return
        if hasattr(os, "pread"):
            self._arriving = StreamingZip(self._client, self._url, handle, validator, size)
            self._reader(self._arriving)

    def reach(self, prefix: int) -> None:
        """So many bytes from the start are here."""
        if self._arriving is not None:
            self._arriving.reach(prefix)

    def give_up(self) -> None:
        """What was here is not any more, or no more will come."""
        if self._arriving is not None:
            self._arriving.give_up()
