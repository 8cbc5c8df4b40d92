"""A family: one thing to import, and the distributions, extras and builds that it is published as.

Publishers that cannot say "CUDA 13" in a wheel say it in a name (``cupy-cuda13x``), in an extra
(``jax[cuda13]``), in a local version (``2.8.3+cu12torch2.8``) or by a place of its own. A family gives each
of those, its *members*, a label and properties in the standard's words. To everything that chooses, a family
is what a source of kind ``backends`` is: members are variants of one project, the *identity*, and whoever
asks for any of them asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.backends.backend import Backend
from variantctl.backends.names import driver_for_cuda
from variantctl.backends.source import PRIORITY, Ask, BackendSource
from variantctl.values import dataclass, field
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.ordering import order_labels
from variantctl.variants.properties import ABI_DEPENDENCY, Properties
from variantctl.variants.schemas import PEP_850_SCHEMA

NAME = "{name}"
"""Stands for the identity in a member's project (``{name}-cu13``)."""

_ORDER = "order"
_NOT_IN_LABELS = re.compile(r"[^0-9a-z_.]+")


@dataclass(frozen=True)
class LocalBuild:
    """How the local part of a version says what a wheel was built for (``cu12torch2.8cxx11abitrue``).

    Attributes:
        pattern: searched for. Its groups may be ``cuda``, ``rocm`` and ``torch``; ``12``, ``126``, ``12.6``
            and ``2.8``, ``28`` are understood.
        properties: what such a wheel needs beside that.
    """

    pattern: str
    properties: Properties = field(default_factory=dict)

    def read(self, local: str) -> Properties | None:
        """What a local version says; ``None`` where it is of another kind."""
        found = re.search(self.pattern, local)
        if found is None:
            return None
        said: dict[str, Mapping[str, tuple[str, ...]]] = dict(self.properties)
        for group, value in found.groupdict().items():
            if value is not None:
                namespace, feature, text = _said(group, value)
                said[namespace] = {**said.get(namespace, {}), feature: (text,)}
        return said


def _said(group: str, value: str) -> tuple[str, str, str]:
    """Of a group of a pattern: namespace, feature and value. CUDA is compatible within a major (NVIDIA)."""
    digits = value.replace("-", ".")
    if group == "cuda":
        return "nvidia", "cuda_version_lower_bound", driver_for_cuda(int(digits[:2]), 0)
    if group == "rocm":
        return "amd", "rocm_version", digits if "." in digits else f"{digits[0]}.{digits[1:] or '0'}"
    if "." not in digits:
        digits = f"{digits[0]}.{digits[1:]}"
    return ABI_DEPENDENCY, group, ".".join(digits.split(".")[:2])


GROUPS = ("cuda", "rocm", "torch")
"""What a pattern of a local version may name."""


