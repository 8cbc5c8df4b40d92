"""Support bundles: a tar of just the files that detection read, which replays with ``detect --root``.

At its top are ``machine`` (what ``uname -m`` said), ``variant-detect.json`` (the platform, and what was found
wherever the files alone do not show it) and ``tools/`` (what tools and drivers printed, for people to read).
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from variantctl.filesystem.bounded_tars import members_of, open_tar
from variantctl.providers.asking import ProviderReport, query_plugin
from variantctl.providers.bundle_files import kept, kept_output
from variantctl.providers.detect import Detection
from variantctl.providers.errors import BundleError
from variantctl.providers.plugins import our_plugins
from variantctl.variants.errors import VariantctlError

RECORD = "variant-detect.json"
_MOST_FILES = 20_000
_MOST_BYTES = 64 * 1024 * 1024
_ASKED = ("status", "source", "devices", "features", "notes", "facts")
"""What a replay must give again; where a fact was read is always said anew."""


def write_bundle(detection: Detection, path: Path, root: str | None = None) -> list[str]:
    """Write what ``detection`` read as a tar, gzipped unless ``path`` ends in ``.tar``.

    Args:
        detection: just made, of this machine or of the tree at ``root``.
        path: the file to write.
        root: the tree that was probed, if it was one.

    Returns:
        The names of the files in it, sorted.

    Raises:
        BundleError: it cannot be written.
    """
    scrubber = Scrubber(local_names() if root is None else ())
    files = _files(detection, root, scrubber)
    if root is None:
        files |= _captures(detection, scrubber)
    if detection.platform.machine and "machine" not in files:
        files["machine"] = f"{detection.platform.machine}\n".encode()
    record: dict[str, Any] = {"format": 1, "platform": detection.platform.as_json(), "providers": {}}
    for report in _not_reproduced(detection, files, scrubber):
        record["providers"][report.namespace] = scrubber.value(_recorded(report))
    files[RECORD] = json.dumps(record, indent=1).encode() + b"\n"
    mode = "w" if path.name.endswith(".tar") else "w:gz"
    try:
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            for name in sorted(files):
                entry = tarfile.TarInfo(name)
                entry.size = len(files[name])
                archive.addfile(entry, io.BytesIO(files[name]))
    except OSError as error:
        raise BundleError(
            f"{path}: {error.strerror or error}", hint="Choose another place for it."
        ) from error
    return sorted(files)


@contextmanager
def opened_tree(root: str | None) -> Iterator[str | None]:
    """The folder to probe: ``root`` itself, or where a bundle was unpacked for the time being.

    Raises:
        VariantctlError: there is neither a folder nor a file at ``root``.
        BundleError: the file is not a bundle.
    """
    if root is None or Path(root).is_dir():
        yield root
        return
    if not Path(root).is_file():
        raise VariantctlError(f"{root}: no such folder or bundle", hint="--root takes a folder or a bundle")
    with tempfile.TemporaryDirectory(prefix="variantctl-bundle-") as folder:
        _unpack(Path(root), Path(folder))
        yield folder


def _files(detection: Detection, root: str | None, scrubber: Scrubber) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    plugins = our_plugins()
    read = {name: plugins[report.namespace] for report in detection.providers for name in report.files}
    for name, plugin in read.items():
        # A link in a mounted image means the image's file: a detector reads that, and never this machine's.
        data = None if name == RECORD else plugin.read_file(root, name)
        if data is None:
            continue
        text = kept(name, data.decode("utf-8", "surrogateescape"))
        if text is None:
            continue
        files[scrubber.text(name)] = scrubber.text(text).encode("utf-8", "surrogateescape")
    return files


def _captures(detection: Detection, scrubber: Scrubber) -> dict[str, bytes]:
    """What the tools print now, asked once more: a report does not keep it."""
    captures: dict[str, bytes] = {}
    for report in detection.providers:
        plugin = our_plugins().get(report.namespace)
        if plugin is None or report.status == "disabled":
            continue
        transcript: list[tuple[str, list[str]]] = []
        plugin.detect(transcript=transcript)
        for number, (name, lines) in enumerate(transcript):
            text = scrubber.text(kept_output(name, lines))
            captures[f"tools/{report.namespace}-{number}-{name}.txt"] = text.encode()
    return captures


def _not_reproduced(
    detection: Detection, files: Mapping[str, bytes], scrubber: Scrubber
) -> list[ProviderReport]:
    """The reports that the files alone do not give: those are written down."""
    missing = []
    with tempfile.TemporaryDirectory(prefix="variantctl-bundle-") as folder:
        for name, data in files.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        for report in detection.providers:
            plugin = our_plugins().get(report.namespace)
            if plugin is None or report.status in ("disabled", "untrusted"):
                continue
            again = query_plugin(plugin, report.namespace, folder)
            if _asked(again) != scrubber.value(_asked(report)):
                missing.append(report)
    return missing


def _asked(report: ProviderReport) -> dict[str, Any]:
    said = report.as_json()
    return {key: json.loads(json.dumps(said[key])) for key in _ASKED}


def _recorded(report: ProviderReport) -> dict[str, Any]:
    said = {**_asked(report), "evidence": json.loads(json.dumps(report.evidence))}
    # A bundle of a bundle: what is recorded about the recording is said anew by whoever replays it.
    said["evidence"] = [item for item in said["evidence"] if item.get("fact") != "recorded"]
    keys = ("source", "devices", "evidence", "notes", "facts")
    return {**{key: said[key] for key in keys}, "failed": report.status == "error"}


def _unpack(bundle: Path, folder: Path) -> None:
    """Unpack regular files only, inside ``folder`` only, and not more than a bundle can sensibly hold."""
    hint = "Make one with `variantctl detect --bundle FILE`."
    count = size = 0
    try:
        # Beside the files are their headers, of at most a few blocks each.
        with open_tar(bundle, _MOST_BYTES + _MOST_FILES * 4096) as archive:
            for entry in members_of(archive):
                name = PurePosixPath(entry.name)
                if not entry.isfile() or name.is_absolute() or ".." in name.parts or not name.parts:
                    continue
                count, size = count + 1, size + entry.size
                if count > _MOST_FILES or size > _MOST_BYTES:
                    raise BundleError(f"{bundle}: too large for a bundle", hint=hint)
                file = archive.extractfile(entry)
                place = folder.joinpath(*name.parts)
                place.parent.mkdir(parents=True, exist_ok=True)
                if file is not None:
                    place.write_bytes(file.read())
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{bundle}: not a bundle that can be read: {error}", hint=hint) from error


_HEX = "[0-9a-fA-F]"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_SERIAL = r"[^:=\n]*\b(?:serial(?:[ _-]?(?:number|no))?|uuid|udid)\b[^:=\n]*"
_HOST = r"kern\.(?:hostname|uuid|bootsessionuuid|bootuuid|nisdomainname)[^:=\n]*"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # UUIDs, with NVIDIA's prefix or none; AMD's GPU ids are 16 digits.
    (re.compile(rf"\b{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}\b"), "(uuid)"),
    (re.compile(rf"\b(GPU|MIG)-{_HEX}{{8,}}\b"), r"\1-(uuid)"),
    # Lines that say whose number or name they give: cpuinfo's, rocminfo's, sysctl's; then KFD's.
    (re.compile(rf"(?im)^({_SERIAL}[:=])[^\n]*$"), r"\1 (removed)"),
    (re.compile(rf"(?im)^({_HOST}[:=])[^\n]*$"), r"\1 (removed)"),
    (re.compile(r"(?im)^(unique_id)\s+[^\n]*$"), r"\1 0"),
    # MAC addresses, then IPv6 and IPv4 ones.
    (re.compile(rf"(?<![\w:.-])(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}(?![\w:-])"), "(mac)"),
    (re.compile(rf"(?<![\w:.])(?:{_HEX}{{0,4}}:){{3,7}}{_HEX}{{1,4}}(?![\w:])"), "(ip)"),
    (re.compile(rf"(?<![\w.])(?:{_BYTE}\.){{3}}{_BYTE}(?![\w.])"), "(ip)"),
    # Home folders, whoever's they are.
    (re.compile(r"((?:/|\b)home/|/Users/|\b[A-Za-z]:[\\/]Users[\\/])[^/\\\s:;,'\"]+"), r"\1user"),
)
_HARMLESS = frozenset({"root", "user", "localhost", "localdomain", "home", "nobody", "linux", "(none)"})
_SHORTEST = 3


class Scrubber:
    """Replaces private things by words that say what was there.

    Args:
        names: names of this machine and its user, which are taken out wherever they stand as whole words.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = {name for name in names if len(name) >= _SHORTEST and name.lower() not in _HARMLESS}
        longest_first = sorted(known, key=lambda name: (-len(name), name))
        self._names = [re.compile(rf"(?i)(?<![\w]){re.escape(name)}(?![\w])") for name in longest_first]

    def text(self, text: str) -> str:
        """The text without UUIDs, serial numbers, MAC and IP addresses, home folders, and the names."""
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
        for pattern in self._names:
            text = pattern.sub("(name)", text)
        return text

    def value(self, value: object) -> object:
        """A JSON-able value with every string in it scrubbed."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


def local_names() -> set[str]:
    """The names of this machine and of whoever runs us."""
    import socket

    host = socket.gethostname()
    names = {host, host.partition(".")[0], Path.home().name}
    names.update(os.environ.get(variable, "") for variable in ("USER", "LOGNAME", "USERNAME", "HOSTNAME"))
    return names
