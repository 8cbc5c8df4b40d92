"""Until when a file may have been uploaded: ``--exclude-newer`` of uv, ``--uploaded-prior-to`` of pip."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta, timezone

from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from variantctl.net.errors import SettingsError
from variantctl.values import dataclass, field

_AGO = re.compile(r"(\d+)\s*(s|sec|second|m|min|minute|h|hr|hour|d|day|w|week)s?(\s+ago)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)", re.IGNORECASE)
_PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FORMS = "2026-05-31, 2026-05-31T12:00:00Z or '7 days'"


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


def parse_moment(text: str, origin: str, now: datetime | None = None, *, whole_day: bool = True) -> datetime:
    """A moment in time, from ``2026-05-31``, ``2026-05-31T12:00:00Z``, ``7 days``, ``P7D``.

    Args:
        text: as it was written. Without an offset the time is this machine's own.
        origin: who wrote it, for messages.
        now: what durations count from.
        whole_day: a date alone means the end of that day, as in uv; otherwise its beginning, as in pip.

    Raises:
        SettingsError: it is none of these.
    """
    words = text.strip()
    now = now or datetime.now(timezone.utc)
    try:
        ago = _duration(words)
        if ago is not None:
            return now - ago
        if _PLAIN_DATE.fullmatch(words):
            day = date.fromisoformat(words) + timedelta(days=1 if whole_day else 0)
            return datetime.combine(day, time()).astimezone()
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", words).replace(" ", "T"))
    except (ValueError, OverflowError, OSError):
        raise SettingsError(f"{origin}: {text!r} is no moment in time", hint=f"Write {_FORMS}.") from None
    return moment.astimezone() if moment.tzinfo is None else moment


def _duration(words: str) -> timedelta | None:
    if match := _AGO.fullmatch(words):
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2][0].lower()])
    match = _DURATION.fullmatch(words)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


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


def uploaded_at(text: str | None) -> datetime | None:
    """PEP 700's ``yyyy-mm-ddThh:mm:ss.ffffffZ``; None for what is no moment in time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None


def limits_of_variables(environ: Mapping[str, str] = os.environ) -> UploadLimits:
    """What ``VARIANTCTL_EXCLUDE_NEWER`` says.

    Raises:
        SettingsError: it is no moment.
    """
    text = environ.get("VARIANTCTL_EXCLUDE_NEWER")
    return upload_limits(text or None, (), "VARIANTCTL_EXCLUDE_NEWER")
