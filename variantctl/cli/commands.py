"""The table of commands: name, the module that implements it, and its line in ``variantctl --help``.

A module has ``add_arguments(parser)`` and ``run(args) -> int``, and is imported only when its command
is the one that was typed.
"""

from __future__ import annotations

from variantctl.values import dataclass


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        module: the dotted name of the module with ``add_arguments`` and ``run``.
        help: what it does, in a line.
    """

    module: str
    help: str


#: Title in ``variantctl --help`` -> its commands, in the order in which people meet them.
GROUPS: dict[str, tuple[str, ...]] = {
    "get packages": ("install", "uninstall", "lock", "sync", "download", "run", "venv", "proxy"),
    "work on a project": ("add", "remove", "export", "config"),
    "look at what there is": ("explain", "doctor", "list", "show", "tree", "check", "freeze", "versions"),
    "machines": ("detect", "matrix", "profile", "provider", "families", "knowledge"),
    "publish": ("wheel", "index"),
    "variantctl itself": ("demo", "cache", "completion", "help"),
}

_HELP = {
    "install": "install packages, each in the right build for this machine",
    "add": "add a dependency to pyproject.toml, and install it",
    "remove": "take a dependency out of pyproject.toml, and uninstall it",
    "lock": "write down what one or several machines install (pylock.toml)",
    "sync": "make an environment exactly what a pylock.toml says",
    "uninstall": "remove packages, and say what nothing needs any more",
    "download": "put the wheels that install would take into a folder",
    "export": "write requirements for pip, uv or poetry, with hashes",
    "run": "run a script or a command with the packages that it needs",
    "venv": "make a virtual environment",
    "list": "show what is installed, and in which variants",
    "show": "show one package: its variant, its dependencies, and why",
    "freeze": "print what is installed as a requirements file",
    "tree": "show which package needs which",
    "check": "check that every package has the dependencies that it needs",
    "versions": "show which versions and variants of a package exist",
    "explain": "say which wheel you would get, and why not another",
    "doctor": "find out what does not fit this machine, and what mends it",
    "matrix": "compare what several machines would get, with download sizes",
    "detect": "show what this machine supports, and how that is known",
    "profile": "describe the machines of a cluster (Kubernetes, Slurm)",
    "provider": "trust detector plugins of others, and test your own",
    "wheel": "make, check, audit and inspect variant wheels",
    "proxy": "let pip, uv, poetry and pdm install the right builds",
    "index": "build, change, check and serve an index of wheels",
    "knowledge": "show and update what is known of builds for accelerators",
    "families": "list packages that are published under several names",
    "config": "check the settings in a pyproject.toml, and print their schema",
    "cache": "look into the cache, shrink it, check it",
    "demo": "try all of it on stand-in wheels, without a network",
    "completion": "print a completion script for your shell",
    "help": "show what a command does, and its options",
}

COMMANDS: dict[str, Command] = {
    name: Command(f"variantctl.cli.{name}", help_) for name, help_ in _HELP.items()
}
