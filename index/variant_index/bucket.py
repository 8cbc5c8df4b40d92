"""An index in an object store: ``s3://``, ``gs://``, ``az://``, and what speaks one of their protocols."""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from variant_index.claims import Claims
from variant_index.destinations import Listed, Stored
from variant_index.errors import Conflict, DestinationError
from variant_index.headers import headers_of
from variantctl.net.ranges import SeekableReader

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

SCHEMES = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SHA256_BYTES = 32
#: Names of an object's metadata that may have it; the last is of uploads whose key has the prefix itself.
_DIGESTS = ("sha256", "checksum-sha256", "x-amz-meta-checksum-sha256")
_MESSAGE = re.compile(r'message: "([^"\n]+)"')
_LONGEST = 400
_Value = TypeVar("_Value")
_PROBE = "simple/.conditional-writes"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
_BLOCK, _MANY = 1 << 16, 1000
#: A file of this size is sent with one request, from memory; and how often that is tried beside others.
_ONE_REQUEST, _ATTEMPTS = 64 << 20, 20


def open_bucket(url: str) -> Bucket:
    """The store behind a URL. Credentials, region and endpoint are those of the environment (``AWS_...``).

    Raises:
        DestinationError: obstore is not installed, or the URL or the environment is not what it takes.
    """
    scheme = url.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise DestinationError(
            f"{url}: {scheme}:// is no object store that can be written to",
            hint="Give a folder, or a URL with s3://, gs:// or az://.",
        )
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError as error:
        raise DestinationError(
            f"{url}: object stores need the package obstore",
            hint=f"Install it: `{shlex.quote(sys.executable)} -m pip install obstore`.",
        ) from error
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    options: dict[str, Any] = {}
    if endpoint.startswith("http://"):
        # Whoever names such an endpoint means it; obstore asks for AWS_ALLOW_HTTP on top.
        options["client_options"] = {"allow_http": True}
    try:
        return Bucket(from_url(url, **options), url)
    except (BaseError, ValueError, TypeError) as error:
        raise DestinationError(f"{url}: {_reason(error)}", hint=_HINT) from error


