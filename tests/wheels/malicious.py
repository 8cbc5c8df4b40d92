"""Wheels that must be refused, each with exactly one thing wrong; the installer's tests use them, too."""

from __future__ import annotations

import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

from variantctl.wheels.build import build_wheel
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
    "weak-hash": Malicious(
        lambda folder: build_wheel(
            folder,
            name=NAME,
            version="1.0",
            dist_info={"RECORD": b"x.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,0\n"},
        ),
        "'md5' is not sha256 or better",
    ),
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
    "control-character": Malicious(_escape("evil/a\nb.txt"), "control character"),
    "symlink": Malicious(_symlink, "symbolic link"),
    "fifo": Malicious(_with((member("evil/pipe", mode=stat.S_IFIFO | 0o644), b"x")), "neither a file nor"),
    "duplicate": Malicious(_with(("evil/a.py", b"one"), ("evil/a.py", b"two")), "two members have this name"),
    "file-and-folder": Malicious(_with(("evil/a", b"one"), ("evil/a/b.py", b"two")), "a file and a folder"),
    "encrypted": Malicious(_encrypted, "encrypted"),
    "compression": Malicious(_with((member("evil/x", compression=ZIP_BZIP2), b"x")), "compression method 12"),
    "overlapping": Malicious(_overlapping, "overlap"),
    "local-header": Malicious(_local_header_differs, "local header disagrees", deep=True),
    "second-name": Malicious(_second_name, "second name"),
    "truncated": Malicious(_truncated, "cut short or not a zip"),
    "cut-in-the-middle": Malicious(_cut_in_the_middle, "overlap"),
    "bit-flip": Malicious(_flipped, "'evil/data.txt': its checksum|its sha256", deep=True),
    "not-a-zip": Malicious(
        lambda folder: _file(folder / FILENAME, b"<html>404 not found</html>"), "not a zip file"
    ),
    "empty": Malicious(lambda folder: _file(folder / FILENAME, b""), "not a zip file"),
    "other-project": Malicious(
        lambda folder: raw_wheel(folder, metadata=METADATA.replace(b"evil", b"other")), "it is about 'other'"
    ),
    "other-version": Malicious(
        lambda folder: raw_wheel(folder, metadata=METADATA.replace(b"1.0", b"2.0")), "about version 2.0"
    ),
    "no-name": Malicious(
        lambda folder: raw_wheel(folder, metadata=b"Metadata-Version: 2.1\nVersion: 1.0\n"), "no Name"
    ),
    "other-dist-info": Malicious(
        lambda folder: raw_wheel(folder, dist_info="other-1.0.dist-info"), "not that of evil 1.0"
    ),
    "two-dist-infos": Malicious(_with(("other-1.0.dist-info/METADATA", METADATA)), "several"),
    "label-without-json": Malicious(_label_without_json, "variant.json.*missing"),
    "label-of-another": Malicious(_label_with(VARIANT_JSON % b"other"), "exactly one entry"),
    "label-json-broken": Malicious(_label_with(b'{"$schema": '), "not valid JSON"),
    "label-json-invalid": Malicious(_label_with(b'{"variants": {}}'), r"\$schema"),
}
"""Every way of being wrong, by name."""


def _file(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
