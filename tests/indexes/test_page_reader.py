"""Project pages: HTML and JSON, well-formed and not."""

from __future__ import annotations

import contextlib
import html
import json
import time
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from variantctl.indexes.page_reader import LinkBase, ProjectPage, parse_project_page
from variantctl.indexes.project_files import sort_files
from variantctl.net.errors import SourceError
from variantctl.net.remote_file import RemoteFile

URL = "https://index.test/simple/foo/"
JSON = "application/vnd.pypi.simple.v1+json"


def from_html(text: str, *, url: str = URL, content_type: str = "text/html; charset=utf-8") -> ProjectPage:
    return parse_project_page(text.encode(), content_type, url)


def from_json(*files: object, **top: object) -> ProjectPage:
    data = {"meta": {"api-version": "1.1"}, "name": "foo", "files": list(files), **top}
    return parse_project_page(json.dumps(data).encode(), JSON, URL)


def only(page: ProjectPage) -> RemoteFile:
    assert page.skipped == ()
    (file,) = page.files
    return file


def test_html_anchor_with_every_attribute() -> None:
    file = only(
        from_html(
            '<a href="../../files/foo-1.0-py3-none-any.whl#sha256=ABCD" '
            'data-requires-python="&gt;=3.8,&lt;4" '
            'data-yanked="broken &amp; sad" data-core-metadata="sha256=EF01">foo</a>'
        )
    )
    assert file == RemoteFile(
        filename="foo-1.0-py3-none-any.whl",
        url="https://index.test/files/foo-1.0-py3-none-any.whl",
        hashes={"sha256": "abcd"},
        requires_python=">=3.8,<4",
        yanked="broken & sad",
        core_metadata={"sha256": "ef01"},
        source=URL,
    )


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", False),
        ('data-core-metadata="true"', True),
        ('data-core-metadata="false"', False),
        ('data-dist-info-metadata="sha256=aa"', {"sha256": "aa"}),
        ('data-core-metadata="sha256=aa" data-dist-info-metadata="true"', {"sha256": "aa"}),
        ('data-core-metadata="nonsense"', True),
    ],
)
def test_html_core_metadata(attribute: str, expected: object) -> None:
    assert only(from_html(f'<a href="foo-1-py3-none-any.whl" {attribute}>x</a>')).core_metadata == expected


@pytest.mark.parametrize(
    ("attribute", "expected"), [("", False), ("data-yanked", True), ('data-yanked=""', True)]
)
def test_html_yanked(attribute: str, expected: object) -> None:
    assert only(from_html(f'<a href="foo-1.tar.gz" {attribute}>x</a>')).yanked == expected


def test_html_base_and_percent_encoding() -> None:
    page = from_html(
        '<base href="/packages/"><a href="foo-1.0%2Bcu128-py3-none-any.whl">x</a>'
        '<a href=" https://other.test/a b/foo-2-py3-none-any.whl?x=1#sha256=aa&amp;egg=foo ">x</a>'
    )
    first, second = page.files
    assert first.filename == "foo-1.0+cu128-py3-none-any.whl"
    assert first.url == "https://index.test/packages/foo-1.0%2Bcu128-py3-none-any.whl"
    assert second.filename == "foo-2-py3-none-any.whl"
    assert second.url == "https://other.test/a%20b/foo-2-py3-none-any.whl?x=1"
    assert second.hashes == {"sha256": "aa"}


@pytest.mark.parametrize("charset", ["", "; charset=latin-1", "; charset=no-such-thing", "; charset=UTF-8"])
def test_html_of_any_charset(charset: str) -> None:
    page = from_html('<a href="foo-1.tar.gz">x</a>', content_type=f"text/html{charset}")
    assert [file.filename for file in page.files] == ["foo-1.tar.gz"]


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("ftp://host/foo-1.tar.gz", "ftp:"),
        ("javascript:alert(1)", "javascript:"),
        ("git+https://host/foo-1.tar.gz", "git+https:"),
        ("file:///etc/foo-1.tar.gz", "this machine"),
        ("http://[::1/foo-1.tar.gz", "not a valid URL"),
        ("http://host:port/foo-1.tar.gz", "not a valid URL"),
        ("http:///foo-1.tar.gz", "not a valid URL"),
        ("..%2F..%2Ffoo-1.tar.gz", "characters"),
        ("..%5Cfoo-1.tar.gz", "characters"),
        ("%00foo-1.tar.gz", "characters"),
        ("other/", "does not end in a file name"),
    ],
)
def test_links_that_are_not_followed(link: str, why: str) -> None:
    page = from_html(f'<a href="{link}">x</a><a href="foo-2.tar.gz">y</a>')
    assert [file.filename for file in page.files] == ["foo-2.tar.gz"]
    ((name, reason),) = page.skipped
    assert name and why in reason
    as_json = from_json({"filename": "../../x" if "%" in link else "foo-1.tar.gz", "url": link})
    assert as_json.files == () or "file name" in why


