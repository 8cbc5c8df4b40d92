"""The anchors of an HTML page. Apart from ``pages``, because JSON pages need no HTML parser.

The page is split into tags as HTML's tokenizer does it (HTML Living Standard, 13.2.5), as far as start tags
and their attributes are concerned. Each step goes forward, and there is a limit on their number: the time is
that is of the length of the page, whatever is in it. The standard parser needs the square of it for ``<!--``
without an end; one that makes a tree takes a hundred times the size of a page of small tags.
"""

from __future__ import annotations

import re
from html import unescape

MOST_STEPS = 3_000_000
"""More tags and attributes than this are refused: a page of 40,000 files has a tenth."""

_NAME = re.compile(r"[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(
    r"[\s/]*(?:(?P<end>>)|(?P<name>[^\s/>][^\s/>=]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(?P<open>[\"'])|([^\s>]+))?)?)"
)
_COMMENT = re.compile(r"<!--(?:-?>)?")
_END_OF_COMMENT = re.compile(r"--!?>")
_TEXT_ALONE = ("script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes")
_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _TEXT_ALONE}
_LONG_NUMBER = re.compile(r"&#(?:[xX][0-9a-fA-F]{8,}|[0-9]{8,})")
_WANTED = ("a", "base", "meta")


class TooManyTags(ValueError):  # noqa: N818 - what is wrong with the page
    """A page has more than ``MOST_STEPS`` tags and attributes."""


class Anchors:
    """What a project page (PEP 503) has.

    Attributes:
        base: the ``href`` of the first ``<base>``.
        api_version: ``pypi:repository-version`` (PEP 629).
        metas: name -> content of the first ``<meta>`` of each name.
        anchors: the attributes of every ``<a>``, names in lower case, values unescaped; of two of one name
            the first.

    Raises:
        TooManyTags: it has more than ``MOST_STEPS`` of them.
    """

    def __init__(self, text: str) -> None:
        self.base: str | None = None
        self.metas: dict[str, str] = {}
        self.anchors: list[dict[str, str | None]] = []
        self._text = text
        self._steps = 0
        self._read()

    @property
    def api_version(self) -> str | None:
        return self.metas.get("pypi:repository-version")

    def _read(self) -> None:
        text, place = self._text, 0
        while (place := text.find("<", place)) >= 0:
            self._step()
            name = _NAME.match(text, place + 1)
            if name is None:
                place = self._no_start(place)
                continue
            place = self._tag(name[0].lower(), name.end())

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyTags(f"it has more than {MOST_STEPS:,} tags and attributes")

    def _no_start(self, place: int) -> int:
        """After what is no start tag: a comment, an end tag, a declaration, or a mere ``<``."""
        text = self._text
        comment = _COMMENT.match(text, place)
        if comment is not None:
            if comment[0].endswith(">"):
                return comment.end()
            end = _END_OF_COMMENT.search(text, comment.end())
            return end.end() if end else len(text)
        if text[place + 1 : place + 2] in ("!", "?", "/"):
            end_of_tag = text.find(">", place)
            return end_of_tag + 1 if end_of_tag >= 0 else len(text)
        return place + 1

    def _tag(self, name: str, place: int) -> int:
        """Read a start tag's attributes; gives where to go on. A tag without an end is none."""
        attributes: dict[str, str | None] = {}
        wanted = name in _WANTED
        while True:
            found = _ATTRIBUTE.match(self._text, place)
            if found is None or found["open"]:
                return len(self._text)
            place = found.end()
            if found["end"]:
                break
            self._step()
            if wanted:
                value = next((found[group] for group in (3, 4, 6) if found[group] is not None), None)
                attributes.setdefault(found["name"].lower(), value and _unescaped(value))
        if wanted:
            self._take(name, attributes)
        if name in _ENDS:
            end = _ENDS[name].search(self._text, place)
            return end.start() if end else len(self._text)
        return place

    def _take(self, name: str, attributes: dict[str, str | None]) -> None:
        if name == "a":
            self.anchors.append(attributes)
        elif name == "base" and self.base is None:
            self.base = attributes.get("href")
        elif name == "meta" and attributes.get("name"):
            self.metas.setdefault(attributes["name"] or "", attributes.get("content") or "")


def _unescaped(value: str) -> str:
    # int() refuses numbers of thousands of digits; none that long is a character.
    return unescape(_LONG_NUMBER.sub("\N{REPLACEMENT CHARACTER}", value)) if "&" in value else value
