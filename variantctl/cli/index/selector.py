"""Write pages for people over indexes as they are: which build does a machine get, and what does one type?
Only pages and metadata are fetched, and the files stay where they are. The page chooses as install does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.variants.digits import whole_number
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.utils import NormalizedName
    from variant_index.web.contents import Project
    from variant_index.web.render import Elsewhere

    from variantctl.indexes.finder import PackageFinder

HELP = "write static pages that say which build a machine gets, over indexes as they are"
MOST = 12


class SelectorError(VariantctlError):
    """The pages cannot be written."""

    kind = "selector"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "packages",
        nargs="*",
        metavar="PACKAGE",
        help="of what; with --source: all that it has, where none is named",
    )
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="SITE", help="the folder to write"
    )
    parser.add_argument(
        "--source",
        metavar="NAME",
        action="append",
        default=[],
        help="a source with an index for each accelerator, such as pytorch",
    )
    parser.add_argument(
        "--family",
        metavar="NAME",
        action="append",
        default=[],
        help="the packages of a family (`variantctl families`): one page for all of its names",
    )
    parser.add_argument(
        "--versions",
        metavar="N",
        type=_count,
        default=MOST,
        help=f"how many versions, newest first (default: {MOST})",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_source_arguments(parser)


def _count(text: str) -> int:
    if not 1 <= (count := whole_number(text) or 0) <= 1000:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is no number from 1 to 1000")
    return count


def run(args: argparse.Namespace) -> int:
    """Read the packages' pages and write one for each."""
    from packaging.utils import canonicalize_name
    from variant_index.web.entries import entry_of
    from variant_index.web.pages import FRONT, path_of
    from variant_index.web.render import assets, front_page, project_page

    from variantctl.cli.index.audience import everybody

    args.backends = [*args.backends, *args.source]
    _check_site(args.output)
    audience = everybody()
    with options.open_finder(args) as package_finder:
        projects, problems = _projects(args, package_finder)
        place = _elsewhere(args, package_finder)
        for text in dict.fromkeys((*package_finder.notes, *package_finder.warnings)):
            render.note(text)
    pages = {
        path_of(canonicalize_name(project.name)): project_page(project, audience, place)
        for project in projects
    }
    pages |= {f"project/{name}": content for name, content in assets().items()}
    front = front_page([entry_of(project) for project in projects], place)
    changed = [
        path for path, content in (*pages.items(), (FRONT, front)) if _write(args.output / path, content)
    ]
    if args.json:
        listed = [
            {
                "name": project.name,
                "page": str(args.output / path_of(canonicalize_name(project.name))),
                "versions": len(project.releases),
            }
            for project in projects
        ]
        render.print_json({"format": 1, "projects": listed, "changed": changed, "problems": problems})
    elif not render.is_quiet():
        count = len(projects)
        what = "1 package" if count == 1 else f"{count} packages"
        sys.stdout.write(f"{args.output / FRONT}: {what}, {len(changed)} files changed\n")
    return 0


def _projects(args: argparse.Namespace, package_finder: PackageFinder) -> tuple[list[Project], list[str]]:
    """What there is of each package; one that cannot be read is told and left out, if another one can be."""
    from packaging.utils import canonicalize_name
    from variant_index.web.elsewhere import project_elsewhere

    from variantctl.cli.index.audience import everybody

    named = [package_finder.families.identity(canonicalize_name(name)) for name in args.packages]
    named += _of_families(args.family, package_finder)
    names: list[str] = [*named] or [
        name
        for source in package_finder.settings.backends
        if source.name in args.source
        for name in source.packages
    ]
    if not names:
        raise UsageError(
            "no package is named",
            hint="Write, for example, `variantctl index selector --source pytorch -o site torch`.",
        )
    package_finder.read_no_wheels()
    audience, found, problems = everybody(), [], []
    errors: list[VariantctlError] = []
    for name in dict.fromkeys(names):
        try:
            project = project_elsewhere(
                name, package_finder, audience, most=args.versions, warn=render.detail
            )
        except VariantctlError as error:
            errors.append(error)
            problems.append(f"{name} is left out: {error.message}")
            continue
        if not project.releases and not project.notice:
            problems.append(f"{name} is left out: it has no wheels")
            continue
        found.append(project)
    if not found:
        raise errors[0] if errors else SelectorError("; ".join(problems))
    for problem in problems:
        # A source lists what it may have; only of what somebody named the absence is worth a warning.
        (render.warning if named else render.detail)(problem)
    return found, problems


def _of_families(names: Sequence[str], package_finder: PackageFinder) -> list[NormalizedName]:
    """The packages of families."""
    found: list[NormalizedName] = []
    for name in names:
        if name not in package_finder.families.names:
            raise UsageError(
                f"there is no family {name}",
                hint="`variantctl families` lists them; a package needs no --family.",
            )
        found += package_finder.families.family(name).packages
    return found


def _elsewhere(args: argparse.Namespace, package_finder: PackageFinder) -> Elsewhere:
    """What variantctl has to be told on the machine, and what people are told of the places."""
    from variant_index.web.render import Elsewhere

    from variantctl.net.redaction import without_secrets

    words: list[str] = []
    if args.index_url:
        words += ["--index-url", without_secrets(args.index_url)]
    for url in args.extra_index_url:
        words += ["--extra-index-url", without_secrets(url)]
    for place in args.find_links:
        words += ["--find-links", without_secrets(place)]
    words += ["--no-index"] if args.no_index else []
    words += ["--no-families"] if args.no_families else []
    for name in args.source:
        words += ["--backends", name]
    urls = [
        url
        for layer in package_finder.settings.layers
        for url in (
            *layer.extra_index_urls,
            *layer.find_links,
            *([layer.index_url] if layer.index_url else ()),
        )
    ]
    urls += [source.url for source in package_finder.settings.backends]
    return Elsewhere(tuple(words), tuple(dict.fromkeys(map(without_secrets, urls))))


def _check_site(site: Path) -> None:
    """A front page that is not ours, or an index's own, is never replaced."""
    from variantctl.indexes.page_writer import GENERATOR

    front = site / "index.html"
    if site.exists() and not site.is_dir():
        raise SelectorError(f"{site} is no folder", hint="Name a folder with -o SITE.")
    if (site / "simple").exists():
        raise SelectorError(
            f"{site} is an index, whose pages 'index build' writes", hint="Name another folder with -o SITE."
        )
    if front.exists() and GENERATOR.encode() not in front.read_bytes():
        raise SelectorError(
            f"{front} was not made by variantctl", hint="Move it away, or name another folder with -o SITE."
        )


def _write(place: Path, content: bytes) -> bool:
    """Whether the file had to be written."""
    from variantctl.filesystem.atomic import written_whole

    if place.is_file() and place.read_bytes() == content:
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(place) as out:
        out.write(content)
    return True
