"""The requirements of a project: ``[project]`` and ``[dependency-groups]`` of a pyproject.toml.

Sources: the specifications "pyproject.toml" and "Dependency Groups" (PEP 735).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.filesystem.bounded import read_bounded
from variantctl.filesystem.errors import unread
from variantctl.requirements.errors import RequirementFileError
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import parse_requirement
from variantctl.variants.suggestions import did_you_mean, listed

FILENAME = "pyproject.toml"


@dataclass(frozen=True)
class Project:
    """What a pyproject.toml says that its project needs.

    Attributes:
        path: the file.
        name: of the project; None where there is no ``[project]``.
        dependencies: as written; None: they are dynamic, so that only a build knows them.
        optional: extra -> its requirements; None: dynamic.
        groups: normalized name of a group -> its entries, as written.
        is_built: whether it has a ``[build-system]``; without one it is nothing that is installed.
    """

    path: Path
    name: NormalizedName | None
    dependencies: tuple[str, ...] | None
    optional: Mapping[NormalizedName, tuple[str, ...]] | None
    groups: Mapping[NormalizedName, Sequence[Any]]
    is_built: bool = False

    def requirements(self, extras: Iterable[str] = (), *, all_extras: bool = False) -> list[str]:
        """The dependencies, and those of some extras; what an extra takes of the project's others, too.

        Raises:
            RequirementFileError: they are dynamic, or there is no such extra.
        """
        if self.dependencies is None:
            raise self._dynamic("dependencies")
        wanted = [canonicalize_name(extra) for extra in extras]
        if (wanted or all_extras) and self.optional is None:
            raise self._dynamic("extras")
        wanted = list(self.optional or ()) if all_extras else wanted
        return list(dict.fromkeys([*self.dependencies, *self._of_extras(wanted)]))

    def group(self, name: str) -> list[str]:
        """The requirements of a dependency group, and of those that it includes.

        Raises:
            RequirementFileError: there is no such group, it includes itself, or it has something else.
        """
        return list(dict.fromkeys(self._of_group(canonicalize_name(name), ())))

    def _of_extras(self, wanted: Sequence[NormalizedName]) -> Iterator[str]:
        pending, seen = list(wanted), set()
        while pending:
            extra = pending.pop(0)
            if extra in seen:
                continue
            seen.add(extra)
            known = self.optional or {}
            if extra not in known:
                raise self._unknown("extra", extra, known)
            for text in known[extra]:
                if (others := self._own_extras(text)) is None:
                    yield text
                else:
                    pending += others

    def _own_extras(self, text: str) -> list[NormalizedName] | None:
        """Of ``thing[a,b]`` in an extra of ``thing``: a and b; None for a requirement of another project."""
        try:
            requirement = parse_requirement(text)
        except InvalidVariantError:
            return None
        return sorted(requirement.extras) if requirement.name == self.name else None

    def _of_group(self, name: NormalizedName, inside: tuple[NormalizedName, ...]) -> Iterator[str]:
        if name in inside:
            way = " -> ".join((*inside, name))
            raise RequirementFileError(f"{self.path}: dependency group '{name}' includes itself: {way}")
        if name not in self.groups:
            raise self._unknown("dependency group", name, self.groups)
        for entry in self.groups[name]:
            if isinstance(entry, str):
                yield entry
            elif isinstance(entry, dict) and isinstance(included := entry.get("include-group"), str):
                yield from self._of_group(canonicalize_name(included), (*inside, name))
            else:
                raise RequirementFileError(
                    f"{self.path}: dependency group '{name}' has {entry!r}, which is neither a requirement "
                    "nor {include-group = NAME} (PEP 735)"
                )

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> RequirementFileError:
        there = list(known)
        near = did_you_mean(name, there)
        return RequirementFileError(
            f"{self.path} has no {kind} '{name}'", hint=near or f"It has: {listed(there)}."
        )

    def _dynamic(self, what: str) -> RequirementFileError:
        why = "are dynamic" if self.name is not None else "are not there: it has no [project] table"
        return RequirementFileError(
            f"{self.path}: its {what} {why}, so that only a build knows them",
            hint=f"`variantctl install --only-deps {self.path.parent}` builds it, and installs them.",
        )


def find_project(folder: Path) -> Path:
    """The pyproject.toml of a folder, or of the nearest one above that has any.

    Raises:
        RequirementFileError: there is none.
    """
    for place in (folder, *folder.parents):
        if (path := place / FILENAME).is_file():
            return path
    raise RequirementFileError(
        f"there is no {FILENAME} in {folder}, nor in a folder above it",
        hint="Change into the folder of a project. `variantctl install` needs none.",
    )


def read_project(path: Path, content: bytes | None = None) -> Project:
    """Read a pyproject.toml.

    Args:
        path: the file.
        content: what it is going to have; None: what it has.

    Raises:
        RequirementFileError: it cannot be read, or says something in another form than specified.
    """
    # Late: an install that names packages reads no project.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        table = tomllib.loads((read_bounded(path) if content is None else content).decode("utf-8"))
    except OSError as error:
        raise RequirementFileError(unread(path, error), hint="Correct the path.") from error
    except (ValueError, RecursionError) as error:
        raise RequirementFileError(f"{path}: not valid TOML: {error}") from error
    project = table.get("project")
    groups = table.get("dependency-groups", {})
    if not isinstance(groups, dict) or not all(isinstance(entries, list) for entries in groups.values()):
        raise RequirementFileError(f"{path}: [dependency-groups] is no table of lists (PEP 735)")
    named = {canonicalize_name(name): entries for name, entries in groups.items()}
    is_built = "build-system" in table
    if not isinstance(project, dict):
        return Project(path, None, None, None, named, is_built)
    dynamic = _texts(project.get("dynamic", []), path, "dynamic", of="names")
    name = project.get("name")
    return Project(
        path,
        canonicalize_name(name) if isinstance(name, str) else None,
        None if "dependencies" in dynamic else _texts(project.get("dependencies", []), path, "dependencies"),
        None if "optional-dependencies" in dynamic else _optional(project, path),
        named,
        is_built,
    )


def _optional(project: Mapping[str, Any], path: Path) -> dict[NormalizedName, tuple[str, ...]]:
    table = project.get("optional-dependencies", {})
    if not isinstance(table, dict):
        raise RequirementFileError(f"{path}: [project.optional-dependencies] is no table")
    return {
        canonicalize_name(extra): _texts(texts, path, f"optional-dependencies.{extra}")
        for extra, texts in table.items()
    }


def _texts(value: Any, path: Path, key: str, *, of: str = "requirements") -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise RequirementFileError(f"{path}: [project] {key} is no list of {of}")
    return tuple(value)
