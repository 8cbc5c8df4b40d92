"""A web server on loopback for tests of any room: serves a folder, misbehaves on request, remembers requests.

with LoopbackServer(folder) as server:
    server.rule("/simple/torch/", status=500, times=2)
    ... server.url + "/simple/" ...
    assert server.paths == ["/simple/torch/", ...]
"""

from __future__ import annotations

import base64
import email.utils
import hashlib
import mimetypes
import re
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
_PIECE = 64 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)\Z")


@dataclass(frozen=True)
class Request:
    """One request: its path with query, its headers with lower-case names, the status it was given."""

    path: str
    headers: Mapping[str, str]
    status: int


@dataclass
class Rule:
    """What to do with a path instead of serving the file.

    Attributes:
        status: answer with this status.
        redirect: answer with a redirect to this URL.
        body: answer with these bytes (status 200 where none is given).
        headers: added to the answer, over those it would have; an empty value takes one away.
        truncate: send only so many bytes of the body, and drop the connection.
        delay: wait so many seconds first.
        times: apply to the first so many requests; ``None``: to all.
        pace: wait so many seconds before each 64 KiB of the body.
    """

    status: int | None = None
    redirect: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    truncate: int | None = None
    delay: float = 0.0
    times: int | None = None
    pace: float = 0.0


class LoopbackServer:
    """Serves *folder*; ``index.html`` (or ``index.json``, where it is asked for and there) for folders.

    Attributes:
        url: ``http://127.0.0.1:port``, without a slash at the end.
        ranges: ``"serve"``, ``"ignore"`` (whole file, status 200), ``"refuse"`` (416) or ``"no-suffix"``
            (416 for ``bytes=-N`` alone).
        etags: whether answers have ETag and conditional requests are heeded.
        heeds_if_range: whether a range of a changed file is refused.
        range_status: answer with this status whatever asks for a range.
        cache_control: that header of every answer, where given.
        negotiate: whether index.json is served to clients that accept it.
        credentials: ``(user, password)`` that every request must have.
        requests: what came in, in order.
        connections: how many connections were made.
        most_at_once: how many requests were being answered at one time, at most.
    """

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        self.ranges = "serve"
        self.etags = True
        self.heeds_if_range = True
        self.range_status: int | None = None
        self.cache_control: str | None = None
        self.negotiate = True
        self.credentials: tuple[str, str] | None = None
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._rules: dict[str, list[Rule]] = {}
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"site": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def paths(self) -> list[str]:
        """The paths of all requests so far, in order."""
        return [request.path for request in self.requests]

    def rule(
        self,
        path: str,
        *,
        status: int | None = None,
        redirect: str | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        truncate: int | None = None,
        delay: float = 0.0,
        times: int | None = None,
        pace: float = 0.0,
    ) -> None:
        """Add a rule for *path* (exact; ``"*"`` for all others), used after those it has; see ``Rule``."""
        rule = Rule(status, redirect, body, headers or {}, truncate, delay, times, pace)
        self._rules.setdefault(path, []).append(rule)

    def clear(self) -> None:
        """Forget requests and rules."""
        self.requests.clear()
        self._rules.clear()

    def take_rule(self, path: str) -> Rule | None:
        """The rule that applies to this request, counted."""
        with self._lock:
            for rule in self._rules.get(path) or self._rules.get("*", []):
                if rule.times is None:
                    return rule
                if rule.times > 0:
                    rule.times -= 1
                    return rule
            return None

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more request is being answered."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def log(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up in the middle are part of the tests; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as socketserver passes it


class _Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; HTTP/1.1, so that connections are reused."""

    site: LoopbackServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.site.connections += 1

    def log_message(self, format: str, *args: object) -> None:
        """Tests read ``requests`` instead of a log."""

    def do_GET(self) -> None:
        with self.site.counted():
            self._get()

    def _get(self) -> None:
        path = urlsplit(self.path).path if "://" in self.path else self.path
        if not self._authorized():
            self._answer(401, {"WWW-Authenticate": 'Basic realm="tests"'}, b"who are you?")
            return
        if self.site.range_status is not None and "Range" in self.headers:
            self._answer(self.site.range_status, {}, b"no ranges here")
            return
        rule = self.site.take_rule(path) or Rule()
        time.sleep(rule.delay)
        if rule.redirect is not None:
            self._answer(rule.status or 302, {"Location": rule.redirect, **rule.headers}, b"")
        elif rule.status is not None or rule.body is not None:
            self._answer(rule.status or 200, rule.headers, rule.body or b"", rule)
        else:
            self._serve(path.partition("?")[0], rule)

    do_HEAD = do_GET  # noqa: N815

    def _authorized(self) -> bool:
        if self.site.credentials is None:
            return True
        expected = base64.b64encode(":".join(self.site.credentials).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _serve(self, path: str, rule: Rule) -> None:
        file = self._file(path)
        if file is None:
            self._answer(404, {}, b"not found")
            return
        body = file.read_bytes()
        kind = JSON_TYPE if file.name == "index.json" else mimetypes.guess_type(file.name)[0]
        headers = {"Content-Type": kind or "application/octet-stream"}
        if self.site.etags:
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            headers["ETag"] = etag
            headers["Last-Modified"] = email.utils.formatdate(file.stat().st_mtime, usegmt=True)
            if self.headers.get("If-None-Match") == etag:
                self._answer(304, {**headers, **rule.headers}, b"")
                return
        if self.site.ranges == "serve":
            headers["Accept-Ranges"] = "bytes"
        status, body = self._part(body, headers)
        self._answer(status, {**headers, **rule.headers}, body, rule)

    def _file(self, path: str) -> Path | None:
        file = self.site.folder / unquote(path).lstrip("/")
        if file.is_dir():
            wants_json = self.site.negotiate and JSON_TYPE in self.headers.get("Accept", "")
            names = ("index.json", "index.html") if wants_json else ("index.html",)
            file = next((file / name for name in names if (file / name).is_file()), file)
        return file if file.is_file() else None

    def _part(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The part of *body* that the Range header asks for, and the status that goes with it."""
        match = _RANGE.match(self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        changed = self.site.heeds_if_range and condition not in (None, headers.get("ETag"))
        if match is None or self.site.ranges == "ignore" or changed:
            return 200, body
        first, last = match.groups()
        if self.site.ranges == "refuse" or (self.site.ranges == "no-suffix" and not first):
            return 416, b""
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last) + 1, len(body)) if first and last else len(body)
        if start >= end:
            headers["Content-Range"] = f"bytes */{len(body)}"
            return 416, b""
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(body)}"
        return 206, body[start:end]

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, rule: Rule | None = None) -> None:
        truncate, pace = (None, 0.0) if rule is None else (rule.truncate, rule.pace)
        names = {name.lower(): value for name, value in self.headers.items()}
        self.site.log(Request(self.path, names, status))
        self.send_response(status)
        complete = {"Content-Length": str(len(body)), **headers}
        if self.site.cache_control is not None:
            complete.setdefault("Cache-Control", self.site.cache_control)
        if status == 304:
            complete.pop("Content-Length")
        for name, value in complete.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD" or status == 304:
            return
        sent = body if truncate is None else body[:truncate]
        for start in range(0, len(sent), _PIECE if pace else max(1, len(sent))):
            time.sleep(pace)
            self.wfile.write(sent[start : start + _PIECE] if pace else sent)
        if truncate is not None:
            self.wfile.flush()
            self.close_connection = True
