"""What can go wrong between requirements, a lock file and a machine."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class LockFileError(VariantctlError):
    """A lock file that cannot be read, or that breaks a rule of PEP 751; the message names file and key."""

    kind = "invalid-lock"


class NoCommonVersionError(VariantctlError):
    """The machines that are locked for cannot agree on one version of a package."""

    kind = "no-common-version"


class LockMismatchError(VariantctlError):
    """The lock file is sound, and has nothing for this machine."""

    kind = "lock-does-not-fit"


class LockOutdatedError(VariantctlError):
    """``lock --check``: the lock file is not what locking would write now."""

    kind = "lock-outdated"
