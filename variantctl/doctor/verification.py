"""Whether what was just installed works: its frameworks are tried before the change is final."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from packaging.utils import NormalizedName

from variantctl.doctor.code_checks import check_code
from variantctl.doctor.findings import Commands
from variantctl.doctor.inspection import inspect
from variantctl.doctor.installed_code import installed_code
from variantctl.doctor.leftovers import graph_of
from variantctl.doctor.trial_checks import blind, owners_of
from variantctl.doctor.trials import TIME_LIMIT, Trial, frameworks_in, run_trial
from variantctl.target.environment import Environment
from variantctl.target.installed import installed_packages
from variantctl.variants.errors import VariantctlError
from variantctl.variants.properties import Supported


class VerificationError(VariantctlError):
    """What was installed does not work here, and was taken back."""

    kind = "verification-failed"


def verify(
    environment: Environment,
    changed: Collection[NormalizedName],
    *,
    limit: float = TIME_LIMIT,
    begin: Callable[[str], None] = lambda _name: None,
) -> list[Trial]:
    """Try each framework that some packages are, or that needs them.

    Args:
        environment: with the packages in place.
        changed: what was installed.
        limit: seconds for one framework.
        begin: called with the name of each framework.

    Raises:
        VerificationError: one fails, or was built for an accelerator and sees none.
    """
    inspection = inspect(environment, markers=environment.markers)
    needed = graph_of(installed_packages(environment), environment).needed()
    also = environment.site_packages if environment.kind in ("target", "prefix") else ()
    trials = []
    for name in frameworks_in(environment.site_packages):
        owners = {item.name for item in owners_of(name, inspection.packages)}
        if not _reaches(owners, needed, changed):
            continue
        begin(name)
        trial = run_trial(environment.python, name, limit=limit, also=also)
        if (why := blind(trial, inspection.packages)) is not None:
            raise VerificationError(
                f"{why}; nothing was changed",
                hint="To keep it all the same, install without --verify, and see `variantctl doctor --run`.",
            )
        trials.append(trial)
    return trials


def verify_code(
    environment: Environment,
    changed: Collection[NormalizedName],
    supported: Callable[[], Supported],
    who: str,
) -> None:
    """Look at what the libraries of some packages have code for; nothing of theirs is run.

    Args:
        environment: with the packages in place.
        changed: what was installed.
        supported: the machine's answer to ``fit.ACCELERATORS``; asked where a package is for an accelerator.
        who: ``this machine`` or ``profile h100``.

    Raises:
        VerificationError: none of a package's libraries has code that the machine's GPU can run.
    """
    inspection = inspect(environment, markers=environment.markers)
    packages = {name: item for name, item in inspection.packages.items() if name in changed}
    code = installed_code(packages.values())
    findings = check_code(packages, code, supported(), who, Commands()) if any(code.values()) else []
    for finding in findings:
        if finding.severity == "error":
            raise VerificationError(
                f"{finding.detail}; nothing was changed",
                hint="To keep it all the same, install without --verify. " + " ".join(finding.evidence[:3]),
            )


def _reaches(
    names: Iterable[NormalizedName],
    needed: Mapping[NormalizedName, Collection[NormalizedName]],
    wanted: Collection[NormalizedName],
) -> bool:
    """Whether some packages are, or need, one of those that are wanted."""
    pending, seen = list(names), set(names)
    while pending:
        name = pending.pop()
        if name in wanted:
            return True
        new = set(needed.get(name, ())) - seen
        seen |= new
        pending += new
    return False
