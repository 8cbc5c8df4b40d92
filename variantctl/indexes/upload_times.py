"""Files that were uploaded in time: what ``--exclude-newer`` leaves of a project."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from variantctl.config.moments import uploaded_at
from variantctl.config.uploads import EXCLUDE_NEWER, UploadLimits
from variantctl.indexes.project_files import ProjectFiles
from variantctl.net.remote_file import RemoteFile


def uploaded_in_time(files: ProjectFiles, limits: UploadLimits, warn: Callable[[str], None]) -> ProjectFiles:
    """A project without the files that came too late, and without those that nobody knows the time of.

    What is left out is listed in ``skipped``, with the reason. Where an index gives no times, *warn* is told.
    """
    moment = limits.of(files.name)
    if moment is None:
        return files
    late = {file.filename: why for file in _all(files) if (why := _too_late(file, moment))}
    if not late:
        return files
    unknown = [file for file in _all(files) if uploaded_at(file.upload_time) is None]
    if unknown:
        which = "its files were" if len(unknown) == len(_all(files)) else f"{len(unknown)} of its files were"
        warn(
            f"{files.name}: {files.source} does not say when {which} uploaded, so {EXCLUDE_NEWER} "
            f"leaves them out; "
            f"--exclude-newer-package {files.name}=false takes them"
        )
    # Made anew: of a stored page, what is left is no longer what is stored.
    return ProjectFiles(
        files.name,
        files.source,
        tuple(link for link in files.wheels if link.file.filename not in late),
        tuple(file for file in files.sdists if file.filename not in late),
        files.variants_json,
        (*files.skipped, *late.items()),
        files.status,
    )


def _all(files: ProjectFiles) -> list[RemoteFile]:
    return [*(link.file for link in files.wheels), *files.sdists]


def _too_late(file: RemoteFile, moment: datetime) -> str | None:
    uploaded = uploaded_at(file.upload_time)
    if uploaded is None:
        return f"its source does not say when it was uploaded ({EXCLUDE_NEWER})"
    if uploaded >= moment:
        return f"it was uploaded at {uploaded:%Y-%m-%d %H:%M} UTC, which is too late ({EXCLUDE_NEWER})"
    return None