def test_local_page_may_name_local_files() -> None:
    page = from_html('<a href="../../files/foo-1.tar.gz">x</a>', url="file:///srv/simple/foo/index.html")
    assert only(page).url == "file:///srv/files/foo-1.tar.gz"


def test_json_with_every_key() -> None:
    file = only(
        from_json(
            {
                "filename": "foo-1.0-py3-none-any.whl",
                "url": "https://files.test/foo-1.0-py3-none-any.whl",
                "hashes": {"sha256": "ABCD", "blake2b": "99"},
                "requires-python": ">=3.8",
                "yanked": "why",
                "core-metadata": {"sha256": "ee"},
                "dist-info-metadata": False,
                "size": 12,
                "upload-time": "2026-01-01T00:00:00Z",
            }
        )
    )
    assert file == RemoteFile(
        "foo-1.0-py3-none-any.whl",
        "https://files.test/foo-1.0-py3-none-any.whl",
        {"sha256": "abcd", "blake2b": "99"},
        ">=3.8",
        "why",
        {"sha256": "ee"},
        12,
        URL,
        "2026-01-01T00:00:00Z",
    )


@pytest.mark.parametrize(
    "entry",
    [
        "text",
        None,
        3,
        {},
        {"filename": "foo-1.tar.gz"},
        {"url": "foo-1.tar.gz"},
        {"filename": 5, "url": "x"},
        {"filename": "a/b.whl", "url": "b.whl"},
        {"filename": "..", "url": "b.whl"},
    ],
)
def test_json_entries_that_cannot_be_used_are_named(entry: object) -> None:
    page = from_json(entry, {"filename": "foo-2.tar.gz", "url": "foo-2.tar.gz"})
    assert [file.filename for file in page.files] == ["foo-2.tar.gz"]
    assert len(page.skipped) == 1


def test_json_values_of_wrong_types_are_taken_as_absent() -> None:
    file = only(
        from_json(
            {
                "filename": "foo-1.tar.gz",
                "url": "foo-1.tar.gz",
                "hashes": {"sha256": 5},
                "requires-python": 3,
                "size": "big",
                "yanked": None,
                "core-metadata": None,
            }
        )
    )
    assert file == RemoteFile("foo-1.tar.gz", f"{URL}foo-1.tar.gz", {}, source=URL)


