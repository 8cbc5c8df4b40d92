"""How large the cache may grow: ``VARIANTCTL_CACHE_MAX_SIZE``, else ``max-size`` in ``[cache]`` of the
configuration file, else as large as it likes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from variantctl.config.file import read_configuration
from variantctl.net.errors import SettingsError
from variantctl.wheels.limits import parse_size


def cache_limit(environ: Mapping[str, str] = os.environ) -> int | None:
    """The limit in bytes that the user set, or ``None``.

    Raises:
        SettingsError: what was set is no size.
    """
    said, origin = environ.get("VARIANTCTL_CACHE_MAX_SIZE"), "VARIANTCTL_CACHE_MAX_SIZE"
    if not said:
        configuration = read_configuration(environ)
        table = configuration.cache if configuration is not None else {}
        if configuration is None or not table:
            return None
        unknown = sorted(set(table) - {"max-size"})
        if unknown:
            raise SettingsError(
                f"{configuration.origin}: cache.{unknown[0]}: unknown key", hint="Known is: max-size."
            )
        said, origin = str(table["max-size"]), f"{configuration.origin}: cache.max-size"
    try:
        return parse_size(said)
    except ValueError:
        raise SettingsError(
            f"{origin}: {said!r} is not a size", hint="Write it like 20GB or 500MiB."
        ) from None
