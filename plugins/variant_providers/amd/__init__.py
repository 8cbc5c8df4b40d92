"""The AMD detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.amd"``, and ``AmdPlugin``.
"""

from variant_providers.amd.plugin import AmdPlugin

__all__ = ["AmdPlugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = AmdPlugin.namespace
get_all_configs = AmdPlugin.get_all_configs
get_supported_configs = AmdPlugin.get_supported_configs
