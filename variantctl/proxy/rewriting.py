"""Wheels whose METADATA has variant markers, made readable on their way to tools that cannot read those.

The wheel passes through: it is neither kept nor held in memory. Its own hash is checked before its last bytes
are let go, so that a client never gets the whole of one that was changed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from variantctl.net.hashes import Digests, check
from variantctl.net.ranges import RangeFile, RangesUnsupported, SeekableReader
from variantctl.proxy.errors import BrokenOffError
from variantctl.serving.files import content_type
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.substitution import Substitution

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import WheelLink
    from variantctl.net.client import HttpClient
    from variantctl.net.remote_file import RemoteFile

_PIECE = 64 * 1024
_AHEAD = 8


class _GoneError(Exception):
    """Nobody waits for the wheel any more."""


class Rewriting:
    """One wheel with another METADATA, as it is sent. Opening reads its directory; to be called in a thread.

    Args:
        package_finder: where the wheel is.
        link: the wheel.
        metadata: what its METADATA becomes.
    """

    def __init__(self, package_finder: PackageFinder, link: WheelLink, metadata: bytes) -> None:
        with ExitStack() as opened:
            self._file = opened.enter_context(_open(package_finder, link))
            archive = WheelArchive.from_file(cast(BinaryIO, self._file), link.own_name)
            self._substitution = Substitution(archive, metadata)
            self._opened = opened.pop_all()
        self.size = self._substitution.size

    def close(self) -> None:
        """Give the file, or the connection, back."""
        self._opened.close()

    def send_to(self, put: Callable[[bytes], None]) -> None:
        """Write the wheel, piece by piece; the last one only once the original was found to be right.

        Raises:
            HashMismatch, NetworkError, WheelError: it is not, or breaks off.
        """
        pieces = _Pieces(put)
        if isinstance(self._file, OnceThrough):
            self._file.start()
        self._substitution.write(cast(BinaryIO, pieces))
        if isinstance(self._file, OnceThrough):
            self._file.finish()
        pieces.end()


class RewrittenResponse(StreamingResponse):
    """The answer whose body is a rewriting."""

    def __init__(self, rewriting: Rewriting, filename: str) -> None:
        self._rewriting = rewriting
        headers = {
            "Content-Length": str(rewriting.size),
            "Accept-Ranges": "none",
            "Cache-Control": "no-cache",
        }
        super().__init__(_flow(rewriting), headers=headers, media_type=content_type(filename))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD":
            self._rewriting.close()
            self.body_iterator = _nothing()
        await super().__call__(scope, receive, send)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _flow(rewriting: Rewriting) -> AsyncIterator[bytes]:
    """What a thread of its own writes, no faster than it is read."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(_AHEAD)
    gone = threading.Event()

    def put(item: bytes | BaseException | None) -> None:
        if gone.is_set():
            raise _GoneError
        asyncio.run_coroutine_threadsafe(queue.put(item), loop).result()

    def produce() -> None:
        with suppress(_GoneError, RuntimeError):  # RuntimeError: the loop ended before us
            try:
                rewriting.send_to(put)
                put(None)
            except _GoneError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again by whoever reads
                put(error)
            finally:
                rewriting.close()

    threading.Thread(target=produce, name="variantctl-rewriting", daemon=True).start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        gone.set()
        while not queue.empty():
            queue.get_nowait()


class _Pieces:
    """Gathers what is written into pieces, and holds the last one back."""

    def __init__(self, put: Callable[[bytes], None]) -> None:
        self._put = put
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._buffer += data
        if len(self._buffer) > 2 * _PIECE:
            self._put(bytes(self._buffer[:-_PIECE]))
            del self._buffer[:-_PIECE]
        return len(data)

    def end(self) -> None:
        self._put(bytes(self._buffer))


def _open(package_finder: PackageFinder, link: WheelLink) -> BinaryIO | OnceThrough:
    if not link.file.url.startswith("file:") and package_finder.stored(link.file) is None:
        with suppress(RangesUnsupported):
            return OnceThrough(package_finder.client, link.file)
    # On this machine already, or fetched to be: no other way is left.
    return package_finder.fetch(link).path.open("rb")


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
