"""``variantctl families``: what counts as builds of one package, and where that is from."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from variantctl.cli import render, tables
from variantctl.cli.app import UsageError

if TYPE_CHECKING:
    from variantctl.families.family import Family, Member
    from variantctl.families.registry import Families

_MOST = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a family, or any package that belongs to one"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.config.families import known_families

    known = known_families(os.environ)
    if not known:
        render.note("families are switched off (VARIANTCTL_NO_FAMILIES, or [families] enabled = false)")
    families = [_named(name, known) for name in args.names] or [known.family(name) for name in known.names]
    for problem in known.problems:
        render.warning(problem)
    if args.json:
        render.print_json({"format": 1, "families": [_as_json(family) for family in families]})
    elif args.names:
        sys.stdout.write("\n".join(map(_told, families)))
    else:
        rows = [(each.name, _packages(each), ", ".join(m.label for m in each.members)) for each in families]
        sys.stdout.write(tables.plain(("Family", "Packages", "Members"), rows))
    return 0


def _named(name: str, known: Families) -> Family:
    from packaging.utils import canonicalize_name

    from variantctl.variants.suggestions import did_you_mean

    if name in known.names:
        return known.family(name)
    found = known.of(canonicalize_name(name))
    if found is None:
        near = did_you_mean(name, {*known.names, *known.distributions}, cutoff=0.8)
        raise UsageError(
            f"{name} belongs to no family that is known",
            hint=near or "`variantctl families` lists them; docs/families.md says how to add one.",
        )
    return found


def _packages(family: Family) -> str:
    shown = list(family.packages[:_MOST])
    more = len(family.packages) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _told(family: Family) -> str:
    lines = [f"{family.name}: {family.summary}" if family.summary else family.name]
    lines.append(f"  packages: {', '.join(family.packages)}")
    if family.fact_source:
        lines.append(f"  source: {family.fact_source}")
    rows = [
        (member.label, _called(member, family), _needs(member), _remarks(member)) for member in family.members
    ]
    table = tables.plain(("Member", "Published as", "Needs", ""), rows)
    return "\n".join([*lines, table])


def _called(member: Member, family: Family) -> str:
    name = family.packages[0] if len(family.packages) == 1 else "NAME"
    project = member.project.replace("{name}", name)
    return f"{project}[{member.extra}]" if member.extra else project


def _needs(member: Member) -> str:
    """The properties in short: the bound that decides, and how many values a list has."""
    return ", ".join(_shown(member)) or ("its version says it" if member.local else "nothing")


def _shown(member: Member) -> Iterator[str]:
    for namespace, features in member.properties.items():
        for feature, values in features.items():
            few = ", ".join(values) if len(values) <= 2 else f"{values[0]} and {len(values) - 1} more"
            yield f"{namespace} :: {feature} :: {few}"


def _remarks(member: Member) -> str:
    said = (
        f"versions {member.versions}" if str(member.versions) else "",
        f"where {member.marker}" if member.marker is not None else "",
        f"at {member.index or member.page}" if member.index or member.page else "",
        "only by name" if member.only_by_name else "",
        f"with {member.needs}" if member.needs else "",
    )
    return "; ".join(filter(None, said))


def _as_json(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "summary": family.summary,
        "packages": list(family.packages),
        "source": family.fact_source,
        "origin": family.origin,
        "together": family.together,
        "members": [_member_json(member, family) for member in family.members],
    }


def _member_json(member: Member, family: Family) -> dict[str, Any]:
    return {
        "label": member.label,
        "projects": [member.project_of(package) for package in family.packages],
        "extra": member.extra,
        "versions": str(member.versions),
        "marker": None if member.marker is None else str(member.marker),
        "index": member.index or None,
        "page": member.page or None,
        "local": [each.pattern for each in member.local],
        "properties": {
            namespace: {feature: list(values) for feature, values in features.items()}
            for namespace, features in member.properties.items()
        },
        "builds": len(member.builds),
        "cpu": not member.properties and not member.local,
        "only_by_name": member.only_by_name,
        "runs_anywhere": member.runs_anywhere,
        "needs": member.needs,
        "source": member.source or family.fact_source,
    }
