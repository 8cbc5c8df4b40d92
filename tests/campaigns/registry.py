"""An index in memory: pages and METADATA of packages that exist nowhere else, wheels built when asked for."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

from packaging.specifiers import SpecifierSet

from variantctl.wheels.build import build_wheel

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True)
class Release:
    """One version of a package, as one pure wheel.

    Attributes:
        name: the project, normalized.
        version: the version.
        requires: requirements.
        extras: extra -> requirements.
        requires_python: a specifier, or ``None``.
        yanked: whether the page says so.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)
    requires_python: str | None = None
    yanked: bool = False

    def fits(self, python: str) -> bool:
        """Whether Requires-Python lets a version of Python in."""
        return self.requires_python is None or SpecifierSet(self.requires_python).contains(python)


class Registry:
    """Serves releases on loopback, as a Simple index (PEP 691) with METADATA beside the wheels (PEP 658).

    Attributes:
        url: of the index.
        asked: the paths of all requests.
    """

    def __init__(self) -> None:
        self._pages: dict[str, list[dict[str, object]]] = {}
        self._metadata: dict[str, bytes] = {}
        self._releases: dict[str, Release] = {}
        self.asked: list[str] = []
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/simple/"

    def __enter__(self) -> Registry:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, release: Release) -> None:
        """List a release; its wheel is built when somebody asks for it, which a dry run hardly does."""
        filename = wheel_name_of(release)
        metadata = metadata_of(release)
        digest = {"sha256": hashlib.sha256(metadata).hexdigest()}
        entry: dict[str, object] = {
            "filename": filename,
            "url": f"/files/{filename}",
            "hashes": {},
            "core-metadata": digest,
            "dist-info-metadata": digest,
            "yanked": "a reason" if release.yanked else False,
        }
        if release.requires_python:
            entry["requires-python"] = release.requires_python
        self._pages.setdefault(release.name, []).append(entry)
        self._metadata[f"/files/{filename}.metadata"] = metadata
        self._releases[f"/files/{filename}"] = release

    def answer(self, path: str) -> tuple[bytes, str] | None:
        """The content of a path, and its type; ``None`` where there is nothing."""
        self.asked.append(path)
        if path in self._metadata:
            return self._metadata[path], "application/octet-stream"
        if path in self._releases:
            return _wheel(self._releases[path]), "application/octet-stream"
        name = path.removeprefix("/simple/").strip("/")
        if name not in self._pages:
            return None
        page = {"meta": {"api-version": "1.1"}, "name": name, "versions": [], "files": self._pages[name]}
        return json.dumps(page).encode(), JSON


def wheel_name_of(release: Release) -> str:
    """The filename of a release's wheel."""
    return f"{release.name.replace('-', '_')}-{release.version}-py3-none-any.whl"


def metadata_of(release: Release) -> bytes:
    """METADATA of a release's wheel."""
    lines = ["Metadata-Version: 2.1", f"Name: {release.name}", f"Version: {release.version}"]
    if release.requires_python:
        lines.append(f"Requires-Python: {release.requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in release.requires]
    for extra, requirements in release.extras.items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            wanted, _, marker = requirement.partition(" ; ")
            condition = f"({marker}) and " if marker else ""
            # With a space before the marker: "===1.0;" would be a version.
            lines.append(f'Requires-Dist: {wanted} ; {condition}extra == "{extra}"')
    return ("\n".join(lines) + "\n").encode()


def _wheel(release: Release) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        info = {"METADATA": metadata_of(release)}
        path = build_wheel(Path(folder), name=release.name, version=release.version, dist_info=info)
        return path.read_bytes()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write for headers and content: two would wait for each other (Nagle, delayed acknowledgement).
    wbufsize = 1 << 16
    registry: Registry

    def do_GET(self) -> None:
        found = self.registry.answer(unquote(self.path))
        content, content_type = found or (b"not here", "text/plain")
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
