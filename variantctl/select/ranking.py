"""The choice among the wheels of one version: which fit, which is best, and why not the others.

Pure. The order is PEP 825's ("Variant ordering"): variants by their properties, the null variant after them,
non-variant wheels last; within a label by platform compatibility tag, then by the higher build tag. Where
wheels of several versions are listed as one (``2.10.0+cu128``), the newer is first within a label (PEP 440).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.backends.source import PRIORITY
from variantctl.indexes.project_files import WheelLink
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import NON_VARIANT, VariantPreferences
from variantctl.select.reasons import Reason, property_reasons
from variantctl.values import dataclass, field, replace
from variantctl.variants.abi import releases_built_for
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.markers import MarkerVariant, narrow
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.ordering import Unsupported, explain_label, order_labels
from variantctl.variants.properties import ABI_DEPENDENCY, Properties, Supported, VariantProperty

Verdict = Literal["selected", "compatible", "incompatible", "excluded"]


@dataclass(frozen=True)
class SelectionContext:
    """Everything a wheel of one project is judged by.

    Attributes:
        interpreter: what the tags and Requires-Python must fit.
        preferences: what the user said about variants.
        label: the only label allowed (``""``: the non-variant wheel), or ``None``.
        metadata: the combined variant metadata of the version, or ``None`` where it has no variants.
        supported: what the machine offers for that metadata's namespaces.
        hashes: algorithm -> allowed digests; empty where any file will do.
        allow_yanked: whether yanked files may be taken (PEP 592: only where ``==`` or ``===`` asks).
        who: ``this machine`` or ``profile h100``, for reasons.
        installed: package -> version of what is installed: builds for these go before builds for others.
        versions: those that are asked for, where wheels of several are listed as one (``2.10.0+cu128``);
            ``None``: all.
        unreadable: why the metadata could not be read, where that is so.
        wished: the only labels allowed, because they were asked for by name; ``None``: any.
        reserved: labels that are only taken where they are asked for by name, and are not.
        each_alone: what the machine offers with each of its accelerators alone, where a wheel must fit all.
    """

    interpreter: Interpreter
    preferences: VariantPreferences = field(default_factory=VariantPreferences)
    label: str | None = None
    metadata: VariantMetadata | None = None
    supported: Supported = field(default_factory=dict)
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    allow_yanked: bool = False
    who: str = "this machine"
    installed: Mapping[NormalizedName, Version] = field(default_factory=dict)
    versions: Collection[Version] | None = None
    each_alone: tuple[Supported, ...] = ()
    unreadable: str | None = None
    wished: frozenset[str] | None = None
    reserved: frozenset[str] = frozenset()

    @cached_property
    def allowed(self) -> Supported:
        """What counts as supported when choosing: what is offered and not excluded, and every ABI."""
        return _with_abi(self, self.preferences.allowed(self.supported))

    @cached_property
    def offered(self) -> Supported:
        """What the machine offers, whatever the user excludes, and every ABI."""
        return _with_abi(self, self.supported)


@dataclass(frozen=True)
class RankedWheel:
    """A wheel that can be taken.

    Attributes:
        link: the wheel.
        rank: 1 for the best of its version.
        variant: what its dependencies' variant markers see.
        properties: its own properties; empty for a null variant and a non-variant wheel.
        best: the best supported value of each of its features, in the order in which they were compared.
    """

    link: WheelLink
    rank: int
    variant: MarkerVariant
    properties: Properties
    best: tuple[VariantProperty, ...] = ()

    @property
    def label(self) -> str | None:
        """The variant label; ``None`` for a non-variant wheel."""
        return self.link.wheel.label


@dataclass(frozen=True)
class EvaluatedWheel:
    """A wheel and what became of it; ``rank`` is ``None`` unless it can be taken."""

    link: WheelLink
    verdict: Verdict
    rank: int | None
    reasons: tuple[Reason, ...]
    properties: Properties
    best: tuple[VariantProperty, ...] = ()


def fits_interpreter(link: WheelLink, interpreter: Interpreter) -> bool:
    """Whether tags and Requires-Python let a wheel in; no variant metadata is needed to know."""
    return interpreter.rank(link.wheel) is not None and interpreter.accepts_python(link.file.requires_python)


def rank_wheels(wheels: Iterable[WheelLink], terms: SelectionContext) -> list[RankedWheel]:
    """The wheels that can be taken, best first."""
    left = [
        link for link in wheels if fits_interpreter(link, terms.interpreter) and not _ruled_out(link, terms)
    ]
    places = {label: place for place, label in enumerate(_labels(left, terms))}
    left = [link for link in left if link.wheel.label is None or link.wheel.label in places]
    ranks = terms.interpreter.ranks

    def place(link: WheelLink) -> int:
        label = link.wheel.label
        return len(places) if label is None else places[label]

    def tag_place(link: WheelLink) -> int:
        return min(ranks[tag] for tag in link.wheel.tags if tag in ranks)

    # Sorts are stable: by name, then the higher build tag first, then what decides.
    left.sort(key=lambda link: link.wheel.filename)
    left.sort(key=lambda link: link.wheel.build or (-1, ""), reverse=True)
    left.sort(key=tag_place)
    left.sort(key=lambda link: link.version, reverse=True)
    left.sort(key=place)
    return [_ranked(link, rank, terms) for rank, link in enumerate(left, start=1)]


def best_of_each_build(ranked: Sequence[RankedWheel]) -> list[RankedWheel]:
    """The first wheel of each label and version: the others differ in tags only, so one of them is enough."""
    firsts: dict[tuple[str | None, Version], RankedWheel] = {}
    for wheel in ranked:
        firsts.setdefault((wheel.label, wheel.link.version), wheel)
    return list(firsts.values())


def evaluate_wheels(wheels: Iterable[WheelLink], terms: SelectionContext) -> list[EvaluatedWheel]:
    """Every wheel with its verdict: what can be taken best first, then the rest, the nearest first."""
    wheels = list(wheels)
    ranked = {id(wheel.link): wheel for wheel in rank_wheels(wheels, terms)}
    judged = [
        EvaluatedWheel(
            wheel.link,
            "selected" if wheel.rank == 1 else "compatible",
            wheel.rank,
            (),
            wheel.properties,
            wheel.best,
        )
        for wheel in ranked.values()
    ]
    rest = [link for link in wheels if id(link) not in ranked]
    return judged + sorted((_refused(link, terms) for link in rest), key=_nearness)


def _nearness(wheel: EvaluatedWheel) -> int:
    """What the user ruled out first, then what the machine lacks, then what is for others altogether."""
    if wheel.verdict == "excluded":
        return 0
    return 2 if any(reason.kind in ("tags", "requires-python") for reason in wheel.reasons) else 1


def marker_variant(label: str | None, terms: SelectionContext) -> MarkerVariant:
    """What the variant markers of a wheel's dependencies see: its supported properties only."""
    if label is None or terms.metadata is None:
        return MarkerVariant(label or "")
    return narrow(terms.metadata, label, terms.allowed)


