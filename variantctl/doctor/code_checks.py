"""Whether installed libraries have code for the machine's GPUs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.remedies import chosen_again, is_for_accelerator
from variantctl.machine_code.cuda import Architecture, toolkit_of_ptx
from variantctl.values import dataclass
from variantctl.variants.properties import Supported
from variantctl.wheels.audit import Library
from variantctl.wheels.inference import GENERIC

_NO_IMAGE = 'A kernel fails with "no kernel image is available for execution on the device".'
_SLOW = "Each kernel is compiled when it is first used, which may take minutes. The driver keeps the result."


@dataclass(frozen=True)
class Gpu:
    """NVIDIA's best GPU of a machine.

    Attributes:
        major, minor: its compute capability.
        driver: the CUDA that the driver runs.
        who: ``this machine`` or ``profile h100``.
    """

    major: int
    minor: int
    driver: tuple[int, int]
    who: str

    def __str__(self) -> str:
        return f"a GPU of capability {self.major}.{self.minor}"


def check_code(
    packages: Mapping[NormalizedName, Inspected],
    code: Mapping[NormalizedName, Sequence[Library]],
    supported: Supported,
    who: str,
    commands: Commands,
) -> list[Finding]:
    """A GPU that none of a package's libraries has code for, and one that there is only PTX for.

    Args:
        packages: what is installed.
        code: the libraries of those that were built for an accelerator.
        supported: the machine's answer to ``fit.ACCELERATORS``.
        who: ``this machine`` or ``profile h100``.
        commands: those that mend things.
    """
    gpu = _gpu(supported, who)
    processors = supported.get("amd", {}).get("gfx_arch", ())
    findings: list[Finding] = []
    for name, libraries in code.items():
        another = _another(packages[name], packages.values(), commands)
        if gpu is not None and "nvidia" in packages[name].declares:
            findings += _nvidia(packages[name], libraries, gpu, another)
        if processors and "amd" in packages[name].declares:
            findings += _amd(packages[name], libraries, processors, who, another)
    return findings


def _gpu(supported: Supported, who: str) -> Gpu | None:
    """The best GPU, by the properties that the machine supports: ``90_real`` is the first of 9.0."""
    values = supported.get("nvidia", {})
    real = next((value for value in values.get("sm_arch", ()) if value.endswith("_real")), None)
    bound = next(iter(values.get("cuda_version_lower_bound", ())), None)
    if real is None or bound is None:
        return None
    best = Architecture.parse(real.partition("_")[0])
    major, _, minor = bound.partition(".")
    return Gpu(best.major, best.minor, (int(major), int(minor or 0)), who)


def _another(item: Inspected, packages: Collection[Inspected], commands: Commands) -> str:
    """What may bring a build with code for the GPU; the same version would be the same file."""
    if is_for_accelerator(item):
        return chosen_again(item, packages, commands)
    return f"`{commands.install('--upgrade', item.name)}` looks for a release that has it."


def _nvidia(item: Inspected, libraries: Sequence[Library], gpu: Gpu, another: str) -> Iterator[Finding]:
    cubins = {architecture for library in libraries for architecture in library.code.cuda.cubin}
    ptx = {architecture for library in libraries for architecture in library.code.cuda.ptx}
    if not (cubins or ptx):
        return  # it has none of its own, or what it has cannot be read
    if any(Architecture.parse(text).runs_on(gpu.major, gpu.minor) for text in cubins):
        return
    evidence = _evidence(libraries)
    if not any(Architecture.parse(text).compiles_for(gpu.major, gpu.minor) for text in ptx):
        lacking = f"none of {item}'s {len(evidence)} libraries with CUDA code has any"
        detail = f"{lacking} for {gpu}, which {gpu.who} has"
        yield Finding("error", "no-code-for-gpu", item.name, detail, another, _NO_IMAGE, evidence)
        return
    needed = _needed_driver(libraries)
    only = f"{item} has no machine code for {gpu}, which {gpu.who} has, only PTX"
    if needed is not None and needed > gpu.driver:
        detail = f"{only} that needs a driver for CUDA {_dotted(needed)}; this one runs {_dotted(gpu.driver)}"
        hint = f"Update the driver, or: {another}"
        yield Finding("error", "ptx-too-new", item.name, detail, hint, _NO_IMAGE, evidence)
    else:
        yield Finding("suggestion", "ptx-only", item.name, only, "", _SLOW, evidence)


def _needed_driver(libraries: Sequence[Library]) -> tuple[int, int] | None:
    """The CUDA whose driver compiles the newest PTX."""
    written = [library.code.cuda.ptx_isa for library in libraries if library.code.cuda.ptx_isa is not None]
    return max((known for version in written if (known := toolkit_of_ptx(version))), default=None)


def _amd(
    item: Inspected, libraries: Sequence[Library], processors: Sequence[str], who: str, another: str
) -> Iterator[Finding]:
    targets = {target.partition(":")[0] for library in libraries for target in library.code.amd}
    there = targets | {member for target in targets for member in GENERIC.get(target, ())}
    if not there or "amdgcnspirv" in there or there & set(processors):
        return
    evidence = tuple(
        f"{library.name}: {', '.join(library.code.amd)}" for library in libraries if library.code.amd
    )
    named = ", ".join(processors)
    detail = f"none of {item}'s {len(evidence)} libraries with AMD code has any for {named}, which {who} has"
    means = 'A kernel fails with "invalid device function".'
    yield Finding("error", "no-code-for-gpu", item.name, detail, another, means, evidence[:5])


def _evidence(libraries: Sequence[Library]) -> tuple[str, ...]:
    """A line for each library with CUDA code."""
    lines = []
    for library in libraries:
        cuda = library.code.cuda
        names = [*(f"sm_{text}" for text in cuda.cubin), *(f"PTX {text}" for text in cuda.ptx)]
        if names:
            lines.append(f"{library.name}: {', '.join(names)}")
    return tuple(lines)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
