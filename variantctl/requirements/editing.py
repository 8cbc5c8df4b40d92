"""A pyproject.toml with a dependency more or less; comments, order and style of the rest stay.

tomlkit keeps them. It is imported here alone, and only commands that change a project import this module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from variantctl.requirements.errors import RequirementFileError
from variantctl.values import dataclass
from variantctl.variants.suggestions import did_you_mean, listed

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from tomlkit.items import Array

_COMMENT_AT_END = re.compile(r"[^,\s]\s*\n\s*#[^\n]*\n(\s*#[^\n]*\n|\s)*\]\Z")
_PROJECT, _OPTIONAL, _GROUPS = "project", "optional-dependencies", "dependency-groups"


@dataclass(frozen=True)
class DependencyList:
    """One of the lists of dependencies that a pyproject.toml may have.

    Attributes:
        kind: ``dependencies``, ``extra`` or ``group``.
        name: of the extra or the group, as it was written; ``""`` for ``dependencies``.
    """

    kind: str = "dependencies"
    name: str = ""

    def __str__(self) -> str:
        return {
            "dependencies": "[project] dependencies",
            "extra": f"extra '{self.name}'",
            "group": f"dependency group '{self.name}'",
        }[self.kind]

    @property
    def options(self) -> str:
        """What names it on the command line."""
        return {"dependencies": "", "extra": f"--optional {self.name}", "group": f"--group {self.name}"}[
            self.kind
        ]


DEPENDENCIES = DependencyList()


class ProjectFile:
    """The text of a pyproject.toml that is being changed.

    Args:
        text: as it is.
        path: the file, for messages.

    Raises:
        RequirementFileError: it is no TOML.
    """

    def __init__(self, text: str, path: str) -> None:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError

        self._path = path
        try:
            self._expected: dict[str, Any] = tomllib.loads(text)
            self._document: MutableMapping[str, Any] = tomlkit.parse(text)
        except (ValueError, RecursionError, TOMLKitError) as error:
            raise RequirementFileError(f"{path}: not valid TOML: {error}") from error

    def text(self) -> str:
        """The changed text, read again: it says what it said, but for what was changed.

        Raises:
            RequirementFileError: it does not.
        """
        import tomlkit

        text = tomlkit.dumps(self._document)
        try:
            same = tomllib.loads(text) == self._expected
        except (ValueError, RecursionError):
            same = False
        if not same:
            raise RequirementFileError(
                f"{self._path} cannot be changed without changing more of it", hint="Change it by hand."
            )
        return text

    def add(self, requirement: str, place: DependencyList) -> str:
        """Add a requirement, or change the one of the same project and marker. Gives back what is written.

        A requirement that names no version leaves the one that is there as it is; extras are joined.
        """
        wanted = Requirement(requirement)
        array, plain = self._list(place, create=True)
        array = self._with_comma(array, place)
        at = next((at for at, there in _requirements(plain) if _same(there, wanted)), None)
        if at is not None:
            text = _joined(str(plain[at]), wanted, requirement)
            if text != plain[at]:
                array[at] = plain[at] = text
            return text
        at = _place_for(wanted.name, plain)
        _insert(array, at, requirement)
        plain.insert(at, requirement)
        return requirement

    def _with_comma(self, array: Array, place: DependencyList) -> Array:
        """The list with a comma at its end where lines of comments follow: tomlkit would put it wrongly."""
        import tomlkit

        raw = array.as_string()
        if not len(array) or not _COMMENT_AT_END.search(raw):
            return array
        last = array[len(array) - 1].as_string()
        at = raw.rfind(last)
        while at >= 0:
            end = at + len(last)
            text = f"x = {raw[:end]},{raw[end:]}\n"
            try:
                if tomllib.loads(text)["x"] == list(array):
                    tables, _ = self._tables(place, create=False)
                    key = next(key for key in tables if tables[key] is array)
                    tables[key] = tomlkit.parse(text)["x"]
                    return tables[key]  # type: ignore[no-any-return]
            except ValueError:
                # The same text stands in a comment: the entry itself lies before it.
                pass
            at = raw.rfind(last, 0, at)
        return array

    def remove(self, name: NormalizedName, place: DependencyList) -> list[str]:
        """Remove every requirement of a project; gives back what they were.

        Raises:
            RequirementFileError: there is none; it says where there is one.
        """
        array, plain = self._list(place, create=False)
        going = [at for at, there in _requirements(plain) if canonicalize_name(there.name) == name]
        if not going:
            raise self._not_there(name, place, plain)
        gone = [str(plain[at]) for at in going]
        for at in reversed(going):
            _delete(array, at)
            del plain[at]
        return gone

    def _not_there(
        self, name: NormalizedName, place: DependencyList, plain: Sequence[Any]
    ) -> RequirementFileError:
        message = f"{self._path}: {place} has no {name}"
        elsewhere = [other for other in self._lists() if other != place and name in self._names(other)]
        if elsewhere:
            commands = (f"variantctl remove {other.options} {name}".replace("  ", " ") for other in elsewhere)
            where = " and ".join(map(str, elsewhere))
            return RequirementFileError(message, hint=f"It is in {where}: `{'` or `'.join(commands)}`.")
        there = [canonicalize_name(each.name) for _, each in _requirements(plain)]
        return RequirementFileError(message, hint=did_you_mean(name, there) or f"It has: {listed(there)}.")

    def _names(self, place: DependencyList) -> set[NormalizedName]:
        return {
            canonicalize_name(there.name) for _, there in _requirements(self._list(place, create=False)[1])
        }

    def _lists(self) -> Iterator[DependencyList]:
        project = self._expected.get(_PROJECT)
        if isinstance(project, dict):
            if isinstance(project.get("dependencies"), list):
                yield DEPENDENCIES
            yield from (DependencyList("extra", name) for name in project.get(_OPTIONAL, {}))
        yield from (DependencyList("group", name) for name in self._expected.get(_GROUPS, {}))

    def _list(self, place: DependencyList, *, create: bool) -> tuple[Array, list[Any]]:
        """The list in the document, and the same in what the text must say at the end."""
        tables, plains = self._tables(place, create)
        key = place.name if place.kind != "dependencies" else "dependencies"
        for known in plains:
            if place.kind != "dependencies" and canonicalize_name(known) == canonicalize_name(key):
                key = known
        if key not in plains:
            if not create:
                there = [str(each) for each in self._lists()]
                raise RequirementFileError(f"{self._path} has no {place}", hint=f"It has: {listed(there)}.")
            import tomlkit

            tables[key], plains[key] = tomlkit.array(), []
        if not isinstance(plains[key], list):
            raise RequirementFileError(f"{self._path}: {place} is no list")
        return tables[key], plains[key]

    def _tables(self, place: DependencyList, create: bool) -> tuple[MutableMapping[str, Any], dict[str, Any]]:
        if place.kind == "group":
            return self._table(self._document, self._expected, _GROUPS, create)
        if not isinstance(self._expected.get(_PROJECT), dict):
            raise RequirementFileError(
                f"{self._path} has no [project] table", hint="--group NAME is for files without one."
            )
        project, plain = self._document[_PROJECT], self._expected[_PROJECT]
        key = "dependencies" if place.kind == "dependencies" else _OPTIONAL
        dynamic = plain.get("dynamic")
        if isinstance(dynamic, list) and key in dynamic:
            raise RequirementFileError(
                f"{self._path}: its {key} are dynamic: another file has them",
                hint="Change them there, setup.py say.",
            )
        return (project, plain) if key == "dependencies" else self._table(project, plain, key, create)

    def _table(
        self, tables: MutableMapping[str, Any], plains: dict[str, Any], key: str, create: bool
    ) -> tuple[MutableMapping[str, Any], dict[str, Any]]:
        if key not in plains and create:
            import tomlkit

            tables[key], plains[key] = tomlkit.table(), {}
        found = plains.get(key, {})
        if not isinstance(found, dict):
            raise RequirementFileError(f"{self._path}: {key} is no table")
        return tables.get(key, {}), found


def _requirements(entries: Iterable[Any]) -> Iterator[tuple[int, Requirement]]:
    """Those of a list that can be read: ``{include-group = ...}`` and nonsense stay where they are."""
    for at, entry in enumerate(entries):
        try:
            yield at, Requirement(entry)
        except (InvalidRequirement, TypeError):
            continue


def _same(there: Requirement, wanted: Requirement) -> bool:
    if canonicalize_name(there.name) != canonicalize_name(wanted.name):
        return False
    return _marker(there.marker) == _marker(wanted.marker)


def _marker(marker: Marker | None) -> str:
    return str(marker) if marker is not None else ""


def _joined(text: str, wanted: Requirement, written: str) -> str:
    """The entry that is there, with what is wanted of it; its own text where that changes nothing."""
    there = Requirement(text)
    says_nothing = not (wanted.specifier or wanted.url)
    if says_nothing and wanted.extras <= there.extras:
        return text
    if wanted.extras >= there.extras and not says_nothing:
        return written
    joined = Requirement(text if says_nothing else written)
    joined.extras = there.extras | wanted.extras
    return str(joined)


def _place_for(name: str, plain: Sequence[Any]) -> int:
    """Where a new entry goes: a list that is in order stays so."""
    names = [canonicalize_name(there.name) for _, there in _requirements(plain)]
    if len(names) != len(plain) or names != sorted(names):
        return len(plain)
    return sum(each <= canonicalize_name(name) for each in names)


def _insert(array: Array, at: int, text: str) -> None:
    in_a_line = "\n" not in array.as_string()
    if at == 0 and in_a_line and len(array):
        # Before the first one tomlkit leaves the space out.
        array.insert(1, array[0])
        array[0] = text
    else:
        array.insert(at, text)


def _delete(array: Array, at: int) -> None:
    if "\n" in array.as_string():
        del array[at]
        return
    rest = [array[place] for place in range(len(array)) if place != at]
    del array[:]
    array.extend(rest)


def with_bounds(requirement: str, version: str, kind: str) -> str:
    """A requirement that names no version, with one: ``lower``, ``major``, ``minor`` or ``exact``.

    The bounds are uv's: an upper one counts from the first number of the release that is not 0.
    """
    wanted = Requirement(requirement)
    if wanted.specifier or wanted.url or kind == "none":
        return requirement
    bounds = _bounds(version, kind)
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    return f"{wanted.name}{extras}{bounds}{marker}"


def _bounds(version: str, kind: str) -> str:
    from packaging.version import Version

    found = Version(version)
    if kind == "exact":
        return f"=={found.public}"
    if kind == "lower":
        return f">={found.public}"
    release = list(found.release)
    first = next((at for at, number in enumerate(release) if number), 0)
    at = min(first, 1) if kind == "major" else min(first, 1) + 1
    release += [0] * (at + 1 - len(release))
    upper = [*release[:at], release[at] + 1, *[0] * (len(release) - at - 1)]
    return f">={found.public},<{'.'.join(map(str, upper))}"