class Bucket:
    """An object store, or a part of one, as a destination.

    Writes of pages are conditional on their ETag (If-Match, If-None-Match). Where the store does not know
    them, or ignores them, writers exclude each other by claims instead (``variant_index.claims``).

    Args:
        store: the store, with its prefix.
        name: its URL, for messages.
    """

    by_hash = True

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.name = self.target = name.rstrip("/")
        self.waiting: Callable[[], None] = lambda: None
        self._store = store
        self._conditional: bool | None = None

    def exclusive(self) -> AbstractContextManager[None]:
        if self._is_conditional():
            return nullcontext()
        return Claims(self, "simple/.claims", lambda: self.waiting()).held()

    def read(self, path: str) -> Stored | None:
        import obstore

        def get() -> Stored:
            result = obstore.get(self._store, path)
            meta = result.meta
            return Stored(bytes(result.bytes()), _version_of(meta), meta["last_modified"].timestamp())

        try:
            return self._do("read", path, get)
        except FileNotFoundError:
            return None

    def replace(
        self,
        path: str,
        content: bytes,
        expected: object | None,
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        if not self._is_conditional():
            if self._version(path) != expected:
                raise Conflict
            self._put(path, content, extra=extra)
            return
        try:
            self._put(path, content, mode="create" if expected is None else expected, extra=extra)
        except (AlreadyExistsError, PreconditionError) as error:
            raise Conflict from error

    def write(self, path: str, content: bytes) -> None:
        self._put(path, content)

    def place(self, path: str, source: Path) -> None:
        self._put(path, source)

    def put_file(self, path: str, source: Path, sha256: str) -> None:
        """Write a file, on the condition that nobody else writes there meanwhile; the last one's stays.

        Its SHA-256 becomes metadata of the object, so that nobody has to read it for that (``digest``). A
        large file is sent in parts, for which obstore has no conditions.

        Args:
            path: where.
            source: the file.
            sha256: its hash, in hexadecimal.
        """
        extra = {"sha256": sha256}
        if source.stat().st_size > _ONE_REQUEST:
            self._put(path, source, extra=extra)
            return
        content = source.read_bytes()
        for _ in range(_ATTEMPTS):
            try:
                self.replace(path, content, self._version(path), extra)
            except Conflict:
                continue
            return
        raise DestinationError(f"{self.name}/{path}: others write there all the time", hint="Run it again.")

    def _version(self, path: str) -> dict[str, str] | None:
        """What tells the object that is there from any other; ``None``: there is none."""
        import obstore

        try:
            meta = self._do("read", path, lambda: obstore.head(self._store, path))
        except FileNotFoundError:
            return None
        return _version_of(meta)

    def delete(self, paths: Iterable[str]) -> None:
        import obstore

        for path in paths:
            try:
                self._do("delete", path, partial(obstore.delete, self._store, path))
            except FileNotFoundError:
                continue

    def delete_many(self, paths: Sequence[str]) -> None:
        """Delete objects, a thousand with each request, as S3 has it."""
        import obstore

        for at in range(0, len(paths), _MANY):
            some = list(paths[at : at + _MANY])
            try:
                self._do("delete", some[0], partial(obstore.delete, self._store, some))
            except FileNotFoundError:
                self.delete(some)

    def list(self, folder: str) -> Iterator[Listed]:
        import obstore

        def all_of() -> list[Listed]:
            return [
                Listed(meta["path"], meta["size"], meta["last_modified"].timestamp())
                for chunk in obstore.list(self._store, folder or None, chunk_size=1000)
                for meta in chunk
            ]

        yield from self._do("list", folder, all_of)

    def digest(self, path: str) -> str | None:
        """The SHA-256 of the object's own metadata: ``x-amz-meta-sha256``, or as PyTorch's releases have it
        ``x-amz-meta-checksum-sha256`` (pytorch/test-infra, s3_management/manage.py); hexadecimal or base64.
        """
        import obstore

        def attributes() -> Mapping[str, str]:
            return obstore.get(self._store, path, options={"head": True}).attributes

        found = self._do("read", path, attributes)
        digests = (_hexadecimal(str(found[name])) for name in _DIGESTS if name in found)
        return next((digest for digest in digests if digest is not None), None)

    def open(self, path: str, size: int | None = None) -> BinaryIO:
        import obstore

        if size is None:
            try:
                size = self._do("read", path, lambda: obstore.head(self._store, path))["size"]
            except FileNotFoundError as error:
                raise DestinationError(f"{self.name}/{path}: there is no such object") from error
        return io.BufferedReader(_Ranges(self, path, size), _BLOCK)

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """The bytes of an object from ``start`` to before ``end``."""
        import obstore

        get = partial(obstore.get_range, self._store, path, start=start, end=end)
        try:
            return bytes(self._do("read", path, get))
        except FileNotFoundError as error:
            raise DestinationError(f"{self.name}/{path}: there is no such object") from error

    def _put(
        self,
        path: str,
        content: bytes | Path,
        mode: object = "overwrite",
        extra: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        import obstore

        headers = headers_of(path)
        attributes = {"Content-Type": headers.content_type, "Cache-Control": headers.cache_control, **extra}

        def put() -> None:
            obstore.put(self._store, path, content, attributes=attributes, mode=mode)  # type: ignore[arg-type]

        self._do("write", path, put)

    def _is_conditional(self) -> bool:
        """Whether the store refuses to create an object that is there: asked once, by trying."""
        if self._conditional is None:
            from obstore.exceptions import AlreadyExistsError, NotSupportedError, PreconditionError

            self._conditional = False
            try:
                for _ in range(2):
                    self._put(_PROBE, b"", mode="create")
            except (AlreadyExistsError, PreconditionError):
                self._conditional = True
            except (NotSupportedError, NotImplementedError):
                pass
        return self._conditional

    def _do(self, what: str, path: str, action: Callable[[], _Value]) -> _Value:
        """Call obstore; errors that no caller handles become ours, without its many lines."""
        from obstore import exceptions as e

        try:
            return action()
        except (FileNotFoundError, e.AlreadyExistsError, e.PreconditionError, e.NotSupportedError):
            raise
        except (e.BaseError, OSError) as error:
            raise DestinationError(
                f"{self.name}/{path}: cannot {what} it: {_reason(error)}", hint=_HINT
            ) from error


def _version_of(meta: ObjectMeta) -> dict[str, str]:
    found = {"e_tag": meta.get("e_tag"), "version": meta.get("version")}
    return {key: value for key, value in found.items() if value}


class _Ranges(SeekableReader):
    """An object as a file: each read is one request for a range of it."""

    def __init__(self, bucket: Bucket, path: str, size: int) -> None:
        super().__init__(size)
        self._bucket = bucket
        self._path = path

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        end = min(self.position + len(view), self.size)
        if self.position >= end:
            return 0
        data = self._bucket.read_range(self._path, self.position, end)
        view[: len(data)] = data
        self.position += len(data)
        return len(data)


_HINT = (
    "Credentials, region and endpoint are read from the environment: AWS_ACCESS_KEY_ID, "
    "AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL; GOOGLE_SERVICE_ACCOUNT; "
    "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY (docs/publishing.md)."
)


def _hexadecimal(value: str) -> str | None:
    """A SHA-256 as it is written in hexadecimal; ``None`` where the text is none."""
    if _SHA256.match(value.lower()):
        return value.lower()
    try:
        data = base64.b64decode(value, validate=True)
    except ValueError:
        return None
    return data.hex() if len(data) == _SHA256_BYTES else None


def _reason(error: BaseException) -> str:
    """What obstore says, in a line: the store's own words, which come last, are never cut off.

    A store answers in XML (``Code``, ``Message``); what the system says is in obstore's dump of the cause.
    """
    text, _, cause = str(error).strip().partition("Debug source:")
    text, _, answer = text.partition("<?xml")
    if not answer and "<Error>" in text:
        text, _, answer = text.partition("<Error>")
    tags = (re.search(f"<{tag}>(.*?)</{tag}>", answer, re.DOTALL) for tag in ("Code", "Message"))
    said = [found[1] for found in tags if found is not None]
    if not said:
        said = _MESSAGE.findall(cause)[-1:]
    head = " ".join(text.split()).rstrip(":")
    if len(head) > _LONGEST:
        head = f"{head[: _LONGEST // 2]} ... {head[-_LONGEST // 2 :]}"
    return ": ".join([head, *(" ".join(each.split())[:_LONGEST] for each in said)])
