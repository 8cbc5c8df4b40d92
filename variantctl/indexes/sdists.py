"""Which projects may be built from source, and links that stand for a wheel that has to be built first."""

from __future__ import annotations

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.project_files import WheelLink
from variantctl.net.remote_file import RemoteFile
from variantctl.values import dataclass, replace
from variantctl.variants.filenames import parse_wheel_filename


@dataclass(frozen=True)
class BuildPolicy:
    """What may be built from source.

    Attributes:
        only_binary: projects that are never built; ``:all:`` is every one.
        no_binary: projects whose wheels are not taken; ``:all:`` is every one.
        allowed: projects that may be built although ``only_binary`` has ``:all:``.
    """

    only_binary: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    def builds(self, name: NormalizedName) -> bool:
        """Whether a project may be built. A name goes before ``:all:``."""
        if name in self.only_binary:
            return False
        if name in self.no_binary or self.allowed & {name, ":all:"}:
            return True
        return ":all:" not in self.only_binary

    def takes_wheels(self, name: NormalizedName) -> bool:
        """Whether a project's wheels may be taken."""
        if name in self.no_binary:
            return False
        return name in self.only_binary or ":all:" not in self.no_binary


def promised(
    file: RemoteFile, name: NormalizedName, version: Version, told_by: WheelLink | None = None
) -> WheelLink:
    """A link that stands for the wheel of some source code; its tags fit everywhere until it is built."""
    wheel = parse_wheel_filename(f"{name.replace('-', '_')}-{version}-py3-none-any.whl")
    return WheelLink(file, replace(wheel, filename=file.filename), told_by=told_by)


def is_promised(link: WheelLink) -> bool:
    """Whether a link stands for a wheel that has to be built first."""
    return not link.file.filename.endswith(".whl")
