"""A file behind a URL, with what its index says about it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from variantctl.values import dataclass, field


@dataclass(frozen=True)
class RemoteFile:
    """One file as a source lists it.

    Attributes:
        filename: its name, without any folder.
        url: where it is: absolute ``http(s)://`` or ``file://``, without fragment or credentials.
        hashes: algorithm -> lower-case hexadecimal digest, as the source gives them.
        requires_python: the specifier text (PEP 503 ``data-requires-python``), or ``None``.
        yanked: ``False``, ``True``, or the reason (PEP 592).
        core_metadata: whether ``{url}.metadata`` exists, or its hashes (PEP 658, PEP 714).
        size: in bytes, or ``None`` where the source does not say.
        source: the index or find-links location it was found in, without credentials.
        upload_time: when it was uploaded, as the source writes it (PEP 700), or ``None``.
        others: where else the source lists a file of that name and no other hash: URLs.
    """

    filename: str
    url: str
    hashes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    requires_python: str | None = None
    yanked: bool | str = False
    core_metadata: bool | Mapping[str, str] = False
    size: int | None = None
    source: str = ""
    upload_time: str | None = None
    others: tuple[str, ...] = ()

    def agrees_with(self, other: RemoteFile) -> bool:
        """Whether two entries may be of one file: no hash says otherwise."""
        return all(other.hashes.get(name, digest) == digest for name, digest in self.hashes.items())
