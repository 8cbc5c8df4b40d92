"""The x86-64 detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.x86_64"``, and ``X8664Plugin``.
"""

from variant_providers.cpu.x86_64 import X8664Plugin

__all__ = ["X8664Plugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = X8664Plugin.namespace
get_all_configs = X8664Plugin.get_all_configs
get_supported_configs = X8664Plugin.get_supported_configs
