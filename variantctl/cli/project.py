"""The project that a command is about, and what its ``[tool.variantctl]`` says."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from variantctl.config.project import ProjectSettings
    from variantctl.config.uploads import UploadLimits

FILENAME = "pyproject.toml"


def project_of(args: argparse.Namespace) -> ProjectSettings | None:
    """The settings of the pyproject.toml that is named with ``-r``, else of the one in this folder.

    A command that is about something else, a script say, puts its settings into ``args.project_settings``.

    Raises:
        SettingsError: they cannot be understood.
    """
    if "project_settings" not in args:
        named = [name for name in getattr(args, "requirement", ()) if os.path.basename(name) == FILENAME]
        path = Path(named[0] if named else FILENAME)
        args.project_settings = _settings(path) if path.is_file() else None
    found: ProjectSettings | None = args.project_settings
    return found


def profiles_of_project(args: argparse.Namespace) -> tuple[str, ...]:
    """The machines that the project is for, where it says so."""
    project = project_of(args)
    return project.profiles if project is not None else ()


def _settings(path: Path) -> ProjectSettings | None:
    # Most folders have no such file: what reads it is imported where there is one.
    from variantctl.config.project import project_settings

    return project_settings(path)


def add_upload_arguments(group: argparse._ActionsContainer) -> None:
    """Before when files must have been uploaded, in uv's words and in pip's."""
    group.add_argument(
        "--exclude-newer",
        metavar="MOMENT",
        type=_until_the_end,
        help="leave out what was uploaded later: 2026-05-31, an RFC 3339 time, or '7 days' (ago)",
    )
    group.add_argument(
        "--uploaded-prior-to",
        dest="exclude_newer",
        metavar="MOMENT",
        type=_until_it_begins,
        help="the same by pip's name, where a date alone means the beginning of the day",
    )
    group.add_argument(
        "--exclude-newer-package",
        metavar="NAME=MOMENT",
        action="append",
        default=[],
        type=_of_package,
        help="the same for one package; NAME=false takes all of its files",
    )


def uploads_of(args: argparse.Namespace) -> UploadLimits | None:
    """What the command line says of when files were uploaded."""
    if args.exclude_newer is None and not args.exclude_newer_package:
        return None
    from variantctl.config.uploads import upload_limits

    return upload_limits(args.exclude_newer, args.exclude_newer_package, "--exclude-newer-package")


def _until_the_end(text: str) -> datetime:
    return _moment(text, whole_day=True)


def _until_it_begins(text: str) -> datetime:
    return _moment(text, whole_day=False)


def _moment(text: str, *, whole_day: bool) -> datetime:
    from variantctl.config.moments import parse_moment
    from variantctl.net.errors import SettingsError

    try:
        return parse_moment(text, "", whole_day=whole_day)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment in time. {error.hint}") from None


def _of_package(text: str) -> tuple[str, Any]:
    name, equals, moment = text.partition("=")
    if not (name and equals and moment):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=MOMENT")
    return name, moment
