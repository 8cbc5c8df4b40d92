"""What may be built from source, and how: options, and the builder that they describe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.app import UsageError

if TYPE_CHECKING:
    from variantctl.cli.options import TargetMachine
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.sdists import BuildPolicy, Builds
    from variantctl.install.building import SourceBuilder
    from variantctl.requirements.files import RequirementFile
    from variantctl.target.environment import Environment

_ALL = ":all:"


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """What may be built."""
    group = parser.add_argument_group("building")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument("--no-build", action="store_true", help="build nothing from source: take wheels alone")
    group.add_argument(
        "--build",
        metavar="NAME",
        help="with --no-build or --only-binary :all:, build this package where no wheel of it fits",
        **several,
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


def builds_of(
    args: argparse.Namespace,
    files: RequirementFile,
    environment: Environment | None,
    subject: TargetMachine,
    package_finder: PackageFinder,
) -> Builds | None:
    """What may be built: with and for the interpreter of the environment, and for no other.

    Raises:
        UsageError, PlatformMismatchError: something is to be built, and there is nothing to build it with.
    """
    from variantctl.indexes.sdists import Builds
    from variantctl.select.compatibility import Interpreter
    from variantctl.select.ranking import fits_interpreter

    policy = _policy(args, files)
    is_asked = bool(args.build or policy.no_binary)
    if environment is None:
        if is_asked:
            raise UsageError("a build needs an environment to build for", hint="Name one with --python.")
        return None
    try:
        options.refuse_other_platform(environment, subject)
    except options.PlatformMismatchError:
        if is_asked:
            raise
        return None
    interpreter = Interpreter(environment.tags, environment.markers)
    return Builds(
        policy,
        lambda: builder_of(args, environment, subject, package_finder),
        lambda link: fits_interpreter(link, interpreter),
        build_key(args, environment),
        package_finder.cache,
    )


def build_key(args: argparse.Namespace, environment: Environment) -> str:
    """What a built wheel depends on beside its source: the interpreter, and what backends are told."""
    settings = " ".join(f"{name}={value}" for name, value in args.config_settings)
    return f"{environment.tags[0]} {settings}"


def builder_of(
    args: argparse.Namespace,
    environment: Environment,
    subject: TargetMachine,
    package_finder: PackageFinder,
) -> SourceBuilder:
    """What builds for an environment. What builds need is chosen as everything else is: the variants for
    this machine."""
    from variantctl.install.building import SourceBuilder

    def install(requirements: Sequence[str], place: Environment) -> None:
        _install(args, requirements, place, subject, package_finder)

    return SourceBuilder(
        environment,
        install,
        isolated=not args.no_build_isolation,
        config_settings=_merged(args.config_settings),
        say=render.note,
    )


def _install(
    args: argparse.Namespace,
    requirements: Sequence[str],
    place: Environment,
    subject: TargetMachine,
    package_finder: PackageFinder,
) -> None:
    from variantctl.cli.progress import Downloads
    from variantctl.filesystem.links import LinkMode
    from variantctl.install.apply import Options, apply_plan
    from variantctl.requirements.requirement import parse_user_requirement
    from variantctl.resolve.resolver import Request, resolve

    asked = tuple(parse_user_requirement(text, origin="[build-system]") for text in requirements)
    plan = resolve(
        Request(asked, preferences=options.preferences(args)),
        package_finder=package_finder,
        machine=subject.machine,
        platform=place,
        who=subject.who,
    )
    with Downloads(package_finder) as downloads:
        cache = package_finder.cache.root / "install"
        apply_plan(plan, place, downloads, Options(cache=cache, link_mode=LinkMode(args.link_mode)))


def _policy(args: argparse.Namespace, files: RequirementFile) -> BuildPolicy:
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
