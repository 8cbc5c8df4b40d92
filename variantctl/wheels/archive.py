"""One wheel as an archive: its members, its metadata folder, and the bytes of each, read with suspicion."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError
from variantctl.wheels.names import collisions, entry_problem, overlap

if TYPE_CHECKING:
    from zipfile import ZipInfo

CHUNK = 1 << 18
MAX_READ = 256 << 20
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_STORED = 0


class WheelArchive:
    """A wheel opened for reading.

    Opening reads the central directory only, and refuses an archive that would be dangerous to unpack
    (escaping or absolute paths, links, duplicates, overlaps, encryption) or that is not the wheel its
    filename names (``*.dist-info`` folder). Reading may be done from several threads.

    Attributes:
        filename: the parsed filename.
        infos: the files in archive order, by path; folders are left out.
        dist_info: the name of the ``*.dist-info`` folder.
    """

    def __init__(self, file: BinaryIO, filename: WheelFilename) -> None:
        from zipfile import BadZipFile, ZipFile

        self.filename = filename
        self._file = file
        self._lock = threading.Lock()
        try:
            directory = ZipFile(file)
        except (BadZipFile, EOFError, ValueError, NotImplementedError, struct.error) as error:
            problem = f"it is cut short or not a zip file ({str(error).rstrip('.')})"
            raise WheelError(filename.filename, problem, hint=DAMAGED) from error
        self._check(directory.infolist(), directory.start_dir)
        self.infos: Mapping[str, ZipInfo] = {i.filename: i for i in directory.infolist() if not i.is_dir()}
        self.dist_info = self._find_dist_info()

    @classmethod
    def open(cls, path: Path, filename: WheelFilename | None = None) -> WheelArchive:
        """Open a wheel on disk; ``filename`` where the file is kept under another name.

        Raises:
            WheelError: the file cannot be read or is not a sound wheel.
            InvalidVariantError: its filename is not a wheel's.
        """
        name = filename or parse_wheel_filename(path.name)
        try:
            file = path.open("rb")
        except OSError as error:
            raise WheelError(str(path), f"cannot be opened: {error.strerror}") from error
        try:
            return cls(file, name)
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
            crc = zlib.crc32(piece, crc)
            yield piece
        if size != info.file_size:
            raise self.error(f"it does not hold the {info.file_size} bytes it claims", name, DAMAGED)
        if crc != info.CRC:
            raise self.error("its checksum (CRC) is wrong", name, DAMAGED)

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
        """Whether ``stem`` is ``{name}-{version}`` of this wheel, in any spelling."""
        # Old wheels have '-' in names and versions, so every '-' may be the one between the two.
        for at in (i for i, character in enumerate(stem) if character == "-"):
            try:
                version = Version(stem[at + 1 :])
            except InvalidVersion:
                continue
            if canonicalize_name(stem[:at]) == self.filename.name and version == self.filename.version:
                return True
        return False

    def _read_at(self, offset: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(offset)
            return self._file.read(size)

    def _data_offset(self, info: ZipInfo) -> int:
        """Where the bytes of a member start; its local header must tell the same story as the directory."""
        header = self._read_at(info.header_offset, _LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size:
            raise self.error("the archive ends before its data", info.filename, DAMAGED)
        signature, _, flags, method, _, _, _, _, _, name_length, extra_length = _LOCAL_HEADER.unpack(header)
        name = self._read_at(info.header_offset + _LOCAL_HEADER.size, name_length)
        encoding = "utf-8" if flags & 0x800 else "cp437"
        same_name = name.decode(encoding, "replace") == info.orig_filename
        if signature != b"PK\x03\x04" or method != info.compress_type or not same_name:
            problem = "its local header disagrees with the archive's directory"
            raise self.error(problem, info.filename, MISTRUST)
        return info.header_offset + _LOCAL_HEADER.size + int(name_length) + int(extra_length)

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
        inflater, most = zlib.decompressobj(-zlib.MAX_WBITS), min(info.file_size + 1, 4 * CHUNK)
        try:
            for piece in self._stored(info):
                while piece and not inflater.eof:
                    yield inflater.decompress(piece, most)
                    piece = inflater.unconsumed_tail
            yield inflater.flush()
        except zlib.error as error:
            raise self.error(f"its compressed data is damaged ({error})", info.filename, DAMAGED) from error
        if not inflater.eof or inflater.unused_data:
            raise self.error("its compressed data does not end where it should", info.filename, DAMAGED)