@dataclass(frozen=True)
class Member(Backend):
    """One of the ways in which a family's package is published.

    Attributes:
        project: the distribution, with ``{name}`` for the identity.
        extra: the extra of it that makes it this member; ``None``: it needs none.
        also: other extras that mean the same (``jax[cuda]``).
        shows: what is installed beside it shows that an extra was taken (``jax-cuda13-plugin``).
        versions: the versions that count; all where nothing is said.
        marker: only where it holds (``sys_platform == 'linux'``).
        index: an index of its own; ``""``: where everything else comes from.
        page: a page of links of its own, in place of an index.
        local: what the local part of a version says, the first that fits; none: the member is one build.
        only_by_name: it is never taken unasked.
        runs_anywhere: it runs without its device too, and is then taken where it is asked for by name.
        needs: what must be there beside it, in words.
        source: where its facts are from.
    """

    project: str = NAME
    extra: NormalizedName | None = None
    also: tuple[NormalizedName, ...] = ()
    shows: tuple[NormalizedName, ...] = ()
    versions: SpecifierSet = field(default_factory=SpecifierSet)
    marker: Marker | None = None
    index: str = ""
    page: str = ""
    local: tuple[LocalBuild, ...] = ()
    only_by_name: bool = False
    runs_anywhere: bool = False
    needs: str = ""
    source: str = ""

    def project_of(self, identity: str) -> NormalizedName:
        """The distribution that it is for one package of the family."""
        return canonicalize_name(self.project.replace(NAME, identity))

    def requirement(self, identity: str) -> str:
        """What pip takes it by: ``cupy-cuda12x``, ``jax[cuda12]``."""
        return self.project_of(identity) + (f"[{self.extra}]" if self.extra is not None else "")

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those of what some wheel of it needs."""
        builds = (self.properties, *(build.properties for build in self.builds))
        return tuple(dict.fromkeys(name for properties in builds for name in properties))

    def has(self, version: Version) -> bool:
        """Whether a version counts."""
        return self.versions.contains(version, prereleases=True)

    def is_on(self, environment: Mapping[str, str]) -> bool:
        """Whether there is such a member for a platform; of an unknown one it is taken for granted."""
        return self.marker is None or not environment or self.marker.evaluate({**environment, "extra": ""})

    def build_of(self, version: Version) -> tuple[str, Properties] | None:
        """Of one wheel its label, and what its local version says; ``None``: it is not to be had.

        What the member itself needs (``properties_of``) comes on top of that.
        """
        if not self.local:
            return self.label, {}
        for each in self.local:
            if (said := each.read(version.local or "")) is not None:
                return _label_of(version.local or ""), said
        return None


def _label_of(local: str) -> str:
    """A local version as a label; PEP 825 allows ``0-9 a-z _ .``."""
    return _NOT_IN_LABELS.sub("_", local.lower()).strip("_.") or "local"


@dataclass(frozen=True)
class Family(BackendSource):
    """A family, as a source of kind ``backends`` is seen.

    Attributes:
        packages: its identities: what is imported, and what every member's name counts for.
        backends: its members, as ``Member`` values; the best of equals first.
        summary: what it is, in a line.
        together: whether all of its packages have to be of one member.
        fact_source: where it is said how it is published.
    """

    summary: str = ""
    together: bool = True
    fact_source: str = ""

    @property
    def members(self) -> Sequence[Member]:
        """Its members."""
        return [each for each in self.backends if isinstance(each, Member)]

    def names(self) -> dict[NormalizedName, NormalizedName]:
        """Every distribution that belongs to it -> the identity that it counts for."""
        found = {package: package for package in self.packages}
        for package in self.packages:
            for member in self.members:
                found.setdefault(member.project_of(package), package)
        return found

    def members_named(self, identity: NormalizedName, project: str) -> list[Member]:
        """The members that a distribution's name alone says; none of the identity's own name."""
        if project == identity:
            return []
        return [each for each in self.members if each.project_of(identity) == project]

    def member_of_extra(self, extra: str) -> Member | None:
        """The member that an extra stands for."""
        named = canonicalize_name(extra)
        return next((each for each in self.members if named == each.extra or named in each.also), None)

    def installed_member(
        self, project: NormalizedName, version: Version, there: Collection[str]
    ) -> Member | None:
        """Which member an installed distribution is; ``None`` where that cannot be told.

        Args:
            project: its own name.
            version: its version.
            there: the names of everything that is installed.
        """
        identity = self.names().get(project)
        if identity is None:
            return None
        known = [each for each in self.members if each.project_of(identity) == project and each.has(version)]
        for member in known:
            if member.extra is not None and any(name in there for name in member.shows):
                return member
        bare = (each for each in known if each.extra is None and each.build_of(version) is not None)
        return next(bare, None)

    def installed_label(
        self, project: NormalizedName, version: Version, there: Collection[str]
    ) -> str | None:
        """The label of an installed distribution; arguments as ``installed_member`` has them."""
        member = self.installed_member(project, version, there)
        build = member.build_of(version) if member is not None else None
        if member is None or build is None:
            return None
        return build[0] if member.extra is None else member.label

    def label_of(self, name: NormalizedName, version: Version) -> str | None:
        """The label of a distribution by its own name and version, as far as those say it."""
        return self.installed_label(name, version, ())

    def with_names(self, names: Iterable[str]) -> Family:
        """The family as it is: nothing of it is known by a rule."""
        return self

    def asked(self, ask: Ask, environment: Mapping[str, str]) -> tuple[Member, ...]:
        """The members whose pages are worth asking for on a machine: those that it can use."""
        usable = {each.label for each in self.best_first(ask, environment)}
        here = (each for each in self.members if each.is_on(environment))
        return tuple(each for each in here if each.local or each.label in usable)

    def best_first(self, ask: Ask, environment: Mapping[str, str]) -> list[Member]:
        """The members that a machine can use, best first, save those whose versions say what they are."""
        metadata = self._of_every_build(environment)
        labels = (key.rpartition(".")[0] for key in order_labels(metadata, ask(metadata)))
        by_label = {each.label: each for each in self.members}
        return [by_label[label] for label in dict.fromkeys(labels)]

    def _of_every_build(self, environment: Mapping[str, str]) -> VariantMetadata:
        return self.metadata_of(
            {
                f"{each.label}.{number}": (each, properties)
                for each in self.members
                if each.is_on(environment) and not each.local
                for number, properties in enumerate(each.may_be(environment))
            }
        )

    def metadata_of(self, builds: Mapping[str, tuple[Member, Properties]]) -> VariantMetadata:
        """The metadata of some builds: key -> (member, properties). Of equal ones the earlier is better."""
        places = {each.label: str(place) for place, each in enumerate(self.backends, start=1)}
        used = dict.fromkeys(
            name for _, properties in builds.values() for name in properties if name != ABI_DEPENDENCY
        )
        namespaces = (*self.namespaces, *(name for name in used if name not in self.namespaces))
        bare = sum(not properties for _, properties in builds.values())
        variants: dict[str, Properties] = {
            # The one that needs nothing comes last anyway, as the null variant does.
            key: {**properties, PRIORITY: {_ORDER: (places[member.label],)}} if properties or bare > 1 else {}
            for key, (member, properties) in builds.items()
        }
        return VariantMetadata(
            schema=PEP_850_SCHEMA,
            namespaces=(*namespaces, PRIORITY),
            providers={
                **{name: self._provider(name) for name in namespaces},
                PRIORITY: ProviderInfo(static_properties={_ORDER: tuple(places.values())}),
            },
            variants=variants,
        )
