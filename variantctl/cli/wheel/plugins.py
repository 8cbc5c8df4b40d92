"""The providers that builders ask: whom the user trusts, and where their plugins come from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.render import warning

if TYPE_CHECKING:
    from variantctl.providers.building import BuildProviders
    from variantctl.providers.settings import PluginSources
    from variantctl.variants.known_properties import KnownFeatures
    from variantctl.variants.metadata import ProviderInfo


def add_provider_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the checks of properties need."""
    group = parser.add_argument_group("providers")
    group.add_argument(
        "--no-validate", action="store_true", help="take properties that their provider does not know"
    )
    group.add_argument(
        "--trust-provider",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="allow this provider plugin to be installed (in isolation) and asked",
    )
    group.add_argument("--index-url", metavar="URL", help="the index that plugins come from")
    group.add_argument(
        "--find-links",
        metavar="DIR|URL",
        action="append",
        default=[],
        help="a folder or page with their wheels",
    )
    group.add_argument("--no-index", action="store_true", help="look for plugins only in --find-links")
    group.add_argument("--offline", action="store_true", help="use only plugins that were installed before")
    group.add_argument("--cache-dir", metavar="DIR", type=Path, help="keep them here")


def build_providers(args: argparse.Namespace) -> BuildProviders:
    """The providers, with the trust and the sources of the command line."""
    from variantctl.providers.building import BuildProviders
    from variantctl.providers.settings import PluginSources, ProviderSettings

    def sources() -> PluginSources:
        return PluginSources(
            index_url=args.index_url,
            find_links=tuple(args.find_links),
            no_index=args.no_index,
            offline=args.offline,
            cache_dir=args.cache_dir,
        )

    return BuildProviders(ProviderSettings(trusted=frozenset(args.trust_provider), sources=sources))


def known_features(
    providers: BuildProviders, table: Mapping[str, ProviderInfo], namespaces: Sequence[str]
) -> KnownFeatures:
    """What is known of these namespaces; a warning about each of which nothing is."""
    validity = providers.validity(table, namespaces)
    for namespace, why in validity.unchecked.items():
        warning(f"properties of {namespace} are not checked: {why}")
    return validity.known
