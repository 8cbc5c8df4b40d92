"""Requirements that name source code: a folder, an archive, or a commit of a git repository.

The forms are pip's ("VCS Support", "Local project installs"): ``.``, ``./folder[extra]``, ``name @ git+https://...@ref``,
``https://.../archive.tar.gz#subdirectory=sub``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.net.errors import InvalidUrlError
from variantctl.net.urls import parsed_url, path_to_url, url_to_path, without_fragment
from variantctl.requirements.errors import RequirementError
from variantctl.requirements.requirement import COMMAND_LINE, HASH_ALGORITHMS, split_marker
from variantctl.values import dataclass, field

Kind = Literal["folder", "archive", "git"]

ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")
_NAMED = re.compile(r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<place>\S.*)$")
_WITH_EXTRAS = re.compile(r"^(?P<place>.+?)\s*(?P<extras>\[[^\]/\\]*\])?$")
_OTHER_VCS = re.compile(r"^(hg|svn|bzr)\+", re.IGNORECASE)
_GIT = r"(?i)^git\+(https?|ssh|git|file)://"


@dataclass(frozen=True)
class SourceReference:
    """Source code that a user names.

    Attributes:
        kind: a folder, an archive, or a commit.
        url: absolute, with neither fragment nor commit; of a folder or a file on this machine ``file://...``.
        text: as it was written.
        origin: where it was written.
        name: the project, where it was named.
        extras: ``[a,b]``, or ``""``.
        marker: the condition it was written with, or None.
        revision: the branch, tag or commit; None: what the repository has by default.
        subdirectory: where in it the project lies; None: at its top.
        hashes: algorithm -> allowed digests, of an archive.
        editable: whether it is to be installed so that changes of it count (PEP 660).
    """

    kind: Kind
    url: str
    text: str
    origin: str = COMMAND_LINE
    name: NormalizedName | None = None
    extras: str = ""
    marker: str | None = None
    revision: str | None = None
    subdirectory: str | None = None
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    editable: bool = False

    @property
    def path(self) -> Path | None:
        """Of what lies on this machine."""
        return url_to_path(self.url) if self.kind != "git" and self.url.startswith("file:") else None

    def __str__(self) -> str:
        return self.text


def source_reference(
    text: str,
    *,
    origin: str = COMMAND_LINE,
    base: Path | None = None,
    hashes: Mapping[str, frozenset[str]] | None = None,
    editable: bool = False,
) -> SourceReference | None:
    """What source code a requirement names; None where it is another kind of requirement.

    Args:
        text: as it was written.
        origin: where.
        base: the folder that relative paths start from; None: the current one.
        hashes: of ``--hash`` options.
        editable: after ``-e``.

    Raises:
        RequirementError: it names source code, in a way that cannot be used.
    """
    named = _NAMED.match(text)
    place, marker = split_marker(named["place"] if named else text.strip())
    match = _WITH_EXTRAS.match(place)
    if match is None:
        return None
    bare, extras = (place, named["extras"]) if named else (match["place"], match["extras"])
    try:
        located = _located(bare, base or Path.cwd(), f"{origin}: '{text}'", editable)
    except InvalidUrlError as error:
        raise RequirementError(f"{origin}: {error.message}", hint=error.hint) from None
    if located is None:
        if editable:
            raise RequirementError(f"{origin}: -e {text}: only a folder of source code can be editable")
        return None
    kind, url, revision = located
    fragment = _fragment(bare)
    project = named["name"] if named else fragment.get("egg", "").partition("[")[0] or None
    if editable and kind != "folder":
        raise RequirementError(
            f"{origin}: -e {text}: only a folder on this machine can be editable",
            hint="Clone it, or leave -e out.",
        )
    return SourceReference(
        kind,
        url,
        text.strip(),
        origin,
        canonicalize_name(project) if project else None,
        extras or "",
        marker,
        revision,
        _subdirectory(fragment.get("subdirectory"), text, origin),
        _hashes(fragment, hashes or {}),
        editable,
    )


def _located(bare: str, base: Path, said: str, editable: bool) -> tuple[Kind, str, str | None] | None:
    if _OTHER_VCS.match(bare):
        raise RequirementError(
            f"{said}: only git repositories are read", hint="Check it out, and name the folder."
        )
    if bare.lower().startswith("git+"):
        if not re.match(_GIT, bare):
            raise RequirementError(
                f"{said}: a repository is written git+https://, git+ssh:// or git+file://",
                hint="git@host:path is written git+ssh://git@host/path.",
            )
        return ("git", *_revision(without_fragment(bare[len("git+") :])[0]))
    if re.match(r"^https?://", bare, re.IGNORECASE):
        url = without_fragment(bare)[0]
        return ("archive", url, None) if _is_archive(unquote(parsed_url(url).path)) else None
    return _on_this_machine(bare, base, said, editable)


def _on_this_machine(bare: str, base: Path, said: str, editable: bool) -> tuple[Kind, str, str | None] | None:
    if bare.startswith("file:"):
        path = base / url_to_path(without_fragment(bare)[0])
    elif (
        editable or bare.startswith((".", "/", "~", "\\")) or "/" in bare or "\\" in bare or _is_archive(bare)
    ):
        path = base / Path(bare.partition("#")[0]).expanduser()
    else:
        return None
    if path.is_dir():
        return "folder", path_to_url(path.resolve()), None
    if editable:
        raise RequirementError(f"{said}: there is no folder {path}")
    if not _is_archive(path.name):
        return None
    if not path.is_file():
        raise RequirementError(f"{said}: there is no file {path}")
    return "archive", path_to_url(path.resolve()), None


def _revision(url: str) -> tuple[str, str | None]:
    """``https://host/repo.git@v1`` -> the URL, and ``v1``; the ``@`` of a user name is another."""
    head, slash, path = url.partition("://")
    host, separator, rest = path.partition("/")
    place, at, revision = rest.rpartition("@")
    if not at:
        return url, None
    if not revision or revision.startswith("-"):
        raise RequirementError(f"{url}: '{revision}' is no name of a branch, tag or commit")
    return f"{head}{slash}{host}{separator}{place}", revision


def _fragment(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in without_fragment(text)[1].split("&"))
    return {name: unquote(value) for name, equals, value in pairs if equals}


def _subdirectory(value: str | None, text: str, origin: str) -> str | None:
    if value is None:
        return None
    path = Path(value)
    if path.is_absolute() or ".." in path.parts:
        raise RequirementError(f"{origin}: '{text}': the subdirectory '{value}' lies outside of the source")
    return value.strip("/") or None


def _hashes(fragment: Mapping[str, str], given: Mapping[str, frozenset[str]]) -> Mapping[str, frozenset[str]]:
    named = {
        algorithm: frozenset({digest.lower()})
        for algorithm, digest in fragment.items()
        if algorithm in HASH_ALGORITHMS
    }
    return {**named, **given}


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)
