"""The public name of the x86-64 detector: ``variant_providers.x86_64:X8664Plugin``."""

from variant_providers.cpu.x86_64 import X8664Plugin

__all__ = ["X8664Plugin"]