@pytest.mark.parametrize(
    ("content", "content_type", "says"),
    [
        (b'{"files": [', JSON, "broken JSON"),
        (b"\xff\xfe", JSON, "broken JSON"),
        (b"[" * 100_000, JSON, "broken JSON"),
        (b"[]", JSON, "not a JSON object"),
        (b"{}", JSON, "files"),
        (b'{"files": {}}', JSON, "files"),
        (b'{"meta": {"api-version": "2.0"}, "files": []}', JSON, "version 2.0"),
        (b'<meta name="pypi:repository-version" content="2.1">', "text/html", "version 2.1"),
        (b"PK", "application/zip", "application/zip"),
        (b"hello", "text/plain", "text/plain"),
    ],
)
def test_pages_that_are_refused(content: bytes, content_type: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        parse_project_page(content, content_type, URL)
    assert caught.value.hint


@pytest.mark.parametrize("content_type", ["", "application/json", "text/html"])
def test_types_that_are_understood(content_type: str) -> None:
    assert (
        parse_project_page(b"" if "html" in content_type else b'{"files": []}', content_type, URL).files == ()
    )


@given(st.binary(max_size=300), st.sampled_from(["text/html", JSON, ""]))
def test_any_bytes_give_a_page_or_our_error(content: bytes, content_type: str) -> None:
    with contextlib.suppress(SourceError):
        parse_project_page(content, content_type, URL)


@given(st.text(alphabet="<>a href=\"'!-[]/x#sha256=&;\n", max_size=200))
def test_any_markup_gives_a_page_or_our_error(text: str) -> None:
    with contextlib.suppress(SourceError):
        from_html(text)


_NAMES = st.text(alphabet="abc019._+-é ~", min_size=1, max_size=20).filter(
    lambda s: s.strip(". ") and s == s.strip()
)


@given(st.lists(_NAMES, unique=True), st.text(alphabet="<>=&\"'ab,. ", max_size=10))
def test_html_and_json_of_the_same_files_agree(names: list[str], requires: str) -> None:
    anchors = "".join(
        f'<a href="{html.escape(quote(name))}#sha256=ab" data-requires-python="{html.escape(requires)}">x</a>'
        for name in names
    )
    entries = [
        {"filename": n, "url": quote(n), "hashes": {"sha256": "ab"}, "requires-python": requires}
        for n in names
    ]
    assert from_html(anchors).files == from_json(*entries).files


def test_a_page_of_ten_megabytes_is_read_in_seconds() -> None:
    anchor = (
        '<a href="/files/{0}/foo-{0}-py3-none-any.whl#sha256={1}" data-requires-python="&gt;=3.8">foo</a>\n'
    )
    text = "".join(anchor.format(number, "ab" * 32) for number in range(65_000))
    assert len(text) > 10_000_000
    start = time.perf_counter()
    assert len(from_html(text).files) == 65_000
    assert time.perf_counter() - start < 20


def test_files_are_sorted_by_what_they_are() -> None:
    names = [
        "foo-1.0-py3-none-any.whl",
        "foo-1.0-py3-none-any-cu128.whl",
        "foo-1.0-variants.json",
        "foo-1.0.tar.gz",
        "bar-1.0-py3-none-any.whl",
        "bar-1.0-variants.json",
        "bar-1.0.zip",
        "foo-one-py3-none-any.whl",
        "foo-x-variants.json",
        "foo-1.0.exe",
        "foo-1.0-py3-none-any.whl",
    ]
    files = sort_files("Foo", "src", [RemoteFile(name, f"https://h.test/{name}") for name in names])
    assert [link.wheel.label for link in files.wheels] == [None, "cu128"]
    assert list(files.variants_json) == [Version("1.0")]
    assert [file.filename for file in files.sdists] == ["foo-1.0.tar.gz"]
    assert dict(files.skipped).keys() == set(names[4:])
    assert "belongs to bar" in dict(files.skipped)["bar-1.0-py3-none-any.whl"]
    assert "twice" in dict(files.skipped)["foo-1.0-py3-none-any.whl"]
    assert all(reason for _, reason in files.skipped)


def test_versions_come_newest_first() -> None:
    names = ["foo-1.0-py3-none-any.whl", "foo-10.0-py3-none-any.whl", "foo-2.0rc1-py3-none-any.whl"]
    files = sort_files("foo", "src", [RemoteFile(name, f"https://h.test/{name}") for name in names])
    assert [str(version) for version in files.by_version] == ["10.0", "2.0rc1", "1.0"]
    assert files.wheels_of(Version("1")) == (files.wheels[0],)
    assert files.wheels_of(Version("3")) == ()


_SEGMENT = st.text(alphabet="ab.~%2:;", max_size=3)


@given(
    st.sampled_from(
        ["https://h.test/a/b/", "https://h.test/a/b", "file:///srv/a/b/index.html", "http://h.test"]
    ),
    st.lists(st.one_of(st.sampled_from(["..", ".", "", "https:", "h2.test"]), _SEGMENT), max_size=5),
    st.sampled_from(["", "?q=/../x", "#sha256=ab/..", "?a#b"]),
)
def test_links_are_joined_as_urllib_joins_them(base: str, segments: list[str], rest: str) -> None:
    link = "/".join(segments) + rest
    try:
        parts = urlsplit(urljoin(base, link))
        valid = parts.scheme not in ("http", "https") or bool(parts.hostname)
        _ = parts.port
    except ValueError:
        valid = False
    assert LinkBase(base).resolve(link) == (urljoin(base, link) if valid else None)
