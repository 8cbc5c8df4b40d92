"""``variantctl show``: what is known of installed packages, their variants and properties among it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.habits import not_installed
from variantctl.cli.recovery import recover

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.doctor.description import Description
    from variantctl.target.environment import Environment
    from variantctl.target.installed import InstalledPackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="an installed package")
    parser.add_argument("-f", "--files", action="store_true", help="list its files, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--profile", metavar="NAME|FILE", help="say whether it fits the machine that a profile describes"
    )
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command; it fails where none of the packages is installed, as pip's does."""
    from packaging.utils import canonicalize_name

    from variantctl.doctor.description import files_of
    from variantctl.target.installed import installed_packages

    environment = options.named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    installed = installed_packages(environment)
    names = list(dict.fromkeys(canonicalize_name(name) for name in args.names))
    missing = [name for name in names if name not in installed]
    for name in missing:
        render.warning(not_installed(name, str(environment.prefix), installed))
    found = list(_described(args, environment, installed, [name for name in names if name in installed]))
    files = {item.package.name: files_of(item.package) for item in found} if args.files else {}
    if args.json:
        packages = [
            {**item.as_json(), **({"files": list(files[item.package.name])} if args.files else {})}
            for item in found
        ]
        render.print_json({"format": 1, "packages": packages, "missing": missing})
    else:
        sys.stdout.write("---\n".join(_text(item, files.get(item.package.name)) for item in found))
    return 0 if found else 1


def _described(
    args: argparse.Namespace,
    environment: Environment,
    installed: dict[NormalizedName, InstalledPackage],
    names: Sequence[NormalizedName],
) -> Iterator[Description]:
    from variantctl.doctor.description import describe
    from variantctl.doctor.inspection import inspect
    from variantctl.doctor.leftovers import graph_of
    from variantctl.providers.algorithm import Machine, ProviderSettings
    from variantctl.providers.profiles import load_profile
    from variantctl.providers.settings import PluginSources

    profile = None if args.profile is None else load_profile(args.profile)
    # The plugin of a trusted provider is asked as it is in the cache, or not at all.
    settings = ProviderSettings(sources=lambda: PluginSources(offline=True))
    machine = Machine(profile, settings, environment=environment.markers)
    who = "this machine" if profile is None else f"profile {profile.name}"
    asked = {name: installed[name] for name in names}
    inspection = inspect(environment, markers=environment.markers, installed=asked)
    graph = graph_of(installed, environment)
    for name in names:
        item = inspection.packages[name]
        supported = machine.supported(item.metadata) if item.metadata is not None else {}
        yield describe(installed[name], item, graph, supported, who)


def _text(item: Description, files: Any) -> str:
    package = item.package
    rows = {
        "Name": package.name,
        "Version": str(package.version),
        "Summary": item.metadata.summary if item.metadata else "",
        "License": item.metadata.license if item.metadata else "",
        "Location": str(package.dist_info.parent),
        "Source": package.source or "",
        "Editable": "yes" if package.editable else "",
        "Installer": package.installer or "",
        "Variant": item.label or "",
        "Requires": ", ".join(item.requires),
        "Required-by": ", ".join(item.required_by),
    }
    lines = [f"{key}: {value}" for key, value in rows.items() if value or key.startswith("Require")]
    lines += _listed("Properties", _properties(item))
    lines += _listed("Why", item.why)
    if files is not None:
        lines += _listed("Files", files)
    return "".join(f"{line}\n" for line in lines)


def _properties(item: Description) -> list[str]:
    return [
        f"{namespace} :: {feature} :: {value}"
        for namespace, features in item.properties.items()
        for feature, values in features.items()
        for value in values
    ]


def _listed(title: str, lines: Any) -> list[str]:
    every = list(lines)
    return [f"{title}:", *(f"  {line}" for line in every)] if every else []
