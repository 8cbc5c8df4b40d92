"""The builds that a machine cannot use: those that a newer driver would bring, and those for other machines.

They lie on pages of sub-indexes that are not asked for the machine. The page of the parent index has all
of them where there is one; where a question is worth more requests, the pages themselves are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import Advice, advise_on, with_newest_drivers
from variantctl.select.ranking import SelectionContext, evaluate_wheels, fits_interpreter
from variantctl.values import replace
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported

OfVersion = Callable[[NormalizedName, Version, bool, bool], tuple[tuple[WheelLink, ...], SelectionContext]]
"""The wheels that the machine sees of a version, and what they are judged by: (name, version, whether yanked
ones may be taken, whether the metadata is needed)."""


class OtherBuilds:
    """The builds that one machine cannot use.

    Args:
        package_finder: as nobody's machine sees it.
        interpreter: what wheels must fit.
        supported: what counts as supported of the namespaces that some variants use.
        of_version: what the machine sees.
    """

    def __init__(
        self,
        package_finder: PackageFinder,
        interpreter: Interpreter,
        supported: Callable[[VariantMetadata], Supported],
        of_version: OfVersion,
    ) -> None:
        self._package_finder = package_finder
        self._interpreter = interpreter
        self._supported = supported
        self._of_version = of_version

    def advice(
        self, name: NormalizedName, version: Version, *, allow_yanked: bool = False, further: bool = False
    ) -> tuple[Advice, ...]:
        """The driver updates that would get another variant of a version.

        Args:
            name: the project.
            version: as it is listed.
            allow_yanked: whether yanked files may be taken.
            further: ask for pages, too, of backends that only an update would let the machine use.
        """
        wheels, terms = self._of_version(name, version, allow_yanked, further)
        if further:
            wheels, terms = self._with_others(name, version, wheels, terms, self._with_newer_drivers())
        return advise_on(wheels, terms)

    def every_label(self, name: NormalizedName, version: Version) -> dict[str, str]:
        """Every label that a version has for the interpreter -> why the machine cannot take it, or ``""``.

        Those of backends that the machine cannot use are there where the parent index shows them, or where a
        newer driver would open them.
        """
        return self._reasons(name, version, self._with_newer_drivers(), self._fits)

    def why_not(self, name: NormalizedName, version: Version) -> dict[str, str]:
        """The same for every label, and for wheels of other platforms; all pages may be asked for."""
        seen = self._of_any_machine()
        fitting = self._reasons(name, version, seen, self._fits)
        return self._reasons(name, version, seen, lambda _link: True) | fitting

    def _reasons(
        self,
        name: NormalizedName,
        version: Version,
        seen: PackageFinder,
        counts: Callable[[WheelLink], bool],
    ) -> dict[str, str]:
        wheels, terms = self._of_version(name, version, False, True)
        wheels, terms = self._with_others(name, version, wheels, terms, seen)
        found: dict[str, str] = {}
        for judged in evaluate_wheels(filter(counts, wheels), terms):
            if label := judged.link.wheel.label:
                taken = judged.verdict in ("selected", "compatible")
                found.setdefault(label, "" if taken else "; ".join(each.detail for each in judged.reasons))
        return found

    def is_for_others_alone(self, name: NormalizedName, version: Version, *, further: bool) -> bool:
        """Whether what the machine is speaks alone against the wheels of a version.

        Those of other backends count where the parent index shows them, and with *further* those on the pages
        that a newer driver would open.
        """
        wheels, terms = self._of_version(name, version, False, True)
        seen = self._with_newer_drivers()
        if further or seen.parent_page(name, lambda _version: False) is not None:
            wheels, terms = self._with_others(name, version, wheels, terms, seen)
        judged = evaluate_wheels(filter(self._fits, wheels), terms)
        kinds = [{reason.kind for reason in each.reasons} for each in judged]
        return {"property"} in kinds and set() not in kinds

    def newer(self, name: NormalizedName, version: Version, *, further: bool) -> list[Version]:
        """The versions above one that the parent index shows, newest first.

        Where it shows nothing, and with *further*, those on the pages that a newer driver would open.
        """
        seen = self._with_newer_drivers()
        page = seen.parent_page(name, lambda real: real > version)
        if page is None and further:
            try:
                page = seen.project(name)
            except VariantctlError:
                return []
        return [each for each in page.by_version if each > version] if page is not None else []

    def anywhere(self, name: NormalizedName) -> ProjectFiles | None:
        """What every sub-index has of a project, for the words of a refusal; pages are asked for."""
        if self._package_finder.backend_source(name) is None:
            return None
        seen = self._of_any_machine()
        try:
            return seen.parent_page(name, lambda _version: True) or seen.project(name)
        except VariantctlError:
            return None

    def _with_newer_drivers(self) -> PackageFinder:
        return self._seen_by(lambda metadata: with_newest_drivers(metadata, self._supported(metadata)))

    def _of_any_machine(self) -> PackageFinder:
        return self._seen_by(_everything)

    def _seen_by(self, ask: Callable[[VariantMetadata], Supported]) -> PackageFinder:
        return self._package_finder.for_machine(ask, self._interpreter.markers)

    def _fits(self, link: WheelLink) -> bool:
        return fits_interpreter(link, self._interpreter)

    def _with_others(
        self,
        name: NormalizedName,
        version: Version,
        wheels: tuple[WheelLink, ...],
        terms: SelectionContext,
        seen: PackageFinder,
    ) -> tuple[tuple[WheelLink, ...], SelectionContext]:
        """The wheels of a version with those that another machine sees.

        Where its pages cannot be had, the wheels are given back as they are: advice is not worth an error.
        """
        if self._package_finder.backend_source(name) is None:
            return wheels, terms
        if wheels and not any(link.backend for link in wheels):
            return wheels, terms
        listed_as = wheels[0].wheel.version if wheels else Version(version.public)
        try:
            # Where the parent index shows the wheels of every backend, no page of one is needed.
            parent = seen.parent_page(name, lambda real: real.public == listed_as.public)
            project = parent if parent is not None and parent.wheels else seen.project(name)
            links = {link.file.url: link for link in (*wheels, *project.wheels_of(listed_as))}
            metadata = seen.variant_metadata(project, listed_as, links.values())
        except VariantctlError:
            return wheels, terms
        if metadata is None:
            return wheels, terms
        # What the machine has to say about builds that its own pages lack was not asked yet.
        return tuple(links.values()), replace(terms, metadata=metadata, supported=self._supported(metadata))


def _everything(metadata: VariantMetadata) -> Mapping[str, Mapping[str, list[str]]]:
    """Whatever some variants need is there."""
    found: dict[str, dict[str, list[str]]] = {}
    for properties in metadata.variants.values():
        for namespace, features in properties.items():
            for feature, values in features.items():
                found.setdefault(namespace, {}).setdefault(feature, []).extend(values)
    return found
