"""Two hundred clients at once against ``index serve`` and ``proxy``, with troublemakers among them.

Every well-behaved client must get what it asks for, whole and right; every troublemaker the status that it
deserves. The servers are real processes; their memory is watched, and what they print on standard error.
A case is 60 ms of load on each server: the default of 500 is half a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from variant_index.build import build_index

from tests.campaigns.report import Report
from tests.resolve.world import variant_metadata
from variantctl.wheels.build import build_wheel

JSON = "application/vnd.pypi.simple.v1+json"
SECONDS_A_CASE = 0.06
SECRET = b"nobody may read this"
GROWTH = 48 << 20
"""Bytes by which a server may grow between a third of the time and its end."""
_PATIENCE = 90.0


@dataclass(frozen=True)
class Answer:
    """One answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """HTTP/1.1 with keep-alive, and no more of it than the load needs."""

    port: int
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return await self.send(("\r\n".join(lines) + "\r\n\r\n").encode(), head=method == "HEAD")

    async def send(self, request: bytes, *, head: bool = False) -> Answer:
        reader, writer = await self.open()
        writer.write(request)
        await writer.drain()
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines if line)}
        status = int(status_line.split()[1])
        length = 0 if head or status == 304 else int(headers.get("content-length", 0))
        body = await reader.readexactly(length)
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, body)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 18)
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


@dataclass
class Site:
    """What a server serves, as its clients know it.

    Attributes:
        port: of the server.
        pages: paths of project pages.
        files: path -> sha256; ``None`` where only the length is promised.
        outside: paths that lead out of it.
    """

    port: int
    pages: list[str]
    files: dict[str, str | None] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)

    async def learn(self) -> None:
        """Read every page once, and the files that no hash is known of."""
        connection = Connection(self.port)
        for page in self.pages:
            answer = await connection.ask(page, Accept=JSON)
            for file in json.loads(answer.body)["files"][:12]:
                if file["filename"].endswith(".whl"):
                    path = os.path.normpath(f"{page}{file['url']}")
                    self.files[path] = file["hashes"].get("sha256")
        for path in self.files:
            whole = await connection.ask(path)
            self.files[path] = self.files[path] or hashlib.sha256(whole.body).hexdigest()
            self.lengths[path] = len(whole.body)
        connection.close()


def build_site(folder: Path, seed: int, versions: int) -> Path:
    """An index with large and small wheels, ordinary and variant, with and without variant markers."""
    random = Random(seed)
    metadata = variant_metadata(["gpu"], {"a": {"gpu": {"arch": ["9"]}}, "null": {}})
    (folder / "secret.txt").write_bytes(SECRET)
    for number in range(6):
        data = {f"p{number}.bin": random.randbytes(2 << 20 if number == 0 else 40_000)}
        requires = ["x; variant_label == 'a'"] if number % 2 else []
        for label in (None, "a", "null"):
            build_wheel(
                folder / "wheels",
                name=f"p{number}",
                version="1.0",
                label=label,
                metadata=metadata,
                files=data,
                requires=requires if label else [],
            )
    for version in range(versions):
        build_wheel(folder / "wheels", name="many", version=f"1.{version}")
    build_index(folder / "wheels", folder / "out")
    (folder / "out/link.txt").symlink_to("../secret.txt")
    return folder / "out"


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[int, int, Path]]:
    """A server of ours: its process, its port, and the file with its standard error."""
    errors = folder / f"stderr-{arguments[0]}-{time.monotonic_ns()}"
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "VARIANTCTL_"))
    }
    environ |= {
        "PIP_CONFIG_FILE": os.devnull,
        "VARIANTCTL_CONFIG_FILE": os.devnull,
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
    }
    command = [sys.executable, "-m", "variantctl", *arguments, "--port", "0", "--json"]
    with errors.open("wb") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, env=environ)
    assert process.stdout is not None
    announced = b""
    while not announced.endswith(b"}\n"):
        line = process.stdout.readline()
        assert line, errors.read_text()
        announced += line
    port = int(str(json.loads(announced)["url"]).split(":")[2].split("/")[0])
    try:
        yield process.pid, port, errors
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def listens_on_loopback_only(port: int) -> bool:
    """Whether nothing else listens on that port: addresses as Linux's /proc/net/tcp has them."""
    found = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) == port
    ]
    return found == [f"0100007F:{port:04X}"]


# --- those who behave ---


async def well_behaved(site: Site, random: Random, report: Report) -> None:
    """One client: asks for something, checks all of it."""
    connection = Connection(site.port)
    try:
        for _ in range(random.randrange(1, 12)):
            what = random.choice(_REQUESTS)
            problem = await asyncio.wait_for(what(site, connection, random), _PATIENCE)
            name = what.__name__.strip("_").replace("_", " ")
            report.fail(f"wrong: {name}", problem) if problem else report.count(f"right: {name}")
    except (OSError, EOFError, ValueError, TimeoutError, asyncio.TimeoutError) as error:
        report.fail("an error", repr(error))
    finally:
        connection.close()


