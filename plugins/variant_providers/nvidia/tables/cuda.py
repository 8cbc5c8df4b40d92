"""The CUDA versions and architectures that wheel labels may speak of, and which driver runs which CUDA.

Source of the ranges: ``nvidia-variant-provider`` 0.0.2, which published wheels were labelled with, and which
uv 0.13 repeats. A driver or GPU outside them cannot be described by any published label.
"""

from __future__ import annotations

OLDEST = (11, 0)
NEWEST = (15, 20)
HIGHEST_MINOR = 20
"""A major release's minors are written down to ``.0`` from here; no release has had more."""

LOWEST_CAPABILITY = (5, 0)
HIGHEST_CAPABILITY_MAJOR = 12

DRIVER_BRANCHES: tuple[tuple[int, tuple[int, int]], ...] = (
    (346, (7, 0)), (352, (7, 5)), (367, (8, 0)), (384, (9, 0)), (390, (9, 1)), (396, (9, 2)),
    (410, (10, 0)), (418, (10, 1)), (440, (10, 2)),
    (450, (11, 0)), (455, (11, 1)), (460, (11, 2)), (465, (11, 3)), (470, (11, 4)), (495, (11, 5)),
    (510, (11, 6)), (515, (11, 7)), (520, (11, 8)),
    (525, (12, 0)), (530, (12, 1)), (535, (12, 2)), (545, (12, 3)), (550, (12, 4)), (555, (12, 5)),
    (560, (12, 6)), (565, (12, 7)), (570, (12, 8)), (575, (12, 9)),
    (580, (13, 0)), (590, (13, 1)), (595, (13, 2)), (610, (13, 3)),
)  # fmt: skip
"""(driver branch, the newest CUDA version it runs), ascending.

Source: CUDA Toolkit release notes 13.3, table "CUDA Toolkit and Corresponding Driver Versions", the Linux
column; 565, which no toolkit came with, as its nvidia-smi prints. Numbers in between (Windows' 572) are
of the branch below them.
"""

NEWEST_BRANCH_END = 620
"""Drivers from here on are of a branch newer than the table."""
