"""The 64-bit Arm detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.aarch64"``, and ``Aarch64Plugin``.
"""

from variant_providers.cpu.aarch64 import Aarch64Plugin

__all__ = ["Aarch64Plugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = Aarch64Plugin.namespace
get_all_configs = Aarch64Plugin.get_all_configs
get_supported_configs = Aarch64Plugin.get_supported_configs
