"""The Intel detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.intel"``, and ``IntelPlugin``.
"""

from variant_providers.intel.plugin import IntelPlugin

__all__ = ["IntelPlugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = IntelPlugin.namespace
get_all_configs = IntelPlugin.get_all_configs
get_supported_configs = IntelPlugin.get_supported_configs
