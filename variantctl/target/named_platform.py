"""A platform that is named by wheel tags, as for pip (``--platform``, ``--python-version``, ``--abi``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from variantctl.target.platforms import Platform, UnknownPlatformError, platform_environment, platform_tags_of
from variantctl.values import dataclass, replace
from variantctl.variants.suggestions import did_you_mean

if TYPE_CHECKING:
    from packaging.tags import Tag

IMPLEMENTATIONS = ("cp", "pp", "py")
_LEGACY = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
_NAMES: Mapping[str, tuple[str, str]] = {
    "cp": ("cpython", "CPython"),
    "pp": ("pypy", "PyPy"),
}
#: The names that uv has for platforms (``--python-platform``), as its help of 0.13 explains them.
UVS = {
    "linux": "manylinux_2_28_x86_64",
    "macos": "macosx_13_0_arm64",
    "windows": "win_amd64",
    "x86_64-apple-darwin": "macosx_13_0_x86_64",
    "aarch64-apple-darwin": "macosx_13_0_arm64",
    "x86_64-pc-windows-msvc": "win_amd64",
    "aarch64-pc-windows-msvc": "win_arm64",
    "i686-pc-windows-msvc": "win32",
}
_UVS_LINUX = re.compile(
    r"(?P<machine>[a-z0-9_]+?)-(unknown-linux-(?P<libc>gnu|musl)\w*|(?P<tag>manylinux\w+))"
)
_LIBC = {"gnu": "manylinux_2_28", "musl": "musllinux_1_2"}
_EXAMPLES = ("manylinux_2_28_x86_64", "musllinux_1_2_x86_64", "macosx_14_0_arm64", "win_amd64", "any")


@dataclass(frozen=True)
class _Described:
    """What a platform tag says: as ``platform_environment`` takes it."""

    system: str | None
    machine: str | None
    libc: str | None


def tag_of_uvs(name: str) -> str:
    """pip's name for a platform that uv names: ``aarch64-apple-darwin``, ``x86_64-manylinux_2_28``.

    Raises:
        UnknownPlatformError: uv has no such name either.
    """
    if name in UVS:
        return UVS[name]
    match = _UVS_LINUX.fullmatch(name)
    if match is None:
        near = did_you_mean(name, UVS)
        raise UnknownPlatformError(f"{name!r} names no platform", hint=near or f"Such as: {', '.join(UVS)}.")
    return f"{match['tag'] or _LIBC[match['libc']]}_{match['machine']}"


def named_platform(
    platforms: Sequence[str],
    python: str | None,
    implementation: str | None,
    abis: Sequence[str],
    base: Platform | None,
) -> Platform:
    """The platform of some wheel tags.

    Args:
        platforms: platform tags; older ones that such a machine runs, too, are added.
        python: ``3.12``, ``3.12.4`` or ``312``.
        implementation: ``cp``, ``pp``, or ``py`` for wheels of any implementation alone.
        abis: ABI tags; none: those that the Python has.
        base: what is not named; None: this very interpreter.

    Raises:
        UnknownPlatformError: something names nothing known, or two platforms are of different machines.
    """
    described = [_described(tag) for tag in platforms]
    if len({(each.system, each.machine) for each in described}) > 1:
        raise UnknownPlatformError(
            f"{' and '.join(platforms)} are of different machines", hint="Run the command once for each."
        )
    first = described[0] if described else _Described(None, None, None)
    found = platform_environment(
        system=first.system, machine=first.machine, libc=first.libc, python=_version(python), base=base
    )
    if not (platforms or implementation or abis):
        return found
    tags = list(dict.fromkeys(tag for name in platforms for tag in _older(name, found, base)))
    tags = tags or list(dict.fromkeys(tag.platform for tag in found.tags if tag.platform != "any"))
    named = implementation or "cp"
    listed = _tags(named, found.version[:2], abis or None, tags, found)
    markers = dict(found.markers)
    if implementation is not None and implementation in _NAMES:
        markers["implementation_name"], markers["platform_python_implementation"] = _NAMES[implementation]
    return replace(found, tag_names=tuple(dict.fromkeys(map(str, listed))), markers=markers)


def _tags(
    implementation: str,
    version: tuple[int, ...],
    abis: Sequence[str] | None,
    platforms: Sequence[str],
    found: Platform,
) -> Iterator[Tag]:
    from packaging.tags import compatible_tags, cpython_tags, generic_tags

    interpreter = f"{implementation}{''.join(map(str, version))}"
    if implementation == "cp":
        own = abis or [next((tag.abi for tag in found.tags if tag.abi.startswith("cp")), interpreter)]
        yield from cpython_tags(version, own, platforms)
    elif implementation != "py":
        yield from generic_tags(interpreter, abis or [], platforms)
    yield from compatible_tags(version, interpreter, platforms)


def _version(text: str | None) -> str | None:
    """``312`` is 3.12 for pip."""
    if text is None:
        return None
    match = re.fullmatch(r"([23])(\d{1,2}t?)", text)
    if match:
        return f"{match[1]}.{match[2]}"
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?t?", text):
        raise UnknownPlatformError(f"--python-version {text}: is not a version", hint="Write it as 3.12.")
    return text


def _described(tag: str) -> _Described:
    """The system, processor and C library of a platform tag."""
    if tag == "any":
        return _Described(None, None, None)
    if tag in _WINDOWS:
        return _Described("Windows", _WINDOWS[tag], None)
    if match := re.fullmatch(r"(manylinux(?:1|2010|2014))_(\w+)", tag):
        return _Described("Linux", match[2], f"glibc {_LEGACY[match[1]]}")
    if match := re.fullmatch(r"(many|musl)linux_(\d+)_(\d+)_(\w+)", tag):
        return _Described(
            "Linux", match[4], f"{'glibc' if match[1] == 'many' else 'musl'} {match[2]}.{match[3]}"
        )
    if match := re.fullmatch(r"linux_(\w+)", tag):
        return _Described("Linux", match[1], None)
    if match := re.fullmatch(r"macosx_(\d+)_(\d+)_(\w+)", tag):
        return _Described("Darwin", match[3], f"macos {match[1]}.{match[2]}")
    near = did_you_mean(tag, _EXAMPLES)
    raise UnknownPlatformError(
        f"--platform {tag}: is no platform of wheels", hint=near or f"Such as: {', '.join(_EXAMPLES)}."
    )


def _older(tag: str, found: Platform, base: Platform | None) -> Iterator[str]:
    """A platform tag and those of older systems that run on it, too."""
    yield tag
    each = _described(tag)
    if tag.startswith("linux_") or each.system is None or each.machine is None:
        return
    for other in platform_tags_of(each.system, each.machine, each.libc, base):
        # What is built for this very system is no wheel that others may take.
        if not other.startswith("linux_"):
            yield other
