"""Yanked files (PEP 592) and the status of projects (PEP 792) are said, with the reason."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.install.support import new_place
from variantctl.indexes.page_reader import parse_project_page
from variantctl.indexes.project_status import ACTIVE, ProjectStatus, read_status
from variantctl.wheels.build import build_wheel

REASON = "it deletes your home folder"


class Scene:
    """An index with one project, an environment, and variantctl between them."""

    def __init__(self, folder: Path, server: LoopbackServer) -> None:
        self.folder, self.server = folder, server
        self.wheel = build_wheel(folder / "site/files", name="one", version="1", files={"one.py": b""})
        new_place(folder)
        self.index = ("-i", f"{server.url}/simple/", "--no-backends")

    def page(
        self, *, yanked: bool | str = False, status: dict[str, str] | None = None, files: int = 1
    ) -> None:
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        url = f"{self.server.url}/files/{self.wheel.name}"
        entry = {"filename": self.wheel.name, "url": url, "hashes": {"sha256": digest}, "yanked": yanked}
        page: dict[str, Any] = {"meta": {"api-version": "1.4"}, "name": "one", "files": [entry] * files}
        if status is not None:
            page["project-status"] = status
        headers = {"Content-Type": JSON_TYPE}
        self.server.rule("/simple/one/", body=json.dumps(page).encode(), headers=headers)

    def run(self, *words: str, code: int = 0, at: bool = True) -> tuple[dict[str, Any], str]:
        """What ``--json`` says, and what a person sees."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(self.folder / "cache")}
        place = ("-p", str(self.folder / "env")) if at else ()
        said = []
        for flags in (["--json"], []):
            done = commands.run(*words, *place, *flags, env=environ, cwd=self.folder)
            assert done.returncode == code, done.stdout + done.stderr
            said.append(done)
        return json.loads(said[0].stdout), said[1].stdout + said[1].stderr


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "site").mkdir()
    with LoopbackServer(tmp_path / "site") as server:
        yield Scene(tmp_path, server)


@pytest.mark.parametrize(("yanked", "why"), [(REASON, REASON), (True, "no reason given")])
def test_a_yanked_release(scene: Scene, yanked: bool | str, why: str) -> None:
    scene.page(yanked=yanked)
    sentence = f"one 1 was yanked: {why}"
    for _again in range(2):  # from the index, then from what was kept of its page
        answer, seen = scene.run("install", "one==1", "--dry-run", *scene.index)
        assert sentence in answer["notes"] and sentence in seen
        assert answer["install"][0]["withdrawn"] == [f"was yanked: {why}"]
    answer, seen = scene.run("lock", "one==1", "-o", "pylock.toml", *scene.index, at=False)
    assert sentence in seen
    assert answer["install"][0]["withdrawn"] == [f"was yanked: {why}"]
    answer, seen = scene.run("sync", "pylock.toml", "--dry-run")
    assert sentence in answer["notes"] and sentence in seen
    scene.run("install", "one==1", *scene.index)
    answer, seen = scene.run("doctor", "--updates", *scene.index)
    assert [(found["kind"], found["detail"]) for found in answer["findings"]] == [("withdrawn", sentence)]
    assert sentence in seen


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("quarantined", "is quarantined by its index, as it may be harmful"),
        ("archived", "is archived, and gets no more updates"),
        ("deprecated", "is deprecated: its maintainers advise against it"),
    ],
)
def test_the_status_of_a_project(scene: Scene, status: str, says: str) -> None:
    scene.page(status={"status": status, "reason": REASON})
    sentence = f"one 1 {says}: {REASON}"
    for _again in range(2):
        answer, seen = scene.run("install", "one", "--dry-run", *scene.index)
        assert sentence in answer["notes"] and sentence in seen
        assert answer["install"][0]["withdrawn"] == [f"{says}: {REASON}"]
    scene.run("lock", "one", "-o", "pylock.toml", *scene.index, at=False)
    answer, seen = scene.run("sync", "pylock.toml")
    assert sentence in answer["notes"]
    answer, seen = scene.run("doctor", "--updates", *scene.index)
    assert sentence in seen and answer["findings"][0]["kind"] == "withdrawn"


