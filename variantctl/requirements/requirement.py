"""Requirements as people write them: on a command line, or one to a line in a file.

The grammar is PEP 508's (`dependency specifiers`_), and what pip and uv accept in its place: the path of a
wheel, or the URL of one.

.. _dependency specifiers: https://packaging.python.org/en/latest/specifications/dependency-specifiers/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.net.urls import parsed_url, url_to_path, without_fragment
from variantctl.requirements.errors import NoFileError, RequirementError
from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.markers import VariantRequirement, parse_requirement

COMMAND_LINE = "the command line"
HASH_ALGORITHMS = ("sha256", "sha384", "sha512")

_NAMED_REFERENCE = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?P<url>\S.*)$"
)
_SINGLE_EQUALS = re.compile(r"^(?P<name>[\w.-]+\s*(\[[^\]]*\])?)\s*=\s*(?P<version>\d[\w.*+!-]*)(=\S+)?\s*$")
_LISTS = re.compile(
    r"^(?:\S*[/\\])?(?:[\w.-]*requirements?[\w.-]*\.(?:txt|in)|pyproject\.toml)$", re.IGNORECASE
)
"""A requirements file, and no name of a package: pip and uv see it in the same way."""
_EXTRAS_AT_END = re.compile(r"^(?P<place>.+?)\s*(?P<extras>\[[^\]]*\])?$")
_SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz")
_WHEELS_ONLY = "only `variantctl install` builds source code, and no constraint can name it"


@dataclass(frozen=True)
class UserRequirement:
    """A requirement and where it was written.

    Attributes:
        requirement: what is wanted; its ``url``, if any, is absolute (``https://`` or ``file://``) and
            keeps its fragment.
        origin: ``the command line`` or ``requirements.txt:3``; messages quote it.
        hashes: algorithm -> allowed hexadecimal digests; empty where any file will do.
    """

    requirement: VariantRequirement
    origin: str = COMMAND_LINE
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def name(self) -> NormalizedName:
        """The normalized name of the project."""
        return canonicalize_name(self.requirement.name)

    def __str__(self) -> str:
        return str(self.requirement)


def parse_user_requirement(
    text: str,
    *,
    origin: str = COMMAND_LINE,
    base: Path | None = None,
    hashes: Mapping[str, frozenset[str]] | None = None,
) -> UserRequirement:
    """Read ``torch[opt]>=2``, ``torch @ URL``, ``./torch-2.10.0-...whl`` or the URL of a wheel.

    ``base`` is the folder that relative paths start from (default: the current one). Raises
    :class:`RequirementError`, whose message quotes ``text`` and ``origin``.
    """
    body = text.strip()
    folder = Path.cwd() if base is None else base
    try:
        requirement = _parse(body, folder)
    except (InvalidVariantError, RequirementError, ValueError) as error:
        reason = getattr(error, "message", str(error))
        reason = reason.removeprefix(f"{body!r}: ").removeprefix("is not a dependency specifier: ")
        hint = getattr(error, "hint", None) or _meant(body) or _SHAPE
        if isinstance(error, NoFileError) and "://" not in body:
            raise NoFileError(f"{origin}: {body!r} is not there: {reason}", hint=hint) from error
        raise RequirementError(
            f"{origin}: {body!r} cannot be read as a requirement: {reason}", hint=hint
        ) from error
    allowed = dict(hashes or {})
    if requirement.url:
        allowed = _with_fragment_hashes(requirement.url, allowed)
    return UserRequirement(requirement, origin, allowed)


_SHAPE = (
    "A requirement is a name, and versions where you want some: torch, 'torch>=2.9', 'torch[opt]==2.14.1'."
)


def _meant(body: str) -> str | None:
    """conda writes ``six=1.17``."""
    match = _SINGLE_EQUALS.match(body)
    return f"Write one version as '{match['name']}=={match['version']}'." if match else None


def parse_hash(text: str) -> tuple[str, str]:
    """``sha256:abc...`` -> ``("sha256", "abc...")``; raises :class:`RequirementError`."""
    algorithm, colon, digest = text.strip().partition(":")
    if not colon or algorithm not in HASH_ALGORITHMS:
        raise RequirementError(
            f"'{text}' is no hash of a file",
            hint=f"Write it as ALGORITHM:DIGEST, with one of {', '.join(HASH_ALGORITHMS)}.",
        )
    if not re.fullmatch(r"[0-9a-fA-F]+", digest):
        raise RequirementError(f"the digest of '{text}' is not hexadecimal")
    return algorithm, digest.lower()


def group_hashes(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Pairs of algorithm and digest, as algorithm -> digests."""
    grouped: dict[str, set[str]] = {}
    for algorithm, digest in pairs:
        grouped.setdefault(algorithm, set()).add(digest)
    return {algorithm: frozenset(digests) for algorithm, digests in grouped.items()}


def wheel_of_url(url: str) -> WheelFilename:
    """The filename at the end of a wheel's URL, parsed; raises :class:`RequirementError`."""
    filename = unquote(parsed_url(url).path.rpartition("/")[2])
    if not filename.lower().endswith(".whl"):
        raise RequirementError(f"{url} is not a wheel", hint=_WHEELS_ONLY)
    return parse_wheel_filename(filename)


def _parse(body: str, folder: Path) -> VariantRequirement:
    if _LISTS.match(body):
        raise RequirementError("this is a file that lists packages", hint=f"Name it with -r: -r {body}")
    if re.match(r"^(git|hg|svn|bzr)\+", body):
        raise RequirementError("version control URLs need a build", hint=_WHEELS_ONLY)
    named = _NAMED_REFERENCE.match(body)
    if named and (_is_url(named["url"]) or _looks_like_path(named["url"])):
        place, marker = split_marker(named["url"])
        url = _absolute_url(place, folder)
        wheel = wheel_of_url(url)
        if wheel.name != canonicalize_name(named["name"]):
            raise RequirementError(f"the wheel at {url} is of '{wheel.name}', not of '{named['name']}'")
        return _direct(named["name"], named["extras"], url, marker)
    if _is_url(body) or _looks_like_path(body):
        place, marker = split_marker(body)
        match = _EXTRAS_AT_END.match(place)
        path, extras = (match["place"], match["extras"]) if match else (place, None)
        url = _absolute_url(path, folder)
        return _direct(wheel_of_url(url).name, extras, url, marker)
    return parse_requirement(body)


def _direct(name: str, extras: str | None, url: str, marker: str | None) -> VariantRequirement:
    return parse_requirement(f"{name}{extras or ''} @ {url}" + (f" ; {marker}" if marker else ""))


def split_marker(text: str) -> tuple[str, str | None]:
    """A URL or path may hold a semicolon; only one beside a space begins a marker (PEP 508, pip and uv)."""
    place, semicolon, marker = text.partition(" ;")
    if not semicolon and "; " in text:
        place, semicolon, marker = text.partition("; ")
    return place.strip(), marker.strip() or None


def _is_url(text: str) -> bool:
    return re.match(r"^(https?|file)://", text, re.IGNORECASE) is not None or text.startswith("file:")


def _looks_like_path(text: str) -> bool:
    place = split_marker(text)[0].partition("[")[0].strip()
    return (
        place.startswith((".", "/", "~", "\\"))
        or "/" in place
        or "\\" in place
        or place.lower().endswith((".whl", *_SDIST_SUFFIXES))
    )


def _absolute_url(place: str, folder: Path) -> str:
    """An absolute URL for what was written; raises :class:`RequirementError` for what is not a wheel."""
    if re.match(r"^https?://", place, re.IGNORECASE):
        return place
    if place.startswith("file:"):
        address, fragment = without_fragment(place)
        path = url_to_path(address)
        if not path.is_absolute():
            path = folder / path
    else:
        path, fragment = (folder / Path(place).expanduser()), ""
    if path.is_dir():
        raise RequirementError(f"{path} is a folder of source code", hint=_WHEELS_ONLY)
    if path.name.lower().endswith(_SDIST_SUFFIXES):
        raise RequirementError(f"{path.name} is a source distribution", hint=_WHEELS_ONLY)
    if not path.is_file():
        raise NoFileError(
            f"there is no file {path}",
            hint="Correct the path, or name a package: `variantctl install NAME`.",
        )
    return path.resolve().as_uri() + (f"#{fragment}" if fragment else "")


def _with_fragment_hashes(url: str, hashes: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """The hash in a URL's fragment (``#sha256=...``) binds like one given by ``--hash``."""
    for part in without_fragment(url)[1].split("&"):
        algorithm, equals, digest = part.partition("=")
        if not equals or algorithm not in HASH_ALGORITHMS:
            continue
        known = hashes.get(algorithm)
        if known and digest.lower() not in known:
            raise RequirementError(f"the {algorithm} in {url} is none of those given by --hash")
        hashes[algorithm] = frozenset({digest.lower()})
    return hashes
