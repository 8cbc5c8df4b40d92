"""Errors of the proxy."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class BrokenOffError(VariantctlError):
    """A file that is passed on ended before its end."""

    kind = "network"


class FlattenError(VariantctlError):
    """A tree for one machine cannot be written."""

    kind = "flatten"


class CommandError(VariantctlError):
    """The command that the proxy is started for cannot be run."""

    kind = "command"
