"""Installed packages as requirements: the forms of "Recording the Direct URL Origin"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.target.frozen import frozen_line
from variantctl.target.installed import InstalledPackage


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        (None, "lib==1.0+cu128"),
        (
            {"url": "https://host/lib.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "lib @ https://host/lib.whl#sha256=ab",
        ),
        (
            {"url": "https://host/lib.zip", "archive_info": {"hash": "sha256=ab"}, "subdirectory": "src"},
            "lib @ https://host/lib.zip#sha256=ab&subdirectory=src",
        ),
        ({"url": "https://user:secret@host/lib.whl", "archive_info": {}}, "lib @ https://host/lib.whl"),
        (
            {"url": "https://host/lib.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "lib @ git+https://host/lib.git@abc",
        ),
        ({"url": "file:///src/lib", "dir_info": {}}, "lib @ file:///src/lib"),
    ],
)
def test_forms(direct_url: dict[str, Any] | None, line: str) -> None:
    assert frozen_line(_package(direct_url)) == line


def test_an_editable_folder() -> None:
    direct_url = {"url": Path("/src/lib").as_uri(), "dir_info": {"editable": True}}
    assert frozen_line(_package(direct_url, editable=True)) == f"-e {Path('/src/lib')}"


def _package(direct_url: dict[str, Any] | None, *, editable: bool = False) -> InstalledPackage:
    return InstalledPackage(
        canonicalize_name("lib"),
        Version("1.0+cu128"),
        Path("lib.dist-info"),
        direct_url=direct_url,
        editable=editable,
    )
