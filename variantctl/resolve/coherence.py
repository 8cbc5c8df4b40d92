"""One CUDA and one ROCm for everything that loads into one process, where that is possible.

The search takes the best build of each package by itself. Where the builds of a plan then are for two majors
of CUDA, it is made once more for one of them alone: builds for another are not let in, and no package that
had a build for the accelerator may come without. Where that leads nowhere, the plan stays as it was, and a
note says who wants what, with the proof.

Variants of the standard are left to its own order, as uv leaves them: ``cuda_version_lower_bound`` is the
oldest driver that they run on, which need not be the CUDA that they were built with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName

from variantctl.resolve.candidates import BaseCandidate, Candidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.needs import ImpossibleRequirement
from variantctl.resolve.plan import Solution
from variantctl.select.ordinary_builds import cuda_majors, may_tell, optional_requirements, ordinary_build
from variantctl.values import dataclass, field
from variantctl.variants.properties import Properties

if TYPE_CHECKING:
    from variantctl.families.registry import Families
    from variantctl.resolve.dependencies import Dependencies

TOOLKITS: Mapping[str, tuple[str, str]] = {
    "nvidia": ("CUDA", "cuda_version_lower_bound"),
    "amd": ("ROCm", "rocm_version"),
}
"""Namespace -> what its toolkit is called, and the feature that names its version."""

Toolkit = tuple[str, str]
"""A namespace and a major: ``("nvidia", "13")``."""


def called(toolkit: Toolkit) -> str:
    """``CUDA 13``."""
    return f"{TOOLKITS[toolkit[0]][0]} {toolkit[1]}"


def toolkit_of(properties: Properties) -> Toolkit | None:
    """The toolkit that a variant was built with; ``None`` where it needs none, or says of several."""
    for namespace, (_, feature) in TOOLKITS.items():
        majors = {value.partition(".")[0] for value in properties.get(namespace, {}).get(feature, ())}
        if len(majors) == 1:
            return namespace, majors.pop()
    return None


class Toolkits:
    """What the candidates of a search were built with.

    Args:
        requires: what an ordinary wheel needs, which shows what it was built with.
        label_properties: what an installed member of a family or build of a backend needs.
    """

    def __init__(
        self,
        requires: Callable[[Candidate], Iterable[str]],
        label_properties: Callable[[InstalledCandidate], Properties],
    ) -> None:
        self._requires = requires
        self._label_properties = label_properties

    def of(self, candidate: BaseCandidate) -> Toolkit | None:
        """The toolkit of a candidate; ``None`` where none shows, and for a vendor's own libraries."""
        if isinstance(candidate, WheelCandidate):
            if candidate.wheel.label is not None:
                is_table = candidate.wheel.link.backend is not None
                return toolkit_of(candidate.wheel.properties) if is_table else None
            name, version = candidate.distribution, candidate.version
        else:
            if properties := self._label_properties(candidate):
                return toolkit_of(properties)
            name, version = candidate.package.name, candidate.version
        build = ordinary_build(name, str(version), tuple(self._requires(candidate)))
        if build.library or build.version is None or build.accelerator not in TOOLKITS:
            return None
        return str(build.accelerator), build.version.partition(".")[0]

    def of_solution(self, solution: Solution) -> dict[NormalizedName, Toolkit]:
        """The toolkit of each package that has one."""
        found = ((name, self.of(base)) for name, base in solution.bases.items())
        return {name: toolkit for name, toolkit in found if toolkit is not None}


