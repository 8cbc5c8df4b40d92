"""What is asked for: the requirements of the command line and of files, and how they are to be resolved."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.cli.options import trusted_hosts
from variantctl.cli.project import FILENAME, project_of

if TYPE_CHECKING:
    from variantctl.requirements.files import RequirementFile, RequirementFileReader
    from variantctl.resolve.resolver import Request


def add_requirement_files(parser: argparse.ArgumentParser) -> None:
    """Declare ``-r`` and ``-c``, as pip has them."""
    parser.add_argument(
        "-r",
        "--requirement",
        "--requirements",
        "--requirements-from-script",
        metavar="FILE",
        action="append",
        default=[],
        help="a requirements file, a pyproject.toml, or a script with metadata (PEP 723)",
    )
    several: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument(
        "-c", "--constraint", "--constraints", metavar="FILE", help="a constraints file", **several
    )
    parser.add_argument(
        "--override",
        "--overrides",
        metavar="FILE",
        help="a requirements file: what it says of a package replaces what anything else needs of it",
        **several,
    )


def add_project_arguments(parser: argparse.ArgumentParser) -> None:
    """What of a project is wanted."""
    group = parser.add_argument_group("projects")
    several: dict[str, Any] = {"action": "append", "default": []}
    group.add_argument(
        "--group",
        metavar="[FILE:]NAME",
        help="a dependency group of ./pyproject.toml, or of another one (PEP 735)",
        **several,
    )
    group.add_argument("--extra", metavar="NAME", help="with -r pyproject.toml: this extra, too", **several)
    group.add_argument("--all-extras", action="store_true", help="with -r pyproject.toml: all extras")


def is_anything_named(args: argparse.Namespace) -> bool:
    """Whether there is anything to resolve."""
    return bool(args.requirements or args.requirement or args.group)


def requirement_files(args: argparse.Namespace) -> RequirementFile:
    """What the files of ``-r`` and ``-c`` say."""
    from variantctl.requirements.files import RequirementFileReader

    def read_url(url: str) -> bytes:
        from variantctl.config.settings import load_index_settings
        from variantctl.net.client import HttpClient

        settings = load_index_settings(
            no_index=True, no_backends=True, cert=args.cert, trusted_hosts=trusted_hosts(args, reader.result)
        )
        with HttpClient(settings.http) as client:
            return client.get(url).content

    reader = RequirementFileReader(read_url=read_url)
    for name in args.requirement:
        if name.endswith(".py") and os.path.isfile(name):
            _add_script(name, reader)
        elif os.path.basename(name) != FILENAME:
            reader.read(name)
    _add_projects(args, reader)
    for name in args.constraint:
        reader.read(name, constraints=True)
    for name in args.override:
        reader.read_overrides(name)
    if (project := project_of(args)) is not None:
        reader.limit(project.constraints, project.overrides, project.origin)
    for ignored in reader.result.ignored:
        render.note(ignored)
    for host, where in reader.result.trusted_hosts:
        render.warning(
            f"{where}: --trusted-host {host}: plain http may go there, and its certificate is not checked"
        )
    return reader.result


def _add_projects(args: argparse.Namespace, reader: RequirementFileReader) -> None:
    """What pyproject.toml files that are named say, and the groups that are named."""
    from variantctl.requirements.projects import read_project

    files = [Path(name) for name in args.requirement if os.path.basename(name) == FILENAME]
    if (args.extra or args.all_extras) and not files:
        raise UsageError(
            "--extra and --all-extras are about a project, and none is named",
            hint=f"Name one with -r {FILENAME}; of other packages write 'NAME[EXTRA]'.",
        )
    for path in files:
        project = read_project(path, _content(args, path))
        for text in project.requirements(args.extra, all_extras=args.all_extras):
            reader.add(text, str(path), path.resolve().parent)
    for named in args.group:
        place, colon, name = named.rpartition(":")
        path = Path(place) if colon else Path(FILENAME)
        for text in read_project(path, _content(args, path)).group(name):
            reader.add(text, f"{path} (group {name})", path.resolve().parent)


def _add_script(name: str, reader: RequirementFileReader) -> None:
    """What a script says that it needs (PEP 723)."""
    from variantctl.requirements.errors import RequirementFileError
    from variantctl.requirements.scripts import script_metadata

    path = Path(name)
    metadata = script_metadata(path.read_bytes().decode("utf-8", "surrogateescape"), name)
    if metadata is None:
        raise RequirementFileError(
            f"{name} has no block '# /// script' (PEP 723)",
            hint="A requirements file has another ending than .py.",
        )
    for text in metadata.dependencies:
        reader.add(text, name, path.resolve().parent)


def _content(args: argparse.Namespace, path: Path) -> bytes | None:
    """What a file is going to have, where the command is about to change it."""
    edited: dict[Path, bytes] = getattr(args, "edited", {})
    return edited.get(path)


def request_of(args: argparse.Namespace, files: RequirementFile) -> Request:
    """Everything a user asked for, but for source code (``cli.building.with_builds``).

    ``lock`` and ``matrix`` look at no environment: only a command that can reinstall takes what is there
    into account, and what is to be upgraded of it.
    """
    from packaging.utils import canonicalize_name

    from variantctl.requirements.requirement import parse_user_requirement
    from variantctl.resolve.options import SearchOptions
    from variantctl.resolve.resolver import Request

    named = [parse_user_requirement(text) for text in args.requirements]
    installs = "reinstall" in args
    return Request(
        requirements=(*named, *files.requirements),
        constraints=tuple(files.constraints),
        overrides=tuple(files.overrides),
        preferences=options.preferences(args),
        options=SearchOptions(
            pre=args.pre or files.pre,
            prefer_binary=getattr(args, "prefer_binary", False) or files.prefer_binary,
            no_deps=args.no_deps,
            require_hashes=("require_hashes" in args and args.require_hashes) or files.require_hashes,
            reinstall=installs and args.reinstall,
            choose_again=installs and args.profile is not None,
            upgrade=frozenset(map(canonicalize_name, args.upgrade_package)) if installs else frozenset(),
        ),
        upgrade_requested=installs and args.upgrade,
        upgrade_eagerly=installs and args.upgrade_strategy == "eager",
        command=tuple(args.arguments),
    )
