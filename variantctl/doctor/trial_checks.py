"""What the trials of frameworks say about an environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.trials import Trial
from variantctl.select.ordinary_builds import VENDORS, built_for
from variantctl.values import dataclass

DISTRIBUTIONS: Mapping[str, str] = {
    "torch": r"torch",
    "jax": r"jax|jax-cuda\d+-plugin|jax-rocm\d+-plugin",
    "tensorflow": r"tensorflow(-cpu|-gpu|-rocm)?|intel-tensorflow",
    "onnxruntime": r"onnxruntime(-.+)?",
    "cupy": r"cupy(-.+)?",
}
"""Import name -> the distributions that bring it, or that make it use an accelerator."""


@dataclass(frozen=True)
class Cause:
    """What an error message means.

    Attributes:
        pattern: searched for in the message.
        means: a sentence.
        hint: what to do.
    """

    pattern: str
    means: str
    hint: str


CAUSES: tuple[Cause, ...] = (
    Cause(
        r"undefined symbol",
        "Its compiled code was built against another version of a library that is installed.",
        "`{reinstall}` takes one that goes with the rest.",
    ),
    Cause(
        r"lib(cu(dart|blas|dnn|sparse|fft|rand|solver)|nccl|nvJitLink)\S*: cannot open shared object",
        "A library of CUDA that it was built for is not there, or is of another major version.",
        "`{reinstall}` brings it; `variantctl doctor` without --run names packages that are missing.",
    ),
    Cause(
        r"libcuda\.so\.1|driver/library version mismatch|driver version is insufficient",
        "The NVIDIA driver is missing, too old, or was updated since the machine started.",
        "Update the driver, or restart the machine.",
    ),
    Cause(
        r"no kernel image|not compatible with the current PyTorch|invalid device function",
        "It has no code for this GPU's architecture.",
        "`{reinstall}` takes a build that has.",
    ),
    Cause(r"out of memory", "Another program has the GPU's memory.", "End that program, or wait for it."),
    Cause(r"GLIBC_|GLIBCXX_", "It needs a newer C or C++ library than this system has.", "`{reinstall}`"),
)
"""Messages of dynamic loaders, CUDA and PyTorch. The first that matches counts."""


def check_trials(
    trials: Iterable[Trial],
    packages: Mapping[NormalizedName, Inspected],
    machine: Collection[str],
    commands: Commands,
) -> Iterator[Finding]:
    """What went wrong, and builds for an accelerator that see none.

    Args:
        trials: of the frameworks that are installed.
        packages: what is installed.
        machine: the namespaces of the accelerators that the machine has.
        commands: those that mend things.
    """
    for trial in trials:
        owners = owners_of(trial.framework, packages)
        if trial.status != "ok":
            yield _broken(trial, owners, commands)
        for device in trial.devices:
            if not device.ok and trial.status == "ok":
                yield _failed(trial, device.device, device.error, owners, commands)
        for device_name, needs, archs in trial.no_code:
            yield _no_code(trial, device_name, needs, archs, owners, commands)
        if trial.status == "ok" and all(device.is_cpu for device in trial.devices):
            yield from _sees_none(trial, owners, machine, commands)


def owners_of(framework: str, packages: Mapping[NormalizedName, Inspected]) -> list[Inspected]:
    """The distributions that bring a framework, the one for an accelerator first."""
    pattern = re.compile(DISTRIBUTIONS[framework])
    found = [item for name, item in packages.items() if pattern.fullmatch(name)]
    return sorted(found, key=lambda item: accelerator_of(item) is None)


def accelerator_of(item: Inspected) -> str | None:
    """The namespace of the accelerator that a package was built for."""
    if item.build.accelerator in VENDORS:
        return item.build.accelerator
    properties = (item.metadata.properties_of(item.label) if item.metadata and item.label else None) or {}
    return next((name for name in VENDORS if name in properties), None)


def blind(trial: Trial, packages: Mapping[NormalizedName, Inspected]) -> str | None:
    """Why a trial did not pass: it failed, or is built for an accelerator and sees none; else ``None``."""
    if trial.status != "ok":
        return f"{trial.framework} {_WORDS[trial.status]}: {trial.error}"
    failed = next((device for device in trial.devices if not device.ok), None)
    if failed is not None:
        return f"{trial.framework} failed on {failed.device}: {failed.error}"
    owners = owners_of(trial.framework, packages)
    accelerator = accelerator_of(owners[0]) if owners else None
    if accelerator is None or trial.sees_gpu:
        return None
    why = f" ({trial.no_gpu})" if trial.no_gpu else ""
    return f"{owners[0]} is built for {built_for(accelerator, owners[0].build.version)}, and sees no GPU{why}"


_WORDS: Mapping[str, str] = {
    "import-failed": "cannot be imported",
    "crashed": "crashed",
    "hung": "hung",
    "failed": "failed",
}


def _broken(trial: Trial, owners: Sequence[Inspected], commands: Commands) -> Finding:
    named = str(owners[0]) if owners else trial.framework
    means, hint = _cause(trial.error, owners, commands)
    detail = f"{named} {_WORDS[trial.status]}: {trial.error}"
    package = owners[0].name if owners else trial.framework
    return Finding("error", f"run-{trial.status.removeprefix('import-')}", package, detail, hint, means)


def _failed(
    trial: Trial, device: str, error: str, owners: Sequence[Inspected], commands: Commands
) -> Finding:
    named = str(owners[0]) if owners else trial.framework
    means, hint = _cause(error, owners, commands)
    package = owners[0].name if owners else trial.framework
    return Finding("error", "run-failed", package, f"{named} failed on {device}: {error}", hint, means)


def _no_code(
    trial: Trial, device: str, needs: str, archs: str, owners: Sequence[Inspected], commands: Commands
) -> Finding:
    """A GPU for whose architecture a framework has no code, even where a kernel of its libraries ran."""
    named = str(owners[0]) if owners else trial.framework
    _means, hint = _cause("no kernel image", owners, commands)
    return Finding(
        "error",
        "no-code-for-gpu",
        owners[0].name if owners else trial.framework,
        f"{named} has no code for {device}, which needs {needs}",
        hint,
        "Its own kernels fail there: no kernel image is available for execution on the device.",
        (f"torch.cuda.get_arch_list(): {archs}",),
    )


def _cause(error: str, owners: Sequence[Inspected], commands: Commands) -> tuple[str, str]:
    """What an error means, and what to do."""
    reinstall = commands.install("--reinstall", *(item.name for item in owners[:1]))
    for cause in CAUSES:
        if re.search(cause.pattern, error, re.IGNORECASE):
            return cause.means, cause.hint.format(reinstall=reinstall)
    return "", f"`{reinstall}` installs it anew." if owners else ""


def _sees_none(
    trial: Trial, owners: Sequence[Inspected], machine: Collection[str], commands: Commands
) -> Iterator[Finding]:
    accelerator = accelerator_of(owners[0]) if owners else None
    if accelerator is None:
        return
    item = owners[0]
    why = f": {trial.no_gpu}" if trial.no_gpu else ""
    there = accelerator in machine
    means, hint = _cause(trial.no_gpu or "", owners, commands)
    yield Finding(
        "error" if there else "suggestion",
        "gpu-not-seen",
        item.name,
        f"{item} is built for {built_for(accelerator, item.build.version)}, and sees no GPU{why}",
        hint if trial.no_gpu else "What else `variantctl doctor` finds says why.",
        means or "It runs on the CPU alone.",
        (f"{trial.framework} {trial.version} was imported and asked for its devices",),
    )
