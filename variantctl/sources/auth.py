"""Credentials, and the hosts they belong to."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from variantctl.sources.errors import SourceError
from variantctl.sources.urls import origin, redact, split_credentials

Pair = tuple[str, str]


class Credentials:
    """User names and passwords by origin (scheme, host and port): from URLs, else from netrc.

    An origin gets only the credentials that were given for it, so a redirect or a link to another host
    never carries them along.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._by_origin: dict[str, Pair] = {}
        self._netrc: Mapping[str, Pair] | None = None
        self._lock = Lock()

    def take(self, url: str) -> str:
        """Remember the credentials that *url* carries, and return the URL without them.

        Raises:
            SourceError: it is no URL.
        """
        try:
            bare, pair = split_credentials(url)
            place = origin(bare)
        except ValueError:
            raise SourceError(f"{redact(url)} is not a valid URL", hint="Check the URL.") from None
        if pair is not None:
            with self._lock:
                self._by_origin[place] = pair
        return bare

    def header(self, url: str) -> str | None:
        """The ``Authorization`` header for *url* (RFC 7617), or ``None``."""
        pair = self._by_origin.get(origin(url)) or self._from_netrc(urlsplit(url).hostname or "")
        if pair is None:
            return None
        token = base64.b64encode(f"{pair[0]}:{pair[1]}".encode()).decode("ascii")
        return f"Basic {token}"

    def _from_netrc(self, host: str) -> Pair | None:
        with self._lock:
            if self._netrc is None:
                self._netrc = read_netrc(self._environ)
            return self._netrc.get(host)


def read_netrc(environ: Mapping[str, str]) -> Mapping[str, Pair]:
    """Host -> (login, password) of the file ``$NETRC``, else ``~/.netrc``; empty where it cannot be read.

    The ``default`` entry is left out: a password for whichever host is asked is not meant for indexes.
    """
    import netrc

    named = environ.get("NETRC")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    candidates = [Path(named)] if named else [Path(home) / name for name in (".netrc", "_netrc") if home]
    for path in candidates:
        try:
            hosts = netrc.netrc(str(path)).hosts
        except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
            continue
        return {
            host: (login, password or "") for host, (login, _, password) in hosts.items() if host != "default"
        }
    return {}
