"""Made in one thread, used in another: inflating a large file need not wait for its hash and its writing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Queue
from threading import Thread
from typing import cast

#: Pieces that are ready and not used yet; each may be some megabytes.
_READY = 2
_END = object()


def read_ahead(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same pieces, made by a thread of their own, which is a little ahead.

    Close what is returned, or use it up: the thread ends with it.

    Raises:
        BaseException: what making them raised, in its place.
    """
    queue: Queue[object] = Queue(_READY)
    stopped = False

    def make() -> None:
        end: object = _END
        try:
            for piece in pieces:
                if stopped:
                    break
                queue.put(piece)
        except BaseException as error:  # noqa: BLE001 - raised again where the pieces are used
            end = error
        queue.put(end)

    thread = Thread(target=make, name="variantctl-read-ahead", daemon=True)
    thread.start()
    last: object = None
    try:
        while not isinstance(last := queue.get(), BaseException) and last is not _END:
            yield cast(bytes, last)
        if isinstance(last, BaseException):
            raise last
    finally:
        stopped = True
        while last is not _END and not isinstance(last, BaseException):
            last = queue.get()
        thread.join()
