"""What can go wrong between a requirement and a plan, besides a conflict (see :mod:`.failure`)."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class UnsupportedVariantError(VariantctlError):
    """The label asked for exists, and this machine does not support its properties."""

    kind = "unsupported-variant"


class UnsatisfiableError(VariantctlError):
    """No set of wheels satisfies every requirement."""

    kind = "unsatisfiable"


class NoCandidateError(VariantctlError):
    """The project exists, and none of its wheels can be taken."""

    kind = "no-candidate"


class TooDeepError(VariantctlError):
    """The search for a set of wheels was given up."""

    kind = "resolution-too-deep"


class AcceleratorError(VariantctlError):
    """``--accelerator require``, and nothing that may be taken is built for the machine's accelerator."""

    kind = "no-accelerator-build"


class HashesError(VariantctlError):
    """A hash is missing where one is required, or no wheel has one of those that were listed."""

    kind = "hash-mismatch"
