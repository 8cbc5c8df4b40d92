"""One project's files from several sources, made into one list."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.sources.files import ProjectFiles, RemoteFile, WheelLink


def join_sources(project: NormalizedName, sources: Sequence[ProjectFiles]) -> ProjectFiles:
    """Join what *sources*, the preferred one first, have of a project.

    Of two files of one name the first is kept. Variant wheels of one version are taken from one source only,
    the first that has any: labels and priorities of different publishers need not mean the same, so their
    metadata is never merged (PEP 825, "Installing wheels from multiple sources").
    """
    if len(sources) == 1:
        return sources[0]
    wheels: dict[str, WheelLink] = {}
    sdists: dict[str, RemoteFile] = {}
    skipped = [entry for source in sources for entry in source.skipped]
    variant_source: dict[Version, ProjectFiles] = {}
    for source in sources:
        for link in source.wheels:
            version = link.wheel.version
            if link.wheel.label is not None:
                chosen = variant_source.setdefault(version, source)
                if chosen is not source:
                    reason = f"the variants of {version} are taken from {chosen.source} alone"
                    skipped.append((link.file.filename, reason))
                    continue
            if link.file.filename in wheels:
                skipped.append((link.file.filename, f"{source.source} has it too; the first is used"))
                continue
            wheels[link.file.filename] = link
        for file in source.sdists:
            sdists.setdefault(file.filename, file)
    variants_json = {
        version: source.variants_json[version]
        for version, source in variant_source.items()
        if version in source.variants_json
    }
    return ProjectFiles(
        project,
        source=", ".join(dict.fromkeys(source.source for source in sources)),
        wheels=tuple(wheels.values()),
        sdists=tuple(sdists.values()),
        variants_json=MappingProxyType(variants_json),
        skipped=tuple(skipped),
    )
