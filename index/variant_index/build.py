"""A folder of wheels becomes a static index: ``OUT/simple/``, to be served by anything that serves files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from variant_index.errors import FolderError
from variant_index.scan import Progress, scan_folder
from variant_index.tree import IndexTree, plan_tree, root_pages
from variantctl.sources.page_writer import GENERATOR
from variantctl.wheels.output import written_whole

_OURS = ("index.html", "index.json")
_OUR_SUFFIXES = (".whl", ".whl.metadata", "-variants.json", ".tar.gz", ".zip", ".part")


@dataclass(frozen=True)
class BuildSummary:
    """What was built.

    Attributes:
        simple: the folder to point an index URL at.
        projects: how many projects.
        wheels: how many wheels, variants among them.
        variants: how many variant wheels.
        sdists: how many source distributions.
        variants_json: the index-level metadata files, as ``project/filename``.
        removed: files of an earlier build that are gone now, as ``project/filename``.
        notes: what a publisher may want to know: files passed over, odd wheels.
    """

    simple: Path
    projects: int
    wheels: int
    variants: int
    sdists: int
    variants_json: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The object that ``index build --json`` prints."""
        return {
            "format": 1,
            "simple": str(self.simple),
            "projects": self.projects,
            "wheels": self.wheels,
            "variants": self.variants,
            "sdists": self.sdists,
            "variants_json": list(self.variants_json),
            "removed": list(self.removed),
            "notes": list(self.notes),
        }


def build_index(
    wheel_dir: Path,
    out: Path,
    *,
    verify: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> BuildSummary:
    """Write ``out/simple/`` so that it holds what ``wheel_dir`` holds, and nothing else.

    Nothing is written before everything was found publishable. Then files come before the pages that name
    them, each in one step, and what an earlier build left goes last: a reader never meets a missing file.

    Args:
        wheel_dir: a folder of wheels and sdists. It may be ``out`` itself, or hold it.
        out: where ``simple/`` goes; made if it is not there. Wheels are hard links where that is possible.
        verify: compare every file of every wheel with its RECORD, too.
        force: replace a ``simple/`` that is not an index of ours.
        progress: told how far hashing is.

    Raises:
        FolderError: a folder cannot be used.
        WheelError, InvalidVariantError, UnpublishableError: wheels are unsound or inconsistent.
    """
    simple = out / "simple"
    _check_folders(wheel_dir, simple, force=force)
    scan = scan_folder(wheel_dir, verify=verify, progress=progress)
    tree = plan_tree(scan)
    _write(tree, simple)
    removed, foreign = _remove_stale(tree, simple)
    return BuildSummary(
        simple=simple,
        projects=len(tree.projects),
        wheels=len(scan.wheels),
        variants=sum(wheel.variant is not None for wheel in scan.wheels),
        sdists=len(scan.sdists),
        variants_json=tuple(
            f"{project.name}/{name}"
            for project in tree.projects
            for name in project.written
            if name.endswith("-variants.json")
        ),
        removed=removed,
        notes=(
            *(f"{name}: {why}; it is left out" for name, why in scan.skipped),
            *(note for wheel in scan.wheels for note in wheel.notes),
            *(f"{name}: not a file of ours; it is left where it is" for name in foreign),
        ),
    )


def _check_folders(wheel_dir: Path, simple: Path, *, force: bool) -> None:
    if wheel_dir.resolve().is_relative_to(simple.resolve()):
        raise FolderError(
            f"{wheel_dir}: lies within {simple}, which the build replaces",
            hint="keep the wheels in a folder outside of the index, or choose another output folder",
        )
    if simple.exists() and not simple.is_dir():
        raise FolderError(f"{simple}: is not a folder", hint="choose another output folder")
    if force or not simple.exists() or not any(simple.iterdir()):
        return
    page = simple / "index.html"
    if not page.is_file() or GENERATOR.encode() not in page.read_bytes():
        raise FolderError(
            f"{simple}: is not empty and was not made by variantctl",
            hint="choose another output folder, or replace it with --force",
        )


def _write(tree: IndexTree, simple: Path) -> None:
    if not (simple / "index.html").exists():
        # A build that is cut short must be recognized as ours by the next.
        simple.mkdir(parents=True, exist_ok=True)
        _write_file(simple / "index.html", root_pages([])["index.html"])
    for project in tree.projects:
        folder = simple / project.name
        folder.mkdir(exist_ok=True)
        for name, source in project.placed.items():
            _place(source, folder / name)
        for name, content in (*project.written.items(), *project.pages.items()):
            _write_file(folder / name, content)
    for name, content in tree.pages.items():
        _write_file(simple / name, content)


def _write_file(target: Path, content: bytes) -> None:
    with written_whole(target) as file:
        file.write(content)


def _place(source: Path, target: Path) -> None:
    """Link a wheel into the index; copy it where links cannot reach (another disk, other owners)."""
    # A link to a symbolic link would be one, and mean another file elsewhere.
    source = source.resolve()
    if target.exists() and target.samefile(source):
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.link(source, partial)
    except OSError:
        with source.open("rb") as original, written_whole(target) as copy:
            shutil.copyfileobj(original, copy, 1 << 20)
        return
    partial.replace(target)


def _remove_stale(tree: IndexTree, simple: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Delete what this build did not write; gives the files deleted, and those that we never write."""
    removed, foreign = [], []
    expected = {project.name: project.names for project in tree.projects}
    for folder in sorted(path for path in simple.iterdir() if path.is_dir()):
        for path in _not_in(folder, expected.get(folder.name, set())):
            name = f"{folder.name}/{path.name}"
            if not path.is_dir() and (path.name in _OURS or path.name.endswith(_OUR_SUFFIXES)):
                path.unlink()
                removed.append(name)
            else:
                foreign.append(name)
        if folder.name not in expected and not any(folder.iterdir()):
            folder.rmdir()
    return tuple(removed), tuple(foreign)


def _not_in(folder: Path, names: set[str]) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.name not in names)
