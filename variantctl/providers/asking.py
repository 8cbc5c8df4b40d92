"""Asking one of our plugins, so that even its own mistakes cost a note and not an install."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from variantctl.providers.plugins import Plugin
from variantctl.values import asdict, dataclass


@dataclass(frozen=True)
class FeatureReport:
    """A feature and its supported values, best first."""

    name: str
    values: tuple[str, ...]
    multi_value: bool = False


@dataclass(frozen=True)
class ProviderReport:
    """What one provider says about a machine.

    Attributes:
        namespace: whose.
        status: ``ok``, ``absent``, ``error``, ``disabled`` or ``untrusted``.
        source: where the facts were read (``NVML``), ``""`` when there are none.
        elapsed_ms: how long asking took, in milliseconds.
        devices: one JSON-able object a device.
        features: what is supported, most important first.
        evidence: where each fact was read: objects with ``fact``, ``value`` and ``source``.
        notes: what was fallen back to, and what could not be seen.
        facts: the profile table of this namespace; ``None`` when nothing was found.
        files: the files read, without a leading slash: what a tree must hold to give the same answer.
    """

    namespace: str
    status: str
    source: str = ""
    elapsed_ms: float = 0.0
    devices: tuple[Mapping[str, Any], ...] = ()
    features: tuple[FeatureReport, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The provider's object of ``variantctl detect --json``."""
        return asdict(self)


def query_plugin(plugin: Plugin, namespace: str, root: str | None = None) -> ProviderReport:
    """Ask a plugin of ours about this machine, or about the tree at ``root``."""
    start = time.perf_counter()
    try:
        said = plugin.detect(root)
        return ProviderReport(
            namespace=namespace,
            status=str(said["status"]),
            source=str(said["source"]),
            elapsed_ms=float(said["elapsed_ms"]),
            devices=tuple(said["devices"]),
            features=tuple(
                FeatureReport(feature["name"], tuple(feature["values"]), bool(feature["multi_value"]))
                for feature in said["features"]
            ),
            evidence=tuple(said["evidence"]),
            notes=tuple(said["notes"]),
            facts=said["facts"],
            files=tuple(said["files"]),
        )
    except Exception as error:  # noqa: BLE001 - a detector's mistake must not stop an install
        elapsed = round((time.perf_counter() - start) * 1000, 3)
        note = f"the detector failed, which is a bug in it: {type(error).__name__}: {error}"
        return ProviderReport(namespace, "error", elapsed_ms=elapsed, notes=(note,))
