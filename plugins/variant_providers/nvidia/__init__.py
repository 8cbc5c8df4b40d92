"""The NVIDIA detector; public is ``variant_providers.nvidia:NvidiaPlugin`` alone."""

from variant_providers.nvidia.plugin import NvidiaPlugin

__all__ = ["NvidiaPlugin"]
