"""Whether what is installed makes use of the machine's accelerator. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.source import Ask, BackendSource
from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected, backend_sources
from variantctl.doctor.members import Members, check_members
from variantctl.doctor.mixtures import backend
from variantctl.doctor.orphans import left_over
from variantctl.doctor.remedies import chosen_again
from variantctl.families.registry import Families
from variantctl.select.fit import devices, fit_of_ordinary, present
from variantctl.select.ordinary_builds import CPU, VENDORS, toolkit_version
from variantctl.select.reasons import property_reasons
from variantctl.values import dataclass
from variantctl.variants.digits import whole_number
from variantctl.variants.ordering import explain_label
from variantctl.variants.properties import Supported

_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_FIRST_CUDA, _LAST_CUDA = 11, 13


@dataclass(frozen=True)
class Machine:
    """What packages are compared with.

    Attributes:
        supported: the machine's answer to ``fit.ACCELERATORS``.
        ask: what it says of any metadata.
        markers: the environment markers' values.
        unanswered: why nothing is known of a namespace.
        who: ``this machine`` or ``profile h100``.
    """

    supported: Supported
    ask: Ask
    markers: Mapping[str, str]
    unanswered: Mapping[str, str]
    who: str

    @property
    def cuda_major(self) -> int:
        """The newest CUDA that the driver runs and frameworks have builds for."""
        bounds = self.supported.get("nvidia", {}).get("cuda_version_lower_bound", ())
        major = int(bounds[0].partition(".")[0]) if bounds else _LAST_CUDA
        return max(_FIRST_CUDA, min(major, _LAST_CUDA))


def check_accelerators(
    packages: Mapping[NormalizedName, Inspected],
    needed: Mapping[NormalizedName, Iterable[NormalizedName]],
    machine: Machine,
    members: Members,
    commands: Commands,
) -> list[Finding]:
    """Builds for CPUs beside a GPU, for another vendor or another CUDA, and libraries that nothing needs."""
    findings = list(_cpu_builds(packages, machine, commands))
    for item in packages.values():
        if not item.build.library and not _is_variant(item):
            findings += _ordinary(item, packages.values(), machine, members, commands)
    named = [NormalizedName(finding.package) for finding in findings]
    told = {*named, *map(members.plugin_of, named)}
    there = present(machine.supported)
    of_members = check_members(members, machine.ask, there, machine.who, commands)
    findings += [finding for finding in of_members if NormalizedName(finding.package) not in told]
    findings += _mixed_cuda(packages.values(), machine, members, commands)
    findings += _other_torch(packages, commands)
    findings += _left_over(packages, needed, commands)
    return findings


def is_about_accelerators(packages: Iterable[Inspected], families: Families) -> bool:
    """Whether anything is installed for which the machine must be asked."""
    return any(
        item.build.accelerator is not None or item.family is not None or families.of(item.name) is not None
        for item in packages
    )


def wanted_accelerators(packages: Iterable[Inspected]) -> set[str]:
    """The namespaces of the accelerators that some packages were built for."""
    wanted: set[str] = set()
    for item in packages:
        properties = (item.metadata.properties_of(item.label) if item.metadata and item.label else None) or {}
        wanted |= {*properties, item.build.accelerator or ""} & VENDORS.keys()
    return wanted


def _is_variant(item: Inspected) -> bool:
    """Whether properties say what it was built for: then those are checked."""
    return bool(item.metadata and item.label and item.metadata.properties_of(item.label))


def _cpu_builds(
    packages: Mapping[NormalizedName, Inspected], machine: Machine, commands: Commands
) -> Iterator[Finding]:
    for source in backend_sources():
        family = [item for item in packages.values() if item.family == source.name]
        members = [item for item in family if _is_for_cpus(item)]
        if any(_is_variant(item) or item.build.accelerator in VENDORS for item in family):
            continue  # that they do not go together is told already
        usable = _usable_backends(source, machine) if members else []
        if members and usable:
            anew = chosen_again(members[0], packages.values(), commands)
            yield _cpu_family(members, source, usable, machine, anew)


def _is_for_cpus(item: Inspected) -> bool:
    return item.build.accelerator == CPU or (item.label is not None and not _is_variant(item))


def _usable_backends(source: BackendSource, machine: Machine) -> list[str]:
    """The sub-indexes with builds for an accelerator of the machine, the best first."""
    return [backend.label for backend in source.supported(machine.ask, machine.markers) if backend.properties]


def _cpu_family(
    members: Sequence[Inspected],
    source: BackendSource,
    usable: Sequence[str],
    machine: Machine,
    anew: str,
) -> Finding:
    named = ", ".join(map(str, members))
    are = "are builds" if len(members) > 1 else "is a build"
    there = devices(present(machine.supported))
    builds = f"for which {source.name} has {', '.join(usable[:3])}"
    detail = f"{named} {are} for CPUs, and {machine.who} has {there}, {builds}"
    return Finding(
        "error",
        "cpu-build",
        members[0].name,
        detail,
        anew,
        "Programs run on the CPU alone: torch.cuda.is_available() is False.",
        _evidence(members),
    )


def _ordinary(
    item: Inspected,
    packages: Collection[Inspected],
    machine: Machine,
    members: Members,
    commands: Commands,
) -> Iterator[Finding]:
    """An ordinary wheel for an accelerator that is not there, or that its driver cannot run."""
    if item.build.accelerator in (None, CPU):
        return
    fit = fit_of_ordinary(item.build, machine.supported, machine.who, machine.unanswered.get)
    instead = _instead(item, packages, machine, members, commands)
    if fit.status == "fits":
        yield from _of_sub_index(item, machine, instead)
        return
    if fit.status == "unknown":
        yield Finding(
            "suggestion", "unchecked-variant", item.name, f"{item} {fit.why}", "", "", _evidence([item])
        )
        return
    too_new = bool(machine.supported.get(item.build.accelerator or ""))
    kind = "driver-too-old" if too_new else "other-vendor" if fit.status == "misfit" else "unused-build"
    update = "Update the driver, or: " if too_new else ""
    yield Finding(
        "error" if fit.status == "misfit" else "suggestion",
        kind,
        item.name,
        f"{item} {fit.why}",
        update + instead,
        "It cannot use a GPU here."
        if fit.status == "misfit"
        else "Nothing here can use what it was built for.",
        _evidence([item]),
    )


def _instead(
    item: Inspected,
    packages: Collection[Inspected],
    machine: Machine,
    members: Members,
    commands: Commands,
) -> str:
    """What to install in place of a build that does not fit."""
    if item.family is not None:
        return chosen_again(item, packages, commands)
    if (better := members.instead(item.name, machine.ask, commands)) is not None:
        return f"{better} takes the build for {machine.who}."
    return f"`{commands.uninstall(item.name)}` removes it."


def _of_sub_index(item: Inspected, machine: Machine, instead: str) -> Iterator[Finding]:
    """PyTorch of an ordinary index is a sub-index's build, of which more is known: the GPUs it is for."""
    source = next((source for source in backend_sources() if source.name == item.family), None)
    if source is None or item.label is not None or item.build.version is None:
        return
    short = {"nvidia": f"cu{item.build.version.replace('.', '')}", "amd": f"rocm{item.build.version}"}
    label = short.get(item.build.accelerator or "", "")
    metadata = source.metadata(item.name, Version(item.version.public), machine.markers, [label])
    if label not in metadata.variants:
        return
    supported = machine.ask(metadata)
    missing = explain_label(metadata, label, supported)
    if not missing:
        return
    reasons = "; ".join(reason.detail for reason in property_reasons(missing, supported, machine.who))
    yield Finding(
        "error",
        "variant-mismatch",
        item.name,
        f"{item}, which is the build {label}, {reasons}",
        instead,
        "Kernels fail at run time: no kernel image is available for execution on the device.",
        _evidence([item]),
    )


