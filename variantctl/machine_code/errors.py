"""The error of this room."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class DamagedCodeError(VariantctlError):
    """Bytes that are not what they claim to be: cut short, overlapping, of absurd sizes.

    Nothing of this room lets it out: ``library.read_library`` makes a sentence of it.
    """

    kind = "damaged-code"
