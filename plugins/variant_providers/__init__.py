"""Detector plugins for wheel variants; standard library only.

Every plugin is an entry point of group ``variant_plugins`` and follows the plugin API of PEP 850. There is
one for each namespace, and each has a stable name: ``plugin-api = "variant_providers.NAMESPACE"``.
"""

from __future__ import annotations

from typing import NoReturn

__version__ = "0.1.0.dev0"

PLUGINS = {
    "nvidia": "variant_providers.nvidia:NvidiaPlugin",
    "amd": "variant_providers.amd:AmdPlugin",
    "intel": "variant_providers.intel:IntelPlugin",
    "tpu": "variant_providers.tpu:TpuPlugin",
    "x86_64": "variant_providers.x86_64:X8664Plugin",
    "aarch64": "variant_providers.aarch64:Aarch64Plugin",
}
"""Namespace -> object reference, as pyproject.toml's entry points have them."""


def get_supported_configs() -> NoReturn:
    """Refuse: metadata without ``plugin-api`` asks this module, which cannot know the namespace.

    Raises:
        RuntimeError: always, with the line that the metadata lacks.
    """
    example = next(iter(PLUGINS))
    raise RuntimeError(
        f"variant-providers has a plugin for each namespace ({', '.join(PLUGINS)}), and the metadata names "
        f'none: its publisher has to add  plugin-api = "variant_providers.{example}"  to '
        f"[variant.providers.{example}] of pyproject.toml, and likewise for every other namespace"
    )


get_all_configs = get_supported_configs
