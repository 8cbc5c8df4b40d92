"""``variantctl profile``: write profiles of machines that are not here."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.building import add_build_arguments
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.explain.matrix import Row
    from variantctl.providers.clusters.classes import MachineClass
    from variantctl.providers.clusters.nodes import Node

_MOST_NAMES = 3
#: A node of Kubernetes comes with the images that it has: some 20 kB, and clusters have thousands.
_MOST_BYTES = 1 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``profile from kubernetes`` and ``profile from slurm``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    clusters = actions.add_parser(
        "from", help="one profile for each class of equal machines that a cluster has"
    ).add_subparsers(metavar="CLUSTER", dest="cluster", required=True)
    kubernetes = clusters.add_parser(
        "kubernetes",
        help="from the labels of nodes: kubectl get nodes -o json",
        description="Read the labels of Node Feature Discovery and of NVIDIA's, AMD's and Intel's device "
        "plugins, put equal machines together, and write a profile for each class.",
    )
    kubernetes.add_argument("file", metavar="NODES.json", help="what kubectl printed; '-' is standard input")
    _add_common(kubernetes)
    slurm = clusters.add_parser(
        "slurm",
        help="from scontrol show node, sinfo, slurm.conf or gres.conf",
        description="Read the nodes' GRES with their types, put equal machines together, and write a profile "
        "for each class. Slurm does not know the drivers: say them with --assume.",
    )
    slurm.add_argument(
        "file", metavar="FILE", help="what scontrol or sinfo printed, or slurm.conf; '-' is standard input"
    )
    slurm.add_argument("--gres-conf", metavar="FILE", help="the gres.conf of the same nodes")
    _add_common(slurm)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "requirements", nargs="*", metavar="REQUIREMENT", help="also show what each class would get of these"
    )
    parser.add_argument(
        "-d", "--dest", metavar="DIR", type=Path, default=Path(), help="where to (default: this folder)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace profiles that say something else")
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument(
        "--assume",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a fact of every machine whose cluster does not say it, as a profile has it: "
        "nvidia.cuda_driver=12.8, amd.amdgpu=6.12.12, platform.python=3.12",
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="only what is named")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_requirement_files(parser)
    add_project_arguments(parser)
    add_build_arguments(parser)
    options.add_variant_arguments(parser, several_machines=True)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Read the nodes, write a profile for each class, and show what each would get."""
    from variantctl.cli.matrix import error_json, failure_of
    from variantctl.providers.clusters.classes import classes_of, write_profiles
    from variantctl.providers.clusters.nodes import Assumptions

    assumed = Assumptions(args.assume)
    nodes, notes = _nodes(args)
    source = "kubectl get nodes" if args.cluster == "kubernetes" else "Slurm"
    classes = classes_of((assumed.fill(node) for node in nodes), source)
    with tempfile.TemporaryDirectory(prefix="variantctl-profiles-") as aside:
        folder = Path(aside) if args.dry_run else args.dest
        written = write_profiles(classes, folder, overwrite=args.overwrite)
        rows, names = _rows(args, classes, [path for path, _new in written])
    failed = failure_of(rows) if rows else None
    places = [(None if args.dry_run else path, new and not args.dry_run) for path, new in written]
    if args.json:
        found = _json(classes, places, rows, notes, with_matrix=is_anything_named(args))
        render.print_json(found if failed is None else {**found, "error": error_json(failed)})
    else:
        _print(classes, places, rows if failed is None else (), names, notes)
        if failed is not None:
            render.failure(failed, as_json=False, code=1)
    return 0 if failed is None else 1


def _nodes(args: argparse.Namespace) -> tuple[list[Node], list[str]]:
    data, source = _read(args.file)
    if args.cluster == "kubernetes":
        from variantctl.providers.clusters.kubernetes import read_kubernetes

        return read_kubernetes(data, source)
    from variantctl.providers.clusters.slurm import read_slurm

    more = "" if args.gres_conf is None else _text(*_read(args.gres_conf))
    return read_slurm(_text(data, source), source, more)


def _read(file: str) -> tuple[bytes, str]:
    from variantctl.filesystem.bounded import read_bounded
    from variantctl.filesystem.errors import unread
    from variantctl.providers.clusters.errors import ClusterFileError

    if file == "-":
        data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise ClusterFileError("standard input has more than 1 GiB: that is no list of nodes")
        return data, "standard input"
    try:
        return read_bounded(Path(file), _MOST_BYTES), file
    except OSError as error:
        raise ClusterFileError(unread(file, error)) from error


def _text(data: bytes, source: str) -> str:
    from variantctl.providers.clusters.errors import ClusterFileError

    if b"\0" in data:
        raise ClusterFileError(f"{source} is no text")
    return data.decode("utf-8", "replace")