def abi_dependencies(properties: Properties) -> Mapping[str, tuple[str, ...]]:
    """Package -> release prefixes of which one must be matched as ``=={prefix}.*`` (PEP 850)."""
    return properties.get(ABI_DEPENDENCY, {})


def _ranked(link: WheelLink, rank: int, terms: SelectionContext) -> RankedWheel:
    label = link.wheel.label
    properties = _properties(label, terms)
    return RankedWheel(link, rank, marker_variant(label, terms), properties, tuple(_best(properties, terms)))


def _best(properties: Properties, terms: SelectionContext) -> Iterator[VariantProperty]:
    """The best supported value of each feature; namespaces and features in their order of priority.

    ``PRIORITY`` is none of them: it only says which of two that fit equally well goes first.
    """
    if not properties or terms.metadata is None:
        return
    supported = terms.allowed
    for namespace in terms.metadata.used_namespaces:
        if namespace == PRIORITY:
            continue
        for feature, values in supported.get(namespace, {}).items():
            wanted = set(properties.get(namespace, {}).get(feature, ()))
            best = next((value for value in values if value in wanted), None) if wanted else None
            if best is not None:
                yield VariantProperty(namespace, feature, best)


def _ruled_out(link: WheelLink, terms: SelectionContext) -> Reason | None:
    """What the user or the index has against a wheel that may fit."""
    label = link.wheel.label
    if link.file.yanked and not terms.allow_yanked:
        why = (
            link.file.yanked if isinstance(link.file.yanked, str) and link.file.yanked else "no reason given"
        )
        return Reason("yanked", f"was yanked: {why}; only == with this version takes it")
    if terms.versions is not None and link.version not in terms.versions:
        return Reason("version", f"is {link.version}, which was not asked for")
    if terms.preferences.no_variants and label is not None:
        return Reason("no-variants", "is a variant, and --no-variants was given")
    if terms.label is not None and (label or NON_VARIANT) != terms.label:
        wanted = f"'{terms.label}'" if terms.label else "the non-variant wheel"
        return Reason("other-label", f"is not {wanted}, which --variant asks for")
    if terms.label is None and terms.wished is not None and label not in terms.wished:
        return Reason(
            "other-label", f"is not {' or '.join(sorted(terms.wished))}, which is asked for by name"
        )
    if label in terms.reserved:
        own = link.own_name.name
        named = own if own != link.wheel.name else f"{own}[{label}]"
        return Reason("by-name", f"is only taken where it is asked for by name ({named})")
    if _hash_mismatch(link, terms.hashes):
        return Reason("hash", "has a hash that is none of those given for it")
    return None


def _hash_mismatch(link: WheelLink, allowed: Mapping[str, frozenset[str]]) -> bool:
    """Whether a known digest contradicts the allowed ones; an unknown one is checked after the download."""
    common = [algorithm for algorithm in allowed if algorithm in link.file.hashes]
    return bool(common) and not any(link.file.hashes[name].lower() in allowed[name] for name in common)


