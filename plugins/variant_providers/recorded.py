"""What a support bundle says that its files alone would not: ``variant-detect.json`` at the top of a tree.

Driver libraries, the environment and Python itself cannot be carried along, so ``variantctl detect --bundle``
writes down what a detector found wherever the bundle's files do not give the same answer.
"""

from __future__ import annotations

import json

from variant_providers.finding import Finding
from variant_providers.probing.tree import Tree

FILE = "variant-detect.json"
_MOST = 4096
_LONGEST = 4000


def read_recorded(tree: Tree, namespace: str) -> Finding | None:
    """What was found on the machine that the tree was taken from; ``None`` where its files are to be read.

    The file is anybody's: whatever is not of the right type is left out.
    """
    if tree.is_local or not tree.exists(FILE):
        return None
    try:
        written = json.loads(tree.read_text(FILE) or "")
    except (ValueError, RecursionError):
        return None
    providers = written.get("providers") if isinstance(written, dict) else None
    said = providers.get(namespace) if isinstance(providers, dict) else None
    if not isinstance(said, dict):
        return None
    finding = Finding(source=_text(said.get("source")) or "", failed=said.get("failed") is True)
    finding.notes.extend(text for text in map(_text, _items(said, "notes")) if text)
    for item in _items(said, "evidence"):
        if isinstance(item, dict):
            finding.saw(*(_text(item.get(key)) or "" for key in ("fact", "value", "source")))
    finding.devices.extend(_device(item) for item in _items(said, "devices") if isinstance(item, dict))
    finding.facts = _facts(said.get("facts"))
    finding.saw("recorded", finding.source, f"/{FILE}")
    return finding


def _items(said: dict[str, object], key: str) -> list[object]:
    value = said.get(key)
    return value[:_MOST] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) else None


def _device(item: dict[str, object]) -> dict[str, object]:
    device: dict[str, object] = {}
    for key, value in item.items():
        if isinstance(value, str):
            device[key] = value[:_LONGEST]
        elif isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
            device[key] = value
    return device


def _facts(value: object) -> dict[str, object] | None:
    if not isinstance(value, dict):
        return None
    facts: dict[str, object] = {}
    for key, fact in value.items():
        if isinstance(fact, str):
            facts[key] = fact
        elif isinstance(fact, list):
            facts[key] = [item for item in fact[:_MOST] if isinstance(item, str)]
    return facts
