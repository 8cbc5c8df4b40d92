"""URLs of sources: local or remote, with and without credentials; ``net.redaction`` hides those in texts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit, urlunsplit

from variantctl.net.redaction import redact as redact

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")


def split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL without credentials, and the decoded ``(user, password)`` that it carried."""
    if "@" not in url:
        return url, None
    parts = urlsplit(url)
    userinfo, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return url, None
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def origin(url: str) -> str:
    """``scheme://host:port`` in lower case, default ports left out: who an URL's credentials belong to."""
    parts = urlsplit(url)
    port = parts.port
    if port is None or (parts.scheme.lower(), port) in {("http", 80), ("https", 443)}:
        return f"{parts.scheme}://{parts.hostname}".lower()
    return f"{parts.scheme}://{parts.hostname}:{port}".lower()


def is_url(location: str) -> bool:
    """Whether *location* has a scheme; a Windows drive letter is none."""
    return bool(_SCHEME.match(location)) and not Path(location).drive


def is_file_url(url: str) -> bool:
    """Whether *url* is a ``file:`` URL."""
    return url[:5].lower() == "file:"


def path_to_url(path: Path) -> str:
    """The absolute ``file://`` URL of *path* (``..`` resolved lexically, symbolic links kept)."""
    return Path(os.path.abspath(path)).as_uri()  # resolve() would follow symbolic links


def url_to_path(url: str) -> Path:
    """The path a ``file:`` URL names (RFC 8089; the host is empty or ``localhost``, else a Windows share)."""
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.lower() not in {"", "localhost"} else ""
    path = f"//{host}{parts.path}" if host else parts.path
    if os.name != "nt":
        # Bytes, as as_uri() quoted them: in the C locale a path is not what the URL's UTF-8 would decode to.
        return Path(os.fsdecode(unquote_to_bytes(path)))
    from urllib.request import url2pathname  # costs 25 ms, for drive letters alone

    return Path(url2pathname(path))


def filename_of(url: str) -> str:
    """The decoded last segment of the URL's path; ``""`` where it ends in a slash."""
    return unquote(url.partition("#")[0].partition("?")[0].partition("://")[2].rpartition("/")[2])


def as_sent(url: str) -> str:
    """The URL as it goes into a request: ``+`` in its path is ``%2B``, the same by RFC 3986.

    Object stores take a bare ``+`` for a blank (s3pypi's issue 48), and names with local versions have one.
    """
    path, separator, query = url.partition("?")
    return path.replace("+", "%2B") + separator + query if "+" in path else url


def without_fragment(url: str) -> tuple[str, str]:
    """The URL up to ``#``, and what came after."""
    head, _, fragment = url.partition("#")
    return head, fragment