async def _page(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(site.pages)
    accept = random.choice([JSON, "text/html", "*/*"])
    answer = await connection.ask(path, Accept=accept, Accept_Encoding=random.choice(["gzip", "identity"]))
    wanted = JSON if accept == JSON else "text/html"
    if answer.status != 200 or not answer.headers["content-type"].startswith(wanted):
        return f"{path}: {answer.status} {answer.headers}"
    if random.random() < 0.5:
        known = {"If_None_Match": answer.headers["etag"], "Accept": accept}
        encoding = answer.headers.get("content-encoding", "identity")
        again = await connection.ask(path, Accept_Encoding=encoding, **known)
        return None if again.status == 304 else f"{path}: {again.status} instead of 304"
    return None


async def _wheel(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(list(site.files))
    answer = await connection.ask(path)
    right = hashlib.sha256(answer.body).hexdigest() == site.files[path]
    return None if answer.status == 200 and right else f"{path}: {answer.status}, {len(answer.body)} bytes"


async def _part(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(list(site.files))
    start = random.randrange(site.lengths[path])
    answer = await connection.ask(path, Range=f"bytes={start}-{start + 999}")
    if answer.status == 200:  # a wheel that is rewritten on its way has no parts
        return None if answer.headers.get("accept-ranges") == "none" else f"{path}: the whole for a part"
    wanted = min(1000, site.lengths[path] - start)
    return None if (answer.status, len(answer.body)) == (206, wanted) else f"{path}: {answer.status}"


async def _sidecar(site: Site, connection: Connection, random: Random) -> str | None:
    answer = await connection.ask(f"{random.choice(list(site.files))}.metadata")
    return None if answer.status == 200 and b"Name: " in answer.body else f"{answer.status}"


async def _head(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(list(site.files))
    answer = await connection.ask(path, "HEAD")
    length = int(answer.headers.get("content-length", -1))
    return None if (answer.status, length) == (200, site.lengths[path]) else f"{path}: {answer}"


async def _nothing(site: Site, connection: Connection, random: Random) -> str | None:
    answer = await connection.ask(f"/simple/none-{random.randrange(50)}/")
    return None if answer.status == 404 else f"{answer.status}"


_REQUESTS: list[Callable[[Site, Connection, Random], Awaitable[str | None]]] = [
    _page,
    _page,
    _wheel,
    _part,
    _sidecar,
    _head,
    _nothing,
]


# --- those who do not ---


async def troublemaker(site: Site, random: Random, report: Report) -> None:
    """One of those who must harm nobody."""
    what = random.choice(_TROUBLE)
    name = what.__name__.strip("_").replace("_", " ")
    connection = Connection(site.port)
    try:
        problem = await asyncio.wait_for(what(site, connection, random), _PATIENCE)
    except (OSError, EOFError, asyncio.IncompleteReadError):
        problem = None  # dropped, which is an answer too
    except (TimeoutError, asyncio.TimeoutError):
        problem = "was never answered, nor dropped"
    finally:
        connection.close()
    report.fail(f"trouble: {name}", problem) if problem else report.count(f"stood: {name}")


async def _slow_head(site: Site, connection: Connection, random: Random) -> str | None:
    """Slowloris: a request that never ends, a byte at a time."""
    reader, writer = await connection.open()
    writer.write(b"GET /simple/ HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    for number in range(40 if random.random() < 0.05 else 2):
        writer.write(b"X-%d: y\r\n" % number)
        await writer.drain()
        try:
            answer = await asyncio.wait_for(reader.read(100), 0.5)
        except (TimeoutError, asyncio.TimeoutError):
            continue
        return None if answer.startswith(b"HTTP/1.1 408") or not answer else repr(answer)
    return None


async def _lazy_reader(site: Site, connection: Connection, random: Random) -> str | None:
    reader, writer = await connection.open()
    reader._limit = 1024  # type: ignore[attr-defined]  # asks the transport to stop reading soon
    path = max(site.lengths, key=lambda path: site.lengths[path])
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await asyncio.sleep(random.choice([0.2, 0.5, 2.0]))
    return None


async def _aborted_download(site: Site, connection: Connection, random: Random) -> str | None:
    reader, writer = await connection.open()
    path = max(site.lengths, key=lambda path: site.lengths[path])
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.read(random.randrange(1, 100_000))
    return None


async def _range_abuse(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(list(site.files))
    length = site.lengths[path]
    text = random.choice(
        [
            ",".join(["0-"] * 90),
            ",".join(f"{n}-{n + 1}" for n in range(0, 400, 3)),
            ",".join(["0-0"] * 2000),
            f"{length}-{length + 10}",
            "0-" + "9" * 300,
            "-" + "9" * 300,
            "5-2",
            "-0",
            "x-y",
        ]
    )
    answer = await connection.ask(path, Range=f"bytes={text}")
    if answer.status not in (200, 206, 400, 416):
        return f"{text[:40]}: {answer.status}"
    return None if len(answer.body) <= length + 100_000 else f"{text[:40]}: {len(answer.body)} bytes"


async def _path_traversal(site: Site, connection: Connection, random: Random) -> str | None:
    path = random.choice(
        [
            "/../secret.txt",
            "/simple/%2e%2e/%2e%2e/secret.txt",
            "/simple/..%2f..%2fsecret.txt",
            "/link.txt",
            "/files/p0/-/%2e%2e%2fsecret.txt",
            "/files/p0/../../secret.txt",
            "//secret.txt",
            "/simple/%00",
            "/simple/..%5c..%5csecret.txt",
        ]
    )
    answer = await connection.ask(path)
    if SECRET in answer.body:
        return f"{path} gives the secret away"
    return None if answer.status in (301, 400, 404) else f"{path}: {answer.status}"


async def _large_header(site: Site, connection: Connection, random: Random) -> str | None:
    size = random.choice([40_000, 70_000, 150_000])
    answer = await connection.ask("/simple/p0/", X="y" * size)
    return None if answer.status == 431 else f"{size} bytes of header: {answer.status}"


async def _nonsense(site: Site, connection: Connection, random: Random) -> str | None:
    request, status = random.choice(
        [
            (random.randbytes(200) + b"\r\n\r\n", 400),
            (b"POST /simple/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello", 413),
            (b"DELETE /simple/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
            (b"GET /simple/p0/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        ]
    )
    answer = await connection.send(request)
    return None if answer.status == status else f"{request[:20]!r}: {answer.status}"


_TROUBLE: list[Callable[[Site, Connection, Random], Awaitable[str | None]]] = [
    _slow_head,
    _lazy_reader,
    _aborted_download,
    _range_abuse,
    _path_traversal,
    _large_header,
    _nonsense,
]


async def _load(site: Site, seed: int, report: Report, *, seconds: float, clients: int, pid: int) -> None:
    """So many clients at a time, one in ten a troublemaker, until the time is over."""
    end = time.monotonic() + seconds

    async def client(number: int) -> None:
        random = Random(f"{seed}-{number}")
        while time.monotonic() < end:
            await (troublemaker if number % 10 == 9 else well_behaved)(site, random, report)

    async def watch() -> tuple[int, int]:
        await asyncio.sleep(seconds / 3)
        early = latest = resident(pid)
        while time.monotonic() < end:
            await asyncio.sleep(0.2)
            latest = max(latest, resident(pid))
        return early, latest

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(client(number) for number in range(clients)))
    early, latest = await watching
    sizes = f"{early >> 20} MiB after a third of the time, {latest >> 20} MiB at most after that"
    if latest - early > GROWTH:
        report.fail("memory grows", sizes)
    report.count(f"memory: {sizes}")


def run(cases: int, seed: int, folder: Path, *, clients: int = 200) -> Report:
    """Load both servers, one after the other.

    Args:
        cases: 60 ms of load each.
        seed: of the clients' choices.
        folder: for the index.
        clients: how many at a time.
    """
    report = Report(f"serving {clients} clients at once", seed)
    out = build_site(folder, seed, versions=min(cases, 300))
    pages = [f"/simple/{path.name}/" for path in sorted((out / "simple").iterdir()) if path.is_dir()]
    with started(folder, "index", "serve", str(out)) as (pid, port, errors):
        _in_a_thread(_both(Site(port, pages), cases, seed, report, clients, pid, errors))
        profile = folder / "machine.toml"
        profile.write_text('format = 1\nname = "machine"\n[properties.gpu]\narch = ["9"]\n')
        index = f"http://127.0.0.1:{port}/simple/"
        with started(folder, "proxy", "-i", index, "--profile", str(profile)) as (pid, port, errors):
            _in_a_thread(_both(Site(port, pages), cases, seed, report, clients, pid, errors))
    return report


def _in_a_thread(work: Coroutine[None, None, None]) -> None:
    """Playwright's fixture, in the same test process, has an event loop that runs in the main thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _both(
    site: Site, cases: int, seed: int, report: Report, clients: int, pid: int, errors: Path
) -> None:
    await site.learn()
    if not listens_on_loopback_only(site.port):
        report.fail("it listens on more than loopback", str(site.port))
    await _load(site, seed, report, seconds=cases * SECONDS_A_CASE, clients=clients, pid=pid)
    if text := errors.read_text().strip():
        report.fail("it complains", text[-2000:])
