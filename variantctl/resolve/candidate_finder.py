"""What can be had of each project: its versions, and their wheels ranked. Everything is asked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.families.registry import MemberWishes
from variantctl.filesystem.digests import file_digest
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.net.redaction import without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import without_fragment
from variantctl.providers.algorithm import Machine, ProviderNote
from variantctl.requirements.requirement import wheel_of_url
from variantctl.resolve.accelerator_builds import AcceleratorBuilds, installed_metadata
from variantctl.resolve.backend_agreement import Backends
from variantctl.resolve.candidates import InstalledCandidate, WheelCandidate
from variantctl.resolve.errors import HashesError, NoCandidateError, UnsupportedVariantError
from variantctl.resolve.origins import is_same_source, is_same_wheel
from variantctl.resolve.other_builds import OtherBuilds
from variantctl.resolve.prefetch import Prefetcher
from variantctl.resolve.present import Present
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import advise_on
from variantctl.select.preferences import NON_VARIANT, REQUIRE, VariantPreferences
from variantctl.select.ranking import (
    EvaluatedWheel,
    SelectionContext,
    best_of_each_build,
    evaluate_wheels,
    fits_interpreter,
    rank_wheels,
)
from variantctl.target.installed import InstalledPackage
from variantctl.values import replace
from variantctl.variants.accelerators import accelerators_of
from variantctl.variants.markers import MarkerVariant, narrow
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported
from variantctl.wheels.metadata import CoreMetadata

if TYPE_CHECKING:
    from variantctl.families.family import Member
    from variantctl.resolve.needs import Need

_MOST_READ = 32
_WORTH_IT = 3
_AT_A_TIME = 8


class CandidateFinder:
    """Projects, their candidates and their metadata, as one resolution sees them.

    Args:
        package_finder: where wheels come from.
        machine: what variant properties are supported.
        interpreter: what wheels must fit.
        preferences: what the user said about variants.
        hashes: project -> algorithm -> allowed digests.
        installed: what the environment has.
        who: ``this machine`` or the profile, for messages.
        every_member: ask for the pages of every member of a family, to say why it is not taken.

    Attributes:
        backends: what holds packages of one source of backends together.
        builds: what the machine's accelerators can use.
        others: the builds that the machine cannot use.
    """

    def __init__(
        self,
        package_finder: PackageFinder,
        machine: Machine,
        interpreter: Interpreter,
        *,
        preferences: VariantPreferences | None = None,
        hashes: Mapping[NormalizedName, Mapping[str, frozenset[str]]] | None = None,
        installed: Mapping[NormalizedName, InstalledPackage] | None = None,
        who: str = "this machine",
        every_member: bool = False,
    ) -> None:
        self.interpreter = interpreter
        self.preferences = preferences or VariantPreferences()
        self.who = who
        ask = None if self.preferences.no_variants else self._allowed_to_backends
        named = {name: frozenset((label,)) for name, label in self.preferences.labels.items()}
        wishes = MemberWishes({**self.preferences.wished, **named}, every_member)
        self._package_finder = package_finder.for_machine(ask, interpreter.markers, wishes).for_interpreter(
            f"{interpreter.tags[0]} {interpreter.python}",
            lambda link: fits_interpreter(link, interpreter),
            lambda link: interpreter.likeness(link.wheel),
        )
        self._machine = machine
        self._asking = Lock()
        self._hashes = hashes or {}
        self.families = self._package_finder.families
        self.present = Present(installed or {}, self.families)
        self._installed = self.present.candidates
        self._ahead = Prefetcher(self._package_finder, interpreter)
        self.backends = Backends(
            self._package_finder, interpreter, self._installed, self.versions, self.project
        )
        self.builds = AcceleratorBuilds(
            self._package_finder, machine, self.preferences, self.backends, self.project, who
        )
        self.others = OtherBuilds(package_finder, interpreter, self._allowed_to_backends, self._of_version)
        self._versions: dict[NormalizedName, tuple[Version, ...]] = {}
        self._candidates: dict[tuple[NormalizedName, Version, bool], tuple[WheelCandidate, ...]] = {}
        self._direct: dict[str, WheelCandidate] = {}
        self._checked: set[str] = set()

    def close(self) -> None:
        """Forget what was asked for ahead of time."""
        self._ahead.close()

    def expect_projects(self, names: Iterable[NormalizedName]) -> None:
        """These projects will be asked for soon."""
        for name in names:
            self._ahead.expect_project(name)

    def expect_metadata(self, candidates: Iterable[WheelCandidate]) -> None:
        """These candidates may be tried soon."""
        self._ahead.expect_metadata(candidate.wheel.link for candidate in candidates)

    def project(self, name: NormalizedName) -> ProjectFiles:
        """The files of a project; raises ``ProjectNotFound``, each time it is asked."""
        return self._ahead.project(name)

    def elsewhere(self, name: NormalizedName) -> list[ProjectFiles]:
        """What sources that were not asked have of a project, because another one has it, too."""
        return self._package_finder.elsewhere(name)

    def versions(self, name: NormalizedName) -> tuple[Version, ...]:
        """Every version that has a wheel for anything, newest first; none where no source has the project."""
        known = self._versions.get(name)
        if known is None:
            try:
                known = tuple(self.project(name).by_version)
            except ProjectNotFound:
                known = ()
            self._versions[name] = known
        return known

    def allowed(self, name: NormalizedName, needs: Sequence[Need]) -> list[Version]:
        """Those of ``versions`` that some needs allow.

        A version whose wheels come from backends is listed as its public version (``2.10.0``), and allowed
        where the version of one of those wheels is (``2.10.0+cu128``).
        """
        return [
            version
            for version in self.versions(name)
            if any(all(need.allows(real) for need in needs) for real in self.spellings(name, version))
        ]

    def spellings(self, name: NormalizedName, version: Version) -> tuple[Version, ...]:
        """The versions of the wheels that are listed as one version."""
        return self.project(name).spellings(version)

    def candidates(
        self, name: NormalizedName, version: Version, *, allow_yanked: bool = False
    ) -> tuple[WheelCandidate, ...]:
        """The version with each label that can be taken, best first: one wheel of each.

        Of a source of backends it is one wheel of each label and each version that is listed as this one.

        Raises:
            UnsupportedVariantError: ``--variant`` asks for a label that this version has and the machine does
                not support.
        """
        version = self._listed_as(name, version)
        key = (name, version, allow_yanked)
        known = self._candidates.get(key)
        if known is None:
            project = self.project(name)
            wheels = project.wheels_of(version)
            terms = self._terms(project, version, wheels, allow_yanked=allow_yanked)
            chosen = best_of_each_build(rank_wheels(wheels, terms))
            if not chosen and terms.label:
                _refuse_unsupported_label(name, version, wheels, terms)
            labels = [wheel.label for wheel in chosen]
            beside = self.builds.beside_cards if any(wheel.properties for wheel in chosen) else ()
            known = tuple(
                WheelCandidate(
                    name,
                    wheel.link.version,
                    wheel,
                    better=tuple(label for label in dict.fromkeys(labels[:place]) if label != wheel.label),
                    accelerators=tuple(
                        each
                        for each in accelerators_of(wheel.properties, terms.metadata)
                        if each not in beside
                    ),
                )
                for place, wheel in enumerate(chosen)
            )
            self._candidates[key] = known
        return known

    def candidates_if_any(self, name: NormalizedName, version: Version) -> tuple[WheelCandidate, ...]:
        """The same; none where no source has the project (any more)."""
        return self.candidates(name, version) if self.versions(name) else ()

    def has_variants(self, name: NormalizedName) -> bool:
        """Whether any version of a project has a wheel with a label."""
        return bool(self.versions(name)) and bool(self.project(name).builds)

    def judge(
        self,
        name: NormalizedName,
        version: Version,
        *,
        allow_yanked: bool = False,
        needs: Sequence[Need] = (),
    ) -> list[EvaluatedWheel]:
        """Every wheel of a version with its verdict; *needs* tell between those that are listed as one."""
        version = self._listed_as(name, version)
        project = self.project(name)
        wheels = project.wheels_of(version)
        terms = self._terms(project, version, wheels, allow_yanked=allow_yanked, need_metadata=True)
        asked = [real for real in self.spellings(name, version) if all(need.allows(real) for need in needs)]
        return evaluate_wheels(wheels, replace(terms, versions=asked))

    def _of_version(
        self, name: NormalizedName, version: Version, allow_yanked: bool, need_metadata: bool
    ) -> tuple[tuple[WheelLink, ...], SelectionContext]:
        """What of a version is judged by what."""
        version = self._listed_as(name, version)
        project = self.project(name)
        wheels = project.wheels_of(version)
        terms = self._terms(project, version, wheels, allow_yanked=allow_yanked, need_metadata=need_metadata)
        return wheels, terms

    def unanswered(self, name: NormalizedName, version: Version) -> list[ProviderNote]:
        """What providers of a version's variants were not asked, or could not answer."""
        project = self.project(name)
        terms = self._terms(
            project, version, project.wheels_of(version), allow_yanked=True, need_metadata=True
        )
        used = terms.metadata.used_namespaces if terms.metadata else ()
        silent = ("untrusted", "disabled", "error")
        return [note for note in self._machine.notes if note.namespace in used and note.status in silent]

    def has_candidate(self, name: NormalizedName, version: Version, *, allow_yanked: bool = False) -> bool:
        """Whether a version has a wheel that can be taken; a label the machine lacks is no error here."""
        try:
            return bool(self.candidates(name, version, allow_yanked=allow_yanked))
        except UnsupportedVariantError:
            return False

    def judge_direct(self, url: str, name: NormalizedName) -> tuple[Version, list[EvaluatedWheel]]:
        """The version of the wheel that a direct reference names, and the verdict on it."""
        link = self._direct_link(url, name)
        project = ProjectFiles(name, link.file.source, (link,))
        terms = self._terms(project, link.wheel.version, (link,), allow_yanked=True, need_metadata=True)
        return link.wheel.version, evaluate_wheels((link,), terms)

    def direct(self, url: str, name: NormalizedName) -> WheelCandidate:
        """The wheel that a direct reference names.

        Raises:
            NoCandidateError: it does not fit the interpreter or the machine.
        """
        known = self._direct.get(url)
        if known is None:
            link = self._direct_link(url, name)
            project = ProjectFiles(name, link.file.source, (link,))
            terms = self._terms(project, link.wheel.version, (link,), allow_yanked=True)
            ranked = rank_wheels((link,), terms)
            if not ranked:
                reasons = "; ".join(reason.detail for reason in evaluate_wheels((link,), terms)[0].reasons)
                raise NoCandidateError(f"{link.wheel.filename} cannot be installed: it {reasons}")
            known = self._direct[url] = WheelCandidate(name, link.wheel.version, ranked[0], url=url)
        return known

    def installed(self, name: NormalizedName) -> InstalledCandidate | None:
        """What the environment has of a project, unless ``--variant`` or ``--no-variants`` rules it out."""
        candidate = self._installed.get(name)
        if candidate is None:
            return None
        label = candidate.label or self.backends.label_of(candidate.package)
        wanted = self.preferences.wanted(name)
        if (wanted is not None and (label or NON_VARIANT) not in wanted) or (
            self.preferences.no_variants and label
        ):
            return None
        if self.preferences.accelerator == REQUIRE and self.builds.is_cpu_build(candidate.package):
            return None
        return candidate

    def _listed_as(self, name: NormalizedName, version: Version) -> Version:
        """The version among ``versions`` that a wheel's own version is listed as."""
        if version.local is None or version in self.project(name).by_version:
            return version
        return Version(version.public)

    def _allowed_to_backends(self, metadata: VariantMetadata) -> Supported:
        """What counts as supported when pages are chosen; asked from any thread."""
        return self.preferences.allowed(self._supported(metadata))

    def replaced(self, name: NormalizedName) -> tuple[InstalledPackage, ...]:
        """What must make room before a wheel of a project is installed: of a family every member."""
        return self.present.of(name)

    def everything_installed(self) -> Iterable[InstalledCandidate]:
        """What the environment has, whatever the user rules out."""
        return self._installed.values()

    def is_unchanged(self, installed: InstalledCandidate, url: str) -> bool:
        """Whether a package was installed from what a direct reference names, as it is now."""
        link = self._package_finder.source_link(url, installed.name)
        if link is None:
            return is_same_wheel(installed.package, url)
        return is_same_source(installed.package, self._package_finder.source_origin(link) or {})

    def hashes(self, name: NormalizedName) -> Mapping[str, frozenset[str]]:
        """The digests allowed for a project; empty where any file will do."""
        return self._hashes.get(name, {})

    def metadata(self, candidate: WheelCandidate) -> CoreMetadata:
        """The METADATA of a candidate's wheel, which the finder has found to be about that very wheel.

        Raises:
            HashesError: the file is none of those the user listed hashes of.
            WheelError: METADATA is damaged, or about another project or version than the filename.
        """
        link = candidate.wheel.link
        if link.file.url not in self._checked:
            self._check_hashes(candidate)
            self._checked.add(link.file.url)
        return self._ahead.metadata(link)

    def source_origin(self, candidate: WheelCandidate) -> Mapping[str, Any] | None:
        """What direct_url.json says of source code that a requirement names; None for any other wheel."""
        return self._package_finder.source_origin(candidate.wheel.link)

    def settled_url(self, url: str, name: NormalizedName) -> str | None:
        """The URL of source code with a commit for a branch; ``None`` where nothing is built."""
        link = self._package_finder.source_link(url, name)
        return None if link is None else link.file.url

    def marker_variant(self, package: InstalledPackage) -> MarkerVariant:
        """What the variant markers of an installed package's dependencies see."""
        if package.label is None:
            return MarkerVariant()
        metadata = installed_metadata(package)
        if metadata is None:
            return MarkerVariant(package.label)
        return narrow(metadata, package.label, self._machine.supported(metadata))

    def terms(self, name: NormalizedName, version: Version) -> SelectionContext:
        """What all wheels of a version are judged by, those for other interpreters too; yanked ones are not
        taken."""
        project = self.project(name)
        wheels = project.wheels_of(version)
        return self._terms(project, version, wheels, allow_yanked=False, need_metadata=True)

    def _terms(
        self,
        project: ProjectFiles,
        version: Version,
        wheels: tuple[WheelLink, ...],
        *,
        allow_yanked: bool,
        need_metadata: bool = False,
    ) -> SelectionContext:
        """What the wheels of a version are judged by; variant metadata is read only where it matters."""
        metadata: VariantMetadata | None = None
        matters = any(
            link.wheel.label is not None and (need_metadata or fits_interpreter(link, self.interpreter))
            for link in wheels
        )
        if matters and (need_metadata or not self.preferences.no_variants):
            metadata = self._package_finder.readable_variants(project, version)
        supported = self._supported(metadata) if metadata else {}
        wished = self.preferences.wanted(project.name)
        return SelectionContext(
            self.interpreter,
            self.preferences,
            self.preferences.labels.get(project.name),
            metadata
            if wished is None or metadata is None
            else self._as_wished(project.name, wished, metadata),
            supported,
            self.hashes(project.name),
            allow_yanked,
            self.who,
            {name: candidate.version for name, candidate in self._installed.items()},
            each_alone=self._machine.each_alone(metadata, supported) if metadata else (),
            unreadable=self._package_finder.unreadable.get((project.name, version)),
            wished=self.preferences.wished.get(project.name),
            reserved=self._reserved(project.name, wished or frozenset()),
        )

    def _members(self, name: NormalizedName) -> Sequence[Member]:
        family = self.families.of(name)
        return family.members if family is not None else ()

    def _reserved(self, name: NormalizedName, wished: frozenset[str]) -> frozenset[str]:
        """The labels that are only taken where somebody names them, and nobody does."""
        return frozenset(
            each.label for each in self._members(name) if each.only_by_name and each.label not in wished
        )

    def _as_wished(
        self, name: NormalizedName, wished: frozenset[str], metadata: VariantMetadata
    ) -> VariantMetadata:
        """What is asked for by name, and runs without its device too, needs nothing of the machine."""
        bare = {each.label for each in self._members(name) if each.runs_anywhere and each.label in wished}
        if not bare:
            return metadata
        variants = {label: {} if label in bare else known for label, known in metadata.variants.items()}
        return replace(metadata, variants=variants)

    def _supported(self, metadata: VariantMetadata) -> Supported:
        with self._asking:
            return self._machine.supported(metadata)

    def _direct_link(self, url: str, name: NormalizedName) -> WheelLink:
        source = self._package_finder.source_link(url, name)
        if source is not None:
            return source
        address, fragment = without_fragment(url)
        hashes = dict(
            part.split("=", 1) for part in fragment.split("&") if part.startswith("sha") and "=" in part
        )
        wheel = wheel_of_url(url)
        bare = self._package_finder.client.credentials.take_file(address, is_reference=True)
        return WheelLink(RemoteFile(wheel.filename, bare, hashes, source=without_secrets(bare)), wheel)

    def _check_hashes(self, candidate: WheelCandidate) -> None:
        """Where nobody said what a file's digest is, the file itself must say."""
        link = candidate.wheel.link
        allowed = self.hashes(candidate.name)
        if not allowed or any(algorithm in link.file.hashes for algorithm in allowed):
            return
        path = self._package_finder.fetch(link).path
        if any(file_digest(path, algorithm) in digests for algorithm, digests in allowed.items()):
            return
        raise HashesError(
            f"{link.wheel.filename}: its hash is none of those given for {candidate.name}",
            hint="The file is not the one the hashes were made of; do not install it.",
        )


def _refuse_unsupported_label(
    name: NormalizedName, version: Version, wheels: tuple[WheelLink, ...], terms: SelectionContext
) -> None:
    """Raise if the label asked for is there, fits the interpreter, and only the machine stands in its way."""
    for judged in evaluate_wheels(wheels, terms):
        kinds = {reason.kind for reason in judged.reasons}
        if judged.link.wheel.label == terms.label and kinds == {"property"}:
            details = "; ".join(reason.detail for reason in judged.reasons)
            update = "".join(f"{advice.sentence} " for advice in advise_on(wheels, terms)[:1])
            raise UnsupportedVariantError(
                f"the variant '{terms.label}' of {name} {version} {details}",
                hint=f"{update}--variant chooses among what a machine supports. To install for another "
                "machine, describe it: --profile NAME-or-FILE.",
            )
