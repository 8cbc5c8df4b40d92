"""Commands that mend what a command found, for the environment and the sources that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.cli.habits import IGNORED

if TYPE_CHECKING:
    from variantctl.doctor.findings import Commands

_ENVIRONMENT = (
    *("-p", "--python", "-t", "--target", "--prefix", "--user", "--system"),
    *("--break-system-packages", "--require-virtualenv"),
)
_DROPPED_FLAGS = (
    *("--updates", "--verify", "--json", "--run", "--offline", "--orphans", "--dry-run", "-y", "--yes"),
    *("-v", "--verbose", "-q", "--quiet"),
)
_DROPPED_VALUES = ("--run-timeout", "-r", "--requirement")
_FLAGS = (
    *("--user", "--system", "--break-system-packages", "--require-virtualenv"),
    *(
        "--no-index",
        "--no-backends",
        "--no-families",
        "--refresh",
        "--no-cache",
        "--no-cache-dir",
        "--no-variants",
    ),
)
"""Options that take no value; all others of ``doctor`` and ``uninstall`` take one."""


def commands_for(arguments: Sequence[str]) -> Commands:
    """Commands for the same environment, machine and sources as ``doctor`` or ``uninstall`` was given.

    Args:
        arguments: the words of the command line; what is no option (the command, names) is passed over.
    """
    from variantctl.doctor.findings import Commands

    environment: list[str] = []
    choice: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, _value = word.partition("=")
        option = name if word.startswith("--") else word[:2]
        if not word.startswith("-") or option in _DROPPED_FLAGS:
            continue
        if option in IGNORED:
            for _ in range(0 if equals else IGNORED[option]):
                next(words, "")
            continue
        alone = not equals if word.startswith("--") else word == option
        kept = [word, next(words, "")] if alone and option not in _FLAGS else [word]
        if option not in _DROPPED_VALUES:
            (environment if option in _ENVIRONMENT else choice).extend(kept)
    return Commands(tuple(environment), tuple(choice))
