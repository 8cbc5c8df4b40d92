"""Nodes of Slurm: ``scontrol show node``, ``sinfo -o``, ``slurm.conf``, ``gres.conf``, and ``--json``.

Sources (SchedMD/slurm 284c3b9): ``src/api/node_info.c`` (what ``scontrol show node`` prints), the manual
pages slurm.conf(5), gres.conf(5) and sinfo(1), ``doc/html/gres.shtml``; ``src/plugins/gpu`` writes types in
lower case with ``_`` for blanks, and ``_1g.5gb`` behind them for MIG.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from variantctl.providers.clusters.errors import ClusterFileError
from variantctl.providers.clusters.hostlists import expanded
from variantctl.providers.clusters.nodes import MOST_NODES, Gap, Node, driver_fact, facts_of_flags, named_gpus
from variantctl.providers.machine_platform import PlatformFacts, check_platform_fact
from variantctl.providers.plugins import our_plugins
from variantctl.values import dataclass, field

HINT = "Take what `scontrol show node` or `sinfo -N -o '%N %G %f'` prints, or slurm.conf."
#: ``Key=`` at the start of a word: in scontrol's output a value may have blanks (``OS``, ``Reason``).
_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z][A-Za-z_]{0,40})=")
_COUNT = re.compile(r"[0-9]+[KMGTP]?", re.IGNORECASE)
_COLUMNS = {
    "names": ("nodelist", "hostnames", "nodename", "nodes"),
    "gres": ("gres",),
}
_DETECTORS = {"nvml": "nvidia", "nvidia": "nvidia", "rsmi": "amd", "oneapi": "intel"}
_EMPTY = ("(null)", "n/a", "none", "")


@dataclass(frozen=True)
class _Line:
    """What a file says of some nodes.

    Attributes:
        names: the nodes; none where a line is for every node (gres.conf).
        gres: what ``Gres=`` has.
        arch: ``x86_64``; ``""`` where it is not said.
        types: the types of GPUs, of gres.conf.
        detector: what ``AutoDetect=`` names.
    """

    names: tuple[str, ...]
    gres: str = ""
    arch: str = ""
    types: tuple[str, ...] = field(default=())
    detector: str = ""


def read_slurm(text: str, source: str, gres_conf: str = "") -> tuple[list[Node], list[str]]:
    """The nodes, equal lines together, and what to say about what was left out.

    Args:
        text: what is said of the nodes.
        source: what the text is called, for messages.
        gres_conf: the content of a ``gres.conf`` for the same nodes.

    Raises:
        ClusterFileError: it is none of what is understood, or has no node.
    """
    notes: list[str] = []
    lines = list(_lines(text, source, notes))
    # A gres.conf alone has nodes, too; one without names is of the node that it lies on.
    extra = list(_lines(gres_conf, "gres.conf", notes)) if gres_conf else []
    by_name: dict[str, list[_Line]] = {}
    for line in (*lines, *extra):
        for name in line.names:
            by_name.setdefault(name, []).append(line)
    general = [line for line in (*lines, *extra) if not line.names]
    if not by_name and any(line.types for line in general):
        by_name["this node"] = []
    if not by_name:
        raise ClusterFileError(f"{source}: there is no node in it", hint=HINT)
    if len(by_name) > MOST_NODES:
        raise ClusterFileError(f"{source}: it has more than {MOST_NODES} nodes")
    groups: dict[tuple[_Line, ...], list[str]] = {}
    for name, said in by_name.items():
        plain = tuple(_Line((), line.gres, line.arch, line.types, line.detector) for line in said)
        groups.setdefault(plain, []).append(name)
    return [_node(names, said, general) for said, names in groups.items()], notes


def _lines(text: str, source: str, notes: list[str]) -> Iterator[_Line]:
    stripped = text.lstrip()
    if stripped.startswith("{"):
        yield from _json_lines(text, source)
    elif _KEY.search(stripped):
        yield from _assignments(text, source, notes)
    elif stripped:
        yield from _table_lines(stripped, source)


def _json_lines(text: str, source: str) -> Iterator[_Line]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClusterFileError(f"{source}: not valid JSON: {error}", hint=HINT) from error
    nodes = read.get("nodes") if isinstance(read, dict) else None
    if not isinstance(nodes, list):
        raise ClusterFileError(
            f"{source}: no object with a list of nodes", hint="Take what `scontrol show node --json` prints."
        )
    for node in nodes:
        if isinstance(node, dict) and isinstance(node.get("name"), str):
            gres, arch = (
                node.get(key) if isinstance(node.get(key), str) else "" for key in ("gres", "architecture")
            )
            yield _Line((node["name"],), str(gres), str(arch))


def _assignments(text: str, source: str, notes: list[str]) -> Iterator[_Line]:
    """``Key=value`` records: those of scontrol, of slurm.conf and of gres.conf."""
    defaults: dict[str, str] = {}
    for record in _records(text):
        values = _values(record)
        if record.lower().startswith("include "):
            notes.append(f"{source}: {record[:80]!r} is not followed; give its content, too")
        name = values.get("nodename", "")
        if name.upper() == "DEFAULT":
            defaults = {**defaults, **values}
        elif name:
            named = tuple(expanded(name, source))
            if "name" in values or ("autodetect" in values and "gres" not in values):
                yield _gres_line(named, values)
            else:
                values = {**defaults, **values}
                yield _Line(named, values.get("gres", ""), values.get("arch", ""))
        elif "name" in values or "autodetect" in values:
            yield _gres_line((), values)


def _gres_line(names: tuple[str, ...], values: Mapping[str, str]) -> _Line:
    is_gpu = values.get("name", "").lower() == "gpu"
    types = (values["type"],) if is_gpu and values.get("type") else ()
    return _Line(names, "gpu" if is_gpu else "", "", types, values.get("autodetect", "").lower())


def _records(text: str) -> Iterator[str]:
    """Logical lines: comments gone, continued lines (a backslash, scontrol's indented ones) as one."""
    current = ""
    for line in text.replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
        written = re.sub(r"(^|\s)#(?![0-9]+[ -]).*", "", line).rstrip()
        if not written.strip():
            continue
        if written[0].isspace() and current:
            current += " " + written.strip()
        else:
            if current:
                yield current
            current = written.strip()
    if current:
        yield current


def _values(record: str) -> dict[str, str]:
    """Key in lower case -> value; of a key that comes again the first counts."""
    marks = list(_KEY.finditer(record))
    found: dict[str, str] = {}
    for place, mark in enumerate(marks):
        end = marks[place + 1].start() if place + 1 < len(marks) else len(record)
        found.setdefault(mark[1].lower(), record[mark.end() : end].strip().strip('"'))
    return found


def _table_lines(text: str, source: str) -> Iterator[_Line]:
    """The table that ``sinfo -o`` prints, with its heading; blanks or ``|`` between the columns."""
    rows = [line for line in text.splitlines() if line.strip()]
    heading = _cells(rows[0])
    places = {
        what: next((place for place, cell in enumerate(heading) if cell.lower() in titles), None)
        for what, titles in _COLUMNS.items()
    }
    names, gres = places["names"], places["gres"]
    if names is None or gres is None:
        raise ClusterFileError(
            f"{source}: its first line has no columns NODELIST and GRES: {rows[0][:80]!r}", hint=HINT
        )
    for number, row in enumerate(rows[1:], 2):
        cells = _cells(row)
        if len(cells) != len(heading):
            raise ClusterFileError(
                f"{source}, line {number}: {len(cells)} columns where the heading has {len(heading)}",
                hint="Keep the columns apart: `sinfo -N -o '%N|%G|%f'`.",
            )
        yield _Line(tuple(expanded(cells[names], source)), cells[gres])


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")] if "|" in row else row.split()


def _node(names: list[str], said: Iterable[_Line], general: Iterable[_Line]) -> Node:
    said, general = list(said), list(general)
    gpus = [gpu for line in said for gpu in _gpus(line.gres)]
    types = {gpu for gpu in gpus if gpu} | {name for line in said for name in line.types}
    if (gpus or not said) and not types:
        types = {name for line in general for name in line.types}
    has_gpu = bool(gpus or types or any(line.detector in _DETECTORS for line in said))
    detector = next((line.detector for line in (*said, *general) if line.detector), "")
    arch = next((line.arch for line in said if line.arch), "")
    machine = arch if arch and not check_platform_fact("machine", arch) else None
    namespaces: dict[str, dict[str, object]] = {}
    gaps: list[Gap] = []
    if has_gpu:
        gaps += _gpu_facts(sorted(types), _DETECTORS.get(detector), namespaces)
    if machine in ("x86_64", "aarch64"):
        namespaces[machine] = dict(facts_of_flags(machine, frozenset()))
        fact = "level" if machine == "x86_64" else "version"
        gaps.append(Gap(f"{machine}.{fact}", "Slurm does not say what the processor has"))
    elif machine is None:
        gaps.append(Gap("platform.machine", "Arch= is not in it"))
    return Node(tuple(names), PlatformFacts("Linux", machine), namespaces, tuple(sorted(types)), tuple(gaps))


def _gpu_facts(
    types: list[str], vendor: str | None, namespaces: dict[str, dict[str, object]]
) -> Iterator[Gap]:
    """Put the facts of GPUs of these types into *namespaces*; what is not known comes back."""
    accelerators = [name for name, plugin in our_plugins().items() if plugin.per_device]
    problems: dict[str, str] = {}
    for name in types:
        fitting = {space: named_gpus(space, [name]) for space in ([vendor] if vendor else accelerators)}
        known = {space: values for space, (values, _why) in fitting.items() if values}
        if len(known) == 1:
            (space, values), *_ = known.items()
            facts = namespaces.setdefault(space, {})
            listed = facts.setdefault(our_plugins()[space].per_device, [])
            if isinstance(listed, list):
                facts[our_plugins()[space].per_device] = list(dict.fromkeys([*listed, *values]))
        else:
            several = (
                [why for _values_, (why, *_) in fitting.values() if "may be" in why] if not known else []
            )
            problems[name] = several[0] if several else f"the type {name!r} is no GPU that is known"
    if not types or (problems and not namespaces):
        space = vendor or "nvidia"
        namespaces.setdefault(space, {})
        why = "; ".join(problems.values()) or "Gres= has no type" + (
            "" if vendor else " (taken for NVIDIA's)"
        )
        yield Gap(f"{space}.{our_plugins()[space].per_device}", why)
    elif problems:
        space = next(iter(namespaces))
        yield Gap(f"{space}.{our_plugins()[space].per_device}", "; ".join(problems.values()))
    for space, facts in namespaces.items():
        fact = driver_fact(space)
        if fact and fact not in facts:
            yield Gap(f"{space}.{fact}", "Slurm does not know the driver")


def _gpus(gres: str) -> Iterator[str]:
    """The type of each entry ``gpu``, ``""`` for one without: ``gpu:a100:4(S:0-1),gpu:2,mps:400``."""
    if gres.strip().lower() in _EMPTY:
        return
    for entry in re.sub(r"\([^()]*\)", "", gres).split(","):
        name, *rest = entry.strip().split(":")
        if name.lower() != "gpu":
            continue
        kept = [part for part in rest if part and part.lower() != "no_consume"]
        if kept == ["0"] or (len(kept) > 1 and kept[-1] == "0"):
            continue
        yield "" if not kept or _COUNT.fullmatch(kept[0]) else kept[0]
