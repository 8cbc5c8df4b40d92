"""``variantctl index``: the actions on an index that is there: add, remove, yank, unyank, status, verify."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.actions import Action
from variantctl.cli.render import note, print_json
from variantctl.cli.workers import add_audit_argument, add_journal_argument, add_workers_argument, workers_of

if TYPE_CHECKING:
    from variant_index.operations import ChangeSummary, IndexAt


def add_index_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--index`` and ``--json``."""
    parser.add_argument(
        "--index",
        "-o",
        required=True,
        metavar="OUT",
        help="the folder with simple/ in it, or its URL in an object store (s3://, gs://, az://)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def index_at(target: str | Path) -> IndexAt:
    """The index that was named."""
    from variant_index.operations import IndexAt

    from variantctl.cli.index.audience import people_pages

    return IndexAt(
        target,
        people_pages(),
        waiting=lambda: note(f"{target}: waiting for another process that is writing it"),
    )


def tell(args: argparse.Namespace, summary: ChangeSummary, done: str) -> int:
    """Print what was done, as JSON or in one line; gives the exit code."""
    for text in summary.notes:
        note(text)
    if args.json:
        print_json(summary.as_json())
    else:
        sys.stdout.write(f"{summary.index}: {done}\n")
    return 0


def count(number: int, noun: str) -> str:
    """``1 wheel``, ``2 wheels``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _declare_add(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "wheels",
        nargs="+",
        metavar="WHEEL",
        help="a wheel or sdist; or the URL of one, or of a folder of them, in the index's own store: "
        "these stay where they are, and are not downloaded",
    )
    add_index_option(parser)
    parser.add_argument(
        "--replace", action="store_true", help="replace published files of the same name and other contents"
    )
    parser.add_argument(
        "--verify", action="store_true", help="also compare every file in every wheel with its RECORD"
    )
    add_workers_argument(parser)
    add_audit_argument(parser)


def _add(args: argparse.Namespace) -> int:
    """Add the wheels."""
    from variant_index.operations import add_files

    from variantctl.cli.progress import progress_bar

    with progress_bar("reading wheels") as progress:
        summary = add_files(
            args.wheels,
            index_at(args.index),
            replace=args.replace,
            verify=args.verify,
            progress=progress,
            workers=workers_of(args),
            audit=args.audit,
        )
    done = f"{count(len(summary.files), 'file')} published"
    if summary.files:
        done += f": {listing(summary.files)}"
    if summary.unchanged:
        done += f"; {count(len(summary.unchanged), 'file')} published already"
    return tell(args, summary, done)


def _declare_remove(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "what", nargs="+", metavar="WHAT", help="NAME==VERSION or a filename; NAME with --all"
    )
    add_index_option(parser)
    parser.add_argument("--all", action="store_true", help="NAME may be given: the whole project goes")


def _remove(args: argparse.Namespace) -> int:
    """Remove the files."""
    from variant_index.operations import remove_files

    summary = remove_files(args.what, index_at(args.index), whole=args.all)
    return tell(args, summary, f"{count(len(summary.files), 'file')} removed: {listing(summary.files)}")


def _declare_yank(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("what", nargs="+", metavar="WHAT", help="NAME==VERSION, a filename, or NAME for all")
    add_index_option(parser)
    parser.add_argument("--reason", default="", help="why, shown to whoever pinned it")


def _yank(args: argparse.Namespace) -> int:
    """Yank the files."""
    from variant_index.operations import yank_files

    summary = yank_files(args.what, index_at(args.index), args.reason or True)
    return tell(args, summary, f"{count(len(summary.files), 'file')} yanked: {listing(summary.files)}")


def _declare_unyank(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("what", nargs="+", metavar="WHAT", help="NAME==VERSION, a filename, or NAME for all")
    add_index_option(parser)


def _unyank(args: argparse.Namespace) -> int:
    """Unyank the files."""
    from variant_index.operations import yank_files

    summary = yank_files(args.what, index_at(args.index), yanked=False)
    return tell(
        args, summary, f"{count(len(summary.files), 'file')} no longer yanked: {listing(summary.files)}"
    )


def _declare_status(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("name", metavar="NAME", help="the project")
    parser.add_argument(
        "status",
        metavar="STATUS",
        nargs="?",
        choices=("active", "archived", "deprecated", "quarantined"),
        help="active, archived, deprecated or quarantined",
    )
    add_index_option(parser)
    parser.add_argument("--reason", default="", help="why, shown to users")


def _status(args: argparse.Namespace) -> int:
    """Show or set the status."""
    from variant_index.operations import project_state, set_status

    from variantctl.indexes.page_writer import ProjectStatus

    if args.status is not None:
        summary = set_status(args.name, ProjectStatus(args.status, args.reason), index_at(args.index))
        return tell(args, summary, f"{summary.projects[0]} is {args.status} now")
    state = project_state(args.name, index_at(args.index))
    versions = [str(version) for version in state.versions]
    if args.json:
        print_json(
            {
                "format": 1,
                "name": state.name,
                "status": state.status.status,
                "reason": state.status.reason,
                "versions": versions,
                "files": len(state.files),
            }
        )
        return 0
    count = f"{len(state.files)} file{'s' if len(state.files) != 1 else ''}"
    reason = f" ({state.status.reason})" if state.status.reason else ""
    sys.stdout.write(f"{state.name} is {state.status.status}{reason}: {count} of {', '.join(versions)}\n")
    return 0


def _declare_verify(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these projects (default: all)")
    add_index_option(parser)
    parser.add_argument("--quick", action="store_true", help="read no wheels: pages, sizes and metadata only")
    add_workers_argument(parser)
    add_journal_argument(parser)


def _verify(args: argparse.Namespace) -> int:
    """Verify the index; 1 where something is wrong."""
    from variant_index.operations import parse_selection
    from variant_index.verify import verify_index

    from variantctl.cli.progress import progress_bar

    names = [parse_selection(name).name for name in args.names]
    with progress_bar(f"reading {args.index}") as progress:
        found = verify_index(
            index_at(args.index).publisher(),
            names,
            quick=args.quick,
            progress=progress,
            workers=workers_of(args),
            journal=args.journal,
        )
    if args.json:
        print_json(found.as_json())
        return int(bool(found.problems))
    for problem in found.problems:
        sys.stdout.write(f"{problem.where}: {problem.message}\n")
    if found.superseded:
        what = count(len(found.superseded), "file")
        note(f"{what} of index-level metadata of older pages; the next change of the project deletes them")
    counted = f"{count(found.projects, 'project')}, {count(found.files, 'file')}"
    verdict = f"{count(len(found.problems), 'problem')}" if found.problems else "nothing wrong"
    sys.stdout.write(f"{found.index}: {counted}: {verdict}\n")
    return int(bool(found.problems))


#: In the order in which ``--help`` lists them.
ACTIONS = (
    Action(
        "add",
        "publish wheels beside what an index has",
        "Publish wheels beside what an index has. Only the projects of these wheels are read and written;"
        " wheels that are published already are not opened. Several publishers may add to one index at "
        "the same time.",
        _declare_add,
        _add,
    ),
    Action(
        "remove",
        "take files out of an index",
        "Take files off the pages of an index, then delete them.",
        _declare_remove,
        _remove,
    ),
    Action(
        "yank",
        "mark files as not to be chosen any more",
        "Mark files as yanked (PEP 592): they stay, but only for those who pin exactly that version.",
        _declare_yank,
        _yank,
    ),
    Action(
        "unyank",
        "take back a yank",
        "Take the mark of ``index yank`` off again.",
        _declare_unyank,
        _unyank,
    ),
    Action(
        "status",
        "show or set the status of a project",
        "Say what a project as a whole is (PEP 792): active, archived, deprecated or quarantined. An "
        "archived or quarantined project takes no new files; a quarantined one offers none. Without "
        "STATUS, show it.",
        _declare_status,
        _status,
    ),
    Action(
        "verify",
        "check an index",
        "Check everything that a client of an index could trip over: pages against each other, links, "
        "sizes, hashes, metadata against wheels, labels and index-level metadata, and files that no page "
        "names.",
        _declare_verify,
        _verify,
    ),
)
