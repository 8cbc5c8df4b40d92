"""Requests over HTTP: their settings, credentials and retries; one connection pool for all threads."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from variantctl import __version__
from variantctl.filesystem.bounded import ordinary, read_bounded
from variantctl.net.auth import Credentials, split_url
from variantctl.net.content_coding import ACCEPTED, decoded
from variantctl.net.errors import NetworkError, OfflineError, SourceError
from variantctl.net.insecure import check_transport, named_host
from variantctl.net.tls import tls_context
from variantctl.net.urls import as_sent, is_file_url, parsed_url, redact, url_to_path
from variantctl.values import dataclass, field
from variantctl.variants.digits import whole_number

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

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
    if (seconds := whole_number(value)) is not None:
        return float(seconds)
    if not value:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


USER_AGENT = (
    f"variantctl/{__version__} (Python {platform.python_version()}; {platform.system()} {platform.machine()})"
)
MAX_PAGE_BYTES = 64 * 1024 * 1024
#: Seconds for one page, from its first byte to its last.
_LONGEST_PAGE = 600.0
_MAX_REDIRECTS = 10
#: Bytes that are read from a connection at once, where so many have come; fewer are used as they come.
_MOST_AT_ONCE = 1 << 20
_FILE_TYPES = {".html": "text/html", ".htm": "text/html", ".json": "application/json"}


@dataclass(frozen=True)
class Response:
    """An answer, read to its end.

    Attributes:
        url: where the body came from, after redirects, without credentials.
        status: the HTTP status; 200 or 404 for ``file://``.
        headers: lower-case name -> value.
        content: the body, decoded.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")


@dataclass(frozen=True)
class Stream:
    """An answer whose body is still to come.

    Attributes:
        length: how many bytes the body has, where the server says.
        chunks: the body, piece by piece; raises NetworkError where it breaks off.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    length: int | None
    chunks: Callable[[], Iterator[bytes]]

    def read(self, most: int) -> bytes:
        """The body, or the first of it that is longer than *most* bytes."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > most:
                break
        return bytes(body)


@dataclass(frozen=True)
class HttpSettings:
    """How requests are made.

    Attributes:
        cert: pip's ``cert``: a bundle or folder of certificate authorities; ``None``: see ``tls_context``.
        client_cert: a PEM file with the client's key and certificate.
        proxy: a proxy for everything; ``None``: what the environment says (``HTTPS_PROXY``, ``NO_PROXY``).
        trusted_hosts: hosts (``name`` or ``name:port``) whose certificates are not checked, and that plain
            http may go to; ``None``: it may go anywhere.
        timeout: seconds for connecting and for each read.
        offline: no request leaves this machine.
        retry: how often and how patiently failures are tried again.
        keyring: whether the command ``keyring`` may be asked for passwords.
    """

    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] | None = None
    timeout: float = 30.0
    offline: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    keyring: bool = False


