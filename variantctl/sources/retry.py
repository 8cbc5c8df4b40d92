"""When a failed request is tried again, and after how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from variantctl.sources.errors import NetworkError
from variantctl.values import dataclass

_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class RetryPolicy:
    """How failures are tried again.

    Attributes:
        retries: how many times after the first.
        backoff: seconds before the first retry; doubled for each one more, with jitter.
        longest: no single wait is longer, whatever ``Retry-After`` asks for.
    """

    retries: int = 3
    backoff: float = 0.3
    longest: float = 30.0

    def attempts(self, sleep: Callable[[float], None] = time.sleep) -> Iterator[Attempt]:
        """One ``Attempt`` after another; the loop ends by the caller's return, or by the last one's error."""
        for number in range(self.retries + 1):
            attempt = Attempt(last=number == self.retries, number=number)
            yield attempt
            if attempt.error is None:
                return
            sleep(self.wait(number, attempt.error))

    def wait(self, number: int, error: NetworkError) -> float:
        """Seconds to wait after attempt *number* (from 0) failed with *error*."""
        asked = error.retry_after
        if asked is None:
            import random

            asked = self.backoff * 2**number * (0.5 + random.random())
        return max(0.0, min(asked, self.longest))


class Attempt:
    """One try: ``catching()`` keeps a failure that is worth another one, and lets the others through."""

    def __init__(self, *, last: bool, number: int) -> None:
        self.error: NetworkError | None = None
        self._last = last
        self._number = number

    @contextmanager
    def catching(self) -> Iterator[None]:
        try:
            yield
        except NetworkError as error:
            if not error.transient:
                raise
            if self._last:
                if self._number:
                    error.message += f" (tried {self._number + 1} times)"
                    error.args = (error.message,)
                raise
            self.error = error


def is_transient(status: int) -> bool:
    """Whether a status may be gone a moment later (RFC 9110: 408, 429, 5xx)."""
    return status in _RETRIED


def retry_after(value: str) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3): a number, or a date."""
    value = value.strip()
    if value.isdigit():
        return float(value)
    if not value:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError):
        return None
