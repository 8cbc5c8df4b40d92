"""Numbers of others: ``²`` is a digit for Python and no number, and 6,000 digits are one that it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from variant_index.importing import code, tags

from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.indexes.test_odd_servers import install
from variantctl.backends.names import parse_accelerator_name
from variantctl.cache.pages import lifetime
from variantctl.cli import app
from variantctl.config.moments import uploaded_at
from variantctl.machine_code.cuda import toolkit_majors
from variantctl.net.client import retry_after
from variantctl.net.ranges import content_range
from variantctl.select import driver_updates
from variantctl.select.compatibility import _glibc
from variantctl.serving.client_limits import _is_sensible
from variantctl.target.platforms import UnknownPlatformError, platform_tags_of
from variantctl.variants.digits import whole_number
from variantctl.variants.schemas import format_of
from variantctl.wheels import batch, contradictions
from variantctl.wheels.build import build_wheel
from variantctl.wheels.static_metadata import from_pkg_info
from variantctl.workers.executors import WorkersError, parse_workers

ROOT = Path(__file__).parent.parent
LONG = "9" * 6000
FUTURE = "Mon, 01 Jan 0001 00:00:00 +" + "9" * 300


def _pkg_info(version: str) -> object:
    return from_pkg_info(f"Metadata-Version: {version}\nName: a\nVersion: 1\n".encode(), "PKG-INFO")


ANSWERS: dict[str, tuple[Callable[[], object], object]] = {
    "age": (lambda: lifetime({"age": "²", "cache-control": "max-age=5"}), 5.0),
    "age in Arabic": (lambda: lifetime({"age": "٣", "cache-control": "max-age=5"}), 5.0),
    "expires": (lambda: lifetime({"expires": FUTURE}), 0.0),
    "retry": (lambda: retry_after("²"), None),
    "retry at": (lambda: retry_after(FUTURE), None),
    "retry, long": (lambda: retry_after(LONG), None),
    "range of content": (lambda: content_range({"content-range": f"bytes 0-1/{LONG}"}), None),
    "range": (lambda: _is_sensible(f"bytes=0-{LONG[:4400]}"), False),
    "uploaded late": (lambda: uploaded_at("9999-12-31T23:59:59-23:59"), None),
    "uploaded early": (lambda: uploaded_at("0001-01-01T00:00:00+23:59"), None),
    "schema": (lambda: isinstance(format_of(f"https://x.dev/v{LONG}.0.0.json"), str), True),
    "metadata version": (lambda: _pkg_info("².²"), None),
    "metadata version, long": (lambda: _pkg_info(f"1.{LONG}"), None),
    "label": (lambda: parse_accelerator_name("cu1²6"), None),
    "driver": (lambda: driver_updates._version(f"12.{LONG}"), ()),
    "declared": (lambda: contradictions._version("12.²"), (12, 0)),
    "declared, long": (lambda: contradictions._version(f"12.{LONG}"), (12, 0)),
    "bound": (lambda: code._number(f"12.{LONG}.²"), (12,)),
    "glibc": (lambda: _glibc(f"manylinux_2_{LONG}_x86_64"), None),
    "library": (lambda: toolkit_majors([f"libcublas.so.{LONG}"]), set()),
    "process": (lambda: batch._is_running("9" * 200), True),
    "process that cannot be": (lambda: batch._is_running("9" * 18), False),
    "process in Arabic": (lambda: batch._is_running("²"), True),
}


@pytest.mark.parametrize("what", list(ANSWERS))
def test_no_number_is_no_bug(what: str) -> None:
    ask, answer = ANSWERS[what]
    assert ask() == answer


@pytest.mark.parametrize("text", [LONG, "²", "٣", "-1", "0", "", "1_0", " 4"])
def test_workers(text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(WorkersError):
        parse_workers(text)
    assert app.run(["index", "build", str(tmp_path), "-o", str(tmp_path / "o"), f"--workers={text}"]) == 2
    assert len(capsys.readouterr().err) < 1000


def test_pythons_and_systems() -> None:
    with pytest.raises(tags.SelectionError):
        tags.Pythons([f"3.{LONG}"])
    # A billion tags would be made for the second.
    for libc in (f"glibc 2.{LONG}", "glibc 2.999999999", "musl 1.999999999"):
        with pytest.raises(UnknownPlatformError):
            platform_tags_of("Linux", "x86_64", libc, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Age": "²", "Cache-Control": "max-age=600"},
        {"Expires": FUTURE, "Cache-Control": ""},
        {"Cache-Control": f"max-age={LONG}"},
        {"Content-Range": f"bytes 0-1/{LONG}"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers(headers: dict[str, str], tmp_path: Path, server: LoopbackServer) -> None:
    """Of pages and of files: what is installed is what was asked for."""
    wheel = build_wheel(server.folder / "files", name="one", version="1", files={"one.py": b"x" * 100_000})
    entry = {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}}
    page = {"meta": {"api-version": "1.1"}, "name": "one", "files": [entry]}
    encoded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    server.rule(
        "/simple/one/", body=json.dumps(page).encode(), headers={**encoded, "Content-Type": JSON_TYPE}
    )
    server.rule(f"/files/{wheel.name}", headers=encoded)
    assert install(tmp_path, server.url)["install"][0]["version"] == "1"


def test_a_server_that_asks_to_wait_for_nothing_that_can_be_read(
    tmp_path: Path, server: LoopbackServer
) -> None:
    server.rule("/simple/one/", status=503, headers={"Retry-After": "\xb2"})
    assert install(tmp_path, server.url, code=1)["error"]["kind"] == "network"


def test_a_moment_at_the_end_of_the_calendar(tmp_path: Path, server: LoopbackServer) -> None:
    wheel = build_wheel(server.folder / "files", name="one", version="1", files={"one.py": b""})
    entry = {
        "filename": wheel.name,
        "url": f"/files/{wheel.name}",
        "hashes": {},
        "upload-time": "9999-12-31T23:59:59-23:59",
    }
    page = {"meta": {"api-version": "1.1"}, "name": "one", "files": [entry]}
    server.rule("/simple/one/", body=json.dumps(page).encode(), headers={"Content-Type": JSON_TYPE})
    said = install(tmp_path, server.url, "--exclude-newer", "2026-01-01", code=1)
    assert said["error"]["kind"] != "bug"


def test_one_place_decides_what_a_number_is() -> None:
    """``isdigit`` takes more than ``int`` does; ``whole_number`` is for what others write."""
    assert whole_number("²") is whole_number("٣") is whole_number("1" * 19) is whole_number("") is None
    assert whole_number("007") == 7
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("variantctl", "index", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\.is(digit|decimal|numeric)\(\)", line)
        and "isascii" not in line
        and "bytes" not in line
    ]
    assert wrong == []
