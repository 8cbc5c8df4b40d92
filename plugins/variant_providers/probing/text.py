"""Text that comes from drivers, tools and files, which may hold anything."""

from __future__ import annotations


def printable(text: str, most: int = 96) -> str:
    """The text without control characters and without what could not be decoded, at most ``most`` long."""
    kept = (char for char in text if char.isprintable() and char != "\N{REPLACEMENT CHARACTER}")
    return "".join(kept).strip()[:most]
