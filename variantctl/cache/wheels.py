"""Wheels of the cache, by the hash of their content, and the way there: fetch, verify, keep.

A stored wheel is read-only and lies beside a record of its size, time and digests; it is hashed again when
size or time are not the recorded ones.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event

from variantctl.cache.buckets import LINKS, LOCAL, PARTIAL, WHEELS
from variantctl.cache.folder import Cache
from variantctl.filesystem.bounded import ordinary
from variantctl.net.auth import own_file
from variantctl.net.client import HttpClient
from variantctl.net.download import SPLITTING, Cancelled, Download, Progress, download
from variantctl.net.errors import NetworkError, OfflineError, SizeMismatch, SourceError
from variantctl.net.hashes import STRONG, check, digests_of, is_known, key_digest
from variantctl.net.partial import Partial
from variantctl.net.remote_file import RemoteFile
from variantctl.net.streaming_zip import StreamingZip, TailFetch
from variantctl.net.urls import is_file_url, url_to_path
from variantctl.values import dataclass


@dataclass(frozen=True)
class FetchedWheel:
    """A file on disk whose every known hash was found to be right.

    Attributes:
        path: in the cache, or the file itself where the source is a folder; not to be changed.
        sha256: hexadecimal.
        hashes: every digest that was computed, sha256 among them.
    """

    path: Path
    sha256: str
    hashes: Mapping[str, str]


class WheelCache:
    """Fetches wheels into the cache, and finds those that are there.

    Attributes:
        splitting: when a large file is fetched by several connections.
    """

    def __init__(self, cache: Cache, client: HttpClient) -> None:
        self._cache = cache
        self._client = client
        self.splitting = SPLITTING
        #: The wheels that this process put into the cache.
        self._new: set[Path] = set()

    def fetch(
        self,
        file: RemoteFile,
        *,
        progress: Progress | None = None,
        cancel: Event | None = None,
        reader: Callable[[StreamingZip], None] | None = None,
    ) -> FetchedWheel:
        """The file, from the cache or from where it is.

        Args:
            file: where it is, and its hashes.
            progress: called with the bytes done and the total.
            cancel: when set, a download stops with ``Cancelled``.
            reader: given a large file that is being received, once at most; must return at once.

        Raises:
            HashMismatch: a hash that the source gives is not that of the bytes.
            NetworkError, OfflineError: it cannot be had.
            SourceError: a local file cannot be read.
        """
        file = own_file(file, self._client.credentials)
        if is_file_url(file.url):
            return self._local(file)
        stored = self.find(file)
        if stored is not None:
            return stored
        known = None if _strong(file) else self._linked(file)
        if self._client.settings.offline:
            if known is not None:
                return known[0]
            raise OfflineError(
                f"{file.filename} is not in the cache",
                url=file.url,
                hint="Run the command once without --offline, or name its folder with --find-links.",
            )
        # One at a time, whatever process or thread: who comes second finds what the first one fetched.
        key = file.hashes.get("sha256", file.url)
        with self._cache.in_use(), self._cache.exclusive_lock(WHEELS, key, keep_waiting=_stop_if(cancel)):
            # Also without having waited: somebody may have been done between the look above and this.
            stored = self.find(file)
            again = None if _strong(file) else self._linked(file)
            if stored is None and again != known and again is not None:
                stored = again[0]
            if stored is not None:
                return stored
            known = again
            return self._download(file, known, progress, cancel, reader)

    def find(self, file: RemoteFile) -> FetchedWheel | None:
        """The stored wheel, where one of the file's strong hashes identifies it; no request is made."""
        sha256 = file.hashes.get("sha256")
        if sha256 is not None:
            return self._stored(file, sha256)
        if not _strong(file):
            return None
        linked = self._linked(file)
        if linked is None:
            return None
        got = linked[0].hashes
        return linked[0] if all(got.get(name) == digest for name, digest in _strong(file).items()) else None

    def let_go(self, file: RemoteFile) -> None:
        """Drop a wheel that this process fetched, and that its URL and hash will find again.

        One that lay in the cache before stays: somebody had it kept. So does one whose index has no SHA-256,
        for what its URL gave would have to be fetched again to be known.
        """
        sha256 = file.hashes.get("sha256")
        if sha256 is None or (path := self._path(sha256, file.filename)) not in self._new:
            return
        self._new.discard(path)
        with self._cache.exclusive_lock(WHEELS, sha256), contextlib.suppress(OSError):
            path.unlink()
            path.with_name(path.name + ".json").unlink()
            path.parent.rmdir()

    def _local(self, file: RemoteFile) -> FetchedWheel:
        """A file of this machine: verified, not copied. Its digests are remembered by path, size and time."""
        path = url_to_path(file.url)
        wanted = [name for name in file.hashes if is_known(name)]
        try:
            status = ordinary(path)
            state = [status.st_size, status.st_mtime_ns, status.st_ino]
            hashes = self._remembered(path, state, wanted)
            if hashes is None:
                hashes = digests_of(path, wanted)
                record = json.dumps({"state": state, "hashes": hashes}).encode()
                self._cache.write(record, LOCAL, os.fspath(path))
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror}", hint="Check the index or --find-links folder."
            ) from None
        check(
            file.filename, hashes, file.hashes, promised_by=file.source or "its source", read_from=str(path)
        )
        _check_size(file, status.st_size)
        return FetchedWheel(path, hashes["sha256"], hashes)

    def _remembered(self, path: Path, state: list[int], wanted: list[str]) -> dict[str, str] | None:
        record = _load_json(self._cache.read(LOCAL, os.fspath(path)))
        hashes = record.get("hashes")
        if record.get("state") != state or not isinstance(hashes, dict):
            return None
        return hashes if {"sha256", *wanted} <= hashes.keys() else None

    def _stored(self, file: RemoteFile, sha256: str) -> FetchedWheel | None:
        """The wheel with this hash if it is there and unchanged; one that was damaged is removed."""
        path = self._path(sha256, file.filename)
        try:
            status = path.stat()
        except OSError:
            return None
        record = _load_json(_read(path.with_name(path.name + ".json")))
        hashes = record.get("hashes")
        wanted = [name for name in file.hashes if is_known(name)]
        unchanged = [status.st_size, status.st_mtime_ns] == record.get("state")
        if not unchanged or not isinstance(hashes, dict) or not {"sha256", *wanted} <= hashes.keys():
            hashes = digests_of(path, wanted)
            if hashes["sha256"] != sha256:
                path.unlink(missing_ok=True)
                return None
            self._record(path, hashes)
        else:
            # When it was last used, by which the cache is shrunk: the time of its record.
            with contextlib.suppress(OSError):
                os.utime(path.with_name(path.name + ".json"))
        check(file.filename, hashes, file.hashes, promised_by=file.source or "its source", read_from=file.url)
        _check_size(file, status.st_size)
        return FetchedWheel(path, sha256, hashes)

    def _linked(self, file: RemoteFile) -> tuple[FetchedWheel, dict[str, str]] | None:
        """What this URL gave last time, and the validators to ask whether that still holds."""
        record = _load_json(self._cache.read(LINKS, file.url))
        sha256, validators = record.get("sha256"), record.get("validators")
        if not isinstance(sha256, str) or not isinstance(validators, dict):
            return None
        stored = self._stored(file, sha256)
        return None if stored is None else (stored, validators)

    def _download(
        self,
        file: RemoteFile,
        known: tuple[FetchedWheel, dict[str, str]] | None,
        progress: Progress | None,
        cancel: Event | None,
        reader: Callable[[StreamingZip], None] | None = None,
    ) -> FetchedWheel:
        partial, keep = self._partial(file), False
        if reader is not None:
            partial.ahead = TailFetch(self._client, file.url, reader)
        try:
            came = download(
                self._client,
                file.url,
                partial,
                algorithms=file.hashes,
                headers=known[1] if known is not None else None,
                size=file.size,
                progress=progress,
                cancel=cancel,
                splitting=self.splitting,
            )
            if came.status == 304:
                if known is None:
                    raise NetworkError(f"{file.url} answered 304 to an unconditional request", url=file.url)
                return known[0]
            if partial.taken_up and any(came.hashes.get(n, d) != d for n, d in _strong(file).items()):
                # What an earlier run left may have suffered: fetch all of it before anything is said.
                partial.close(keep=False)
                return self._download(file, known, progress, cancel)
            check(
                file.filename,
                came.hashes,
                file.hashes,
                promised_by=file.source or "its source",
                read_from=file.url,
            )
            return self._keep(file, partial, came)
        except (NetworkError, Cancelled, KeyboardInterrupt):
            # Only a hash can say in the end that old and new bytes belong together.
            keep = bool(_strong(file)) and partial.can_go_on
            raise
        finally:
            partial.close(keep=keep)

    def _partial(self, file: RemoteFile) -> Partial:
        """Where the file is received, with what an earlier run got of it; ours alone, as this is our turn."""
        path = self._cache.root / PARTIAL / key_digest(file.hashes.get("sha256", file.url))
        try:
            self._cache.make(path.parent)
            partial = Partial.open(path, file.url)
        except OSError as error:
            raise self._cache.unwritable(error) from None
        if not _strong(file):
            partial.restart()
        return partial

    def _keep(self, file: RemoteFile, partial: Partial, came: Download) -> FetchedWheel:
        sha256 = came.hashes["sha256"]
        path = self._path(sha256, file.filename)
        self._cache.make(path.parent)
        partial.move(path)
        self._record(path, came.hashes)
        self._new.add(path)
        if "sha256" not in file.hashes:
            wanted = {
                "if-none-match": came.headers.get("etag"),
                "if-modified-since": came.headers.get("last-modified"),
            }
            validators = {name: value for name, value in wanted.items() if value}
            link = json.dumps({"sha256": sha256, "validators": validators}).encode()
            self._cache.write(link, LINKS, file.url)
        return FetchedWheel(path, sha256, came.hashes)

    def _record(self, path: Path, hashes: Mapping[str, str]) -> None:
        status = path.stat()
        record = {"state": [status.st_size, status.st_mtime_ns], "hashes": dict(hashes)}
        with self._cache.writing(path.with_name(path.name + ".json")) as file:
            file.write(json.dumps(record).encode())

    def _path(self, sha256: str, filename: str) -> Path:
        return self._cache.path(WHEELS, sha256) / filename


def _check_size(file: RemoteFile, size: int) -> None:
    if file.size is not None and size != file.size:
        raise SizeMismatch(
            f"{file.filename} has {size:,} bytes, and {file.source or 'its source'} says {file.size:,}",
            hint="Do not install this file; tell whoever publishes it, or lock again.",
        )


def _stop_if(cancel: Event | None) -> Callable[[], None]:
    def keep_waiting() -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled

    return keep_waiting


def _strong(file: RemoteFile) -> dict[str, str]:
    return {name: digest for name, digest in file.hashes.items() if name in STRONG}


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _load_json(data: bytes | None) -> dict[str, object]:
    try:
        value = json.loads(data or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
