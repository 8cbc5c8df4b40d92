"""``variantctl run``: a script with what it says that it needs, or a command in the environment at hand."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments

if TYPE_CHECKING:
    from variantctl.requirements.scripts import ScriptMetadata
    from variantctl.target.environment import Environment

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.usage = "variantctl run [OPTIONS] SCRIPT|COMMAND [ARGUMENT ...]"
    parser.add_argument(
        "wrapped",
        nargs=argparse.REMAINDER,
        metavar="SCRIPT|COMMAND [ARGUMENT ...]",
        help="a Python script, '-' for standard input, or after '--' a command; all that follows is its own",
    )
    parser.add_argument(
        "-w",
        "--with",
        dest="further",
        metavar="REQUIREMENT",
        action="append",
        default=[],
        help="have this, too, for this run alone",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("-m", "--module", action="store_true", help="run a module, as python -m does")
    kind.add_argument(
        "-s", "--script", action="store_true", help="read the file as a Python script, whatever its name"
    )
    parser.add_argument(
        "-U",
        "--upgrade",
        action="store_true",
        help="make the environment of the script anew, with the newest",
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    group = parser.add_argument_group("environment")
    group.add_argument(
        "-p", "--python", metavar="PYTHON", help="an interpreter, an environment folder, or a version"
    )
    options.without_folders(parser)
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    add_build_arguments(parser)
    parser.set_defaults(link_mode="hardlink")


def run(args: argparse.Namespace) -> int:
    """Make what is run, then become it: exit code, signals and standard input are its own."""
    words = args.wrapped
    after_dashes = words[:1] == ["--"]
    words = words[1:] if after_dashes else words
    if not words:
        raise UsageError(
            "nothing is named to run", hint="Name a script, or a command: variantctl run -- COMMAND"
        )
    source = None if after_dashes or args.module else _script(words[0], args)
    if source is None:
        return _command(args, words)
    text, origin = source
    from variantctl.requirements.scripts import script_metadata

    metadata = script_metadata(text, origin)
    environment = _of_script(args, metadata, origin) if metadata is not None else _current(args)
    if words[0] == STDIN:
        _become_standard_input(text)
    return _become([str(environment.python), *words], environment, args)


def _script(word: str, args: argparse.Namespace) -> tuple[str, str] | None:
    """The text of a script and its name; None where the word is a command."""
    if word == STDIN:
        return sys.stdin.buffer.read().decode("utf-8", "surrogateescape"), "standard input"
    path = Path(word)
    is_script = args.script or path.suffix in (".py", ".pyw")
    if not is_script:
        return None
    from variantctl.filesystem.bounded import read_bounded
    from variantctl.filesystem.errors import unread

    try:
        return read_bounded(path).decode("utf-8", "surrogateescape"), word
    except OSError as error:
        raise UsageError(
            unread(word, error), hint="Name a script, or a command: variantctl run -- COMMAND"
        ) from error


def _of_script(args: argparse.Namespace, metadata: ScriptMetadata, origin: str) -> Environment:
    """The environment that a script with metadata asks for."""
    from variantctl.cli.script_environments import environment_for, settings_of

    args.project_settings = settings_of(metadata, origin)
    return environment_for(args, [*metadata.dependencies, *args.further], metadata.requires_python, origin)


def _current(args: argparse.Namespace) -> Environment:
    """The environment at hand, with what --with asks for before it."""
    from variantctl.cli.script_environments import current_environment, layered

    environment = current_environment(args)
    return layered(args, environment) if args.further else environment


def _command(args: argparse.Namespace, words: Sequence[str]) -> int:
    environment = _current(args)
    if args.module:
        return _become([str(environment.python), "-m", *words], environment, args)
    if words[0] in ("python", "python3"):
        return _become([str(environment.python), *words[1:]], environment, args)
    return _become(words, environment, args)


def _variables(environment: Environment) -> dict[str, str]:
    """Those of an activated environment."""
    environ = dict(os.environ)
    folders = [str(environment.scheme["scripts"])]
    environ.pop("PYTHONHOME", None)
    if environment.is_virtual:
        environ["VIRTUAL_ENV"] = str(environment.prefix)
    environ["PATH"] = os.pathsep.join([*folders, environ.get("PATH", os.defpath)])
    return environ


def _become(words: Sequence[str], environment: Environment, args: argparse.Namespace) -> int:
    """Run it in place of this process; where that cannot be, as a child that gets every signal.

    Raises:
        UsageError: there is no such command.
    """
    import shutil

    environ = _variables(environment)
    program = shutil.which(words[0], path=environ["PATH"])
    if program is None:
        raise UsageError(
            f"there is no command {words[0]!r} in {environment.prefix}, nor on PATH",
            hint="A Python script's name ends with .py, or say --script.",
        )
    render.detail(f"running {program} with {environment.prefix}")
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt" and not getattr(args, "no_cache", False):
        _exec(program, words, environ)
    from variantctl.proxy.command import run_command

    return run_command([program, *words[1:]], environ)


def _exec(program: str, words: Sequence[str], environ: dict[str, str]) -> NoReturn:
    import signal

    # Python ignores these, and what is executed would, too: `variantctl run -- yes | head` must end.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execve(program, list(words), environ)


def _become_standard_input(text: str) -> None:
    """What was read of standard input is there again for ``python -``."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.seek(0)
        os.dup2(file.fileno(), 0)
