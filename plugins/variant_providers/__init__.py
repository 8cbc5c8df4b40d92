"""Detector plugins for wheel variants; standard library only.

Every plugin is an entry point of group ``variant_plugins`` and follows the plugin API of PEP 850.
"""

from __future__ import annotations

__version__ = "0.1.0.dev0"

PLUGINS = {
    "nvidia": "variant_providers.nvidia:NvidiaPlugin",
    "amd": "variant_providers.amd:AmdPlugin",
    "intel": "variant_providers.intel:IntelPlugin",
    "x86_64": "variant_providers.x86_64:X8664Plugin",
    "aarch64": "variant_providers.aarch64:Aarch64Plugin",
}
"""Namespace -> object reference, as pyproject.toml's entry points have them."""
