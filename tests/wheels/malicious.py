"""Wheels that must be refused, each with exactly one thing wrong; the installer's tests use them, too."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

from variantctl.wheels.record import RecordEntry, entry_for

NAME = "evil"
FILENAME = "evil-1.0-py3-none-any.whl"
DIST_INFO = "evil-1.0.dist-info"
METADATA = b"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n"
WHEEL = b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
VARIANT_JSON = (
    b'{"$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",'
    b' "default-priorities": {"namespace": ["ns"]}, "variants": {"%s": {"ns": {"feature": ["value"]}}}}'
)
Members = Sequence[tuple[str | ZipInfo, bytes]]


@dataclass(frozen=True)
class Malicious:
    """One way of being wrong.

    Attributes:
        build: writes the wheel into a folder and returns its path.
        says: what the error must say (a regular expression).
        deep: whether only the bytes of a member give it away, and not names, sizes and metadata.
    """

    build: Callable[[Path], Path]
    says: str
    deep: bool = False


def raw_wheel(
    folder: Path,
    members: Members = (),
    *,
    filename: str = FILENAME,
    dist_info: str = DIST_INFO,
    metadata: bytes = METADATA,
    record: Mapping[str, bytes] | None = None,
) -> Path:
    """A wheel with these members and a METADATA, a WHEEL, and a RECORD that is true.

    Args:
        folder: where it goes.
        members: more members, as they are, duplicates and all.
        filename: its filename.
        dist_info: the name of its metadata folder.
        metadata: the content of METADATA.
        record: path -> content that RECORD claims instead of the truth; ``b""`` leaves the row out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    everything: list[tuple[str | ZipInfo, bytes]] = [
        ("evil/__init__.py", b"installed = True\n"),
        *members,
        (f"{dist_info}/METADATA", metadata),
        (f"{dist_info}/WHEEL", WHEEL),
    ]
    claims = {_name(member): content for member, content in everything} | dict(record or {})
    rows = [entry_for(path, content) for path, content in claims.items() if content]
    rows.append(RecordEntry(f"{dist_info}/RECORD", None, "", None))
    everything.append((f"{dist_info}/RECORD", "".join(f"{row.row()}\n" for row in rows).encode()))
    path = folder / filename
    with ZipFile(path, "w", ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for member, content in everything:
            archive.writestr(member, content)
    return path


def member(name: str, *, mode: int = stat.S_IFREG | 0o644, compression: int = ZIP_DEFLATED) -> ZipInfo:
    """A member that ``zipfile`` writes without correcting its name."""
    info = ZipInfo("placeholder", (1980, 1, 1, 0, 0, 0))
    info.filename = name
    info.external_attr = mode << 16
    info.compress_type = compression
    return info


def _name(entry: str | ZipInfo) -> str:
    return entry if isinstance(entry, str) else entry.filename


def _with(*members: tuple[str | ZipInfo, bytes]) -> Callable[[Path], Path]:
    return lambda folder: raw_wheel(folder, members)


def _escape(name: str) -> Callable[[Path], Path]:
    return _with((member(name), b"owned\n"))


def _symlink(folder: Path) -> Path:
    link = member("evil/out", mode=stat.S_IFLNK | 0o777)
    return raw_wheel(folder, [(link, b"../../../.."), ("evil/out/owned.txt", b"owned\n")])


def _truncated(folder: Path) -> Path:
    path = raw_wheel(folder, [("evil/big.bin", bytes(range(256)) * 64)])
    path.write_bytes(path.read_bytes()[:-40])
    return path


def _cut_in_the_middle(folder: Path) -> Path:
    """The directory is whole, but some bytes before it are gone."""
    path = raw_wheel(folder, [("evil/big.bin", bytes(range(256)) * 64)])
    data = path.read_bytes()
    path.write_bytes(data[:50] + data[90:])
    return path


def _flipped(folder: Path) -> Path:
    """One bit of a stored member is another, and nothing else."""
    path = raw_wheel(folder, [(member("evil/data.txt", compression=0), b"UNTOUCHED" * 10)])
    path.write_bytes(path.read_bytes().replace(b"UNTOUCHED", b"UNTOUCHEE", 1))
    return path


def _encrypted(folder: Path) -> Path:
    path = raw_wheel(folder)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    return path


def _overlapping(folder: Path) -> Path:
    """Two entries of the directory share the bytes of one, as in a compression bomb."""
    path = raw_wheel(folder, [("evil/a.txt", b"same" * 100), ("evil/b.txt", b"same" * 100)])
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        first = archive.getinfo("evil/a.txt").header_offset
        second = archive.getinfo("evil/b.txt").header_offset
    start = data.index(b"PK\x01\x02")
    at = data.index(struct.pack("<I", second), data.index(b"evil/b.txt", start) - 4)
    data[at : at + 4] = struct.pack("<I", first)
    path.write_bytes(data)
    return path


def _local_header_differs(folder: Path) -> Path:
    path = raw_wheel(folder, [("evil/a.txt", b"a")])
    path.write_bytes(path.read_bytes().replace(b"evil/a.txt", b"../../a.tx", 1))
    return path


def _second_name(folder: Path) -> Path:
    """A Unicode path field (APPNOTE 4.6.9), which some readers prefer to the name."""
    info = member("evil/a.txt")
    other = b"../../owned.txt"
    payload = struct.pack("<BI", 1, zlib.crc32(b"evil/a.txt")) + other
    info.extra = struct.pack("<HH", 0x7075, len(payload)) + payload
    return raw_wheel(folder, [(info, b"owned\n")])


def _label_without_json(folder: Path) -> Path:
    return raw_wheel(folder, filename=FILENAME.replace(".whl", "-label.whl"))


def _label_with(variant_json: bytes) -> Callable[[Path], Path]:
    filename = FILENAME.replace(".whl", "-label.whl")
    return lambda folder: raw_wheel(folder, [(f"{DIST_INFO}/variant.json", variant_json)], filename=filename)


def _no_record(folder: Path) -> Path:
    path = raw_wheel(folder)
    with ZipFile(path) as archive:
        kept = [(name, archive.read(name)) for name in archive.namelist() if not name.endswith("RECORD")]
    with ZipFile(path, "w") as archive:
        for name, content in kept:
            archive.writestr(name, content)
    return path


#: Where fields are in the two headers of a member (APPNOTE 4.3.7 and 4.3.12), and how long they are.
LOCAL = {"flags": (6, 2), "method": (8, 2), "crc": (14, 4), "packed": (18, 4), "size": (22, 4)}
CENTRAL = {name: (at + 2, length) for name, (at, length) in LOCAL.items()}
END = {"here": (8, 2), "total": (10, 2), "packed": (12, 4), "offset": (16, 4), "comment": (20, 2)}
TEXT = b"the same text again and again, " * 9


def _patched(
    header: str, field: str, value: int | Callable[[int], int], *, compression: int = ZIP_DEFLATED
) -> Callable[[Path], Path]:
    """One field of the headers of ``evil/a.txt`` (``local``, ``central`` or ``both``) has another value."""

    def build(folder: Path) -> Path:
        path = raw_wheel(folder, [(member("evil/a.txt", compression=compression), TEXT)])
        data = bytearray(path.read_bytes())
        starts = {"local": data.index(b"evil/a.txt") - 30, "central": data.rindex(b"evil/a.txt") - 46}
        # RECORD names it, too, but it is compressed.
        for name, layout in (("local", LOCAL), ("central", CENTRAL)):
            if header in (name, "both"):
                _put(data, starts[name] + layout[field][0], layout[field][1], value)
        path.write_bytes(data)
        return path

    return build


def _ending(field: str, value: int | Callable[[int], int], after: bytes = b"") -> Callable[[Path], Path]:
    """The end record has another value, or something comes after it."""

    def build(folder: Path) -> Path:
        path = raw_wheel(folder)
        data = bytearray(path.read_bytes())
        _put(data, len(data) - 22 + END[field][0], END[field][1], value)
        path.write_bytes(data + after)
        return path

    return build


def _put(data: bytearray, at: int, length: int, value: int | Callable[[int], int]) -> None:
    old = int.from_bytes(data[at : at + length], "little")
    data[at : at + length] = (value(old) if callable(value) else value).to_bytes(length, "little")


def _moved(data: bytes, at: int, more: bytes) -> bytes:
    """``more`` bytes come in at ``at``, and the directory's offsets are right again."""
    found = bytearray(data[:at] + more + data[at:])
    start = found.rindex(b"PK\x05\x06")
    _put(found, start + END["offset"][0], 4, lambda old: old + len(more))
    entry = int.from_bytes(found[start + 16 : start + 20], "little")
    while found[entry : entry + 4] == b"PK\x01\x02":
        _put(found, entry + 42, 4, lambda old: old + len(more) if old >= at else old)
        lengths = struct.unpack_from("<3H", found, entry + 28)
        entry += 46 + sum(lengths)
    return bytes(found)


def _prepended(adjusted: bool) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        path = raw_wheel(folder)
        stub = b"#!/bin/sh\necho owned\nexit\n"
        path.write_bytes(_moved(path.read_bytes(), 0, stub) if adjusted else stub + path.read_bytes())
        return path

    return build


def _hidden_member(folder: Path) -> Path:
    """A member between two others that the directory does not have, which readers of streams see."""
    path = raw_wheel(folder, [("evil/a.txt", TEXT)])
    data = path.read_bytes()
    name, content = b"evil/hidden.py", b"owned = True\n"
    sizes = (zlib.crc32(content), len(content), len(content))
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, *sizes, len(name), 0)
    path.write_bytes(_moved(data, data.index(b"evil/a.txt") - 30, header + name + content))
    return path


