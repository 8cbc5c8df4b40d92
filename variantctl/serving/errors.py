"""Errors of serving."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class ServingError(VariantctlError):
    """Nothing can be served: no library, no address."""

    kind = "serving"