@dataclass(frozen=True)
class Coherence:
    """What is let in by a search for one toolkit alone.

    Attributes:
        toolkit: the only one of its namespace.
        accelerated: the packages that must not come without a build for an accelerator.
        toolkits: what candidates were built with.
    """

    toolkit: Toolkit
    accelerated: frozenset[NormalizedName]
    toolkits: Toolkits

    def allows(self, candidate: WheelCandidate) -> bool:
        """Whether a variant is let in; of ordinary wheels only METADATA tells."""
        if candidate.wheel.label is None or candidate.wheel.link.backend is None:
            return True
        if candidate.name in self.accelerated and not candidate.accelerators:
            return False
        return self._goes_with(toolkit_of(candidate.wheel.properties))

    def against(self, candidate: Candidate) -> ImpossibleRequirement | None:
        """What turns an ordinary wheel away that was built with another toolkit."""
        if not isinstance(candidate, WheelCandidate) or candidate.wheel.label is not None:
            return None
        toolkit = self.toolkits.of(candidate)
        if toolkit is None or self._goes_with(toolkit):
            return None
        reason = f"is built for {called(toolkit)}, and everything is to be for {called(self.toolkit)}"
        return ImpossibleRequirement(candidate.name, reason)

    def _goes_with(self, toolkit: Toolkit | None) -> bool:
        return toolkit is None or toolkit[0] != self.toolkit[0] or toolkit == self.toolkit


@dataclass(frozen=True)
class Mixture:
    """Packages of one plan that were built with several toolkits of one vendor.

    Attributes:
        of: package -> its toolkit.
    """

    of: Mapping[NormalizedName, Toolkit] = field(default_factory=dict)

    @property
    def toolkits(self) -> list[Toolkit]:
        """Those that one plan has too many of: what most are built with first, then the newer."""
        namespaces = Counter(namespace for namespace, _ in set(self.of.values()))
        counts = Counter(toolkit for toolkit in self.of.values() if namespaces[toolkit[0]] > 1)
        return sorted(counts, key=lambda toolkit: (-counts[toolkit], -int(toolkit[1])))

    def told(self, solution: Solution) -> Iterator[str]:
        """``cudf-cu12 26.10.0 is for CUDA 12 (requested)``, for each package in question."""
        for toolkit in self.toolkits:
            for name in sorted(name for name, its in self.of.items() if its == toolkit):
                parents = ", ".join(solution.parents.get(name, ()))
                who = "requested" if name in solution.requested else f"needed by {parents}"
                yield f"{_shown(solution.bases[name])} is for {called(toolkit)} ({who})"


def _shown(base: BaseCandidate) -> str:
    name = base.distribution if isinstance(base, WheelCandidate) else base.package.name
    return f"{name} {base.version}"


def requires_of(dependencies: Dependencies, families: Families) -> Callable[[Candidate], Iterable[str]]:
    """What an ordinary wheel needs, as text; nothing where it cannot be read.

    Members of families are left out: that one is named says nothing of which one is taken. So is everything
    where an extra brings the libraries of another CUDA beside those that are always there
    (``nvidia-cutlass-dsl[cu13]``, which needs those of 12 in any case): it is for both.
    """
    from variantctl.variants.errors import VariantctlError

    def requires(candidate: Candidate) -> Iterable[str]:
        try:
            needed = [
                str(item.requirement)
                for item in dependencies.applicable(candidate)
                if may_tell(item.name)
                and families.of(item.name) is None
                and not _is_of_several(item.specifier)
            ]
            majors = cuda_majors(needed)
            texts = (
                dependencies.declared(candidate)[0]
                if majors and isinstance(candidate, (WheelCandidate, InstalledCandidate))
                else ()
            )
            optional = optional_requirements(texts)
            return () if cuda_majors(optional) - majors else needed
        except VariantctlError:
            return ()

    return requires


_MAJORS = range(11, 16)


def _is_of_several(specifier: SpecifierSet) -> bool:
    """Whether a requirement lets in several majors of CUDA: ``cuda-bindings>=12.9,<14``."""
    if not specifier:
        return False
    let_in = [
        major
        for major in _MAJORS
        if any(specifier.contains(f"{major}.{minor}") for minor in ("0.99", "9.99", "99"))
    ]
    return len(let_in) > 1
