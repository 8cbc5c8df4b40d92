"""Source code in a lock: ``packages.sdist``, ``.archive``, ``.vcs`` and ``.directory``.

The tables are those of PEP 751; what an installed package records of them is PEP 610's ``direct_url.json``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from packaging.pylock import Package, PackageArchive, PackageSdist

from variantctl.config.moments import uploaded_at
from variantctl.lock.contents import LockedSource
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import filename_of, is_file_url, path_to_url, url_to_path

if TYPE_CHECKING:
    from variantctl.resolve.plan import PlannedInstall

Measured = Callable[[], "tuple[Mapping[str, str], int | None]"]
"""Gives the hashes of a file, of which one proves something, and its size where that is known."""


def locked_source(planned: PlannedInstall, base: Path, measured: Measured) -> LockedSource:
    """What a lock says of source code that a plan builds.

    Args:
        planned: one that ``needs_build``.
        base: the folder of the lock file.
        measured: asked of a source distribution of an index.
    """
    origin = planned.direct_url
    if origin is None:
        file = planned.link.file
        hashes, size = measured()
        url, path = _place(file.url, base)
        uploaded = uploaded_at(file.upload_time)
        return LockedSource("sdist", url, path, file.filename, hashes, size, uploaded)
    url, path = _place(origin["url"], base)
    subdirectory = origin.get("subdirectory")
    if (info := origin.get("vcs_info")) is not None:
        revision, commit = info.get("requested_revision"), info["commit_id"]
        return LockedSource(
            "vcs", url, path, subdirectory=subdirectory, system=info["vcs"], revision=revision, commit=commit
        )
    if (info := origin.get("dir_info")) is not None:
        editable = bool(info.get("editable"))
        return LockedSource("directory", url, path, subdirectory=subdirectory, editable=editable)
    return LockedSource(
        "archive",
        url,
        path,
        filename_of(origin["url"]),
        origin["archive_info"]["hashes"],
        planned.link.file.size,
        subdirectory=subdirectory,
    )


def _place(url: str, base: Path) -> tuple[str | None, str | None]:
    """A URL, or a path for what is on this machine."""
    if is_file_url(url):
        return None, relative_path(url_to_path(url), base)
    return without_secrets(url), None


def relative_path(place: Path, base: Path) -> str:
    """With ``/``, as PEP 751 has it for portability; absolute where no relative path leads there."""
    try:
        relative = os.path.relpath(place, base)
        if relative.startswith(os.pardir):
            # A link may lead to the lock's folder: what lies in that is written as lying in it.
            real = os.path.relpath(os.path.realpath(place), os.path.realpath(base))
            relative = relative if real.startswith(os.pardir) else real
        return PurePath(relative).as_posix()
    except ValueError:  # another drive
        return place.as_posix()


def source_table(source: LockedSource) -> dict[str, Any]:
    """What is written of it, in PEP 751's order of keys."""
    place: dict[str, Any] = {"url": source.url, "path": source.path}
    table: dict[str, Any]
    if source.kind == "vcs":
        table = {
            "type": source.system,
            **place,
            "requested-revision": source.revision,
            "commit-id": source.commit,
        }
    elif source.kind == "directory":
        table = {"path": source.path, "editable": source.editable or None}
    else:
        named = (source.path or source.url or "").replace("\\", "/").rpartition("/")[2]
        name = source.filename if source.kind == "sdist" and named != source.filename else None
        uploaded = {"name": name, "upload-time": source.upload_time}
        table = {**uploaded, **place, "size": source.size, "hashes": dict(sorted(source.hashes.items()))}
    table["subdirectory"] = source.subdirectory
    return {key: value for key, value in table.items() if value is not None}


def read_source(package: Package) -> LockedSource | None:
    """The source code of an entry, which ``packaging`` has checked; ``None`` where it has wheels alone."""
    if package.sdist is not None:
        return _file("sdist", package.sdist, package.sdist.filename)
    if (vcs := package.vcs) is not None:
        return LockedSource(
            "vcs",
            None if vcs.path else vcs.url,
            vcs.path,
            subdirectory=vcs.subdirectory,
            system=vcs.type,
            revision=vcs.requested_revision,
            commit=vcs.commit_id.lower(),
        )
    if (folder := package.directory) is not None:
        editable = bool(folder.editable)
        return LockedSource(
            "directory", path=folder.path, subdirectory=folder.subdirectory, editable=editable
        )
    if (archive := package.archive) is not None:
        name = archive.path.replace("\\", "/").rpartition("/")[2] if archive.path else None
        return _file("archive", archive, name or filename_of(archive.url or ""))
    return None


def _file(kind: Any, file: PackageSdist | PackageArchive, filename: str) -> LockedSource:
    return LockedSource(
        kind,
        # With both, the path is the nearer copy of the same bytes.
        None if file.path else file.url,
        file.path,
        filename,
        {name.lower(): digest.lower() for name, digest in file.hashes.items()},
        file.size,
        file.upload_time,
        getattr(file, "subdirectory", None),
    )


def url_of(place: LockedSource, base: Path) -> str:
    """Where it is, absolute."""
    if place.path is not None:
        return path_to_url(Path(os.path.normpath(base / place.path)))
    assert place.url is not None
    return place.url
