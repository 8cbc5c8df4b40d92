"""Where each file of a wheel goes: the "Installing a wheel" part of the binary distribution format."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from variantctl.cache.manifest import StoredFolder, UnpackedFile, UnpackedWheel
from variantctl.install.scripts import entry_point_scripts, with_interpreter
from variantctl.install.stand_ins import StandIn
from variantctl.net.redaction import without_secrets
from variantctl.target.environment import SCHEME_NAMES, Environment
from variantctl.target.installed import DIRECT_URL, PROVENANCE
from variantctl.values import dataclass
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError
from variantctl.wheels.names import is_reserved
from variantctl.wheels.record import entry_for

INSTALLER = b"variantctl\n"
#: Files people and tools edit in place: an edit must not reach the store, and with it other environments.
_EDITED = (".pth", ".egg-link")


@dataclass(frozen=True, slots=True)
class NewFile:
    """One file that an installation puts into the environment.

    Attributes:
        destination: absolute.
        source: the stored file it is linked to or copied from; None where ``content`` is given.
        content: what is written, for generated files.
        digest: as RECORD has it; ``""`` for RECORD itself.
        size: in bytes.
        executable: whether it gets executable bits.
        linkable: may share its content with the store.
    """

    destination: str
    source: str | None
    content: bytes | None
    digest: str
    size: int
    executable: bool = False
    linkable: bool = True


@dataclass(frozen=True, slots=True)
class NewFolder:
    """Stored files that come into one folder of the environment, all linkable, under the names they have.

    Attributes:
        destination: the folder, absolute.
        source: the folder they are stored in, absolute.
        stored: the files.
    """

    destination: str
    source: str
    stored: StoredFolder

    def files(self) -> Iterator[NewFile]:
        """Each as a file of its own."""
        for name, file in zip(self.stored.names, self.stored.files(), strict=True):
            place, source = f"{self.destination}{os.sep}{name}", f"{self.source}{os.sep}{name}"
            yield NewFile(place, source, None, file.digest, file.size, file.executable)


@dataclass(frozen=True, slots=True)
class Layout:
    """A wheel's files in an environment.

    Attributes:
        wheel: the wheel.
        folders: those of its files that are linked folder by folder.
        files: the others, RECORD last.
        dist_info: the folder of its metadata, which becomes visible last.
    """

    wheel: UnpackedWheel
    folders: tuple[NewFolder, ...]
    files: tuple[NewFile, ...]
    dist_info: str

    @property
    def name(self) -> str:
        """The package and its version, for messages."""
        return f"{self.wheel.name} {self.wheel.version}"

    def is_ascii(self) -> bool:
        """Whether all names in it are plain."""
        folders = ("".join((folder.destination, *folder.stored.names)) for folder in self.folders)
        return all(map(str.isascii, (*folders, *(file.destination for file in self.files))))

    def destinations(self) -> Iterator[str]:
        """The absolute path of every file."""
        for folder in self.folders:
            yield from (f"{folder.destination}{os.sep}{name}" for name in folder.stored.names)
        yield from (file.destination for file in self.files)


def lay_out(
    wheel: UnpackedWheel,
    environment: Environment,
    *,
    requested: bool,
    direct_url: Mapping[str, Any] | None,
    url: str,
    provenance: Mapping[str, Any] | None = None,
    stands_in_for: Sequence[str] = (),
) -> Layout:
    """Every file that installing ``wheel`` makes, with RECORD and the installer's own files.

    Args:
        wheel: the wheel.
        environment: where to.
        requested: whether a user asked for it.
        direct_url: what direct_url.json says; ``None``: it came from an index.
        url: of the wheel.
        provenance: what provenance_url.json says in place of the wheel's URL and hash.
        stands_in_for: the names that it has to be found by as well.

    Raises:
        WheelError: its WHEEL file is of another format, a ``.data`` folder is none of the scheme's, two files
            go to one place, or its entry points cannot be read.
    """
    scheme = {name: str(environment.scheme[name]) for name in SCHEME_NAMES}
    # "headers" is shared by all packages; each has a folder of its own in it, as pip and uv have it.
    scheme["headers"] = os.path.join(scheme["headers"], wheel.dist_info.partition("-")[0])
    root = scheme["purelib" if _root_is_purelib(wheel) else "platlib"]
    dist_info = f"{root}{os.sep}{wheel.dist_info}"
    found: dict[str, NewFile] = {}
    whole, taken_apart = _by_kind(wheel)
    _refuse_reserved(wheel, whole, taken_apart)
    folders = {folder.destination: folder for folder in _folders(wheel, root, whole)}
    for file in _files(wheel, root, scheme, environment.python, taken_apart):
        _take_apart(folders, file.destination, found)
        if found.setdefault(file.destination, file) is not file:
            raise _refused(wheel, f"two of its files go to {file.destination}", hint=MISTRUST)
    # Generated scripts win over carried ones of the same name, as in pip.
    for script in _scripts(wheel, scheme["scripts"], environment.python):
        _take_apart(folders, script.destination, found)
        found[script.destination] = script
    # PEP 710 (draft): which file of an index this was, by its hash.
    origin = provenance or {"archive_info": {"hashes": {"sha256": wheel.sha256}}, "url": without_secrets(url)}
    found |= {file.destination: file for file in _notes(wheel, dist_info, requested, direct_url, origin)}
    for name in stands_in_for:
        for path, content in StandIn(name, str(wheel.version), wheel.name).files(INSTALLER):
            place = f"{root}{os.sep}{_local(path)}"
            found[place] = _generated(place, content)
    record = _record(folders.values(), found, root, f"{dist_info}{os.sep}RECORD")
    return Layout(wheel, tuple(folders.values()), (*found.values(), record), dist_info)


def _by_kind(wheel: UnpackedWheel) -> tuple[list[StoredFolder], list[StoredFolder]]:
    """The folders that go as a whole, and those whose files are looked at one by one."""
    whole: list[StoredFolder] = []
    taken_apart: list[StoredFolder] = []
    for folder in wheel.folders:
        (whole if _goes_as_a_whole(wheel, folder) else taken_apart).append(folder)
    return whole, taken_apart


def _refuse_reserved(
    wheel: UnpackedWheel, whole: Iterable[StoredFolder], taken_apart: Iterable[StoredFolder]
) -> None:
    """What an archive is refused for; but an older variantctl may have unpacked this one."""
    files = (f"{folder.path}/{name}" for folder in taken_apart for name in folder.names)
    for path in chain((folder.path for folder in whole), files):
        if is_reserved(path):
            raise _refused(wheel, "it would come into variantctl's own folder", member=path, hint=MISTRUST)


def _take_apart(folders: dict[str, NewFolder], path: str, into: dict[str, NewFile]) -> None:
    """Where a single file comes beside a folder's files, those become single ones too, and are compared."""
    if folder := folders.pop(path.rpartition(os.sep)[0], None):
        into.update((file.destination, file) for file in folder.files())


