"""Two packages have different files of one path: whether that is harmless, a move, or a fault.

pip and uv let the one that comes last write over the other. Mostly that is harmless: many wheels have, by a
mistake of their packaging, a ``tests`` folder or a LICENSE beside their package. It is not where both have
the same import package, as opencv-python and opencv-python-headless do: then one of them is broken.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from variantctl.install.errors import FileConflictError
from variantctl.install.removal import owned_paths
from variantctl.values import dataclass, field
from variantctl.variants.names import canonicalize_name

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.install.layout import Layout, NewFile
    from variantctl.install.roots import Roots
    from variantctl.target.installed import InstalledPackage

#: Folders that setuptools leaves out of a flat layout (``FlatLayoutPackageFinder.DEFAULT_EXCLUDE``) because
#: projects have them beside the package. Those that some package really is called by (``build``, ``tools``,
#: ``utils``, ``scripts``, ``python``) are not among these.
_FOLDERS = frozenset(
    (  # noqa: SIM905 - words
        "ci debian doc docs documentation manpages news newsfragments changelog test tests unit_test "
        "unit_tests example examples benchmark benchmarks exercise exercises htmlcov licenses"
    ).split()
)
#: Modules that it leaves out for the same reason (``FlatLayoutModuleFinder.DEFAULT_EXCLUDE``).
_MODULES = frozenset(
    (  # noqa: SIM905 - words
        "setup conftest test tests example examples toxfile noxfile pavement dodo tasks fabfile conanfile "
        "benchmark benchmarks exercise exercises"
    ).split()
)
#: What is imported, or read when the interpreter starts.
_CODE = r"(?i).*\.(?:py|pyi|pyc|pyd|so|dylib|dll|pth|egg-link)"
#: In bytes; with a licence's text at its head.
_LONGEST_NAMESPACE = 4096
_DATA = frozenset({"share", "etc", "man"})
#: Where a prefix has what is for people only.
_FOR_PEOPLE = ("share/doc/", "share/man/", "share/info/", "share/licenses/", "man/", "doc/", "docs/")


def import_name(path: str, roots: Roots) -> str | None:
    """The top-level import package or module that a file is of; None for scripts, data and the like."""
    kind, inside = roots.place_of(path)
    if kind != "library":
        return None
    top, slash, _ = inside.partition(os.sep)
    if slash:
        # With --target, modules and data are in one folder.
        return None if top.endswith((".dist-info", ".data")) or top in _DATA else top
    return top.partition(".")[0] if re.fullmatch(_CODE, top) else None


def is_clutter(path: str, roots: Roots) -> bool:
    """Whether nothing depends on whose file is there: it is for people, or for the project's own tests."""
    kind, inside = roots.place_of(path)
    if kind == "library":
        top, slash, _ = inside.partition(os.sep)
        if slash and top not in _DATA:
            return top.lower() in _FOLDERS
        if not slash:
            return not re.fullmatch(_CODE, top) or top.partition(".")[0].lower() in _MODULES
    elif kind != "data":
        return False
    inside = inside.replace(os.sep, "/")
    alone = "/" not in inside and not re.fullmatch(_CODE, inside)
    return alone or inside.lower().startswith(_FOR_PEOPLE)


