"""The options that commands share, and what they open: sources, the environment, the machine, preferences."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.cli.platform_options import (
    add_platform_arguments,
)
from variantctl.cli.project import add_upload_arguments, project_of, uploads_of
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.cache.folder import Cache
    from variantctl.config.settings import IndexSettings
    from variantctl.indexes.finder import PackageFinder
    from variantctl.net.client import HttpClient
    from variantctl.providers.settings import PluginSources
    from variantctl.requirements.files import RequirementFile
    from variantctl.select.preferences import VariantPreferences
    from variantctl.target.environment import Environment
    from variantctl.wheels.limits import Limits


LINK_MODES = ("hardlink", "clone", "copy", "symlink")


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Where wheels come from."""
    group = parser.add_argument_group("sources")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument("-i", "--index-url", metavar="URL", help="the default index, in place of pip's")
    group.add_argument(
        "--extra-index-url", metavar="URL", help="an index searched before the default one", **several
    )
    group.add_argument(
        "-f", "--find-links", metavar="DIR|URL", help="a folder or page with wheels", **several
    )
    group.add_argument("--no-index", action="store_true", help="use no index, only --find-links")
    group.add_argument(
        "--index-strategy",
        choices=("first-match", "best-version"),
        help="ask only the first index that has a package, or all of them (default: first-match)",
    )
    group.add_argument(
        "--pin",
        metavar="NAME=PLACE",
        help="look for this package only at an index's URL or in a source of this name",
        **several,
    )
    add_upload_arguments(group)
    backends = group.add_mutually_exclusive_group()
    backends.add_argument(
        "--backends",
        metavar="SOURCE",
        help="ask this source with an index for each accelerator (default: pytorch, beside pip's own index)",
        **several,
    )
    backends.add_argument("--no-backends", action="store_true", help="ask no such source")
    parser.add_argument(
        "--no-families",
        action="store_true",
        help="take names as they are: 'onnxruntime-gpu' is no build of 'onnxruntime'",
    )
    group.add_argument("--offline", action="store_true", help="use only the cache and local files")
    group.add_argument("--refresh", action="store_true", help="ask for pages again that are in the cache")
    group.add_argument("--cert", metavar="FILE", help="certificate authorities to trust")
    add_trusted_host(group)
    cache = group.add_mutually_exclusive_group()
    add_cache_dir(cache)
    cache.add_argument(
        "--no-cache", "--no-cache-dir", action="store_true", help="neither read nor keep a cache"
    )


def add_trusted_host(parser: argparse._ActionsContainer) -> None:
    """Whom to trust without https, or without a certificate that can be checked."""
    parser.add_argument(
        "--trusted-host",
        metavar="HOST",
        action="append",
        default=[],
        help="ask this host (HOST or HOST:PORT) over plain http too, and do not check its certificate",
    )


def add_cache_dir(parser: argparse._ActionsContainer) -> None:
    """Which cache."""
    parser.add_argument("--cache-dir", metavar="DIR", type=Path, help="keep pages and wheels here")


def add_environment_arguments(parser: argparse.ArgumentParser) -> None:
    """What is installed into."""
    group = parser.add_argument_group("environment")
    group.add_argument(
        "-p",
        "--python",
        metavar="PYTHON",
        help="an interpreter, an environment folder, or a version; default: VIRTUAL_ENV, CONDA_PREFIX, .venv",
    )
    place = group.add_mutually_exclusive_group()
    place.add_argument(
        "-t",
        "--target",
        metavar="DIR",
        type=Path,
        help="a folder of packages, in place of an environment",
    )
    place.add_argument(
        "--prefix",
        metavar="DIR",
        type=Path,
        help="the packages below this folder (lib/python3.X/site-packages)",
    )
    place.add_argument("--user", action="store_true", help="the packages of this user alone (PEP 370)")
    place.add_argument(
        "--system", action="store_true", help="the first python3 on PATH, be it an environment or not"
    )
    group.add_argument(
        "--break-system-packages",
        action="store_true",
        help="change an environment that another package manager manages (PEP 668)",
    )
    group.add_argument(
        "--require-virtualenv",
        action="store_true",
        help="change nothing but virtual environments (also: PIP_REQUIRE_VIRTUALENV, pip's configuration)",
    )


def without_folders(parser: argparse.ArgumentParser) -> None:
    """For a command that has ``--python`` alone of ``add_environment_arguments``."""
    parser.set_defaults(target=None, prefix=None, user=False, system=False)
    parser.set_defaults(break_system_packages=False, require_virtualenv=False)


