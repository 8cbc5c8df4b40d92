"""Tags and markers of a platform that is only written down: what a machine that is not here would install."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from packaging.tags import Tag


class UnknownPlatformError(VariantctlError):
    """A platform was described in words that name none."""

    kind = "unknown-platform"


class NoCommonPlatformError(VariantctlError):
    """Nothing that is installed once runs on all of several platforms."""

    kind = "no-common-platform"


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What decides which wheels fit, and which dependencies apply.

    Attributes:
        version: the Python's major, minor and micro version.
        tag_names: the wheel tags it takes, best first (the order of ``packaging.tags.sys_tags``), as text.
        markers: the environment of dependency specifiers (PEP 508), every variable but ``extra``.
    """

    version: tuple[int, int, int]
    tag_names: tuple[str, ...]
    markers: Mapping[str, str]

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """The same as values: some hundred, and with an import of 10 ms, for those who need them."""
        from packaging.tags import Tag

        return tuple(Tag(*name.split("-")) for name in self.tag_names)


#: Aliases of particular manylinux levels (PEP 513, 571, 599), by minor version of glibc 2.
_LEGACY_MANYLINUX = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
#: Wheels older than manylinux2014 exist for these processors alone.
_OLD_MANYLINUX_MACHINES = frozenset({"x86_64", "i686"})
#: Where neither the profile nor this machine says: manylinux_2_28's, which every maintained distribution has.
_DEFAULT_GLIBC = (2, 28)
_DEFAULT_MACOS = (14, 0)
_OS_OF_SYSTEM = {"Linux": ("posix", "linux"), "Darwin": ("posix", "darwin"), "Windows": ("nt", "win32")}
_WINDOWS_TAGS = {"AMD64": "win_amd64", "ARM64": "win_arm64", "x86": "win32"}
#: The spellings people use, to the one that ``platform.machine()`` gives on that system.
_MACHINES: Mapping[str, Mapping[str, str]] = {
    "Linux": {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64", "i386": "i686"},
    "Darwin": {"aarch64": "arm64", "amd64": "x86_64"},
    "Windows": {"x86_64": "AMD64", "amd64": "AMD64", "aarch64": "ARM64", "arm64": "ARM64", "i686": "x86"},
}


def platform_environment(
    *,
    system: str | None = None,
    machine: str | None = None,
    libc: str | None = None,
    python: str | None = None,
    base: Platform | None = None,
) -> Platform:
    """The platform of a profile's ``[platform]`` table.

    Args:
        system: ``Linux``, ``Darwin`` or ``Windows``, as ``platform.system()`` spells it.
        machine: ``x86_64``, ``aarch64``, ...; the spellings of other systems are understood.
        libc: ``glibc 2.35`` or ``musl 1.2`` on Linux, ``macos 14.0`` on Darwin.
        python: ``3.12``, ``3.12.4``, or ``3.13t`` for the free-threaded build; CPython is assumed.
        base: answers what is None; without it, this very interpreter's version, system and machine do.

    Raises:
        UnknownPlatformError: one of the words names nothing known.
    """
    version, abi = _python(python, base)
    if base and system is machine is libc is None:
        system, platforms = None, _platforms_of(base)
    else:
        system, machine = _system_and_machine(system, machine, base)
        platforms = list(_platform_tags(system, machine, libc, base))
    markers = dict(base.markers) if base else _own_markers()
    if system is not None and machine is not None:
        if (system, machine) != (markers["platform_system"], markers["platform_machine"]):
            markers |= {"platform_release": "", "platform_version": ""}
        os_name, sys_platform = _OS_OF_SYSTEM[system]
        markers |= {
            "os_name": os_name,
            "sys_platform": sys_platform,
            "platform_system": system,
            "platform_machine": machine,
        }
    if python is not None:
        full = ".".join(map(str, version))
        markers |= {
            "python_version": f"{version[0]}.{version[1]}",
            "python_full_version": full,
            "implementation_version": full,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
    names = _cpython_tags(version, abi or f"cp{version[0]}{version[1]}", platforms)
    return Platform(version=version, tag_names=names, markers=markers)


def common_platform(named: Sequence[tuple[str, Platform]]) -> Platform:
    """What all of several platforms take: the oldest C library decides.

    Args:
        named: what each is called, and the platform.

    Raises:
        NoCommonPlatformError: they differ in system, processor or Python.
    """
    (first_name, first), *others = named
    names, markers = list(first.tag_names), dict(first.markers)
    for name, platform in others:
        for marker, word in (
            ("platform_system", "system"),
            ("platform_machine", "processor"),
            ("python_version", "Python"),
            ("platform_python_implementation", "Python"),
        ):
            mine, theirs = markers[marker], platform.markers[marker]
            if mine != theirs:
                raise NoCommonPlatformError(
                    f"no environment runs on both: {first_name} has {word} {mine}, and {name} {theirs}",
                    hint="Leave out --union: then each machine gets its own wheels from one lock.",
                )
        taken = set(platform.tag_names)
        names = [tag for tag in names if tag in taken]
        for marker in ("platform_release", "platform_version"):
            if markers[marker] != platform.markers[marker]:
                markers[marker] = ""
    return Platform(version=first.version, tag_names=tuple(names), markers=markers)


def cpython_platform_tags(version: Sequence[int], abi: str) -> tuple[str, ...]:
    """The tags of a CPython on this very machine, for one too old to run ``packaging`` itself."""
    from packaging.tags import platform_tags

    return _cpython_tags(version, abi, list(platform_tags()))


def _cpython_tags(version: Sequence[int], abi: str, platforms: Sequence[str]) -> tuple[str, ...]:
    from packaging.tags import compatible_tags, cpython_tags

    own = cpython_tags(version[:2], [abi], platforms)
    return (*map(str, own), *map(str, compatible_tags(version[:2], f"cp{version[0]}{version[1]}", platforms)))


def _python(python: str | None, base: Platform | None) -> tuple[tuple[int, int, int], str | None]:
    if python is None:
        version = base.version if base else sys.version_info[:3]
        abi = next((tag.abi for tag in base.tags if tag.abi.startswith("cp")), None) if base else None
        return version, abi
    match = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})(?:\.([0-9]{1,3}))?(t?)", python)
    if not match:
        raise UnknownPlatformError(f"python {python!r} is not a version", hint="Write it as 3.12 or 3.12.4.")
    major, minor, micro = int(match[1]), int(match[2]), int(match[3] or 0)
    return (major, minor, micro), f"cp{major}{minor}{match[4]}"


