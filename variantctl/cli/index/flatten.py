"""Write OUT/simple-PROFILE/ beside OUT/simple/: the index as pip, uv, poetry and pdm have to see it to get
that machine's variants, without a proxy. For a cluster, or for building images."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.index.publish import count

if TYPE_CHECKING:
    from variantctl.providers.profiles import Profile
    from variantctl.proxy.flatten import Flattened

HELP = "write the trees that single machines are shown, for tools without variants"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder that 'index build -o' wrote")
    parser.add_argument("profiles", nargs="+", metavar="PROFILE", help="a profile's name, or its TOML file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Write a tree for each profile."""
    trees = flatten_all(args.out, load_profiles(args.profiles))
    if args.json:
        render.print_json({"format": 1, "flattened": [tree.as_json() for tree in trees]})
    else:
        show(trees)
    return 0


def load_profiles(names: Sequence[str]) -> list[Profile]:
    """The profiles of these names or files."""
    from variantctl.providers.profiles import load_profile

    return [load_profile(name) for name in names]


def flatten_all(out: Path, profiles: Sequence[Profile]) -> list[Flattened]:
    """Write a tree for each profile."""
    from variantctl.cli.progress import progress_bar
    from variantctl.cli.target_machine import platform_of
    from variantctl.config.families import known_families
    from variantctl.providers.algorithm import Machine
    from variantctl.proxy.flatten import flatten
    from variantctl.proxy.project_view import ClientTarget
    from variantctl.select.preferences import VariantPreferences
    from variantctl.target.platforms import platform_environment

    families = known_families(os.environ)
    trees = []
    for profile in profiles:
        platform = platform_of(profile, None) or platform_environment()
        machine = Machine(profile, environment=platform.markers)
        buyer = ClientTarget(machine, platform, VariantPreferences(), f"profile {profile.name}")
        with progress_bar(f"simple-{profile.name}") as progress:
            trees.append(flatten(out, profile.name, buyer, families=families, progress=progress))
        for problem in trees[-1].problems:
            render.warning(problem)
    return trees


def show(trees: Sequence[Flattened]) -> None:
    """One line a tree."""
    for tree in trees:
        parts = [
            count(tree.projects, "project"),
            count(len(tree.variants), "variant") + " shown as ordinary wheels",
        ]
        if tree.rewritten:
            parts.append(f"{tree.rewritten} of them rewritten without variant markers")
        sys.stdout.write(f"{tree.simple}: {', '.join(parts)}\n")
