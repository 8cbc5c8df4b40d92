"""Check everything that can be wrong with variant wheels: names, archive, METADATA, WHEEL, RECORD with every
hash, variant.json, properties against their providers, and whether wheels of one version agree. The exit code
is 1 if anything is found."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import note, print_json
from variantctl.cli.wheel.plugins import add_provider_arguments, build_providers
from variantctl.values import replace

if TYPE_CHECKING:
    from variantctl.variants.known_properties import KnownFeatures
    from variantctl.variants.metadata import ProviderInfo
    from variantctl.wheels.validate import AskValidity, Validation

HELP = "check wheels for everything that can be wrong with them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL", help="the wheels")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--strict", action="store_true", help="count what is only untidy as a problem, too")
    add_provider_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Look at every wheel; 1 if any has a problem."""
    from variantctl.wheels.validate import together, validate_wheel

    found = []
    for path in dict.fromkeys(args.wheels):
        with progress_bar(f"checking {path.name}") as progress:
            ask = None if args.no_validate else _asker(args)
            found.append(validate_wheel(path, ask, strict=args.strict, progress=progress))
    between = together(found)
    found = [
        replace(one, problems=(*one.problems, between[one.path])) if one.path in between else one
        for one in found
    ]
    bad = [one for one in found if one.problems]
    if args.json:
        problems = sum(len(one.problems) for one in found)
        wheels = [one.as_json() for one in found]
        print_json({"format": 1, "valid": not bad, "problems": problems, "wheels": wheels})
        return 1 if bad else 0
    for one in found:
        _show(one)
    return 1 if bad else 0


def _asker(args: argparse.Namespace) -> AskValidity:
    providers = build_providers(args)

    def ask(
        table: Mapping[str, ProviderInfo], namespaces: Sequence[str]
    ) -> tuple[KnownFeatures, Mapping[str, str]]:
        validity = providers.validity(table, namespaces)
        return validity.known, validity.unchecked

    return ask


def _show(one: Validation) -> None:
    name = one.path.name or str(one.path)
    for text in one.notes:
        note(text)
    count = len(one.problems)
    said = "valid" if not count else f"{count} problem{'s' if count > 1 else ''}"
    sys.stdout.write(f"{name}: {said}\n")
    for problem in one.problems:
        sys.stdout.write(f"  {problem.message.removeprefix(f'{name}: ')}\n")
        if problem.hint:
            sys.stdout.write(f"    hint: {problem.hint}\n")
