"""What exists and is for other machines: the words of a refusal, and what would open it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.needs import Need
from variantctl.values import dataclass

_MOST_LABELS = 4


@dataclass(frozen=True)
class BuildsForOthers:
    """The newest version that some needs allow, where every build of it that they allow is for others.

    Attributes:
        name: the project.
        version: the version, without the part that names a backend.
        named: the version with that part, where the needs allow one build alone.
        reasons: label -> why the machine cannot take it, a clause whose subject is the build.
    """

    name: NormalizedName
    version: Version
    named: Version | None
    reasons: Mapping[str, str]

    def message(self, who: str) -> str:
        """Why the machine called *who* gets none of them."""
        if self.named is not None:
            (why,) = self.reasons.values()
            return f"{self.name} {self.named} is no build for {who}: it {why}"
        told = [f"{label} {why}" for label, why in list(self.reasons.items())[:_MOST_LABELS]]
        more = len(self.reasons) - len(told)
        rest = f"; and {more} more" if more > 0 else ""
        return f"{self.name} {self.version} has no build for {who}: {'; '.join(told)}{rest}"


def builds_for_others(
    name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder
) -> BuildsForOthers | None:
    """What of a project would satisfy some needs on another machine; ``None``: nothing would.

    Pages are asked for that the machine has no use for.

    Args:
        name: a project of which nothing that the machine sees satisfies ``needs``.
        needs: everything that was asked of it.
        candidate_finder: what can be had.
    """
    files = candidate_finder.others.anywhere(name)
    for version, links in files.by_version.items() if files is not None else ():
        allowed = [link for link in links if all(need.allows(link.version) for need in needs)]
        labels = {link.wheel.label for link in allowed}
        known = candidate_finder.others.why_not(name, version)
        reasons = {label: why for label, why in known.items() if label in labels and why}
        if reasons:
            spelled = {link.version for link in allowed}
            named = allowed[0].version if len(spelled) == len(reasons) == 1 else None
            is_named = named is not None and any(f"+{named.local}" in str(need) for need in needs)
            return BuildsForOthers(name, version, named if is_named else None, reasons)
    return None


def what_would_open(builds: BuildsForOthers, candidate_finder: CandidateFinder) -> list[str]:
    """A sentence each: a driver, the build of the same version for the machine, another machine."""
    name, version, who = builds.name, builds.version, candidate_finder.who
    told = []
    advice = candidate_finder.others.advice(name, version, further=True)
    opened = next((each for each in advice if each.label in builds.reasons), None)
    if opened is not None:
        told.append(f"With {opened.driver} you would get {version}+{opened.label}.")
    here = next(iter(candidate_finder.candidates_if_any(name, version)), None)
    if here is not None:
        told.append(f"{name} {here.version} is the build for {who}.")
    return [*told, "To install for another machine, describe it: --profile NAME-or-FILE."]
