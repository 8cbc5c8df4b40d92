"""Pages written are pages read: by our own reader here, by pip and uv in tests/index."""

from __future__ import annotations

import json

import pytest

from variantctl.indexes.page_reader import parse_project_page
from variantctl.indexes.page_writer import (
    HTML_TYPE,
    JSON_TYPE,
    PageFile,
    ProjectStatus,
    project_html,
    project_json,
    root_html,
    root_json,
)

FILES = (
    PageFile(
        "a_b-1.0+c1-py3-none-any.whl",
        {"md5": "11", "sha256": "22"},
        size=7,
        requires_python=">=3.9,<4",
        core_metadata={"sha256": "33"},
        yanked='broken <"here"> & there',
        upload_time="2025-01-31T12:00:00.000000Z",
        provenance="https://example.org/a?b&c",
    ),
    PageFile(
        "a_b-1.1-py3-none-any.whl", url="../files/a_b-1.1-py3-none-any.whl", core_metadata=True, yanked=True
    ),
    PageFile("a_b-1.2.tar.gz", {"blake2b": "44"}, url="https://example.org/x/a_b-1.2.tar.gz"),
)
PAGES = {
    "html": (HTML_TYPE, project_html("a-b", FILES)),
    "json": (JSON_TYPE, project_json("a-b", ["1"], FILES)),
}


@pytest.mark.parametrize("kind", PAGES)
def test_what_is_written_is_read(kind: str) -> None:
    content_type, content = PAGES[kind]
    read = parse_project_page(content, content_type, "https://host/simple/a-b/")
    assert not read.skipped
    assert [file.filename for file in read.files] == [file.filename for file in FILES]
    assert [file.url for file in read.files] == [
        "https://host/simple/a-b/a_b-1.0%2Bc1-py3-none-any.whl",
        "https://host/simple/files/a_b-1.1-py3-none-any.whl",
        "https://example.org/x/a_b-1.2.tar.gz",
    ]
    first, second, third = read.files
    assert first.requires_python == ">=3.9,<4"
    assert [file.yanked for file in read.files] == [FILES[0].yanked, True, False]
    assert [file.core_metadata for file in read.files] == [{"sha256": "33"}, True, False]
    assert first.hashes["sha256"] == "22"
    assert (second.hashes, third.hashes) == ({}, {"blake2b": "44"})
    if kind == "json":
        assert (first.size, first.upload_time) == (7, "2025-01-31T12:00:00.000000Z")
        assert json.loads(content)["files"][0]["provenance"] == "https://example.org/a?b&c"
    else:
        assert b'data-provenance="https://example.org/a?b&amp;c"' in content


def test_the_status_of_a_project_is_said_unless_it_is_active() -> None:
    status = ProjectStatus("archived", 'see "b"')
    page = json.loads(project_json("a", [], [], status, {"_mine": 1}))
    assert page["project-status"] == {"status": "archived", "reason": 'see "b"'}
    assert page["_mine"] == 1
    html = project_html("a", [], status)
    assert b'<meta name="pypi:project-status" content="archived">' in html
    assert b'<meta name="pypi:project-status-reason" content="see &quot;b&quot;">' in html
    assert "project-status" not in json.loads(project_json("a", [], []))
    assert b"project-status" not in project_html("a", [])


def test_pages_say_the_version_that_defines_what_they_hold() -> None:
    for page in (project_json("a", [], []), root_json(["a"])):
        assert json.loads(page)["meta"] == {"api-version": "1.4"}
    for page in (project_html("a", []), root_html(["a"])):
        assert b'<meta name="pypi:repository-version" content="1.4">' in page
