"""What can go wrong when a cluster says what its nodes are."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class ClusterFileError(VariantctlError):
    """What is said to describe nodes cannot be read or understood, or describes none."""

    kind = "invalid-cluster-file"


class ProfileExistsError(VariantctlError):
    """A file with other content is where a profile would be written."""

    kind = "profile-exists"
