"""Which distributions belong to a family: the file of names, which is made of the tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from variantctl.families.family import Family


def shipped_index(path: str) -> dict[str, tuple[str, str]]:
    """What ``data/names.json`` says: family -> identity -> distributions."""
    with open(path, "rb") as file:
        data = json.load(file)
    return {
        name: (family, identity)
        for family, identities in data.items()
        for identity, names in identities.items()
        for name in names
    }


def index_of(families: Iterable[Family]) -> dict[str, dict[str, list[str]]]:
    """The same, made of tables."""
    made: dict[str, dict[str, list[str]]] = {}
    for family in sorted(families, key=lambda each: each.name):
        for name, identity in sorted(family.names().items()):
            made.setdefault(family.name, {}).setdefault(identity, []).append(name)
    return made


DATA = os.path.join(os.path.dirname(__file__), "data")
"""Where the tables lie."""