def add_variant_arguments(parser: argparse.ArgumentParser, *, several_machines: bool = False) -> None:
    """Which machine, and which of its variants; ``several_machines``: ``--profile`` may be given again."""
    group = parser.add_argument_group("variants")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument(
        "--profile",
        metavar="NAME|FILE",
        help="choose for the machine that a profile describes, not for this one"
        + (" (may be given several times)" if several_machines else ""),
        **(several if several_machines else {}),
    )
    group.add_argument(
        "--variant",
        metavar="NAME=LABEL",
        help="take only this variant of a package (NAME=: the non-variant wheel)",
        **several,
    )
    add_platform_arguments(parser)
    group.add_argument("--no-variants", action="store_true", help="take non-variant wheels only")
    group.add_argument(
        "--accelerator",
        choices=("prefer", "require", "any"),
        help="builds for the machine's GPU or NPU: before newer versions without one (prefer, the default), "
        "nothing else (require), or newest version first (any)",
    )
    group.add_argument(
        "--accelerator-of",
        choices=("best", "all"),
        help="where a vendor's GPUs differ: builds for the best (default), or only builds that run on all",
    )
    property_help = "a namespace, feature or property ('ns', 'ns :: feature' or 'ns :: feature :: value')"
    group.add_argument("--prefer", metavar="P", help=f"prefer variants with this: {property_help}", **several)
    group.add_argument(
        "--exclude", metavar="P", help=f"ignore this, as if the machine lacked it: {property_help}", **several
    )
    group.add_argument("--enable-provider", metavar="NS", help="let an optional provider answer", **several)
    group.add_argument("--disable-provider", metavar="NS", help="leave a namespace out", **several)
    group.add_argument(
        "--trust-provider",
        metavar="PACKAGE",
        help="allow this provider plugin to be installed and asked",
        **several,
    )


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """How files get into the environment."""
    files = parser.add_argument_group("files")
    files.add_argument(
        "--link-mode",
        choices=LINK_MODES,
        default="hardlink",
        help="how files come from the cache (default: hardlink)",
    )
    files.add_argument(
        "--keep-archives",
        action="store_true",
        help="keep wheels in the cache as they were fetched, too, beside what was unpacked of them",
    )
    files.add_argument(
        "--compile-bytecode", "--compile", action="store_true", help="compile all modules after installing"
    )
    files.add_argument(
        "--overwrite",
        action="store_true",
        help="where two packages have different files of one path, take those of the one that comes last",
    )
    files.add_argument(
        "--strict",
        action="store_true",
        help="refuse wheels that are only untidy, too, as a RECORD without hashes",
    )
    files.add_argument(
        "--max-unpacked-size",
        metavar="SIZE",
        type=size,
        help="refuse a wheel that unpacks to more than this (default: 64GiB; 0: any)",
    )
    files.add_argument(
        "--max-unpacked-ratio",
        metavar="N",
        type=_ratio,
        help="refuse a wheel that unpacks to more than N times its size (default: 200; 0: any)",
    )


def keeps_archives(args: argparse.Namespace) -> bool:
    """Whether fetched wheels stay in the cache: the option, else the configuration.

    Raises:
        SettingsError: the configuration says something else than yes or no.
    """
    from variantctl.config.cache import keeps_archives

    return args.keep_archives or keeps_archives()


