"""Turn indexes for each accelerator (PyTorch's layout: .../cu128/, .../rocm7.1/, .../cpu/) into one index of
variants: DIR/wheels and DIR/simple. Run it again to go on after an interruption, or to add more
(docs/importing.md)."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options
from variantctl.cli.options import add_trusted_host
from variantctl.cli.render import note, print_json, warning
from variantctl.cli.workers import add_workers_argument, workers_of

if TYPE_CHECKING:
    from variant_index.importing.plan import ImportPlan
    from variant_index.importing.remote import RemoteImport
    from variant_index.importing.run import Import
    from variant_index.importing.selection import Selection

    from variantctl.backends.source import BackendSource
    from variantctl.net.client import HttpClient

HELP = "turn indexes for each accelerator into one index of variants"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "--from",
        dest="place",
        metavar="URL|FOLDER",
        help="where the indexes of the backends lie: a URL, or a folder of their wheels, also one in a store "
        "(s3://, gs://, az://). With --family: the index that has the members (default: pip's)",
    )
    parser.add_argument(
        "--family",
        metavar="NAME",
        help="import the members of a family, which have names or extras of their own ('variantctl families' "
        "lists them)",
    )
    add_trusted_host(parser)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="DIR|URL",
        help="the output folder; or a URL in a store, which the workers write to (--from is a folder then)",
    )
    parser.add_argument(
        "--mapping",
        default="pytorch",
        metavar="NAME",
        help="what the backends need: a source of kind backends, shipped or of the configuration file "
        "(default: pytorch)",
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    group = parser.add_argument_group("what is imported")
    group.add_argument(
        "--package", metavar="P", help="only this, perhaps with versions: 'torch>=2.9'", **several
    )
    group.add_argument(
        "--version",
        metavar="V",
        help="only this version of packages without their own ('2.10.0', '>=2.9'), or 'all' "
        "(default: the newest of each)",
    )
    group.add_argument("--python", metavar="X.Y", help="only wheels for this Python", **several)
    group.add_argument(
        "--platform",
        metavar="P",
        help="only this platform: linux-x86_64, linux-aarch64, macos-arm64, windows-amd64, or a tag",
        **several,
    )
    group.add_argument("--backend", metavar="L", help="only this backend, for example cu128", **several)
    parser.add_argument(
        "--dependencies",
        choices=("per-wheel", "united"),
        default="per-wheel",
        help="leave them as each wheel has them (default), or unite those of a version's variants under "
        "variant markers, which uv cannot read yet",
    )
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="wheels at a time (default: 4)")
    add_workers_argument(parser)
    parser.add_argument(
        "--no-pages", action="store_true", help="write simple/ only, and none of the pages for people"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Import, or say what would be."""
    from variant_index.importing.selection import Selection

    from variantctl.cli.index.audience import people_pages
    from variantctl.cli.progress import progress_bar

    if args.jobs < 1:
        from variantctl.cli.app import UsageError

        raise UsageError("argument --jobs: must be at least 1")
    selection = Selection(
        packages=tuple(args.package),
        version=args.version,
        pythons=tuple(args.python),
        platforms=tuple(args.platform),
        backends=tuple(args.backend),
    )
    with ExitStack() as opened:
        client = opened.enter_context(options.plain_client(args))
        job = (
            _job(args, selection, client)
            if args.family is None
            else _of_family(args, selection, client, opened)
        )
        if args.dry_run:
            return _show_plan(job.plan(), args)
        summary = job.run(progress_bar, extra=None if args.no_pages else people_pages())
    for text in (*summary.plan.notes, *summary.index.notes):
        note(text)
    for text in summary.contradictions:
        warning(text)
    if args.json:
        index = {name: value for name, value in summary.index.as_json().items() if name != "format"}
        print_json(
            {
                "format": 1,
                "dry_run": False,
                "fetched_bytes": summary.fetched_bytes,
                "wheels": summary.plan.as_json(args.output),
                "contradictions": list(summary.contradictions),
                "index": index,
            }
        )
        return 0
    sys.stdout.write(f"{summary.index.simple}: {_counts(summary.plan)}\n")
    return 0


