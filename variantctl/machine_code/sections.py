"""Sections: what ELF, PE and Mach-O files are made of."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """One section. A tuple: a small library has thirty, and there may be thousands of these in a wheel.

    Attributes:
        name: its name.
        offset: where its bytes start in the file.
        size: how many bytes it has in the file.
        address: where they are in memory, once the file is loaded.
        is_note: whether it has notes (ELF).
    """

    name: str
    offset: int
    size: int
    address: int = 0
    is_note: bool = False
