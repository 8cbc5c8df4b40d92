"""A served index whose requests are counted, profiles in files, and variantctl between them."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from variantctl.cli import main

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Handler(SimpleHTTPRequestHandler):
    """Serves files and writes down what was asked for."""

    def __init__(self, *args: Any, asked: list[str], **kwargs: Any) -> None:
        self._asked = asked
        super().__init__(*args, **kwargs)

    def send_header(self, keyword: str, value: str) -> None:
        # Tests publish twice within the second that Last-Modified tells apart.
        if keyword != "Last-Modified":
            super().send_header(keyword, value)

    def log_message(self, format: str, *args: object) -> None:
        self._asked.append(self.path)


@contextmanager
def counted(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; gives its URL and the list of paths that are asked for."""
    asked: list[str] = []
    handler = partial(_Handler, directory=str(folder), asked=asked)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Its one JSON object."""
        value: dict[str, Any] = json.loads(self.out)
        return value


@dataclass
class Bench:
    """Runs commands in this process, with a cache and a folder of their own."""

    root: Path
    index: str
    capsys: Any
    asked: list[str] = field(default_factory=list)

    @property
    def lock(self) -> Path:
        """Where locks are written."""
        return self.root / "pylock.toml"

    def run(self, *arguments: str | Path) -> Outcome:
        """One command."""
        self.capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = self.capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    def locked(self, *arguments: str | Path) -> Outcome:
        """``lock``, which must work."""
        outcome = self.run("lock", *arguments, "-i", self.index, "-o", self.lock, *self.cache)
        assert outcome.code == 0, outcome.err
        return outcome

    def sync(self, *arguments: str | Path, lock: Path | None = None) -> Outcome:
        """``sync``, whatever comes of it."""
        return self.run("sync", lock or self.lock, *arguments, *self.cache)

    def plan(self, command: str, *arguments: str | Path) -> list[dict[str, Any]]:
        """What ``install`` or ``sync`` would install into an empty folder.

        Without ``fit``: what other builds there are, only an index knows, and a lock does not.
        """
        source = ("-i", self.index) if command == "install" else ()
        outcome = self.run(
            command,
            *arguments,
            *source,
            "--target",
            self.root / "nowhere",
            "--dry-run",
            "--json",
            *self.cache,
        )
        assert outcome.code == 0, outcome.out
        found: list[dict[str, Any]] = outcome.json["install"]
        return [{key: value for key, value in item.items() if key != "fit"} for item in found]

    @property
    def cache(self) -> tuple[str, str]:
        """The cache of this bench."""
        return "--cache-dir", str(self.root / "cache")

    def read(self) -> dict[str, Any]:
        """The lock, as TOML has it."""
        table: dict[str, Any] = tomllib.loads(self.lock.read_text("utf-8"))
        return table

    def package(self, name: str) -> dict[str, Any]:
        """The one entry of a package."""
        (found,) = (package for package in self.read()["packages"] if package["name"] == name)
        assert isinstance(found, dict)
        return found

    def profile(self, name: str, **tables: dict[str, Any]) -> str:
        """A profile file; gives its path."""
        import tomli_w

        path = self.root / f"{name}.toml"
        path.write_text(tomli_w.dumps({"format": 1, "name": name, **tables}), "utf-8")
        return str(path)


def file_names(package: dict[str, Any]) -> list[str]:
    """The wheels of an entry."""
    return [(wheel.get("url") or wheel["path"]).rpartition("/")[2] for wheel in package["wheels"]]
