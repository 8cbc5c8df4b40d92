"""Answers that cost more than they are worth: bounded in memory and time, refused in clear words."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.indexes.server import JSON_TYPE, LoopbackServer
from variantctl.indexes.html_anchors import MOST_STEPS, Anchors, TooManyTags
from variantctl.indexes.page_reader import parse_project_page
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy
from variantctl.net.errors import NetworkError, SourceError

BODY = b"<a href='one-1-py3-none-any.whl'>x</a>" * 10


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    with LoopbackServer(tmp_path) as server:
        yield server


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient(HttpSettings(retry=RetryPolicy(retries=0)), environ={}) as client:
        yield client


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


CODED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "GZIP": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
    "identity": BODY,
    "identity, gzip": gzip.compress(BODY),
}


@pytest.mark.parametrize("coding", CODED)
def test_one_coding_is_undone(server: LoopbackServer, client: HttpClient, coding: str) -> None:
    server.rule("/x", body=CODED[coding], headers={"Content-Encoding": coding})
    assert client.get(f"{server.url}/x").content == BODY
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    "body",
    [
        bare_deflate(BODY),
        gzip.compress(BODY[:100]) + gzip.compress(b"") + gzip.compress(BODY[100:]),
        gzip.compress(BODY) + b"\0" * 100,
    ],
    ids=["bare deflate", "three members", "padded"],
)
def test_odd_spellings_of_a_coding(server: LoopbackServer, client: HttpClient, body: bytes) -> None:
    coding = "gzip" if body.startswith(b"\x1f\x8b") else "deflate"
    server.rule("/x", body=body, headers={"Content-Encoding": coding})
    assert client.get(f"{server.url}/x").content == BODY


@pytest.mark.parametrize("coding", ["gzip, gzip", "gzip,deflate", "br", "zstd", "compress"])
def test_other_codings_are_refused_by_name(server: LoopbackServer, client: HttpClient, coding: str) -> None:
    twice = gzip.compress(gzip.compress(b"\0" * 10_000_000))
    server.rule("/x", body=twice, headers={"Content-Encoding": coding})
    with pytest.raises(NetworkError, match="not asked for") as caught:
        client.get(f"{server.url}/x")
    assert re.split(r",\s*", coding)[0] in caught.value.message
    assert "gzip or deflate" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "body",
    [gzip.compress(BODY)[:-12], gzip.compress(BODY)[:30], b"no gzip at all"],
    ids=["cut", "half", "none"],
)
def test_damaged_data(server: LoopbackServer, client: HttpClient, body: bytes) -> None:
    server.rule("/x", body=body, headers={"Content-Encoding": "gzip"})
    with pytest.raises(NetworkError, match="compressed"):
        client.get(f"{server.url}/x")


PROGRAM = """
import re, sys
from pathlib import Path
from variantctl.net.client import HttpClient
from variantctl.variants.errors import VariantctlError
client = HttpClient(environ={})
try:
    client.get(sys.argv[1])
except VariantctlError as error:
    print(error.message)
# Not getrusage: what it says is no less than the process had that started this one.
print(int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
def test_a_bomb_takes_little_memory(server: LoopbackServer, coding: str) -> None:
    packer = zlib.compressobj(9, wbits=15 if coding == "deflate" else 31)
    zeros = b"\0" * (1 << 24)
    bomb = b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()
    if "," in coding:
        bomb = gzip.compress(bomb)
        assert len(bomb) < 10_000
    server.rule("/x", body=bomb, headers={"Content-Encoding": coding})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"{server.url}/x"], capture_output=True, text=True, check=True
    )
    said, megabytes = done.stdout.splitlines()
    assert "not asked for" in said if "," in coding else "times its size" in said
    assert int(megabytes) < 150


# --- pages ---

