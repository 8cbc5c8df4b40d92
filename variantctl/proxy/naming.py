"""The names that wheels are shown under to tools without variants.

A wheel is known to such tools by its ordinary name, that of the same wheel without a label, and by its hash.
Where the page can promise no hash, the name alone has to tell the builds of two labels apart, or a cache
keeps the first one for all machines (observed with uv 0.13). A build tag does that: it stands after the
version, starts with a digit, and means nothing else (binary distribution format, "File name convention").
"""

from __future__ import annotations

import hashlib
import re

from variantctl.variants.filenames import WheelFilename

_OURS = re.compile(r"\A([^-]+-[^-]+)-(\d[^-]*)v[0-9a-f]{8}(-[^-]+-[^-]+-[^-]+\.whl)\Z")


def ordinary_name(wheel: WheelFilename) -> str:
    """The name of the same wheel without a label."""
    return wheel.with_label(None)


def unique_name(wheel: WheelFilename, *content: str | bytes) -> str:
    """The ordinary name with a build tag made of what is unique to the wheel; one it has stays part of it."""
    digest = hashlib.sha256()
    for part in content:
        digest.update((part.encode() if isinstance(part, str) else part) + b"\0")
    parts = ordinary_name(wheel).removesuffix(".whl").split("-")
    build = parts.pop(2) if wheel.build else "0"
    return "-".join([*parts[:2], f"{build}v{digest.hexdigest()[:8]}", *parts[2:]]) + ".whl"


def without_our_tag(filename: str) -> tuple[str, ...]:
    """The ordinary names that ``unique_name`` may have made *filename* of; none where it did not."""
    match = _OURS.match(filename)
    if match is None:
        return ()
    head, build, tail = match.groups()
    tagged = f"{head}-{build}{tail}"
    return (head + tail, tagged) if build == "0" else (tagged,)
