"""The headers of a METADATA file, changed line by line: what is not changed keeps its bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.version import Version


def with_requires(metadata: bytes, requires: Sequence[str]) -> bytes:
    """METADATA with these values of ``Requires-Dist`` in place of its own.

    They stand where the first one stood, else after the last header (core metadata, "Requires-Dist").
    """
    headers, end, body = _taken_apart(metadata)
    lines = [b"Requires-Dist: " + text.encode() + end for text in requires]
    places = [at for at, header in enumerate(headers) if _is(header, b"requires-dist")]
    at = places[0] if places else len(headers)
    kept = [header for header in headers[at:] if not _is(header, b"requires-dist")]
    return b"".join([*headers[:at], *lines, *kept]) + body


def with_public_version(metadata: bytes, version: Version) -> bytes:
    """METADATA whose ``Version`` is that of ``version`` without the local part."""
    headers, end, body = _taken_apart(metadata)
    line = b"Version: " + str(version.public).encode() + end
    return b"".join(line if _is(header, b"version") else header for header in headers) + body


def _is(header: bytes, name: bytes) -> bool:
    return header.partition(b":")[0].strip().lower() == name


def _taken_apart(metadata: bytes) -> tuple[list[bytes], bytes, bytes]:
    """Its headers with their folded lines, the line's end it uses, and all from the empty line on."""
    lines = metadata.splitlines(keepends=True)
    end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    headers = list(_headers(lines))
    body = metadata[sum(map(len, headers)) :]
    if headers and not headers[-1].endswith((b"\n", b"\r")):
        headers[-1] += end
    return headers, end, body


def _headers(lines: Sequence[bytes]) -> Iterator[bytes]:
    header = b""
    for line in lines:
        if not line.strip(b"\r\n"):
            break
        if header and not line[:1].isspace():
            yield header
            header = b""
        header += line
    if header:
        yield header
