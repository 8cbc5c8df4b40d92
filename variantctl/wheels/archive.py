"""One wheel as an archive: its members, its metadata folder, and the bytes of each, read with suspicion."""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError
from variantctl.wheels.names import collisions, entry_problem, overlap
from variantctl.wheels.structure import (
    LOCAL_HEADER,
    end_problem,
    gap_problem,
    local_header_problem,
    local_header_size,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from zipfile import ZipInfo

#: Bytes read at once, and at most inflated from them: for each piece a thread takes the interpreter's lock a
#: few times, and may have to wait for it.
CHUNK, _INFLATED = 1 << 20, 4 << 20
_GROUP = 1 << 18
MAX_READ = 256 << 20
_STORED = 0


class WheelArchive:
    """A wheel opened for reading.

    Opening reads the central directory only, and refuses an archive that would be dangerous to unpack
    (escaping or absolute paths, links, duplicates, overlaps, encryption), that contradicts itself at its end,
    or that is not the wheel its filename names (``*.dist-info`` folder). What surrounds a member's bytes is
    checked when they are read, which may be done from several threads.

    Attributes:
        filename: the parsed filename.
        infos: the files in archive order, by path; folders are left out.
        dist_info: the name of the ``*.dist-info`` folder.
        size: of the wheel file, in bytes.
        untidy: what is odd about the archive itself, and harms nobody, in sentences.
    """

    def __init__(self, file: BinaryIO, filename: WheelFilename) -> None:
        from zipfile import BadZipFile, ZipFile

        self.filename = filename
        self._file = file
        self._lock = threading.Lock()
        self._handle = _handle_of(file)
        # A file that is still being received: it gives any place to any thread, when it is there.
        self._arriving: Callable[[int, int], bytes] | None = getattr(file, "read_at", None)
        try:
            directory = ZipFile(file)
        except (BadZipFile, EOFError, ValueError, NotImplementedError, struct.error) as error:
            problem = f"it is cut short or not a zip file ({str(error).rstrip('.')})"
            raise WheelError(filename.filename, problem, hint=DAMAGED) from error
        self._check(directory.infolist(), directory.start_dir)
        infos, size = directory.infolist(), file.seek(0, os.SEEK_END)
        self.size = size
        first = min((info.header_offset for info in infos), default=0)
        at_end = end_problem(self._read_at, size, directory.start_dir, len(infos), first)
        if at_end is not None:
            raise self.error(at_end, hint=MISTRUST)
        self.infos: Mapping[str, ZipInfo] = {i.filename: i for i in directory.infolist() if not i.is_dir()}
        starts = sorted({info.header_offset for info in directory.infolist()} | {directory.start_dir})
        self._ends = dict(pairwise(starts))
        self._folders = {i.filename.rstrip("/") for i in infos if i.is_dir()}
        self.untidy = tuple(self._look_at_folders(info for info in infos if info.is_dir()))
        self.dist_info = self._find_dist_info()

    @classmethod
    def open(cls, path: Path, filename: WheelFilename | None = None) -> WheelArchive:
        """Open a wheel on disk; ``filename`` where the file is kept under another name.

        Raises:
            WheelError: the file cannot be read or is not a sound wheel.
            InvalidVariantError: its filename is not a wheel's.
        """
        try:
            file = path.open("rb")
        except OSError as error:
            raise WheelError(str(path), f"cannot be opened: {error.strerror}") from error
        try:
            return cls(file, filename or parse_wheel_filename(path.name))
        except BaseException:
            file.close()
            raise

    @classmethod
    def from_file(cls, file: BinaryIO, filename: str | WheelFilename) -> WheelArchive:
        """Read a wheel from any seekable binary file, for example one that fetches ranges of a URL."""
        name = parse_wheel_filename(filename) if isinstance(filename, str) else filename
        return cls(file, name)

    def __enter__(self) -> WheelArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the underlying file."""
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of all files, in archive order."""
        return tuple(self.infos)

    def __contains__(self, name: str) -> bool:
        return name in self.infos

    def is_folder(self, name: str) -> bool:
        """Whether a path is that of a folder: it has an entry, or files in it."""
        path = name.rstrip("/")
        return path in self._folders or any(other.startswith(f"{path}/") for other in self.infos)

    def read(self, name: str, *, limit: int = MAX_READ) -> bytes:
        """The whole content of one file of at most ``limit`` bytes; checks its CRC.

        Raises:
            WheelError: the wheel has no such file, it is larger, or its bytes are damaged.
        """
        info = self._info(name)
        if info.file_size > limit:
            raise self.error(f"it claims {info.file_size} bytes, more than the {limit} allowed", name)
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of one file, piece by piece (bounded memory); its size and CRC are checked at the end.

        Raises:
            WheelError: its bytes are damaged, or disagree with the archive's directory.
        """

        info = self._info(name)
        crc = size = 0
        for piece in self._stored(info) if info.compress_type == _STORED else self._inflated(info):
            size += len(piece)
            if size > info.file_size:
                break
            crc = crc32(piece, crc)
            yield piece
        self._check_end(info, size, crc)

    def neighbours(
        self, names: Sequence[str], *, limit: int = _GROUP, most: int = 256
    ) -> Iterator[list[str]]:
        """Group files so that ``contents`` reads each group at once: a few that lie beside each other.

        Args:
            names: the files, none larger than ``limit``, in archive order.
            limit: how many bytes of the archive a group may take.
            most: how many files a group may have.
        """
        group: list[str] = []
        start = 0
        for name in names:
            offset = self._info(name).header_offset
            if group and not (start <= offset and self._ends[offset] - start <= limit and len(group) < most):
                yield group
                group = []
            if not group:
                start = offset
            group.append(name)
        if group:
            yield group

    def block(self, group: Sequence[str]) -> bytes:
        """The bytes of the archive that hold one of the ``neighbours``."""
        start = self._info(group[0]).header_offset
        return self._read_at(start, self._ends[self._info(group[-1]).header_offset] - start)

    def contents(self, group: Sequence[str], read: bytes) -> Iterator[tuple[str, bytes]]:
        """The names and contents of the files of one of the ``neighbours``, checked as by ``chunks``.

        ``read`` is the ``block`` of the group.

        Raises:
            WheelError: the bytes of a file are damaged, or disagree with the archive's directory.
        """

        infos = [self._info(name) for name in group]
        start = infos[0].header_offset
        block = memoryview(read)
        for info in infos:
            at = info.header_offset - start
            offset = self._data_offset(info, block[at : self._ends[info.header_offset] - start]) - start
            data = block[offset : offset + info.compress_size]
            if len(data) != info.compress_size:
                raise self.error("the archive ends before its data", info.filename, DAMAGED)
            if info.compress_type == _STORED:
                content = bytes(data)
            else:
                stream = inflater()
                try:
                    content = stream.decompress(data, info.file_size + 1)
                except Error as error:
                    raise self._broken(info, error) from error
                if not stream.eof or stream.unused_data:
                    raise self._broken_end(info)
            self._check_end(info, len(content), crc32(content, 0))
            yield info.filename, content

    def compressed_chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one file as they lie in the archive."""
        return self._stored(self._info(name))

    def metadata_bytes(self) -> bytes:
        """The content of ``METADATA``."""
        return self.read(f"{self.dist_info}/METADATA")

    def variant_json_bytes(self) -> bytes | None:
        """The content of ``variant.json`` (PEP 825), or ``None`` where there is none."""
        name = f"{self.dist_info}/variant.json"
        return self.read(name) if name in self.infos else None

    def error(self, problem: str, member: str | None = None, hint: str | None = None) -> WheelError:
        """An error that names this wheel."""
        return WheelError(self.filename.filename, problem, member=member, hint=hint)

    def _info(self, name: str) -> ZipInfo:
        try:
            return self.infos[name]
        except KeyError:
            raise self.error("the wheel has no such file", name) from None

    def _check(self, infos: list[ZipInfo], directory_start: int) -> None:
        platforms = {tag.platform for tag in self.filename.tags}
        windows = any(platform == "any" or platform.startswith("win") for platform in platforms)
        for info in infos:
            problem = entry_problem(info, windows=windows)
            if problem is not None:
                raise self.error(problem, info.orig_filename, MISTRUST)
        for name, problem in collisions(info.filename for info in infos):
            raise self.error(problem, name, MISTRUST)
        culprit = overlap(infos, directory_start)
        if culprit is not None:
            raise self.error("its bytes are not there, or overlap those of another member", culprit, MISTRUST)

    def _look_at_folders(self, folders: Iterable[ZipInfo]) -> Iterator[str]:
        """Folders whose entries have bytes: an empty stream is harmless (PySocks 1.7.1 has one)."""
        odd = [info for info in folders if info.compress_size]
        for info in odd:
            self._check_end(info, *_measured(self._inflated(info)))
        if odd:
            what = "a folder's entry" if len(odd) == 1 else f"{len(odd)} folders' entries"
            yield f"{self.filename.filename}: the archive deflates {what} ({odd[0].filename!r:.200})"

    def _find_dist_info(self) -> str:
        tops = {name.partition("/")[0] for name in self.infos if "/" in name}
        folders = sorted(top for top in tops if top.endswith(".dist-info"))
        if not folders:
            raise self.error("it has no *.dist-info folder", hint=DAMAGED)
        if len(folders) > 1:
            raise self.error(f"it has several *.dist-info folders: {', '.join(folders)}", hint=MISTRUST)
        if not self.is_stem(folders[0].removesuffix(".dist-info")):
            expected = f"{self.filename.name} {self.filename.version}"
            raise self.error(f"the metadata folder is not that of {expected}", folders[0], MISTRUST)
        return folders[0]

    def is_stem(self, stem: str) -> bool:
        """Whether ``stem`` is ``{name}-{version}`` of this wheel, in any spelling.

        Where the filename has a local version, the wheel itself may do without (``names_version``).
        """
        # Old wheels have '-' in names and versions, so every '-' may be the one between the two.
        for at in (i for i, character in enumerate(stem) if character == "-"):
            try:
                version = Version(stem[at + 1 :])
            except ValueError:
                continue
            if canonicalize_name(stem[:at]) == self.filename.name and self.filename.names_version(version):
                return True
        return False

    def _check_end(self, info: ZipInfo, size: int, crc: int) -> None:
        if size != info.file_size:
            problem = f"it does not hold the {info.file_size} bytes it claims"
            raise self.error(problem, info.filename, DAMAGED)
        if crc != info.CRC:
            raise self.error("its checksum (CRC) is wrong", info.filename, DAMAGED)

    def _read_at(self, offset: int, size: int) -> bytes:
        if self._handle is not None:
            return os.pread(self._handle, size, offset)
        if self._arriving is not None:
            return self._arriving(offset, size)
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def _data_offset(self, info: ZipInfo, block: bytes | memoryview = b"") -> int:
        """Where the bytes of a member start; what is around them must tell the same story as the directory.

        ``block`` may be given: the archive's bytes from the local header on, up to the next member.
        """
        start, end = info.header_offset, self._ends[info.header_offset]
        fixed = LOCAL_HEADER.size
        header = block or self._read_at(start, fixed + len(info.orig_filename.encode()))
        if len(header) < fixed:
            raise self.error("the archive ends before its data", info.filename, DAMAGED)
        size = local_header_size(header[:fixed])
        if len(header) < size:
            header = self._read_at(start, size)
        offset = start + size
        problem = local_header_problem(info, header[:size])
        gap = end - offset - info.compress_size
        if problem is None and gap < 0:
            problem = "its bytes overlap those of another member"
        if problem is None and gap > 0:
            between = end - gap
            problem = gap_problem(info, block[between - start :] if block else self._read_at(between, gap))
        if problem is not None:
            raise self.error(problem, info.filename, MISTRUST)
        return offset

    def _stored(self, info: ZipInfo) -> Iterator[bytes]:
        offset, left = self._data_offset(info), info.compress_size
        while left:
            piece = self._read_at(offset, min(left, CHUNK))
            if not piece:
                raise self.error("the archive ends before its data", info.filename, DAMAGED)
            offset += len(piece)
            left -= len(piece)
            yield piece

    def _inflated(self, info: ZipInfo) -> Iterator[bytes]:

        # One byte more than it claims is enough to see that it lies.
        stream, most = inflater(), min(info.file_size + 1, _INFLATED)
        try:
            for piece in self._stored(info):
                while piece and not stream.eof:
                    yield stream.decompress(piece, most)
                    piece = stream.unconsumed_tail
                # What is left when all was taken in: the inflater's window may hold more than was asked for.
                while not stream.eof and (rest := stream.decompress(b"", most)):
                    yield rest
        except Error as error:
            raise self._broken(info, error) from error
        if not stream.eof or stream.unused_data:
            raise self._broken_end(info)

    def _broken(self, info: ZipInfo, error: Exception) -> WheelError:
        return self.error(f"its compressed data is damaged ({error})", info.filename, DAMAGED)

    def _broken_end(self, info: ZipInfo) -> WheelError:
        return self.error("its compressed data does not end where it should", info.filename, DAMAGED)


def _measured(pieces: Iterable[bytes]) -> tuple[int, int]:
    """The length and the CRC of some content."""

    size = crc = 0
    for piece in pieces:
        size, crc = size + len(piece), crc32(piece, crc)
    return size, crc


def _handle_of(file: BinaryIO) -> int | None:
    """The handle by which threads can read at any place without taking turns, where there is such a thing."""
    if not hasattr(os, "pread"):
        return None
    try:
        return file.fileno()
    except OSError:
        return None


class Inflater(Protocol):
    """What is used of a zlib decompression object."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


try:
    from isal import isal_zlib

    _new: Callable[[int], Inflater] = isal_zlib.decompressobj
    crc32: Callable[[bytes, int], int] = isal_zlib.crc32
    # Its stub declares an instance.
    Error: tuple[type[Exception], ...] = (zlib.error, cast(type[Exception], isal_zlib.error))
except ImportError:
    _new, crc32, Error = zlib.decompressobj, zlib.crc32, (zlib.error,)


def inflater() -> Inflater:
    """For one raw DEFLATE stream."""
    return _new(-zlib.MAX_WBITS)