def size(text: str) -> int:
    """The type of an option that is a size, such as ``20GB``."""
    from variantctl.wheels.limits import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ratio(text: str) -> float:
    from variantctl.wheels.limits import parse_ratio

    try:
        return parse_ratio(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ratio, such as 200") from None


def unpacking_limits(args: argparse.Namespace) -> Limits:
    """What a wheel may be unpacked to: the options, the environment variables, the configuration.

    Raises:
        LimitError: one of them is no size or number.
    """
    from variantctl.config.file import read_configuration
    from variantctl.wheels.limits import limits_of

    configuration = read_configuration(os.environ)
    return limits_of(
        args.max_unpacked_size,
        args.max_unpacked_ratio,
        configured=configuration.install if configuration else None,
    )


def preferences(args: argparse.Namespace) -> VariantPreferences:
    """What the user said about variants."""
    from variantctl.select.preferences import VariantPreferences

    project = project_of(args)
    return VariantPreferences.parse(
        labels=args.variant,
        project_labels=project.variants if project is not None and not args.no_variants else None,
        no_variants=args.no_variants,
        prefer=args.prefer,
        exclude=args.exclude,
        accelerator=_accelerator_policy(args),
    )


def _accelerator_policy(args: argparse.Namespace) -> str:
    """The option, else the variable, else the project's pyproject.toml, else the configuration."""
    from variantctl.config.file import read_configuration

    if args.accelerator is not None:
        return str(args.accelerator)
    project = project_of(args)
    if named := os.environ.get("VARIANTCTL_ACCELERATOR") or (project and project.accelerator):
        return named
    configuration = read_configuration(os.environ)
    return (configuration.accelerator if configuration else None) or "prefer"


def accelerator_of(args: argparse.Namespace) -> str:
    """The option, else ``VARIANTCTL_ACCELERATOR_OF``, else the project, the configuration, ``best``.

    Raises:
        VariantctlError: the variable has another value.
    """
    from variantctl.config.file import accelerator_of, read_configuration

    if args.accelerator_of is not None:
        return str(args.accelerator_of)
    if named := os.environ.get("VARIANTCTL_ACCELERATOR_OF"):
        return accelerator_of(named, "VARIANTCTL_ACCELERATOR_OF")
    if (project := project_of(args)) is not None and project.accelerator_of is not None:
        return project.accelerator_of
    configuration = read_configuration(os.environ)
    return (configuration.accelerator_of if configuration else None) or "best"


@contextmanager
def open_finder(
    args: argparse.Namespace, environment: Environment | None = None, files: RequirementFile | None = None
) -> Iterator[PackageFinder]:
    """The sources: the command line's and those of requirements files, then what configuration says.

    What was odd about them is a part of what a command says. Where it fails, it is said here.
    """
    from variantctl.indexes.finder import PackageFinder

    with PackageFinder(index_settings(args, files), cache=cache_of(args)) as package_finder:
        try:
            yield package_finder
        except VariantctlError:
            for text in package_finder.warnings:
                if not render.was_said(text):
                    render.warning(text)
            raise


def cache_of(args: argparse.Namespace) -> Cache:
    """The cache folder, opened once: with ``--no-cache`` it is a temporary one, which goes with ``args``."""
    from variantctl.cache.folder import Cache

    if "opened_cache" not in args:
        args.opened_cache = Cache.open(args.cache_dir, no_cache=getattr(args, "no_cache", False))
        if args.opened_cache.warning:
            render.warning(args.opened_cache.warning)
    cache: Cache = args.opened_cache
    return cache


def index_settings(args: argparse.Namespace, files: RequirementFile | None = None) -> IndexSettings:
    """Every source, and how it is reached."""
    from variantctl.config.settings import load_index_settings

    return load_index_settings(
        index_url=args.index_url or (files.index_url if files else None),
        extra_index_urls=(*args.extra_index_url, *(files.extra_index_urls if files else ())),
        find_links=(*args.find_links, *(files.find_links if files else ())),
        no_index=args.no_index or bool(files and files.no_index),
        cert=args.cert,
        trusted_hosts=trusted_hosts(args, files),
        offline=args.offline,
        refresh=args.refresh,
        strategy=args.index_strategy,
        backends=args.backends,
        no_backends=args.no_backends,
        no_families=args.no_families,
        pins=args.pin,
        uploads=uploads_of(args),
        project=project_of(args),
        cache=cache_of(args),
    )


def trusted_hosts(args: argparse.Namespace, files: RequirementFile | None) -> tuple[str, ...]:
    """The hosts that the command line and, as with pip, requirements files call trusted."""
    return (*args.trusted_host, *(host for host, _ in (files.trusted_hosts if files else ())))


def plain_client(args: argparse.Namespace) -> HttpClient:
    """As pip's and variantctl's configuration say: proxies, certificates, passwords; no index is asked."""
    from variantctl.config.settings import load_index_settings
    from variantctl.net.client import HttpClient

    # No index is asked for anything, so pip need not be asked for its own.
    settings = load_index_settings(no_index=True, no_backends=True, trusted_hosts=args.trusted_host)
    return HttpClient(settings.http)


def plugin_sources(args: argparse.Namespace, files: RequirementFile | None = None) -> PluginSources:
    """The same sources, for the wheels of trusted provider plugins."""
    from variantctl.providers.settings import PluginSources

    settings = index_settings(args, files)
    layers = settings.layers
    index_url = next((layer.index_url for layer in layers if layer.index_url is not None), None)
    extra_index_urls = tuple(url for layer in layers for url in layer.extra_index_urls)
    return PluginSources(
        index_url=index_url,
        extra_index_urls=extra_index_urls,
        find_links=tuple(link for layer in layers for link in layer.find_links),
        no_index=not (index_url or extra_index_urls) and any(layer.no_index for layer in layers),
        offline=settings.offline,
        cert=settings.cert,
        trusted_hosts=settings.trusted_hosts,
        cache_dir=cache_of(args).root,
    )


def named_environment(args: argparse.Namespace, *, for_changes: bool) -> Environment:
    """The environment that the options of ``add_environment_arguments`` name."""
    from variantctl.target.environment import find_environment

    return find_environment(
        args.python,
        target=args.target,
        prefix=args.prefix,
        user=args.user,
        system=args.system,
        for_changes=for_changes,
        break_system_packages=args.break_system_packages,
        require_virtual=for_changes and (args.require_virtualenv or _pip_wants_virtual()),
    )


def _pip_wants_virtual() -> bool:
    from variantctl.config.pip import read_pip_config

    return read_pip_config(os.environ, Path(sys.prefix)).flag("require-virtualenv")


def environment_of(args: argparse.Namespace, *, for_changes: bool) -> Environment | None:
    """The same; ``None`` where none is named or found and none will be changed."""
    from variantctl.target.errors import EnvironmentNotFoundError

    try:
        return named_environment(args, for_changes=for_changes)
    except EnvironmentNotFoundError:
        if for_changes or args.python is not None:
            raise
        return None
