"""Which families count, and on whose word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from variantctl.config.file import Configuration, read_configuration
from variantctl.families.registry import NO_FAMILIES, Families, read_families

if TYPE_CHECKING:
    from variantctl.families.knowledge import FamilyKnowledge

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
    table = configuration.families if configuration is not None else None
    on, changes = (
        read_families(table, configuration.origin) if configuration and table is not None else (True, {})
    )
    if off or not on or _is_set(environ):
        return NO_FAMILIES

    def opened() -> FamilyKnowledge:
        # Most commands look no name up.
        from variantctl.backends.knowledge_files import user_folder
        from variantctl.families.knowledge import FamilyKnowledge

        return FamilyKnowledge(user_folder(environ))

    return Families(opened, changes, elsewhere=elsewhere)


def _is_set(environ: Mapping[str, str]) -> bool:
    return environ.get(_OFF, "").strip().lower() not in {"", "0", "false", "no", "off"}