def test_a_quarantined_project_offers_nothing(scene: Scene) -> None:
    scene.page(status={"status": "quarantined", "reason": REASON}, files=0)
    answer, seen = scene.run("install", "one", *scene.index, code=1)
    assert f"one is quarantined by its index, as it may be harmful: {REASON}" in answer["error"]["message"]
    assert REASON in seen
    scene.run("lock", "one", *scene.index, code=1, at=False)


@pytest.mark.parametrize("what", ["yanked", "quarantined", "quarantined, and empty"])
def test_what_is_there_and_was_withdrawn_since(scene: Scene, what: str) -> None:
    """Installed while nothing was said against it: whoever looks at it again hears of it."""
    scene.page()
    scene.run("install", "one", *scene.index)
    scene.server.clear()
    if what == "yanked":
        scene.page(yanked=REASON)
        clause = f"was yanked: {REASON}"
    else:
        scene.page(status={"status": "quarantined", "reason": REASON}, files=0 if "empty" in what else 1)
        clause = f"is quarantined by its index, as it may be harmful: {REASON}"
    sentence = f"one 1 {clause}"
    for words in (("--refresh",), ("--refresh",), ("--offline",)):
        answer, seen = scene.run("install", "one", *words, *scene.index)
        assert answer["keep"] == [{"name": "one", "version": "1", "withdrawn": [clause]}]
        assert answer["notes"].count(sentence) == 1 and sentence in seen and answer["install"] == []
    answer, seen = scene.run("list", "--outdated", *scene.index)
    assert answer["withdrawn"] == {"one": [clause]} and answer["packages"] == []
    assert sentence in seen
    # What the cache has of the page is enough for doctor; without it nothing is asked.
    asked = len(scene.server.requests)
    for further in ((), ("--updates",)):
        answer, seen = scene.run("doctor", *further, *scene.index)
        assert [(found["kind"], found["detail"]) for found in answer["findings"]] == [("withdrawn", sentence)]
        assert sentence in seen
    assert len(scene.server.requests) == asked
    answer, _ = scene.run("doctor", "--no-cache", *scene.index)
    assert answer["findings"] == [] and len(scene.server.requests) == asked


def test_what_is_locked_and_there_is_said_by_sync(scene: Scene) -> None:
    scene.page(yanked=REASON)
    scene.run("lock", "one==1", "-o", "pylock.toml", *scene.index, at=False)
    scene.run("sync", "pylock.toml")
    answer, seen = scene.run("sync", "pylock.toml")
    assert answer["keep"] == [{"name": "one", "version": "1", "withdrawn": [f"was yanked: {REASON}"]}]
    assert f"one 1 was yanked: {REASON}" in seen


def test_what_came_from_a_url_is_none_of_the_indexs(scene: Scene) -> None:
    scene.page(yanked=REASON)
    scene.run("install", str(scene.wheel))
    answer, _ = scene.run("install", "one", *scene.index)
    assert answer["keep"] == [{"name": "one", "version": "1"}] and answer["notes"] == []
    assert scene.run("doctor", "--updates", *scene.index)[0]["findings"] == []
    assert scene.run("list", "--outdated", *scene.index)[0]["withdrawn"] == {}


def test_what_nothing_is_said_against(scene: Scene) -> None:
    scene.page(status={"status": "active", "reason": "x"})
    answer, _ = scene.run("install", "one", "--dry-run", *scene.index)
    assert answer["notes"] == [] and "withdrawn" not in answer["install"][0]


@pytest.mark.parametrize("marker", [None, "quarantined", 3, {}, {"status": 3}, {"status": ""}, []])
def test_statuses_that_make_no_sense(marker: object) -> None:
    assert read_status(marker) == ACTIVE
    assert ProjectStatus("of tomorrow", "x").warning is None


def test_html_pages_have_a_status_too() -> None:
    page = (
        b"<meta name='pypi:project-status' content='quarantined'>"
        b"<meta name='pypi:project-status-reason' content='mal&amp;ware'>"
    )
    assert parse_project_page(page, "text/html", "http://x/").status == ProjectStatus(
        "quarantined", "mal&ware"
    )