def _mixed_cuda(
    packages: Iterable[Inspected], machine: Machine, members: Members, commands: Commands
) -> Iterator[Finding]:
    """Two CUDA majors that one process would load."""
    majors: dict[str, list[Inspected]] = {}
    for item in packages:
        version = _cuda_of(item)
        if version is not None and not item.build.library:
            majors.setdefault(version.partition(".")[0], []).append(item)
    families = {item.family for items in majors.values() for item in items}
    if len(majors) < 2 or (len(families) == 1 and None not in families):
        return  # of one family check_mixture tells
    told = "; ".join(
        f"{', '.join(map(str, items))} for CUDA {major}"
        for major, items in sorted(majors.items(), reverse=True)
    )
    items = [item for group in majors.values() for item in group]
    kept = next((major for major, group in majors.items() if any(item.family for item in group)), None)
    kept = kept if kept is not None else str(machine.cuda_major)
    changed = [item for major, group in majors.items() if major != kept for item in group]
    yield Finding(
        "error",
        "mixed-cuda",
        items[0].name,
        f"builds for different CUDA majors side by side: {told}",
        " ".join(_for_major(item, kept, machine, members, commands) for item in changed),
        "A process that imports both loads two CUDA runtimes, and libraries of one name in two versions.",
        _evidence(items),
    )


