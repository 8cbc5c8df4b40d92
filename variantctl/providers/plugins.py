"""Detector plugins: ours, found by their distribution, and everybody else's, found but not run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Protocol

from variantctl.providers.entry_points import entry_points
from variantctl.providers.errors import MissingDetectorsError
from variantctl.values import dataclass

GROUP = "variant_plugins"
OUR_DISTRIBUTION = "variant-providers"

KNOWN_PROVIDERS: Mapping[str, str | None] = {
    "nvidia-variant-provider": "nvidia",
    "amd-variant-provider": "amd",
    "intel-variant-provider": "intel",
    "provider-variant-x86-64": "x86_64",
    "x86-64-variant-provider": "x86_64",
    "provider-variant-aarch64": "aarch64",
    "aarch64-variant-provider": "aarch64",
    OUR_DISTRIBUTION: None,
}
"""Provider package (normalised name) -> the namespace of our plugin that answers; ``None``: any of ours."""


class FeatureConfig(Protocol):
    """A feature as the plugin API of PEP 850 has it."""

    @property
    def name(self) -> str: ...
    @property
    def values(self) -> list[str]: ...
    @property
    def multi_value(self) -> bool: ...


class Plugin(Protocol):
    """What our plugins offer: the plugin API of PEP 850 and our extensions to it."""

    namespace: str

    def get_all_configs(self) -> list[FeatureConfig]: ...
    def detect(
        self, root: str | None = None, *, transcript: list[tuple[str, list[str]]] | None = None
    ) -> dict[str, Any]: ...
    def configs_from_facts(self, facts: Mapping[str, object]) -> list[FeatureConfig]: ...
    def notes_from_facts(self, facts: Mapping[str, object]) -> list[str]: ...
    def read_file(self, root: str | None, path: str) -> bytes | None: ...


@dataclass(frozen=True)
class ForeignPlugin:
    """Somebody else's plugin that is installed in this environment.

    Attributes:
        name: its entry point's name (by custom, but not necessarily, its namespace).
        package: the distribution that brings it, its name normalised.
        version: that distribution's version.
        reference: the plugin itself, as ``module[:object]``.
    """

    name: str
    package: str
    version: str
    reference: str


@cache
def our_plugins() -> Mapping[str, Plugin]:
    """Namespace -> plugin class, in the order of our distribution's entry points.

    Raises:
        MissingDetectorsError: our distribution is not installed.
    """
    ours = [point for point in entry_points(GROUP) if point.package == OUR_DISTRIBUTION]
    if not ours:
        raise MissingDetectorsError(
            f"the distribution {OUR_DISTRIBUTION} is not installed beside variantctl",
            hint=f"install it where variantctl is: pip install {OUR_DISTRIBUTION}",
        )
    plugins = {point.name: point.load() for point in ours}
    # Accelerators before processors; installers write entry points in any order.
    order = [*KNOWN_PROVIDERS.values(), *sorted(plugins)]
    return dict(sorted(plugins.items(), key=lambda item: order.index(item[0])))


def foreign_plugins() -> list[ForeignPlugin]:
    """The plugins of other distributions in this environment, by their entry points; none is imported."""
    found = {
        ForeignPlugin(point.name, point.package, point.version, point.value)
        for point in entry_points(GROUP)
        if point.package != OUR_DISTRIBUTION
    }
    return sorted(found, key=lambda plugin: (plugin.package, plugin.name))
