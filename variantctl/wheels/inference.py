"""Properties of a wheel, inferred from its code. Pure.

What a property stands for is written with each rule below; ``docs/auditing.md`` has them as a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from variantctl.machine_code.cuda import Architecture, toolkit_majors, toolkit_of_ptx
from variantctl.machine_code.library import LibraryCode
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.properties import Properties, VariantProperty, in_order
from variantctl.variants.suggestions import listed
from variantctl.wheels.audit import Library, WheelAudit

#: "Generic processors" of LLVM's "User Guide for AMDGPU Backend": the processors that one stands for.
GENERIC: Mapping[str, tuple[str, ...]] = {
    "gfx9-generic": ("gfx900", "gfx902", "gfx904", "gfx906", "gfx909", "gfx90c"),
    "gfx9-4-generic": ("gfx940", "gfx941", "gfx942", "gfx950"),
    "gfx10-1-generic": ("gfx1010", "gfx1011", "gfx1012", "gfx1013"),
    "gfx10-3-generic": ("gfx1030", "gfx1031", "gfx1032", "gfx1033", "gfx1034", "gfx1035", "gfx1036"),
    "gfx11-generic": tuple(f"gfx{n}" for n in (1100, 1101, 1102, 1103, 1150, 1151, 1152, 1153)),
    "gfx12-generic": ("gfx1200", "gfx1201"),
    "gfx12-5-generic": ("gfx1250", "gfx1251"),
}


class InferenceError(VariantctlError):
    """The code of a wheel does not show what it is for."""

    kind = "not-inferred"


@dataclass(frozen=True)
class Inferred:
    """One property, and what shows it.

    Attributes:
        property: the property.
        because: what shows it, in words, with the library.
    """

    property: VariantProperty
    because: str

    def as_json(self) -> dict[str, str]:
        """Its object of ``wheel make --infer --json``."""
        return {"property": str(self.property), "because": self.because}


@dataclass(frozen=True)
class Inference:
    """What a wheel's code shows.

    Attributes:
        found: the properties.
        notes: what no property can say, and what is not known.
    """

    found: tuple[Inferred, ...]
    notes: tuple[str, ...] = ()

    @property
    def properties(self) -> Properties:
        """The properties, by namespace and feature."""
        return in_order(item.property for item in self.found)

    def as_json(self) -> dict[str, object]:
        """Its part of the object of ``wheel make --infer --json``."""
        return {"inferred": [item.as_json() for item in self.found], "notes": list(self.notes)}


def infer(audit: WheelAudit, namespaces: Collection[str] = ()) -> Inference:
    """The properties that a wheel's code shows.

    Args:
        audit: the wheel.
        namespaces: those of the project: other ones are left out; none: every one.

    Raises:
        InferenceError: it shows no property, or those of several vendors.
    """
    found: list[Inferred] = []
    notes: list[str] = []
    for namespace, rule in _RULES.items():
        if not namespaces or namespace in namespaces:
            found += rule(audit.libraries, notes)
    # sm_90 and sm_90a are one property.
    found = list({item.property: item for item in reversed(found)}.values())[::-1]
    vendors = sorted({item.property.namespace for item in found} - {"x86_64"})
    if len(vendors) > 1:
        raise InferenceError(
            f"{audit.name}: has code for {listed(vendors)}, and a variant is for one of them",
            hint=f"Name the one that this variant is for: --namespace {vendors[0]}.",
        )
    if not found:
        why = notes[0] if notes else "no library is for accelerators"
        raise InferenceError(
            f"{audit.name}: its code shows no property: {why}",
            hint="Give its properties with --property, or make the null variant with --null.",
        )
    return Inference(tuple(found), tuple(notes))


def _nvidia(libraries: Sequence[Library], notes: list[str]) -> Iterator[Inferred]:
    """A lower bound by minor-version compatibility, and the architectures of machine code and of PTX."""
    cubins = _by_value(libraries, lambda code: code.cuda.cubin)
    ptx = _by_value(libraries, lambda code: code.cuda.ptx)
    needed = {library.name for library in libraries if toolkit_majors(library.code.needed)}
    if not (cubins or ptx or needed):
        return
    yield from _lower_bound(libraries, cubins, ptx, notes)
    for text, names in cubins.items():
        architecture = Architecture.parse(text)
        if architecture.is_for_newer:
            yield _inferred("nvidia", "sm_arch", f"{architecture.number}_real", f"sm_{text}", names)
        else:
            notes.append(f"sm_{text} runs on one GPU architecture only, which no property can say")
    for text, names in ptx.items():
        architecture = Architecture.parse(text)
        if architecture.suffix:
            notes.append(f"PTX for {text} runs on its own architectures only, which no property can say")
        elif lacking := _without_ptx(libraries, architecture):
            notes.append(
                f"PTX for {text} is in {names[0]} and not in {lacking}, so newer GPUs are not promised"
            )
        else:
            yield _inferred("nvidia", "sm_arch", f"{text}_virtual", f"PTX for {text}", names)


def _without_ptx(libraries: Sequence[Library], wanted: Architecture) -> str | None:
    """A library with CUDA code that has no PTX for an architecture: a newer GPU finds none of its kernels."""
    for library in libraries:
        ptx = (Architecture.parse(text) for text in library.code.cuda.ptx)
        compiles = any(older.compiles_for(wanted.major, wanted.minor) for older in ptx)
        if library.code.cuda.cubin and not compiles:
            return library.name
    return None


def _lower_bound(
    libraries: Sequence[Library],
    cubins: Mapping[str, list[str]],
    ptx: Mapping[str, list[str]],
    notes: list[str],
) -> Iterator[Inferred]:
    """CUDA M.x runs on the driver that introduced M; PTX needs one that knows its instruction set."""
    majors = {
        major: library for library in reversed(libraries) for major in toolkit_majors(_names(library.code))
    }
    compiled = _toolkit_that_compiles(libraries)
    if cubins and majors:
        oldest = min(majors)
        named = next(name for name in _names(majors[oldest].code) if toolkit_majors([name]) == {oldest})
        why = f"{majors[oldest].name} needs {named}, and CUDA {oldest}.x runs on drivers for {oldest}.0"
        yield Inferred(_bound((oldest, 0)), why)
        if compiled is not None and compiled > (oldest, 0):
            notes.append(f"its PTX needs a driver for CUDA {compiled[0]}.{compiled[1]} or newer")
    elif ptx and compiled is not None:
        bound = (compiled[0], 0) if cubins else compiled
        yield Inferred(_bound(bound), f"its PTX is of CUDA {compiled[0]}.{compiled[1]}")
    elif majors:
        yield Inferred(_bound((min(majors), 0)), f"{majors[min(majors)].name} needs CUDA {min(majors)}")
    else:
        notes.append("no library says which CUDA it was built with: add nvidia :: cuda_version_lower_bound")


def _toolkit_that_compiles(libraries: Sequence[Library]) -> tuple[int, int] | None:
    versions = [library.code.cuda.ptx_isa for library in libraries]
    known = [toolkit_of_ptx(version) for version in versions if version is not None]
    return max((toolkit for toolkit in known if toolkit is not None), default=None)


def _amd(libraries: Sequence[Library], notes: list[str]) -> Iterator[Inferred]:
    """The processors; a generic one stands for those that LLVM lists."""
    targets = _by_value(libraries, lambda code: code.amd)
    for target, names in targets.items():
        processor, _, features = target.partition(":")
        if "xnack+" in features:
            notes.append(f"{target} runs only where XNACK is on, which no property can say")
            continue
        for member in GENERIC.get(processor, (processor,)):
            if member.startswith("gfx"):
                yield _inferred("amd", "gfx_arch", member, f"code for {target}", names)
    if targets:
        notes.append("code does not say which ROCm it was built with: add amd :: rocm_version if it matters")


def _intel(libraries: Sequence[Library], notes: list[str]) -> Iterator[Inferred]:
    """The devices that there is machine code for."""
    for device, names in _by_value(libraries, lambda code: code.intel).items():
        if device == "spirv":
            notes.append("it has SPIR-V, which every Intel GPU's driver compiles: no property can say that")
        else:
            yield _inferred("intel", "device_ip", device, f"a device binary for {device}", names)


def _x86_64(libraries: Sequence[Library], _: list[str]) -> Iterator[Inferred]:
    """The highest level that a compiler noted; v1 is every processor's."""
    levels = _by_value(libraries, lambda code: (code.level,) if code.level not in (None, "v1") else ())
    if levels:
        level = max(levels)
        yield _inferred("x86_64", "level", level, f"the compiler noted {level}", levels[level])


_RULES: Mapping[str, Callable[[Sequence[Library], list[str]], Iterator[Inferred]]] = {
    "nvidia": _nvidia,
    "amd": _amd,
    "intel": _intel,
    "x86_64": _x86_64,
}


def _by_value(
    libraries: Sequence[Library], values: Callable[[LibraryCode], Sequence[str | None]]
) -> dict[str, list[str]]:
    """Value -> the names of the libraries that have it."""
    found: dict[str, list[str]] = {}
    for library in libraries:
        for value in values(library.code):
            if value is not None:
                found.setdefault(value, []).append(library.name)
    return found


def _names(code: LibraryCode) -> tuple[str, ...]:
    return (*code.needed, *code.opened)


def _bound(version: tuple[int, int]) -> VariantProperty:
    return VariantProperty("nvidia", "cuda_version_lower_bound", f"{version[0]}.{version[1]}")


def _inferred(namespace: str, feature: str, value: str, what: str, names: Sequence[str]) -> Inferred:
    others = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return Inferred(VariantProperty(namespace, feature, value), f"{what} in {names[0]}{others}")
