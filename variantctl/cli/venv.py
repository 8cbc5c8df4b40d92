"""``variantctl venv``: make a virtual environment."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

from variantctl.cli import render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("folder", nargs="?", metavar="DIR", type=Path, help="where (default: .venv)")
    parser.add_argument("-p", "--python", metavar="PYTHON", help="an interpreter, or a version such as 3.12")
    parser.add_argument("--seed", action="store_true", help="put pip into it (variantctl needs none)")
    parser.add_argument("--clear", action="store_true", help="replace the environment that is there")
    parser.add_argument(
        "--system-site-packages", action="store_true", help="let it see the interpreter's own packages"
    )
    parser.add_argument("--prompt", metavar="TEXT", help="what shells show while it is active")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.target.creation import make_environment
    from variantctl.target.discovery import LOCAL_ENVIRONMENT
    from variantctl.target.environment import find_environment

    folder = Path(os.path.abspath((args.folder or Path(LOCAL_ENVIRONMENT)).expanduser()))
    # The interpreter is asked who it is: a version manager's shim may have none of that version.
    base = find_environment(args.python or _running(), for_changes=False)
    make_environment(
        folder,
        base.python,
        seed=args.seed,
        clear=args.clear,
        system_site_packages=args.system_site_packages,
        prompt=args.prompt,
    )
    version = ".".join(map(str, base.version))
    if args.json:
        render.print_json(
            {"format": 1, "environment": str(folder), "python": str(base.python), "version": version}
        )
    elif not render.is_quiet():
        sys.stdout.write(f"Made {folder} with Python {version}\n")
        if folder.name != LOCAL_ENVIRONMENT or folder.parent != Path.cwd():
            render.note(f"`-p {shlex.quote(str(folder))}` names it, or activate it")
    return 0


def _running() -> str:
    """The interpreter that variantctl's own environment was made with."""
    return str(getattr(sys, "_base_executable", sys.executable))
