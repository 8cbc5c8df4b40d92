"""The same packages as pip and uv on random dependency graphs, or a documented reason.

Each answer is checked by an independent reading of the requirements (``Case.problem_of``). Where there is
more than one right answer, resolvers differ in which package they decide first, and so in which they take
newest: that is counted as "another right choice". A defect is a wrong answer, a solution that a peer has
found and we have not, and one that is older than another's in every respect (unless what is newer are
pre-releases: a release that satisfies everything is never worse than those).
"""

from __future__ import annotations

from pathlib import Path

from packaging.version import Version

from tests.campaigns.packages import Case, Pins, random_case
from tests.campaigns.registry import Registry
from tests.campaigns.report import Report
from tests.campaigns.resolvers import PIP_CRASHES, Ours, Pip, uv_pins

#: Rules that a peer's answer does not keep, and what the peer says about that.
BROKEN = {
    "python": "it ignores upper bounds of Requires-Python",  # uv, "Differences from pip"
    "pre-release": "it takes a pre-release where the releases conflict",
    "yanked": "it takes a yanked version that nothing pins",
    "ground": "it takes a version that nothing lets in but what only that version brings in",
}
#: Why a peer may find nothing where our answer, which was checked, is right: uv's search is complete, so that
#: only its rules can be the reason; pip's re-decides pinned packages, and can lose a solution by that.
REFUSED = {
    "uv": "it takes pre-releases and yanked versions only where a direct requirement names them",
    "pip": "it gives up although there is a solution",
}


def run(cases: int, seed: int, folder: Path) -> Report:
    """Compare on ``cases`` random graphs; each is put to pip and to uv."""
    report = Report("graphs (each against pip and uv)", seed)
    with Registry() as registry:
        generated = [random_case(seed, number) for number in range(cases)]
        for case in generated:
            for release in case.releases.values():
                registry.add(release)
        ours = Ours(registry.url, folder)
        with Pip(registry.url, folder) as pip:
            for case in generated:
                # pip works on it while uv and we do.
                pip.ask(case)
                mine, said = ours.pins(case)
                compare(report, case, "uv", mine, uv_pins(case, registry.url, folder)[0], ours, said)
                theirs, pip_said = pip.answer()
                if crash := next((words for words in PIP_CRASHES if words in pip_said), None):
                    report.count(f"pip: pip ends with {crash}")
                else:
                    compare(report, case, "pip", mine, theirs, ours, said)
        ours.close()
    return report


def compare(
    report: Report, case: Case, peer: str, mine: Pins | None, theirs: Pins | None, ours: Ours, said: str
) -> None:
    """Count one comparison."""
    details = f"{case}\n  {peer} {theirs}\n  ours {mine} {said}"
    if mine is not None:
        problems = {case.problem_of(mine, ours.markers), *case.broken_rules(mine, ours.markers)} - {None}
        if problems:
            report.fail("our answer is wrong", f"{problems}\n{details}")
            return
    if mine == theirs:
        report.count(
            f"{peer}: the same packages" if mine is not None else f"{peer}: neither finds a solution"
        )
    elif theirs is None:
        if mine is not None and (peer == "pip" or case.has_admitted(mine)):
            report.count(f"{peer}: {REFUSED[peer]}")
        else:
            report.fail(f"we find a solution and {peer} does not", details)
    elif broken := case.broken_rules(theirs, ours.markers):
        report.count(f"{peer}: " + ", ".join(BROKEN[rule] for rule in sorted(broken)))
    elif mine is None:
        report.fail(f"{peer} finds a solution and we do not", details)
    elif is_newer(theirs, mine):
        # Which of two right answers comes first depends on when the need was met that names a pre-release.
        if all(Version(theirs[name]).is_prerelease for name in mine if theirs[name] != mine[name]):
            report.count(f"{peer}: it takes newer pre-releases where releases do as well")
        else:
            report.fail(f"{peer}'s answer is newer than ours", details)
    else:
        report.count(f"{peer}: another right choice")


def is_newer(one: Pins, other: Pins) -> bool:
    """Whether both have the same packages, none older in ``one``, and some newer."""
    if one.keys() != other.keys():
        return False
    return all(Version(one[name]) >= Version(other[name]) for name in one) and one != other