def _streamed(folder: Path, lie: bool) -> Path:
    """Members with data descriptors, as a writer to a pipe makes them; one of them may lie."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(bytes(data))

    plain = raw_wheel(folder, [("evil/a.txt", TEXT)])
    pipe = Pipe()
    with ZipFile(plain) as old, ZipFile(pipe, "w", ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    if lie:
        at = pipe.data.index(b"PK\x07\x08", pipe.data.index(b"evil/a.txt"))
        _put(pipe.data, at + 12, 4, 5)
    plain.write_bytes(pipe.data)
    return plain


def streamed_wheel(folder: Path) -> Path:
    """A sound wheel whose members have data descriptors."""
    return _streamed(folder, lie=False)


def _overlapping_by_extra(folder: Path) -> Path:
    """A member whose local extra field swallows the next one: its bytes are those of the one after that."""
    path = raw_wheel(folder, [(member("evil/a.txt", compression=0), TEXT), (member("evil/b.txt"), TEXT)])
    data = bytearray(path.read_bytes())
    _put(data, data.index(b"evil/a.txt") - 30 + 28, 2, 60)
    path.write_bytes(data)
    return path


def _zip64(lie: Mapping[str, int] | None = None) -> Callable[[Path], Path]:
    """A wheel with the end record for large files, whose fields may be others than they should be."""

    def build(folder: Path) -> Path:
        path = raw_wheel(folder)
        data = bytearray(path.read_bytes())
        count = int.from_bytes(data[-12:-10], "little")
        size, offset = struct.unpack("<2I", data[-10:-2])
        fields = {"count": count, "size": size, "offset": offset, "where": len(data) - 22, **(lie or {})}
        count64, size64, offset64 = fields["count"], fields["size"], fields["offset"]
        record = struct.pack(
            "<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count64, count64, size64, offset64
        )
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, fields["where"], 1)
        path.write_bytes(data[:-22] + record + locator + data[-22:])
        return path

    return build


def zip64_wheel(folder: Path) -> Path:
    """A sound wheel with the end record for large files."""
    return _zip64()(folder)


def _zip64_member(folder: Path) -> Path:
    """A local header that leaves its sizes to a zip64 field, which says something else than the directory."""
    info = member("evil/a.txt", compression=0)
    path = raw_wheel(folder, [(info, TEXT)])
    data = path.read_bytes()
    start = data.index(b"evil/a.txt")
    extra = struct.pack("<HHQQ", 1, 16, 5, 5)
    data = _moved(data, start + len(b"evil/a.txt"), extra)
    changed = bytearray(data)
    _put(changed, start - 30 + 28, 2, len(extra))
    for field in ("packed", "size"):
        _put(changed, start - 30 + LOCAL[field][0], 4, 0xFFFFFFFF)
    path.write_bytes(changed)
    return path


def bomb(folder: Path) -> Path:
    """It claims to unpack to 1 GB, thousands of times its size; opening and verifying it is no danger yet."""
    return _patched("central", "size", 1_000_000_000)(folder)


def _bomb_that_lies(folder: Path) -> Path:
    """8 MB of zeros that claim to be small: RECORD and both headers."""
    name = b"evil/zeros.bin"
    path = raw_wheel(folder, [(name.decode(), bytes(8 << 20))], record={name.decode(): bytes(1000)})
    data = bytearray(path.read_bytes())
    _put(data, data.index(name) - 30 + LOCAL["size"][0], 4, 1000)
    _put(data, data.rindex(name) - 46 + CENTRAL["size"][0], 4, 1000)
    path.write_bytes(data)
    return path


def _folder_with_content(folder: Path) -> Path:
    return raw_wheel(folder, [(member("evil/a.txt/"), b"x")], record={"evil/a.txt/": b""})


MALICIOUS: Mapping[str, Malicious] = {
    "wrong-hash": Malicious(
        lambda folder: raw_wheel(folder, record={"evil/__init__.py": b"installed = tru3\n"}),
        "'evil/__init__.py': its sha256 is not the one in RECORD",
        deep=True,
    ),
    "wrong-size": Malicious(
        lambda folder: raw_wheel(folder, record={"evil/__init__.py": b"shorter"}),
        "'evil/__init__.py': RECORD says 7 bytes",
    ),
    "missing-file": Malicious(
        lambda folder: raw_wheel(folder, record={"evil/gone.py": b"x"}),
        "'evil/gone.py': RECORD lists it",
    ),
    "extra-file": Malicious(
        lambda folder: raw_wheel(folder, [("evil/extra.py", b"x")], record={"evil/extra.py": b""}),
        "'evil/extra.py': RECORD does not list it",
    ),
    "no-record": Malicious(_no_record, "no RECORD"),
    "parent-folder": Malicious(_escape("../owned.txt"), "leaves the folder"),
    "parent-folder-inside": Malicious(_escape("evil/../../owned.txt"), "leaves the folder"),
    "parent-folder-in-data": Malicious(
        _escape("evil-1.0.data/scripts/../../../owned.txt"), "leaves the folder"
    ),
    "dots-and-spaces": Malicious(_escape("evil/.. /owned.txt"), "dots-only"),
    "absolute": Malicious(_escape("/tmp/owned.txt"), "absolute"),
    "drive": Malicious(_escape("C:/owned.txt"), "absolute"),
    "backslash": Malicious(_escape("..\\owned.txt"), "backslash"),
    "device": Malicious(_escape("evil/NUL.txt"), "device"),
    "device-folder": Malicious(_escape("evil/com1/x.py"), "device"),
    "device-superscript": Malicious(_escape("evil/LPT².log"), "device"),
    "device-with-space": Malicious(_escape("evil/con .py"), "device"),
    "stream-of-a-file": Malicious(_escape("evil/a.txt:hidden"), "colon"),
    "device-file": Malicious(
        _with((member("evil/d", mode=stat.S_IFCHR | 0o644), b"x")), "neither a file nor"
    ),
    "folder-with-content": Malicious(_folder_with_content, "folder that has content"),
    "absolute-in-data": Malicious(_escape("evil-1.0.data/data//etc/owned"), "empty"),
    "double-slash": Malicious(_escape("//server/share/owned.txt"), "absolute"),
    "control-character": Malicious(_escape("evil/a\nb.txt"), "control character"),
    "state-folder": Malicious(_escape(".variantctl/journal.json"), "variantctl's own"),
    "state-folder-in-data": Malicious(_escape("evil-1.0.data/purelib/.variantctl/lock"), "variantctl's own"),
    "state-folder-by-data": Malicious(
        _escape("evil-1.0.data/data/lib/python3.11/site-packages/.variantctl/done.json"), "variantctl's own"
    ),
    "state-folder-capitals": Malicious(_escape(".VariantCtl/journal.json"), "variantctl's own"),
    "state-folder-wide": Malicious(_escape(".\uff56ariantctl/journal.json"), "variantctl's own"),
    "state-folder-ignorable": Malicious(_escape(".vari\u200cantctl/journal.json"), "variantctl's own"),
    "state-folder-short": Malicious(_escape("VARIAN~1/journal.json"), "variantctl's own"),
    "symlink": Malicious(_symlink, "symbolic link"),
    "fifo": Malicious(_with((member("evil/pipe", mode=stat.S_IFIFO | 0o644), b"x")), "neither a file nor"),
    "duplicate": Malicious(_with(("evil/a.py", b"one"), ("evil/a.py", b"two")), "two members have this name"),
    "file-and-folder": Malicious(_with(("evil/a", b"one"), ("evil/a/b.py", b"two")), "a file and a folder"),
    "encrypted": Malicious(_encrypted, "encrypted"),
    "compression": Malicious(_with((member("evil/x", compression=ZIP_BZIP2), b"x")), "compression method 12"),
    "overlapping": Malicious(_overlapping, "overlap"),
    "local-header": Malicious(_local_header_differs, "local header disagrees", deep=True),
    "local-size": Malicious(_patched("local", "size", 5), "about the size or the CRC", deep=True),
    "local-packed-size": Malicious(_patched("local", "packed", 5), "about the size or the CRC", deep=True),
    "local-crc": Malicious(_patched("local", "crc", 5), "about the size or the CRC", deep=True),
    "local-flags": Malicious(_patched("local", "flags", 0x800), "the flags are", deep=True),
    "local-encrypted": Malicious(_patched("local", "flags", 1), "the flags are", deep=True),
    "local-method": Malicious(_patched("local", "method", 0), "the compression method is 0", deep=True),
    "both-method": Malicious(_patched("both", "method", 99), "compression method 99"),
    "both-crc": Malicious(_patched("both", "crc", 5), r"its checksum \(CRC\) is wrong", deep=True),
    "strong-encryption": Malicious(_patched("both", "flags", 0x40), "encrypted"),
    "directory-size": Malicious(_patched("central", "size", 5), "RECORD says"),
    "directory-packed-size": Malicious(
        _patched("central", "packed", lambda old: old - 1), "about the size or the CRC", deep=True
    ),
    "past-the-next": Malicious(_patched("central", "packed", lambda old: old + 200), "overlap"),
    "descriptor": Malicious(
        lambda folder: _streamed(folder, lie=True), "data descriptor disagrees", deep=True
    ),
    "overlapping-by-extra": Malicious(_overlapping_by_extra, "overlap", deep=True),
    "hidden-member": Malicious(_hidden_member, "belong to no member", deep=True),
    "counts-less": Malicious(_ending("total", 2), "several parts|counts 2"),
    "counts-more": Malicious(_ending("here", 9), "several parts"),
    "directory-shorter": Malicious(
        _ending("packed", lambda old: old - 60), "not a zip|overlap|as long as|counts|before"
    ),
    "directory-elsewhere": Malicious(_ending("offset", lambda old: old - 1), "not a zip|overlap|before"),
    "trailing": Malicious(_ending("comment", 0, b"#!/bin/sh\necho owned\n"), "after its end"),
    "comment-cut-short": Malicious(_ending("comment", 40, b"x" * 10), "after its end"),
    "two-ends": Malicious(_ending("comment", 22, b"PK\x05\x06" + bytes(18)), "before its first member"),
    "prepended": Malicious(_prepended(adjusted=False), "before its first member"),
    "prepended-and-adjusted": Malicious(_prepended(adjusted=True), "before its first member"),
    "zip64-counts": Malicious(_zip64({"count": 2}), "disagree"),
    "zip64-offset": Malicious(_zip64({"offset": 0}), "not a zip|disagree|overlap"),
    "zip64-size": Malicious(_zip64({"size": 1 << 40}), "not a zip|disagree"),
    "zip64-elsewhere": Malicious(_zip64({"where": 0}), "not where it should be"),
    "zip64-member": Malicious(_zip64_member, "about the size or the CRC", deep=True),
    "bomb-that-lies": Malicious(
        _bomb_that_lies, "the 1000 bytes it claims|not end where it should", deep=True
    ),
    "second-name": Malicious(_second_name, "second name"),
    "truncated": Malicious(_truncated, "cut short or not a zip"),
    "cut-in-the-middle": Malicious(_cut_in_the_middle, "overlap"),
    "bit-flip": Malicious(_flipped, "'evil/data.txt': its checksum|its sha256", deep=True),
    "not-a-zip": Malicious(
        lambda folder: _file(folder / FILENAME, b"<html>404 not found</html>"), "not a zip file"
    ),
    "empty": Malicious(lambda folder: _file(folder / FILENAME, b""), "not a zip file"),
    "other-project": Malicious(
        lambda folder: raw_wheel(folder, metadata=METADATA.replace(b"evil", b"other")),
        "'other'|of other 1",
    ),
    "other-version": Malicious(
        lambda folder: raw_wheel(folder, metadata=METADATA.replace(b"1.0", b"2.0")),
        "version 2.0|evil 2.0",
    ),
    "no-name": Malicious(
        lambda folder: raw_wheel(folder, metadata=b"Metadata-Version: 2.1\nVersion: 1.0\n"), "no Name"
    ),
    "other-dist-info": Malicious(
        lambda folder: raw_wheel(folder, dist_info="other-1.0.dist-info"), "not that of evil 1.0"
    ),
    "two-dist-infos": Malicious(_with(("other-1.0.dist-info/METADATA", METADATA)), "several"),
    "label-without-json": Malicious(_label_without_json, "variant.json.*missing|has no variant.json"),
    "label-of-another": Malicious(_label_with(VARIANT_JSON % b"other"), "exactly one entry"),
    "label-json-broken": Malicious(_label_with(b'{"$schema": '), "not valid JSON"),
    "label-json-invalid": Malicious(_label_with(b'{"variants": {}}'), r"\$schema"),
}
"""Every way of being wrong, by name."""


def _file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
