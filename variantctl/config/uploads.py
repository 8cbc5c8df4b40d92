"""Until when a file may have been uploaded: ``--exclude-newer`` of uv, ``--uploaded-prior-to`` of pip."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from variantctl.values import dataclass, field

if TYPE_CHECKING:
    from datetime import datetime

    from packaging.utils import NormalizedName

EXCLUDE_NEWER = "--exclude-newer"
"""What every reason for leaving a file out for its age has in it."""


@dataclass(frozen=True)
class UploadLimits:
    """Before when files must have been uploaded.

    Attributes:
        everything: of packages that nothing is said of; None: any time will do.
        packages: of these alone; None: any time will do.
    """

    everything: datetime | None = None
    packages: Mapping[NormalizedName, datetime | None] = field(default_factory=dict)

    def of(self, name: NormalizedName) -> datetime | None:
        """Before when the files of a package must have been uploaded."""
        return self.packages.get(name, self.everything)


def upload_limits(
    everything: str | datetime | None, packages: Iterable[tuple[str, str | bool]], origin: str
) -> UploadLimits:
    """The limits that somebody wrote.

    Args:
        everything: a moment, or None.
        packages: pairs of a package and a moment; ``false`` takes the limit away from that package.
        origin: who wrote it.

    Raises:
        SettingsError: something cannot be understood.
    """
    if everything is None and not (packages := tuple(packages)):
        return UploadLimits()
    # Few runs have a limit: what reads moments is imported where there is one.
    from packaging.utils import InvalidName, canonicalize_name

    from variantctl.config.moments import parse_moment
    from variantctl.net.errors import SettingsError

    found: dict[NormalizedName, datetime | None] = {}
    for name, value in packages:
        try:
            package = canonicalize_name(name, validate=True)
        except InvalidName:
            raise SettingsError(f"{origin}: {name!r} is not the name of a package") from None
        said = value is False or (isinstance(value, str) and value.strip().lower() == "false")
        found[package] = None if said else parse_moment(str(value), f"{origin}: {name}")
    moment = parse_moment(everything, origin) if isinstance(everything, str) else everything
    return UploadLimits(moment, found)


def first_said(said: Iterable[UploadLimits]) -> UploadLimits:
    """What the nearest of several places says: of everything, and of each package."""
    everything: datetime | None = None
    packages: dict[NormalizedName, datetime | None] = {}
    for limits in said:
        everything = everything or limits.everything
        packages = {**limits.packages, **packages}
    return UploadLimits(everything, packages)


def limits_of_variables(environ: Mapping[str, str] = os.environ) -> UploadLimits:
    """What ``VARIANTCTL_EXCLUDE_NEWER`` says.

    Raises:
        SettingsError: it is no moment.
    """
    text = environ.get("VARIANTCTL_EXCLUDE_NEWER")
    return upload_limits(text or None, (), "VARIANTCTL_EXCLUDE_NEWER")
