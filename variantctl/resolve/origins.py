"""Whether a package was installed from what a direct reference names, as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from variantctl.filesystem.digests import file_digest
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import is_file_url, url_to_path, without_fragment
from variantctl.target.installed import InstalledPackage


def is_same_wheel(package: InstalledPackage, url: str) -> bool:
    """Whether a package was installed from the wheel at a URL; of one on this machine the bytes count."""
    address = without_fragment(url)[0]
    if package.source != without_secrets(address):
        return False
    if not is_file_url(address):
        return True
    info = (package.direct_url or {}).get("archive_info")
    recorded = info.get("hashes", {}).get("sha256") if isinstance(info, dict) else None
    path = url_to_path(address)
    return path.is_file() and recorded == file_digest(path)


def is_same_source(package: InstalledPackage, wanted: Mapping[str, Any]) -> bool:
    """Whether a package was built of the commit or the archive that a record names (PEP 610).

    A folder may have changed since, and is never the same.
    """
    recorded = package.direct_url
    return "dir_info" not in wanted and recorded is not None and _identity(wanted) == _identity(recorded)


def _identity(record: Mapping[str, Any]) -> tuple[object, ...]:
    info = record.get("vcs_info") or record.get("archive_info")
    info = info if isinstance(info, Mapping) else {}
    # uv ends the URL of a repository on this machine with a slash.
    url = str(record.get("url")).rstrip("/")
    return url, record.get("subdirectory"), info.get("commit_id"), info.get("hashes")
