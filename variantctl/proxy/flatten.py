"""A built index as one machine is shown it: a static tree beside it, for tools without variants and no proxy.

pip takes a wheel's name from the path of its URL, so that each wheel has to lie under its ordinary name: it
is a hard link to the same file of the index, or a copy where links cannot be. A tree can be carried elsewhere
without the index. Wheels with variant markers are written anew, with those decided.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.filesystem.atomic import written_whole
from variantctl.filesystem.digests import file_digest
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.page_writer import (
    GENERATOR,
    PageFile,
    ProjectStatus,
    project_html,
    project_json,
    root_html,
    root_json,
)
from variantctl.net.urls import url_to_path
from variantctl.proxy.errors import FlattenError
from variantctl.proxy.project_view import (
    ClientTarget,
    ProjectView,
    ShownFile,
    names_as_they_are,
    ordinary_name,
    page_file,
    view_project,
)
from variantctl.values import dataclass, field, replace
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.substitution import Substitution

_PAGES = ("index.html", "index.json")
Progress = Callable[[int, int], None]
"""Called with the bytes of the wheels done and of all wheels."""


@dataclass(frozen=True)
class Flattened:
    """What was written.

    Attributes:
        simple: the folder to point an index URL at.
        who: the machine that it is for.
        projects: how many projects.
        variants: project and version -> the label that is shown as the ordinary wheel.
        rewritten: how many wheels were written anew, without variant markers.
        problems: versions that are left out, and why.
    """

    simple: Path
    who: str
    projects: int
    variants: Mapping[str, str] = field(default_factory=dict)
    rewritten: int = 0
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """An element of ``flattened`` in ``index build --json``."""
        return {
            "simple": str(self.simple),
            "for": self.who,
            "projects": self.projects,
            "variants": dict(self.variants),
            "rewritten": self.rewritten,
            "problems": list(self.problems),
        }


def flatten(
    out: Path,
    name: str,
    buyer: ClientTarget,
    *,
    families: Families = NO_FAMILIES,
    progress: Progress | None = None,
) -> Flattened:
    """Write ``out/simple-{name}/`` from ``out/simple/``.

    Wheels come before the pages that name them, and what an earlier run left goes last.

    Args:
        out: the folder of a built index.
        name: what tells the tree from others.
        buyer: whom variants are chosen for.
        families: which names count as builds of one project.
        progress: told how far it is.

    Raises:
        FlattenError: there is no index, or something else is where the tree would go.
        SourceError, WheelError: the index cannot be read.
    """
    source, target = out / "simple", out / f"simple-{name}"
    projects = sorted(path.name for path in source.glob("*") if _is_project(path))
    if not projects:
        raise FlattenError(
            f"{source}: there is no index in it", hint="Make one with `variantctl index build WHEELS -o OUT`."
        )
    check_target(target)
    target.mkdir(exist_ok=True)
    # Before anything else, so that a run that is cut short is known to be ours.
    _write(target / "index.html", root_html([]))
    settings = IndexSettings(index_url=source.resolve().as_uri(), families=families)
    trees: list[_Tree] = []
    sizes = {project: _wheel_bytes(source / project) for project in projects}
    done = 0
    with ExitStack() as opened:
        finders = {
            counts: opened.enter_context(PackageFinder(each, cache=Cache.open(no_cache=True)))
            for counts, each in ((True, settings), (False, replace(settings, families=NO_FAMILIES)))
        }
        for project in _with_identities(projects, families):
            package_finder = finders[names_as_they_are(settings, project) is settings]
            try:
                shelf = view_project(package_finder, buyer, project)
            except ProjectNotFound:
                continue  # a family's own name, of which no member is for this machine
            trees.append(_Tree(shelf, source / project, target / project))
            trees[-1].write()
            done += sizes.get(project, 0)
            if progress is not None:
                progress(done, sum(sizes.values()))
    written = [tree.folder.name for tree in trees]
    _write(target / "index.json", root_json(written))
    _write(target / "index.html", root_html(written))
    for folder in target.iterdir():
        if folder.is_dir() and folder.name not in written:
            shutil.rmtree(folder)
    return Flattened(
        target,
        buyer.who,
        len(trees),
        {key: label for tree in trees for key, label in tree.labels()},
        sum(file.rewritten for tree in trees for file in tree.shelf.shown),
        tuple(problem for tree in trees for problem in tree.shelf.problems),
    )


def _with_identities(projects: Sequence[str], families: Families) -> list[NormalizedName]:
    """The projects, and the names that members among them count for (``cupy``, of ``cupy-cuda12x``)."""
    names = [canonicalize_name(project) for project in projects]
    return sorted({*names, *map(families.identity, names)})


@dataclass(frozen=True)
class _Tree:
    """One project's folder.

    Attributes:
        shelf: what it shows.
        source: the project's folder in the index.
        folder: where it goes.
    """

    shelf: ProjectView
    source: Path
    folder: Path

    def labels(self) -> Iterator[tuple[str, str]]:
        """Project and version, and the label, of each variant."""
        for file in self.shelf.shown:
            if file.label is not None and file.link is not None:
                yield f"{self.shelf.name} {file.link.version}", file.label

    def write(self) -> None:
        """The wheels, their sidecars, then the pages; then what is there beside them is removed."""
        self.folder.mkdir(exist_ok=True)
        known = self._own_page()
        told = {entry["filename"]: entry for entry in known.get("files", [])}
        listed = [self._place(file, told.get(file.file.filename, {})) for file in self.shelf.shown]
        status = ProjectStatus(**known.get("project-status", {}))
        name, versions = self.shelf.name, self.shelf.versions
        _write(self.folder / "index.json", project_json(name, versions, listed, status))
        _write(self.folder / "index.html", project_html(name, listed, status))
        names = {file.filename for file in listed}
        expected = {*_PAGES, *names, *(f"{name}.metadata" for name in names)}
        for path in self.folder.iterdir():
            if path.name not in expected:
                path.unlink()

    def _place(self, shown: ShownFile, told: Mapping[str, Any]) -> PageFile:
        """Put a file where its page says; *told*: what the index's own page says about it."""
        filename = shown.filename
        if shown.link is not None and shown.stand_in is None:
            filename = ordinary_name(shown.link.own_name)
        target, original = self.folder / filename, url_to_path(shown.file.url)
        page = replace(
            page_file(replace(shown, rewritten=False), filename=filename, url=""),
            upload_time=told.get("upload-time"),
            provenance=None if shown.rewritten or shown.stand_in else told.get("provenance"),
        )
        if shown.link is None:
            link_or_copy(original, target)
            return page
        metadata = self.shelf.metadata(shown)
        if shown.stand_in is not None:
            _write(target, shown.stand_in.content)
        elif shown.rewritten:
            size, digest = _rewrite(shown, original, target, metadata)
            page = replace(page, size=size, hashes={"sha256": digest})
        else:
            link_or_copy(original, target)
        _write(self.folder / f"{filename}.metadata", metadata)
        return replace(page, core_metadata={"sha256": hashlib.sha256(metadata).hexdigest()})

    def _own_page(self) -> dict[str, Any]:
        """The index's own JSON page: it says more than HTML can (PEP 700, PEP 792)."""
        try:
            page = json.loads((self.source / "index.json").read_bytes())
        except (OSError, ValueError):
            return {}
        return page if isinstance(page, dict) else {}


def _rewrite(shown: ShownFile, original: Path, target: Path, metadata: bytes) -> tuple[int, str]:
    assert shown.link is not None
    with WheelArchive.open(original, shown.link.own_name) as archive:
        substitution = Substitution(archive, metadata)
        with written_whole(target) as file:
            substitution.write(file)
    return substitution.size, file_digest(target)


def link_or_copy(original: Path, target: Path) -> None:
    """The same file at another place: a hard link, or a copy where links cannot be."""
    if target.exists() and target.samefile(original):
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        os.link(original, partial)
    except OSError:
        with original.open("rb") as file, written_whole(target) as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        return
    partial.replace(target)


def _write(target: Path, content: bytes) -> None:
    with written_whole(target) as file:
        file.write(content)


def _is_project(path: Path) -> bool:
    return path.is_dir() and any((path / page).is_file() for page in _PAGES)


def _wheel_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.whl"))


def check_target(target: Path) -> None:
    """Raise FlattenError unless a tree of ours is there, or nothing."""
    page = target / "index.html"
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not page.is_file() or GENERATOR.encode() not in page.read_bytes():
        raise FlattenError(
            f"{target}: is not empty and was not made by variantctl",
            hint="Move it away, or give the profile another name.",
        )