@dataclass
class Clashes:
    """What is decided about files of which two packages have different ones.

    Attributes:
        roots: of the environment.
        overwrite: the file that comes last takes the place of the other.
        replaced: the installed packages that make place for another version of themselves.
        staying: the other installed packages.
    """

    roots: Roots
    overwrite: bool
    replaced: Mapping[NormalizedName, InstalledPackage]
    staying: Sequence[InstalledPackage]
    _shared: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _taken: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def between_new(self, first: str, one: NewFile, second: str, other: NewFile) -> bool:
        """Two packages of this change have it. Gives whether the second one's is taken.

        Raises:
            FileConflictError: neither is harmless.
        """
        path = other.destination
        if self.overwrite:
            self._taken.setdefault((second, first), []).append(path)
            return True
        if is_clutter(path, self.roots) or _are_namespaces(path, _content(one), _content(other)):
            self._shared.setdefault((second, first), []).append(path)
            return False
        raise FileConflictError(
            f"{first} and {second} both have {path}, with different content{self._why(path)}",
            hint=f"Leave one of them out, or use --overwrite, which takes the files of {second}.",
        )

    def with_installed(self, path: str, file: NewFile, layout: Layout) -> bool:
        """Another file is there. Gives whether the new one takes its place.

        Raises:
            FileConflictError: that may not be.
        """
        whose, owner = layout.name, self._owners.get(path)
        if owner is None:
            if self.overwrite:
                return True
            raise FileConflictError(
                f"{whose} has the file {path}, but one is there already that no installed package owns",
                hint="Move the file away, then run the same command again; --overwrite takes its place.",
            )
        other = f"{owner.name} {owner.version}"
        if self.overwrite or self._is_move(path, layout, owner):
            self._taken.setdefault((whose, other), []).append(path)
            return True
        if is_clutter(path, self.roots) or _are_namespaces(path, _read(path), _content(file)):
            self._shared.setdefault((whose, other), []).append(path)
            return False
        raise FileConflictError(
            f"{whose} has the file {path}, which {other} owns{self._why(path)}",
            hint=f"Run `variantctl uninstall {owner.name}` first if you do not need it; "
            f"--overwrite puts {whose}'s files in the place of those of {owner.name}.",
        )

    def warnings(self) -> list[str]:
        """What was decided, a sentence for two packages."""
        shared = (
            f"{new} and {old} both have {_counted(paths)}, with different content; nothing depends on whose "
            f"it is: that of {old} is there, and both own it"
            for (new, old), paths in self._shared.items()
        )
        taken = (
            f"{_counted(paths)} of {old} {'is' if len(paths) == 1 else 'are'} now as {new} has "
            f"{'it' if len(paths) == 1 else 'them'}"
            for (new, old), paths in self._taken.items()
        )
        return [*shared, *taken]

    @cached_property
    def _owners(self) -> dict[str, InstalledPackage]:
        return {path: package for package in reversed(self.staying) for path in owned_paths(package)}

    @cached_property
    def _import_names(self) -> dict[NormalizedName, frozenset[str | None]]:
        """Of each package that is replaced; only where there is something to decide."""
        return {
            name: frozenset(import_name(path, self.roots) for path in owned_paths(package))
            for name, package in self.replaced.items()
        }

    def _why(self, path: str) -> str:
        name = import_name(path, self.roots)
        return f": both own the import package {name!r}" if name is not None else ""

    def _is_move(self, path: str, layout: Layout, owner: InstalledPackage) -> bool:
        """Whether an upgrade or downgrade takes a file along that another version left to ``owner``.

        So it is with scripts and data of a package that was there, and with its import packages, where the
        other version had files in the same one, or one of the two packages needs the other.
        """
        before = self.replaced.get(layout.wheel.name)
        if before is None:
            return False
        name = import_name(path, self.roots)
        return (
            name is None
            or name in self._import_names[before.name]
            or owner.name in _needed_by(before)
            or before.name in _needed_by(owner)
        )


def _needed_by(package: InstalledPackage) -> Iterable[str]:
    found = (re.match(r"[A-Za-z0-9._-]+", text.strip()) for text in package.requires())
    return {canonicalize_name(match[0]) for match in found if match}


def _are_namespaces(path: str, *contents: bytes) -> bool:
    """Whether each is an ``__init__.py`` that does no more than to make a namespace package."""
    return path.endswith(f"{os.sep}__init__.py") and all(map(_is_namespace, contents))


def _is_namespace(content: bytes) -> bool:
    """By pkgutil or pkg_resources (the old ways of PEP 420), or with comments alone."""
    if len(content) > _LONGEST_NAMESPACE:
        return False
    if b"declare_namespace(" in content or b"extend_path(" in content:
        return True
    return all(not line.strip() or line.lstrip().startswith(b"#") for line in content.splitlines())


def _content(file: NewFile) -> bytes:
    if file.content is not None:
        return file.content
    assert file.source is not None
    return _read(file.source)


def _read(path: str) -> bytes:
    """As much of a file as an answer needs."""
    with open(path, "rb") as file:  # a string already
        return file.read(_LONGEST_NAMESPACE + 1)


def _counted(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more files" if len(paths) > 2 else f" and {paths[1]}" if paths[1:] else ""
    return f"{paths[0]}{more}"
