"""Source code of a lock as what its wheel is built of: a link in place of the wheel that is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.sdists import promised
from variantctl.lock.contents import LockedPackage, LockedSource
from variantctl.lock.errors import LockFileError, LockMismatchError
from variantctl.lock.source_code import url_of
from variantctl.lock.walk import allows
from variantctl.net.hashes import STRONG, is_known
from variantctl.net.redaction import without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import url_to_path
from variantctl.requirements.errors import RequirementError
from variantctl.requirements.sources import SourceReference, source_reference
from variantctl.values import replace
from variantctl.variants.lenient import read_requirement

if TYPE_CHECKING:
    from variantctl.indexes.builds import Builds, SourceTree
    from variantctl.indexes.project_files import WheelLink
    from variantctl.install.source_trees import SourceTrees
    from variantctl.lock.contents import Lock
    from variantctl.target.installed import InstalledPackage

_ORIGIN = "the lock file"
#: What an editable project is installed anew after a change of; uv's default for ``cache-keys``.
_DESCRIBES = ("pyproject.toml", "setup.py", "setup.cfg")


class SourceLinks:
    """The source code that is built where no wheel of a lock is taken.

    Args:
        base: the folder that the lock's relative paths start from.
        builds: builds it, and says what may be built.
        trees: gives what finds it; called at the first source that somebody named.
        installed: the environment, where a folder that is editable may be as it is.
        editable: whether folders that the lock calls editable become so.

    Attributes:
        notes: what a folder needs by now that the lock does not have, a line each.
    """

    def __init__(
        self,
        base: Path,
        builds: Builds,
        trees: Callable[[], SourceTrees],
        installed: Mapping[NormalizedName, InstalledPackage],
        *,
        editable: bool = True,
    ) -> None:
        self._base = base
        self._builds = builds
        self._trees = trees
        self._installed = installed
        self._editable = editable
        self.notes: list[str] = []

    def compare(self, package: LockedPackage, lock: Lock, markers: Mapping[str, str]) -> None:
        """Note what a folder says by now that it needs, where the lock has nothing for it.

        Args:
            package: an entry that is installed; anything but a folder is as it was.
            lock: the lock.
            markers: of the environment.
        """
        source = package.source
        if source is None or source.kind != "directory" or package.declared is None:
            return
        said = self._trees().tree(self._reference(package, source)).static()
        for text in said.requires_dist if said is not None else ():
            needed = read_requirement(text).requirement
            known = text in package.declared.requires or not needed.applies(markers)
            if not known and not any(allows(needed, entry) for entry in lock.named(needed.name)):
                self.notes.append(
                    f"{package} needs '{needed}' by now, which the lock does not have: "
                    "`variantctl lock` renews it"
                )

    def takes_wheels(self, name: NormalizedName) -> bool:
        """Whether a project's wheels may be taken (``--no-binary``)."""
        return self._builds.policy.takes_wheels(name)

    def may_build(self, name: NormalizedName) -> bool:
        """Whether a project may be built (``--no-build``)."""
        return self._builds.policy.builds(name)

    def link(self, package: LockedPackage) -> WheelLink:
        """The wheel that is to be built of an entry's source code.

        Raises:
            LockFileError: the entry cannot be used: it has no hash, or names no source that is known.
            LockMismatchError: the folder is not there, or is another project's.
            VariantctlError: the source cannot be had, or does not say what it is.
        """
        source = package.source
        assert source is not None
        if source.kind in ("sdist", "archive"):
            refuse_unproven(source.filename, source.hashes)
        if source.kind == "sdist" and package.version is not None:
            file = RemoteFile(
                source.filename,
                url_of(source, self._base),
                source.hashes,
                size=source.size,
                source=_ORIGIN,
            )
            return promised(file, package.name, package.version)
        tree = self._trees().tree(self._reference(package, source))
        version = package.version or self._version_there(package, tree)
        if version is not None:
            return self._builds.promise(tree, package.name, version)
        link = self._builds.link_to(tree)
        if link.wheel.name != package.name:
            raise LockMismatchError(
                f"{source.shown} is the source of {link.wheel.name}, not of {package.name}"
            )
        return link

    def _version_there(self, package: LockedPackage, tree: SourceTree) -> Version | None:
        """Of an editable folder that is installed as it is: no build has to be asked for its version."""
        there = self._installed.get(package.name)
        wanted = tree.direct_url
        if there is None or wanted is None or not is_editable_as_it_is(there, wanted):
            return None
        return there.version

    def _reference(self, package: LockedPackage, source: LockedSource) -> SourceReference:
        """What the lock names, in the words of a requirement: those are checked already."""
        place = url_of(source, self._base)
        if source.kind == "vcs":
            if source.system != "git":
                raise LockFileError(
                    f"the lock has {package} in a repository of '{source.system}', and only git is known",
                    hint="Check it out, and lock the folder.",
                )
            place = f"git+{place.removeprefix('git+')}@{source.commit}"
        if source.kind == "directory" and not url_to_path(place).is_dir():
            raise LockMismatchError(
                f"the lock has {package} in the folder {url_to_path(place)}, which is not there",
                hint="Its path starts from the folder of the lock file.",
            )
        inside = f"#subdirectory={quote(source.subdirectory)}" if source.subdirectory else ""
        editable = source.editable and self._editable
        hashes = {name: frozenset({digest}) for name, digest in source.hashes.items() if is_known(name)}
        try:
            found = source_reference(
                f"{package.name} @ {place}{inside}", origin=_ORIGIN, hashes=hashes, editable=editable
            )
        except RequirementError as error:
            raise LockFileError(error.message, hint=error.hint) from error
        if found is None:
            raise LockFileError(f"the lock has {package} at {place}, which is no archive that is known")
        return replace(found, revision=source.revision) if source.kind == "vcs" else found


def refuse_unproven(filename: str, hashes: Mapping[str, str]) -> None:
    """Raise ``LockFileError`` for a file without a hash that proves anything."""
    if not any(name in STRONG and is_known(name) for name in hashes):
        raise LockFileError(
            f"the lock has no hash of {filename} that can be checked, only {', '.join(hashes)}",
            hint=f"One of these is needed: {', '.join(STRONG)}.",
        )


def locked_commits(packages: Iterable[LockedPackage], base: Path) -> dict[tuple[str, str | None], str]:
    """URL of a repository and what was asked for of it -> the commit that a lock has.

    Args:
        packages: entries of the lock.
        base: its folder.
    """
    sources = [package.source for package in packages]
    return {
        (without_secrets(url_of(source, base)), source.revision): source.commit
        for source in sources
        if source is not None and source.commit is not None
    }


def is_editable_as_it_is(package: InstalledPackage, wanted: Mapping[str, Any]) -> bool:
    """Whether a folder is installed as editable, and nothing that describes it was changed since.

    Args:
        package: what is installed.
        wanted: what ``direct_url.json`` is to say (PEP 610).
    """
    said = package.direct_url
    if said is None or not wanted.get("dir_info", {}).get("editable"):
        return False
    keys = ("url", "dir_info", "subdirectory")
    if [said.get(key) for key in keys] != [wanted.get(key) for key in keys]:
        return False
    folder = url_to_path(wanted["url"]) / wanted.get("subdirectory", "")
    try:
        since = (package.dist_info / "direct_url.json").stat().st_mtime
        return all((folder / name).stat().st_mtime < since for name in _DESCRIBES if (folder / name).exists())
    except OSError:
        return False
