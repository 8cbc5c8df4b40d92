"""The table of the profiles that come with variantctl, made from their files."""

from __future__ import annotations

from variantctl.providers.profiles import load_profile, shipped_profiles

MARK = "<!-- generated: profiles -->"


def table() -> str:
    """A row for each: its name and what it describes."""
    rows = [f"| `{name}` | {load_profile(name).description} |" for name in shipped_profiles()]
    return "\n".join(["| `--profile` | machine |", "| --- | --- |", *rows])