def _labels(wheels: Iterable[WheelLink], terms: SelectionContext) -> list[str]:
    """The compatible labels that occur among ``wheels``, best first."""
    present = {link.wheel.label for link in wheels} - {None}
    if not present or terms.metadata is None:
        return []
    metadata = terms.metadata
    supported = terms.allowed
    listed = {label: metadata.variants[label] for label in metadata.variants if label in present}
    ordered = order_labels(replace(metadata, variants=listed), supported)
    ordered = [label for label in ordered if not any(_lacking_alone(metadata, label, terms))]
    if NULL_LABEL in present and NULL_LABEL not in ordered:
        ordered.append(NULL_LABEL)  # always zero properties, listed or not (PEP 825, "Variant label")
    prefer = terms.preferences.prefer
    if prefer:
        kept = {label: _supported_part(listed.get(label, {}), supported) for label in ordered}
        ordered.sort(key=lambda label: [not pattern.matches_any(kept[label]) for pattern in prefer])
    return ordered


def _lacking_alone(
    metadata: VariantMetadata, label: str, terms: SelectionContext
) -> Iterator[tuple[list[Unsupported], Supported]]:
    """What a label lacks of each accelerator that it does not run on, and what that one offers."""
    for alone in terms.each_alone:
        offered = _with_abi(terms, terms.preferences.allowed(alone))
        if missing := explain_label(metadata, label, offered):
            yield missing, offered


def _supported_part(properties: Properties, supported: Supported) -> Properties:
    return {
        namespace: {
            feature: tuple(
                value for value in values if value in supported.get(namespace, {}).get(feature, ())
            )
            for feature, values in features.items()
        }
        for namespace, features in properties.items()
    }


def _with_abi(terms: SelectionContext, supported: Supported) -> Supported:
    """Let every ``abi_dependency`` be supported: that of what is installed first, then the newest release.

    Whether the package it names can have that release is for the resolution to find out: it becomes a
    requirement of the wheel.
    """
    built_for = releases_built_for(terms.metadata) if terms.metadata else {}
    if not built_for:
        return supported
    releases = {}
    for package, newest_first in built_for.items():
        there = terms.installed.get(canonicalize_name(package))
        releases[package] = sorted(newest_first, key=lambda prefix: not _is_of(there, prefix))
    return {**supported, ABI_DEPENDENCY: releases}


def _is_of(version: Version | None, prefix: str) -> bool:
    try:
        return version is not None and SpecifierSet(f"=={prefix}.*").contains(version, prereleases=True)
    except ValueError:
        return False


def _properties(label: str | None, terms: SelectionContext) -> Properties:
    if label is None or terms.metadata is None:
        return {}
    return terms.metadata.variants.get(label, {})


def _refused(link: WheelLink, terms: SelectionContext) -> EvaluatedWheel:
    """The verdict on a wheel that cannot be taken, with every reason that can be named."""
    label = link.wheel.label
    reasons: list[Reason] = []
    if terms.interpreter.rank(link.wheel) is None:
        reasons.append(Reason("tags", terms.interpreter.why_not(link.wheel)))
    if not terms.interpreter.accepts_python(link.file.requires_python):
        python = terms.interpreter.python
        reasons.append(
            Reason("requires-python", f"needs Python {link.file.requires_python}, but this is {python}")
        )
    reasons.extend(_variant_reasons(label, terms))
    verdict: Verdict = "incompatible" if reasons else "excluded"
    if ruled_out := _ruled_out(link, terms):
        reasons.append(ruled_out)
    if not reasons:
        reasons.append(Reason("excluded", _exclusion(label, terms)))
    return EvaluatedWheel(link, verdict, None, tuple(reasons), _properties(label, terms))


def _variant_reasons(label: str | None, terms: SelectionContext) -> list[Reason]:
    """Why a label is not compatible with the machine; empty if it is, whatever the user prefers."""
    if label is None:
        return []
    if terms.metadata is None:
        if terms.unreadable is not None:
            return [
                Reason("no-variant-metadata", f"has variant metadata that cannot be read: {terms.unreadable}")
            ]
        return [Reason("no-variant-metadata", f"no variant metadata says what '{label}' needs")]
    if terms.metadata.properties_of(label) is None:
        return [Reason("unknown-label", f"the variant metadata does not list the label '{label}'")]
    missing = explain_label(terms.metadata, label, terms.offered)
    if missing:
        return property_reasons(missing, terms.offered, terms.who)
    for lacking, offered in _lacking_alone(terms.metadata, label, terms):
        return property_reasons(lacking, offered, f"another accelerator of {terms.who}")
    return []


def _exclusion(label: str | None, terms: SelectionContext) -> str:
    if terms.metadata is None or label is None:
        return "was excluded"
    missing = explain_label(terms.metadata, label, terms.allowed)
    features = ", ".join(f"{item.namespace} :: {item.feature}" for item in missing)
    return f"--exclude leaves it no value of {features}"
