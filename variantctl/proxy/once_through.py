"""A remote wheel that is read twice over: here and there at its end, then once from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from variantctl.proxy.errors import BrokenOffError
from variantctl.sources.hashes import Digests, check
from variantctl.sources.ranges import RangeFile
from variantctl.sources.seekable import SeekableReader

if TYPE_CHECKING:
    from variantctl.sources.files import RemoteFile
    from variantctl.sources.http import HttpClient


class OnceThrough(SeekableReader):
    """Read-only and seekable; after ``start`` forwards only, by one request. Every byte of that is hashed.

    Raises:
        RangesUnsupported: when opened: the server gives no parts of the file.
        NetworkError, OfflineError: it cannot be had.
    """

    def __init__(self, client: HttpClient, file: RemoteFile) -> None:
        super().__init__()
        self._client = client
        self._file = file
        self._parts = RangeFile(client, file.url, file.size)
        self.size = self._parts.size
        self._stream = ExitStack()
        self._pieces: Iterator[bytes] | None = None
        self._digests = Digests(file.hashes)
        self._buffer = b""
        self._done = 0

    def start(self) -> None:
        """From here on, read once through."""
        stream = self._stream.enter_context(self._client.stream(self._file.url))
        if stream.length not in (None, self.size):
            raise BrokenOffError(f"{self._file.url} changed while it was read")
        self._pieces = stream.chunks()

    def finish(self) -> None:
        """Read what is left, and check all of it.

        Raises:
            HashMismatch: the bytes are not those that the source promises.
        """
        while self._take(1 << 18):
            pass
        check(
            self._file.filename,
            self._digests.result(),
            self._file.hashes,
            promised_by=self._file.source or "its source",
            read_from=self._file.url,
        )

    def close(self) -> None:
        self._stream.close()
        super().close()

    def read(self, size: int | None = -1) -> bytes:
        wanted = self.size - self.position if size is None or size < 0 else size
        if self._pieces is None:
            self._parts.seek(self.position)
            data = self._parts.read(wanted) or b""
        else:
            data = self._forwards(wanted)
        self.position += len(data)
        return data

    def _forwards(self, wanted: int) -> bytes:
        if self.position < self._done:
            raise BrokenOffError(f"{self._file.filename}: its files do not lie in the order of their offsets")
        while self._done < self.position:
            if not self._take(self.position - self._done):
                return b""
        found = []
        while wanted > 0 and (piece := self._take(wanted)):
            found.append(piece)
            wanted -= len(piece)
        return b"".join(found)

    def _take(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        assert self._pieces is not None
        if not self._buffer:
            self._buffer = next(self._pieces, b"")
            self._digests.update(self._buffer)
        taken, self._buffer = self._buffer[:most], self._buffer[most:]
        self._done += len(taken)
        return taken
