"""What a sub-index needs by its name alone: the rules for those that no table lists. Pure.

============  ================================================================================================
``cuXYZ``     CUDA XY.Z. Within a major, what is built with a later minor runs on every driver of that major
              (NVIDIA, "CUDA Compatibility", minor-version compatibility; from CUDA 11 on). Before that, the
              driver must be as new as the CUDA version. GPUs: those of the nearest CUDA in the table.
``rocmA.B``   ROCm A.B, which the wheels bring along; the kernel driver must run it (AMD, "User and
              kernel-space support matrix"). GPUs: those of the nearest ROCm in the table.
``xpu``       Intel GPUs: those of the table.
``cpu``       nothing.
============  ================================================================================================

The names are those that PyTorch publishes under (pytorch/test-infra, s3_management/manage_v2.py,
``ACCEPTED_SUBDIR_PATTERNS``). An index that normalizes names (PEP 503) writes ``rocm7-14`` for ``rocm7.14``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from variantctl.backends.backend import Backend, Build
from variantctl.values import dataclass, replace
from variantctl.variants.digits import whole_number
from variantctl.variants.properties import Properties

_NAME = r"(?a)(?P<kind>cu|rocm)(?P<version>[0-9]{1,4}(?:[.-][0-9]{1,4}){0,2})|xpu|cpu"
_LONGEST_LABEL = 16  # PEP 825, "Variant label"
_WITH_MAJOR_OF_TWO = 3
_MINOR_COMPATIBLE_FROM = 11

CUDA = ("nvidia", "cuda_version_lower_bound")
ROCM = ("amd", "rocm_version")


@dataclass(frozen=True)
class AcceleratorName:
    """The name of a sub-index, understood.

    Attributes:
        path: the name as it was written: where the sub-index lies below the source's URL.
        kind: ``cu``, ``rocm``, ``xpu`` or ``cpu``.
        version: of CUDA or ROCm, (major, minor); empty for the others.
    """

    path: str
    kind: str
    version: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """The variant label: the name as PyTorch writes it, whatever an index made of it."""
        return self.path.replace("-", ".") if self.kind == "rocm" else self.path


def parse_accelerator_name(text: str) -> AcceleratorName | None:
    """Understand the name of a sub-index; ``None`` where it follows no rule (``nightly``, ``torch``)."""
    found = re.fullmatch(_NAME, text)
    if found is None or len(text) > _LONGEST_LABEL:
        return None
    kind = found["kind"] or text
    if kind == "cu":
        version = _cuda_version(found["version"])
        return AcceleratorName(text, kind, version) if version else None
    if kind == "rocm":
        numbers = tuple(map(int, re.split("[.-]", found["version"])))
        return AcceleratorName(text, kind, (*numbers, 0)[:2])
    return AcceleratorName(text, kind)


WHY_UNKNOWN = (
    "and its name follows no rule (cu130, rocm7.14, xpu, cpu), so that nothing says what its wheels need"
)
"""Why a sub-index that no table lists is left out: the end of a sentence that says so."""


def backend_by_rule(name: AcceleratorName, known: Sequence[Backend]) -> Backend | None:
    """A sub-index that no table lists, as its name has it.

    Args:
        name: its name.
        known: the sub-indexes of a table, for the GPUs that the nearest of the kind was built for.

    Returns:
        The sub-index, its ``rule`` a sentence that says what was taken for granted; ``None`` for an ``xpu``
        where nothing tells which GPUs that may be.
    """
    if name.kind == "cpu":
        return Backend(name.label, name.path, rule="its wheels are taken to run anywhere")
    nearest = _nearest(name, known)
    if name.kind == "xpu":
        like = nearest and replace(nearest, label=name.label, path=name.path, rule="as the table has it")
        return like or None
    namespace, feature = CUDA if name.kind == "cu" else ROCM
    value, rule = _cuda_rule(name) if name.kind == "cu" else _rocm_rule(name)
    own = {namespace: {feature: (value,)}}
    if nearest is None:
        return Backend(name.label, name.path, own, rule=rule)
    properties = _with(nearest.properties, namespace, feature, value)
    # Exceptions for a platform are taken over; those for some versions say nothing about other ones.
    builds = tuple(
        Build(_with(build.properties, namespace, feature, value), marker=build.marker)
        for build in nearest.builds
        if build.packages is None and not str(build.versions)
    )
    return Backend(
        name.label, name.path, properties, builds, f"{rule}; its GPUs are those of {nearest.label}"
    )


def _cuda_version(digits: str) -> tuple[int, ...]:
    """``126`` as (12, 6), ``92`` as (9, 2). No CUDA had a minor version of two digits."""
    if whole_number(digits) is None or len(digits) not in (2, 3):
        return ()
    if len(digits) == _WITH_MAJOR_OF_TWO:
        return int(digits[:2]), int(digits[2:])
    # A bare major (cu12) is no CUDA version, and is not taken for 1.2 either.
    return (int(digits[0]), int(digits[1])) if digits[0] != "1" else ()


def driver_for_cuda(major: int, minor: int) -> str:
    """The CUDA version that a driver must run at least for what is built with a version: ``13.0`` for 13.2.

    Source: NVIDIA, "CUDA Compatibility", minor-version compatibility, table 1 (drivers 580, 525 and 450).
    """
    return f"{major}.{0 if major >= _MINOR_COMPATIBLE_FROM else minor}"


def _cuda_rule(name: AcceleratorName) -> tuple[str, str]:
    major, minor = name.version
    lowest = driver_for_cuda(major, minor)
    why = " (minor-version compatibility)" if lowest != f"{major}.{minor}" else ""
    runs = f"to run on a driver for CUDA {lowest} or newer{why}"
    return lowest, f"it is taken for CUDA {major}.{minor}, and {runs}"


def _rocm_rule(name: AcceleratorName) -> tuple[str, str]:
    version = ".".join(map(str, name.version))
    return version, f"it is taken for ROCm {version}, and to run where the kernel driver runs that"


def _nearest(name: AcceleratorName, known: Sequence[Backend]) -> Backend | None:
    """The newest of the kind that is no newer, of the same major if there is one; else the oldest newer."""
    alike: list[tuple[tuple[int, ...], Backend]] = []
    for backend in known:
        other = parse_accelerator_name(backend.path) or parse_accelerator_name(backend.label)
        if other is not None and other.kind == name.kind and backend.properties:
            alike.append((other.version, backend))
    older = [pair for pair in alike if pair[0] <= name.version]
    newer = [pair for pair in alike if pair[0] > name.version]
    same_major = [pair for pair in newer if pair[0][:1] == name.version[:1]]
    if older and (older_of_major := max(older, key=lambda pair: pair[0]))[0][:1] == name.version[:1]:
        return older_of_major[1]
    if same_major:
        return min(same_major, key=lambda pair: pair[0])[1]
    if older:
        return max(older, key=lambda pair: pair[0])[1]
    return min(newer, key=lambda pair: pair[0])[1] if newer else None


def _with(properties: Properties, namespace: str, feature: str, value: str) -> Properties:
    return {**properties, namespace: {**properties.get(namespace, {}), feature: (value,)}}
