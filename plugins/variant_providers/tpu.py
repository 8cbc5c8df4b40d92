"""The TPU detector.

Public are this module, which wheels name as
``plugin-api = "variant_providers.tpu"``, and ``TpuPlugin``.
"""

from variant_providers.google.plugin import TpuPlugin

__all__ = ["TpuPlugin", "get_all_configs", "get_supported_configs", "namespace"]

namespace = TpuPlugin.namespace
get_all_configs = TpuPlugin.get_all_configs
get_supported_configs = TpuPlugin.get_supported_configs
