"""What can be wrong with a requirement or a file of them."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class RequirementError(VariantctlError, ValueError):
    """A requirement that cannot be read, or that asks for something only a build could give."""

    kind = "invalid-requirement"


class NoFileError(RequirementError):
    """A requirement that is the path of a file which is not there."""


class RequirementFileError(VariantctlError):
    """A requirements or constraints file that cannot be read; the message begins with ``file:line``."""

    kind = "invalid-requirements-file"
