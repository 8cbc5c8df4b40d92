"""The content codings of HTTP (RFC 9110, 8.4), undone piece by piece and never beyond bounds.

One coding is taken, of those that were asked for: gzip (``x-gzip`` is the same, 8.4.1.3) and deflate. Two on
top of each other make gigabytes of a few kilobytes, and no index has a use for them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from variantctl.net.errors import NetworkError

ACCEPTED = "gzip, deflate"
"""The Accept-Encoding header that goes with it."""

_PIECE = 256 * 1024
#: What a page unpacks to may be so many times its size; less than ``_FLOOR`` bytes always.
MOST_TIMES = 100
_FLOOR = 4 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_Inflater = Callable[[bytes], "zlib._Decompress"]


def decoded(chunks: Iterator[bytes], coding: str, url: str, *, limited: bool = True) -> Iterator[bytes]:
    """The body of an answer, in pieces of 256 KiB at most.

    Args:
        chunks: the body as it was sent.
        coding: the ``Content-Encoding`` header; ``""``: none.
        url: for messages.
        limited: whether more than ``MOST_TIMES`` its size is refused.

    Raises:
        NetworkError: another coding than those that were asked for, damaged data, or too much of it.
    """
    names = [
        name for name in (part.strip().lower() for part in coding.split(",")) if name not in ("", "identity")
    ]
    if not names:
        return chunks
    if len(names) > 1 or names[0] not in _INFLATERS:
        raise NetworkError(
            f"{url} answered in the content coding {', '.join(names)!r}, which was not asked for",
            url=url,
            hint="The server, or a proxy on the way, must send pages as they are, or in one coding of these: "
            "gzip or deflate.",
        )
    return _Inflating(url, _INFLATERS[names[0]], limited).pieces(chunks)


class _Inflating:
    """One compressed body, as far as it was read."""

    def __init__(self, url: str, inflater: _Inflater, limited: bool) -> None:
        self._url, self._inflater, self._limited = url, inflater, limited
        self._read = self._given = 0

    def pieces(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """What the chunks unpack to."""
        stream: zlib._Decompress | None = None
        for chunk in chunks:
            self._read += len(chunk)
            left = chunk
            while left:
                if stream is None or stream.eof:
                    if stream is not None and not left.startswith(_GZIP[:1]):
                        return  # padding after the end, which gzip itself ignores too
                    stream = self._inflater(left)
                yield from self._inflate(stream, left)
                left = stream.unused_data
        if stream is not None and not stream.eof:
            raise NetworkError(f"{self._url}: the compressed answer broke off", url=self._url, transient=True)

    def _inflate(self, stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = stream.decompress(data, _PIECE)
            except zlib.error as error:
                raise NetworkError(f"{self._url}: damaged compressed data: {error}", url=self._url) from None
            self._count(len(piece))
            if piece:
                yield piece
            data = stream.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return

    def _count(self, size: int) -> None:
        self._given += size
        if self._limited and self._given > max(_FLOOR, MOST_TIMES * self._read):
            raise NetworkError(
                f"{self._url}: the answer unpacks to more than {MOST_TIMES} times its size",
                url=self._url,
                hint="No page of an index does that; check the index URL.",
            )


def _gunzip(_first: bytes) -> zlib._Decompress:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _undeflate(first: bytes) -> zlib._Decompress:
    """The zlib format, as RFC 9110 has it, or bare deflate data, as some servers send."""
    wrapped = first[0] & 0x0F == 8 and (len(first) < 2 or (first[0] << 8 | first[1]) % 31 == 0)
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


_INFLATERS: dict[str, _Inflater] = {"gzip": _gunzip, "x-gzip": _gunzip, "deflate": _undeflate}
