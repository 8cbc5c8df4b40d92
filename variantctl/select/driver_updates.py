"""What a newer driver would change: "with CUDA driver 13.0 you would get cuda13.0".

Pure. A machine is imagined that differs in one thing, the version its driver offers, and chosen for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from variantctl.indexes.project_files import WheelLink
from variantctl.select.ranking import SelectionContext, fits_interpreter, rank_wheels
from variantctl.values import dataclass, replace
from variantctl.variants.digits import whole_number
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.ordering import Unsupported, explain_label, order_labels
from variantctl.variants.properties import Supported

Choose = Callable[[Supported], str | None]
"""The label that would be taken of a machine that supports this; ``None``: no variant."""

_Version = tuple[int, ...]


@dataclass(frozen=True)
class DriverFeature:
    """A feature that follows from a version of the driver or of what is installed with it.

    Attributes:
        called: what has that version, in words.
        upper: the feature of the same namespace whose values are versions that the driver's is below.
    """

    called: str
    upper: str | None = None


DRIVER_FEATURES: Mapping[tuple[str, str], DriverFeature] = {
    ("nvidia", "cuda_version_lower_bound"): DriverFeature("CUDA driver", upper="cuda_version_upper_bound"),
    ("amd", "rocm_version"): DriverFeature("ROCm"),
}
"""(namespace, feature) -> what an update changes (design, section 4: how these values follow from facts)."""


CUDA_DRIVERS: Mapping[str, int] = {
    "11.0": 450, "11.1": 455, "11.2": 460, "11.3": 465, "11.4": 470, "11.5": 495, "11.6": 510, "11.7": 515,
    "11.8": 520, "12.0": 525, "12.1": 530, "12.2": 535, "12.3": 545, "12.4": 550, "12.5": 555, "12.6": 560,
    "12.7": 565, "12.8": 570, "12.9": 575, "13.0": 580, "13.1": 590, "13.2": 595, "13.3": 610,
}  # fmt: skip
"""CUDA version -> the first branch of NVIDIA's driver with it (CUDA Toolkit release notes, table 3)."""


@dataclass(frozen=True)
class Advice:
    """An update that would change the choice.

    Attributes:
        label: what would be taken after it.
        namespace: of the feature.
        feature: a key of ``DRIVER_FEATURES``, with the namespace.
        version: the lowest that would do.
        offered: the highest that is offered now.
    """

    label: str
    namespace: str
    feature: str
    version: str
    offered: str

    @property
    def called(self) -> str:
        """What is to be updated: ``CUDA driver``."""
        return DRIVER_FEATURES[self.namespace, self.feature].called

    @property
    def driver(self) -> str:
        """What is to be had: ``driver 580 or newer (CUDA 13.0)``, ``ROCm 7.2``."""
        if (self.namespace, self.feature) != ("nvidia", "cuda_version_lower_bound"):
            return f"{self.called} {self.version}"
        branch = CUDA_DRIVERS.get(self.version)
        return (
            f"driver {branch} or newer (CUDA {self.version})"
            if branch
            else f"a driver for CUDA {self.version}"
        )

    @property
    def sentence(self) -> str:
        """``With CUDA driver 13.0 you would get cuda13.0 (now it is 12.8).``"""
        return f"W{str(self)[1:]}."

    def __str__(self) -> str:
        return f"with {self.called} {self.version} you would get {self.label} (now it is {self.offered})"

    def as_json(self) -> dict[str, Any]:
        """An element of ``advice`` in ``explain --json``."""
        return {
            "label": self.label,
            "feature": f"{self.namespace} :: {self.feature}",
            "version": self.version,
            "offered": self.offered,
            "message": str(self),
        }


def advise(
    metadata: VariantMetadata, labels: Iterable[str], supported: Supported, choose: Choose | None = None
) -> tuple[Advice, ...]:
    """The driver updates that would change the choice, the smallest first.

    Args:
        metadata: what the variants were built for.
        labels: those that there are wheels of.
        supported: what the machine offers.
        choose: how a label is chosen; by default the first by PEP 825's order.

    Only a variant is advised whose one unsupported feature is a driver's version, and that would then be
    the choice.
    """
    present = [label for label in labels if label in metadata.variants]
    choose = choose or _by_order(metadata, present)
    opened = {need for label in present for need in _updates(explain_label(metadata, label, supported))}
    given: list[Advice] = []
    for namespace, feature, version in sorted(opened):
        more = _with_version(metadata, supported, namespace, feature, version)
        better = choose(_without_bounds(more, namespace, feature, version))
        # What an update takes away (an upper bound) can bring a label that is no better.
        if better is None or better != choose(more):
            continue
        if not explain_label(metadata, better, supported) or any(better == known.label for known in given):
            continue
        offered = _highest(supported[namespace][feature])
        given.append(Advice(better, namespace, feature, _text(version), _text(offered)))
    return tuple(given)


