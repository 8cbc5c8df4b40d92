"""Several machines as one: what runs on each of them.

The rule is that of compatibility itself, asked of every machine: a build runs on all where it is compatible
with each (PEP 825, "Variant ordering"). Of a feature of which a build has one value (the driver's CUDA, a
level) these are the values that all machines support, so the oldest driver decides. Of a feature of which a
build lists several (the GPUs that it has code for) each machine needs one that it supports, and not the same
one: code for compute capability 8.0 does not run on 9.0, so a build for an A100 and an H100 has both.

Sources: NVIDIA, CUDA C++ Programming Guide, "Binary Compatibility" (a cubin for X.y runs on X.z with z >= y,
never on another major version) and "PTX Compatibility"; CUDA Compatibility, "Backward Compatibility" (a newer
driver runs what was built for an older CUDA). The lowest compute capability alone would be wrong: 8.0 is
lower than 9.0, and its cubins do not run there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from variantctl.providers.algorithm import Features, Machine, ProviderNote
from variantctl.providers.plugins import our_plugins
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported


class UnitedMachine(Machine):
    """What runs on each of several machines.

    Args:
        machines: at least one; the settings of the first are everybody's.
    """

    def __init__(self, machines: Sequence[Machine]) -> None:
        super().__init__(None, machines[0].settings)
        self._machines = tuple(machines)

    @property
    def notes(self) -> list[ProviderNote]:
        """Those of every machine, each once."""
        return list(dict.fromkeys(note for machine in self._machines for note in machine.notes))

    @property
    def was_asked(self) -> bool:
        """Whether an answer depended on what any of them supports."""
        return any(machine.was_asked for machine in self._machines)

    def supported(self, metadata: VariantMetadata, *, used_only: bool = True) -> dict[str, Features]:
        """Of the namespaces that all machines support what a build that runs on all may have.

        A build may have it and still not run on one of them: :meth:`each_alone` tells.
        """
        return united([machine.supported(metadata, used_only=used_only) for machine in self._machines])

    def each_alone(self, metadata: VariantMetadata, supported: Supported) -> tuple[Supported, ...]:
        """What each machine supports, and where its accelerators differ each of those that counts."""
        views: list[Supported] = []
        for machine in self._machines:
            own = machine.supported(metadata)
            views += [own, *machine.each_alone(metadata, own)]
        return tuple(views)

    def accelerators(self) -> dict[str, Features]:
        """Those that every machine has: builds for another one do not run everywhere."""
        return united([machine.accelerators() for machine in self._machines])

    def vendors(self) -> list[tuple[str, ...]]:
        """The namespaces of each machine's accelerators."""
        return [tuple(machine.accelerators()) for machine in self._machines]


def united(each: Sequence[Mapping[str, Mapping[str, Sequence[str]]]]) -> dict[str, Features]:
    """Namespace -> feature -> values that a build for all machines may have, best first."""
    found: dict[str, Features] = {}
    for namespace in each[0]:
        tables = [supported.get(namespace, {}) for supported in each]
        if not all(tables):
            continue
        several = _with_several_values(namespace)
        features = {
            feature: values
            for feature in tables[0]
            if all(feature in table for table in tables)
            and (
                values := _values(
                    [table[feature] for table in tables], several=several is None or feature in several
                )
            )
        }
        if features:
            found[namespace] = features
    return found


def _values(each: Sequence[Sequence[str]], *, several: bool) -> list[str]:
    """The values of all machines as the first orders them; if a build lists several, then those of some."""
    common = reduce(lambda left, right: left & right, map(set, each))
    values = [value for value in each[0] if value in common]
    return [*values, *_others(each, common)] if several else values


def _others(each: Iterable[Sequence[str]], common: set[str]) -> Iterable[str]:
    return dict.fromkeys(value for values in each for value in values if value not in common)


def _with_several_values(namespace: str) -> set[str] | None:
    """The features of which a build lists several values; ``None``: of this namespace nobody knows."""
    plugin = our_plugins().get(namespace)
    if plugin is None:
        return None
    return {config.name for config in plugin.get_all_configs() if config.multi_value}
