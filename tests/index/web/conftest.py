"""One browser for all tests of a process, and the sites that it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from variant_index.build import build_index

from tests.index.web.browser import MISSING, chromium
from tests.index.web.sites import build_torch
from variantctl.cli.index.audience import people_pages
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if MISSING:
        pytest.skip(MISSING)
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh context, in which nothing may go wrong unseen."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    yield page
    context.close()
    assert not problems


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the demo's wheels, and of a torch for several Pythons and systems."""
    folder = tmp_path_factory.mktemp("site")
    build_wheels(folder / "wheels")
    build_torch(folder / "wheels", "bigtorch")
    build_index(folder / "wheels", folder / "site", extra=people_pages())
    return folder / "site"


@pytest.fixture(scope="session")
def root(site: Path) -> Iterator[str]:
    """Where it is served."""
    with serve(site) as url:
        yield url
