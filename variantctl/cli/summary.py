"""What was installed, in words. Plain text: importing rich would take longer than many an installation."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from variantctl.resolve.plan import Plan, PlannedInstall, PlannedRemoval


def of_plan(plan: Plan, place: Path | None, *, dry_run: bool, seconds: float) -> str:
    """What ``install`` did or would do."""
    if not plan.install:
        kept = [f"{kept.name} {kept.version}" for kept in plan.keep if kept.requested]
        there = f": {', '.join(kept)} {'is' if len(kept) == 1 else 'are'} there already" if kept else ""
        return f"Nothing to do{there}.\n"
    rows = rows_of(plan)
    if dry_run:
        return f"Would install {_count(rows)}{_into(place)}:\n{_table(rows)}"
    return of_rows(rows, place, seconds=seconds)


def of_rows(rows: Sequence[Sequence[str]], place: Path | None, *, seconds: float) -> str:
    """What ``install`` did, from ``rows_of`` a plan."""
    return f"Installed {_count(rows)}{_into(place)} in {seconds:.1f} s:\n{_table(rows)}"


def rows_of(plan: Plan) -> list[tuple[str, ...]]:
    """A row for each wheel: name, version, label, what it replaced, and why it was chosen."""
    replaced = {removal.name: removal for removal in plan.remove if removal.package.stands_in_by is None}
    return [
        (
            planned.distribution,
            str(planned.version),
            planned.label or "",
            _was(planned, replaced[planned.distribution]) if planned.distribution in replaced else "",
            planned.because,
        )
        for planned in plan.install
    ]


def _was(planned: PlannedInstall, removal: PlannedRemoval) -> str:
    label = removal.package.label
    return f"was {removal.version}" + (f" {label}" if label and label != planned.label else "")


def _count(rows: Sequence[object]) -> str:
    return f"{len(rows)} {'package' if len(rows) == 1 else 'packages'}"


def _into(place: Path | None) -> str:
    return f" into {place}" if place is not None else ""


def _table(rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip()
        for row in rows
    )
    return "".join(f"  {line}\n" for line in lines)
