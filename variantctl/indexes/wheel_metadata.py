"""METADATA and variant.json of wheels that are elsewhere, without fetching whole wheels if possible.

In this order: a wheel on this machine or in the cache is opened; what was read before is in the cache; the
``.metadata`` file beside the wheel (PEP 658, PEP 714), hash checked; the end of the remote zip by ranges;
the whole wheel.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlunsplit

from variantctl.cache.buckets import METADATA
from variantctl.cache.folder import Cache
from variantctl.cache.pages import DEFAULT_LIFETIME
from variantctl.cache.wheels import FetchedWheel, WheelCache
from variantctl.filesystem.bounded import ordinary
from variantctl.indexes.project_files import WheelLink
from variantctl.net.auth import own_file
from variantctl.net.client import HttpClient
from variantctl.net.errors import NetworkError, SourceError
from variantctl.net.hashes import check, digests_of_bytes
from variantctl.net.ranges import REFUSALS, RangeFile, RangesUnsupported
from variantctl.net.redaction import without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import is_file_url, parsed_url, url_to_path
from variantctl.values import dataclass, replace
from variantctl.wheels.metadata import fields_of

#: Of METADATA, what is read of it; another number where that becomes more.
_FIELDS = "fields-1"

#: In bytes. Real ones have a thousandth of it.
_MAX_METADATA = 16 << 20


@dataclass(frozen=True)
class WheelMetadata:
    """What a wheel says about itself.

    Attributes:
        metadata: the bytes of ``METADATA``.
        variant_json: the bytes of ``variant.json``, or ``None`` where there is none.
    """

    metadata: bytes
    variant_json: bytes | None


class WheelMetadataReader:
    """Reads the members that choosing and resolving need.

    Attributes:
        notes: gets a line for everything odd that was worked around.
    """

    def __init__(
        self, cache: Cache, client: HttpClient, store: WheelCache, notes: Callable[[str], None]
    ) -> None:
        self._cache = cache
        self._client = client
        self._store = store
        self._note = notes
        #: Gives the whole wheel; who knows more places for it than its link sets another one.
        self.fetch: Callable[[WheelLink], FetchedWheel] = lambda link: store.fetch(link.file)

    def metadata(self, link: WheelLink) -> bytes:
        """The bytes of the wheel's ``METADATA``.

        Raises:
            HashMismatch: the ``.metadata`` file, or the wheel, is not the promised one.
            NetworkError, OfflineError, SourceError: it cannot be had.
            WheelError: the wheel is damaged.
        """
        stored = self._load(link.file, "METADATA")
        if stored is not None:
            return stored
        if is_file_url(link.file.url) or self._client.settings.offline:
            return self._ask(link)
        # Where somebody is asking for it already, or was until just now, what they get will do.
        with self._cache.exclusive_lock(METADATA, *_key(link.file, "METADATA"), hold_after_waiting=False):
            stored = self._load(link.file, "METADATA")
            return stored if stored is not None else self._ask(link)

    def fields(self, link: WheelLink) -> Mapping[str, Any]:
        """The fields of the wheel's ``METADATA`` (``wheels.metadata.FIELDS``); raises as ``metadata`` does.

        They are kept beside it: to parse it takes longer than all else that is done with it. Where there is
        no hash to know the wheel by, it is not kept for long, and they are not kept at all.
        """
        file = link.file
        stored = self._load(file, _FIELDS) if file.hashes else None
        if stored is not None:
            with contextlib.suppress(ValueError):
                fields: Mapping[str, Any] = json.loads(stored)
                if isinstance(fields, dict):
                    return fields
        fields = fields_of(self.metadata(link))
        if file.hashes:
            self._save(file, _FIELDS, json.dumps(fields).encode())
        return fields

    def _ask(self, link: WheelLink) -> bytes:
        if link.file.core_metadata and self._store.find(link.file) is None:
            beside = self._beside(link.file)
            if beside is not None:
                self._save(link.file, "METADATA", beside)
                return beside
        return self.members(link).metadata

    def members(self, link: WheelLink) -> WheelMetadata:
        """Both members. Raises as ``metadata`` does."""
        file = own_file(link.file, self._client.credentials)
        link = replace(link, file=file) if file is not link.file else link
        if is_file_url(file.url):
            return _open(link, _local(url_to_path(file.url)))
        metadata, variant = self._load(file, "METADATA"), self._load(file, "variant.json")
        if metadata is not None and variant is not None:
            return WheelMetadata(metadata, variant or None)
        members = self._read(link)
        self._save(file, "METADATA", members.metadata)
        self._save(file, "variant.json", members.variant_json or b"")
        return members

    def _read(self, link: WheelLink) -> WheelMetadata:
        stored = self._store.find(link.file)
        if stored is None and not self._client.settings.offline:
            try:
                return _open(link, cast(BinaryIO, RangeFile(self._client, link.file.url, link.file.size)))
            except (RangesUnsupported, NetworkError) as reason:
                if isinstance(reason, NetworkError) and reason.status not in REFUSALS:
                    raise
                self._note(
                    f"{link.file.filename}: fetched whole for its metadata, the server has no ranges "
                    f"({reason})"
                )
        return _open(link, (stored or self.fetch(link)).path.open("rb"))

    def _beside(self, file: RemoteFile) -> bytes | None:
        """The ``.metadata`` file, or ``None`` where the index promises one that is not there."""
        parts = parsed_url(file.url)
        url = urlunsplit(parts._replace(path=f"{parts.path}.metadata"))
        response = self._client.get(url, allow=(404, 410), max_bytes=_MAX_METADATA)
        if response.status != 200:
            self._note(f"{file.filename}: {file.source} promises a .metadata file that is not there")
            return None
        if isinstance(file.core_metadata, Mapping):
            check(
                f"{file.filename}.metadata",
                digests_of_bytes(response.content, file.core_metadata),
                file.core_metadata,
                promised_by=file.source or "its source",
                read_from=url,
            )
        return response.content

    def _load(self, file: RemoteFile, member: str) -> bytes | None:
        """What was stored of this very file; without a hash to know it by, only for as long as a page."""
        if is_file_url(file.url):
            return None
        data = self._cache.read(METADATA, *_key(file, member))
        if data is None:
            return None
        head, _, body = data.partition(b"\n")
        try:
            record = json.loads(head)
            whole = record["length"] == len(body)
            stale = not file.hashes and time.time() > record["time"] + DEFAULT_LIFETIME
        except (ValueError, KeyError, TypeError):
            return None
        return body if whole and (not stale or self._client.settings.offline) else None

    def _save(self, file: RemoteFile, member: str, data: bytes) -> None:
        if not is_file_url(file.url):
            head = json.dumps(
                {"url": without_secrets(file.url), "length": len(data), "time": time.time()}
            ).encode()
            self._cache.write(head + b"\n" + data, METADATA, *_key(file, member))


def _key(file: RemoteFile, member: str) -> tuple[str, ...]:
    """By URL and hashes: no index answers for another's wheel, and no old wheel for a rebuilt one."""
    return member, file.url, json.dumps(dict(file.hashes), sort_keys=True), str(file.size)


def _local(path: Path) -> BinaryIO:
    try:
        ordinary(path)
        return path.open("rb")
    except OSError as error:
        hint = "Check the index or --find-links folder."
        raise SourceError(f"{path} cannot be read: {error.strerror}", hint=hint) from None


def _open(link: WheelLink, file: BinaryIO) -> WheelMetadata:
    from variantctl.wheels.archive import WheelArchive

    with file, WheelArchive.from_file(file, link.own_name) as archive:
        return WheelMetadata(archive.metadata_bytes(), archive.variant_json_bytes())
