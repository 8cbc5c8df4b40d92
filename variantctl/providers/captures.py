"""Captured tool output at the top of a tree, cut down to what detection reads: the rest can hold anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

_SYSCTL = ("machdep.cpu.", "hw.optional.", "hw.logicalcpu", "hw.ncpu", "sysctl.proc_translated")
_COLUMNS = ("index", "name", "compute_cap", "driver_version", "memory.total", "mig.mode.current")


def only_what_is_read(name: str, text: str) -> str:
    """The lines and columns of a capture that detection looks at; other files as they are."""
    keep = _KEEPERS.get(name)
    return text if keep is None else keep(text)


def _sysctl(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if line.strip().startswith(_SYSCTL))


def _header(text: str) -> str:
    return "".join(f"{line}\n" for line in text.splitlines() if "Version" in line)


def _table(text: str) -> str:
    """The columns that we ask nvidia-smi for; of a table without a header, the first ones."""
    try:
        rows = [row for row in csv.reader(text.splitlines(), skipinitialspace=True) if row]
    except csv.Error:
        return ""
    titles = next((row for row in rows if "index" in row), [])
    chosen = [place for place, title in enumerate(titles) if title.partition("[")[0].strip() in _COLUMNS]
    if not titles:
        chosen = list(range(len(_COLUMNS)))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([row[place] for place in chosen if place < len(row)] for row in rows)
    return out.getvalue()


_KEEPERS: dict[str, Callable[[str], str]] = {
    "sysctl.txt": _sysctl,
    "nvidia-smi.txt": _header,
    "nvidia-smi.csv": _table,
}