def advise_on(wheels: Iterable[WheelLink], terms: SelectionContext) -> tuple[Advice, ...]:
    """The same for the wheels of a version, chosen as everything the user said has it."""
    if terms.metadata is None:
        return ()
    fitting = [link for link in wheels if fits_interpreter(link, terms.interpreter)]
    labels = list(dict.fromkeys(link.wheel.label for link in fitting if link.wheel.label))

    def choose(supported: Supported) -> str | None:
        ranked = rank_wheels(fitting, replace(terms, supported=supported))
        return ranked[0].label if ranked else None

    return advise(terms.metadata, labels, terms.offered, choose)


def update_for(missing: Sequence[Unsupported]) -> tuple[str, str] | None:
    """What would make a variant compatible: what is to be updated, and to which version at least.

    ``None`` where an update of one driver alone would not do.
    """
    needs = _updates(missing)
    return (DRIVER_FEATURES[needs[0][:2]].called, _text(needs[0][2])) if needs else None


def with_newest_drivers(metadata: VariantMetadata, supported: Supported) -> Supported:
    """``supported`` with every driver as new as any of the variants asks for."""
    for namespace, feature in DRIVER_FEATURES:
        wanted = {
            _version(value)
            for properties in metadata.variants.values()
            for value in properties.get(namespace, {}).get(feature, ())
        }
        newest = max(wanted, default=())
        if newest > _highest(supported.get(namespace, {}).get(feature, ())) > ():
            supported = _with_version(metadata, supported, namespace, feature, newest)
    return supported


def summary(advice: Mapping[str, Sequence[Advice]]) -> str | None:
    """One line for several packages: project -> its advice; of each the update that brings it furthest."""
    updates: dict[tuple[str, str, str], list[str]] = {}
    for name, given in advice.items():
        if given:
            best = given[-1]
            updates.setdefault((best.called, best.version, best.offered), []).append(f"{name} {best.label}")
    if not updates:
        return None
    return "; ".join(
        f"with {called} {version} you would get {', '.join(gains)} (now it is {offered})"
        for (called, version, offered), gains in updates.items()
    )


def _by_order(metadata: VariantMetadata, labels: Sequence[str]) -> Choose:
    listed = replace(metadata, variants={label: metadata.variants[label] for label in labels})
    return lambda supported: next(iter(order_labels(listed, supported)), None)


def _updates(missing: Sequence[Unsupported]) -> list[tuple[str, str, _Version]]:
    """(namespace, feature, version above what is offered), lowest first, where nothing else is missing."""
    if len(missing) != 1:
        return []
    item = missing[0]
    highest = _highest(item.offered)
    if (item.namespace, item.feature) not in DRIVER_FEATURES or not highest:
        return []
    above = {version for value in item.wanted if (version := _version(value)) > highest}
    return [(item.namespace, item.feature, version) for version in sorted(above)]


def _with_version(
    metadata: VariantMetadata, supported: Supported, namespace: str, feature: str, version: _Version
) -> Supported:
    """``supported`` and every version up to ``version`` that variants ask for, newest first."""
    offered = supported[namespace][feature]
    highest = _highest(offered)
    wanted = {
        value
        for properties in metadata.variants.values()
        for value in properties.get(namespace, {}).get(feature, ())
    }
    # A bare major ("13") stands after its ".0", which is the same version.
    new = sorted(
        (value for value in wanted if highest < _version(value) <= version),
        key=lambda value: (_version(value), value.count(".")),
        reverse=True,
    )
    return {**supported, namespace: {**supported[namespace], feature: [*new, *offered]}}


def _without_bounds(supported: Supported, namespace: str, feature: str, version: _Version) -> Supported:
    """``supported`` without the upper bounds that a driver of ``version`` is not below."""
    upper = DRIVER_FEATURES[namespace, feature].upper
    if upper is None or upper not in supported[namespace]:
        return supported
    left = [value for value in supported[namespace][upper] if _version(value) > version]
    return {**supported, namespace: {**supported[namespace], upper: left}}


def _highest(values: Iterable[str]) -> _Version:
    return max(map(_version, values), default=())


def _version(value: str) -> _Version:
    """``12.8`` as (12, 8), a bare ``13`` as (13, 0); empty, and so below all, where it is no version."""
    parts = [whole_number(part) for part in value.split(".")]
    numbers = tuple(part for part in parts if part is not None)
    if len(numbers) < len(parts):
        return ()
    return numbers if len(numbers) > 1 else (*numbers, 0)


def _text(version: _Version) -> str:
    return ".".join(map(str, version))
