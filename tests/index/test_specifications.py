"""Our pages against the specification of the Simple API: as tables of keys, and as pypi-simple reads them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pypi_simple import ProjectPage
from variant_index.operations import IndexAt, add_files, set_status, yank_files

from tests.index.trees import wheel
from variantctl.indexes.page_writer import ProjectStatus

_TEXT = {"type": "string"}
_HASHES = {"type": "object", "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]+$"}}
_META = {
    "type": "object",
    "properties": {"api-version": {"const": "1.4"}},
    "required": ["api-version"],
}

#: PEP 691, 700, 592, 714, 740 and 792, key by key. Keys with a leading underscore are the server's own.
PROJECT = {
    "type": "object",
    "properties": {
        "meta": _META,
        "name": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"},
        "versions": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "project-status": {
            "type": "object",
            "properties": {
                "status": {"enum": ["active", "archived", "quarantined", "deprecated"]},
                "reason": _TEXT,
            },
            "required": ["status"],
            "additionalProperties": False,
        },
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "filename": _TEXT,
                    "url": _TEXT,
                    "hashes": _HASHES,
                    "requires-python": _TEXT,
                    "core-metadata": {"anyOf": [{"type": "boolean"}, _HASHES]},
                    "dist-info-metadata": {"anyOf": [{"type": "boolean"}, _HASHES]},
                    "gpg-sig": {"type": "boolean"},
                    "yanked": {"type": ["boolean", "string"]},
                    "size": {"type": "integer", "minimum": 0},
                    "upload-time": {
                        "type": "string",
                        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$",
                    },
                    "provenance": {"type": ["null", "string"], "format": "uri"},
                },
                "required": ["filename", "url", "hashes", "size"],
                "additionalProperties": False,
            },
        },
    },
    "patternProperties": {"^_": {}},
    "required": ["meta", "name", "files", "versions"],
    "additionalProperties": False,
}
ROOT = {
    "type": "object",
    "properties": {
        "meta": _META,
        "projects": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": _TEXT}, "required": ["name"]},
        },
    },
    "required": ["meta", "projects"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def simple(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in which everything occurs that a page can say."""
    folder = tmp_path_factory.mktemp("index")
    labels = (None, "null", "cu126", "cu128")
    made = [
        wheel(folder / "w", name, v, label) for name in ("a.B", "c") for v in ("1", "2+x") for label in labels
    ]
    index = IndexAt(folder)
    add_files(made, index)
    yank_files(["a-b==1"], index, 'it\'s <broken> & "bad"')
    yank_files(["a-b==2+x"], index, True)
    set_status("a-b", ProjectStatus("deprecated", "use <c>"), index)
    set_status("c", ProjectStatus("quarantined"), index)
    return folder / "simple"


@pytest.mark.parametrize("name", ["a-b", "c"])
def test_json_pages_have_the_keys_of_the_specification(simple: Path, name: str) -> None:
    page = json.loads((simple / name / "index.json").read_text())
    jsonschema.validate(page, PROJECT)
    assert page["versions"] == ["1", "2+x"]
    assert bool(page["files"]) == (name == "a-b")
    for file in page["files"]:
        assert "upload-time" in file or file["filename"].endswith("-variants.json")
    jsonschema.validate(json.loads((simple / "index.json").read_text()), ROOT)


def test_an_independent_reader_finds_the_same_in_both_pages(simple: Path) -> None:
    url = "https://host/simple/a-b/"
    as_json = ProjectPage.from_json_data(json.loads((simple / "a-b/index.json").read_text()), url)
    as_html = ProjectPage.from_html("a-b", (simple / "a-b/index.html").read_text(), url)
    assert as_json.repository_version == as_html.repository_version == "1.4"
    assert len(as_json.packages) == len(as_html.packages) == 8 + 2
    for left, right in zip(as_json.packages, as_html.packages, strict=True):
        assert left.filename == right.filename
        assert left.url == right.url
        assert left.digests == right.digests
        assert left.requires_python == right.requires_python
        assert (left.is_yanked, left.yanked_reason or "") == (right.is_yanked, right.yanked_reason or "")
        assert left.has_metadata == right.has_metadata
        assert left.metadata_digests == right.metadata_digests
    assert {
        package.yanked_reason for package in as_json.packages if package.filename.startswith("a_b-1-py")
    } == {'it\'s <broken> & "bad"'}
