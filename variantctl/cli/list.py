"""``variantctl list``: what is installed in an environment, with the label of each variant."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render, target_machine
from variantctl.cli.options import named_environment
from variantctl.cli.recovery import recover
from variantctl.target.installed import InstalledPackage
from variantctl.values import replace

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from variantctl.target.environment import Environment

FORMATS = ("columns", "freeze", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "-o", "--outdated", action="store_true", help="only what has a newer version for this machine"
    )
    parser.add_argument("-e", "--editable", action="store_true", help="only what is installed as editable")
    parser.add_argument("--exclude-editable", action="store_true", help="leave editable packages out")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument(
        "--format",
        choices=FORMATS,
        default="columns",
        help="a table (the default), name==version, or the JSON array that pip prints",
    )
    parser.add_argument("--pre", action="store_true", help="with --outdated: pre-releases count, too")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.target.installed import installed_packages

    environment = named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    packages = labelled_packages(installed_packages(environment))
    packages = [package for package in packages if package.editable or not args.editable]
    packages = [package for package in packages if not (package.editable and args.exclude_editable)]
    for package in packages:
        for note in package.notes:
            render.warning(note)
    newer, withdrawn = _asked(args, packages, environment) if args.outdated else (None, {})
    for package in packages:
        for clause in withdrawn.get(package.name, ()):
            render.warning(f"{package.name} {package.version} {clause}")
    if newer is not None:
        outdated = [package for package in packages if package.name in newer]
        _print(args, outdated, newer, environment, withdrawn)
    else:
        _print(args, packages, newer, environment, withdrawn)
    return 0


def _print(
    args: argparse.Namespace,
    packages: Sequence[InstalledPackage],
    newer: Mapping[NormalizedName, Version] | None,
    environment: Environment,
    withdrawn: Mapping[NormalizedName, Sequence[str]],
) -> None:
    if args.json:
        found = [{**as_json(package), **_latest(package, newer)} for package in packages]
        said = {} if newer is None else {"withdrawn": {name: list(each) for name, each in withdrawn.items()}}
        render.print_json({"format": 1, "packages": found, **said})
    elif args.format == "json":
        # The shape of `pip list --format json`, for the scripts that read that.
        rows = [
            {"name": package.name, "version": str(package.version), **_latest(package, newer)}
            for package in packages
        ]
        sys.stdout.write(json.dumps(rows) + "\n")
    elif args.format == "freeze":
        for package in packages:
            sys.stdout.write(f"{package.name}=={package.version}\n")
    elif packages:
        _print_table(packages, newer)
    elif newer is not None:
        render.note(f"nothing in {environment.prefix} has a newer version")
    else:
        which = "editable " if args.editable else ""
        render.note(f"nothing {which}is installed in {environment.prefix}")


def _asked(
    args: argparse.Namespace, packages: Sequence[InstalledPackage], environment: Environment
) -> tuple[dict[NormalizedName, Version], dict[NormalizedName, Sequence[str]]]:
    """What the sources say: package -> its newest version that the machine can have, where that is newer than
    what is there; and package -> what is said against what is there."""
    from variantctl.cli.candidates import candidate_finder_of
    from variantctl.cli.progress import progress_steps
    from variantctl.resolve.published import newest
    from variantctl.resolve.withdrawal import installed_withdrawn

    found: dict[NormalizedName, Version] = {}
    withdrawn: dict[NormalizedName, Sequence[str]] = {}
    subject = target_machine.subject_of(args, environment)
    with (
        candidate_finder_of(args, environment, subject) as candidate_finder,
        progress_steps("asking", len(packages)) as begin,
    ):
        candidate_finder.expect_projects(package.name for package in packages)
        for package in packages:
            begin(package.name)
            version = newest(package.name, candidate_finder, pre=args.pre or package.version.is_prerelease)
            if version is not None and version.public != package.version.public and version > package.version:
                found[package.name] = version
            if package.source is not None:
                continue
            said = installed_withdrawn(package.name, package.version, package.label, candidate_finder)
            if said:
                withdrawn[package.name] = said
    return found, withdrawn


def _latest(package: InstalledPackage, newer: Mapping[NormalizedName, Version] | None) -> dict[str, str]:
    """pip's names of what ``--outdated`` adds."""
    if newer is None:
        return {}
    return {"latest_version": str(newer[package.name]), "latest_filetype": "wheel"}


def labelled_packages(installed: Mapping[NormalizedName, InstalledPackage]) -> list[InstalledPackage]:
    """The packages, with the labels that are not recorded: of a backend's build, and of a family's member."""
    from variantctl.config.families import known_families

    families = known_families(os.environ)
    found = []
    for package in installed.values():
        label = package.label
        if label is None and package.stands_in_by is None and families.of(package.name) is not None:
            label = families.installed_label(package.name, package.version, installed)
        elif label is None and package.version.local is not None:
            label = _label_of_backend(package)
        found.append(package if label == package.label else replace(package, label=label))
    return found


def _label_of_backend(package: InstalledPackage) -> str | None:
    """A build of a backend has its label in its version alone (``2.10.0+cu128``)."""
    from variantctl.config.backends import known_sources

    labels = (source.label_of(package.name, package.version) for source in known_sources(os.environ))
    return next((label for label in labels if label is not None), None)


def as_json(package: InstalledPackage) -> dict[str, Any]:
    """One element of ``packages``; ``label``: null (JSON) is no variant, ``"null"`` the null variant."""
    return {
        "name": package.name,
        "version": str(package.version),
        "label": package.label,
        "source": package.source,
        "editable": package.editable,
        "installer": package.installer,
        "requested": package.requested,
        **({"stands_in_by": package.stands_in_by} if package.stands_in_by is not None else {}),
    }


def _print_table(
    packages: Sequence[InstalledPackage], newer: Mapping[NormalizedName, Version] | None
) -> None:
    from variantctl.cli import tables

    latest = {name: str(version) for name, version in (newer or {}).items()}
    rows = [(p.name, str(p.version), latest.get(p.name, ""), p.label or "", _source(p)) for p in packages]
    sys.stdout.write(tables.plain(("Package", "Version", "Latest", "Variant", "Source"), rows))


def _source(package: InstalledPackage) -> str:
    if package.stands_in_by is not None:
        return f"({package.stands_in_by} stands in for it)"
    kind = "editable" if package.editable else "setup.py" if package.legacy else ""
    return " ".join(filter(None, (package.source, f"({kind})" if kind else "")))
