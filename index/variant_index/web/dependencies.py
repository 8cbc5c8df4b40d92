"""The dependencies of a wheel, evaluated ahead of time: a page has no use for a marker language.

What a marker says of the Python and the platform is known here for each that a page offers; what it says of
the variant follows from the label, which is compatible if its wheel is chosen (PEP 825, "Evaluating variant
markers"). Only ``variant_properties`` is left to the machine, and that is answered for every case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import NON_VARIANT, MarkerVariant, VariantRequirement
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import VariantProperty, expand

_PROPERTY = re.compile(r"['\"]\s*([a-z0-9_]+)\s*::\s*([a-z0-9_]+)\s*::\s*([a-z0-9_.]+)\s*['\"]")
#: Two to the power of this many cases are worked out; a marker that names more properties is shown as it is.
_MOST_PROPERTIES = 5


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency that a wheel has for some of those who may take it.

    Attributes:
        text: the requirement without its marker; with it, where it could not be evaluated.
        asks: the properties that it depends on whether a machine supports them.
        holds: for each environment, for each subset of ``asks`` (bit *n* of its number: property *n* is
            supported), whether it is needed.
    """

    text: str
    asks: tuple[VariantProperty, ...]
    holds: tuple[tuple[bool, ...], ...]


@dataclass
class Dependencies:
    """Works out the dependencies of wheels for some environments, each distinct question once.

    Attributes:
        environments: the marker environments that a page's platforms and Pythons have.
    """

    environments: Sequence[Mapping[str, str]]
    _known: dict[tuple[str, MarkerVariant], Dependency | None] = field(default_factory=dict, init=False)

    def of(
        self, requires: Sequence[str], label: str | None, metadata: VariantMetadata | None
    ) -> list[Dependency]:
        """Those of a wheel that somebody may need, extras aside.

        Args:
            requires: METADATA's ``Requires-Dist``, as written.
            label: the wheel's label, ``None`` for a non-variant wheel.
            metadata: what the label was built for.
        """
        properties = metadata.properties_of(label) if metadata and label else None
        variant = MarkerVariant(label or "", frozenset(expand(properties or {})))
        return [found for text in requires if (found := self._of(text, variant)) is not None]

    def _of(self, text: str, variant: MarkerVariant) -> Dependency | None:
        # Only a variant marker can tell variants apart.
        key = (text, variant if "variant_" in text else NON_VARIANT)
        if key not in self._known:
            self._known[key] = self._evaluate(*key)
        return self._known[key]

    def _evaluate(self, text: str, variant: MarkerVariant) -> Dependency | None:
        always = tuple((True,) for _ in self.environments)
        try:
            requirement = read_requirement(text).requirement
            if requirement.marker is None:
                return Dependency(str(requirement.requirement), (), always)
            asks = tuple(sorted(_asked_for(requirement.marker) & variant.properties))
            if len(asks) > _MOST_PROPERTIES:
                return Dependency(text, (), always)
            holds = self._when(requirement, variant, asks)
        except InvalidVariantError:
            return Dependency(text, (), always)
        return Dependency(str(requirement.requirement), asks, holds) if any(map(any, holds)) else None

    def _when(
        self, requirement: VariantRequirement, variant: MarkerVariant, asks: Sequence[VariantProperty]
    ) -> tuple[tuple[bool, ...], ...]:
        cases = []
        for number in range(1 << len(asks)):
            missing = {item for bit, item in enumerate(asks) if not number >> bit & 1}
            cases.append(MarkerVariant(variant.label, variant.properties - missing))
        return tuple(
            tuple(requirement.applies(environment, case) for case in cases)
            for environment in self.environments
        )


def _asked_for(marker: str) -> frozenset[VariantProperty]:
    if "variant_properties" not in marker:
        return frozenset()
    return frozenset(VariantProperty(*match) for match in _PROPERTY.findall(marker))
