"""What somebody may have meant by the name of a package that no index has, or that is only a placeholder."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from variantctl.variants.suggestions import did_you_mean

_NEAR = 0.8
"""How near a name must be: at 0.6, as for options, ``opencv`` is near ``openai``."""

_MOST_COMPARED = 20_000
"""A folder may be a mirror of all of PyPI: comparing with so many names takes a tenth of a second."""


def meant(project: str, known: Iterable[str] = ()) -> str | None:
    """``did you mean 'scikit-learn'?``, or ``None`` where nothing is near.

    Args:
        project: the normalized name that was asked for.
        known: names that are surely there: those of installed packages, of a folder, of families.
    """
    tables = _tables()
    there = set(islice(known, _MOST_COMPARED))
    usual = tables["placeholders"].get(project) or tables["modules"].get(project)
    if usual is not None:
        return f"did you mean {usual!r}?"
    # What is there goes before what only is well known.
    for names in (there, tables["well-known"]["names"]):
        near = did_you_mean(project, (name for name in names if name != project), cutoff=_NEAR)
        if near is not None:
            return near
    return None


def stands_in_for(project: str) -> str | None:
    """The package that a placeholder of PyPI stands in for (``sklearn``); ``None`` for any other name."""
    found = _tables()["placeholders"].get(project)
    return None if found is None else str(found)


@cache
def _tables() -> Mapping[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    tables: Mapping[str, Any] = tomllib.loads(
        (Path(__file__).parent / "data/project_names.toml").read_text(encoding="utf-8")
    )
    return tables
