"""The AMD detector; public is ``variant_providers.amd:AmdPlugin`` alone."""

from variant_providers.amd.plugin import AmdPlugin

__all__ = ["AmdPlugin"]
