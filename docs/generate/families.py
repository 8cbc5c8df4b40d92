"""The table of families in docs/families.md, made of the tables that ship.

``python -m docs.generate.families`` writes it anew; ``tests/families/test_page.py`` compares.
"""

from __future__ import annotations

from pathlib import Path

from variantctl.families.family import Family, Member
from variantctl.families.knowledge import FamilyKnowledge
from variantctl.families.registry import Families

PAGE = Path(__file__).parent.parent / "families.md"
BEGIN, END = "<!-- table of families: python -m docs.generate.families -->", "<!-- end of the table -->"
_MOST = 4


def table() -> str:
    """The rows, one a family."""
    families = Families(lambda: FamilyKnowledge(None))
    rows = [_row(families.family(name)) for name in families.names]
    return "\n".join(["| family | packages | members, the best first |", "| --- | --- | --- |", *rows])


def _row(family: Family) -> str:
    packages = [f"`{name}`" for name in family.packages[:_MOST]]
    more = len(family.packages) - _MOST
    listed = ", ".join(packages) + (f" and {more} more" if more > 0 else "")
    named = [_name(family, member) for member in family.members]
    cells: dict[str, list[str]] = {}
    for text, member in zip(named, family.members, strict=True):
        own = "an index" if member.index else "a page" if member.page else ""
        cells.setdefault(f"{text} of {own} of its own" if own else text, []).append(member.label)
    members = "; ".join(
        f"{text}: {_some(labels)}" if " its own" in text else text for text, labels in cells.items()
    )
    return f"| `{family.name}` | {listed} | {members} |"


def _some(labels: list[str]) -> str:
    more = len(labels) - _MOST
    return ", ".join(labels[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _name(family: Family, member: Member) -> str:
    """What pip knows it by, and what else decides."""
    several = len(family.packages) > 1
    text = f"`{_of_any(member) if several else member.requirement(family.packages[0])}`"
    if member.local and not (member.page or member.index):
        return f"{text} by its local version"
    return f"{text} (only by name)" if member.only_by_name else text


def _of_any(member: Member) -> str:
    return member.project.replace("{name}", "NAME") + (f"[{member.extra}]" if member.extra else "")


def written(text: str) -> str:
    """The page with the table of today."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> None:
    """Write it into the page."""
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
