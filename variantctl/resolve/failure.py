"""Why there is no solution, told so that a person can act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.config.uploads import EXCLUDE_NEWER
from variantctl.indexes.errors import ProjectNotFound
from variantctl.resolve.builds_for_others import builds_for_others, what_would_open
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
from variantctl.resolve.incompatibility import Required
from variantctl.resolve.needs import (
    BackendRequirement,
    ImpossibleRequirement,
    Need,
    ProjectRequirement,
)
from variantctl.resolve.passed_over import has_what_is_wished
from variantctl.resolve.proof import Proof
from variantctl.select.preferences import NON_VARIANT
from variantctl.select.ranking import EvaluatedWheel
from variantctl.variants.errors import VariantctlError
from variantctl.variants.suggestions import did_you_mean

_MOST_VERSIONS = 8
_MOST_REASONS = 4
_MOST_CAUSES = 12


def failure(
    proof: Proof,
    candidate_finder: CandidateFinder,
    constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
    asked: Sequence[Need] = (),
) -> VariantctlError:
    """The error for a search that proved that there is nothing.

    A single requirement that cannot be had is told as such (``NoCandidateError``, ``ProjectNotFound``);
    anything else as the chains of requirements that contradict each other, or where those are many as the
    derivation, step by step (``UnsatisfiableError``).

    Args:
        proof: what the search found out.
        candidate_finder: what can be had.
        constraints: what limits a project without asking for it.
        asked: what the user names: all of it that has only source code is told at once.
    """
    causes = proof.at_odds
    errors = [cause.need.error for cause in causes if isinstance(cause.need, ImpossibleRequirement)]
    if causes and len(errors) == len(causes) and errors[0] is not None:
        return errors[0]
    for name in dict.fromkeys(cause.need.name for cause in causes):
        mine = [cause for cause in causes if cause.need.name == name]
        if proof.is_simple and (
            error := _about(name, mine, proof, candidate_finder, constraints.get(name, ()))
        ):
            source_code = _only_source([name, *(need.name for need in asked)], candidate_finder)
            if name in source_code:
                error.hint = " ".join(filter(None, [error.hint, _build(source_code)]))
            return error
    lines = _lines(causes, proof, proof.limits) if proof.is_simple else _steps(proof)
    return UnsatisfiableError(
        "\n".join(["no set of wheels satisfies everything that was asked for:", *lines]),
        hint=_loosen(causes, proof, candidate_finder),
    )


def _about(
    name: NormalizedName,
    mine: Sequence[Required],
    proof: Proof,
    candidate_finder: CandidateFinder,
    limits: Sequence[ProjectRequirement],
) -> VariantctlError | None:
    """The error about a project of which nothing satisfies all needs; ``None`` where something does."""
    needs = [cause.need for cause in mine]
    if any(isinstance(need, (ImpossibleRequirement, BackendRequirement)) for need in needs):
        return None
    missing = missing_project(name, candidate_finder)
    if missing is not None and (builds := builds_for_others(name, [*needs, *limits], candidate_finder)):
        hint = " ".join(what_would_open(builds, candidate_finder))
        return NoCandidateError(builds.message(candidate_finder.who), hint=hint)
    reason = missing.message if missing else nothing_fits(name, [*needs, *limits], candidate_finder)
    if reason and len(mine) == 1 and mine[0].parent is None and not limits:
        return missing or NoCandidateError(reason, hint=_hint(name, needs, candidate_finder))
    if reason:
        return UnsatisfiableError(
            "\n".join([f"{reason}:", *_lines(mine, proof, limits)]),
            hint=_hint(name, [*needs, *limits], candidate_finder) or _loosen(mine, proof, candidate_finder),
        )
    return None


def _only_source(names: Iterable[NormalizedName], candidate_finder: CandidateFinder) -> list[NormalizedName]:
    """Those of which there is source code alone, which may not be built."""
    return [
        name
        for name in dict.fromkeys(names)
        if missing_project(name, candidate_finder) is None
        and candidate_finder.project(name).sdists
        and not candidate_finder.versions(name)
    ]


def _build(names: Sequence[NormalizedName]) -> str:
    have, them = ("have", "these") if len(names) > 1 else ("has", "it")
    return (
        f"{', '.join(names)} {have} source code only: `--build {','.join(names)}` builds {them} "
        "nevertheless, or leave --no-build and --only-binary out."
    )


def missing_project(name: NormalizedName, candidate_finder: CandidateFinder) -> ProjectNotFound | None:
    """The error of the sources, where none of them has a project."""
    try:
        candidate_finder.project(name)
    except ProjectNotFound as error:
        return error
    return None


def nothing_fits(
    name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder
) -> str | None:
    """Why no wheel of a project satisfies some needs; ``None`` where one does."""
    wanted = ", ".join(dict.fromkeys(str(need) for need in needs))
    versions = candidate_finder.versions(name)
    if not versions:
        return _no_wheels(name, candidate_finder)
    allowed = candidate_finder.allowed(name, needs)
    if not allowed:
        if (builds := builds_for_others(name, needs, candidate_finder)) is not None:
            return builds.message(candidate_finder.who)
        there = f"available wheels: {_versions(versions)}, at {candidate_finder.project(name).source}"
        return f"no version of {name} satisfies {wanted} ({there})"
    pinned = any(isinstance(need, ProjectRequirement) and need.pins for need in needs)
    for version in allowed:
        if candidate_finder.candidates(name, version, allow_yanked=pinned):
            return None
    return _no_wheel_fits(name, allowed, candidate_finder)


def _no_wheels(name: NormalizedName, candidate_finder: CandidateFinder) -> str:
    project = candidate_finder.project(name)
    if (warning := project.status.warning) is not None and not project.wheels:
        return f"{name} {warning}; {project.source} offers no wheels of it"
    if project.sdists:
        newest = project.sdists[-1].filename
        only = f"{name} has no wheels, only source distributions (such as {newest})"
        return f"{only}, which may not be built here"
    if project.skipped:
        filename, why = project.skipped[0]
        return f"{name} has no wheels that can be used; {filename}: {why}"
    return f"{name} has no files at {project.source}"


def _no_wheel_fits(
    name: NormalizedName, allowed: Sequence[Version], candidate_finder: CandidateFinder
) -> str:
    """The reasons of the newest version that is allowed: the nearest wheels first, then the most frequent."""
    if (member := _no_member_fits(name, allowed, candidate_finder)) is not None:
        return member
    version, judged = _that_count(name, allowed, candidate_finder)
    listed = _reasons(judged, candidate_finder)
    rest = [each for each in allowed if each != version]
    others = f" (nor of {_versions(rest)})" if rest else ""
    asked = candidate_finder.preferences.labels.get(name)
    labels = dict.fromkeys(wheel.link.wheel.label or NON_VARIANT for wheel in judged)
    if asked is not None and asked not in labels:
        what = f"wheel with the label '{asked}'" if asked != NON_VARIANT else "non-variant wheel"
        there = ", ".join(label or "a non-variant wheel" for label in labels)
        nor = f" (nor has {_versions(allowed[1:])})" if len(allowed) > 1 else ""
        near = did_you_mean(asked, (label for label in labels if label))
        return f"{name} {version} has no {what}{nor}; it has {there}{f': {near}' if near else ''}"
    if len(judged) == 1:
        return f"the only wheel of {name} {version} cannot be installed{others}: it {listed}"
    return f"none of the {len(judged)} wheels of {name} {version} can be installed{others}: one {listed}"


def _that_count(
    name: NormalizedName, allowed: Sequence[Version], candidate_finder: CandidateFinder
) -> tuple[Version, Sequence[EvaluatedWheel]]:
    """The newest version that has what was asked for by name, and its wheels of that; else the newest."""
    wished = candidate_finder.preferences.wished.get(name, frozenset())
    for version in allowed[:_MOST_MEMBERS] if wished else ():
        judged = candidate_finder.judge(name, version)
        if those := [wheel for wheel in judged if wheel.link.wheel.label in wished]:
            return version, those
    return allowed[0], candidate_finder.judge(name, allowed[0])


def _reasons(judged: Sequence[EvaluatedWheel], candidate_finder: CandidateFinder) -> str:
    """``is for cp310, but this is Python 3.11; another is for win_amd64, ...``."""
    interpreter = candidate_finder.interpreter
    counts = Counter(reason.detail for wheel in judged for reason in wheel.reasons[:1])
    distance: dict[str, int] = {}
    for wheel in judged:
        for reason in wheel.reasons[:1]:
            far = 0 if reason.kind != "tags" else 1 if interpreter.is_of_platform(wheel.link.wheel) else 2
            distance[reason.detail] = min(far, distance.get(reason.detail, far))
    nearest = sorted(counts, key=lambda detail: (distance[detail], -counts[detail]))
    more = len(nearest) - _MOST_REASONS
    listed = "; another ".join(nearest[:_MOST_REASONS])
    return listed + (f"; and {more} more reasons" if more > 0 else "")


def _no_member_fits(
    name: NormalizedName, allowed: Sequence[Version], candidate_finder: CandidateFinder
) -> str | None:
    """Of a family, whose wheels say what they are for: why the machine can use none of its members.

    Said of the newest version that has wheels for the interpreter; of what the user asked for by name alone.
    """
    if candidate_finder.families.of(name) is None:
        return None
    wanted = candidate_finder.preferences.wanted(name)
    for version in allowed[:_MOST_MEMBERS]:
        rest = [other for other in allowed if other != version]
        others = f" (nor of {_versions(rest)})" if rest else ""
        why: dict[str, str] = {}
        for wheel in candidate_finder.judge(name, version):
            label = wheel.link.wheel.label or ""
            kinds = {each.kind for each in wheel.reasons}
            if (wanted is None or label in wanted) and kinds <= _OF_MEMBERS:
                own = wheel.link.own_name.name
                text = "; ".join(each.detail for each in wheel.reasons if each.kind != "other-label")
                why.setdefault(own if own != name else f"{name} for {label}", text)
        if why:
            told = "; ".join(f"{member} {text}" for member, text in why.items())
            asked = ", as it is asked for by name," if wanted is not None else ""
            return f"no build of {name} {version}{others}{asked} is for {candidate_finder.who}: {told}"
    return None


_MOST_MEMBERS = 32
_OF_MEMBERS = frozenset(("property", "by-name"))


def _hint(name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder) -> str | None:
    return " ".join(remedies(name, needs, candidate_finder)) or None


def _loosen(causes: Sequence[Required], proof: Proof, candidate_finder: CandidateFinder) -> str:
    """The beginnings of all chains, and what else there is of those projects."""
    roots: list[Need] = []
    for cause in causes:
        way = proof.chain(cause.parent)
        if cause.parent is None:
            roots.append(cause.need)
        elif way and way[0].parent is None:
            roots.append(way[0].need)
    limits = [limit for limit in proof.limits if isinstance(limit, ProjectRequirement)]
    versions = {root.name: candidate_finder.versions(root.name) for root in [*roots, *limits]}
    return loosen(roots, limits, versions)


def _steps(proof: Proof) -> list[str]:
    return [f"  {sentence}" for sentence in proof.sentences()]


def _lines(causes: Sequence[Required], proof: Proof, limits: Sequence[Need]) -> list[str]:
    """One line for each need, with the way from the user to it."""
    lines = []
    for cause in causes:
        line = f"  {proof.subject(cause)} {cause.need}"
        if isinstance(cause.need, ImpossibleRequirement):
            line = f"  {cause.parent} {cause.need.reason}"
        way = proof.chain(cause.parent)
        line += f" ({'; '.join(f'{proof.subject(link)} {link.need}' for link in way)})" if way else ""
        lines.append(line)
    lines += [f"  {limit.origin} allows only {limit}" for limit in limits]
    lines += [f"  {words}" for words in proof.held_back]
    lines = list(dict.fromkeys(lines))
    if len(lines) > _MOST_CAUSES:
        lines = [*lines[:_MOST_CAUSES], f"  and {len(lines) - _MOST_CAUSES} more"]
    return lines


def _versions(versions: Sequence[Version]) -> str:
    shown = ", ".join(str(version) for version in versions[:_MOST_VERSIONS])
    return shown if len(versions) <= _MOST_VERSIONS else f"{shown} and {len(versions) - _MOST_VERSIONS} older"


_MOST_TRIED = 30
_SDIST_SUFFIXES = (".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz")


def remedies(name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder) -> list[str]:
    """What would make a version of a project installable that some needs allow, a sentence each.

    Args:
        name: a project of which no wheel satisfies ``needs``.
        needs: everything that was asked of it.
        candidate_finder: what can be had.
    """
    versions = candidate_finder.versions(name)
    told = _left_out(name, candidate_finder)
    if not versions:
        return told
    allowed = candidate_finder.allowed(name, needs)
    if not allowed:
        if (builds := builds_for_others(name, needs, candidate_finder)) is not None:
            told += what_would_open(builds, candidate_finder)
        found = _sdist_versions(name, needs, candidate_finder)
        told += _elsewhere(name, needs, candidate_finder)
        if found:
            told.append(
                f"{name} {found[-1]} exists as a source distribution only; `variantctl install` builds it "
                "for the machine at hand, unless --no-build or --only-binary says otherwise."
            )
        return told
    newest = allowed[0]
    told += [f"{note.namespace}: {note.message}." for note in candidate_finder.unanswered(name, newest)]
    told += [advice.sentence for advice in candidate_finder.others.advice(name, newest)[:1]]
    if wished := _wished(name, allowed, candidate_finder):
        told.append(
            f"--no-families installs {wished} all the same. For another machine, describe it: --profile."
        )
    other = _installable(name, versions, allowed, candidate_finder)
    if other is not None:
        age = "older" if other < newest else "newer"
        told.append(f"The {age} {name} {other} has a wheel that can be installed.")
    return [*told, f"'variantctl explain {name}=={newest}' says more about each wheel."]


def _wished(name: NormalizedName, allowed: Sequence[Version], candidate_finder: CandidateFinder) -> str:
    """The member of a family that somebody asked for and only the machine's properties rule out.

    Returns:
        What pip knows it by; ``""``: it was not asked for, or more than properties speaks against it.
    """
    labels = candidate_finder.preferences.wished.get(name, frozenset())
    family = candidate_finder.families.of(name) if labels else None
    if family is None or not any(
        has_what_is_wished(name, each, candidate_finder) for each in allowed[:_MOST_MEMBERS]
    ):
        return ""
    return " or ".join(each.requirement(name) for each in family.members if each.label in labels)


def _left_out(name: NormalizedName, candidate_finder: CandidateFinder) -> list[str]:
    """How many files ``--exclude-newer`` leaves out, where a project has any."""
    missing = missing_project(name, candidate_finder) is not None
    skipped = () if missing else candidate_finder.project(name).skipped
    count = sum(EXCLUDE_NEWER in why for _, why in skipped)
    if not count:
        return []
    return [
        f"{EXCLUDE_NEWER} leaves {count} {'file' if count == 1 else 'files'} of {name} out; "
        f"name a later time, or take every file of this package with --exclude-newer-package {name}=false."
    ]


def loosen(
    roots: Iterable[Need],
    limits: Iterable[ProjectRequirement],
    others: Mapping[NormalizedName, Sequence[Version]],
) -> str:
    """Which of the user's own requirements to loosen, where those of several contradict each other.

    Args:
        roots: where the chains of the contradiction begin.
        limits: constraints among them.
        others: project -> the versions that it could have instead, newest first.
    """
    written = dict.fromkeys(
        root
        for root in [*roots, *limits]
        if isinstance(root, ProjectRequirement) and (root.specifier or root.url)
    )
    if not written:
        return "Loosen one of the requirements above."
    told = []
    for need in written:
        outside = [version for version in others.get(need.name, ()) if not need.allows(version)]
        outside.sort(key=lambda version: version.is_prerelease)
        there = f" (there is {need.name} {outside[0]} too)" if outside else ""
        told.append(f"'{need}'{there}")
    return f"Loosen {' or '.join(dict.fromkeys(told))}."


def _installable(
    name: NormalizedName,
    versions: Sequence[Version],
    allowed: Sequence[Version],
    candidate_finder: CandidateFinder,
) -> Version | None:
    """The nearest version that was not allowed and has a wheel: older ones first, the newest of them."""
    outside = [version for version in versions if version not in allowed]
    older = [version for version in outside if version < allowed[0]]
    newer = [version for version in reversed(outside) if version > allowed[0]]
    for version in [*older, *newer][:_MOST_TRIED]:
        if candidate_finder.has_candidate(name, version):
            return version
    return None


def _elsewhere(name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder) -> list[str]:
    """Where an index that was not asked has a version that would do, and what asks it."""
    for files in candidate_finder.elsewhere(name):
        fitting = [version for version in files.by_version if all(need.allows(version) for need in needs)]
        if fitting:
            return [
                f"Only the first index that has {name} is asked; {files.source} has {name} {fitting[0]}: "
                "--index-strategy best-version asks all of them, and --pin "
                f"{name}={files.source} that one."
            ]
    return []


def _sdist_versions(
    name: NormalizedName, needs: Sequence[Need], candidate_finder: CandidateFinder
) -> list[Version]:
    found = []
    for file in candidate_finder.project(name).sdists:
        stem = file.filename
        for suffix in _SDIST_SUFFIXES:
            stem = stem.removesuffix(suffix)
        try:
            version = Version(stem.rpartition("-")[2])
        except ValueError:
            continue
        if all(need.allows(version) for need in needs):
            found.append(version)
    return sorted(found)
