"""What the tags of a wheel promise, compared with the machine and the Python that its code is for. Pure.

Sources: the platform compatibility tags (PyPA specifications: manylinux, musllinux, macOS, Windows), PEP 3149
(ABI tags in the names of extension modules), PEP 384 (the stable ABI), PEP 703 (``t``).

A wheel may carry files for other machines as data. So it is refused only where none of its extension modules,
or of its libraries where it has no such module, is for what a tag promises.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from packaging.tags import Tag

from variantctl.values import dataclass
from variantctl.variants.properties import Properties
from variantctl.wheels.audit import Library

_LINUX = {
    "x86_64": "x86_64",
    "i686": "x86",
    "i386": "x86",
    "aarch64": "aarch64",
    "armv7l": "arm",
    "armv6l": "arm",
    "ppc64le": "ppc64",
    "s390x": "s390x",
    "riscv64": "riscv",
}
_WINDOWS = {"amd64": "x86_64", "arm64": "aarch64", "32": "x86"}
_MACOS = {"x86_64": ("x86_64",), "arm64": ("arm64",), "universal2": ("x86_64", "arm64")}
_PLATFORM = re.compile(
    r"(?:(?P<libc>many|musl)?linux(?:1|20\d\d|_\d+_\d+)?_(?P<linux>\w+)|win_?(?P<windows>amd64|arm64|32)|"
    r"macosx_\d+_\d+_(?P<macos>\w+))"
)
#: Of an extension module: the Python that it is for, in its name.
_MODULE = re.compile(
    r"\.(?:cpython-(?P<posix>\d{2,3}t?)d?(?:-[\w.-]+)?|cp(?P<windows>\d{2,3}t?)-\w+|(?P<stable>abi3t?))\.(?:so|pyd)\Z"
)
_UNMARKED = re.compile(r"(?:^|/)(?!lib)[^/.]+\.(?:so|pyd)\Z")
_SYSTEMS = {"elf": "Linux", "pe": "Windows", "mach-o": "macOS"}
_NAMESPACES = {"x86_64": ("x86_64",), "aarch64": ("aarch64", "arm64")}


@dataclass(frozen=True)
class _Platform:
    """What a platform tag promises.

    Attributes:
        tag: the tag.
        format: that of a library there.
        machines: the processors; every one of them.
        libc: ``many`` (glibc), ``musl``, or ``""`` where the tag does not say.
    """

    tag: str
    format: str
    machines: tuple[str, ...]
    libc: str = ""


def tag_contradictions(
    libraries: Sequence[Library], tags: Collection[Tag], properties: Properties
) -> Iterator[str]:
    """What the code contradicts of the wheel's tags, in sentences.

    Args:
        libraries: the wheel's.
        tags: its tags.
        properties: what it declares; of a wheel that is no variant none.
    """
    platforms = [_platform(tag) for tag in sorted({tag.platform for tag in tags})]
    hosts = [library for library in libraries if library.code.machines]
    modules = [library for library in hosts if _MODULE.search(library.name)]
    yield from _processors(properties, platforms, hosts)
    for platform in platforms:
        if platform is not None:
            yield from _machines(platform, modules or hosts)
            yield from _libc(platform, modules or hosts)
    unmarked = any(_UNMARKED.search(library.name) for library in hosts)
    if modules and not unmarked:
        pythons = {(tag.interpreter, tag.abi) for tag in tags}
        yield from (text for python in sorted(pythons) for text in _python(*python, modules))


def _platform(tag: str) -> _Platform | None:
    """``None`` for ``any``, and for what is not known here."""
    found = _PLATFORM.fullmatch(tag)
    if found is None:
        return None
    if found["linux"] in _LINUX:
        return _Platform(tag, "elf", (_LINUX[found["linux"]],), found["libc"] or "")
    if found["windows"]:
        return _Platform(tag, "pe", (_WINDOWS[found["windows"]],))
    if found["macos"] in _MACOS:
        return _Platform(tag, "mach-o", _MACOS[found["macos"]])
    return None


def _machines(platform: _Platform, libraries: Sequence[Library]) -> Iterator[str]:
    for machine in platform.machines:
        if libraries and not any(_runs(library, platform.format, machine) for library in libraries):
            first, system = libraries[0], _SYSTEMS[platform.format]
            there = f"{_SYSTEMS[first.code.format]} on {' and '.join(first.code.machines)}"
            yield (
                f"it is tagged {platform.tag}, and no library is for {system} on {machine}: "
                f"{first.name} is for {there}"
            )


def _runs(library: Library, form: str, machine: str) -> bool:
    return library.code.format == form and machine in library.code.machines


def _libc(platform: _Platform, libraries: Sequence[Library]) -> Iterator[str]:
    """glibc's libraries do not load musl's, nor the other way round."""
    other = {"many": "libc.musl-", "musl": "libc.so.6"}.get(platform.libc)
    mine = [library for library in libraries if _runs(library, "elf", platform.machines[0])]
    needs = [[name for name in library.code.needed if other and name.startswith(other)] for library in mine]
    if needs and all(needs):
        yield f"it is tagged {platform.tag}, and {mine[0].name} needs {needs[0][0]}, which is not there"


def _python(interpreter: str, abi: str, modules: Sequence[Library]) -> Iterator[str]:
    """Modules that are for other Pythons than a tag of CPython."""
    number = interpreter.removeprefix("cp")
    if not (interpreter.startswith("cp") and len(number) > 1 and number.isascii() and number.isdigit()):
        return
    marks = {library.name: _MODULE.search(library.name) for library in modules}
    found = {
        name: (mark["posix"] or mark["windows"] or mark["stable"]) for name, mark in marks.items() if mark
    }
    wanted = {"abi3", "abi3t"} if abi.startswith("abi3") else {number + ("t" if abi.endswith("t") else "")}
    # The stable ABI is for every Python, but until 3.15 not for those without a lock.
    if not abi.endswith("t"):
        wanted.add("abi3")
    wanted.add("abi3t")
    if not wanted & set(found.values()):
        name, mark = next(iter(found.items()))
        later = " and later ones" if abi.startswith("abi3") else ""
        yield (
            f"it is tagged {interpreter}-{abi}, for Python {_dotted(number)}{later}, and {name} is for "
            f"Python {_dotted(mark)} alone"
        )


def _dotted(number: str) -> str:
    return f"{number[0]}.{number[1:]}" if number[:1].isascii() and number[:1].isdigit() else number


def _processors(
    properties: Properties, platforms: Sequence[_Platform | None], hosts: Sequence[Library]
) -> Iterator[str]:
    """Properties of a processor that neither the tags nor the code are for."""
    for namespace, machines in _NAMESPACES.items():
        if not properties.get(namespace):
            continue
        tagged = {machine for platform in platforms if platform for machine in platform.machines}
        if None not in platforms and not tagged & set(machines):
            tags = ", ".join(platform.tag for platform in platforms if platform)
            yield f"properties of {namespace} are declared, and its tags are for other processors ({tags})"
        elif hosts and not any(machine in machines for host in hosts for machine in host.code.machines):
            first = hosts[0]
            yield f"properties of {namespace} are declared, and {first.name} is for {first.code.machines[0]}"
