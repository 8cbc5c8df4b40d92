"""What ``add`` and ``remove`` share: which list of which pyproject.toml is changed, and how safely."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.app import UsageError

if TYPE_CHECKING:
    from variantctl.requirements.editing import DependencyList


def add_list_arguments(parser: argparse.ArgumentParser) -> None:
    """Which list of dependencies is meant; without any of these ``[project] dependencies``."""
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--dev", action="store_true", help="the dependency group 'dev', as --group dev")
    place.add_argument("--group", metavar="NAME", help="this dependency group (PEP 735)")
    place.add_argument("--optional", metavar="EXTRA", help="this extra ([project.optional-dependencies])")
    parser.add_argument(
        "--no-install",
        "--no-sync",
        action="store_true",
        help="change the file alone, and no environment",
    )


def list_of(args: argparse.Namespace) -> DependencyList:
    """The list that the options name.

    Raises:
        UsageError: a name has nothing in it.
    """
    from variantctl.requirements.editing import DEPENDENCIES, DependencyList

    name = "dev" if args.dev else args.group if args.group is not None else args.optional
    if name is None:
        return DEPENDENCIES
    if not name.strip():
        raise UsageError("--group and --optional need a name")
    return DependencyList("extra" if args.optional is not None else "group", name)


def project_file() -> Path:
    """The pyproject.toml that is changed: of this folder, or of the nearest one above it.

    Raises:
        RequirementFileError: there is none.
    """
    from variantctl.requirements.projects import find_project

    path = find_project(Path.cwd())
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def read_text(path: Path) -> str:
    """The text with its own line endings.

    Raises:
        RequirementFileError: it cannot be read, or is no UTF-8.
    """
    from variantctl.filesystem.bounded import read_bounded
    from variantctl.filesystem.errors import unread
    from variantctl.requirements.errors import RequirementFileError

    try:
        return read_bounded(path).decode("utf-8")
    except OSError as error:
        raise RequirementFileError(unread(path, error)) from error
    except ValueError as error:
        raise RequirementFileError(f"{path}: {error}") from error


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step; its permissions stay, and a link leads where it led."""
    from variantctl.filesystem.atomic import written_whole

    real = path.resolve()
    mode = real.stat().st_mode & 0o777
    with written_whole(real) as file:
        file.write(text.encode())
    real.chmod(mode)


@contextmanager
def taken_back_on_failure(path: Path, before: str) -> Iterator[None]:
    """Where the block fails, a file that was changed has its old text again."""
    try:
        yield
    except BaseException:
        if read_text(path) != before:
            write_text(path, before)
            render.note(f"{path} is as it was before")
        raise


def say_lock_is_older(path: Path) -> None:
    """A lock beside a project that has just been changed no longer says what the project needs."""
    lock = path.parent / "pylock.toml"
    if lock.is_file():
        words = "lock" if _has_project(lock) and path.absolute().parent == Path.cwd() else f"lock -r {path}"
        render.note(f"{lock} was made before this change; `variantctl {words}` makes it anew")


def _has_project(lock: Path) -> bool:
    """Whether a lock installs the project beside it, as `lock` without ``-r`` writes it."""
    from variantctl.lock.errors import LockFileError
    from variantctl.lock.reading import read_lock

    try:
        packages = read_lock(lock).packages
    except LockFileError:
        return False  # whoever uses the lock is told why it cannot be read
    return any(package.source is not None and package.source.path == "." for package in packages)
