"""How large the cache may grow: ``VARIANTCTL_CACHE_MAX_SIZE``, else ``max-size`` in ``[cache]`` of the
configuration file, else as large as it likes."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from variantctl.sources.configuration import read_configuration
from variantctl.sources.errors import SettingsError

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_size(text: str) -> int:
    """Bytes: ``500MB``, ``1.5 GiB``, ``20G``, ``4096``. Units are powers of 1000, with an ``i`` of 1024.

    Raises:
        ValueError: it is none.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.lower()])


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
