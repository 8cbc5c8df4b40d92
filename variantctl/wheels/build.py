"""Small wheels from bytes in memory: what the demonstration and the tests install."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.tags import parse_tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.filesystem.atomic import written_whole
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.record import RecordEntry, entry_for
from variantctl.wheels.variant import VARIANT_JSON, single_variant
from variantctl.wheels.zipwriter import ZipWriter

if TYPE_CHECKING:
    from variantctl.variants.metadata import VariantMetadata


def build_wheel(
    out_dir: Path,
    *,
    name: str,
    version: str,
    tag: str = "py3-none-any",
    files: Mapping[str, bytes] | None = None,
    data: Mapping[str, bytes] | None = None,
    requires: Sequence[str] = (),
    extras: Mapping[str, Sequence[str]] | None = None,
    requires_python: str | None = None,
    summary: str = "",
    entry_points: Mapping[str, Mapping[str, str]] | None = None,
    build: str | None = None,
    label: str | None = None,
    metadata: VariantMetadata | None = None,
    dist_info: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a wheel; the same arguments give the same bytes.

    Args:
        out_dir: the folder it is written to; made if it is not there.
        name: the project; the filename has its normalized form.
        version: the version; the filename has its normalized form.
        tag: platform compatibility tags, perhaps compressed; a platform ``any`` makes a purelib wheel.
        files: path below site-packages -> content.
        data: ``{scheme}/{path}`` -> content, with the schemes scripts, data, headers, purelib, platlib.
        requires: requirements, written as they are (variant markers too).
        extras: extra -> requirements.
        requires_python: a version specifier.
        summary: one line.
        entry_points: group -> name -> object reference (``console_scripts`` and others).
        build: a build tag, for example ``"1"``.
        label: a variant label; needs ``metadata``.
        metadata: namespaces, providers, and the variants, of which ``label`` is one.
        dist_info: name -> content of more files of the metadata folder; replaces those made here.

    Returns:
        The path of the wheel.

    Raises:
        InvalidVariantError: the parts do not make a wheel's filename, or the variant is not allowed.
    """
    stem = f"{canonicalize_name(name).replace('-', '_')}-{Version(version)}"
    middle = f"{stem}-{build}" if build else stem
    suffix = f"-{label}" if label else ""
    filename = parse_wheel_filename(f"{middle}-{tag}{suffix}.whl")
    folder = f"{stem}.dist-info"

    contents = dict(files or {})
    contents.update({f"{stem}.data/{path}": content for path, content in (data or {}).items()})
    info = {
        "METADATA": _metadata_text(name, version, requires, extras or {}, requires_python, summary),
        "WHEEL": _wheel_text(tag, build),
    }
    if entry_points:
        info["entry_points.txt"] = _entry_points_text(entry_points)
    if label is not None:
        if metadata is None:
            raise ValueError("a label needs variant metadata")
        from variantctl.variants.write import metadata_bytes

        info[VARIANT_JSON] = metadata_bytes(single_variant(metadata, label, None))
    info.update(dist_info or {})
    contents.update({f"{folder}/{path}": content for path, content in info.items()})
    if f"{folder}/RECORD" not in contents:
        contents[f"{folder}/RECORD"] = _record_text(folder, contents)

    out_dir.mkdir(parents=True, exist_ok=True)
    target = out_dir / filename.filename
    with written_whole(target) as file:
        writer = ZipWriter(file)
        for path, content in contents.items():
            mode = 0o755 if path.startswith(f"{stem}.data/scripts/") else 0o644
            writer.add(path, content, mode=mode, compress=True)
        writer.close()
    return target


def _metadata_text(
    name: str,
    version: str,
    requires: Sequence[str],
    extras: Mapping[str, Sequence[str]],
    requires_python: str | None,
    summary: str,
) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    if summary:
        lines.append(f"Summary: {summary}")
    if requires_python:
        lines.append(f"Requires-Python: {requires_python}")
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, requirements in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        for requirement in requirements:
            wanted, _, marker = requirement.partition(";")
            condition = f"({marker.strip()}) and " if marker.strip() else ""
            lines.append(f'Requires-Dist: {wanted.strip()}; {condition}extra == "{extra}"')
    return ("\n".join(lines) + "\n").encode()


def _wheel_text(tag: str, build: str | None) -> bytes:
    pure = tag.rpartition("-")[2] == "any"
    lines = ["Wheel-Version: 1.0", "Generator: variantctl", f"Root-Is-Purelib: {str(pure).lower()}"]
    lines += [f"Tag: {one}" for one in sorted(map(str, parse_tag(tag)))]
    if build:
        lines.append(f"Build: {build}")
    return ("\n".join(lines) + "\n").encode()


def _entry_points_text(groups: Mapping[str, Mapping[str, str]]) -> bytes:
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in groups.items()
    )
    return "\n".join(sections).encode()


def _record_text(folder: str, contents: Mapping[str, bytes]) -> bytes:
    rows = [entry_for(path, content) for path, content in contents.items()]
    rows.append(RecordEntry(f"{folder}/RECORD", None, "", None))
    text = io.StringIO()
    text.writelines(f"{row.row()}\n" for row in rows)
    return text.getvalue().encode()
