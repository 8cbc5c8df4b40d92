"""What can be wrong with the environment that was asked for."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class EnvironmentNotFoundError(VariantctlError):
    """No environment to install into: none was named, or the named one does not exist."""

    kind = "no-environment"


class BrokenEnvironmentError(VariantctlError):
    """The environment exists and cannot be used: its interpreter is missing or does not run."""

    kind = "broken-environment"


class ExternallyManagedError(VariantctlError):
    """The environment belongs to another package manager (PEP 668)."""

    kind = "externally-managed"


class UserFolderError(VariantctlError):
    """The interpreter does not see what is installed for the user (PEP 370)."""

    kind = "no-user-folder"


class BrokenPackageError(VariantctlError):
    """An installed package lacks what is needed to read or remove it."""

    kind = "broken-package"


class NotVirtualError(VariantctlError):
    """Only virtual environments may be changed, and this is none."""

    kind = "not-virtual"


class EnvironmentNotMadeError(VariantctlError):
    """A virtual environment could not be made."""

    kind = "environment-not-made"
