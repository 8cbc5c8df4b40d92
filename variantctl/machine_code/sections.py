"""Sections: what ELF, PE and Mach-O files are made of."""

from __future__ import annotations

from variantctl.values import dataclass


@dataclass(frozen=True)
class Section:
    """One section.

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
