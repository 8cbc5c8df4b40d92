"""URLs of sources: local or remote, with and without credentials; ``net.redaction`` hides those in texts."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import SplitResult, unquote, unquote_to_bytes, urljoin, urlsplit, urlunsplit

from variantctl.net.errors import InvalidUrlError
from variantctl.net.redaction import end_of_userinfo
from variantctl.net.redaction import redact as redact

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
_NO_HOST = r"[\x00-\x20\x7f\"<>\\^`{|}]|%(?![0-9a-fA-F]{2})"
_QUOTED = (
    "In a user's name or password, write %40 for @, %2F for /, %3F for ?, %23 for #, %5B for [ and "
    "%5D for ]. After the host, write %40 for @."
)


def parsed_url(url: str) -> SplitResult:
    """The parts of *url* (RFC 3986); no other place in this project splits one.

    A URL of http or https has the name of a host, and a port, if any, up to 65535.

    Raises:
        InvalidUrlError: it is none.
    """
    try:
        parts = urlsplit(url)
        why = _fault(url, parts)
    except ValueError as error:
        # urllib's text has the whole authority in it, a password included.
        why = "a bracket is not one of an IPv6 address" if "IP" in str(error) else "no host is called that"
    if why is not None:
        raise _invalid(url, why)
    return parts


def _fault(url: str, parts: SplitResult) -> str | None:
    if re.search(r"[\x00-\x1f\x7f]", url):
        return "it has a control character"
    try:
        _ = parts.port
    except ValueError:
        return "the port is no number up to 65535"
    if parts.scheme not in ("http", "https"):
        return None
    host = parts.hostname or ""
    if not host:
        return "it names no host"
    place = parts.netloc.rpartition("@")[2]
    if "[" in place or "]" in place:
        is_address = re.fullmatch(r"\[[0-9A-Fa-f:.]+(?:%[\w.%-]+)?\](?::\d*)?", place)
        return None if is_address else "a bracket is not one of an IPv6 address"
    return "no host is called that" if re.search(_NO_HOST, host) else None


def _invalid(url: str, why: str) -> InvalidUrlError:
    hint = _QUOTED if "@" in url else "A URL is written https://HOST/PATH, or https://HOST:PORT/PATH."
    return InvalidUrlError(f"{redact(url)} is not a valid URL: {why}", hint=hint)


def scheme_of(url: str) -> str | None:
    """The scheme of *url* in lower case; ``""``: it has none; ``None``: it cannot be read as a URL."""
    try:
        return parsed_url(url).scheme
    except InvalidUrlError:
        return None


def joined_url(base: str, link: str) -> str:
    """*link* as it is meant on a page at *base*.

    Raises:
        InvalidUrlError: that is no URL.
    """
    try:
        return urljoin(base, link)
    except ValueError:
        raise _invalid(link, "it cannot be read as a link") from None


def split_credentials(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL without credentials, and the decoded ``(user, password)`` that it carried.

    Raises:
        InvalidUrlError: it is none, or there are two places where its host could be: of
            ``http://user:a@b/c@host`` the request would go to ``b``, with a part of the password.
    """
    if "@" not in url:
        return url, None
    parts = parsed_url(url)
    userinfo, separator, host = parts.netloc.rpartition("@")
    if not separator:
        return url, None
    end = end_of_userinfo(url)
    if end is not None and end > url.index("//") + len("//") + len(userinfo):
        raise _invalid(url, "it has two places where the name of its host could be")
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def origin(url: str) -> str:
    """``scheme://host:port`` in lower case, default ports left out: who an URL's credentials belong to.

    Raises:
        InvalidUrlError: it is no URL.
    """
    parts = parsed_url(url)
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
    """The path a ``file:`` URL names (RFC 8089; the host is empty or ``localhost``, else a Windows share).

    Raises:
        InvalidUrlError: it is no URL.
    """
    parts = parsed_url(url)
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
