"""Source code that a user names: fetched, built, and handed to the resolver as the wheel that it gives."""

from __future__ import annotations

import argparse
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.cli.app import UsageError
from variantctl.requirements.errors import RequirementError
from variantctl.values import dataclass, replace
from variantctl.variants.markers import MarkerVariant

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.indexes.finder import PackageFinder
    from variantctl.install.building import SourceBuilder
    from variantctl.requirements.requirement import UserRequirement
    from variantctl.requirements.sources import SourceReference
    from variantctl.resolve.plan import Plan, PlannedInstall
    from variantctl.target.environment import Environment
    from variantctl.wheels.metadata import CoreMetadata


def named_sources(args: argparse.Namespace) -> list[SourceReference]:
    """The source code that the command line names; it is taken out of ``args.requirements``."""
    from variantctl.requirements.sources import source_reference

    found = []
    for text in list(args.requirements):
        if (source := source_reference(text)) is not None:
            args.requirements.remove(text)
            found.append(source)
    for text in args.editable:
        source = source_reference(text, editable=True)
        assert source is not None  # what is no source is refused with editable=True
        found.append(source)
    return found


@dataclass(frozen=True)
class BuiltSource:
    """A wheel that was built of named source code.

    Attributes:
        requirement: asks for this very wheel.
        direct_url: what direct_url.json says of where it came from.
        wheel: the file.
    """

    requirement: UserRequirement
    direct_url: Mapping[str, Any]
    wheel: Path


