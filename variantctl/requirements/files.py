"""Requirements files, as pip defines them (`format`_): read into requirements, constraints and options.

.. _format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import codecs
import locale
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from variantctl.filesystem.bounded import read_bounded
from variantctl.filesystem.errors import unread
from variantctl.net.urls import joined_url
from variantctl.requirements.errors import RequirementError, RequirementFileError
from variantctl.requirements.requirement import (
    UserRequirement,
    group_hashes,
    parse_hash,
    parse_user_requirement,
)
from variantctl.requirements.sources import SourceReference, source_reference
from variantctl.values import dataclass, field

ReadUrl = Callable[[str], bytes]

_COMMENT = r"(^|\s+)#.*$"
_VARIABLE = r"\$\{([A-Z0-9_]+)\}"
_CODING = rb"coding[:=]\s*([-\w.]+)"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Long options take a value after "=" or a space; short ones also attached ("-rbase.txt").
_WITH_VALUE = {
    "-r": "requirement", "--requirement": "requirement",
    "-e": "editable", "--editable": "editable",
    "-c": "constraint", "--constraint": "constraint",
    "-i": "index-url", "--index-url": "index-url", "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links", "--find-links": "find-links",
    "--trusted-host": "trusted-host",
    "--only-binary": "only-binary", "--no-binary": "no-binary",
    "--all-releases": "all-releases", "--only-final": "only-final", "--use-feature": "use-feature",
}  # fmt: skip
_FLAGS = {
    "--no-index": "no-index",
    "--pre": "pre",
    "--require-hashes": "require-hashes",
    "--prefer-binary": "prefer-binary",
    "--no-require-hashes": "no-require-hashes",
}
#: Options of pip's that change nothing here, and why.
_IGNORED = {
    "use-feature": "it is about pip itself",
    "no-require-hashes": "hashes are required only where --require-hashes says so",
}


@dataclass
class RequirementFile:
    """What requirements files ask for, in the order in which it was written.

    Attributes:
        requirements: of the file and the files it includes by ``-r``.
        sources: what of them is source code: folders, archives, commits of git repositories.
        constraints: of the files named by ``-c``.
        overrides: of the files named by ``--override``.
        index_url: the last ``--index-url``, or ``None``.
        extra_index_urls, find_links: in order.
        only_binary, no_binary: the values of these options, in order.
        trusted_hosts: hosts that plain http may go to, and whose certificates are not checked, each with
            ``file:line``.
        no_index, pre, require_hashes, prefer_binary: whether the option was given anywhere.
        ignored: ``file:line: option ...`` in words for each option that has no meaning here.
    """

    requirements: list[UserRequirement] = field(default_factory=list)
    sources: list[SourceReference] = field(default_factory=list)
    constraints: list[UserRequirement] = field(default_factory=list)
    overrides: list[UserRequirement] = field(default_factory=list)
    index_url: str | None = None
    extra_index_urls: list[str] = field(default_factory=list)
    find_links: list[str] = field(default_factory=list)
    only_binary: list[str] = field(default_factory=list)
    no_binary: list[str] = field(default_factory=list)
    trusted_hosts: list[tuple[str, str]] = field(default_factory=list)
    no_index: bool = False
    pre: bool = False
    require_hashes: bool = False
    prefer_binary: bool = False
    ignored: list[str] = field(default_factory=list)


class RequirementFileReader:
    """Reads files and the files they name; each file once for requirements and once for constraints.

    Args:
        read_url: fetches ``http(s)://`` addresses; ``None`` refuses them.
        environ: where ``${NAME}`` is looked up.
    """

    def __init__(self, *, read_url: ReadUrl | None = None, environ: Mapping[str, str] | None = None) -> None:
        self.result = RequirementFile()
        self._read_url = read_url
        self._environ = os.environ if environ is None else environ
        self._seen: set[tuple[str, bool]] = set()

    def read(self, place: str, *, constraints: bool = False, asked_by: str | None = None) -> None:
        """Add what the file or URL ``place`` says to ``result``; raises :class:`RequirementFileError`."""
        key = (place if _is_http(place) else str(Path(place).resolve()), constraints)
        if key in self._seen:
            return
        self._seen.add(key)
        content = self._content(place, asked_by)
        for number, line in _logical_lines(_decode(content, place)):
            where = f"{_shown(place)}:{number}"
            try:
                self._line(_expand(line, self._environ), place, where, constraints)
            except RequirementFileError:
                raise
            except (RequirementError, ValueError) as error:
                message = getattr(error, "message", str(error))
                message = message if message.startswith(where) else f"{where}: {message}"
                raise RequirementFileError(message, hint=getattr(error, "hint", None)) from error

    def add(self, text: str, origin: str, base: Path | None) -> None:
        """One requirement from elsewhere, a pyproject.toml say; raises :class:`RequirementError`."""
        if (source := source_reference(text, origin=origin, base=base)) is not None:
            self.result.sources.append(source)
        else:
            self.result.requirements.append(parse_user_requirement(text, origin=origin, base=base))

    def read_overrides(self, place: str) -> None:
        """The requirements of a file as overrides; raises :class:`RequirementFileError`."""
        reader = RequirementFileReader(read_url=self._read_url, environ=self._environ)
        reader.read(place)
        for source in reader.result.sources:
            raise RequirementFileError(f"{source.origin}: '{source}' is source code, which overrides nothing")
        self.result.overrides += reader.result.requirements

    def limit(self, constraints: Iterable[str], overrides: Iterable[str], origin: str) -> None:
        """Constraints and overrides of a pyproject.toml, say; raises :class:`RequirementError`."""
        self.result.constraints += [parse_user_requirement(text, origin=origin) for text in constraints]
        self.result.overrides += [parse_user_requirement(text, origin=origin) for text in overrides]

    def _content(self, place: str, asked_by: str | None) -> bytes:
        by = f" (named at {asked_by})" if asked_by else ""
        if _is_http(place):
            if self._read_url is None:
                raise RequirementFileError(f"{place}{by}: requirements files are not fetched here")
            return self._read_url(place)
        try:
            return read_bounded(Path(place))
        except OSError as error:
            raise RequirementFileError(f"{unread(place, error)}{by}", hint=_hint_for(place, error)) from error

    def _line(self, line: str, place: str, where: str, constraints: bool) -> None:
        if line.startswith("-"):
            self._option_line(line, place, where, constraints)
            return
        text, options = _split_options(line)
        hashes = group_hashes(parse_hash(value) for value in _hash_options(options, where))
        base = _folder_of(place)
        if not constraints and (source := source_reference(text, origin=where, base=base, hashes=hashes)):
            self.result.sources.append(source)
            return
        requirement = parse_user_requirement(text, origin=where, base=base, hashes=hashes)
        if constraints and requirement.requirement.extras:
            raise RequirementFileError(f"{where}: a constraint cannot have extras", hint="Remove the [...].")
        (self.result.constraints if constraints else self.result.requirements).append(requirement)

    def _option_line(self, line: str, place: str, where: str, constraints: bool) -> None:
        words = shlex.split(line)
        while words:
            option, value, words = _take_option(words, where)
            if option in ("requirement", "constraint"):
                self.read(
                    _join(place, value), constraints=constraints or option == "constraint", asked_by=where
                )
            elif option == "editable":
                self._editable(value, place, where, constraints)
            elif option == "index-url":
                self.result.index_url = value
            elif option == "extra-index-url":
                self.result.extra_index_urls.append(value)
            elif option == "find-links":
                self.result.find_links.append(_find_links(place, value))
            elif option in ("only-binary", "no-binary"):
                getattr(self.result, option.replace("-", "_")).append(value)
            elif option == "trusted-host":
                self.result.trusted_hosts.append((value, where))
            elif option in ("all-releases", "only-final"):
                self._releases(option, value, where)
            elif option in _IGNORED:
                said = f"--{option} {value}".strip()
                self.result.ignored.append(f"{where}: {said} changes nothing here: {_IGNORED[option]}")
            else:
                setattr(self.result, option.replace("-", "_"), True)

    def _releases(self, option: str, value: str, where: str) -> None:
        """pip's words for pre-releases: what ``--pre`` says can be had, what is said of packages cannot."""
        if (option, value) != ("all-releases", ":all:"):
            raise RequirementFileError(
                f"{where}: '--{option} {value}' cannot be had here",
                hint="Pre-releases are taken where a specifier of the package names one "
                "(PACKAGE>=2.0rc1), of every package with --pre, and else where no release fits.",
            )
        self.result.pre = True

    def _editable(self, value: str, place: str, where: str, constraints: bool) -> None:
        if constraints:
            raise RequirementFileError(f"{where}: a constraint cannot be editable")
        source = source_reference(value, origin=where, base=_folder_of(place), editable=True)
        if source is not None:
            self.result.sources.append(source)


