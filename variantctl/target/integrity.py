"""Whether what RECORD lists is still there, and still what it was ("Recording installed projects")."""

from __future__ import annotations

import contextlib
import hashlib
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import Tag, parse_tag

from variantctl.target.installed import InstalledFile, InstalledPackage
from variantctl.variants.filenames import is_short

_BLOCK = 1 << 20


def missing_files(package: InstalledPackage) -> list[Path]:
    """The listed files that do not exist; byte code aside, which anybody may delete.

    Raises:
        BrokenPackageError: RECORD cannot be read.
    """
    return missing_among(package.files())


def missing_among(files: Iterable[InstalledFile]) -> list[Path]:
    """The same, of files that were read from a RECORD."""
    listings: dict[str, frozenset[str] | None] = {}
    return [file.path for file in _lasting(files) if not _exists(file.path, listings)]


def changed_files(package: InstalledPackage) -> list[Path]:
    """The listed files whose content is not what RECORD has a hash of; every file is read.

    Raises:
        BrokenPackageError: RECORD cannot be read.
    """
    return changed_among(package.files())


def changed_among(files: Iterable[InstalledFile]) -> list[Path]:
    """The same, of files that were read from a RECORD."""
    return [file.path for file in _lasting(files) if file.digest and not is_as_recorded(file)]


def wheel_tags(package: InstalledPackage) -> frozenset[Tag]:
    """The platform compatibility tags that WHEEL lists; empty where it does not say."""
    try:
        text = (package.dist_info / "WHEEL").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    tags: set[Tag] = set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "tag" and value.strip().count("-") == 2 and is_short(value):
            with contextlib.suppress(ValueError):
                tags |= parse_tag(value.strip())
    return frozenset(tags)


def _lasting(files: Iterable[InstalledFile]) -> Iterator[InstalledFile]:
    return (file for file in files if file.path.suffix != ".pyc")


def _exists(path: Path, listings: dict[str, frozenset[str] | None]) -> bool:
    """Folders are listed once: a large package has tens of thousands of files in some thousand folders."""
    folder, name = os.path.split(path)
    if folder not in listings:
        try:
            listings[folder] = frozenset(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            listings[folder] = frozenset()
        except OSError:
            # A folder that may be entered but not listed.
            listings[folder] = None
    names = listings[folder]
    return name in names or _differs_in_case(path, name, names) if names is not None else path.exists()


def _differs_in_case(path: Path, name: str, names: frozenset[str]) -> bool:
    """On a file system that does not tell case apart, RECORD's spelling need not be the folder's."""
    return any(name.lower() == other.lower() for other in names) and path.exists()


def is_as_recorded(file: InstalledFile) -> bool:
    """Whether a file has the hash of its row.

    Also where the file is missing or the algorithm unknown: those are other findings, or none.
    """
    algorithm, _, expected = file.digest.partition("=")
    try:
        digest = hashlib.new(algorithm)
        with file.path.open("rb") as content:
            while block := content.read(_BLOCK):
                digest.update(block)
    except (OSError, ValueError):
        return True
    return urlsafe_b64encode(digest.digest()).rstrip(b"=").decode() == expected.rstrip("=")
