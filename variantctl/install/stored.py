"""Plans of wheels that are in the store already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from variantctl.filesystem.errors import InstallError


class StoredWheel(NamedTuple):
    """A wheel of an index, which was installed before.

    Attributes:
        filename: the wheel's.
        sha256: of the wheel, in hexadecimal.
        requested: whether the user asked for it (REQUESTED).
    """

    filename: str
    sha256: str
    requested: bool

    @property
    def hashes(self) -> Mapping[str, str]:
        """Algorithm -> digest."""
        return {"sha256": self.sha256}

    @property
    def direct_url(self) -> None:
        """None: it came from an index."""


class StoredPlan(NamedTuple):
    """A plan that installs stored wheels, and nothing else."""

    install: tuple[StoredWheel, ...]
    remove: tuple[()] = ()


class NotStoredError(InstallError):
    """A wheel is not in the store any more."""


def not_stored(planned: StoredWheel, *_: Any) -> NoReturn:
    """What ``apply_plan`` is to call for a wheel that is not there.

    Raises:
        NotStoredError: always.
    """
    raise NotStoredError(f"{planned.filename} is not in the cache")
