"""The NVIDIA detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.nvidia"``, and ``NvidiaPlugin``.
"""

from variant_providers.nvidia.plugin import NvidiaPlugin

__all__ = ["NvidiaPlugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = NvidiaPlugin.namespace
get_all_configs = NvidiaPlugin.get_all_configs
get_supported_configs = NvidiaPlugin.get_supported_configs
