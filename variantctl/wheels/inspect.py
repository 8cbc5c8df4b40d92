"""Everything worth knowing about one wheel, for a person or a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from variantctl.filesystem.digests import file_digest
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import expand
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata
from variantctl.wheels.variant import read_variant
from variantctl.wheels.verify import Progress, verify_archive


@dataclass(frozen=True)
class WheelReport:
    """What was found in a wheel.

    Attributes:
        filename: the parsed filename.
        metadata: its core metadata.
        variant: its variant metadata; ``None`` for an ordinary wheel, or where it is invalid.
        variant_json: its ``variant.json`` as it is there, parsed; ``None`` as above.
        size: the length of the wheel in bytes.
        unpacked: the length of all its files in bytes.
        files: how many files it has.
        sha256: the wheel's hash, in hexadecimal.
        problem: the first thing that makes it unsound, or ``None``.
        notes: what is odd, but allowed.
    """

    filename: WheelFilename
    metadata: CoreMetadata
    variant: VariantMetadata | None
    variant_json: object
    size: int
    unpacked: int
    files: int
    sha256: str
    problem: VariantctlError | None
    notes: tuple[str, ...]

    @property
    def tags(self) -> list[str]:
        """The platform compatibility tags, sorted."""
        return sorted(map(str, self.filename.tags))

    @property
    def namespaces(self) -> list[str]:
        """The namespaces in order of priority."""
        return list(self.variant.namespaces) if self.variant else []

    @property
    def properties(self) -> list[str]:
        """The properties as ``namespace :: feature :: value``."""
        if self.variant is None or self.filename.label is None:
            return []
        return [str(item) for item in expand(self.variant.variants[self.filename.label])]

    @property
    def providers(self) -> list[str]:
        """Who answers for each namespace, a line each."""
        tables: Mapping[str, ProviderInfo] = self.variant.providers if self.variant else {}
        return [f"{namespace}: {_provider(provider)}" for namespace, provider in tables.items()]

    def as_json(self) -> dict[str, object]:
        """The object that ``wheel inspect --json`` prints; with ``error`` where the wheel is unsound."""
        report: dict[str, object] = {
            "format": 1,
            "filename": self.filename.filename,
            "name": self.metadata.name,
            "version": str(self.metadata.version),
            "build": "".join(map(str, self.filename.build)) or None,
            "tags": self.tags,
            "label": self.filename.label,
            "properties": self.properties,
            "variant": self.variant_json,
            "requires_python": self.metadata.requires_python_text or None,
            "requires_dist": list(self.metadata.requires_dist),
            "extras": list(self.metadata.provides_extra),
            "size": self.size,
            "unpacked_size": self.unpacked,
            "files": self.files,
            "sha256": self.sha256,
            "record_verified": self.problem is None,
            "notes": list(self.notes),
        }
        if self.problem is not None:
            error = self.problem
            report["error"] = {"kind": error.kind, "message": error.message, "hint": error.hint or ""}
        return report


def inspect_wheel(path: Path, *, progress: Progress | None = None) -> WheelReport:
    """Read a wheel and check all of it.

    Raises:
        WheelError: it cannot be opened as a wheel at all, or its METADATA cannot be read.
        InvalidVariantError: its filename is not a wheel's.
    """
    with WheelArchive.open(path) as archive:
        metadata = parse_core_metadata(archive.metadata_bytes(), archive.filename.filename)
        variant: VariantMetadata | None = None
        problem: VariantctlError | None = None
        notes: tuple[str, ...] = ()
        try:
            variant = read_variant(archive)
            notes = verify_archive(archive, progress=progress)
        except VariantctlError as error:
            problem = error
        return WheelReport(
            filename=archive.filename,
            metadata=metadata,
            variant=variant,
            variant_json=json.loads(archive.variant_json_bytes() or b"null") if variant else None,
            size=path.stat().st_size,
            unpacked=sum(info.file_size for info in archive.infos.values()),
            files=len(archive.infos),
            sha256=file_digest(path),
            problem=problem,
            notes=notes,
        )


def _provider(provider: ProviderInfo) -> str:
    if provider.static_properties is not None:
        values = (f"{feature} {', '.join(v)}" for feature, v in provider.static_properties.items())
        text = f"listed in the wheel ({'; '.join(values)})"
    elif provider.builtin is not None:
        text = f"built into installers as {provider.builtin!r}"
    else:
        text = f"plugin {provider.effective_plugin_api} of {', '.join(provider.requires)}"
    return f"{text}, only when enabled" if provider.optional else text
