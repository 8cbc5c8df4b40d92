"""Wheels that the format does not allow, that harm nobody, and that pip and uv install."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tests.wheels.malicious import DIST_INFO, FILENAME, METADATA, WHEEL
from variantctl.wheels.record import entry_for

MODULE = b"installed = True\n"
POINTS = b"[console_scripts]\nevil = evil:main\n"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Untidy:
    """One way of being untidy.

    Attributes:
        build: writes the wheel into a folder and returns its path.
        says: what the note must say (a regular expression).
        tools: those that install it as well.
    """

    build: Callable[[Path], Path]
    says: str
    tools: tuple[str, ...] = ("pip", "uv")


def untidy_wheel(
    folder: Path,
    change: Callable[[dict[str, str]], object] = lambda rows: None,
    *,
    members: Mapping[str, bytes] | None = None,
    folders: tuple[str, ...] = (),
    bom: bool = False,
) -> Path:
    """A wheel whose RECORD's rows, by path, are changed before they are written.

    Args:
        folder: where it goes.
        change: gets the rows.
        members: more members.
        folders: entries for folders, deflated.
        bom: RECORD begins with a byte order mark.
    """
    folder.mkdir(parents=True, exist_ok=True)
    members = {
        "evil/__init__.py": MODULE,
        **(members or {}),
        f"{DIST_INFO}/METADATA": METADATA,
        f"{DIST_INFO}/WHEEL": WHEEL,
    }
    rows = {path: entry_for(path, content).row() for path, content in members.items()}
    rows[f"{DIST_INFO}/RECORD"] = f"{DIST_INFO}/RECORD,,"
    change(rows)
    record = "".join(f"{row}\n" for row in rows.values()).encode()
    path = folder / FILENAME
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name in folders:
            # zipfile stores them unless the entry is written as a file's is.
            info = ZipInfo(name.rstrip("/") + "_")
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, b"")
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{DIST_INFO}/RECORD", (BOM if bom else b"") + record)
    for name in folders:
        data = path.read_bytes()
        path.write_bytes(data.replace(name.rstrip("/").encode() + b"_", name.rstrip("/").encode() + b"/"))
    return path


def _row(path: str, row: str) -> Callable[[Path], Path]:
    return lambda folder: untidy_wheel(folder, lambda rows: rows.update({path: row}))


def _digest(algorithm: str) -> bytes:
    return hashlib.new(algorithm, MODULE).digest()


def _urlsafe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


_INIT = "evil/__init__.py"
_OTHER_BASE64 = next(
    content
    for content in (b"x = %d\n" % number for number in range(1000))
    if set("+/") <= set(base64.b64encode(hashlib.sha256(content).digest()).decode())
)
UNTIDY: Mapping[str, Untidy] = {
    "folder-row": Untidy(_row("evil/", "evil/,,"), "a row about a folder"),
    "folder-row-no-slash": Untidy(_row("evil", "evil,,"), "a row about a folder"),
    "no-hash": Untidy(_row(_INIT, f"{_INIT},,"), "a row without a hash"),
    "no-hash-size": Untidy(_row(_INIT, f"{_INIT},,{len(MODULE)}"), "a row without a hash"),
    "md5": Untidy(_row(_INIT, f"{_INIT},md5={_urlsafe(_digest('md5'))},{len(MODULE)}"), "weak hash md5"),
    "sha1": Untidy(_row(_INIT, f"{_INIT},sha1={_urlsafe(_digest('sha1'))},"), "weak hash sha1"),
    "unknown-hash": Untidy(_row(_INIT, f"{_INIT},blake3=abc,{len(MODULE)}"), "not known here"),
    "hexadecimal": Untidy(_row(_INIT, f"{_INIT},sha256={_digest('sha256').hex()},"), "in hexadecimal"),
    "own-hash": Untidy(
        _row(f"{DIST_INFO}/RECORD", f"{DIST_INFO}/RECORD,sha256={_urlsafe(_digest('sha256'))},77"),
        "about RECORD itself with a hash",
    ),
    "windows-path": Untidy(
        _row(_INIT, entry_for("evil\\__init__.py", MODULE).row()), "as Windows does", ("pip",)
    ),
    "compiled-row": Untidy(
        _row("evil/__pycache__/x.cpython-39.pyc", "evil/__pycache__/x.cpython-39.pyc,,"),
        "about compiled code",
    ),
    "two-columns": Untidy(_row(_INIT, f"{_INIT},sha256={_urlsafe(_digest('sha256'))}"), "three columns", ()),
    "one-column": Untidy(_row(_INIT, _INIT), "three columns", ()),
    "four-columns": Untidy(_row(_INIT, entry_for(_INIT, MODULE).row() + ",x"), "three columns", ("pip",)),
    "size": Untidy(_row(_INIT, entry_for(_INIT, MODULE).row() + " bytes"), "no number of bytes", ("pip",)),
    "long-size": Untidy(_row(_INIT, f"{_INIT},,{'9' * 6000}"), "no number of bytes", ("pip",)),
    "twice": Untidy(_row("again", f"{_INIT},,"), "without a hash"),
    "folder-deflated": Untidy(lambda folder: untidy_wheel(folder, folders=("evil/",)), "deflates a folder's"),
    "points-bom": Untidy(
        lambda folder: untidy_wheel(folder, members={f"{DIST_INFO}/entry_points.txt": BOM + POINTS}),
        "byte order mark",
        ("pip",),
    ),
    "points-twice": Untidy(
        lambda folder: untidy_wheel(
            folder, members={f"{DIST_INFO}/entry_points.txt": POINTS.replace(b"main", b"old") + POINTS[18:]}
        ),
        r"'evil' in \[console_scripts\] twice",
        ("pip",),
    ),
    "section-twice": Untidy(
        lambda folder: untidy_wheel(
            folder, members={f"{DIST_INFO}/entry_points.txt": POINTS.replace(b"main", b"old") + POINTS}
        ),
        r"\[console_scripts\] twice",
        ("pip",),
    ),
}
#: Odd to look at, and allowed: nothing is said.
TIDY: Mapping[str, Callable[[Path], Path]] = {
    "record-bom": lambda folder: untidy_wheel(folder, bom=True),
    "padded-hash": _row(_INIT, f"{_INIT},sha256={_urlsafe(_digest('sha256'))}=,"),
    "other-base64": lambda folder: untidy_wheel(
        folder,
        lambda rows: rows.update(
            {"evil/x.py": rows["evil/x.py"].replace("-", "+").replace("sha256+", "sha256-").replace("_", "/")}
        ),
        members={"evil/x.py": _OTHER_BASE64},
    ),
}
