"""Core metadata, as far as installing needs it, from METADATA files as they are found in the wild."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.values import dataclass
from variantctl.wheels.errors import DAMAGED, WheelError

#: What is read of a METADATA file, by the names that ``packaging`` gives its fields.
FIELDS = (
    "name",
    "version",
    "requires_dist",
    "requires_python",
    "provides_extra",
    "metadata_version",
    "dynamic",
    "summary",
    "license_expression",
    "license",
)
_FOLD = re.compile(r"\s*[\r\n]\s*")


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """One METADATA file.

    Attributes:
        name: the project's name as it spells it itself.
        version: the version.
        requires_dist: one requirement each, as written: its marker may be a variant marker (PEP 825),
            which ``packaging`` cannot parse.
        requires_python: the Pythons it supports; ``None`` where it does not say, or says what no
            specifier is (then it holds for all, as pip has it).
        requires_python_text: the same as written, ``""`` where it does not say.
        provides_extra: the normalized names of its extras.
        metadata_version: ``"2.1"`` and the like, ``""`` where it does not say.
        dynamic: the fields that may differ between sdist and wheel.
        summary: the one-line description, or ``""``.
        license: the licence expression, else the licence text's first line, or ``""``.
    """

    name: str
    version: Version
    requires_dist: tuple[str, ...] = ()
    requires_python: SpecifierSet | None = None
    requires_python_text: str = ""
    provides_extra: tuple[NormalizedName, ...] = ()
    metadata_version: str = ""
    dynamic: tuple[str, ...] = ()
    summary: str = ""
    license: str = ""

    @property
    def normalized_name(self) -> NormalizedName:
        """The name in the form in which names are compared."""
        return canonicalize_name(self.name)


def parse_core_metadata(data: bytes, source: str) -> CoreMetadata:
    """Parse a METADATA file; ``source`` is named in errors.

    Only a missing or invalid name or version is refused: old and odd files stay installable.

    Raises:
        WheelError: name or version are missing or invalid.
    """
    return core_metadata(fields_of(data), source)


def core_metadata(raw: Mapping[str, Any], source: str) -> CoreMetadata:
    """What the fields of a METADATA file say. Takes and raises what ``parse_core_metadata`` does."""
    name, version_text = raw.get("name", "").strip(), raw.get("version", "").strip()
    if not name:
        raise WheelError(source, "METADATA has no Name, or several", hint=DAMAGED)
    if not version_text:
        raise WheelError(source, "METADATA has no Version, or several", hint=DAMAGED)
    try:
        version = Version(version_text)
    except ValueError:
        raise WheelError(source, f"METADATA has the invalid version {version_text!r}", hint=DAMAGED) from None
    requires_python = _unfolded(raw.get("requires_python", ""))
    licence = raw.get("license_expression") or raw.get("license", "").strip().partition("\n")[0]
    return CoreMetadata(
        name=name,
        version=version,
        requires_dist=tuple(map(_unfolded, raw.get("requires_dist", []))),
        requires_python=_specifiers(requires_python),
        requires_python_text=requires_python,
        provides_extra=tuple(
            dict.fromkeys(canonicalize_name(e.strip()) for e in raw.get("provides_extra", []))
        ),
        metadata_version=raw.get("metadata_version", ""),
        dynamic=tuple(field.strip().lower() for field in raw.get("dynamic", [])),
        summary=raw.get("summary", "").strip(),
        license=licence.strip(),
    )


def metadata_text(metadata: CoreMetadata) -> bytes:
    """A METADATA file that says the same, for source code whose wheel is not built yet."""
    lines = ["Metadata-Version: 2.2", f"Name: {metadata.name}", f"Version: {metadata.version}"]
    single = (
        ("Summary", metadata.summary),
        ("License", metadata.license),
        ("Requires-Python", metadata.requires_python_text),
    )
    lines += [f"{field}: {value}" for field, value in single if value]
    lines += [f"Provides-Extra: {extra}" for extra in metadata.provides_extra]
    lines += [f"Requires-Dist: {text}" for text in metadata.requires_dist]
    return "".join(f"{line}\n" for line in lines).encode()


@lru_cache(maxsize=256)
def fields_of(data: bytes) -> Mapping[str, Any]:
    """The ``FIELDS`` that a METADATA file has: texts and lists of texts.

    Whoever reads many wheels meets one METADATA often: the variants of a version share it, and a wheel that
    is unpacked has the one that its dependencies were read of.
    """
    from packaging.metadata import parse_email

    return {name: value for name, value in parse_email(data)[0].items() if name in FIELDS}


def _unfolded(value: str) -> str:
    return (_FOLD.sub(" ", value) if "\n" in value or "\r" in value else value).strip()


def _specifiers(text: str) -> SpecifierSet | None:
    if not text:
        return None
    try:
        return SpecifierSet(text)
    except ValueError:
        return None


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


def with_name(metadata: bytes, name: str) -> bytes:
    """METADATA of a project with another ``Name``."""
    headers, end, body = _taken_apart(metadata)
    line = b"Name: " + name.encode() + end
    return b"".join(line if _is(header, b"name") else header for header in headers) + body


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
