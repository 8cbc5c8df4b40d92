"""Whether a server that nobody named answers at all: found out once, quickly, and remembered.

A machine may well reach its own index and nothing else. What is asked by default must not make it wait, nor
fail: it gets one short try, and after that is left alone for ten minutes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from threading import Lock

from variantctl.cache.buckets import UNREACHABLE
from variantctl.cache.folder import Cache
from variantctl.cache.pages import CachedPages
from variantctl.indexes.page_reader import ACCEPT
from variantctl.net.errors import NetworkError, OfflineError
from variantctl.net.urls import origin, parsed_url, split_credentials
from variantctl.values import dataclass

PATIENCE = 3.0
LIFETIME = 600.0


@dataclass(frozen=True)
class ServerReachability:
    """What a first word with a server takes.

    Attributes:
        pages: makes the request, and keeps the page that it brings.
        cache: remembers for ``LIFETIME`` seconds that there was no answer.
        environ: tells whether a proxy looks names up for us.
    """

    pages: CachedPages
    cache: Cache
    environ: Mapping[str, str]

    def with_server_of(self, url: str) -> Contact:
        """The contact with the server of a URL."""
        return Contact(url, self)


class Contact:
    """The first word with a server.

    Args:
        server: its URL.
        means: how it is asked, and where it is remembered that there was no answer.
    """

    def __init__(self, server: str, means: ServerReachability) -> None:
        self._pages = means.pages
        self._cache = means.cache
        self._environ = means.environ
        self._server = origin(split_credentials(server)[0])
        self._found: str | None = None
        self._tried = False
        self._lock = Lock()

    def problem(self, page: str) -> str | None:
        """Why the server of *page* cannot be used, or ``None`` once it answered; asked at most once.

        Raises:
            OfflineError: it must not be asked, and the page is not in the cache.
        """
        with self._lock:
            if not self._tried:
                self._found = self._remembered() or self._try(page)
                self._tried = True
            return self._found

    def _try(self, page: str) -> str | None:
        try:
            if not self._pages.is_stored(page, accept=ACCEPT) and not self._name_is_known(page):
                return self._remember(f"{parsed_url(page).hostname}: the name cannot be looked up")
            self._pages.get(page, accept=ACCEPT, patience=PATIENCE)
        except OfflineError:
            raise
        except NetworkError as error:
            return self._remember(error.message)
        return None

    def _name_is_known(self, page: str) -> bool:
        """Whether the resolver knows the host in time: how long it takes over that, no timeout covers."""
        if any(self._environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
            return True
        if self._pages.client.settings.proxy or self._pages.client.settings.offline:
            return True
        import socket
        from threading import Thread

        known: list[object] = []

        def look_up() -> None:
            try:
                known.extend(socket.getaddrinfo(parsed_url(page).hostname, None))
            except OSError:
                return

        # A daemon: it may go on waiting, but not keep the process from ending.
        thread = Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(PATIENCE)
        return bool(known)

    def _remembered(self) -> str | None:
        if self._pages.refresh:
            return None
        data = self._cache.read(UNREACHABLE, self._server)
        try:
            record = json.loads(data or b"{}")
            fresh = 0 <= time.time() - float(record["time"]) < LIFETIME
            return str(record["problem"]) if fresh else None
        except (ValueError, KeyError, TypeError):
            return None

    def _remember(self, problem: str) -> str:
        record = {"problem": problem, "time": time.time()}
        self._cache.write(json.dumps(record).encode(), UNREACHABLE, self._server)
        return problem
