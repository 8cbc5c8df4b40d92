"""The anchors of an HTML page. Apart from ``pages``, because JSON pages need no HTML parser."""

from __future__ import annotations

from html.parser import HTMLParser


class Anchors(HTMLParser):
    """Collects what a project page (PEP 503) has.

    Attributes:
        base: the ``href`` of the first ``<base>``.
        api_version: ``pypi:repository-version`` (PEP 629).
        anchors: the attributes of every ``<a>``, names in lower case, values unescaped.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.base: str | None = None
        self.api_version: str | None = None
        self.anchors: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.anchors.append(dict(attrs))
        elif tag == "base" and self.base is None:
            self.base = dict(attrs).get("href")
        elif tag == "meta":
            values = dict(attrs)
            if values.get("name") == "pypi:repository-version":
                self.api_version = values.get("content")
