"""A folder of static files on loopback, from a process of its own: ``python -m tests.benchmarks.server DIR``.

It prints its URL and serves until its standard input is closed. It must not be what a benchmark waits for:
connections are kept, files go out by ``sendfile``, and a request costs no more than a few string operations.
``Range`` with one range is heeded, as RFC 9110, 14 has it; pages go out without caching headers, so that each
tool does as it does where a server says nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve ``folder`` while the block lasts; gives the root's URL, without a slash at the end."""
    command = [sys.executable, "-m", "tests.benchmarks.server", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            assert server.stdin is not None
            server.stdin.close()


def main() -> None:
    """Serve the folder that the command line names."""
    folder = Path(sys.argv[1]).resolve()
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    threading.Thread(target=_accept, args=(listening, folder), daemon=True).start()
    sys.stdin.read()


def _accept(listening: socket.socket, folder: Path) -> None:
    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(connection, folder), daemon=True).start()


def _converse(connection: socket.socket, folder: Path) -> None:
    received = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in received:
                try:
                    piece = connection.recv(65536)
                except OSError:
                    return
                if not piece:
                    return
                received += piece
            request, _, received = received.partition(b"\r\n\r\n")
            first, *lines = request.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (row.partition(":") for row in lines)
            }
            method, target, _ = first.split(" ")
            try:
                _answer(connection, folder, method, target, headers)
            except OSError:
                return


def _answer(
    connection: socket.socket, folder: Path, method: str, target: str, headers: dict[str, str]
) -> None:
    path = folder / unquote(target.partition("?")[0]).lstrip("/")
    if path.is_dir():
        path = path / ("index.json" if JSON_TYPE in headers.get("accept", "") else "index.html")
    if not path.is_file():
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        start, stop, status = _range(headers.get("range", ""), found.st_size)
        kind = {".json": JSON_TYPE, ".html": "text/html"}.get(path.suffix, "application/octet-stream")
        head = [
            f"HTTP/1.1 {status}",
            f"Content-Type: {kind}",
            f"Content-Length: {stop - start}",
            "Accept-Ranges: bytes",
            f'ETag: "{found.st_mtime_ns:x}-{found.st_size:x}"',
        ]
        if status.startswith("206"):
            head.append(f"Content-Range: bytes {start}-{stop - 1}/{found.st_size}")
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1"))
        while method == "GET" and start < stop:
            start += os.sendfile(connection.fileno(), file.fileno(), start, min(stop - start, 1 << 24))


def _range(wanted: str, size: int) -> tuple[int, int, str]:
    """First byte, the byte after the last, and the status."""
    unit, _, span = wanted.partition("=")
    first, dash, last = span.partition("-")
    if unit.strip() != "bytes" or not dash or "," in span:
        return 0, size, "200 OK"
    if not first:
        return max(0, size - int(last)), size, "206 Partial Content"
    return int(first), min(int(last) + 1 if last else size, size), "206 Partial Content"


if __name__ == "__main__":
    main()
