"""What the libraries in a wheel were built for, read member by member; a large member is never in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from variantctl.machine_code.content import Content, Memory, OpenFile
from variantctl.machine_code.library import SIGNATURE, CudaCode, LibraryCode, may_be_code, read_library
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.limits import Limits
from variantctl.wheels.verify import Progress

#: A member of this size is unpacked into memory; a larger one into a file that has no name.
IN_MEMORY = 16 << 20


@dataclass(frozen=True)
class Library:
    """One file with code.

    Attributes:
        name: its path in the wheel, or in the folder it is installed in.
        code: what it needs and has.
    """

    name: str
    code: LibraryCode


@dataclass(frozen=True)
class WheelAudit:
    """What was found in one wheel, or in one installed package.

    Attributes:
        name: the wheel's filename.
        path: where it is; a URL, where it is in a store.
        libraries: its files with code, in the order of their names.
        problems: what could not be read, in sentences.
    """

    name: str
    path: Path | str
    libraries: tuple[Library, ...] = ()
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Its object in ``wheels`` of ``wheel audit --json``."""
        return {
            "filename": self.name,
            "path": str(self.path),
            "libraries": len(self.libraries),
            "problems": list(self.problems),
        }

    def libraries_as_json(self) -> list[dict[str, object]]:
        """Its objects in ``libraries`` of ``wheel audit --json`` (design.md, section 5)."""
        return [{"wheel": self.name, **library_as_json(library)} for library in self.libraries]


def library_as_json(library: Library) -> dict[str, object]:
    """The object of one library."""
    code, cuda = library.code, library.code.cuda
    return {
        "name": library.name,
        "format": code.format,
        "machines": list(code.machines),
        "needed": list(code.needed),
        "opened": list(code.opened),
        "cuda": {
            "cubin": list(cuda.cubin),
            "ptx": list(cuda.ptx),
            "lto": list(cuda.lto),
            "ptx_isa": cuda.ptx_isa,
        },
        "amd": list(code.amd),
        "intel": list(code.intel),
        "level": code.level,
        "problems": list(code.problems),
    }


def library_from_json(value: Mapping[str, Any]) -> Library:
    """The reverse of ``library_as_json``.

    Raises:
        ValueError, KeyError, TypeError: it is no such object.
    """

    def texts(member: object) -> tuple[str, ...]:
        if not isinstance(member, list) or not all(isinstance(text, str) for text in member):
            raise TypeError("not a list of texts")
        return tuple(member)

    cuda = value["cuda"]
    code = LibraryCode(
        str(value["format"]),
        texts(value["machines"]),
        texts(value["needed"]),
        texts(value["opened"]),
        CudaCode(texts(cuda["cubin"]), texts(cuda["ptx"]), texts(cuda["lto"]), cuda["ptx_isa"]),
        texts(value["amd"]),
        texts(value["intel"]),
        value["level"],
        texts(value["problems"]),
    )
    return Library(str(value["name"]), code)


def audit_wheel(
    path: Path,
    *,
    filename: WheelFilename | None = None,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> WheelAudit:
    """Read the code in a wheel; nothing of it is run, and what is wrong with a member is said beside it.

    Args:
        path: the wheel.
        filename: where the file is kept under another name.
        limits: how large it may be once it is unpacked.
        progress: told how many bytes of it are done, of how many.

    Raises:
        WheelError: it cannot be opened, is no sound archive, or would be larger than it may be.
        InvalidVariantError: its filename is not a wheel's.
        VariantctlError: there is no room for the largest member.
    """
    with WheelArchive.open(path, filename) as archive:
        (limits or Limits()).check(archive)
        return audit_archive(archive, path, progress)


def audit_archive(archive: WheelArchive, path: Path | str, progress: Progress | None = None) -> WheelAudit:
    """As ``audit_wheel``, of a wheel that is open."""
    libraries: list[Library] = []
    problems: list[str] = []
    total = sum(info.file_size for info in archive.infos.values())
    done = 0
    for name in archive.names:
        try:
            code = _member(archive, name)
        except WheelError as error:
            problems.append(error.message)
        else:
            if code is not None:
                libraries.append(Library(name, code))
        done += archive.infos[name].file_size
        if progress is not None:
            progress(done, total)
    found = tuple(sorted(libraries, key=lambda library: library.name))
    return WheelAudit(archive.filename.filename, path, found, tuple(problems))


def audit_file(path: Path, name: str | None = None, *, constants: bool = True) -> Library | None:
    """Read one file that is not in a wheel; ``None`` where it is no code.

    Args:
        path: the file.
        name: what to call it; its path where that is left out.
        constants: look for names of libraries among its constants, too.

    Raises:
        VariantctlError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            if not may_be_code(file.read(SIGNATURE)):
                return None
            code = read_library(OpenFile(file.fileno()), constants=constants)
    except OSError as error:
        raise VariantctlError(f"{path}: cannot be read: {error.strerror}") from error
    return None if code is None else Library(name or str(path), code)


def _member(archive: WheelArchive, name: str) -> LibraryCode | None:
    chunks = archive.chunks(name)
    start = next(chunks, b"")
    if not may_be_code(start[:SIGNATURE]):
        return None
    with _unpacked(archive, name, chain([start], chunks)) as content:
        return read_library(content)


@contextmanager
def _unpacked(archive: WheelArchive, name: str, chunks: Iterator[bytes]) -> Iterator[Content]:
    if archive.infos[name].file_size <= IN_MEMORY:
        yield Memory(b"".join(chunks))
        return
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            for chunk in chunks:
                file.write(chunk)
            yield OpenFile(file.fileno())
    except OSError as error:
        wheel, size = archive.filename.filename, archive.infos[name].file_size
        raise VariantctlError(
            f"{wheel}: {name!r}: there is no room to unpack {size:,} bytes: {error.strerror}",
            hint="Make room in the folder for temporary files, or name another one in TMPDIR.",
        ) from error
