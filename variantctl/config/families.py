"""Which families count, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from variantctl.config.file import Configuration, read_configuration
from variantctl.families.registry import NO_FAMILIES, Families, read_families

if TYPE_CHECKING:
    from variantctl.families.knowledge import FamilyKnowledge
    from variantctl.variants.nodes import Node

_OFF = "VARIANTCTL_NO_FAMILIES"


def known_families(environ: Mapping[str, str]) -> Families:
    """The families that count where the command line says nothing of them.

    Raises:
        SettingsError: the configuration cannot be understood.
    """
    return load_families(environ, read_configuration(environ))


def load_families(
    environ: Mapping[str, str],
    configuration: Configuration | None,
    *,
    off: bool = False,
    elsewhere: bool = True,
) -> Families:
    """The families that count: those that are shipped or stored, with what configuration says about them.

    Args:
        environ: ``VARIANTCTL_NO_FAMILIES`` turns them off.
        configuration: the configuration file.
        off: whether the command line does.
        elsewhere: whether members may be asked for at places of their own.

    Raises:
        SettingsError: configuration cannot be understood.
    """
    on, changes = _of_configuration(configuration)
    if off or not on or _is_set(environ):
        return NO_FAMILIES
    return _opened(environ, changes, elsewhere=elsewhere)


def all_families(environ: Mapping[str, str]) -> Families:
    """What is known of families, whether or not names count for another here: for judging what is installed.

    Raises:
        SettingsError: the configuration cannot be understood.
    """
    _, changes = _of_configuration(read_configuration(environ))
    return _opened(environ, changes, elsewhere=True)


def _of_configuration(configuration: Configuration | None) -> tuple[bool, dict[str, Node]]:
    """Whether families count, and what the configuration file says of each."""
    if configuration is None or configuration.families is None:
        return True, {}
    return read_families(configuration.families, configuration.origin)


def _opened(environ: Mapping[str, str], changes: Mapping[str, Node], *, elsewhere: bool) -> Families:
    def opened() -> FamilyKnowledge:
        # Most commands look no name up.
        from variantctl.backends.knowledge_files import user_folder
        from variantctl.families.knowledge import FamilyKnowledge

        return FamilyKnowledge(user_folder(environ))

    return Families(opened, changes, elsewhere=elsewhere)


def _is_set(environ: Mapping[str, str]) -> bool:
    return environ.get(_OFF, "").strip().lower() not in {"", "0", "false", "no", "off"}
