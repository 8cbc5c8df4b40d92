"""Wheels that bring nothing but a name: they require the member of a family that stands in for it.

A tool without families asks for ``onnxruntime``, and the build for the machine is ``onnxruntime-gpu``. It is
shown a wheel ``onnxruntime`` with the tags of that build, which requires it in the same version: both names
are then installed, as ``variantctl install`` has it, and ``pip check`` is content.
"""

from __future__ import annotations

import hashlib
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.indexes.page_writer import PageFile
from variantctl.target.installed import STAND_IN, stand_in_record, stand_in_summary
from variantctl.values import dataclass
from variantctl.wheels.build import build_wheel

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.indexes.project_files import WheelLink


@dataclass(frozen=True)
class StandInWheel:
    """A wheel of a name that another distribution stands in for.

    Attributes:
        name: the name.
        link: the wheel that is required.
    """

    name: NormalizedName
    link: WheelLink

    @property
    def tag(self) -> str:
        """The tags of the wheel that is required, as its name has them."""
        return "-".join(self.link.own_name.filename.removesuffix(".whl").split("-")[-3:])

    @property
    def filename(self) -> str:
        """What it is called."""
        return f"{self.name.replace('-', '_')}-{self.link.own_name.version}-{self.tag}.whl"

    @property
    def requirement(self) -> str:
        """What it requires."""
        own, extra = self.link.own_name, self.link.extra
        return f"{own.name}{'' if extra is None else f'[{extra}]'}=={own.version}"

    @cached_property
    def content(self) -> bytes:
        """The whole file; always the same for the same wheel."""
        own = self.link.own_name
        with tempfile.TemporaryDirectory() as folder:
            wheel = build_wheel(
                Path(folder),
                name=self.name,
                version=str(own.version),
                tag=self.tag,
                requires=[self.requirement],
                requires_python=self.link.file.requires_python,
                summary=stand_in_summary(own.name, str(own.version)),
                dist_info={STAND_IN: stand_in_record(own.name, str(own.version))},
            )
            return wheel.read_bytes()

    @cached_property
    def metadata(self) -> bytes:
        """Its METADATA."""
        from io import BytesIO
        from zipfile import ZipFile

        with ZipFile(BytesIO(self.content)) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            return archive.read(name)

    def entry(self, url: str = "") -> PageFile:
        """How a page lists it."""
        return PageFile(
            self.filename,
            hashes={"sha256": hashlib.sha256(self.content).hexdigest()},
            url=url,
            size=len(self.content),
            requires_python=self.link.file.requires_python or "",
            core_metadata={"sha256": hashlib.sha256(self.metadata).hexdigest()},
        )


def stand_in_of(link: WheelLink, name: NormalizedName) -> StandInWheel | None:
    """What is shown of a wheel on the page of a project; ``None``: the wheel itself, for it has that name."""
    return StandInWheel(name, link) if link.own_name.name != name else None
