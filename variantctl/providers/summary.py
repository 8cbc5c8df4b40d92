"""A provider's report in a few words: what was found, and what that means for what can be installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from variantctl.providers.asking import ProviderReport

_Values = Mapping[str, Sequence[str]]
_SHOWN = 6


def found(report: ProviderReport) -> str:
    """The devices in a line (``2 x NVIDIA H100 80GB HBM3, compute capability 9.0, 80 GB``), or ``""``."""
    counted: dict[str, int] = {}
    for device in report.devices:
        described = _device(device)
        counted[described] = counted.get(described, 0) + 1
    return "; ".join(f"{count} x {name}" if count > 1 else name for name, count in counted.items())


def meaning(report: ProviderReport) -> str:
    """What the supported properties allow, in a sentence or two; ``""`` when nothing is supported."""
    values: _Values = {feature.name: feature.values for feature in report.features}
    if not values:
        return ""
    return _MEANINGS.get(report.namespace, _other)(values)


def _device(device: Mapping[str, object]) -> str:
    parts = [str(device.get("name") or device.get("kind") or "device")]
    if device.get("kind") == "cpu":
        parts.append(f"{device.get('processors')} processors")
    if "compute_capability" in device:
        parts.append(f"compute capability {device['compute_capability']}")
    memory = device.get("memory_bytes")
    if isinstance(memory, int):
        parts.append(f"{memory / 1e9:.0f} GB")
    return ", ".join(parts)


def _nvidia(values: _Values) -> str:
    said = []
    newest = next(iter(values.get("cuda_version_lower_bound", ())), "")
    if newest:
        said.append(f"CUDA driver {newest}: runs builds for CUDA {newest} and older, back to 11.0.")
    archs = values.get("sm_arch", ())
    if archs:
        real = [arch.removesuffix("_real") for arch in archs if arch.endswith("_real")]
        runs = f"sm_{real[0]}" if len(real) == 1 else f"sm_{real[0]}, then down to sm_{real[-1]}"
        said.append(f"GPU code: {runs}, else PTX of sm_{archs[-1].removesuffix('_virtual')}.")
    return " ".join(said)


def _amd(values: _Values) -> str:
    said = ["GPU code: " + ", ".join(values.get("gfx_arch", ())) + "."]
    versions = values.get("rocm_version", ())
    if versions:
        oldest = f" and older, back to {versions[-1]}" if len(versions) > 1 else ""
        said.append(f"Runs builds for ROCm {versions[0]}{oldest}.")
    return " ".join(said)


def _intel(values: _Values) -> str:
    return "GPU code for device IP " + ", then ".join(values.get("device_ip", ())) + "."


def _tpu(values: _Values) -> str:
    if "true" not in values.get("present", ()):
        return ""
    generations = ", then ".join(values.get("generation", ()))
    return f"Runs builds for TPU {generations}." if generations else "Runs builds for TPUs."


def _x86_64(values: _Values) -> str:
    return _processor("x86-64-", values, "level")


def _aarch64(values: _Values) -> str:
    return _processor("Armv", values, "version")


def _processor(prefix: str, values: _Values, ladder: str) -> str:
    rungs = list(values.get(ladder, ()))
    extensions = [name for name in values if name != ladder]
    shown = ", ".join(extensions[:_SHOWN])
    more = f" and {len(extensions) - _SHOWN} more" if len(extensions) > _SHOWN else ""
    runs = f"{prefix}{rungs[0]}" + (f" and below, to {prefix}{rungs[-1]}" if len(rungs) > 1 else "")
    return f"Runs builds for {runs}." + (f" Newest extensions: {shown}{more}." if shown else "")


def _other(values: _Values) -> str:
    return "; ".join(f"{name}: {', '.join(listed[:_SHOWN])}" for name, listed in values.items())


_MEANINGS: dict[str, Callable[[_Values], str]] = {
    "nvidia": _nvidia,
    "amd": _amd,
    "intel": _intel,
    "tpu": _tpu,
    "x86_64": _x86_64,
    "aarch64": _aarch64,
}
