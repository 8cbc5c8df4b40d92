"""What a variant wheel declares, compared with the code that is in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from packaging.tags import Tag

from variantctl.machine_code.cuda import Architecture, toolkit_majors, toolkit_of_ptx
from variantctl.variants.digits import whole_number
from variantctl.variants.errors import VariantctlError
from variantctl.variants.properties import Properties
from variantctl.wheels.audit import Library, WheelAudit
from variantctl.wheels.inference import GENERIC
from variantctl.wheels.tag_contradictions import tag_contradictions

#: Libraries that only NVIDIA's driver brings; and those that compile code on the machine.
_DRIVERS = ("libcuda.so.1", "nvcuda.dll", "libnvidia-ml.so.1", "nvml.dll", "libnvcuvid.so.1")
_HIP = re.compile(r"libamdhip64(?:-[0-9a-f]{6,})?\.so\.(?P<so>\d+)[\d.]*|amdhip64_(?P<dll>\d+)\.dll")
_COMPILERS = (
    "libnvrtc",
    "libcuda.so",
    "nvrtc64",
    "nvcuda.dll",
    "libamdhip64",
    "amdhip64",
    "libze_loader",
    "libsycl",
)


class ContradictionError(VariantctlError):
    """What is declared is not what is there."""

    kind = "contradiction"


def contradictions(
    audit: WheelAudit, properties: Properties, label: str | None, tags: Collection[Tag]
) -> list[VariantctlError]:
    """Each property and tag that the code contradicts. A wheel without libraries contradicts nothing of them.

    Args:
        audit: what was read from its code.
        properties: what it declares.
        label: its label; ``None``: it is no variant, and has tags only.
        tags: its tags.
    """
    lies = list(tag_contradictions(audit.libraries, tags, properties))
    if label is None or not audit.libraries:
        prefix = audit.name if label is None else f"{audit.name}: variant {label}"
        return [ContradictionError(f"{prefix}: {text}", hint=_hint(audit)) for text in lies]
    found = [
        *lies,
        *_nvidia(audit.libraries, properties.get("nvidia", {})),
        *_amd(audit.libraries, properties.get("amd", {})),
        *_rocm(audit.libraries, properties.get("amd", {})),
        *_intel(audit.libraries, properties.get("intel", {})),
        *_x86_64(audit.libraries, properties.get("x86_64", {})),
        *([] if properties else _null(audit.libraries)),
    ]
    return [ContradictionError(f"{audit.name}: variant {label}: {text}", hint=_hint(audit)) for text in found]


def _hint(audit: WheelAudit) -> str:
    return f"'variantctl wheel audit {audit.name}' shows what is there; --infer writes properties from it."


def _nvidia(libraries: Sequence[Library], declared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield from _architectures(libraries, declared.get("sm_arch", ()))
    bounds = [_version(value) for value in declared.get("cuda_version_lower_bound", ())]
    majors = {major for library in libraries for major in toolkit_majors(library.code.needed)}
    if bounds and majors and min(bounds) < (min(majors), 0):
        needs = next(
            f"{library.name} needs {name}"
            for library in libraries
            for name in library.code.needed
            if toolkit_majors([name]) == {min(majors)}
        )
        yield (
            f"nvidia :: cuda_version_lower_bound :: {_dotted(min(bounds))} is declared, and {needs}, "
            f"which needs a driver for CUDA {min(majors)}.0"
        )
    below = [_version(value) for value in declared.get("cuda_version_upper_bound", ())]
    if below and majors and max(below) <= (min(majors), 0):
        yield (
            f"nvidia :: cuda_version_upper_bound :: {_dotted(max(below))} is declared, for older drivers, "
            f"and what it needs is of CUDA {min(majors)}"
        )
    yield from _too_new_ptx(libraries, bounds)


def _too_new_ptx(libraries: Sequence[Library], bounds: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Where there is no machine code, the driver has to know the version of PTX."""
    cudas = [library.code.cuda for library in libraries]
    if not bounds or any(cuda.cubin or cuda.lto for cuda in cudas):
        return
    versions = [cuda.ptx_isa for cuda in cudas if cuda.ptx_isa is not None]
    wanted = [(toolkit, text) for text in versions if (toolkit := toolkit_of_ptx(text)) is not None]
    if wanted and min(bounds) < min(wanted)[0]:
        toolkit, text = min(wanted)
        yield (
            f"nvidia :: cuda_version_lower_bound :: {_dotted(min(bounds))} is declared, and there is only "
            f"PTX, of version {text}, which drivers compile from CUDA {_dotted(toolkit)} on"
        )


