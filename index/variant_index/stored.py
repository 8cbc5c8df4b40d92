"""Wheels that lie in the index's store already: read by ranges, not downloaded.

Of a wheel its directory, METADATA, WHEEL, RECORD and variant.json are read. Its SHA-256 is what the object's
own metadata says (``x-amz-meta-sha256``), or a file ``{wheel}.sha256`` beside it; where there is neither, the
object is streamed through once.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from packaging.utils import NormalizedName

from variant_index.destinations import Destination, Listed
from variant_index.errors import FolderError, refuse
from variant_index.layout import folder_of, path_of
from variant_index.scan import IndexedFile, Progress, Scan, read_wheel, upload_time
from variant_index.state import SDIST_SUFFIXES, parse_filename
from variantctl.indexes.page_writer import PageFile
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.archive import WheelArchive

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 8 << 20
_READERS = 16


def scan_stored(
    destination: Destination,
    urls: Sequence[str],
    known: Callable[[NormalizedName], Mapping[str, PageFile]] = lambda _name: {},
    *,
    progress: Progress | None = None,
) -> Scan:
    """Read wheels and sdists where they lie in the index's own store.

    Args:
        destination: the index's store.
        urls: objects, or folders of them, below the destination.
        known: gives what the index has of a project, by filename: what is listed at the same place, with
            the same size and date, is not read again.
        progress: told how much was streamed.

    Raises:
        FolderError: a URL is not below the destination, or there is nothing at it.
        WheelError, InvalidVariantError: one file is not sound.
        UnpublishableError: several are not; all are named.
    """
    found, skipped = _find(destination, urls)
    changed: list[Listed] = []
    unchanged: list[Listed] = []
    projects = {parse_filename(posixpath.basename(item.path)).name for item in found}
    entries = {filename: file for name in projects for filename, file in known(name).items()}
    for item in found:
        published = entries.get(posixpath.basename(item.path))
        same = published is not None and _is_published(published, item)
        (unchanged if same else changed).append(item)
    notes: list[tuple[str, str]] = []

    def read(item: Listed) -> IndexedFile | VariantctlError:
        try:
            return _read(destination, item, lambda why: notes.append((posixpath.basename(item.path), why)))
        except VariantctlError as error:
            return error

    with ThreadPoolExecutor(max_workers=_READERS) as pool:
        files = []
        for done, result in enumerate(pool.map(read, changed), 1):
            files.append(result)
            if progress is not None:
                progress(done, len(changed))
    refuse([item for item in files if isinstance(item, VariantctlError)])
    return Scan(
        tuple(item for item in files if isinstance(item, IndexedFile)),
        tuple(posixpath.basename(item.path) for item in unchanged),
        (*skipped, *sorted(notes)),
    )


def _find(destination: Destination, urls: Sequence[str]) -> tuple[list[Listed], list[tuple[str, str]]]:
    found: dict[str, Listed] = {}
    skipped = []
    for url in urls:
        if not f"{url.rstrip('/')}/".startswith(f"{destination.name}/"):
            raise FolderError(
                f"{url}: is not below {destination.name}",
                hint="an index can link to wheels of its own store only: they are served together",
            )
        path = url[len(destination.name) :].strip("/")
        single = path.endswith((".whl", *SDIST_SUFFIXES))
        listed = list(destination.list(posixpath.dirname(path) if single else path))
        matching = [item for item in listed if item.path == path or not single]
        if not any(item.path.endswith((".whl", *SDIST_SUFFIXES)) for item in matching):
            raise FolderError(f"{url}: there are no wheels there", hint="give the URL of a wheel or a folder")
        for item in matching:
            if item.path.endswith((".whl", *SDIST_SUFFIXES)):
                found[item.path] = item
            elif not item.path.endswith((".whl.metadata", ".sha256")):
                skipped.append((item.path, "not a wheel or a source distribution; it is left out"))
    return sorted(found.values(), key=lambda item: posixpath.basename(item.path)), skipped


def _is_published(published: PageFile, item: Listed) -> bool:
    name = parse_filename(published.filename).name
    return (
        path_of(name, published) == item.path
        and published.size == item.size
        and published.upload_time == _modified(item)
    )


def _read(destination: Destination, item: Listed, note: Callable[[str], None]) -> IndexedFile:
    filename = posixpath.basename(item.path)
    names = parse_filename(filename)
    sha256 = destination.digest(item.path) or _digest_beside(destination, item.path)
    if sha256 is None:
        sha256 = _streamed(destination, item.path)
        note(f"its {item.size:,} bytes were streamed for their SHA-256, which the store does not know")
    url = quote(posixpath.relpath(item.path, folder_of(names.name)))
    file = IndexedFile(
        filename, names.name, names.version, names.label, item.size, sha256, _modified(item), url=url
    )
    if not filename.endswith(".whl"):
        return file
    with WheelArchive.from_file(destination.open(item.path), filename) as archive:
        metadata, requires_python, variant, notes = read_wheel(archive)
    return IndexedFile(
        filename,
        names.name,
        names.version,
        names.label,
        item.size,
        sha256,
        _modified(item),
        url=url,
        metadata=metadata,
        requires_python=requires_python,
        variant=variant,
        notes=notes,
    )


def _modified(item: Listed) -> str:
    return upload_time(round(item.modified * 1_000_000) * 1000)


def _digest_beside(destination: Destination, path: str) -> str | None:
    stored = destination.read(f"{path}.sha256")
    match = _SHA256.match(stored.content.decode("ascii", "replace").lower()) if stored else None
    return match[0] if match else None


def _streamed(destination: Destination, path: str) -> str:
    hasher = hashlib.sha256()
    with destination.open(path) as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
    return hasher.hexdigest()
