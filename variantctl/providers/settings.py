"""What the user says about providers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProviderSettings:
    """What the user says about providers.

    Attributes:
        enabled: the namespaces whose optional providers may answer.
        disabled: the namespaces that support nothing, whatever the machine has.
        trusted: the packages whose plugins may be installed and run.
    """

    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()
