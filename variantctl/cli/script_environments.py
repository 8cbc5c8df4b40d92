"""The environment that a script runs in: its interpreter, and what is put into it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.project import project_of
from variantctl.target.errors import BrokenEnvironmentError, EnvironmentNotFoundError
from variantctl.values import replace

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

    from variantctl.config.project import ProjectSettings
    from variantctl.requirements.scripts import ScriptMetadata
    from variantctl.target.environment import Environment
    from variantctl.variants.metadata import VariantMetadata

_NEWEST, _OLDEST = 15, 8
#: What the options of a run say about what is chosen: an environment is kept for each.
_CHOOSING = (
    *("index_url", "extra_index_url", "find_links", "no_index", "index_strategy", "pin", "backends"),
    *("no_backends", "profile", "variant", "no_variants", "accelerator", "accelerator_of", "prefer"),
    *("exclude", "enable_provider", "disable_provider", "pre", "no_build", "build", "only_binary"),
    *("no_binary", "config_settings", "exclude_newer", "exclude_newer_package"),
)


def settings_of(metadata: ScriptMetadata, origin: str) -> ProjectSettings | None:
    """What ``[tool.variantctl]`` of a script says; it takes the place of a project's.

    Raises:
        SettingsError: it cannot be understood.
    """
    table = metadata.tools.get("variantctl")
    if table is None:
        return None
    from variantctl.config.project import parse_project_settings

    folder = Path(origin).resolve().parent if Path(origin).is_file() else Path.cwd()
    return parse_project_settings(table, origin, folder)


def environment_for(
    args: argparse.Namespace, requirements: Sequence[str], pythons: SpecifierSet | None, origin: str
) -> Environment:
    """An environment with some requirements, of an interpreter that will do.

    Raises:
        EnvironmentNotFoundError: no interpreter will do.
        VariantctlError: what is needed cannot be had.
    """
    base = _interpreter(args, pythons, origin)
    return _kept(args, base, requirements, None, origin)


def layered(args: argparse.Namespace, base: Environment) -> Environment:
    """What ``--with`` asks for, before all that an environment has."""
    return _kept(args, base, args.further, base, "--with")


def current_environment(args: argparse.Namespace) -> Environment:
    """The environment at hand, else that of the project above this folder, else the system's."""
    from variantctl.requirements.errors import RequirementFileError
    from variantctl.requirements.projects import find_project
    from variantctl.target.discovery import LOCAL_ENVIRONMENT
    from variantctl.target.environment import find_environment

    try:
        return options.named_environment(args, for_changes=False)
    except EnvironmentNotFoundError:
        if args.python is not None:
            raise
    try:
        local = find_project(Path.cwd()).parent / LOCAL_ENVIRONMENT
    except RequirementFileError:
        local = None
    if local is not None and local.is_dir():
        return find_environment(str(local), for_changes=False)
    return find_environment(system=True, for_changes=False)


def _interpreter(args: argparse.Namespace, pythons: SpecifierSet | None, origin: str) -> Environment:
    """The first that will do: the named one, that of the environment at hand, any on ``PATH``."""
    seen: list[str] = []
    for found in _interpreters(args):
        version = ".".join(map(str, found.version))
        if pythons is None or pythons.contains(version, prereleases=True):
            return found
        seen.append(version)
    there = ", ".join(dict.fromkeys(seen)) or "none"
    raise EnvironmentNotFoundError(
        f"{origin} needs Python {pythons}, and there is {there}",
        hint="Install such a Python, and name it with --python if it is not on PATH.",
    )


def _interpreters(args: argparse.Namespace) -> Iterator[Environment]:
    from variantctl.target.environment import find_environment

    if args.python is not None:
        yield find_environment(args.python, for_changes=False)
        return
    yield current_environment(args)
    yield find_environment(str(getattr(sys, "_base_executable", sys.executable)), for_changes=False)
    for minor in range(_NEWEST, _OLDEST - 1, -1):
        try:
            yield find_environment(f"3.{minor}", for_changes=False)
        except (EnvironmentNotFoundError, BrokenEnvironmentError):
            continue


def _kept(
    args: argparse.Namespace,
    base: Environment,
    requirements: Sequence[str],
    below: Environment | None,
    origin: str,
) -> Environment:
    from variantctl.install.kept_environments import kept_environment
    from variantctl.target.creation import make_environment
    from variantctl.target.environment import find_environment

    def make(folder: Path) -> None:
        make_environment(folder, Path(os.path.realpath(base.python)))
        if below is not None:
            _look_below(folder, below)
        if requirements:
            _install(args, folder, requirements)
            render.note(f"made an environment for {origin}")

    folder = kept_environment(
        options.cache_of(args),
        _needs(args, base, requirements, below),
        make,
        anew=args.upgrade or args.refresh,
    )
    return find_environment(str(folder), for_changes=False)


def _needs(
    args: argparse.Namespace, base: Environment, requirements: Sequence[str], below: Environment | None
) -> dict[str, object]:
    """All that decides what is in an environment."""
    settings, project = options.index_settings(args), project_of(args)
    return {
        "python": [os.path.realpath(base.python), list(base.version), base.tag_names[0]],
        "requirements": sorted(requirements),
        "below": str(below.prefix) if below is not None else None,
        "options": {name: repr(getattr(args, name)) for name in _CHOOSING},
        # Not where it was written.
        "project": repr(replace(project, origin="")) if project is not None else None,
        "sources": repr(settings.layers),
        "machine": target_machine.subject_of(args, base).machine.supported(_everything())
        if requirements
        else None,
    }


def _everything() -> VariantMetadata:
    """What a machine is asked about: its accelerators, and its processor."""
    from variantctl.select.fit import ACCELERATORS
    from variantctl.variants.metadata import ProviderInfo

    processors = ("x86_64", "aarch64")
    known = {name: ProviderInfo(requires=("variant-providers",)) for name in processors}
    return replace(
        ACCELERATORS,
        namespaces=(*ACCELERATORS.namespaces, *processors),
        providers={**ACCELERATORS.providers, **known},
        variants={**ACCELERATORS.variants, **{name: {name: {}} for name in processors}},
    )


def _look_below(folder: Path, below: Environment) -> None:
    """Let an environment see what another one has, after its own packages, with the other's .pth files."""
    from variantctl.target.environment import find_environment

    site = find_environment(str(folder), for_changes=False).scheme["purelib"]
    lines = [f"import site; site.addsitedir({str(path)!r})" for path in below.site_packages]
    (site / "_variantctl_below.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _install(args: argparse.Namespace, folder: Path, requirements: Sequence[str]) -> None:
    """As `install` does, without a word on standard output, which is the script's."""
    from variantctl.cli.install import add_arguments, carry_out

    defaults = argparse.ArgumentParser(add_help=False)
    add_arguments(defaults)
    asked = defaults.parse_args([])
    for name, value in vars(args).items():
        if name not in ("requirement", "upgrade"):
            setattr(asked, name, value)
    asked.python, asked.requirements = str(folder), list(requirements)
    asked.no_install = True
    carry_out(asked, lambda plan: {})
