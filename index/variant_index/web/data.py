"""All that a project's page chooses by, as JSON: what ``static/choice.js`` reads.

The rules that need more than comparing are applied here, by the very code that ``variantctl explain`` runs:
which tags fit which Python and why not, Requires-Python, which versions a request allows, which releases an
ABI dependency lists, which dependencies apply. Mappings are lists of pairs: their order counts, and a
property may be called ``__proto__``.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from variant_index.web.audience import Audience, Device
from variant_index.web.contents import Project, PublishedWheel, Release
from variant_index.web.dependencies import Dependencies, Dependency
from variant_index.web.places import Fit, Places, places_of
from variant_index.web.platforms import title_of
from variantctl.variants.abi import releases_built_for
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import Supported

#: What uv 0.13 answers itself: package, plugin API, namespace, and which of its features.
_UV_PROVIDERS: tuple[tuple[str, str, str, Literal[True] | tuple[str, ...]], ...] = (
    ("nvidia-variant-provider", "nvidia_variant_provider.plugin:NvidiaVariantPlugin", "nvidia", True),
    ("x86-64-variant-provider", "x86_64_variant_provider", "x86_64", ("level",)),
    ("aarch64-variant-provider", "aarch64_variant_provider", "aarch64", ("version",)),
)


def page_data(project: Project, audience: Audience) -> dict[str, Any]:
    """The data block of a project's page; see ``static/choice.js`` for what is made of it."""
    kinds: dict[Hashable, PublishedWheel] = {}
    for release in project.releases:
        for wheel in release.wheels:
            kinds.setdefault(_kind(wheel), wheel)
    places = places_of(project, tuple(kinds.values()), audience)
    numbers = {kind: number for number, kind in enumerate(kinds)}
    fits: dict[Fit, int] = {}
    needs: dict[Dependency, int] = {}
    dependencies = Dependencies(places.environments)
    sources: dict[str, int] = {}
    used = {
        namespace
        for release in project.releases
        if release.metadata is not None
        for namespace in release.metadata.used_namespaces
    }
    lists: dict[tuple[str, ...], int] = {}
    rows = [[fits.setdefault(fit, len(fits)) for fit in row] for row in places.fits]
    return {
        "name": project.name,
        "releases": [
            _release(release, numbers, dependencies, needs, sources, places) for release in project.releases
        ],
        "requests": requests(project.releases),
        "platforms": [
            {"id": _id(item.system, item.machine, item.libc), "title": title_of(item)}
            for item in places.platforms
        ],
        "pythons": list(places.pythons),
        "places": rows,
        "fits": [_fit(fit) for fit in fits],
        "needs": [_need(need) for need in needs],
        "devices": [*(_device(device, places, used, lists) for device in places.devices), _nothing(places)],
        "lists": [list(values) for values in lists],
        "sources": list(sources),
        "phrases": [[*feature, phrase] for feature, phrase in sorted(audience.phrases.items())],
    }


def requests(releases: Sequence[Release]) -> list[dict[str, Any]]:
    """What can be asked for: the project, or one version of it; and which releases are tried, in order.

    As ``explain`` has it: the newest first, but releases before pre-releases where no version is named
    (PEP 440); ``==1.0`` allows ``1.0+local`` too; what is pinned may be yanked (PEP 592). ``finals`` says how
    many of them come before any pre-release.
    """
    newest = sorted(range(len(releases)), key=lambda number: releases[number].version.is_prerelease)
    finals = sum(not release.version.is_prerelease for release in releases)
    asked: list[dict[str, Any]] = [{"specifier": "", "tries": newest, "finals": finals, "pinned": False}]
    for release in releases:
        specifier = SpecifierSet(f"=={release.version}")
        tries = [
            number
            for number, other in enumerate(releases)
            if specifier.contains(other.version, prereleases=True)
        ]
        asked.append({"specifier": str(specifier), "tries": tries, "finals": len(tries), "pinned": True})
    return asked