def _for_major(item: Inspected, major: str, machine: Machine, members: Members, commands: Commands) -> str:
    if (other := members.instead(item.name, machine.ask, commands, cuda_major=major)) is not None:
        return f"{other} takes the build for CUDA {major}."
    return f"`{commands.install('--upgrade', item.name)}` looks for a build for CUDA {major}."


def _cuda_of(item: Inspected) -> str | None:
    if item.build.accelerator == "nvidia":
        return item.build.version
    label = backend(item) or ""
    return (
        toolkit_version("nvidia", label[2:]) if label.startswith("cu") and whole_number(label[2:]) else None
    )


def _other_torch(packages: Mapping[NormalizedName, Inspected], commands: Commands) -> Iterator[Finding]:
    """What its local version says was built for another release of torch than the one that is there."""
    torch = packages.get(NormalizedName("torch"))
    for item in packages.values():
        wanted = item.build.properties.get("abi_dependency", {}).get("torch", ())
        release = ".".join(map(str, torch.version.release[:2])) if torch else ""
        if torch is None or not wanted or release in wanted:
            continue
        yield Finding(
            "error",
            "other-torch",
            item.name,
            f"{item} was built for torch {', '.join(wanted)}, and torch {torch.version} is installed",
            f"`{commands.install('--upgrade', item.name, torch.pin)}` looks for one that goes with it.",
            "Its compiled code looks for symbols that this torch does not have: undefined symbol.",
            _evidence([item]),
        )


def _left_over(
    packages: Mapping[NormalizedName, Inspected],
    needed: Mapping[NormalizedName, Iterable[NormalizedName]],
    commands: Commands,
) -> Iterator[Finding]:
    """A vendor's libraries that nothing needs any more."""
    libraries = [item.name for item in packages.values() if item.build.library and not item.requested]
    names = left_over({name: set(others) for name, others in needed.items()}, libraries)
    if not names:
        return
    size = sum(packages[name].size for name in names)
    others = len(names) - 1
    named = (
        f"{names[0]} and {others} other {'package' if others == 1 else 'packages'}" if others else names[0]
    )
    are = "are" if others else "is"
    yield Finding(
        "suggestion",
        "left-over",
        names[0],
        f"{named} {are} needed by nothing that is installed" + (f" ({_size(size)})" if size else ""),
        f"`{commands.uninstall(*names)}` removes them.",
        "They take room, and a library of theirs may be found before the one that is meant.",
        tuple(str(packages[name]) for name in names),
    )


def _evidence(items: Iterable[Inspected]) -> tuple[str, ...]:
    """What shows what packages were built for, the sign that decides first."""
    return tuple(f"{item.name}: {sign.evidence}" for item in items for sign in item.build.signs[:1])


def _size(size: int) -> str:
    for factor, unit in _SIZES:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