def _goes_as_a_whole(wheel: UnpackedWheel, folder: StoredFolder) -> bool:
    """A folder of the package proper: its files are neither moved, nor edited, nor read on the way."""
    top = folder.path.partition("/")[0]
    if top in ("", wheel.dist_info, _data(wheel)) or _is_compiled(folder):
        return False
    # Looked for in all at once first: few have any.
    may_be = any(ending in folder.record for ending in _EDITED)
    return not (may_be and any(name.endswith(_EDITED) for name in folder.names))


def _is_compiled(folder: StoredFolder) -> bool:
    # A compiled file that no source backs could hide what really runs.
    return "/__pycache__/" in f"/{folder.path}/"


def _data(wheel: UnpackedWheel) -> str:
    return f"{wheel.dist_info.removesuffix('.dist-info')}.data"


def _local(path: str) -> str:
    return path if os.sep == "/" else path.replace("/", os.sep)


def _folders(wheel: UnpackedWheel, root: str, whole: Iterable[StoredFolder]) -> Iterator[NewFolder]:
    for folder in whole:
        path = _local(folder.path)
        yield NewFolder(f"{root}{os.sep}{path}", f"{wheel.root}{os.sep}{path}", folder)


def _files(
    wheel: UnpackedWheel,
    root: str,
    scheme: Mapping[str, str],
    python: Path,
    taken_apart: Iterable[StoredFolder],
) -> Iterator[NewFile]:
    places = (root, f"{_data(wheel)}/", scheme)
    ours = {
        f"{wheel.dist_info}/{name}" for name in ("RECORD", "INSTALLER", "REQUESTED", DIRECT_URL, PROVENANCE)
    }
    for folder in taken_apart:
        if not _is_compiled(folder):
            for file in folder.files():
                if file.path not in ours:
                    yield _placed(wheel, file, places, python)


