"""A small world of real wheels in a folder, with an index page for each project, and plans made from it."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.explain.wheels import Explanation, explain
from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile
from variantctl.requirements.requirement import COMMAND_LINE, UserRequirement, parse_user_requirement
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.plan import Plan
from variantctl.resolve.resolver import MAX_ROUNDS, Request, resolve
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import VariantPreferences
from variantctl.target.installed import InstalledPackage, packages_in
from variantctl.target.platforms import Platform, platform_environment
from variantctl.variants import load_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.build import build_wheel

SCHEMA = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
PLATFORM = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.11")


def variant_metadata(
    namespaces: Sequence[str], variants: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]
) -> VariantMetadata:
    """Metadata of the v0.1.1 format."""
    return load_metadata(
        {"$schema": SCHEMA, "default-priorities": {"namespace": list(namespaces)}, "variants": dict(variants)}
    )


def machine(**properties: Mapping[str, Sequence[str]]) -> Machine:
    """A machine that supports exactly these namespaces."""
    listed = {
        namespace: {feature: tuple(values) for feature, values in features.items()}
        for namespace, features in properties.items()
    }
    return Machine(Profile("test", properties=listed))


@dataclass
class World:
    """Wheels in ``root/wheels``, pages in ``root/simple``, an environment's packages in ``root/site``."""

    root: Path
    machine: Machine = field(default_factory=machine)
    platform: Platform = PLATFORM
    families: Families = NO_FAMILIES
    _links: dict[str, list[tuple[str, dict[str, str]]]] = field(default_factory=dict)

    @property
    def wheels(self) -> Path:
        """The folder of wheels."""
        return self.root / "wheels"

    def add(
        self,
        name: str,
        version: str = "1.0",
        requires: Sequence[str] = (),
        *,
        yanked: str | None = None,
        page_requires_python: str | None = None,
        hashes: bool = True,
        **wheel: Any,
    ) -> Path:
        """Build a wheel and list it."""
        path = build_wheel(self.wheels, name=name, version=version, requires=requires, **wheel)
        attributes = {}
        if yanked is not None:
            attributes["data-yanked"] = yanked
        if page_requires_python is not None:
            attributes["data-requires-python"] = page_requires_python
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if hashes else ""
        self.list(name, path.name + (f"#sha256={digest}" if digest else ""), attributes)
        return path

    def list(self, name: str, reference: str, attributes: Mapping[str, str] | None = None) -> None:
        """List a file, which need not exist."""
        self._links.setdefault(canonicalize_name(name), []).append((reference, dict(attributes or {})))

    def variants(
        self, name: str, version: str, metadata: VariantMetadata, requires: Sequence[str] = (), **wheel: Any
    ) -> None:
        """One wheel for each label of the metadata."""
        for label in metadata.variants:
            self.add(name, version, requires, label=label, metadata=metadata, **wheel)

    def package_finder(self) -> PackageFinder:
        """The index as its pages are now."""
        for name, links in self._links.items():
            page = self.root / "simple" / name / "index.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            anchors = (
                '<a href="{}"{}>{}</a>'.format(
                    f"../../wheels/{reference}",
                    "".join(f' {key}="{html.escape(value)}"' for key, value in attributes.items()),
                    reference.partition("#")[0],
                )
                for reference, attributes in links
            )
            page.write_text("<!DOCTYPE html><html><body>\n" + "\n".join(anchors) + "\n</body></html>\n")
        (self.root / "simple").mkdir(parents=True, exist_ok=True)
        settings = IndexSettings(index_url=(self.root / "simple").as_uri() + "/", families=self.families)
        return PackageFinder(settings, cache=Cache(self.root / "cache"))

    def install(
        self, name: str, version: str, requires: Sequence[str] = (), **wheel: Any
    ) -> InstalledPackage:
        """Unpack a wheel that the index need not have into the environment."""
        import zipfile

        path = build_wheel(self.root / "elsewhere", name=name, version=version, requires=requires, **wheel)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(self.root / "site")
        return self.installed()[canonicalize_name(name)]

    def installed(self) -> dict[NormalizedName, InstalledPackage]:
        """What the environment has."""
        return packages_in([self.root / "site"])

    def plan(
        self,
        *requirements: str | UserRequirement,
        constraints: Sequence[str | UserRequirement] = (),
        preferences: VariantPreferences | None = None,
        upgrade: bool = False,
        eager: bool = False,
        upgraded: Sequence[str] = (),
        max_rounds: int = MAX_ROUNDS,
        **options: Any,
    ) -> Plan:
        """What an install would do."""
        request = Request(
            requirements=tuple(_parsed(text) for text in requirements),
            constraints=tuple(_parsed(text, origin="limits.txt:1") for text in constraints),
            preferences=preferences or VariantPreferences(),
            options=SearchOptions(upgrade=frozenset(map(canonicalize_name, upgraded)), **options),
            upgrade_requested=upgrade,
            upgrade_eagerly=eager,
        )
        with self.package_finder() as package_finder:
            return resolve(
                request,
                package_finder=package_finder,
                machine=self.machine,
                platform=self.platform,
                installed=self.installed(),
                who="the test machine",
                max_rounds=max_rounds,
            )

    def versions(self, *requirements: str | UserRequirement, **options: Any) -> dict[str, str]:
        """Name -> version of what would be installed."""
        return {planned.name: str(planned.version) for planned in self.plan(*requirements, **options).install}

    def labels(self, *requirements: str | UserRequirement, **options: Any) -> dict[str, str | None]:
        """Name -> label of what would be installed."""
        return {planned.name: planned.label for planned in self.plan(*requirements, **options).install}

    def explain(self, requirement: str, **options: Any) -> Explanation:
        """Every wheel of the version that would be taken."""
        with self.package_finder() as package_finder:
            return explain(
                _parsed(requirement),
                package_finder=package_finder,
                machine=self.machine,
                platform=self.platform,
                who="the test machine",
                **options,
            )


def interpreter(platform: Platform = PLATFORM) -> Interpreter:
    """What wheels must fit."""
    return Interpreter(platform.tags, platform.markers)


def _parsed(requirement: str | UserRequirement, origin: str = COMMAND_LINE) -> UserRequirement:
    if isinstance(requirement, UserRequirement):
        return requirement
    return parse_user_requirement(requirement, origin=origin)
