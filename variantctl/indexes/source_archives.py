"""Archives of source code: unpacked, and what they say of themselves without a build."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.indexes.errors import BuildError

if TYPE_CHECKING:
    from variantctl.wheels.metadata import CoreMetadata

_MOST_BYTES = 8 << 30
_MOST_METADATA = 8 << 20
#: To read what an archive says of itself all of it is unpacked, and nothing of it is kept.
_MOST_LOOKED_THROUGH = 2 << 30


def unpacked_source(archive: Path, folder: Path, filename: str) -> Path:
    """Unpack an sdist or another archive of source code; gives the folder that is all of it.

    Members that would lie elsewhere are refused, and so is what unpacks to more than 8 GiB, has headers of
    more than 1 MiB or more than 200,000 members.

    Raises:
        BuildError: it cannot be unpacked.
    """
    import zipfile

    from variantctl.filesystem.bounded_tars import members_of, open_tar

    folder.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as members:
                _refuse_bomb(filename, sum(member.file_size for member in members.infolist()))
                members.extractall(folder)
        else:
            with open_tar(archive, _MOST_BYTES) as tar:
                _refuse_bomb(filename, sum(max(member.size, 0) for member in members_of(tar)))
            with open_tar(archive, _MOST_BYTES) as tar:
                tar.extractall(folder, filter="data")
    except _problems() as error:
        raise BuildError(f"{filename} cannot be unpacked: {error}") from error
    entries = sorted(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _problems() -> tuple[type[Exception], ...]:
    """What the standard library raises about an archive that is damaged, or of a kind that it cannot read."""
    import lzma
    import tarfile
    import zipfile
    import zlib

    of_content = (EOFError, OSError, RuntimeError, ValueError)
    return (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, *of_content)


def _refuse_bomb(filename: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise BuildError(f"{filename} unpacks to {size} bytes, which is more than source code has")


def static_metadata(archive: Path, filename: str) -> CoreMetadata | None:
    """What PKG-INFO or pyproject.toml of an sdist say for certain; None where they leave something open."""

    from variantctl.wheels.static_metadata import from_pkg_info, from_pyproject

    try:
        found = dict(_documents(archive))
    except _problems() as error:
        raise BuildError(f"{filename} cannot be read: {error}") from error
    if "PKG-INFO" in found and (known := from_pkg_info(found["PKG-INFO"], filename)) is not None:
        return known
    return from_pyproject(found["pyproject.toml"], filename) if "pyproject.toml" in found else None


def _documents(archive: Path) -> Mapping[str, bytes]:
    """The files PKG-INFO and pyproject.toml of the one folder that an sdist has."""
    import zipfile

    from variantctl.filesystem.bounded_tars import members_of, open_tar

    wanted = ("PKG-INFO", "pyproject.toml")
    found: dict[str, bytes] = {}
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as members:
            for info in members.infolist():
                _folder, _, name = info.filename.partition("/")
                if name in wanted and info.file_size <= _MOST_METADATA:
                    found[name] = members.read(info)
        return found
    with open_tar(archive, _MOST_LOOKED_THROUGH) as tar:
        for member in members_of(tar):
            _folder, _, name = member.name.removeprefix("./").partition("/")
            if name in wanted and member.isfile() and member.size <= _MOST_METADATA:
                file = tar.extractfile(member)
                found[name] = file.read() if file is not None else b""
    return found
