"""What a machine's accelerators can use of the builds that there are, and of those that are installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.backends.backend import Backend
from variantctl.backends.source import BackendSource
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles
from variantctl.providers.algorithm import Machine
from variantctl.resolve.backend_agreement import Backends
from variantctl.resolve.candidates import InstalledCandidate, WheelCandidate
from variantctl.select.fit import ACCELERATORS, fit_of_ordinary
from variantctl.select.ordinary_builds import ordinary_build
from variantctl.select.preferences import VariantPreferences
from variantctl.target.installed import InstalledPackage
from variantctl.variants.accelerators import accelerators_of, main_accelerators
from variantctl.variants.errors import VariantctlError
from variantctl.variants.markers import VariantRequirement
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata
from variantctl.variants.properties import Properties, Supported

_MOST_READ = 32
_WORTH_IT = 3
_AT_A_TIME = 8


class AcceleratorBuilds:
    """The accelerators of one machine, and the builds for them.

    Args:
        package_finder: where wheels come from, as the machine sees it.
        machine: what is supported.
        preferences: what the user excludes.
        backends: the backends of what is installed.
        project: the files of a project.
        who: ``this machine`` or the profile, for messages.
    """

    def __init__(
        self,
        package_finder: PackageFinder,
        machine: Machine,
        preferences: VariantPreferences,
        backends: Backends,
        project: Callable[[NormalizedName], ProjectFiles],
        who: str,
    ) -> None:
        self._package_finder = package_finder
        self._machine = machine
        self._preferences = preferences
        self._backends = backends
        self._project = project
        self._who = who

    @property
    def machine_supports(self) -> Supported:
        """What the machine supports of its accelerators, without what the user excludes."""
        return self._preferences.allowed(self._machine.accelerators())

    @property
    def accelerators(self) -> tuple[str, ...]:
        """The namespaces of the machine's accelerators that builds are chosen for.

        None that the user excludes; where there is a card, not the GPU in the processor.
        """
        return main_accelerators(self.machine_supports)

    @property
    def beside_cards(self) -> frozenset[str]:
        """The accelerators for which no version is held back: GPUs in processors, beside a card."""
        return frozenset(accelerators_of(self.machine_supports)) - set(self.accelerators)

    def is_built_for(self, name: NormalizedName) -> bool:
        """Whether any version of a project has a build for an accelerator, be it one that is not here."""
        project = self._project(name)
        source = self._package_finder.backend_source(name)
        if source is not None and any(link.backend for link in project.wheels):
            return any(accelerators_of(backend.properties) for backend in source.backends)
        return any(
            accelerators_of(properties, metadata)
            for version in list(project.by_version)[:_MOST_READ]
            if (metadata := self._package_finder.readable_variants(project, version)) is not None
            for properties in metadata.variants.values()
        )

    def read_ahead(self, name: NormalizedName, versions: Sequence[Version]) -> None:
        """Have the variant metadata of some versions read, several at a time; what is wrong shows later."""
        project = self._project(name)
        with_labels = [version for version in versions if version in project.builds]
        if project.has_backends or len(with_labels) < _WORTH_IT:
            return

        def read(version: Version) -> None:
            try:
                self._package_finder.variant_metadata(project, version)
            except VariantctlError:
                return

        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            list(pool.map(read, with_labels))

    def rule_of(self, candidate: WheelCandidate) -> str:
        """What was taken for granted of a wheel's backend, as no table lists it; else ``""``."""
        if candidate.wheel.link.backend is None or candidate.wheel.label is None:
            return ""
        return self._package_finder.rule_of(candidate.name, candidate.wheel.label)

    def contradiction(self, candidate: WheelCandidate, requires: Sequence[Requirement]) -> str:
        """Why a wheel of a backend that no table lists cannot be for the machine: its own METADATA says so.

        Args:
            candidate: the wheel.
            requires: its requirements that apply here.

        Returns:
            A clause whose subject is the wheel; ``""`` where METADATA says nothing against it.
        """
        source = self._package_finder.backend_source(candidate.name)
        if source is None or not self.rule_of(candidate):
            return ""
        label = candidate.wheel.label
        build = ordinary_build(candidate.name, candidate.version.public, tuple(map(str, requires)))
        supported = self._machine.supported(ACCELERATORS)
        fit = fit_of_ordinary(build, supported, self._who)
        if build.accelerator is not None and fit.status in ("misfit", "unused"):
            return (
                f"lies in {label}, which no table lists, and its wheel {fit.why} ({build.signs[0].evidence})"
            )
        for requirement in requires:
            known = source.device_extras.get(canonicalize_name(requirement.name))
            devices = known.devices(requirement.extras) if known is not None else []
            here = self.machine_supports.get(known.namespace, {}).get(known.feature, ()) if known else ()
            if devices and not set(devices) & set(here):
                return f"lies in {label}, which no table lists, and its wheel needs {requirement} alone"
        return ""

    def device_extras(
        self, requirement: VariantRequirement, base: WheelCandidate | InstalledCandidate
    ) -> frozenset[str]:
        """The extras of a requirement, for the devices of the machine that a wheel was built for.

        Only of what packages of a source of backends need of each other, and where its table says so.
        """
        written = frozenset(requirement.requirement.extras)
        source = self._package_finder.backend_source(base.name)
        known = source.device_extras.get(requirement.name) if source is not None else None
        if source is None or known is None:
            return written
        here = self.machine_supports.get(known.namespace, {}).get(known.feature, ())
        built = self._built_for(base, source).get(known.namespace, {}).get(known.feature, ())
        return known.narrowed(written, [value for value in here if value in built])

    def devices_of(self, name: NormalizedName, extra: str) -> list[str]:
        """The devices that an extra of a package brings files for, where a source's table says so."""
        source = self._package_finder.backend_source(name)
        known = source.device_extras.get(name) if source is not None else None
        return known.devices((extra,)) if known is not None else []

    def _built_for(self, base: WheelCandidate | InstalledCandidate, source: BackendSource) -> Properties:
        if isinstance(base, WheelCandidate):
            return base.wheel.properties
        label = self._backends.label_of(base.package)
        whole = source.with_names([label] if label is not None else [])
        return next((each.properties for each in whole.backends if each.label == label), {})

    def properties_of(self, candidate: InstalledCandidate) -> Properties:
        """What an installed build of a backend, or member of a family, needs; none where it is neither."""
        source = self._package_finder.backend_source(candidate.name)
        label = candidate.label or self._backends.label_of(candidate.package)
        if source is None or label is None or candidate.package.label is not None:
            return {}
        whole = source.with_names([label])
        version = Version(candidate.version.public)
        found = (each for each in whole.backends if each.label == label)
        return next(
            (each.properties_of(candidate.name, version, {}) for each in found if not _by_marker(each)), {}
        )

    def is_cpu_build(self, package: InstalledPackage) -> bool:
        """Whether an installed variant was built for no accelerator; of other packages nothing is known."""
        label = self._backends.label_of(package)
        source = self._package_finder.backend_source(package.name)
        if package.label is None and label is not None and source is not None:
            whole = source.with_names([label])
            return any(
                each.label == label and not accelerators_of(each.properties) for each in whole.backends
            )
        metadata = installed_metadata(package)
        properties = metadata.properties_of(package.label or "") if metadata is not None else None
        return properties is not None and not accelerators_of(properties, metadata)


def _by_marker(backend: Backend) -> bool:
    """Whether what a backend was built for depends on the platform."""
    return any(build.marker is not None for build in backend.builds)


def installed_metadata(package: InstalledPackage) -> VariantMetadata | None:
    """The ``variant.json`` of an installed variant, where it can be read."""
    path = package.dist_info / "variant.json"
    try:
        return None if package.label is None else load_metadata(path.read_bytes(), source=str(path))
    except (OSError, VariantctlError):
        return None
