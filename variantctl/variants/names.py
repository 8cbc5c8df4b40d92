"""Names of projects.

``packaging.utils`` says the same, but imports ``packaging.tags`` with it, and that ``platform``, ``logging``
and ``subprocess``: for a command that only links files that is a tenth of its time.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

_SEPARATORS = re.compile(r"[-_.]+")


def canonicalize_name(name: str) -> NormalizedName:
    """The normalized form of a project's name ("Names and normalization", PEP 503)."""
    return cast("NormalizedName", _SEPARATORS.sub("-", name).lower())
