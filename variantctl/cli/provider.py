"""``variantctl provider``: whose detector plugins may be installed and run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.cli import options, provider_test
from variantctl.cli.app import UsageError
from variantctl.cli.render import note, print_json, warning

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from variantctl.providers.trust import TrustedPackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``provider trust``, ``untrust``, ``list`` and ``test``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    trust = actions.add_parser(
        "trust",
        help="let the plugin of a package be installed and run when metadata asks for it",
        description="Look the package up, and remember its version and the hashes of its wheel and of its "
        "dependencies' wheels. Nothing of it is installed or run yet. Whatever changes later is refused "
        "until it is trusted again.",
    )
    trust.add_argument(
        "packages", nargs="+", metavar="PACKAGE[==VERSION]", help="the newest version, unless one is named"
    )
    trust.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_source_arguments(trust)
    untrust = actions.add_parser("untrust", help="take that back")
    untrust.add_argument("packages", nargs="+", metavar="PACKAGE")
    untrust.add_argument("--json", action="store_true", help="print one JSON object")
    listing = actions.add_parser(
        "list", help="show which packages are trusted, and which plugins are installed beside variantctl"
    )
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    provider_test.add_arguments(
        actions.add_parser(
            "test",
            help="for authors of plugins: run a plugin, and say what is not as the standard has it",
            description="Run a plugin in several processes, and compare what it does with PEP 850's plugin "
            "API, and with what variantlib and variantctl can cope with. Each finding says the rule, who "
            "asks for it, and what to do. The plugin is run, whether it is trusted or not. With an error "
            "the exit code is 1.",
        )
    )


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    if args.action == "trust":
        return _trust(args)
    if args.action == "test":
        return provider_test.run(args)
    return _untrust(args) if args.action == "untrust" else _list(args)


def _trust(args: argparse.Namespace) -> int:
    from variantctl.providers.foreign import look_up
    from variantctl.providers.trust import TrustStore

    store = TrustStore.of_user()
    sources = options.plugin_sources(args)
    # All are looked up before any is trusted: one that cannot be found leaves the file as it was.
    found = [look_up(_requirement(text), sources) for text in args.packages]
    for package in found:
        before = store.trust(package)
        for change in _changes(before, package):
            warning(change)
        if not args.json:
            sys.stdout.write(f"trusted: {package.name} {package.version}\n")
            for filename, sha256 in package.wheels.items():
                sys.stdout.write(f"  {filename}  sha256:{sha256}\n")
    if args.json:
        print_json({"format": 1, "trusted": [package.as_json() for package in found]})
    else:
        note(f"kept in {store.path}")
    return 0


def _untrust(args: argparse.Namespace) -> int:
    from variantctl.providers.errors import NotTrustedError
    from variantctl.providers.trust import TrustStore

    store = TrustStore.of_user()
    missing = [name for name in args.packages if store.get(name) is None]
    if missing:
        trusted = ", ".join(store.packages()) or "none"
        raise NotTrustedError(
            f"not trusted in the first place: {', '.join(missing)}", hint=f"Trusted packages: {trusted}."
        )
    removed = [package for name in args.packages if (package := store.untrust(name)) is not None]
    if args.json:
        print_json({"format": 1, "untrusted": [package.as_json() for package in removed]})
    else:
        for package in removed:
            sys.stdout.write(f"no longer trusted: {package.name} {package.version}\n")
    return 0


def _list(args: argparse.Namespace) -> int:
    from variantctl.providers.plugins import KNOWN_PROVIDERS, foreign_plugins
    from variantctl.providers.trust import TrustStore

    store = TrustStore.of_user()
    trusted = list(store.packages().values())
    installed = [
        {
            "name": plugin.name,
            "package": plugin.package,
            "version": plugin.version,
            "trusted": store.get(plugin.package) is not None,
        }
        for plugin in foreign_plugins()
    ]
    if args.json:
        shipped = [
            {"package": package, "namespace": namespace} for package, namespace in KNOWN_PROVIDERS.items()
        ]
        packages = [package.as_json() for package in trusted]
        print_json(
            {
                "format": 1,
                "path": str(store.path),
                "trusted": packages,
                "installed": installed,
                "shipped": shipped,
            }
        )
        return 0
    for package in trusted:
        wheels = len(package.wheels)
        sys.stdout.write(f"{package.name} {package.version} ({wheels} wheel{'' if wheels == 1 else 's'})\n")
    if not trusted:
        note("no package is trusted; variantctl's own detectors need no trust")
    for plugin in installed:
        if not plugin["trusted"]:
            note(
                f"installed here and not trusted: {plugin['package']} {plugin['version']} ({plugin['name']})"
            )
    return 0


def _changes(before: TrustedPackage | None, now: TrustedPackage) -> Sequence[str]:
    """What is new since the package was trusted before, in words."""
    if before is None:
        return ()
    if before.version != now.version:
        return (f"{now.name}: version {now.version} takes the place of {before.version}",)
    return [
        f"{filename} has changed: its sha256 was {before.wheels[filename]}"
        for filename, sha256 in now.wheels.items()
        if before.wheels.get(filename, sha256) != sha256
    ]


def _requirement(text: str) -> Requirement:
    from packaging.requirements import Requirement

    try:
        return Requirement(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a package: {error}", hint="Write, for example, some-provider==1.0."
        ) from None
