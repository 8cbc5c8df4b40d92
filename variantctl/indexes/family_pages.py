"""The pages of a family's members, joined: their wheels are variants of one project, the identity."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Lock

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.source import Ask
from variantctl.families.family import NAME, Family, Member
from variantctl.families.registry import NO_WISHES, MemberWishes
from variantctl.indexes.project_files import BackendBuild, ProjectFiles, WheelLink
from variantctl.net.errors import NetworkError, OfflineError
from variantctl.net.redaction import redact
from variantctl.values import replace
from variantctl.variants.accelerators import accelerators_of
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Properties, Supported

_PARALLEL = 8


PageOf = Callable[[NormalizedName, Member, "bool | None"], "ProjectFiles | None"]
"""The page of a member's own project, in the sources that are asked, or in a place of its own."""


class FamilyIndex:
    """One family, as one machine sees it, or as nobody's machine does.

    Attributes:
        source: the family.
    """

    def __init__(
        self, family: Family, page_of: PageOf, warn: Callable[[str], None], *, elsewhere: bool = True
    ) -> None:
        self.source = family
        self._elsewhere = elsewhere
        self._environment: Mapping[str, str] = {}
        self._ask: Ask | None = None
        self._wishes = NO_WISHES
        self._page_of = page_of
        self._warn = warn
        self._usable: frozenset[str] | None = None
        self._offered: Supported | None = None
        self._lock = Lock()

    def for_machine(
        self,
        ask: Ask,
        environment: Mapping[str, str],
        page_of: PageOf,
        wishes: MemberWishes = NO_WISHES,
    ) -> FamilyIndex:
        """The same family as one machine sees it: only members that it can use are asked for.

        Args:
            ask: what the machine offers, asked when the first page is.
            environment: the markers of the platform that is installed for.
            page_of: the pages as that machine sees them.
            wishes: what is asked for in any case.
        """
        seen = copy(self)
        seen._wishes = wishes
        seen._ask, seen._environment, seen._page_of = ask, environment, page_of
        seen._usable = seen._offered = None
        seen._lock = Lock()
        return seen

    @property
    def whole(self) -> Family:
        """The family: nothing of it has to be found out."""
        return self.source

    def view(self) -> str:
        """What tells the files of a project for one machine from those for another; asks for no page."""
        if self._ask is None:
            return f"{self.source.name} every machine"
        with self._lock:
            if self._offered is None:
                metadata = self.source.every_build(self._environment)
                offered = self._ask(metadata)
                self._offered = {name: offered[name] for name in accelerators_of(offered, metadata)}
        offered = {name: dict(features) for name, features in self._offered.items()}
        told = [self.source.name, offered, sorted(self._environment.items()), self._wishes.view]
        return json.dumps(told, default=list)

    def project(self, identity: NormalizedName, *, refresh: bool | None = None) -> ProjectFiles | None:
        """The wheels of every member that the machine can use, as variants; ``None`` where there are none.

        A machine that can use none of the members is shown all of them, so that it can be told why not.
        Where the publisher has real variants under the identity's own name, those count, and the family
        steps aside.
        """
        members = self._members(identity)
        # The page of the identity itself shows whether it has variants of its own.
        here = [each for each in self._known() if not (each.index or each.page)]
        own_page = [each for each in here if each.project == NAME][:1]
        found = self._pages(identity, [*own_page, *members], refresh)
        own = found.get(identity)
        if own is not None and any(link.wheel.label is not None for link in own.wheels):
            return own
        joined = self._joined(identity, members, found)
        if joined is not None and any(link.backend is not None for link in joined.wheels):
            return joined
        shown = {each.label for each in members}
        others = [each for each in self._known() if each.label not in shown]
        more = self._joined(identity, others, self._pages(identity, others, refresh))
        if more is not None and more.wheels:
            return more
        # Nothing of the family is to be had: what there is under the package's own name may be source code.
        return joined or more or self._plain(identity, refresh)

    def _plain(self, identity: NormalizedName, refresh: bool | None) -> ProjectFiles | None:
        """The page of the package's own name, where everything else comes from."""
        return self._page_of(identity, replace(self.source.members[0], index="", page=""), refresh)

    def _members(self, identity: NormalizedName) -> tuple[Member, ...]:
        """Those that the machine can use, and those that somebody wants whatever it can use."""
        here = tuple(each for each in self._known() if each.is_on(self._environment))
        if self._ask is None or self._wishes.everything:
            return here
        if self._usable is None:
            asked = self.source.asked(self._ask, self._environment)
            self._usable = frozenset(each.label for each in asked if not each.only_by_name)
        wanted = self._usable | self._wishes.labels.get(identity, frozenset())
        return tuple(each for each in here if each.label in wanted)

    def _known(self) -> list[Member]:
        """Those that may be asked for."""
        return [each for each in self.source.members if self._elsewhere or not (each.index or each.page)]

    def _pages(
        self, identity: NormalizedName, members: Sequence[Member], refresh: bool | None
    ) -> dict[str, ProjectFiles]:
        """Page key -> the files there; a project that several members share is asked for once."""
        wanted: dict[str, Member] = {}
        for member in members:
            wanted.setdefault(_key(identity, member), member)
        if not wanted:
            return {}

        def page(member: Member) -> ProjectFiles | None:
            try:
                return self._page_of(member.project_of(identity), member, refresh)
            except OfflineError:
                return None
            except NetworkError as error:
                if not (member.index or member.page):
                    raise
                where = member.index or member.page
                self._warn(
                    f"{identity}: the builds for {member.label} cannot be had ({redact(where)}: "
                    f"{error.message}), so they are left out (--no-families does without families)"
                )
                return None

        with ThreadPoolExecutor(_PARALLEL) as pool:
            pages = pool.map(page, wanted.values())
            return {key: files for key, files in zip(wanted, pages, strict=True) if files is not None}

    def _joined(
        self, identity: NormalizedName, members: Sequence[Member], found: Mapping[str, ProjectFiles]
    ) -> ProjectFiles | None:
        wheels: list[WheelLink] = []
        skipped: list[tuple[str, str]] = []
        sources: dict[str, None] = {}
        own = found.get(identity)
        for member in members:
            files = found.get(_key(identity, member))
            if files is None:
                continue
            sources[files.source] = None
            skipped += files.skipped
            for link in files.wheels:
                build = member.build_of(link.version)
                if link.wheel.label is not None or build is None or not member.has(link.version):
                    continue
                label, _ = build
                version = link.wheel.version
                public = Version(version.public) if member.local else version
                wheel = replace(link.wheel, name=identity, version=public, label=label)
                backend = BackendBuild(
                    self.source.name,
                    version,
                    link.wheel.name,
                    member.label,
                    member.extra,
                    self.source.together,
                )
                wheels.append(replace(link, wheel=wheel, backend=backend))
        if own is not None:
            # What no member claims stays what it is.
            claimed = {link.file.url for link in wheels}
            wheels += [
                link for link in own.wheels if link.file.url not in claimed and self._is_no_member(link)
            ]
            sources.setdefault(own.source)
        if not sources:
            return None
        return ProjectFiles(
            identity,
            ", ".join(sources),
            tuple(wheels),
            tuple(own.sdists) if own is not None else (),
            skipped=tuple(dict.fromkeys(skipped)),
        )

    def _is_no_member(self, link: WheelLink) -> bool:
        """Whether a wheel of the identity's own project is none that a member describes."""
        if link.wheel.label is not None:
            return False
        return not any(
            member.project == NAME and member.has(link.version) and member.build_of(link.version) is not None
            for member in self.source.members
        )

    def metadata(self, name: NormalizedName, version: Version, links: Sequence[WheelLink]) -> VariantMetadata:
        """What says of each label that *links* have what its wheels were built for."""
        by_label = {member.label: member for member in self.source.members}
        builds: dict[str, tuple[Member, Properties]] = {}
        for link in links:
            label, backend = link.wheel.label, link.backend
            if label is None or backend is None or label in builds or backend.member not in by_label:
                continue
            member = by_label[backend.member]
            said = member.build_of(backend.version)
            own = member.properties_of(name, version, self._environment)
            builds[label] = (member, joined_properties(own, said[1] if said is not None else {}))
        return self.source.metadata_of(builds)


def joined_properties(own: Properties, said: Properties) -> Properties:
    """What a member needs, with what a wheel's own version says in place of it."""
    joined = {namespace: dict(features) for namespace, features in own.items()}
    for namespace, features in said.items():
        joined.setdefault(namespace, {}).update(features)
    return joined


def _key(identity: str, member: Member) -> str:
    """What a page is known by: the project's name where it comes from where everything does."""
    place = member.index or member.page
    return f"{place} {member.project_of(identity)}" if place else member.project_of(identity)
