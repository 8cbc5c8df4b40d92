"""The keys of ``[tool.variantctl]``, from the JSON schema that ``variantctl config schema`` prints."""

from __future__ import annotations

import html
import json

from variantctl.config.project import schema_text

MARK = "<!-- generated: tool-variantctl -->"


def table() -> str:
    """A row for each key."""
    keys = json.loads(schema_text())["properties"]
    rows = [f"| `{key}` | {html.escape(said['description'], quote=False)} |" for key, said in keys.items()]
    return "\n".join(["| key | what it says |", "| --- | --- |", *rows])