def _job(args: argparse.Namespace, selection: Selection, client: HttpClient) -> Import | RemoteImport:
    """Into a folder this process fetches; into a store the workers read and write."""
    from variant_index.errors import FolderError
    from variant_index.importing.remote import RemoteImport
    from variant_index.importing.run import Import
    from variant_index.locations import is_store_url

    if args.place is None:
        from variantctl.cli.app import UsageError

        raise UsageError(
            "--from is missing: where the indexes of the backends lie",
            hint="Name a URL or a folder; or --family NAME, for a family of packages.",
        )
    mapping, workers = _mapping(args.mapping), workers_of(args)
    if _is_store(args.place) and not is_store_url(args.output):
        raise FolderError(
            f"{args.place}: what lies in a store is imported into a store, and {args.output} is none",
            hint="Give a URL of a store with -o, or copy the wheels to a folder first.",
        )
    if is_store_url(args.output):
        return RemoteImport(
            args.place, args.output, mapping, selection, dependencies=args.dependencies, workers=workers
        )
    return Import(
        args.place,
        Path(args.output),
        mapping,
        selection,
        client,
        dependencies=args.dependencies,
        jobs=args.jobs,
        workers=workers,
    )


def _of_family(
    args: argparse.Namespace, selection: Selection, client: HttpClient, opened: ExitStack
) -> Import:
    """The members of a family, from where packages come from otherwise."""
    from variant_index.errors import FolderError
    from variant_index.importing.run import Import
    from variant_index.locations import is_store_url

    from variantctl.cache.folder import Cache
    from variantctl.config.settings import load_index_settings
    from variantctl.indexes.finder import PackageFinder
    from variantctl.net.errors import SettingsError

    if is_store_url(args.output):
        raise FolderError(
            f"{args.output}: a family is imported into a folder",
            hint="Give a folder with -o, and publish its wheels with 'variantctl index add'.",
        )
    settings = load_index_settings(index_url=args.place, no_backends=True, trusted_hosts=args.trusted_host)
    if args.family not in settings.families.names:
        hint = f"There are: {', '.join(settings.families.names)}."
        raise SettingsError(f"--family: there is no family named {args.family!r}", hint=hint)
    family = settings.families.family(args.family)
    cache = Cache.open(no_cache=True)
    package_finder = opened.enter_context(PackageFinder(settings, cache=cache))
    return Import(
        args.place or settings.index_url or "",
        Path(args.output),
        family,
        selection,
        client,
        dependencies=args.dependencies,
        jobs=args.jobs,
        workers=workers_of(args),
        package_finder=package_finder,
    )


def _is_store(place: str) -> bool:
    from variant_index.bucket import SCHEMES

    scheme, separator, _ = place.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def _mapping(name: str) -> BackendSource:
    from variantctl.config.backends import known_sources
    from variantctl.net.errors import SettingsError
    from variantctl.variants.suggestions import did_you_mean

    known = {source.name: source for source in known_sources(os.environ)}
    if name not in known:
        hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
        raise SettingsError(f"--mapping: there is no source of kind backends named {name!r}", hint=hint)
    return known[name]


def _counts(plan: ImportPlan) -> str:
    words = {"fetch": "imported", "remake": "made again", "keep": "unchanged"}
    counts = ((plan.count(action), word) for action, word in words.items())
    return ", ".join(f"{number:,} {word}" for number, word in counts if number)


def _show_plan(plan: ImportPlan, args: argparse.Namespace) -> int:
    for text in plan.notes:
        note(text)
    if args.json:
        print_json({"format": 1, "dry_run": True, "wheels": plan.as_json(args.output)})
        return 0
    for item in plan.items:
        sys.stdout.write(
            f"{plan.actions[item.name]:6} {item.name}  (of {item.backend}: {item.wheel.filename})\n"
        )
    note(f"nothing was written: {plan.count('fetch'):,} wheels would be fetched")
    return 0