class HttpClient:
    """One connection pool, shared by every source and thread. ``file://`` URLs are read from disk.

    Attributes:
        settings: as given.
        credentials: the credentials by origin; sources put those of their URLs here.
        requests: how many HTTP requests were sent, redirects not counted.
    """

    def __init__(
        self,
        settings: HttpSettings | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings or HttpSettings()
        self.credentials = Credentials(environ, keyring=self.settings.keyring)
        self.requests = 0
        self._environ = environ
        self.sleep = sleep
        self._client: httpx.Client | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Close the connections; the next request opens new ones."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(
        self,
        url: str,
        *,
        accept: str | None = None,
        headers: Mapping[str, str] | None = None,
        allow: Collection[int] = (),
        max_bytes: int = MAX_PAGE_BYTES,
        patience: float | None = None,
    ) -> Response:
        """The whole answer to one GET, tried again as the retry policy says.

        Args:
            url: ``http(s)://`` (may carry credentials) or ``file://``.
            accept: the Accept header.
            headers: more headers.
            allow: statuses other than 2xx that are returned rather than raised (404, 304, ...).
            max_bytes: a longer body is refused.
            patience: one try, with so many seconds for connecting and for each read.

        Raises:
            NetworkError: no connection, a broken or too long body, or a status neither 2xx nor allowed.
            OfflineError: a request would be needed, and the client is offline.
        """
        if is_file_url(url):
            path = url_to_path(url)
            return _read_file(path, url, allow)
        wanted = {**(headers or {}), **({"Accept": accept} if accept else {})}
        retry = self.settings.retry if patience is None else RetryPolicy(retries=0)
        for attempt in retry.attempts(self.sleep):
            with attempt.catching(), self._open(url, wanted, allow, patience) as stream:
                body = _whole(stream, redact(url), max_bytes)
                return Response(stream.url, stream.status, stream.headers, body)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, allow: Collection[int] = ()
    ) -> Iterator[Stream]:
        """One answer whose body is read by the caller; not tried again, and not decompressed by the server.

        Raises:
            NetworkError, OfflineError: as ``get``.
        """
        with self._open(url, {"Accept-Encoding": "identity", **(headers or {})}, allow) as stream:
            yield stream

    @contextmanager
    def _open(
        self, url: str, headers: Mapping[str, str], allow: Collection[int], patience: float | None = None
    ) -> Iterator[Stream]:
        bare = self.credentials.take(url) if "@" in url else split_url(url)[0]
        if self.settings.offline:
            raise OfflineError(
                f"{bare} is needed, and it is not in the cache",
                url=bare,
                hint="Run once without --offline, or give the files with --find-links.",
            )
        authorization = self.credentials.header(bare)
        self.check(bare, has_credentials=authorization is not None)
        sent = {**headers, "Authorization": authorization} if authorization else dict(headers)
        client = self._connected()
        with _httpx_errors(bare):
            self.requests += 1
            timeout = self.settings.timeout if patience is None else patience
            with client.stream("GET", as_sent(bare), headers=sent, timeout=timeout) as response:
                names = {name.lower(): value for name, value in response.headers.items()}
                if not (200 <= response.status_code < 300 or response.status_code in allow):
                    raise status_error(bare, response.status_code, response.reason_phrase, names)
                coding = names.get("content-encoding", "").strip().lower()
                raw = coding in ("", "identity")
                yield Stream(
                    url=split_url(str(response.url))[0],
                    status=response.status_code,
                    headers=names,
                    length=whole_number(names.get("content-length", "")) if raw else None,
                    chunks=lambda: decoded(_guarded(response.iter_raw(), bare), coding, bare),
                )

    def check(self, url: str, *, has_credentials: bool = False) -> None:
        """Refuse plain http to a host that the user did not name; of redirects each goes through here.

        Raises:
            NetworkError: see ``check_transport``.
        """
        if self.settings.trusted_hosts is not None and url[:5].lower() == "http:":
            check_transport(url, self.settings.trusted_hosts, has_credentials=has_credentials)

    def unchecked(self) -> Iterator[str]:
        """The patterns of URLs whose certificates are not checked, as httpx's mounts have them."""
        for named in filter(None, map(named_host, self.settings.trusted_hosts or ())):
            host = f"[{named[0]}]" if ":" in named[0] else named[0]
            yield f"https://{host}" if named[1] is None else f"https://{host}:{named[1]}"

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def options(self) -> dict[str, Any]:
        """What a client of httpx, of whichever kind, is made with; its limits and mounts aside."""
        return {
            "verify": tls_context(self._environ, self.settings.cert, self.settings.client_cert),
            "timeout": self.settings.timeout,
            "proxy": self.settings.proxy,
            "follow_redirects": True,
            "max_redirects": _MAX_REDIRECTS,
            "headers": {"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED},
        }

    def _connect(self) -> httpx.Client:
        _import_httpx()
        import httpx

        limits = httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=30)
        unchecked = {
            pattern: httpx.HTTPTransport(verify=False, limits=limits, proxy=self.settings.proxy)
            for pattern in self.unchecked()
        }
        hooks = {"request": [lambda request: self.check(split_url(str(request.url))[0])]}
        try:
            return httpx.Client(**self.options(), limits=limits, mounts=unchecked, event_hooks=hooks)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise SourceError(
                f"the proxy settings cannot be used: {redact(str(error))}",
                hint="Check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and pip's proxy setting.",
            ) from None