N = 200_000
SLOW = {
    "comments": "<!--" * N,
    "ended": "<!-->" * N + "<!-- " * N,
    "less-than": "<" * N,
    "anchors": "<a>" * N,
    "unclosed": "<a " * N,
    "attributes": "<a " + "x " * N,
    "values": "<a " + "x = " * N,
    "quotes": "<a href=\"'" * N,
    "sections": "<![CDATA[" * N,
    "declarations": "<!x" * N,
    "instructions": "<?" * N,
    "ends": "</" * N,
    "scripts": "<script>" * N,
    "titles": "<title><!--" * N,
    "blanks": "<a" + " " * N + "=" + "\n" * N + "x",
    "number": f"<a href='&#{'9' * N};&#x{'f' * N};'>",
    "entities": f"<a href='{'&' * N}'>",
    "base": "<base href='" + "../" * N + "'><a href='x'>" * 10,
}


@pytest.mark.parametrize("name", SLOW)
def test_html_takes_time_as_long_as_it_is(name: str) -> None:
    text = SLOW[name]
    started = time.monotonic()
    parse_project_page(text.encode(), "text/html", "http://host/simple/x/")
    once = time.monotonic() - started
    assert once < 5 + len(text) / 500_000


def test_html_with_too_many_tags() -> None:
    with pytest.raises(TooManyTags):
        Anchors("<b x>" * (MOST_STEPS // 2 + 1))
    with pytest.raises(SourceError, match="tags"):
        parse_project_page(b"<" * (MOST_STEPS + 1), "text/html", "http://host/simple/x/")


@pytest.mark.parametrize("piece", [b"{},", b"[],", b"0,"])
def test_json_with_too_many_values(piece: bytes) -> None:
    content = b'{"files": [' + piece * 5_000_001 + b"0]}"
    started = time.monotonic()
    with pytest.raises(SourceError, match="too many values"):
        parse_project_page(content, JSON_TYPE, "http://host/simple/x/")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b'{"files": ' + b"9" * 100_000])
def test_json_that_python_refuses(content: bytes) -> None:
    with pytest.raises(SourceError):
        parse_project_page(content, JSON_TYPE, "http://host/simple/x/")


class Standard(HTMLParser):
    """What the standard library's parser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(reversed(attrs)))


PIECES = (
    "<a href='x.whl'>",
    '<A HREF="y&amp;z" data-yanked>',
    "<a href=z.whl#sha256=00 data-requires-python='&gt;=3'>",
    "</a>",
    "<br/>",
    "<!-- <a href='no'> -->",
    "<!DOCTYPE html>",
    "<p title='<a href=no>'>",
    "text & more ",
    "<script>var a = '<a href=no>'</script>",
    "<a\n\thref = 'spaced.whl'\n/>",
)


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_ordinary_pages_are_read_as_by_the_standard_library(pieces: list[str]) -> None:
    text = "".join(pieces)
    standard = Standard()
    standard.feed(text)
    standard.close()
    assert Anchors(text).anchors == standard.anchors


@given(st.text(alphabet="<>a!-/ ='\"&x#\n", max_size=200))
def test_no_text_ends_the_reader(text: str) -> None:
    Anchors(text)


def test_random_bytes() -> None:
    dice = random.Random(7)
    for _ in range(200):
        parse_project_page(dice.randbytes(500), "text/html", "http://host/simple/x/")


def test_a_page_of_forty_thousand_files() -> None:
    entry = '<a href="https://h/one-{0}-py3-none-any.whl#sha256=00" data-requires-python="&gt;=3">x</a>\n'
    page = parse_project_page("".join(map(entry.format, range(40_000))).encode(), "text/html", "http://host/")
    assert len(page.files) == 40_000
    files = [{"filename": f"one-{n}-py3-none-any.whl", "url": "x", "hashes": {}} for n in range(40_000)]
    assert (
        len(parse_project_page(json.dumps({"files": files}).encode(), JSON_TYPE, "http://host/").files)
        == 40_000
    )
