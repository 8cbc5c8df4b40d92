"""Which member names of a wheel are dangerous to unpack.

A wheel's members are plain relative paths with ``/`` between the parts (binary distribution format,
"File contents"). Everything else is refused on every system, so that a wheel means the same everywhere.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zipfile import ZipInfo

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:")
# Microsoft, "Naming Files, Paths, and Namespaces": reserved with any extension, in any case.
_DEVICE = r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:[ .].*)?"
_STORED, _DEFLATED = 0, 8
#: Where variantctl keeps a change that is not made yet, in site-packages: no import finds a dot's name.
STATE_FOLDER = ".variantctl"
#: NTFS also finds a long name by its short one: six characters of it, or two and a checksum (as Git's fsck
#: has it for ".git"), without the leading dot.
_SHORT = r"(?:varian|va[0-9a-f]{4})~[0-9]+"
#: Letters that HFS+ and the casefolding of ext4 and f2fs leave out (Unicode Default_Ignorable_Code_Point).
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")
#: An end of stream takes two bytes, five with an uncompressed block before it; some writers flush as well.
_EMPTY_STREAM = 16
#: Folders in each other. No wheel known has 20; tools that call themselves for each end at 1,000.
_DEEPEST = 200
_ENCRYPTED = 0x1 | 0x40
_UNICODE_PATH = 0x7075


def name_problem(name: str, *, windows: bool) -> str | None:
    """What is wrong with a member's name, or ``None``; ``windows``: the wheel may be installed there."""
    if _CONTROL.search(name):
        return "the name holds a control character"
    if "\\" in name:
        return "the path holds a backslash, which separates folders on Windows"
    if name.startswith("/") or _DRIVE.match(name):
        return "the path is absolute"
    if ":" in name and windows:
        return "the path holds a colon, which names a stream of a file on Windows"
    parts = name.removesuffix("/").split("/")
    if len(parts) > _DEEPEST:
        return f"the path has more than {_DEEPEST} folders"
    if ".." in parts:
        return "the path leaves the folder it is unpacked into"
    kinds = set(map(_kind_of, parts))
    if "dots" in kinds:
        return "the path has an empty, '.' or dots-only part"
    if windows and "device" in kinds:
        return "the name is that of a device on Windows"
    if is_reserved(name):
        return f"the path has a part that is, to some file systems, {STATE_FOLDER}: variantctl's own folder"
    return None


@lru_cache(maxsize=1 << 11)
def _kind_of(part: str) -> str:
    """What is special about a part of a path: ``dots``, ``device``, or nothing. Most parts come often."""
    # Windows drops trailing dots and spaces, which makes ".. " a way out as well.
    if not part.rstrip(" ."):
        return "dots"
    return "device" if re.fullmatch(_DEVICE, part) else ""


def is_reserved(path: str) -> bool:
    """Whether a part of a path is the state folder's name, in any spelling that a file system takes for it.

    That is: another letter case, composed or wide characters, characters that are left out, dots and spaces
    at the end, a stream's name after a colon, a short name of NTFS. Names that begin with it and a dash are
    what variantctl calls files that are half written.
    """
    if path.isascii():
        # Nearly all are; a wheel has tens of thousands of them.
        lower = path.lower()
        if "variantctl" not in lower and "~" not in lower:
            return False
    return any(_is_state_name(part) for part in re.split(r"[/\\]", path))


def _is_state_name(part: str) -> bool:
    if not part.isascii():
        # A dotless i has a dotted one's capital.
        plain = unicodedata.normalize("NFKD", part.replace("\u0131", "i")).casefold()
        part = "".join(
            character
            for character in unicodedata.normalize("NFKD", plain)
            if unicodedata.category(character) not in ("Mn", "Cf", "Cc") and character not in _FILLERS
        )
    name = part.lower().partition(":")[0].rstrip(" .")
    return (
        name == STATE_FOLDER or name.startswith(f"{STATE_FOLDER}-") or re.fullmatch(_SHORT, name) is not None
    )


def entry_problem(info: ZipInfo, *, windows: bool) -> str | None:
    """What is wrong with one entry of the central directory, or ``None``."""
    # zipfile cuts a name at its first NUL: what is judged is what the archive says.
    problem = name_problem(info.orig_filename, windows=windows)
    if problem is not None:
        return problem
    second = next((name for name in _other_names(info) if name != info.orig_filename), None)
    if second is not None:
        return f"it has a second name, {second!r}, which other tools unpack it to"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "it is a symbolic link, which a wheel must not hold"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is neither a file nor a folder"
    if info.is_dir() and (info.file_size or info.CRC or info.compress_size > _most_of_nothing(info)):
        return "it is a folder that has content"
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in (_STORED, _DEFLATED):
        return f"compression method {info.compress_type} is neither 'stored' nor 'deflated'"
    return None


def _most_of_nothing(info: ZipInfo) -> int:
    """How many bytes a folder's entry may have: an empty file may be deflated, and some tools do that."""
    return _EMPTY_STREAM if info.compress_type == _DEFLATED else 0


def _other_names(info: ZipInfo) -> Iterator[str]:
    """Names that other readers may take for the member's: what zipfile made of it, and APPNOTE 4.6.9's."""
    yield info.filename
    rest = info.extra
    while len(rest) >= 4:
        kind, size = struct.unpack_from("<HH", rest)
        if kind == _UNICODE_PATH:
            # A version byte and the CRC of the other name go before it.
            yield rest[9 : 4 + size].decode("utf-8", "replace")
        rest = rest[4 + size :]


def collisions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names that occur twice, and files that are also a folder, each with what is wrong."""
    files: set[str] = set()
    folders: set[str] = set()
    for name in names:
        if name.endswith("/"):
            folders.add(name[:-1])
            continue
        if name in files:
            yield name, "two members have this name"
        files.add(name)
        parent = name.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    for name in sorted(files & folders):
        yield name, "it is both a file and a folder"


def overlap(infos: Iterable[ZipInfo], end: int) -> str | None:
    """The first member whose bytes reach into the next one or past ``end`` (where the directory starts).

    One that starts before the file does counts, too: something was cut out of the middle.
    """
    ordered = sorted(infos, key=lambda info: info.header_offset)
    if not ordered:
        return None
    if ordered[0].header_offset < 0:
        return ordered[0].filename
    starts = [info.header_offset for info in ordered[1:]] + [end]
    for info, limit in zip(ordered, starts, strict=True):
        # A local header is 30 bytes and the name (APPNOTE 4.3.7); its extra field is at least empty.
        if info.header_offset + 30 + len(info.orig_filename) + info.compress_size > limit:
            return info.filename
    return None