def _own_markers() -> dict[str, str]:
    from variantctl.target.probe_script import marker_environment

    return marker_environment()


def _platforms_of(base: Platform) -> list[str]:
    return list(dict.fromkeys(tag.platform for tag in base.tags if tag.platform != "any"))


def _system_and_machine(system: str | None, machine: str | None, base: Platform | None) -> tuple[str, str]:
    markers = base.markers if base else _own_markers()
    system = system or markers["platform_system"]
    if system not in _OS_OF_SYSTEM:
        raise UnknownPlatformError(
            f"system {system!r} is not known", hint=f"Known systems: {', '.join(_OS_OF_SYSTEM)}."
        )
    machine = machine or markers["platform_machine"]
    return system, _MACHINES[system].get(machine.lower(), machine)


def _platform_tags(system: str, machine: str, libc: str | None, base: Platform | None) -> Iterator[str]:
    if system == "Windows":
        if machine not in _WINDOWS_TAGS:
            raise UnknownPlatformError(f"machine {machine!r} is not one Windows runs on")
        yield _WINDOWS_TAGS[machine]
    elif system == "Darwin":
        version = _libc_version(libc, "macos", "macos 14.0") if libc else _DEFAULT_MACOS
        from packaging.tags import mac_platforms

        yield from mac_platforms(version, machine)
    else:
        yield f"linux_{machine}"
        if libc and libc.split()[0] == "musl":
            major, minor = _libc_version(libc, "musl", "musl 1.2")
            yield from (f"musllinux_{major}_{level}_{machine}" for level in range(minor, -1, -1))
        else:
            known = _libc_version(libc, "glibc", "glibc 2.35") if libc else _glibc_of(base)
            yield from _manylinux_tags(known, machine)


def platform_tags_of(system: str, machine: str, libc: str | None, base: Platform | None) -> list[str]:
    """The platform tags of a machine, best first.

    Raises:
        UnknownPlatformError: one of the words names nothing known.
    """
    return list(_platform_tags(system, machine, libc, base))


def _manylinux_tags(glibc: tuple[int, int], machine: str) -> Iterator[str]:
    """PEP 600: every glibc from the platform's down to the oldest that has wheels, with the older aliases."""
    if glibc[0] != 2:
        raise UnknownPlatformError(f"glibc {glibc[0]}.{glibc[1]} is not known; its major version is 2")
    oldest = 5 if machine in _OLD_MANYLINUX_MACHINES else 17
    for minor in range(glibc[1], oldest - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY_MANYLINUX:
            yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _glibc_of(base: Platform | None) -> tuple[int, int]:
    if base:
        for platform in _platforms_of(base):
            if match := re.match(r"manylinux_([0-9]{1,3})_([0-9]{1,3})_", platform):
                return int(match[1]), int(match[2])
    return _DEFAULT_GLIBC


def _libc_version(libc: str, name: str, example: str) -> tuple[int, int]:
    match = re.fullmatch(rf"{name}\s+([0-9]{{1,3}})(?:\.([0-9]{{1,3}})(?:\.[0-9]+)*)?", libc.strip().lower())
    if not match:
        raise UnknownPlatformError(f"libc {libc!r} is not understood", hint=f"Write it as {example!r}.")
    return int(match[1]), int(match[2] or 0)
