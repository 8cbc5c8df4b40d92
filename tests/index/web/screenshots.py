"""The pictures in docs/images: ``python -m tests.index.web.screenshots`` takes them again."""

from __future__ import annotations

import mimetypes
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from variant_index.build import build_index

from tests.index.web.browser import chromium
from tests.index.web.sites import build_torch
from variantctl.cli.index.audience import people_pages

IMAGES = Path(__file__).parents[3] / "docs/images"
_HOST = "https://wheels.example"


def take(folder: Path) -> None:
    """Build an index of a stand-in torch in *folder*, and photograph its page in both themes."""
    build_torch(folder / "wheels", "torch")
    build_index(folder / "wheels", folder / "site", extra=people_pages())
    IMAGES.mkdir(exist_ok=True)
    with chromium() as browser:
        for theme, picked in (("light", "device=h100"), ("dark", "device=rx-7900xtx")):
            context = browser.new_context(
                color_scheme="light" if theme == "light" else "dark", viewport={"width": 1120, "height": 780}
            )
            page = context.new_page()
            # The name of a host in place of a port on loopback, so that commands look as they will.
            page.route(
                "**/*",
                lambda route: route.fulfill(
                    path=(found := folder / "site" / urlsplit(route.request.url).path.lstrip("/")),
                    content_type=mimetypes.guess_type(found)[0],
                ),
            )
            page.goto(f"{_HOST}/project/torch/index.html#{picked}&python=3.12")
            page.screenshot(path=IMAGES / f"page-{theme}.png")
            context.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        take(Path(name))
