"""The platform part of a machine: operating system, processor, C library and Python."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from variantctl.values import asdict, dataclass

_SYSTEMS = {"Linux": ("posix", "linux"), "Darwin": ("posix", "darwin"), "Windows": ("nt", "win32")}
PLATFORM_KEYS = ("system", "machine", "libc", "python")

_PATTERNS: dict[str, tuple[re.Pattern[str], str]] = {
    "system": (re.compile(r"Linux|Darwin|Windows"), '"Linux", "Darwin" or "Windows"'),
    "machine": (re.compile(r"[A-Za-z0-9_]{1,32}"), 'what uname -m says, such as "x86_64" or "aarch64"'),
    "libc": (
        re.compile(r"(glibc|musl|macos) [0-9]{1,3}(\.[0-9]{1,3}){1,2}"),
        '"glibc 2.35" or "musl 1.2" on Linux, "macos 14.0" on Darwin',
    ),
    "python": (
        re.compile(r"[0-9]\.[0-9]{1,3}(\.[0-9]{1,3})?t?"),
        '"3.12", or "3.13t" for the free-threaded build',
    ),
}


@dataclass(frozen=True)
class PlatformFacts:
    """A profile's ``[platform]``; what is ``None`` is this interpreter's.

    Attributes:
        system: ``Linux``, ``Darwin`` or ``Windows``.
        machine: what ``uname -m`` says.
        libc: ``glibc 2.35``, ``musl 1.2`` or, on Darwin, ``macos 14.0``.
        python: ``3.12``.
    """

    system: str | None = None
    machine: str | None = None
    libc: str | None = None
    python: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """The ``platform`` object of ``variantctl detect --json``."""
        return asdict(self)

    def markers(self) -> dict[str, str]:
        """The marker variables (PEP 508) that these facts decide; the others stay this interpreter's."""
        markers: dict[str, str] = {}
        if self.system is not None:
            os_name, sys_platform = _SYSTEMS[self.system]
            markers |= {"platform_system": self.system, "os_name": os_name, "sys_platform": sys_platform}
        if self.machine is not None:
            markers["platform_machine"] = self.machine
        if self.python is not None:
            numbers = self.python.rstrip("t").split(".")
            full = ".".join([*numbers, "0"][:3])
            markers |= {"python_version": ".".join(numbers[:2]), "python_full_version": full}
        return markers


def check_platform_fact(key: str, value: object) -> str | None:
    """What is allowed for a key of ``[platform]``, or ``None`` when the value is fine."""
    pattern, allowed = _PATTERNS[key]
    return None if isinstance(value, str) and pattern.fullmatch(value) else allowed


def this_platform() -> PlatformFacts:
    """The platform of the interpreter that runs us."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.platform == "win32":
        return PlatformFacts("Windows", os.environ.get("PROCESSOR_ARCHITECTURE", ""), None, python)
    uname = os.uname()
    return PlatformFacts(uname.sysname, uname.machine, _this_libc(uname.sysname), python)


def tree_platform(root: str) -> PlatformFacts:
    """The platform of a mounted image or a support bundle, as far as its files tell."""
    recorded = _recorded_platform(root)
    if recorded is not None:
        return recorded
    machine = (_regular_file(root, "machine") or b"").decode("utf-8", "replace").strip()
    captures = {"sysctl.txt": "Darwin", "processor-features.txt": "Windows"}
    system = next((system for name, system in captures.items() if Path(root, name).is_file()), "Linux")
    return PlatformFacts(system, machine if not check_platform_fact("machine", machine) else None)


def _regular_file(root: str, name: str) -> bytes | None:
    """The bytes of a file at a tree's top; a pipe there, which could block for ever, is none."""
    place = Path(root, name)
    try:
        return place.read_bytes() if place.is_file() else None
    except OSError:
        return None


def _recorded_platform(root: str) -> PlatformFacts | None:
    """What ``detect --bundle`` wrote down; whatever is not of the right form is left out."""
    import json

    try:
        written = json.loads(_regular_file(root, "variant-detect.json") or b"")
    except (ValueError, RecursionError):
        return None
    said = written.get("platform") if isinstance(written, dict) else None
    if not isinstance(said, dict):
        return None
    facts = {key: said[key] for key in PLATFORM_KEYS if key in said}
    return PlatformFacts(**{key: fact for key, fact in facts.items() if not check_platform_fact(key, fact)})


def _this_libc(system: str) -> str | None:
    if system == "Darwin":
        import platform

        return "macos " + ".".join(platform.mac_ver()[0].split(".")[:2])
    try:
        written = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):
        written = None
    if written:
        return written
    return _musl()


def _musl() -> str | None:
    """musl does not say its version to programs; packaging reads it from the loader."""
    from packaging.tags import platform_tags

    for tag in platform_tags():
        found = re.match(r"musllinux_([0-9]+)_([0-9]+)_", tag)
        if found:
            return f"musl {found[1]}.{found[2]}"
    return None
