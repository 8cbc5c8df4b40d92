"""What a backend's wheel is called as a variant, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variant_index.importing.tags import USUAL, SelectionError, markers_of
from variantctl.backends.source import BackendSource
from variantctl.values import dataclass, replace
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Properties
from variantctl.wheels.variant import single_variant


@dataclass(frozen=True)
class Naming:
    """The variants of one source.

    Attributes:
        source: its mapping.
    """

    source: BackendSource

    def has(self, name: NormalizedName) -> bool:
        """Whether wheels of a project are those of the source: a folder may have been filled from several."""
        return name in self.source.packages

    def project(self, wheel: WheelFilename) -> NormalizedName:
        """What the wheels that are made are called."""
        return wheel.name

    def names(self, wheel: WheelFilename) -> Mapping[NormalizedName, NormalizedName]:
        """What is called otherwise in the requirements of a wheel."""
        return {}

    def extra(self, backend: str) -> str | None:
        """The extra whose requirements always count."""
        return None

    def _check(self) -> None:
        bare = [backend.label for backend in self.source.backends if not backend.properties]
        if len(bare) > 1:
            raise SelectionError(
                f"{self.source.name}: {' and '.join(bare)} both have no properties",
                hint="A version has one null variant; give all but one of them properties.",
            )

    def metadata(self, backend: str, wheel: WheelFilename) -> VariantMetadata:
        """The metadata of one wheel: its variant alone, and the tables that all wheels of the source share.

        A label has one meaning within a version (PEP 825, "Variant label"), and a backend's wheels for
        different platforms may be built for different GPUs. So ``cu128`` is what it is on x86-64 Linux, and
        where a platform differs, its wheels get a label of their own, ``cu128_aarch64``. A wheel that needs
        nothing is the null variant.

        Args:
            backend: the label of the sub-index.
            wheel: the wheel there.

        Raises:
            SelectionError: the mapping has two sub-indexes whose wheels need nothing.
        """
        self._check()
        name, version, markers = wheel.name, wheel.version, markers_of(wheel)
        table, properties = self._properties(backend, name, version, markers)
        label = backend if properties else NULL_LABEL
        if properties:
            usual = self._properties(backend, name, version, USUAL)[1]
            machine = markers["platform_machine"].lower()
            same_machine = self._properties(
                backend, name, version, {**USUAL, "platform_machine": markers["platform_machine"]}
            )[1]
            if properties != usual:
                system = "" if properties == same_machine else f"{markers['platform_system'].lower()}_"
                label = f"{backend}_{system}{machine}"
        return single_variant(replace(table, variants={}), label, properties)

    def _properties(
        self, backend: str, name: NormalizedName, version: Version, markers: Mapping[str, str]
    ) -> tuple[VariantMetadata, Properties]:
        public = Version(version.public)
        metadata = self.source.metadata(name, public, markers, [backend])
        return metadata, metadata.variants[backend]
