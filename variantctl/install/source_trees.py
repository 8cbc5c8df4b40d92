"""Source code that requirements name: found, fetched or checked out, and made something to build."""

from __future__ import annotations

import ast
import configparser
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.filesystem.bounded import read_bounded
from variantctl.indexes.builds import Builds, SourceTree
from variantctl.indexes.errors import BuildError
from variantctl.net.redaction import redact, without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import parsed_url
from variantctl.requirements.errors import RequirementError, RequirementFileError
from variantctl.requirements.requirement import UserRequirement, parse_user_requirement
from variantctl.requirements.sources import ARCHIVES, SourceReference, source_reference
from variantctl.variants.markers import MarkerVariant, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from variantctl.indexes.finder import PackageFinder
    from variantctl.wheels.metadata import CoreMetadata

#: Left out of an answer about another place of the same source.
_ONLY_NAME = "x"


class SourceTrees:
    """The sources that the user and dependencies name.

    Args:
        builds: builds them.
        package_finder: fetches archives.
        markers: of the environment.
        require_hashes: whether every source must be an archive with a hash.
        commits: URL of a repository and revision that is asked for -> the commit to take for it, of a lock.
        note: told what is left out.
    """

    def __init__(
        self,
        builds: Builds,
        package_finder: PackageFinder,
        markers: Mapping[str, str],
        *,
        require_hashes: bool = False,
        commits: Mapping[tuple[str, str | None], str] | None = None,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._builds = builds
        self._package_finder = package_finder
        self._markers = markers
        self._require_hashes = require_hashes
        self._commits = commits or {}
        self._note = note

    def requirements(self, sources: Sequence[SourceReference]) -> list[UserRequirement]:
        """Requirements for exactly these; one whose marker does not hold is left out, with a note."""
        return [self._requirement(source) for source in self._applying(sources)]

    def dependencies(self, sources: Sequence[SourceReference]) -> list[UserRequirement]:
        """What they need, and not they themselves."""
        return [each for source in self._applying(sources) for each in self._needed(source)]

    def locate(self, url: str, name: NormalizedName) -> SourceTree | None:
        """The source that a dependency names by its URL; None where that is a wheel's.

        Raises:
            VariantctlError: it cannot be had, or may not be built.
        """
        source = source_reference(f"{name} @ {url}", origin=f"'{name} @ {redact(url)}'")
        if source is None:
            return None
        if not self._builds.policy.builds(name):
            raise RequirementError(f"'{name} @ {redact(url)}' has to be built, and that is forbidden")
        return self.tree(source)

    def tree(self, source: SourceReference) -> SourceTree:
        """A source as something to build.

        Raises:
            VariantctlError: it cannot be had.
        """
        if self._require_hashes:
            refuse_unhashed([source])
        if source.kind == "folder":
            return self._folder(source)
        return self._commit(source) if source.kind == "git" else self._archive(source)

    def _requirement(self, source: SourceReference) -> UserRequirement:
        link = self._builds.link_to(self.tree(source))
        name = link.wheel.name
        if source.name is not None and source.name != name:
            raise RequirementError(
                f"{source.origin}: '{source}' is the source of '{name}', not of '{source.name}'"
            )
        requirement = parse_requirement(f"{name}{source.extras} @ {link.file.url}")
        return UserRequirement(requirement, source.origin, source.hashes)

    def _needed(self, source: SourceReference) -> list[UserRequirement]:
        from variantctl.variants.lenient import read_requirement

        extras = sorted(parse_requirement(f"{_ONLY_NAME}{source.extras}").extras)
        tree = self.tree(source)
        texts = _static_needs(tree.folder(), extras)
        if texts is None:
            texts = self._package_finder.core_metadata(self._builds.link_to(tree)).requires_dist
        return [
            self._read(str(requirement.requirement), str(source), source.path)
            for requirement in (read_requirement(text).requirement for text in texts)
            if requirement.applies(self._markers, MarkerVariant(), extras)
        ]

    def _read(self, text: str, origin: str, base: Path | None) -> UserRequirement:
        """What a project needs, which may be source code, too."""
        if (named := source_reference(text, origin=origin, base=base)) is not None:
            return self._requirement(named)
        return parse_user_requirement(text, origin=origin, base=base)

    def _applying(self, sources: Sequence[SourceReference]) -> Iterator[SourceReference]:
        for source in sources:
            condition = parse_requirement(f"{_ONLY_NAME} ; {source.marker}") if source.marker else None
            if condition is not None and not condition.applies(self._markers):
                self._note(f"'{source}' ({source.origin}) is left out: its marker does not hold here")
                continue
            yield source

    def _folder(self, source: SourceReference) -> SourceTree:
        path = source.path
        assert path is not None
        return self._described(
            source,
            RemoteFile(str(path), source.url, source=source.url),
            lambda: path,
            # What is in a folder may change at any time: it is built anew, as pip does.
            (),
            {"url": source.url, "dir_info": {"editable": True} if source.editable else {}},
        )

    def _commit(self, source: SourceReference) -> SourceTree:
        from variantctl.install.checkouts import check_out, is_commit

        checked_out: list[Path] = []

        def clone(revision: str | None) -> str:
            if self._package_finder.settings.offline and not source.url.startswith("file:"):
                raise RequirementError(
                    f"{source.origin}: '{source}' has to be cloned, and --offline forbids that"
                )
            place = self._builds.folder("checkout")
            found = check_out(source.url, revision, place)
            checked_out.append(place)
            return found

        def folder() -> Path:
            if not checked_out:
                clone(commit)
            return checked_out[0]

        public = without_secrets(source.url)
        commit = self._commits.get((public, source.revision), source.revision)
        if commit is None or not is_commit(commit):
            commit = clone(source.revision)
        revision = {} if source.revision is None else {"requested_revision": source.revision}
        info = {"vcs": "git", **revision, "commit_id": commit}
        url = f"git+{public}@{commit}{_fragment(source)}"
        file = RemoteFile(url, url, source=public)
        return self._described(source, file, folder, (commit,), {"url": public, "vcs_info": info})

    def _archive(self, source: SourceReference) -> SourceTree:
        digests = {name: next(iter(allowed)) for name, allowed in source.hashes.items() if len(allowed) == 1}
        fetched = self._package_finder.fetch_archive(source.url, digests)
        filename = os.path.basename(source.url)
        hashes = {"sha256": fetched.sha256}
        public = without_secrets(source.url)
        size = fetched.path.stat().st_size
        file = RemoteFile(filename, f"{public}{_fragment(source)}", hashes, size=size, source=public)
        return self._described(
            source,
            file,
            self._builds.unpacking(fetched.path, filename),
            (fetched.sha256,),
            {"url": public, "archive_info": {"hash": f"sha256={fetched.sha256}", "hashes": hashes}},
            archive=fetched.path,
        )

    def _described(
        self,
        source: SourceReference,
        file: RemoteFile,
        folder: Callable[[], Path],
        key: tuple[str, ...],
        direct_url: dict[str, Any],
        archive: Path | None = None,
    ) -> SourceTree:
        inside = source.subdirectory

        def project() -> Path:
            place = folder() / inside if inside else folder()
            if not place.is_dir():
                raise BuildError(f"{source} has no folder {inside}")
            return place

        def static() -> CoreMetadata | None:
            from variantctl.indexes.source_archives import static_metadata

            if archive is not None and inside is None:
                return static_metadata(archive, file.filename)
            return _of_pyproject(project())

        return SourceTree(
            str(source.path) if source.path is not None else redact(source.url),
            file,
            project,
            static,
            source.name or probable_name(source),
            (*key, inside or "") if key else (),
            direct_url if inside is None else {**direct_url, "subdirectory": inside},
            source.editable,
        )


def refuse_unhashed(sources: Sequence[SourceReference]) -> None:
    """``--require-hashes``: only an archive has one.

    Raises:
        HashesError: something else is named, or it has none.
    """
    from variantctl.resolve.errors import HashesError

    for source in sources:
        if source.kind != "archive" or not source.hashes:
            raise HashesError(
                f"--require-hashes: '{source}' ({source.origin}) has no hash",
                hint="Only archives and wheels can have one; build a wheel of it first.",
            )


def _fragment(source: SourceReference) -> str:
    return "" if source.subdirectory is None else f"#subdirectory={source.subdirectory}"


def _of_pyproject(folder: Path) -> CoreMetadata | None:
    from variantctl.wheels.static_metadata import from_pyproject

    table = folder / "pyproject.toml"
    return from_pyproject(read_bounded(table), str(table)) if table.is_file() else None


def _static_needs(folder: Path, extras: Sequence[str]) -> Sequence[str] | None:
    """What ``[project]`` says that is needed, though its version may be dynamic; None: only a build tells."""
    from variantctl.requirements.projects import read_project

    if not (folder / "pyproject.toml").is_file():
        return None
    project = read_project(folder / "pyproject.toml")
    if project.dependencies is None or (extras and project.optional is None):
        return None
    return project.requirements(extras)


def probable_name(source: SourceReference) -> NormalizedName:
    """What options call a project that is not named: as it says in a file, else as its place is called.

    Which name it has, only its metadata tells for certain, and a build may have to be told something first.
    """
    folder = source.path if source.kind == "folder" else None
    if folder is not None and source.subdirectory is not None:
        folder /= source.subdirectory
    told = _told_name(folder) if folder is not None else None
    last = PurePosixPath(source.subdirectory or unquote(parsed_url(source.url).path)).name
    if source.kind == "archive" and source.subdirectory is None:
        last = next((last[: -len(end)] for end in ARCHIVES if last.lower().endswith(end)), last)
        last = last.rpartition("-")[0] or last
    return canonicalize_name(told or last.removesuffix(".git") or "source")


def _told_name(folder: Path) -> str | None:
    """The name in ``[project]``, in setup.cfg, or in a literal of setup.py."""
    from variantctl.requirements.projects import read_project

    try:
        if (told := read_project(folder / "pyproject.toml").name) is not None:
            return told
    except RequirementFileError:
        pass
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
        name = parser.get("metadata", "name", fallback=None)
        return name or _name_in_setup(ast.parse(read_bounded(folder / "setup.py")))
    except (OSError, ValueError, SyntaxError, configparser.Error, RecursionError, MemoryError):
        return None


def _name_in_setup(module: ast.Module) -> str | None:
    """``name`` of a call of ``setup``, where it is a text."""
    for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        for given in call.keywords if called == "setup" else ():
            if given.arg == "name" and isinstance(given.value, ast.Constant):
                return given.value.value if isinstance(given.value.value, str) else None
    return None
