"""What the configuration says about the cache: how large it may grow, and whether archives are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping

from variantctl.config.file import read_configuration
from variantctl.net.errors import SettingsError
from variantctl.wheels.limits import parse_size

_KEYS = ("max-size", "keep-archives")


def cache_limit(environ: Mapping[str, str] = os.environ) -> int | None:
    """The limit in bytes that the user set, or ``None``.

    It is ``VARIANTCTL_CACHE_MAX_SIZE``, else ``max-size`` in ``[cache]`` of the configuration file.

    Raises:
        SettingsError: what was set is no size.
    """
    said, origin = environ.get("VARIANTCTL_CACHE_MAX_SIZE"), "VARIANTCTL_CACHE_MAX_SIZE"
    if not said:
        table, origin = _table(environ)
        if "max-size" not in table:
            return None
        said, origin = str(table["max-size"]), f"{origin}: cache.max-size"
    try:
        return parse_size(said)
    except ValueError:
        raise SettingsError(
            f"{origin}: {said!r} is not a size", hint="Write it like 20GB or 500MiB."
        ) from None


def keeps_archives(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether fetched wheels stay in the cache beside what was unpacked of them (default: no).

    It is ``VARIANTCTL_KEEP_ARCHIVES`` (1 or 0), else ``keep-archives`` in ``[cache]`` of the file.

    Raises:
        SettingsError: what was set is neither yes nor no.
    """
    if said := environ.get("VARIANTCTL_KEEP_ARCHIVES"):
        if said not in ("0", "1"):
            raise SettingsError(f"VARIANTCTL_KEEP_ARCHIVES={said}: it is 1 or 0", hint="Set it to 1 or 0.")
        return said == "1"
    table, origin = _table(environ)
    keep = table.get("keep-archives", False)
    if not isinstance(keep, bool):
        raise SettingsError(
            f"{origin}: cache.keep-archives: {keep!r} is not a flag", hint="Write true or false."
        )
    return keep


def _table(environ: Mapping[str, str]) -> tuple[Mapping[str, object], str]:
    """``[cache]`` of the configuration file, and which file that is."""
    configuration = read_configuration(environ)
    if configuration is None:
        return {}, ""
    unknown = sorted(set(configuration.cache) - set(_KEYS))
    if unknown:
        raise SettingsError(
            f"{configuration.origin}: cache.{unknown[0]}: unknown key", hint=f"Known are: {', '.join(_KEYS)}."
        )
    return configuration.cache, str(configuration.origin)
