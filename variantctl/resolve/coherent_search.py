"""The search made once more for one CUDA or one ROCm, where the builds of a solution are for several."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import Candidate
from variantctl.resolve.coherence import Coherence, Mixture, Toolkits, called, requires_of
from variantctl.resolve.plan import Solution
from variantctl.resolve.provider import Provider
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError

MOST_ROUNDS = 20_000
"""Of such a search: a plan that is harder to find stays as it was."""


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        provider: what it asked.
        pins: identifier -> candidate.
        solution: what of them is needed.
        notes: what is to be said of its toolkits, a line each.
    """

    provider: Provider
    pins: Mapping[str, Candidate]
    solution: Solution
    notes: tuple[str, ...] = ()


def coherent(found: Found, again: Callable[[Coherence], Found], candidate_finder: CandidateFinder) -> Found:
    """The same where it is for one CUDA and one ROCm; else what is, or why there is no such thing.

    Args:
        found: what the search found.
        again: makes the search with one toolkit alone; raises ``VariantctlError`` where that leads nowhere.
        candidate_finder: what can be had.
    """
    toolkits = Toolkits(
        requires_of(found.provider.dependencies, candidate_finder.families),
        candidate_finder.builds.properties_of,
    )
    mixture = Mixture(toolkits.of_solution(found.solution))
    mixed = mixture.toolkits
    if not mixed:
        return found
    accelerated = frozenset(name for name, toolkit in mixture.of.items() if toolkit in mixed)
    why: list[str] = []
    for toolkit in mixed:
        try:
            other = again(Coherence(toolkit, accelerated, toolkits))
        except VariantctlError as error:
            why.append(f"for {called(toolkit)} alone: {error.message}")
            continue
        theirs = toolkits.of_solution(other.solution)
        if toolkit not in theirs.values():
            # An older version that needs none of it all is not what was asked for.
            why.append(f"for {called(toolkit)} alone: nothing that is built for it would be left")
        elif toolkit not in Mixture(theirs).toolkits:
            return replace(other, notes=_told(found, other, mixture, called(toolkit)))
    told = "; ".join(mixture.told(found.solution))
    note = f"not everything that loads into one process is for one toolkit: {told}"
    return replace(found, notes=(note, *why))


def _told(before: Found, after: Found, mixture: Mixture, toolkit: str) -> tuple[str, ...]:
    """What was taken instead, for the sake of one toolkit."""
    instead = [
        str(base)
        for name, base in after.solution.bases.items()
        if name in mixture.of and str(base) != str(before.solution.bases.get(name))
    ]
    return (f"everything is for {toolkit}, and so is {', '.join(instead)}",) if instead else ()