def _import_httpx() -> None:
    """httpx without its own command line, which takes click and rich in: half of the time of its import."""
    if "click" in sys.modules or "httpx" in sys.modules:
        return
    # An entry that is None makes the import fail, which httpx is ready for.
    sys.modules["click"] = None  # type: ignore[assignment]
    try:
        import httpx  # noqa: F401
    finally:
        del sys.modules["click"]
    import httpcore

    # It reads 64 KiB at a time, and each piece costs a turn of the protocol's state machine.
    httpcore.HTTP11Connection.READ_NUM_BYTES = _MOST_AT_ONCE


@contextmanager
def _httpx_errors(url: str) -> Iterator[None]:
    """Say httpx's errors in our words."""
    import httpx

    try:
        yield
    except httpx.TooManyRedirects:
        raise NetworkError(
            f"{url} redirects in a loop (more than {_MAX_REDIRECTS} redirects)",
            url=url,
            hint="Check the index URL.",
        ) from None
    except httpx.TimeoutException as error:
        raise connection_error(url, f"timed out ({type(error).__name__})") from None
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise NetworkError(f"{url}: {redact(str(error))}", url=url, hint="Check the URL.") from None
    except httpx.TransportError as error:
        raise connection_error(url, redact(str(error)) or type(error).__name__) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as error:
        raise NetworkError(f"{url}: {redact(str(error))}", url=url, hint="Check the URL.") from None


def _whole(stream: Stream, url: str, max_bytes: int) -> bytes:
    body, deadline = bytearray(), time.monotonic() + _LONGEST_PAGE
    for chunk in stream.chunks():
        body += chunk
        if len(body) > max_bytes:
            raise NetworkError(f"{url}: the answer is longer than {max_bytes:,} bytes", url=url)
        if time.monotonic() > deadline:
            raise NetworkError(f"{url}: the answer took longer than {_LONGEST_PAGE:.0f} s", url=url)
    return bytes(body)


def _guarded(chunks: Iterator[bytes], url: str) -> Iterator[bytes]:
    with _httpx_errors(url):
        yield from chunks


def connection_error(url: str, reason: str) -> NetworkError:
    """No answer, or one that broke off: worth another try, unless the certificate was refused."""
    host = parsed_url(url).hostname or url
    refused = "CERTIFICATE_VERIFY_FAILED" in reason
    hint = f"Check the network, the name {host} and the proxy settings; --offline uses only the cache."
    if refused:
        hint = f"Tell which authorities to trust for {host}: SSL_CERT_FILE, or pip's cert setting."
    return NetworkError(f"{url}: {reason}", url=url, hint=hint, transient=not refused)


def status_error(url: str, status: int, phrase: str, headers: Mapping[str, str]) -> NetworkError:
    """The error for a *status* that nobody wanted, with what to do about it."""
    host = parsed_url(url).hostname
    if status in {401, 403}:
        hint = f"{host} asks for credentials: put them into the URL (https://USER:TOKEN@{host}/...) or netrc."
    elif status == 407:
        hint = "The proxy asks for credentials: put them into HTTPS_PROXY."
    elif status in {404, 410}:
        hint = "The file is gone, or the URL is wrong; ask the index again with --refresh."
    elif status == 429 or status >= 500:
        hint = f"{host} has trouble; try again later, or use another index with --index-url."
    else:
        hint = "Check the URL."
    return NetworkError(
        f"{url} answered {status} {phrase}".rstrip(),
        url=url,
        status=status,
        hint=hint,
        transient=is_transient(status),
        retry_after=retry_after(headers.get("retry-after", "")),
    )


def _read_file(path: Path, url: str, allow: Collection[int]) -> Response:
    try:
        ordinary(path)
        content = read_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        if 404 in allow:
            return Response(url, 404, {}, b"")
        raise SourceError(f"{path} does not exist", hint="Check the path.") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", hint="Check the path.") from None
    return Response(url, 200, {"content-type": _FILE_TYPES.get(path.suffix.lower(), "")}, content)
