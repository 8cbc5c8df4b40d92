"""Filenames: of wheels with and without a variant label, and of index-level metadata (PEP 825)."""

from __future__ import annotations

import re
from functools import lru_cache
from math import prod

from packaging.tags import Tag, parse_tag
from packaging.utils import BuildTag, NormalizedName, canonicalize_name
from packaging.utils import parse_wheel_filename as parse_plain_wheel_filename
from packaging.version import Version

from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import validate_label

_DIGITS = frozenset("0123456789")
_PROJECT_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?"
#: The largest sets known (wheels for many versions of macOS and manylinux) are of some hundred tags.
_MOST_TAGS = 10_000
_BUILD = re.compile(r"[0-9]+")
_VARIANTS_JSON = "-variants.json"
_FORM = "{distribution}-{version}(-{build tag})?-{python tag}-{abi tag}-{platform tag}(-{variant label})?.whl"


@dataclass(frozen=True)
class WheelFilename:
    """A wheel's filename, taken apart (PEP 825, "Variant label").

    Attributes:
        filename: the whole filename, exactly as it was written.
        name: the project's normalized name.
        version: the project's version.
        build: the build tag: ``()`` if there is none, else (number, suffix).
        tags: the platform compatibility tags, compressed sets expanded.
        label: the variant label: ``None`` for a non-variant wheel, ``"null"`` for the null variant.
    """

    filename: str
    name: NormalizedName
    version: Version
    build: BuildTag
    tags: frozenset[Tag]
    label: str | None

    @property
    def is_variant(self) -> bool:
        """Whether the filename has a variant label."""
        return self.label is not None

    def names_version(self, version: Version) -> bool:
        """Whether a wheel of this filename may say that it is of *version*.

        flash-attn's releases say in the filename alone which build they are (``2.8.3+cu12torch2.8``, and
        ``2.8.3`` inside); uv takes such wheels, too. PEP 440: a local version is a build of its public one.
        """
        return version == self.version or (version.local is None and version == Version(self.version.public))

    def with_label(self, label: str | None) -> str:
        """This filename with *label* in place of its own; ``None`` gives the non-variant filename.

        Raises:
            InvalidVariantError: *label* is not a variant label.
        """
        plain = self.filename.removesuffix(".whl")
        if self.label is not None:
            plain = plain[: -len(self.label) - 1]
        return f"{plain}.whl" if label is None else f"{plain}-{validate_label(label)}.whl"


def parse_wheel_filename(filename: str) -> WheelFilename:
    """Take a wheel's filename apart, with or without a variant label (PEP 825, "Variant label").

    With six components the third decides: a build tag starts with a digit and a Python tag must not, so a
    third component that starts with a digit is a build tag and any other makes the last one a label.

    Raises:
        InvalidVariantError: *filename* is not a wheel's, or has a part that PEP 825 or ``packaging`` refuses.
    """
    if not filename.endswith(".whl"):
        raise _refusal(filename, "a wheel's filename ends in '.whl'")
    if not filename.isprintable() or any(character in filename for character in " /\\"):
        raise _refusal(filename, "it has a space, a path separator or a control character")
    parts = filename.removesuffix(".whl").split("-")
    if not 5 <= len(parts) <= 7:
        raise _refusal(filename, f"it has {len(parts)} components separated by '-', the form is {_FORM}")
    has_build = len(parts) == 7 or (len(parts) == 6 and parts[2][:1] in _DIGITS)
    has_label = len(parts) == 5 + has_build + 1
    label = None
    if has_label:
        try:
            label = validate_label(parts.pop())
        except InvalidVariantError as error:
            raise _refusal(filename, error.rule) from error
    if not parts[0]:
        raise _refusal(filename, "the project name is empty")
    tags_given = [tag for component in parts[-3:] for tag in component.split(".")]
    if not all(tags_given):
        raise _refusal(filename, "a compatibility tag is empty")
    if not is_short("-".join(parts[-3:])):
        raise _refusal(filename, f"its compatibility tags stand for more than {_MOST_TAGS:,}")
    if any(tag[:1] in _DIGITS for tag in parts[-3].split(".")):
        raise _refusal(filename, f"the Python tag {parts[-3]!r} starts with a digit")
    try:
        name, version, build, tags = parse_plain_wheel_filename("-".join(parts) + ".whl")
    except ValueError as error:  # InvalidWheelFilename, and int() on a number of thousands of digits
        raise _refusal(filename, str(error)) from error
    return WheelFilename(filename, name, version, build, tags, label)


def known_wheel_filename(filename: str, name: NormalizedName, version: Version) -> WheelFilename:
    """The same of a filename that ``parse_wheel_filename`` took before, and of which these two are known.

    That is quick: projects have thousands of wheels, and the same tags again and again.
    """
    parts = filename.removesuffix(".whl").split("-")
    has_build = len(parts) == 7 or (len(parts) == 6 and parts[2][:1] in _DIGITS)
    label = parts.pop() if len(parts) == 5 + has_build + 1 else None
    build: BuildTag = ()
    if has_build and (number := _BUILD.match(parts[2])) is not None:
        build = (int(number[0]), parts[2][number.end() :])
    return WheelFilename(filename, name, version, build, _tags("-".join(parts[-3:])), label)


_tags = lru_cache(maxsize=1 << 12)(parse_tag)


def is_short(tags: str) -> bool:
    """Whether a compressed set of tags (``py2.py3-none-any``) stands for as few as those of real wheels do.

    Each of its tags is the product of three lists: a text of a few kilobytes can stand for millions.
    """
    return prod(component.count(".") + 1 for component in tags.split("-")) <= _MOST_TAGS


def variants_json_filename(name: str, version: Version | str) -> str:
    """The name of the index-level metadata file of one version: ``torch-2.10.0-variants.json``.

    Name and version are normalized as in wheel filenames (PEP 825, "Index-level metadata").

    Raises:
        InvalidVariantError: *version* is not a version.
    """
    try:
        normal_version = str(Version(str(version)))
    except ValueError as error:
        raise InvalidVariantError(f"{str(version)[:80]!r} is not a version") from error
    return f"{canonicalize_name(name).replace('-', '_')}-{normal_version}{_VARIANTS_JSON}"


def parse_variants_json_filename(filename: str) -> tuple[NormalizedName, Version] | None:
    """The project and version whose index-level metadata *filename* holds; ``None`` for other files."""
    name, dash, version = filename.removesuffix(_VARIANTS_JSON).partition("-")
    if not filename.endswith(_VARIANTS_JSON) or not dash or re.fullmatch(_PROJECT_NAME, name) is None:
        return None
    try:
        return canonicalize_name(name), Version(version)
    except ValueError:
        return None


def _refusal(filename: str, rule: str) -> InvalidVariantError:
    shown = filename if filename.isprintable() and len(filename) <= 300 else repr(filename[:300])
    return InvalidVariantError(rule, source=shown)
