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


COMMANDS: dict[str, Command] = {
    "install": Command(
        "variantctl.cli.install", "install packages, each in its best variant for this machine"
    ),
    "add": Command("variantctl.cli.add", "add a dependency to pyproject.toml, and install it"),
    "remove": Command("variantctl.cli.remove", "take a dependency out of pyproject.toml, and uninstall it"),
    "lock": Command("variantctl.cli.lock", "write what machines would install to a pylock.toml"),
    "sync": Command("variantctl.cli.sync", "make an environment exactly what a pylock.toml has for it"),
    "uninstall": Command("variantctl.cli.uninstall", "remove packages and everything they brought"),
    "download": Command("variantctl.cli.download", "put the wheels that install would take into a folder"),
    "export": Command(
        "variantctl.cli.export", "write what a machine gets for pip, uv or poetry: URLs with hashes, indexes"
    ),
    "run": Command("variantctl.cli.run", "run a script with what it needs (PEP 723), or a command"),
    "venv": Command("variantctl.cli.venv", "make a virtual environment"),
    "list": Command("variantctl.cli.list", "show what is installed, with variant labels"),
    "show": Command("variantctl.cli.show", "show a package: its variant, properties, dependencies, and why"),
    "freeze": Command("variantctl.cli.freeze", "print what is installed as a requirements file"),
    "tree": Command("variantctl.cli.tree", "show which package needs which"),
    "check": Command("variantctl.cli.check", "check that packages have the dependencies that they need"),
    "versions": Command("variantctl.cli.versions", "show which versions and variants of a package there are"),
    "explain": Command("variantctl.cli.explain", "say which wheel would be chosen, and why not the others"),
    "doctor": Command("variantctl.cli.doctor", "check that what is installed still fits this machine"),
    "matrix": Command(
        "variantctl.cli.matrix", "show what each of several machines would get, with download sizes"
    ),
    "detect": Command("variantctl.cli.detect", "show what this machine supports, and how that is known"),
    "profile": Command(
        "variantctl.cli.profile",
        "write profiles of a cluster's machines, from what Kubernetes or Slurm knows",
    ),
    "provider": Command("variantctl.cli.provider", "say whose detector plugins may be installed and run"),
    "wheel": Command("variantctl.cli.wheel", "make, check, audit and inspect variant wheels"),
    "proxy": Command(
        "variantctl.cli.proxy", "let pip, uv, poetry and pdm install the variants for this machine"
    ),
    "index": Command("variantctl.cli.index", "build, change, check and serve a static index of wheels"),
    "knowledge": Command(
        "variantctl.cli.knowledge", "show and renew what is known of builds for each accelerator"
    ),
    "families": Command(
        "variantctl.cli.families", "list packages that are published under several names, extras or places"
    ),
    "config": Command("variantctl.cli.config", "print the schema of [tool.variantctl], and check one"),
    "cache": Command("variantctl.cli.cache", "look into the cache, shrink it, check it"),
    "demo": Command(
        "variantctl.cli.demo", "build, serve, explain and install stand-in wheels, without a network"
    ),
    "completion": Command("variantctl.cli.completion", "print a completion script for a shell"),
    "help": Command("variantctl.cli.help", "show a command's help"),
}
