"""The public name of the 64-bit Arm detector: ``variant_providers.aarch64:Aarch64Plugin``."""

from variant_providers.cpu.aarch64 import Aarch64Plugin

__all__ = ["Aarch64Plugin"]