def _rows(
    args: argparse.Namespace, classes: Sequence[MachineClass], paths: Sequence[Path]
) -> tuple[list[Row], list[NormalizedName]]:
    """The matrix of what was asked for, and its columns."""
    from variantctl.cli.matrix import resolved_rows
    from variantctl.cli.request import requirement_files

    ready = [os.fspath(path) for path, one in zip(paths, classes, strict=True) if one.is_complete]
    profiles = list(dict.fromkeys([*ready, *args.profile]))
    if not (is_anything_named(args) and profiles):
        return [], []
    environment = options.environment_of(args, for_changes=False)
    return resolved_rows(args, environment, requirement_files(args), profiles)


def _json(
    classes: Sequence[MachineClass],
    places: Sequence[tuple[Path | None, bool]],
    rows: Sequence[Row],
    notes: Sequence[str],
    *,
    with_matrix: bool,
) -> dict[str, Any]:
    found = [
        {**one.as_json(), "file": None if path is None else str(path), "written": new}
        for one, (path, new) in zip(classes, places, strict=True)
    ]
    matrix = {"machines": [row.as_json() for row in rows]} if with_matrix else {}
    return {"format": 1, "classes": found, "notes": list(notes), **matrix}


def _print(
    classes: Sequence[MachineClass],
    places: Sequence[tuple[Path | None, bool]],
    rows: Sequence[Row],
    names: Sequence[NormalizedName],
    notes: Sequence[str],
) -> None:
    from variantctl.cli.tables import plain
    from variantctl.cli.terminal import sink

    header = ("class", "nodes", "GPU", "what it means", "file")
    table = [
        (one.name, str(len(one.nodes)), ", ".join(one.gpus[:_MOST_NAMES]), _meaning(one), _file(*place))
        for one, place in zip(classes, places, strict=True)
    ]
    sink(sys.stdout).write(plain(header, table))
    for note in notes:
        render.note(note)
    for one in classes:
        for text in one.notes:
            render.note(f"{one.name}: {text}")
    _print_gaps(classes)
    if rows:
        from variantctl.cli.matrix import print_table

        print_table(rows, names)
        skipped = [one.name for one in classes if not one.is_complete]
        if skipped:
            render.warning(f"not in the matrix, as a fact that it needs is not known: {', '.join(skipped)}")


def _print_gaps(classes: Sequence[MachineClass]) -> None:
    """What the cluster did not say, once for all classes that lack it, and how to say it."""
    lacking: dict[tuple[str, str], list[MachineClass]] = {}
    for one in classes:
        for gap in one.gaps:
            lacking.setdefault((gap.fact, gap.why), []).append(one)
    for (fact, why), ones in lacking.items():
        names = ", ".join(one.name for one in ones[:_MOST_NAMES])
        more = f" and {len(ones) - _MOST_NAMES} more" if len(ones) > _MOST_NAMES else ""
        example = _EXAMPLES.get(fact, "VALUE")
        say = render.note if fact in _MINOR else render.warning
        say(
            f"{names}{more}: {fact} is not known: {why}; if it is the same for all: --assume {fact}={example}"
        )
    open_facts = [
        fact for fact in ("libc", "python") if any(getattr(one.platform, fact) is None for one in classes)
    ]
    if open_facts:
        told = " ".join(f"--assume platform.{fact}={_EXAMPLES[f'platform.{fact}']}" for fact in open_facts)
        render.note(
            f"the {' and the '.join(_CALLED[fact] for fact in open_facts)} are those of the container or "
            f"module that programs run in; here this machine's count, unless you say: {told}"
        )


_CALLED = {"libc": "C library", "python": "Python"}
_EXAMPLES = {
    "nvidia.cuda_driver": "12.8",
    "nvidia.compute_capabilities": "9.0",
    "amd.amdgpu": "6.12.12",
    "amd.gfx_archs": "gfx942",
    "intel.device_ips": "12.60.7",
    "x86_64.level": "v3",
    "aarch64.version": "8.2a",
    "platform.machine": "x86_64",
    "platform.libc": "'glibc 2.35'",
    "platform.python": "3.12",
}
#: Facts of which the least is taken where they are not known: what is chosen runs, and is maybe not the best.
_MINOR = ("x86_64.level", "aarch64.version")


def _meaning(one: MachineClass) -> str:
    """The facts in a few words: ``CUDA 12.8, compute capability 9.0``."""
    words = []
    for namespace, fact, before in (
        ("nvidia", "cuda_driver", "CUDA "),
        ("nvidia", "compute_capabilities", "compute capability "),
        ("amd", "gfx_archs", ""),
        ("amd", "amdgpu", "amdgpu "),
        ("intel", "device_ips", "device IP "),
        ("x86_64", "level", "x86-64-"),
        ("aarch64", "version", "Arm "),
    ):
        value = one.namespaces.get(namespace, {}).get(fact)
        if value:
            words.append(before + (", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return ", ".join(words)


def _file(path: Path | None, new: bool) -> str:
    if path is None:
        return "(not written)"
    return str(path) if new else f"{path} (as it was)"
