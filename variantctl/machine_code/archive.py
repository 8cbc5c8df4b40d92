"""Static libraries (``.a``, ``.lib``): the objects in an archive. Source: System V ABI, "Archive File"."""

from __future__ import annotations

from collections.abc import Iterator

from variantctl.machine_code.content import Content, Part
from variantctl.machine_code.errors import DamagedCodeError

MAGIC = b"!<arch>\n"
_HEADER = 60
_MOST_NAME = 40


def members(content: Content) -> Iterator[tuple[str, Content]]:
    """The name, as far as its header has it, and the bytes of each object.

    Raises:
        DamagedCodeError: a header is none; objects before it were given.
    """
    at = len(MAGIC)
    while at + _HEADER <= content.size:
        header = content.read(at, _HEADER)
        size = header[48:58].strip()
        if header[58:] != b"`\n" or not size.isdigit():  # of bytes: ASCII alone
            raise DamagedCodeError("an archive has a member without a size")
        at += _HEADER
        name = header[:16].decode("ascii", "replace").rstrip(" /")[:_MOST_NAME]
        yield name, Part(content, at, int(size))
        at += int(size) + (int(size) & 1)
