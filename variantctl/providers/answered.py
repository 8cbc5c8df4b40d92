"""What we answer for in the place of known provider packages: in which versions, and by which plugins.

A requirement that the version does not satisfy, and a ``plugin-api`` that the package does not have, ask for
something else than what our detectors are: they are refused, as uv refuses them. What uv 0.13 answers as was
found out by asking it: nvidia-variant-provider as 0.0.1 and tpu-variant-provider as 0.1.0, each by one plugin
alone; x86-64-variant-provider as 0.2.1, by the default plugin. The others are the newest releases of the real
packages, which ours are tested against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.providers.plugins import OUR_DISTRIBUTION

_ANSWERS: Mapping[str, str] = {
    "nvidia-variant-provider": "0.0.1",
    "amd-variant-provider": "0.0.2",
    "intel-variant-provider": "0.0.3",
    "tpu-variant-provider": "0.1.0",
    "provider-variant-x86-64": "0.0.1.post2",
    "x86-64-variant-provider": "0.2.1",
    "provider-variant-aarch64": "0.0.1.post2",
    "aarch64-variant-provider": "0.2.1",
}
#: Metadata of older drafts, as torch 2.8 to 2.10 were published with, was written for these.
_OLDER = {"nvidia-variant-provider": "0.0.2"}
#: Package -> the only plugins that uv serves for it, besides the default of PEP 850.
_PLUGINS: Mapping[str, Sequence[str]] = {
    "nvidia-variant-provider": ("nvidia_variant_provider.plugin:NvidiaVariantPlugin",),
    "tpu-variant-provider": ("tpu_variant_provider.plugin:TpuVariantPlugin",),
    "x86-64-variant-provider": (),
    "aarch64-variant-provider": (),
}


def endpoint(namespace: str) -> str:
    """The ``plugin-api`` of our detector of a namespace: a stable name, for every tool that reads metadata.

    Without it PEP 850 asks the module ``variant_providers``, whatever the namespace is. We know which one is
    asked for; variantlib 0.2 does not say, and so cannot be answered.
    """
    return f"{OUR_DISTRIBUTION.replace('-', '_')}.{namespace}"


def refusal(
    requirement: Requirement, namespace: str, plugin_api: str | None, *, older: bool = False
) -> str | None:
    """Why we do not answer for a package of ``KNOWN_PROVIDERS``; ``None`` where we do.

    Args:
        requirement: one that names the package.
        namespace: whose answer is wanted.
        plugin_api: as the metadata gives it, or ``None``.
        older: whether the metadata is of an older draft.
    """
    name = str(canonicalize_name(requirement.name))
    # Without a specifier no version need be known, and asking for ours takes 15 ms.
    versions = answered_versions(name, older=older) if requirement.specifier else ()
    if versions and not any(requirement.specifier.contains(each, prereleases=True) for each in versions):
        return f"{requirement} is asked for, and variantctl answers as {name} {versions[0]}"
    module = name.replace("-", "_")
    if plugin_api is None or plugin_api.strip() == module:
        return None
    known = _PLUGINS.get(name)
    wanted = "".join(plugin_api.split())
    if name == OUR_DISTRIBUTION:
        ours = endpoint(namespace)
        if wanted == ours or wanted.startswith((f"{ours}:", f"{ours}.")):
            return None
        return f'plugin {wanted} of package {name} is not for this namespace; plugin-api = "{ours}" is'
    has = wanted in known if known is not None else wanted.partition(":")[0].split(".")[0] == module
    return None if has else f"package {name} has no plugin {plugin_api} that variantctl could answer for"


def answered_versions(name: str, *, older: bool = False) -> Sequence[Version]:
    """The versions of a known provider package that our answer is that of, the one to name first.

    Where uv has no answer of its own, also the version of our detectors: they say what a newer one would.
    """
    if name in _PLUGINS:
        return (Version((_OLDER.get(name) if older else None) or _ANSWERS[name]),)
    real = (Version(_ANSWERS[name]),) if name in _ANSWERS else ()
    # Late: it imports the email package, which few commands need.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return (*real, Version(version(OUR_DISTRIBUTION)))
    except PackageNotFoundError:
        return real or (Version("0"),)