def _architectures(libraries: Sequence[Library], declared: Sequence[str]) -> Iterator[str]:
    cubins = {Architecture.parse(text) for library in libraries for text in library.code.cuda.cubin}
    ptx = {Architecture.parse(text) for library in libraries for text in library.code.cuda.ptx}
    lto = any(library.code.cuda.lto for library in libraries)
    if declared and not (cubins or ptx or lto):
        yield from _nothing_for("nvidia :: sm_arch", libraries)
        return
    for value in declared if not lto else ():
        number, _, kind = value.partition("_")
        if whole_number(number) is None:
            continue
        gpu = Architecture.parse(number)
        running = [code for code in cubins if code.runs_on(gpu.major, gpu.minor)]
        if kind == "real" and running and all(code.leaves_out_newer for code in running):
            yield (
                f"nvidia :: sm_arch :: {value} is declared, which newer GPUs of its generation support, too, "
                f"and there is only code for sm_{number}a, which runs on no other one"
            )
        if kind == "real" and not running:
            yield f"nvidia :: sm_arch :: {value} is declared, and no library has machine code for it" + (
                ", only PTX" if any(code.compiles_for(gpu.major, gpu.minor) for code in ptx) else ""
            )
        compiling = [code for code in ptx if code.compiles_for(gpu.major, gpu.minor)]
        if kind == "virtual" and not any(not code.suffix for code in compiling):
            yield f"nvidia :: sm_arch :: {value} is declared, and no library has PTX that is as old" + (
                f": that for compute_{compiling[0].number}{compiling[0].suffix} is not for newer GPUs"
                if compiling
                else ""
            )


def _amd(libraries: Sequence[Library], declared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    every = {target for library in libraries for target in library.code.amd}
    targets = {target.partition(":")[0] for target in every if "xnack+" not in target}
    only_paging = {target.partition(":")[0] for target in every} - targets
    there = targets | {member for target in targets for member in GENERIC.get(target, ())}
    values = declared.get("gfx_arch", ())
    if values and not every:
        yield from _nothing_for("amd :: gfx_arch", libraries)
    elif "amdgcnspirv" not in there:
        for value in sorted(set(values) - there):
            yield f"amd :: gfx_arch :: {value} is declared, and no library has code for it" + (
                " that runs where XNACK is off, as it is at first" if value in only_paging else ""
            )


def _rocm(libraries: Sequence[Library], declared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """HIP's runtime has ROCm's major version in its name since ROCm 5."""
    versions = {_version(value)[0] for value in declared.get("rocm_version", ())}
    for library in libraries:
        for name in library.code.needed:
            found = _HIP.fullmatch(name)
            if found and versions and int(found["so"] or found["dll"]) not in versions:
                declares = ", ".join(declared["rocm_version"])
                yield f"amd :: rocm_version :: {declares} is declared, and {library.name} needs {name}"
                return


def _intel(libraries: Sequence[Library], declared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    there = {device for library in libraries for device in library.code.intel}
    values = declared.get("device_ip", ())
    if values and not there:
        yield from _nothing_for("intel :: device_ip", libraries)
    elif "spirv" not in there:
        for value in sorted(set(values) - there):
            yield f"intel :: device_ip :: {value} is declared, and no library has code for it"


def _x86_64(libraries: Sequence[Library], declared: Mapping[str, Sequence[str]]) -> Iterator[str]:
    levels = [value for value in declared.get("level", ()) if value in ("v1", "v2", "v3", "v4")]
    for library in libraries:
        needs = library.code.level
        if levels and needs is not None and needs > min(levels):
            yield f"x86_64 :: level :: {min(levels)} is declared, and {library.name} needs {needs}"
            return


def _null(libraries: Sequence[Library]) -> Iterator[str]:
    """The null variant fits every machine: one without a GPU, too."""
    for library in libraries:
        for name in library.code.needed:
            if name in _DRIVERS:
                yield f"it fits every machine, and {library.name} needs {name} of NVIDIA's driver"
                return


def _nothing_for(feature: str, libraries: Sequence[Library]) -> Iterator[str]:
    """No code at all; unless something may be compiled on the machine, or was not read."""
    names = [name for library in libraries for name in (*library.code.needed, *library.code.opened)]
    if any(name.startswith(_COMPILERS) for name in names) or any(
        library.code.problems for library in libraries
    ):
        return
    there = sorted({vendor for library in libraries for vendor in _vendors(library)})
    yield f"{feature} is declared, and no library has code for it" + (
        f"; there is code for {', '.join(there)}" if there else ""
    )


def _vendors(library: Library) -> Iterator[str]:
    code = library.code
    if code.cuda.cubin or code.cuda.ptx or code.cuda.lto:
        yield "nvidia"
    if code.amd:
        yield "amd"
    if code.intel:
        yield "intel"


def _version(value: str) -> tuple[int, int]:
    major, _, minor = value.partition(".")
    return whole_number(major) or 0, whole_number(minor) or 0


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
