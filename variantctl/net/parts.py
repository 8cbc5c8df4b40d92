"""The rest of a large file by several connections at once, each asking for one part after another.

Ranges are of one and the same file as the strong validator says (RFC 9110, 13.1.5 and 14).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Event

from variantctl.net.client import HttpClient
from variantctl.net.errors import NetworkError
from variantctl.net.partial import Partial
from variantctl.net.ranges import REFUSALS, RangesUnsupported, content_range, strong_validator
from variantctl.values import dataclass


@dataclass(frozen=True)
class Splitting:
    """When one connection is not enough, and what is done then.

    Attributes:
        smallest: files of fewer bytes are left alone.
        after: seconds for which one connection is watched first.
        remaining: so many seconds it must still need by then, at the speed that was seen.
        connections: how many take over.
        part: bytes of each request.
    """

    smallest: int = 32 << 20
    after: float = 1.0
    remaining: float = 2.0
    connections: int = 4
    part: int = 8 << 20

    def is_due(self, size: int, done: int, fresh: int, seconds: float) -> bool:
        """Whether to split now: *done* bytes are here, *fresh* of them came in the last *seconds*."""
        if size < self.smallest or seconds < self.after:
            return False
        return (size - done) * seconds > self.remaining * fresh


def fetch_parts(
    client: HttpClient,
    url: str,
    partial: Partial,
    splitting: Splitting,
    advance: Callable[[int], None],
    stop: Event,
) -> Iterator[None]:
    """Fetch every part that *partial* lacks; yields whenever one more is here.

    Args:
        client: makes the requests, and says how often each is tried.
        url: of the file whose strong validator and size *partial* knows.
        partial: gets the parts.
        splitting: how large they are, and how many are fetched at once.
        advance: called with the bytes that came, from several threads.
        stop: when set, threads give up at the next piece; it is set when this ends early.

    Raises:
        RangesUnsupported: the server does not give parts, or the file is another one now.
        NetworkError: a part could not be had after all retries; the others are kept.
    """
    missing = partial.missing(splitting.part)
    with ThreadPoolExecutor(splitting.connections, thread_name_prefix="variantctl-part") as pool:
        running = {pool.submit(_fetch_part, client, url, partial, part, advance, stop) for part in missing}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for task in done:
                    task.result()
                yield
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _fetch_part(
    client: HttpClient,
    url: str,
    partial: Partial,
    part: tuple[int, int],
    advance: Callable[[int], None],
    stop: Event,
) -> None:
    start, end = part
    at = start
    for attempt in client.settings.retry.attempts(client.sleep):
        headers = {"Range": f"bytes={at}-{end - 1}", "If-Range": partial.validator or ""}
        with attempt.catching(), client.stream(url, headers=headers, allow=REFUSALS) as stream:
            same = strong_validator(stream.headers) in (None, partial.validator)
            if stream.status != 206 or not same:
                raise RangesUnsupported(f"status {stream.status}")
            if content_range(stream.headers) != (at, end, partial.size):
                raise RangesUnsupported("another range came than was asked for")
            for chunk in stream.chunks():
                if stop.is_set():
                    return
                if at + len(chunk) > end:
                    raise RangesUnsupported("more came than was asked for")
                partial.write_at(at, chunk)
                at += len(chunk)
                advance(len(chunk))
            if at != end:
                raise NetworkError(
                    f"{url}: {at - start:,} bytes came of a part of {end - start:,}", url=url, transient=True
                )
            partial.complete(start, end)
            return