class SourceTrees:
    """Builds named sources; what is built lies in a temporary folder until the block ends.

    Args:
        builder: builds for the environment.
        package_finder: fetches archives, and keeps what is built of a commit or an archive.
        environment: markers are evaluated for it.
        key: what a built wheel is kept by, beside its source.
    """

    def __init__(
        self, builder: SourceBuilder, package_finder: PackageFinder, environment: Environment, key: str
    ) -> None:
        self._builder = builder
        self._package_finder = package_finder
        self._environment = environment
        self._key = key
        self._stack = ExitStack()
        self._count = 0
        self._built: dict[NormalizedName, BuiltSource] = {}

    def __enter__(self) -> SourceTrees:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="variantctl-sources-"))
        self._folder = Path(folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def requirements(self, sources: Sequence[SourceReference]) -> list[UserRequirement]:
        """Build them; one whose marker does not hold is left out, with a note."""
        found = []
        for source in self._applying(sources):
            built = self._prepared(source)
            self._built[built.requirement.name] = built
            found.append(built.requirement)
        return found

    def dependencies(self, sources: Sequence[SourceReference]) -> list[UserRequirement]:
        """What they need, and not they themselves; they are built where they do not say it themselves."""
        return [each for source in self._applying(sources) for each in self._needed(source)]

    def _needed(self, source: SourceReference) -> list[UserRequirement]:
        from variantctl.requirements.requirement import parse_user_requirement
        from variantctl.variants.lenient import read_requirement

        metadata = self._metadata(source)
        extras = sorted(parse_user_requirement(f"x{source.extras}").requirement.extras)
        markers = self._environment.markers
        return [
            parse_user_requirement(str(requirement.requirement), origin=str(source))
            for requirement in (read_requirement(text).requirement for text in metadata.requires_dist)
            if requirement.applies(markers, MarkerVariant(), extras)
        ]

    def _metadata(self, source: SourceReference) -> CoreMetadata:
        from variantctl.wheels.metadata import parse_core_metadata
        from variantctl.wheels.static_metadata import from_pyproject

        table = source.path / "pyproject.toml" if source.kind == "folder" and source.path else None
        if table is not None and table.is_file():
            known = from_pyproject(table.read_bytes(), str(table))
            if known is not None:
                return known
        wheel = self._prepared(source).wheel
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            return parse_core_metadata(archive.read(name), wheel.name)

    def _applying(self, sources: Sequence[SourceReference]) -> Iterator[SourceReference]:
        from variantctl.variants.markers import parse_requirement

        for source in sources:
            if source.marker is not None:
                condition = parse_requirement(f"x ; {source.marker}")
                if not condition.applies(self._environment.markers):
                    render.note(f"'{source}' ({source.origin}) is left out: its marker does not hold here")
                    continue
            yield source

    def with_origins(self, plan: Plan) -> Plan:
        """The plan, with direct URLs that name the source and not the wheel that was built of it."""
        return replace(plan, install=tuple(map(self._with_origin, plan.install)))

    def _with_origin(self, planned: PlannedInstall) -> PlannedInstall:
        built = self._built.get(planned.name)
        if built is None:
            return planned
        return replace(planned, url=str(built.direct_url["url"]), direct_url=built.direct_url)

    def _prepared(self, source: SourceReference) -> BuiltSource:
        self._count += 1
        folder = self._folder / str(self._count)
        if source.kind == "folder":
            return self._of_folder(source, folder)
        if source.kind == "git":
            return self._of_commit(source, folder)
        return self._of_archive(source, folder)

    def _of_folder(self, source: SourceReference, folder: Path) -> BuiltSource:
        path = source.path
        assert path is not None
        wheel = self._build(source, path, folder)
        info = {"editable": True} if source.editable else {}
        return _built(source, wheel, {"url": source.url, "dir_info": info})

    def _of_commit(self, source: SourceReference, folder: Path) -> BuiltSource:
        from variantctl.install.checkouts import check_out
        from variantctl.net.redaction import without_secrets

        if self._package_finder.settings.offline and not source.url.startswith("file:"):
            raise RequirementError(
                f"{source.origin}: '{source}' has to be cloned, and --offline forbids that"
            )
        commit = check_out(source.url, source.revision, folder / "checkout")
        wheel = self._kept(source, commit) or self._build(source, folder / "checkout", folder, commit)
        revision = {} if source.revision is None else {"requested_revision": source.revision}
        info = {"vcs": "git", **revision, "commit_id": commit}
        # The user name of ssh://git@host is no secret (PEP 610), and nothing could be cloned without it.
        public = source.url if source.url.startswith("ssh://git@") else without_secrets(source.url)
        return _built(source, wheel, {"url": public, "vcs_info": info})

    def _of_archive(self, source: SourceReference, folder: Path) -> BuiltSource:
        from variantctl.indexes.sdists import unpacked_source
        from variantctl.net.redaction import without_secrets

        digests = {name: next(iter(allowed)) for name, allowed in source.hashes.items() if len(allowed) == 1}
        fetched = self._package_finder.fetch_archive(source.url, digests)
        wheel = self._kept(source, fetched.sha256)
        if wheel is None:
            filename = os.path.basename(source.url)
            root = unpacked_source(fetched.path, folder / "source", filename)
            wheel = self._build(source, root, folder, fetched.sha256)
        info = {"hash": f"sha256={fetched.sha256}", "hashes": {"sha256": fetched.sha256}}
        return _built(source, wheel, {"url": without_secrets(source.url), "archive_info": info})

    def _build(self, source: SourceReference, root: Path, folder: Path, *key: str) -> Path:
        from variantctl.indexes.sdists import BuildError, keep

        project = root / source.subdirectory if source.subdirectory else root
        if not project.is_dir():
            raise BuildError(f"{source} has no folder {source.subdirectory}")
        wheel = self._builder.wheel(project, folder / "out", _shown(source), editable=source.editable)
        # A folder may change at any time: what is built of it is built anew, as pip does.
        return keep(wheel, self._package_finder.cache, *self._keys(source, *key)) if key else wheel

    def _kept(self, source: SourceReference, key: str) -> Path | None:
        from variantctl.cache.buckets import BUILT

        folder = self._package_finder.cache.path(BUILT, *self._keys(source, key))
        return next(iter(sorted(folder.glob("*.whl"))), None) if folder.is_dir() else None

    def _keys(self, source: SourceReference, *key: str) -> tuple[str, ...]:
        return (*key, source.subdirectory or "", self._key)


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


def refuse_building(sources: Sequence[SourceReference]) -> None:
    """For ``--no-build``.

    Raises:
        UsageError: something would have to be built.
    """
    for source in sources:
        raise UsageError(f"{source.origin}: '{source}' has to be built, and --no-build forbids that")


def _built(source: SourceReference, wheel: Path, direct_url: dict[str, Any]) -> BuiltSource:
    """The requirement for a wheel; raises where the source is another project than was said."""
    from variantctl.net.hashes import digests_of
    from variantctl.net.urls import path_to_url
    from variantctl.requirements.requirement import parse_user_requirement
    from variantctl.variants.filenames import parse_wheel_filename

    name = parse_wheel_filename(wheel.name).name
    if source.name is not None and source.name != name:
        raise RequirementError(
            f"{source.origin}: '{source}' is the source of '{name}', not of '{source.name}'"
        )
    digest = digests_of(wheel, ["sha256"])["sha256"]
    text = f"{name}{source.extras} @ {path_to_url(wheel)}#sha256={digest}"
    if source.subdirectory is not None:
        direct_url = {**direct_url, "subdirectory": source.subdirectory}
    return BuiltSource(parse_user_requirement(text, origin=source.origin), direct_url, wheel)


def _shown(source: SourceReference) -> str:
    """What is built, in a message: never a password."""
    from variantctl.net.redaction import redact

    path = source.path
    return str(path) if path is not None else redact(source.url)
