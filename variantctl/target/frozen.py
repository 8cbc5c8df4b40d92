"""Installed packages as requirements, the way ``pip freeze`` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from variantctl.net.urls import url_to_path

if TYPE_CHECKING:
    from variantctl.target.installed import InstalledPackage


def frozen_line(package: InstalledPackage) -> str:
    """``torch==2.10.0+cu128``; with a direct_url.json ``name @ URL`` or, of an editable folder, ``-e PATH``.

    The URL is put together as the specification "Recording the Direct URL Origin" has it: a commit after an
    ``@``, a subdirectory and a hash in the fragment. Passwords are left out.
    """
    source = package.source
    if source is None:
        return f"{package.name}=={package.version}"
    if package.editable:
        return f"-e {url_to_path(source)}" if source.startswith("file:") else f"-e {source}"
    return f"{package.name} @ {_reference(source, package.direct_url or {})}"


def _reference(url: str, direct_url: Mapping[str, Any]) -> str:
    vcs = direct_url.get("vcs_info")
    if isinstance(vcs, dict):
        url = f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', vcs.get('requested_revision', 'HEAD'))}"
    fragment = [f"{name}={value}" for name, value in _digests(direct_url)[:1]]
    subdirectory = direct_url.get("subdirectory")
    if isinstance(subdirectory, str):
        fragment.append(f"subdirectory={subdirectory}")
    return f"{url}#{'&'.join(fragment)}" if fragment else url


def _digests(direct_url: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The hashes of an archive; ``hash`` is the older spelling of one (PEP 610)."""
    archive = direct_url.get("archive_info")
    if not isinstance(archive, dict):
        return []
    hashes = archive.get("hashes")
    if isinstance(hashes, dict):
        return [(name, value) for name, value in sorted(hashes.items()) if isinstance(value, str)]
    name, equals, value = str(archive.get("hash") or "").partition("=")
    return [(name, value)] if equals else []
