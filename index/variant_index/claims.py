"""A lock for stores without conditional writes, made of nothing but writing, listing and deleting.

Each writer writes a claim of its own name and then lists all claims. Whoever sees no other claim has the
lock; whoever sees another takes its own back and tries again later. Of two that write at the same time at
least one sees the other, since a listing shows every write that was finished before (strong consistency,
which S3, GCS and Azure promise). A claim that was not renewed for ``EXPIRY`` seconds, by the store's clock,
is of a writer that was killed.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from variant_index.destinations import Destination

EXPIRY = 60.0
_RENEWAL = EXPIRY / 4


class Claims:
    """The lock of one index.

    Args:
        destination: the store.
        folder: where the claims are written.
        waiting: called once when somebody else has the lock.
        expiry: after how many seconds a claim that was not renewed counts no more.
    """

    def __init__(
        self, destination: Destination, folder: str, waiting: Callable[[], None], expiry: float = EXPIRY
    ) -> None:
        self._destination = destination
        self._folder = folder
        self._waiting = waiting
        self._expiry = expiry
        self._own = f"{folder}/{time.time_ns():x}-{os.getpid()}-{random.getrandbits(64):016x}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; a thread renews the claim meanwhile."""
        waited = False
        while not self._claimed():
            if not waited:
                self._waiting()
                waited = True
            time.sleep(random.uniform(0.05, 1.0))
        done = Event()
        renewal = Thread(target=self._renew, args=(done,), daemon=True)
        renewal.start()
        try:
            yield
        finally:
            done.set()
            renewal.join()
            self._destination.delete([self._own])

    def _claimed(self) -> bool:
        self._destination.write(self._own, b"")
        claims = {found.path: found.modified for found in self._destination.list(self._folder)}
        now = claims.pop(self._own, time.time())
        dead = [path for path, modified in claims.items() if now - modified > self._expiry]
        self._destination.delete(dead)
        if set(claims) - set(dead):
            self._destination.delete([self._own])
            return False
        return True

    def _renew(self, done: Event) -> None:
        while not done.wait(min(_RENEWAL, self._expiry / 4)):
            self._destination.write(self._own, b"")
