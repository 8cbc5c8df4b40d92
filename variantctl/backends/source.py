"""Sources of kind ``backends``: one place, and below it an index for each kind of accelerator.

The layout is the one PyTorch publishes in: ``.../whl/cpu/``, ``.../whl/cu128/``, ``.../whl/rocm7.1/``. A
wheel there says in the local part of its version, if at all, what it was built for (``2.10.0+cu128``). A
mapping gives each sub-index a label and properties, so that its wheels are variants of version 2.10.0 like
any others: judged by PEP 825's rule, ordered by its algorithm. Only where they lie is special about them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.backend import Backend, DeviceExtras
from variantctl.values import dataclass, field, replace
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.ordering import order_labels
from variantctl.variants.properties import Properties, Supported
from variantctl.variants.schemas import PEP_850_SCHEMA

PRIORITY = "priority"
"""The namespace that decides between builds of equal properties, as in the metadata of PyTorch 2.10."""

_ORDER = "order"
_PROVIDERS = {
    "nvidia": ProviderInfo(
        requires=("nvidia-variant-provider",), plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin"
    ),
    "amd": ProviderInfo(
        requires=("amd-variant-provider",), plugin_api="amd_variant_provider.plugin:AMDVariantPlugin"
    ),
    "intel": ProviderInfo(
        requires=("intel-variant-provider",), plugin_api="intel_variant_provider.plugin:IntelVariantPlugin"
    ),
    "x86_64": ProviderInfo(requires=("x86-64-variant-provider",)),
    "aarch64": ProviderInfo(requires=("aarch64-variant-provider",)),
}
"""The names by which uv knows the providers, too, for metadata that is published (``index import``)."""

_OUR_DETECTORS = ProviderInfo(requires=("variant-providers",))

Ask = Callable[[VariantMetadata], Supported]
"""What the machine offers of the namespaces that some variants use."""


@dataclass(frozen=True)
class BackendSource:
    """A place with several sub-indexes, all of whose packages come from one of them.

    Attributes:
        name: what it is called in configuration, on the command line and in messages.
        url: what the paths of the sub-indexes are below, without a slash at the end; may carry credentials.
        packages: what is looked for here, the one that the others are built for first.
        namespaces: of the properties, most important first.
        backends: of two that the machine supports equally well, the earlier one is preferred.
        providers: who answers for a namespace, where not our own detectors.
        origin: who named it: a file, or ``variantctl`` where it is shipped.
        by_default: nobody asked for it: it is passed over where somebody named a source that has the
            project, or where it cannot be reached.
        discover: whether the place is asked which sub-indexes it has that the table lacks.
        device_extras: package -> the extras of it that are for single devices.
        problem: why a newer table of it, which is stored, is not used; ``""`` where there is none.
    """

    name: str
    url: str
    packages: tuple[NormalizedName, ...]
    namespaces: tuple[str, ...]
    backends: tuple[Backend, ...]
    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    origin: str = ""
    by_default: bool = False
    discover: bool = False
    device_extras: Mapping[NormalizedName, DeviceExtras] = field(default_factory=dict)
    problem: str = ""

    @cached_property
    def _places(self) -> Mapping[str, str]:
        """label -> its value of ``priority :: order``."""
        return {backend.label: str(place) for place, backend in enumerate(self.backends, start=1)}

    def with_names(self, names: Iterable[str]) -> BackendSource:
        """The same source with the sub-indexes of these names, those that the table lacks by rule.

        They come after those of the table: of two that fit equally well, the one that is known is taken.
        """
        from variantctl.backends.names import backend_by_rule, parse_accelerator_name

        there = {backend.path for backend in self.backends} | {backend.label for backend in self.backends}
        new: dict[str, tuple[tuple[int, ...], Backend]] = {}
        for text in names:
            name = parse_accelerator_name(text)
            if name is None or name.path in there or name.label in there or name.label in new:
                continue
            found = backend_by_rule(name, self.backends)
            if found is not None:
                new[name.label] = (name.version, found)
        if not new:
            return self
        added = [backend for _, backend in sorted(new.values(), key=lambda pair: pair[0], reverse=True)]
        used = dict.fromkeys(namespace for backend in added for namespace in backend.properties)
        namespaces = (*self.namespaces, *(name for name in used if name not in self.namespaces))
        return replace(self, backends=(*self.backends, *added), namespaces=namespaces)

    def serves(self, name: NormalizedName) -> bool:
        """Whether a package is looked for here."""
        return name in self.packages

    def metadata(
        self,
        name: NormalizedName,
        version: Version,
        environment: Mapping[str, str],
        labels: Iterable[str],
    ) -> VariantMetadata:
        """The variant metadata of one version, as an index would list it.

        Args:
            name: the package.
            version: the public version.
            environment: the markers of the platform that is installed for.
            labels: those that the version has wheels of.
        """
        present = set(labels)
        return self._metadata(
            {
                backend.label: (backend.label, backend.properties_of(name, version, environment))
                for backend in self.backends
                if backend.label in present
            }
        )

    def supported(self, ask: Ask, environment: Mapping[str, str]) -> tuple[Backend, ...]:
        """The backends that have, or may have, a wheel for the machine, the best first."""
        metadata = self.every_build(environment)
        ordered = order_labels(metadata, ask(metadata))
        by_label = {backend.label: backend for backend in self.backends}
        return tuple(by_label[label] for label in dict.fromkeys(key.rpartition(".")[0] for key in ordered))

    def every_build(self, environment: Mapping[str, str]) -> VariantMetadata:
        """Everything that a wheel of any backend may be built for: ``{label}.{number}`` -> properties."""
        return self._metadata(
            {
                f"{backend.label}.{number}": (backend.label, properties)
                for backend in self.backends
                for number, properties in enumerate(backend.may_be(environment))
            }
        )

    def label_of(self, name: NormalizedName, version: Version) -> str | None:
        """The backend that a package was built for, where the local part of its version says so.

        One that the table lacks is known by the rule of its name.
        """
        if not self.serves(name) or version.local is None:
            return None
        local = version.local
        known = (label for label in self._places if local == label or local.startswith(f"{label}."))
        return next(known, None) or _by_rule(local)

    def _provider(self, namespace: str) -> ProviderInfo:
        return self.providers.get(namespace) or _PROVIDERS.get(namespace, _OUR_DETECTORS)

    def _metadata(self, variants: Mapping[str, tuple[str, Properties]]) -> VariantMetadata:
        """Key -> (label of its backend, properties). What has none comes last, as the null variant does."""
        places = tuple(self._places.values())
        return VariantMetadata(
            schema=PEP_850_SCHEMA,
            namespaces=(*self.namespaces, PRIORITY),
            providers={
                **{name: self._provider(name) for name in self.namespaces},
                PRIORITY: ProviderInfo(static_properties={_ORDER: places}),
            },
            variants={
                key: {**properties, PRIORITY: {_ORDER: (self._places[label],)}} if properties else {}
                for key, (label, properties) in variants.items()
            },
        )


def _by_rule(local: str) -> str | None:
    from variantctl.backends.names import parse_accelerator_name

    name = parse_accelerator_name(local)
    return name.label if name is not None else None
