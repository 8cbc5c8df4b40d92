"""Sections: what ELF, PE and Mach-O files are made of."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """One section. A tuple: there may be thousands of libraries in a wheel.

    Attributes:
        name: its name.
        offset: where its bytes start in the file.
        size: how many bytes it has in the file.
        address: where they are in memory, once the file is loaded.
    """

    name: str
    offset: int
    size: int
    address: int = 0
