"""``variantctl provider test``: whether a plugin keeps to the plugin API, for those who write plugins."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options
from variantctl.cli.app import UsageError
from variantctl.cli.render import note, print_json

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from variantctl.providers.conformance.examining import PackageTest, PluginTest

EXAMPLES = "my-provider, dist/my_provider-1.0-py3-none-any.whl, or my_provider.plugin:MyPlugin"
SHOWN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "plugin",
        metavar="PACKAGE|WHEEL|MODULE:CLASS",
        help="a package of the index, a wheel that you built, or a plugin that is installed where you work "
        "(MODULE: where the module itself is the plugin)",
    )
    parser.add_argument(
        "--plugin-api",
        metavar="MODULE:CLASS",
        action="append",
        default=[],
        help="of a package or wheel, test this plugin; by default those of its entry points",
    )
    parser.add_argument(
        "-p",
        "--python",
        metavar="PYTHON",
        help="the interpreter that MODULE:CLASS is installed for; by default VIRTUAL_ENV's, else this one",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_source_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Test, and show; 1 if a rule is broken whose level is error."""
    tested = _package(args) if ":" not in args.plugin else None
    plugins = tested.plugins if tested is not None else (_installed(args),)
    passed = all(plugin.passed for plugin in plugins)
    if args.json:
        about = {} if tested is None else {"package": tested.package, "version": tested.version}
        said = [plugin.as_json() for plugin in plugins]
        print_json({"format": 1, **about, "passed": passed, "plugins": said})
        return 0 if passed else 1
    if tested is not None and tested.version:
        note(f"{tested.package} {tested.version} was installed into an environment of its own, and run")
    for plugin in plugins:
        _show(plugin, tested)
    return 0 if passed else 1


def _package(args: argparse.Namespace) -> PackageTest:
    from variantctl.providers.conformance.examining import examine_package, requirement_of_wheel

    if args.python is not None:
        raise UsageError("argument --python: only for MODULE:CLASS; a package gets an environment of its own")
    sources = options.plugin_sources(args)
    if args.plugin.endswith(".whl"):
        requirement, sources = requirement_of_wheel(Path(args.plugin), sources)
    else:
        requirement = _requirement(args.plugin)
    return examine_package(requirement, sources, references=[_reference(one) for one in args.plugin_api])


def _installed(args: argparse.Namespace) -> PluginTest:
    from variantctl.providers.conformance.examining import examine_reference

    if args.plugin_api:
        raise UsageError("argument --plugin-api: only for a package or a wheel")
    return examine_reference(_python(args.python), _reference(args.plugin))


def _python(named: str | None) -> Path:
    from variantctl.providers.installers import python_of

    active = os.environ.get("VIRTUAL_ENV")
    if named is None:
        return python_of(Path(active)) if active else Path(sys.executable)
    path = Path(named)
    found = python_of(path) if path.is_dir() else path
    if not found.is_file():
        raise UsageError(
            f"argument --python: {named}: there is no interpreter",
            hint="Name, for example, .venv/bin/python.",
        )
    return found.absolute()


def _reference(text: str) -> str:
    return text.removesuffix(":")


def _requirement(text: str) -> Requirement:
    from packaging.requirements import Requirement

    try:
        return Requirement(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a package: {error}", hint=f"Write, for example, {EXAMPLES}."
        ) from None


def _show(plugin: PluginTest, tested: PackageTest | None) -> None:
    from variantctl.providers.conformance.rules import RULES

    errors = sum(finding.rule.level == "error" for finding in plugin.findings)
    warnings = len(plugin.findings) - errors
    name = plugin.reference or (tested.package if tested is not None else "")
    counted = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    kept = len(RULES) - len({finding.rule.name for finding in plugin.findings})
    outcome = ", ".join(counted) if counted else f"keeps all {kept} rules"
    sys.stdout.write(f"{name}: {outcome}\n")
    for finding in plugin.findings:
        rule, more = finding.rule, len(finding.details) - SHOWN
        sys.stdout.write(f"\n  {rule.level}: {rule.name}: {rule.asks}\n")
        for detail in finding.details[:SHOWN]:
            sys.stdout.write(f"    seen:    {detail}\n")
        if more > 0:
            sys.stdout.write(f"    seen:    {more} more such\n")
        sys.stdout.write(f"    source:  {rule.source}\n")
        sys.stdout.write(f"    to do:   {rule.remedy}\n")
    valid = sum(map(len, (plugin.valid or {}).values()))
    if plugin.supported is not None and valid:
        here = sum(map(len, plugin.supported.values()))
        sys.stdout.write(f"\n  {here} of its {valid} properties are supported on this machine\n")
