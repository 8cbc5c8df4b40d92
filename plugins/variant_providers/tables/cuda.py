"""The CUDA versions and architectures that wheel labels may speak of.

Source: the ranges of ``nvidia-variant-provider`` 0.0.2, which published wheels were labelled with, and which
uv 0.13 repeats. A driver or GPU outside them cannot be described by any published label.
"""

from __future__ import annotations

OLDEST = (11, 0)
NEWEST = (15, 20)
HIGHEST_MINOR = 20
"""A major release's minors are written down to ``.0`` from here; no release has had more."""

LOWEST_CAPABILITY = (5, 0)
HIGHEST_CAPABILITY_MAJOR = 12
