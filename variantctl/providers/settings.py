"""What the user says about providers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from variantctl.values import dataclass

BEST, ALL = "best", "all"
"""Which of several accelerators of one vendor a build must run on."""


@dataclass(frozen=True)
class PluginSources:
    """Where a trusted plugin's wheels may come from: the sources that the install itself uses.

    With neither an index nor ``no_index`` it is uv or pip that knows its default.

    Attributes:
        index_url: the default index.
        extra_index_urls: searched before it, first match wins.
        find_links: folders and pages of wheels.
        no_index: no index is asked.
        offline: nothing is fetched; what is cached is used.
        cert: a file of certificate authorities to trust.
        trusted_hosts: hosts that plain http may go to, and whose certificates are not checked.
        cache_dir: variantctl's cache; ``None``: ``VARIANTCTL_CACHE_DIR``, else the platform's own.
    """

    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    offline: bool = False
    cert: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    cache_dir: Path | None = None


@dataclass(frozen=True)
class ProviderSettings:
    """What the user says about providers.

    Attributes:
        enabled: the namespaces whose optional providers may answer.
        disabled: the namespaces that support nothing, whatever the machine has.
        trusted: the packages whose plugins may be installed and run, in this run; those that the user
            trusts for good are in :class:`variantctl.providers.trust.TrustStore`.
        sources: says where the wheels of trusted plugins come from; called only when one is needed, because
            finding out may mean asking pip.
        accelerator_of: ``best``: what is built for the best accelerator of a vendor will do; ``all``: a build
            must run on each.
    """

    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()
    sources: Callable[[], PluginSources] = PluginSources
    accelerator_of: str = BEST
