"""The reserved namespace ``abi_dependency``: variants built for some release of a package (PEP 850)."""

from __future__ import annotations

from functools import partial

from packaging.version import Version

from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY


def releases_built_for(metadata: VariantMetadata) -> dict[str, list[str]]:
    """Package (with ``_``) -> the release prefixes that some variant was built for, the newest first.

    Empty where no variant has an ``abi_dependency``. Packages are sorted by name.
    """
    packages: dict[str, set[str]] = {}
    for properties in metadata.variants.values():
        for package, prefixes in properties.get(ABI_DEPENDENCY, {}).items():
            packages.setdefault(package, set()).update(prefixes)
    newest_first = partial(sorted, key=_release, reverse=True)
    return {package: newest_first(prefixes) for package, prefixes in sorted(packages.items())}


def _release(prefix: str) -> tuple[Version, str]:
    try:
        return Version(prefix), prefix
    except ValueError:
        return Version("0"), prefix
