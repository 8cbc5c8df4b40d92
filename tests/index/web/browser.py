"""Chromium without a window, driven by playwright: the browser that pages are tested in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Debian's needs a folder of its own to be empty, and must not look for updates or proxies meanwhile.
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def executable() -> str | None:
    """The browser: ``VARIANTCTL_TEST_CHROMIUM``, else the first ``chromium`` on the path."""
    return (
        os.environ.get("VARIANTCTL_TEST_CHROMIUM")
        or shutil.which("chromium")
        or shutil.which("chromium-browser")
    )


MISSING = (
    None
    if executable()
    else "no chromium on this machine: the pages were not tried (apt-get install chromium, or name one in "
    "VARIANTCTL_TEST_CHROMIUM)"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile, as playwright starts it: it is gone afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


CHOICE = Path(__file__).parents[3] / "index/variant_index/web/static/choice.js"

# Each asked -> the same shape as explain's JSON, with the dependencies of the selected wheel.
_ASK = """({data, asked}) => asked.map((words) => {
  const found = variantChoice.choose(data, {...words, enabled: new Set(words.enabled ?? [])});
  return {
    version: found.release.version,
    selected: found.selected?.wheel.filename ?? null,
    needs: found.needs,
    wheels: found.wheels.map(({wheel, verdict, rank, reasons}) => [wheel.filename, verdict, rank,
      reasons.map(({kind, detail}) => [kind, detail])]),
  };
})"""


def ask(page: Page, data: Any, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What ``choice.js``, loaded into *page*, answers."""
    answers: list[dict[str, Any]] = page.evaluate(_ASK, {"data": data, "asked": asked})
    return answers