def _release(
    release: Release,
    numbers: Mapping[Hashable, int],
    dependencies: Dependencies,
    needs: dict[Dependency, int],
    sources: dict[str, int],
    places: Places,
) -> dict[str, Any]:
    metadata = release.metadata
    # By name, then the higher build tag first: what decides between wheels whose tags fit equally.
    by_name = sorted(release.wheels, key=lambda wheel: wheel.filename.filename)
    ties = sorted(by_name, key=lambda wheel: wheel.filename.build or (-1, ""), reverse=True)
    tie_of = {wheel.filename.filename: place for place, wheel in enumerate(ties)}
    used = metadata.used_namespaces if metadata else ()
    return {
        "version": str(release.version),
        "namespaces": [_namespace(name, metadata) for name in used] if metadata else [],
        "abi": _pairs(releases_built_for(metadata)) if metadata else [],
        "variants": _variants(metadata),
        # Numbers of platforms -> the same where the builds of these labels are other ones there.
        "elsewhere": [
            [places.platforms.index(platform), _variants(other)]
            for platform, other in release.elsewhere
            if platform in places.platforms
        ],
        "wheels": [
            {
                "filename": wheel.filename.filename,
                "label": wheel.filename.label,
                "link": wheel.link,
                "size": wheel.size,
                "yanked": wheel.yanked,
                "requiresPython": wheel.requires_python,
                "kind": numbers[_kind(wheel)],
                "tie": tie_of[wheel.filename.filename],
                "needs": [
                    needs.setdefault(need, len(needs))
                    for need in dependencies.of(wheel.requires, wheel.filename.label, metadata)
                ],
                "variantMarkers": any("variant_" in text for text in wheel.requires),
                "source": sources.setdefault(wheel.index, len(sources)) if wheel.index else None,
                "version": wheel.version,
                "distribution": wheel.distribution,
                "described": wheel.is_described,
            }
            for wheel in release.wheels
        ],
    }


def _variants(metadata: VariantMetadata | None) -> list[list[Any]]:
    return [
        [label, [[namespace, _pairs(features)] for namespace, features in properties.items()]]
        for label, properties in (metadata.variants.items() if metadata else ())
    ]


def _namespace(name: str, metadata: VariantMetadata) -> dict[str, Any]:
    """Who answers for a namespace (PEP 850, "Provider"): the metadata's own list, or the machine."""
    provider = metadata.providers.get(name, ProviderInfo())
    static = provider.static_properties
    features = None if static is None else [[name, list(static[name])] for name in provider.feature_order]
    return {
        "name": name,
        "optional": provider.optional,
        "static": features,
        "uv": _known_to_uv(name, provider),
    }


def _known_to_uv(namespace: str, provider: ProviderInfo) -> Literal[True] | list[str]:
    """``True`` if uv asks a provider; else the features that it asks for (design, section 4: observed)."""
    if provider.static_properties is not None:
        return True
    packages = [canonicalize_name(Requirement(text).name) for text in provider.requires]
    api = provider.effective_plugin_api
    return next(
        (
            features if features is True else list(features)
            for package, plugin_api, own, features in _UV_PROVIDERS
            if own == namespace and package in packages and api == plugin_api
        ),
        [],
    )


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "ranks": list(fit.ranks),
        "reasons": list(fit.reasons),
        "accepted": list(fit.accepted),
        "python": fit.python,
    }


def _need(need: Dependency) -> dict[str, Any]:
    cases = ["".join(str(int(holds)) for holds in row) for row in need.holds]
    return {
        "text": need.text,
        "asks": [[item.namespace, item.feature, item.value] for item in need.asks],
        "holds": cases[0] if len(set(cases)) == 1 else cases,
    }


def _nothing(places: Places) -> dict[str, Any]:
    """A machine that offers nothing, of which only the platform is known."""
    grounds = [places.ground_of(None, platform) for platform in places.platforms]
    return {
        "name": "",
        "title": "None of these",
        "description": "A machine whose accelerators and processor extensions are not counted on",
        "group": "CPU only",
        "grounds": grounds,
        "home": None,
        "supported": [],
        "driver": "",
        "drivers": [],
    }


def _device(
    device: Device, places: Places, used: Collection[str], lists: dict[tuple[str, ...], int]
) -> dict[str, Any]:
    """``supported`` has numbers of *lists*: devices and drivers have most of their lists in common."""

    def numbered(supported: Supported) -> list[list[Any]]:
        return [
            [
                namespace,
                [[name, lists.setdefault(tuple(values), len(lists))] for name, values in features.items()],
            ]
            for namespace, features in supported.items()
            if namespace in used
        ]

    drivers = [[driver.version, numbered(driver.supported)] for driver in device.drivers]
    return {
        "name": device.name,
        "title": device.title,
        "description": device.description,
        "group": device.group,
        "grounds": [places.ground_of(device, platform) for platform in places.platforms],
        "home": places.home_of(device),
        "supported": numbered(device.supported),
        "driver": device.driver,
        "drivers": drivers if any(supported for _, supported in drivers) else [],
    }


def _pairs(features: Mapping[str, Sequence[str]]) -> list[list[Any]]:
    return [[feature, list(values)] for feature, values in features.items()]


def _kind(wheel: PublishedWheel) -> Hashable:
    """All of a wheel that decides where it fits."""
    return (wheel.filename.tags, wheel.requires_python)


def _id(*words: str) -> str:
    return "-".join(word.split()[0].lower() for word in words if word)