def _placed(
    wheel: UnpackedWheel, file: UnpackedFile, places: tuple[str, str, Mapping[str, str]], python: Path
) -> NewFile:
    """Where one file goes: ``places`` are the root, the wheel's ``.data/`` folder and the scheme."""
    folder, data, scheme = places
    path, kind = file.path, ""
    if path.startswith(data):
        kind, _, path = path.removeprefix(data).partition("/")
        if kind not in scheme or not path:
            raise _refused(wheel, "it is in no folder of the installation scheme", member=file.path)
        folder = scheme[kind]
    destination, source = f"{folder}{os.sep}{_local(path)}", f"{wheel.root}{os.sep}{file.path}"
    if kind == "scripts":
        return _script(file, source, destination, python)
    linkable = not path.endswith(_EDITED)
    return NewFile(destination, source, None, file.digest, file.size, file.executable, linkable)


def _script(file: UnpackedFile, source: str, destination: str, python: Path) -> NewFile:
    with open(source, "rb") as stored:  # a string already
        if stored.read(8) != b"#!python":
            return NewFile(destination, source, None, file.digest, file.size, True, False)
        stored.seek(0)
        return _generated(destination, with_interpreter(stored.read(), python), executable=True)


def _scripts(wheel: UnpackedWheel, folder: str, python: Path) -> Iterator[NewFile]:
    entry_points = wheel.read_info("entry_points.txt")
    if entry_points:
        for name, content in entry_point_scripts(entry_points, python, wheel.filename):
            yield _generated(f"{folder}{os.sep}{name}", content, executable=True)


def _notes(
    wheel: UnpackedWheel,
    dist_info: str,
    requested: bool,
    direct_url: Mapping[str, Any] | None,
    provenance: Mapping[str, Any],
) -> Iterator[NewFile]:
    """What "Recording installed projects" and "Direct URL data structure" ask the installer to leave."""
    yield _generated(f"{dist_info}{os.sep}INSTALLER", INSTALLER)
    if requested:
        yield _generated(f"{dist_info}{os.sep}REQUESTED", b"")
    name, said = (PROVENANCE, provenance) if direct_url is None else (DIRECT_URL, direct_url)
    yield _generated(f"{dist_info}{os.sep}{name}", json.dumps(said, sort_keys=True).encode())


def _generated(destination: str, content: bytes, *, executable: bool = False) -> NewFile:
    entry = entry_for(destination, content)
    digest = f"{entry.algorithm}={entry.digest}"
    return NewFile(destination, None, content, digest, len(content), executable, False)


def _record(
    folders: Iterable[NewFolder], files: Mapping[str, NewFile], root: str, destination: str
) -> NewFile:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    inside = f"{root}{os.sep}"
    for folder in folders:
        # A large wheel is almost nothing but these, and the writer would take longer for it than links do.
        text.write(folder.stored.record)
    for file in files.values():
        # Signatures of the wheel's own RECORD have neither hash nor size there.
        size = file.size if file.digest else ""
        writer.writerow((_recorded(file.destination, inside, root), file.digest, size))
    writer.writerow((_recorded(destination, inside, root), "", ""))
    content = text.getvalue().encode("utf-8", "surrogateescape")
    return NewFile(destination, None, content, "", len(content), False, False)


def _recorded(destination: str, inside: str, root: str) -> str:
    """The path as RECORD has it: relative to site-packages; absolute on another Windows drive."""
    if destination.startswith(inside):
        path = destination[len(inside) :]
    else:
        try:
            path = os.path.relpath(destination, root)
        except ValueError:
            path = destination
    return path if os.sep == "/" else path.replace(os.sep, "/")


def _root_is_purelib(wheel: UnpackedWheel) -> bool:
    text = wheel.read_info("WHEEL")
    if text is None:
        raise _refused(wheel, "it has no WHEEL file")
    # Each of its headers is a line of its own; the email package would take longer to import than all else.
    headers = dict(_header(line) for line in reversed(text.decode("utf-8-sig", "replace").splitlines()))
    version = headers.get("wheel-version", "")
    if version.partition(".")[0] != "1":
        raise _refused(wheel, f"its WHEEL file says format {version!r}; this installs format 1")
    return headers.get("root-is-purelib", "").lower() == "true"


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _refused(
    wheel: UnpackedWheel, problem: str, member: str | None = None, hint: str = DAMAGED
) -> WheelError:
    return WheelError(wheel.filename, problem, member=member, hint=hint)
