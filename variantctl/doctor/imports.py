"""Two distributions that own one import package, and which of them Python finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName

from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected, Inspection
from variantctl.doctor.members import Members
from variantctl.target.installed import InstalledFile
from variantctl.target.integrity import is_as_recorded
from variantctl.values import dataclass

_LOOKED_AT = 5
"""How many of the files that differ are compared with what is there: the smallest say it as well as all."""


@dataclass(frozen=True)
class _Claim:
    """A file that a distribution lists."""

    owner: Inspected
    file: InstalledFile


def check_shared_files(inspection: Inspection, members: Members, commands: Commands) -> Iterator[Finding]:
    """Import packages of which two distributions list the same files with different content.

    What is the same in both (the empty ``nvidia/__init__.py`` of NVIDIA's older wheels) harms nobody.
    """
    claims: dict[Path, list[_Claim]] = {}
    for item in inspection.packages.values():
        for file in item.files:
            if file.path.suffix != ".pyc" and ".dist-info" not in file.path.parent.name:
                claims.setdefault(file.path, []).append(_Claim(item, file))
    contested: dict[tuple[str, tuple[NormalizedName, ...]], list[list[_Claim]]] = {}
    for path, several in claims.items():
        if len({claim.owner.name for claim in several}) < 2 or not _may_differ(path, several):
            continue
        module = _module(path, inspection.sites)
        if module is not None:
            owners = tuple(claim.owner.name for claim in several)
            contested.setdefault((module, owners), []).append(several)
    for (module, owners), files in contested.items():
        yield _finding(module, [inspection.packages[name] for name in owners], files, members, commands)


def _may_differ(path: Path, claims: Sequence[_Claim]) -> bool:
    """Whether two distributions list a file with different content, or one without saying which content."""
    digests = {claim.file.digest for claim in claims}
    if digests - {""} != digests:
        # Where nobody can tell, an empty file is the same in both.
        return path.is_file() and path.stat().st_size > 0
    return len(digests) > 1


def _module(path: Path, sites: Sequence[Path]) -> str | None:
    """The import name that a file belongs to; ``None`` for what is not imported (scripts, data)."""
    for site in sites:
        if path.is_relative_to(site):
            return path.relative_to(site).parts[0].partition(".")[0]
    return None


def _finding(
    module: str,
    owners: Sequence[Inspected],
    files: Sequence[Sequence[_Claim]],
    members: Members,
    commands: Commands,
) -> Finding:
    found = _found(files)
    known = [owner for owner in owners if owner.name in found]
    if len(known) == 1:
        which = f"Python finds the files of {known[0]}"
    elif known:
        which = f"Python finds a mixture of the files of {' and '.join(map(str, known))}"
    else:
        which = "what Python finds is of neither"
    count = len(files)
    differ = f"{count} {'file differs' if count == 1 else 'files differ'}"
    # Without hashes it is not certain that anything differs.
    hashed = all(claim.file.digest for claims in files for claim in claims)
    if not hashed:
        differ = f"{count} {'file' if count == 1 else 'files'}, and not every RECORD has hashes to compare"
        if not known:
            which = "whose files Python finds cannot be told"
    kept = next((owner for owner in owners if owner.build.accelerator not in (None, "cpu")), owners[-1])
    others = [owner.name for owner in owners if owner is not kept]
    mended = members.leaves_one(owners, commands) or (
        f"`{commands.uninstall(*others)}`, then `{commands.install('--reinstall', kept.pin)}`, "
        f"leaves {kept.name} alone."
    )
    return Finding(
        "error" if hashed else "suggestion",
        "shared-import",
        owners[0].name,
        f"{' and '.join(map(str, owners))} both own the import package {module} ({differ}); {which}",
        mended,
        "Which of them a program gets depends on which was installed last; removing one breaks the other.",
        tuple(str(claims[0].file.path) for claims in files[:3]),
    )


def _found(files: Sequence[Sequence[_Claim]]) -> set[NormalizedName]:
    """Whose files are there, by their digests."""
    smallest = sorted(files, key=lambda claims: claims[0].file.size or 0)[:_LOOKED_AT]
    return {
        claim.owner.name
        for claims in smallest
        for claim in claims
        if claim.file.digest and claim.file.path.is_file() and is_as_recorded(claim.file)
    }


def shadowing(
    packages: Mapping[NormalizedName, Inspected], sites: Sequence[Path], before: Sequence[Path]
) -> Iterator[Finding]:
    """Modules in folders that Python searches before an environment's own (PYTHONPATH, the working folder).

    Args:
        packages: those of the environment.
        sites: the environment's own folders.
        before: the folders that are searched before them, in order.
    """
    for item in packages.values():
        modules = {_module(file.path, sites) for file in item.files if file.path.name == "__init__.py"}
        for module in sorted(module for module in modules if module and item.build.accelerator is not None):
            for folder in before:
                there = [
                    path
                    for path in (folder / module / "__init__.py", folder / f"{module}.py")
                    if path.is_file()
                ]
                if there:
                    yield Finding(
                        "error",
                        "shadowed-import",
                        item.name,
                        f"import {module} finds {there[0]}, not {item}",
                        f"Take {folder} out of PYTHONPATH, or rename {there[0].name}.",
                        f"{item} is installed, and programs never see it.",
                        (str(there[0]),),
                    )