def _hint_for(place: str, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return (
            f"For a project in a folder: `variantctl install {place}`, or -r {Path(place, 'pyproject.toml')}."
        )
    return "Correct the path. A package is named without -r: `variantctl install NAME`."


def _folder_of(place: str) -> Path | None:
    """The folder that relative paths in a file start from; None: the current one."""
    return None if _is_http(place) else Path(place).resolve().parent


def _take_option(words: list[str], where: str) -> tuple[str, str, list[str]]:
    """The first option of ``words`` (its meaning and value) and the words after it."""
    word, rest = words[0], words[1:]
    head, equals, attached = word.partition("=")
    if head in _FLAGS and not equals:
        return _FLAGS[head], "", rest
    if head in _WITH_VALUE and equals:
        return _WITH_VALUE[head], attached, rest
    if word in _WITH_VALUE:
        if not rest:
            raise RequirementFileError(f"{where}: '{word}' needs a value")
        return _WITH_VALUE[word], rest[0], rest[1:]
    if word[:2] in _WITH_VALUE and not word.startswith("--"):
        return _WITH_VALUE[word[:2]], word[2:].lstrip("="), rest
    known = sorted({*_WITH_VALUE, *_FLAGS} - {"--pypi-url"})
    raise RequirementFileError(f"{where}: unknown option '{word}'", hint=f"Known here: {', '.join(known)}.")


def _split_options(line: str) -> tuple[str, list[str]]:
    """A requirement, and the options that follow it on its line."""
    words = re.split(r"(\s+)", line)
    for position, word in enumerate(words):
        if position and re.match(r"^--?[A-Za-z]", word):
            return "".join(words[:position]).strip(), shlex.split("".join(words[position:]))
    return line, []


def _hash_options(options: list[str], where: str) -> Iterator[str]:
    words = list(options)
    while words:
        word = words.pop(0)
        head, equals, value = word.partition("=")
        if head != "--hash" or not (equals or words):
            raise RequirementFileError(
                f"{where}: unknown option '{word}' of a requirement", hint="Known here: --hash=sha256:DIGEST."
            )
        yield value if equals else words.pop(0)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with continuations joined and comments removed; the number is that of the first line."""
    pending: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if pending else number
        if line.endswith("\\") and not re.match(_COMMENT, line):
            pending.append(line.strip("\\"))
            continue
        # A comment line ends a continuation; the space lets the comment be seen as one.
        pending.append(f" {line}" if re.match(_COMMENT, line) else line)
        whole = re.sub(_COMMENT, "", "".join(pending)).strip()
        pending = []
        if whole:
            yield start, whole
    if rest := re.sub(_COMMENT, "", "".join(pending)).strip():
        yield start, rest


def _expand(line: str, environ: Mapping[str, str]) -> str:
    """Replace ``${NAME}``; a name that is not set stays as it is, as in pip."""
    return re.sub(_VARIABLE, lambda match: environ.get(match[1]) or match[0], line)


def _decode(content: bytes, place: str) -> str:
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), None)
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    if encoding is None:
        declared = next(
            (
                match[1]
                for line in content.split(b"\n")[:2]
                if line[:1] == b"#" and (match := re.search(_CODING, line))
            ),
            None,
        )
        encoding = declared.decode("ascii") if declared else "utf-8"
    try:
        return content.decode(encoding)
    except LookupError as error:
        raise RequirementFileError(f"{place}:1: unknown encoding '{encoding}'") from error
    except UnicodeDecodeError as error:
        fallback = locale.getpreferredencoding(False)
        if fallback.lower().replace("-", "") == encoding.replace("-", ""):
            raise RequirementFileError(
                f"{place}: not {encoding}: {error}", hint="Save it as UTF-8."
            ) from error
    try:
        return content.decode(fallback)
    except (LookupError, UnicodeDecodeError) as error:
        raise RequirementFileError(
            f"{place}: neither {encoding} nor {fallback}", hint="Save it as UTF-8."
        ) from error


def _join(place: str, target: str) -> str:
    """``target`` as named in the file ``place``."""
    if _is_http(target):
        return target
    if target.startswith("file:"):
        return target.removeprefix("file://").removeprefix("file:")
    return joined_url(place, target) if _is_http(place) else str(Path(place).parent / target)


def _find_links(place: str, value: str) -> str:
    """A folder next to the file, where there is one; else as written (pip's rule)."""
    if _is_http(value) or value.startswith("file:"):
        return value
    beside = Path(place).parent / value
    return str(beside) if not _is_http(place) and beside.exists() else value


def _is_http(place: str) -> bool:
    return re.match(r"^https?://", place, re.IGNORECASE) is not None


def _shown(place: str) -> str:
    """The place as a person would write it: relative where that is shorter."""
    if _is_http(place):
        return place
    try:
        return str(Path(place).resolve().relative_to(Path.cwd()))
    except ValueError:
        return place
