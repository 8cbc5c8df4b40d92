"""What may be built from source, and how: options, and the builder that they describe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.values import replace

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.cli.target_machine import TargetMachine
    from variantctl.indexes.built_wheels import Ingredient, Pins
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.sdists import BuildPolicy
    from variantctl.install.building import SourceBuilder
    from variantctl.install.matching import Matching
    from variantctl.install.source_trees import SourceTrees
    from variantctl.requirements.files import RequirementFile
    from variantctl.requirements.sources import SourceReference
    from variantctl.resolve.plan import Plan
    from variantctl.resolve.resolver import Request
    from variantctl.target.environment import Environment
    from variantctl.target.installed import InstalledPackage

_ALL = ":all:"


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be built."""
    group = parser.add_argument_group("building")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument("--no-build", action="store_true", help="build nothing from source: take wheels alone")
    group.add_argument(
        "--build",
        metavar="NAMES",
        help="with --no-build or --only-binary :all:, build these packages where no wheel of them fits",
        **several,
    )
    group.add_argument(
        "--prefer-binary", action="store_true", help="take an older wheel before building a newer version"
    )
    group.add_argument(
        "--only-binary", metavar="NAMES", help="never build these packages (NAME,NAME or :all:)", **several
    )
    group.add_argument(
        "--no-binary",
        metavar="NAMES",
        help="build these packages, wheels or not (NAME,NAME or :all:)",
        **several,
    )
    group.add_argument(
        "--match-build",
        metavar="NAMES",
        help="builds that need these packages get them as they are installed (torch and builds for an "
        "accelerator always; ':none:': none); PACKAGE=NAME: the build of PACKAGE gets NAME, though it does "
        "not ask for it",
        **several,
    )
    group.add_argument(
        "--no-build-isolation",
        action="store_true",
        help="build in the environment itself, which must have what the builds need",
    )
    group.add_argument(
        "-C",
        "--config-settings",
        "--config-setting",
        metavar="KEY=VALUE",
        type=_setting,
        help="tell build backends this (PEP 517)",
        **several,
    )
    group.add_argument(
        "--config-settings-package",
        metavar="PACKAGE:KEY=VALUE",
        type=_setting_of,
        help="tell the build backend of this package alone",
        **several,
    )


def named_sources(args: argparse.Namespace) -> list[SourceReference]:
    """The source code that the command line names; it is taken out of ``args.requirements``."""
    from variantctl.requirements.sources import source_reference

    found = []
    for text in list(args.requirements):
        if (source := source_reference(text)) is not None:
            args.requirements.remove(text)
            found.append(source)
    for text in getattr(args, "editable", ()):
        source = source_reference(text, editable=True)
        assert source is not None  # what is no source is refused with editable=True
        found.append(source)
    return found


def matching_of(args: argparse.Namespace) -> Matching:
    """Which packages builds get as they are installed."""
    from variantctl.install.matching import Matching

    return Matching.parse(args.match_build)


def with_builds(
    args: argparse.Namespace,
    files: RequirementFile,
    environment: Environment | None,
    subject: TargetMachine,
    package_finder: PackageFinder,
    installed: Mapping[NormalizedName, InstalledPackage] | None = None,
    commits: Mapping[tuple[str, str | None], str] | None = None,
) -> Request:
    """What is asked for, source code too, which is built with the interpreter of the environment.

    Where no environment is named, our own interpreter asks what source code needs.

    Raises:
        UsageError: source code is named, and ``--no-build`` forbids it.
        VariantctlError: what is named cannot be had, or does not say what it is.
    """
    from variantctl.cli.request import request_of

    sources = [*named_sources(args), *files.sources]
    request = request_of(args, files)
    for source in sources if args.no_build else ():
        raise UsageError(f"{source.origin}: '{source}' has to be built, and --no-build forbids that")
    trees = prepare_builds(
        args,
        files,
        environment,
        subject,
        package_finder,
        lambda matching: matching.of_request(request, installed or {}),
        require_hashes=request.options.require_hashes,
        commits=commits,
    )
    if not sources:
        return request
    wanted = trees().dependencies if getattr(args, "only_deps", False) else trees().requirements
    return replace(request, requirements=(*request.requirements, *wanted(sources)))


def prepare_builds(
    args: argparse.Namespace,
    files: RequirementFile,
    environment: Environment | None,
    subject: TargetMachine,
    package_finder: PackageFinder,
    pins: Callable[[Matching], Pins],
    *,
    require_hashes: bool = False,
    commits: Mapping[tuple[str, str | None], str] | None = None,
) -> Callable[[], SourceTrees]:
    """Let a finder offer source code, too; gives what finds source code that somebody names.

    Args:
        args, files: say what may be built, and how.
        environment: whose interpreter builds; ``None``: our own.
        subject: the machine that what builds need is chosen for.
        package_finder: from now on it builds.
        pins: asked at the first source what builds get of some packages, while there is no plan.
        require_hashes: whether every source that is named must be an archive with a hash.
        commits: what a lock has of repositories (``lock.source_links.locked_commits``).
    """
    from variantctl.indexes.builds import Builds, Workshop

    if args.no_build_isolation and environment is None:
        raise UsageError("--no-build-isolation needs an environment to build in", hint="Name it: --python.")

    @cache
    def trees() -> SourceTrees:
        from variantctl.install.source_trees import SourceTrees

        return SourceTrees(
            builds,
            package_finder,
            subject.platform.markers,
            require_hashes=require_hashes,
            commits=commits,
            note=render.note,
        )

    def workshop() -> Workshop:
        from variantctl.indexes.built_wheels import BuiltWheels
        from variantctl.select.compatibility import Interpreter
        from variantctl.select.ranking import fits_interpreter
        from variantctl.target.environment import find_environment

        builds_in = environment or find_environment(sys.executable)
        interpreter = Interpreter(builds_in.tags, builds_in.markers)
        matching = matching_of(args)
        return Workshop(
            _builder(args, builds_in, subject, package_finder, matching),
            lambda link: fits_interpreter(link, interpreter),
            BuiltWheels(package_finder.cache),
            lambda url, name: trees().locate(url, name),
            pins(matching),
        )

    builds = Builds(build_policy(args, files), workshop)
    package_finder.build_with(builds)
    return trees


