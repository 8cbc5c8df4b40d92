"""The links of a page made absolute: what urllib does, without taking every URL of a long page apart."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

_UNSAFE = re.compile(r"[^!-~]")
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[!-~]*\Z")
_RELATIVE = re.compile(r"((?:\.\./)*|/(?!/))([A-Za-z0-9_][!-~]*)\Z")
_SPECIAL = re.compile(r"/[./]|[:;?]")
_NETWORK = ("http", "https")


class LinkBase:
    """Where relative links start: a page's URL, or what its ``<base>`` says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._starts: dict[str, str | None] = {}

    def resolve(self, link: str) -> str | None:
        """The absolute URL of *link* (RFC 3986, 5.2), fragment kept; ``None`` where it is no URL.

        Characters that no URL may have are percent-encoded.
        """
        if _ABSOLUTE.match(link):
            return link
        relative = _RELATIVE.match(link)
        if relative is not None and not _SPECIAL.search(relative[2]):
            start = self._start(relative[1])
            return None if start is None else start + relative[2]
        return self._join(link)

    def _start(self, prefix: str) -> str | None:
        """What *prefix* (``""``, ``/``, ``../../``) makes of the base; links of a page share few of them."""
        if prefix not in self._starts:
            joined = self._join(f"{prefix}x")
            self._starts[prefix] = None if joined is None else joined[:-1]
        return self._starts[prefix]

    def _join(self, link: str) -> str | None:
        try:
            joined = urljoin(self.url, link)
            parts = urlsplit(joined)
            _ = parts.port
        except ValueError:
            return None
        if parts.scheme in _NETWORK and not parts.hostname:
            return None
        return _UNSAFE.sub(lambda match: quote(match.group()), joined)
