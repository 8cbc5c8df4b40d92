"""Moments in time as people write them and as indexes do: dates, RFC 3339, ``7 days``."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta, timezone

from variantctl.net.errors import SettingsError

_AGO = re.compile(r"(\d+)\s*(s|sec|second|m|min|minute|h|hr|hour|d|day|w|week)s?(\s+ago)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)", re.IGNORECASE)
_PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_FORMS = "2026-05-31, 2026-05-31T12:00:00Z or '7 days'"


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
        return moment.astimezone() if moment.tzinfo is None else moment
    except (ValueError, OverflowError, OSError):
        raise SettingsError(f"{origin}: {text!r} is no moment in time", hint=f"Write {_FORMS}.") from None


def _duration(words: str) -> timedelta | None:
    if match := _AGO.fullmatch(words):
        return timedelta(seconds=int(match[1]) * _SECONDS[match[2][0].lower()])
    match = _DURATION.fullmatch(words)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def uploaded_at(text: str | None) -> datetime | None:
    """PEP 700's ``yyyy-mm-ddThh:mm:ss.ffffffZ``; None for what is no moment in time."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):  # the latter: at the ends of what a calendar can say
        return None