def _builder(
    args: argparse.Namespace,
    environment: Environment,
    subject: TargetMachine,
    package_finder: PackageFinder,
    matching: Matching,
) -> SourceBuilder:
    """What builds for an environment. What builds need is chosen as everything else is: the variants for
    this machine."""
    from packaging.utils import canonicalize_name

    from variantctl.install.building import SourceBuilder

    def install(
        requirements: Sequence[str], place: Environment, pins: Pins
    ) -> Mapping[NormalizedName, Ingredient]:
        return _install(args, requirements, place, subject, package_finder, pins, matching)

    per_package: dict[NormalizedName, list[tuple[str, str]]] = {}
    for package, setting in args.config_settings_package:
        per_package.setdefault(canonicalize_name(package), []).append(setting)
    return SourceBuilder(
        environment,
        install,
        isolated=not args.no_build_isolation,
        config_settings=_merged(args.config_settings),
        settings_of={name: _merged(settings) for name, settings in per_package.items()},
        also=matching.also,
        say=render.note,
    )


def _install(
    args: argparse.Namespace,
    requirements: Sequence[str],
    place: Environment,
    subject: TargetMachine,
    package_finder: PackageFinder,
    pins: Pins,
    matching: Matching,
) -> Mapping[NormalizedName, Ingredient]:
    """Put what a build needs into its environment; gives all that is in it then."""
    from variantctl.cli.progress import Downloads
    from variantctl.filesystem.links import LinkMode
    from variantctl.install.apply import Options, apply_plan
    from variantctl.install.matching import ingredient_of, ingredient_of_installed
    from variantctl.install.planned_builds import built_plan
    from variantctl.requirements.requirement import parse_user_requirement
    from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
    from variantctl.resolve.resolver import Request, resolve
    from variantctl.target.installed import installed_packages

    installed = installed_packages(place)
    asked = tuple(parse_user_requirement(text, origin="[build-system]") for text in requirements)

    def resolved(held: Pins) -> Plan:
        preferences = options.preferences(args)
        labels = {name: pin.label for name, pin in held.items() if pin.label is not None}
        limits = tuple(parse_user_requirement(pin.requirement(name)) for name, pin in held.items())
        return resolve(
            Request(asked, limits, replace(preferences, labels={**preferences.labels, **labels})),
            package_finder=package_finder,
            machine=subject.machine,
            platform=place,
            installed=installed,
            who=subject.who,
        )

    try:
        plan = resolved(pins)
    except (UnsatisfiableError, NoCandidateError) as error:
        if not pins or any(matching.is_named(name) for name in pins):
            raise
        plan = resolved({})
        there = ", ".join(f"{name}{pin.specifier}" for name, pin in sorted(pins.items()))
        render.warning(
            f"{', '.join(requirements)} cannot be had together with {there}, which is installed: the build "
            f"gets another, and what is built may not work ({error.message})"
        )
    plan = built_plan(plan, package_finder)
    with Downloads(package_finder) as downloads:
        cache = package_finder.cache.root / "install"
        apply_plan(
            plan,
            place,
            downloads,
            Options(cache=cache, link_mode=LinkMode(getattr(args, "link_mode", "hardlink"))),
        )
    kept = {item.name: ingredient_of_installed(item.package) for item in plan.keep}
    return {**kept, **{item.name: ingredient_of(item) for item in plan.install}}


def build_policy(args: argparse.Namespace, files: RequirementFile) -> BuildPolicy:
    """The command line's and the files' words, else those of pip's configuration."""
    from variantctl.config.pip import read_pip_config
    from variantctl.indexes.sdists import BuildPolicy

    pip = read_pip_config(os.environ, Path(sys.prefix))
    only = [*files.only_binary, *args.only_binary] or [pip.text("only-binary") or ""]
    none = [*files.no_binary, *args.no_binary] or [pip.text("no-binary") or ""]
    only_binary = _names(only) | ({_ALL} if args.no_build else frozenset())
    return BuildPolicy(only_binary, _names(none), _names(args.build))


def _names(values: Iterable[str]) -> frozenset[str]:
    """``a,b`` and ``:all:``; ``:none:`` takes back what was said before (pip's rule)."""
    from packaging.utils import canonicalize_name

    found: set[str] = set()
    for word in (word.strip() for value in values for word in value.split(",")):
        if word == ":none:":
            found.clear()
        elif word:
            found.add(word if word == _ALL else canonicalize_name(word))
    return frozenset(found)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value


def _setting_of(text: str) -> tuple[str, tuple[str, str]]:
    package, colon, setting = text.partition(":")
    if not (package and colon):
        raise argparse.ArgumentTypeError(f"{text!r} is not PACKAGE:KEY=VALUE")
    return package, _setting(setting)


def _merged(settings: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """A key that is given again becomes a list, as in pip, build and uv."""
    found: dict[str, str | list[str]] = {}
    for name, value in settings:
        before = found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*(before if isinstance(before, list) else [before]), value]
    return found
