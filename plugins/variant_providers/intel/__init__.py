"""The Intel detector; public is ``variant_providers.intel:IntelPlugin`` alone."""

from variant_providers.intel.plugin import IntelPlugin

__all__ = ["IntelPlugin"]
