"""Candidates that a need lets in which is met only after their project was decided.

A pre-release may be taken where a specifier names one (version specifiers, "Handling of pre-releases"), a
yanked wheel where one pins it (PEP 592), a direct reference where a wheel insists on it (PEP 508). Any other
need only takes candidates away; these add some. They come after all others, and whoever takes one has to see
to it that the need is still there in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidates import WheelCandidate
from variantctl.resolve.needs import Need, ProjectNeed, is_pin
from variantctl.resolve.stock import Stock


class Late:
    """What was met so far that lets more in.

    Args:
        stock: what can be had.
    """

    def __init__(self, stock: Stock) -> None:
        self._stock = stock
        self._specifiers: dict[NormalizedName, dict[str, SpecifierSet]] = {}
        self._references: dict[NormalizedName, dict[str, None]] = {}

    def meet(self, needs: Sequence[Need]) -> None:
        """Remember what some needs let in."""
        for need in needs:
            if not isinstance(need, ProjectNeed):
                continue
            if need.url:
                self._references.setdefault(need.name, {})[need.url] = None
            elif need.specifier.prereleases or is_pin(need.specifier):
                self._specifiers.setdefault(need.name, {})[str(need.specifier)] = need.specifier

    def candidates(self, name: NormalizedName, needs: Sequence[Need]) -> Iterator[WheelCandidate]:
        """The candidates of a project that satisfy some needs, with those that are let in by others."""
        for url in tuple(self._references.get(name, ())):
            candidate = self._stock.direct(url, name)
            if all(need.is_satisfied_by(candidate) for need in needs):
                yield candidate
        specifiers = tuple(self._specifiers.get(name, {}).values())
        if not specifiers:
            return
        for version in self._stock.allowed(name, needs):
            naming = [specifier for specifier in specifiers if specifier.contains(version, prereleases=True)]
            if not version.is_prerelease or any(specifier.prereleases for specifier in naming):
                yield from self._of_version(name, version, pinned=any(map(is_pin, naming)))

    def _of_version(
        self, name: NormalizedName, version: Version, *, pinned: bool
    ) -> Sequence[WheelCandidate]:
        candidates = self._stock.candidates(name, version)
        if not candidates and pinned:
            return self._stock.candidates(name, version, allow_yanked=True)
        # What is not let in by this is with the others already.
        return candidates if version.is_prerelease else ()
