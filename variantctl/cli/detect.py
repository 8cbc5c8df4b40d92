"""``variantctl detect``: what this machine (or a tree, or a profile) supports, and how that is known."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.providers.detect import Detection, detect
from variantctl.providers.settings import ProviderSettings
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.cli.styling import StackedTable
    from variantctl.providers.asking import ProviderReport

_STATUS_STYLES = {
    "ok": "green",
    "error": "bold red",
    "untrusted": "yellow",
    "disabled": "yellow",
    "absent": "dim",
}

_TREE_MARKS = (
    "proc",
    "sys",
    "machine",
    "variant-detect.json",
    "sysctl.txt",
    "processor-features.txt",
    "nvidia-smi.csv",
    "nvidia-smi.txt",
)
"""A tree that detectors can read something in has at least one of these at its top."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``variantctl detect``."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--root",
        metavar="DIR|BUNDLE",
        help="probe the system whose files lie here, or replay a support bundle, instead of this machine",
    )
    where.add_argument("--profile", metavar="NAME|FILE", help="show what a profile amounts to; probe nothing")
    parser.add_argument("--save", metavar="FILE", help="write what was found as a profile")
    parser.add_argument(
        "--bundle",
        metavar="FILE",
        help="write what was read as a support bundle (a .tar.gz without anything private)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    several: dict[str, Any] = {"metavar": "NS", "action": "append", "default": []}
    parser.add_argument(
        "--enable-provider", help="let the optional provider of a namespace answer", **several
    )
    parser.add_argument("--disable-provider", help="leave a namespace out", **several)
    parser.add_argument(
        "--trust-provider",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="ask this package's plugin too, in this run",
    )
    options.add_source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Probe, save if asked to, and print."""
    settings = ProviderSettings(
        enabled=frozenset(args.enable_provider),
        disabled=frozenset(args.disable_provider),
        trusted=frozenset(args.trust_provider),
        sources=partial(options.plugin_sources, args),
    )
    profile = None
    if args.profile is not None:
        from variantctl.providers.profiles import load_profile

        profile = load_profile(args.profile)
    with _tree(args.root) as root:
        if root is not None and not any(Path(root, name).exists() for name in _TREE_MARKS):
            render.warning(f"{args.root} has neither proc nor sys: is it the top of a system's tree?")
        detection = detect(root=root, profile=profile, settings=settings)
        if args.bundle is not None:
            _write_bundle(detection, args.bundle, root, args.profile)
    if args.save is not None:
        path = Path(args.save)
        path.write_text(detection.as_profile(path.stem or "profile"), encoding="utf-8")
        render.note(f"saved as a profile: {path}")
    if args.json:
        render.print_json(detection.as_json())
    else:
        _print(detection)
    return 0


def _tree(root: str | None) -> AbstractContextManager[str | None]:
    if root is None or Path(root).is_dir():
        return nullcontext(root)
    from variantctl.providers.bundle import opened_tree

    return opened_tree(root)


def _write_bundle(detection: Detection, file: str, root: str | None, profile: str | None) -> None:
    from variantctl.providers.bundle import write_bundle

    if profile is not None:
        raise VariantctlError("a profile reads no files to bundle", hint="Leave out --profile or --bundle.")
    names = write_bundle(detection, Path(file), root)
    render.note(f"support bundle: {file} ({len(names)} files; replay it with --root {file})")


def _print(detection: Detection) -> None:
    console = render.console()
    known = detection.platform
    python = f"Python {known.python}" if known.python else None
    console.print(", ".join(part for part in (known.system, known.machine, known.libc, python) if part))
    console.print(_table(detection))
    for report in detection.providers:
        # Where nothing is supported the first note is in the table, in place of what it means.
        for note in report.notes if report.features else report.notes[1:]:
            console.print(f"{report.namespace}: {note}", markup=False)


def _table(detection: Detection) -> StackedTable:
    from rich.markup import escape

    from variantctl.cli.styling import StackedTable

    table = StackedTable(spare=("how it was read",))
    for title in ("provider", "status", "found", "what it means", "how it was read"):
        table.add_column(title, overflow="fold", vertical="top")
    for report in detection.providers:
        style = _STATUS_STYLES.get(report.status, "")
        cells = (escape(cell) for cell in _cells(report))
        table.add_row(escape(report.namespace), f"[{style}]{report.status}[/]", *cells)
    return table


def _cells(report: ProviderReport) -> tuple[str, str, str]:
    from variantctl.providers.summary import found, meaning

    took = f"{report.elapsed_ms:.0f} ms" if report.elapsed_ms >= 1 else ""
    read = ", ".join(part for part in (report.source, took) if part)
    why_not = report.notes[0] if report.notes else ""
    return found(report), meaning(report) or why_not, read if report.status in ("ok", "error") else ""
