"""What the user said about the search."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.values import dataclass, field


@dataclass(frozen=True)
class SearchOptions:
    """What the user said about the search.

    Attributes:
        pre: take pre-releases as if they were releases.
        prefer_binary: an older wheel goes before what would have to be built.
        no_deps: take only what was asked for.
        require_hashes: every project must have hashes.
        reinstall: what is installed does not count.
        upgrade: the projects whose newest version is wanted, installed or not.
        choose_again: what is installed keeps its version, and its variant only if that is still the choice:
            for a machine that was named (``--profile``) rather than the one it was installed on.
        preferred: versions that go before newer ones: those of a lock file.
        every_device: bring files for every GPU that a package of a source of backends knows, not only for
            those of the machine: a lock may be used on another one.
    """

    pre: bool = False
    prefer_binary: bool = False
    no_deps: bool = False
    require_hashes: bool = False
    reinstall: bool = False
    upgrade: frozenset[NormalizedName] = field(default_factory=frozenset)
    choose_again: bool = False
    preferred: Mapping[NormalizedName, Version] = field(default_factory=dict)
    every_device: bool = False
