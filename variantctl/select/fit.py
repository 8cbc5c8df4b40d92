"""Whether a build makes use of a machine's accelerator (design, section 5: ``fit``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from variantctl.select.ordinary_builds import CPU, VENDORS, OrdinaryBuild, built_for
from variantctl.values import dataclass, field
from variantctl.variants.accelerators import idle_beside
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.ordering import explain_label
from variantctl.variants.properties import Properties, Supported
from variantctl.variants.schemas import PEP_850_SCHEMA

Status = Literal["fits", "unknown", "unused", "misfit"]

Unanswered = Callable[[str], str | None]
"""Why nothing is known of a namespace (its provider is not trusted, or disabled), or ``None``."""

ACCELERATORS = VariantMetadata(
    schema=PEP_850_SCHEMA,
    namespaces=tuple(VENDORS),
    providers={name: ProviderInfo(requires=("variant-providers",)) for name in VENDORS},
    variants={name: {name: {}} for name in VENDORS},
)
"""What a machine is asked about to learn which accelerators it has: ``machine.supported(ACCELERATORS)``."""


@dataclass(frozen=True)
class Fit:
    """Whether a build makes use of a machine's accelerator.

    Attributes:
        status: ``fits``; ``unknown``: it cannot be told; ``unused``: it runs, but what it was built for is
            not there; ``misfit``: the machine has an accelerator, and the build is not for it.
        needs: the properties that it was built for; a namespace without features: any device of the vendor.
        why: a clause whose subject is the build ("is built for CUDA 13.0, and ...").
    """

    status: Status
    needs: Properties = field(default_factory=dict)
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """The value of ``fit`` in the contract."""
        needs = {
            namespace: {feature: list(values) for feature, values in features.items()}
            for namespace, features in self.needs.items()
        }
        return {"status": self.status, "needs": needs, "why": self.why}


def present(supported: Supported) -> list[str]:
    """The namespaces of the accelerators that a machine has, in the order of ``VENDORS``."""
    return [namespace for namespace in VENDORS if supported.get(namespace)]


def devices(namespaces: Iterable[str]) -> str:
    """``an NVIDIA GPU``, ``an AMD GPU and an Intel GPU``."""
    return " and ".join(f"an {VENDORS[namespace]} GPU" for namespace in namespaces)


def fit_of_variant(properties: Properties) -> Fit:
    """Of a variant that was chosen for the machine, so that the machine supports every feature of it."""
    return Fit("fits", properties, "has properties that the machine supports" if properties else "")


def fit_of_ordinary(
    build: OrdinaryBuild,
    supported: Supported,
    who: str,
    unanswered: Unanswered = lambda _namespace: None,
) -> Fit:
    """Of a wheel without variant metadata.

    Args:
        build: what it was built for.
        supported: what the machine says to ``ACCELERATORS``.
        who: ``this machine`` or ``profile h100``.
        unanswered: why nothing is known of a namespace.
    """
    if build.accelerator is None:
        return Fit("fits", build.properties, "shows no need of an accelerator")
    if build.accelerator == CPU:
        idle = idle_beside(supported)
        there = [namespace for namespace in present(supported) if namespace in idle]
        if not there:
            return Fit("fits", {}, "is built for CPUs")
        return Fit("misfit", {}, f"is built for CPUs, and {who} has {devices(there)}")
    return _of_accelerator(build.accelerator, build, supported, who, unanswered)


def _of_accelerator(
    namespace: str, build: OrdinaryBuild, supported: Supported, who: str, unanswered: Unanswered
) -> Fit:
    needs: Mapping[str, Mapping[str, tuple[str, ...]]] = build.properties
    purpose = f"is built for {built_for(namespace, build.version)}"
    if not supported.get(namespace):
        if (why := unanswered(namespace)) is not None:
            return Fit("unknown", needs, f"{purpose}, and whether {who} has that is not known: {why}")
        missing = f"{purpose}, and {who} has no {VENDORS[namespace]} GPU"
        there = present(supported)
        if there:
            return Fit("misfit", needs, f"{missing}, but {devices(there)}")
        return Fit("unused", needs, missing)
    if namespace == "nvidia" and (lacking := _lacking(build.properties, supported, who)):
        return Fit("misfit", needs, f"{purpose}, which {lacking}")
    return Fit("fits", needs, f"{purpose}, and {who} has {devices([namespace])}")


def _lacking(properties: Properties, supported: Supported, who: str) -> str:
    """What an NVIDIA driver lacks. ROCm comes with the wheels, and is not compared by number."""
    wanted = {"nvidia": properties.get("nvidia", {})}
    metadata = VariantMetadata(schema=PEP_850_SCHEMA, namespaces=("nvidia",), variants={"build": wanted})
    missing = explain_label(metadata, "build", supported)
    return "; ".join(
        f"needs a driver for CUDA {item.wanted[0]} or newer; {who}'s driver offers {item.offered[0]}"
        for item in missing
        if item.offered
    )
