"""``variantctl download`` for several machines: their wheels once each, a lock, and indexes of them."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render, target_machine
from variantctl.cli.app import UsageError
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.lock.agreement import Resolved, Target
    from variantctl.lock.contents import Lock, LockedPackage, LockedWheel
    from variantctl.lock.locking import Made
    from variantctl.proxy.carried import CarriedWheel
    from variantctl.requirements.files import RequirementFile
    from variantctl.resolve.plan import PlannedInstall
    from variantctl.target.environment import Environment

LOCK = "pylock.toml"


class CarriedFilesError(VariantctlError):
    """What is downloaded for several machines cannot lie in one folder."""

    kind = "files-clash"


@dataclass(frozen=True)
class _Carried:
    """What was written.

    Attributes:
        wheels: URL -> the wheel in the folder.
        trees: machine -> the index for it.
    """

    wheels: dict[str, CarriedWheel]
    trees: dict[str, Path]


def run(args: argparse.Namespace, environment: Environment | None, files: RequirementFile) -> int:
    """Resolve for every profile as ``lock`` does, fetch each file once, and write what describes them."""
    from variantctl.cli.request import request_of
    from variantctl.lock.agreement import Target
    from variantctl.lock.document import dumps
    from variantctl.lock.locking import LockRequest, make_lock

    _refuse_source_code(args, files)
    subjects = [
        target_machine.subject_of(
            argparse.Namespace(**{**vars(args), "profile": profile}), environment, files
        )
        for profile in dict.fromkeys(args.profile or [None])
    ]
    targets = [Target(subject.who, subject.machine, subject.platform) for subject in subjects]
    folder = args.dest
    trees = _tree_names(targets)
    _check_places(folder, trees)
    with options.open_finder(args, environment, files) as package_finder:
        wanted = LockRequest(
            request_of(args, files), targets, folder.absolute(), settings=subjects[0].machine.settings
        )
        made = make_lock(wanted, package_finder)
        for note in made.notes:
            render.note(note)
        carried = _carry(made, package_finder, folder, trees)
    text = dumps(_local(made.lock))
    _write(folder / LOCK, text.encode())
    if args.json:
        render.print_json(_json(made, carried, folder))
    elif not render.is_quiet():
        _print(made, carried, folder)
    return 0


def _refuse_source_code(args: argparse.Namespace, files: RequirementFile) -> None:
    """A machine that is not here cannot be built for."""
    from variantctl.cli.building import named_sources

    for source in (*named_sources(args), *files.sources):
        raise UsageError(
            f"{source.origin}: '{source}' is source code, and for several machines there are only wheels",
            hint="Build a wheel of it, and name the wheel; or download for one machine at a time.",
        )
    for option in ("no_binary", "build"):
        if getattr(args, option):
            raise UsageError(
                f"--{option.replace('_', '-')} asks for builds from source, and for several machines "
                "there are only wheels",
                hint="Leave it out, or download for one machine at a time.",
            )


def _tree_names(targets: Sequence[Target]) -> list[str]:
    """What the index of each machine is called, in their order; each is another one."""
    names: dict[str, None] = {}
    for target in targets:
        name = re.sub(r"[^\w.+-]+", "-", target.who.removeprefix("profile ")).strip("-.") or "machine"
        number, free = 2, name
        while free in names:
            free, number = f"{name}-{number}", number + 1
        names[free] = None
    return list(names)


def _check_places(folder: Path, trees: Sequence[str]) -> None:
    """Refuse before anything is fetched what could not be written afterwards."""
    from variantctl.proxy.flatten import check_target

    for name in ("simple", *(f"simple-{tree}" for tree in trees)):
        check_target(folder / name)
    folder.mkdir(parents=True, exist_ok=True)


def _carry(made: Made, package_finder: PackageFinder, folder: Path, names: Sequence[str]) -> _Carried:
    from variantctl.proxy.carried import write_index, write_tree

    planned = {item.url: item for done in made.resolved for item in done.plan.install}
    _refuse_clashes(planned.values())
    wheels = _fetched(list(planned.values()), package_finder, folder)
    variants = {}
    for item in planned.values():
        key = (item.name, item.link.own_name.version)
        if item.link.own_name.label is not None and key not in variants:
            metadata = package_finder.readable_variants(package_finder.project(item.name), item.version)
            if metadata is not None:
                variants[key] = metadata
    write_index(folder, list(wheels.values()), variants)
    trees = {
        name: write_tree(folder, name, _of_plan(wheels, done), package_finder.families)
        for name, done in zip(names, made.resolved, strict=True)
    }
    return _Carried(wheels, trees)


def _of_plan(wheels: Mapping[str, CarriedWheel], done: Resolved) -> list[CarriedWheel]:
    """The wheels that one machine gets, with the names that each has for it."""
    return [replace(wheels[item.url], planned=item) for item in done.plan.install]


def _refuse_clashes(planned: Sequence[PlannedInstall] | Any) -> None:
    """Two files of one name with different content cannot lie in one folder."""
    seen: dict[str, PlannedInstall] = {}
    for item in planned:
        other = seen.setdefault(item.filename, item)
        if other.hashes.get("sha256") != item.hashes.get("sha256") or (
            other.url != item.url and not item.hashes
        ):
            raise CarriedFilesError(
                f"there are two different files named {item.filename}: {other.url} and {item.url}",
                hint="Download for these machines into folders of their own (-d DIR).",
            )


def _fetched(
    planned: Sequence[PlannedInstall], package_finder: PackageFinder, folder: Path
) -> dict[str, CarriedWheel]:
    """URL -> the wheel in the folder; one that is there already, with the right hash, is not fetched."""
    import shutil

    from variantctl.cli.progress import Downloads
    from variantctl.filesystem.atomic import written_whole
    from variantctl.filesystem.digests import file_digest
    from variantctl.proxy.carried import CarriedWheel

    found = {}
    with Downloads(package_finder, keep_archives=True) as downloads:
        for item in planned:
            place, promised = folder / item.filename, item.hashes.get("sha256")
            if not (promised and place.is_file() and file_digest(place) == promised):
                with downloads.fetched(item).open("rb") as source, written_whole(place) as out:
                    shutil.copyfileobj(source, out, 1 << 20)
            metadata = package_finder.metadata_bytes(item.link)
            python = package_finder.core_metadata(item.link).requires_python_text or ""
            found[item.url] = CarriedWheel(item, place, promised or file_digest(place), metadata, python)
    return found


def _local(lock: Lock) -> Lock:
    """The lock with the files of the folder in place of those of the indexes."""

    def here(wheel: LockedWheel) -> LockedWheel:
        return replace(wheel, url=None, path=wheel.filename)

    def package(one: LockedPackage) -> LockedPackage:
        archive = None if one.archive is None else here(one.archive)
        return replace(one, wheels=tuple(map(here, one.wheels)), archive=archive, index=None)

    return replace(lock, packages=tuple(map(package, lock.packages)))


def _json(made: Made, carried: _Carried, folder: Path) -> dict[str, Any]:
    return {
        "format": 1,
        "download": [{**item.planned.as_json(), "path": str(item.place)} for item in carried.wheels.values()],
        "lock": str(folder / LOCK),
        "index": str(folder / "simple"),
        "machines": [
            {
                "machine": done.target.who,
                "index": str(tree),
                "wheels": [item.filename for item in done.plan.install],
            }
            for done, tree in zip(made.resolved, carried.trees.values(), strict=True)
        ],
        "notes": list(made.notes),
    }


def _print(made: Made, carried: _Carried, folder: Path) -> None:
    size = sum(wheel.place.stat().st_size for wheel in carried.wheels.values())
    sys.stdout.write(f"{folder}: {len(carried.wheels)} wheels, {render.human_size(size)}\n")
    sys.stdout.write("On a machine without a network, with this folder at hand:\n")
    sys.stdout.write(f"  variantctl sync {folder / LOCK}\n")
    for done, tree in zip(made.resolved, carried.trees.values(), strict=True):
        names = " ".join(item.name for item in done.plan.install if item.requested)
        sys.stdout.write(f"  pip install -i {tree.absolute().as_uri()} {names}   # {done.target.who}\n")


def _write(target: Path, content: bytes) -> None:
    from variantctl.filesystem.atomic import written_whole

    with written_whole(target) as file:
        file.write(content)
