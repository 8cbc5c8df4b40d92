"""Classes of machines: nodes that get the same builds, written down as one profile."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from variantctl.filesystem.atomic import written_whole
from variantctl.providers.clusters.errors import ProfileExistsError
from variantctl.providers.clusters.nodes import Gap, Node
from variantctl.providers.machine_platform import PlatformFacts
from variantctl.providers.plugins import our_plugins
from variantctl.providers.profiles import dump_profile
from variantctl.values import dataclass

_MOST_NAMES = 5
_LONGEST_NAME = 48
#: Words of a GPU's name that every other one has.
_SILENT = re.compile(r"^(nvidia|amd|intel|tesla|gpu)-+")


@dataclass(frozen=True)
class MachineClass:
    """Nodes that differ in nothing that a wheel could ask for.

    Attributes:
        name: the profile's.
        nodes: their names.
        platform: operating system and processor.
        namespaces: the facts, as a profile has them.
        gpus: what the cluster calls their GPUs.
        gaps: what it does not say of them.
        notes: what a person should know.
        source: where this is from.
    """

    name: str
    nodes: tuple[str, ...]
    platform: PlatformFacts
    namespaces: Mapping[str, Mapping[str, object]]
    gpus: tuple[str, ...]
    gaps: tuple[Gap, ...]
    notes: tuple[str, ...]
    source: str

    @property
    def _accelerators(self) -> list[str]:
        plugins = our_plugins()
        return [name for name in self.namespaces if plugins[name].per_device]

    @property
    def is_complete(self) -> bool:
        """Whether the profile can be used as it is: every fact that its namespaces require is there."""
        plugins = our_plugins()
        return all(
            all(facts.get(key) for key in plugins[name].required) for name, facts in self.namespaces.items()
        )

    @property
    def profile(self) -> str:
        """The text of the profile; what is not known is left open in a comment at its top."""
        shown = ", ".join(self.nodes[:_MOST_NAMES])
        more = len(self.nodes) - _MOST_NAMES
        told = f"{shown} and {more} more" if more > 0 else shown
        text = dump_profile(
            self.name,
            platform=self.platform,
            namespaces=self.namespaces,
            sources=(f"{self.source}: {told}",),
            title=", ".join(self.gpus) or ("a GPU that is not known" if self._accelerators else "no GPU"),
            description=f"{len(self.nodes)} nodes" if len(self.nodes) > 1 else "1 node",
        )
        # A comment ends with its line, and TOML allows no control characters in it.
        comments = [f"# {gap.fact} is not known: {_plain(gap.why)}.\n" for gap in self.gaps]
        return "".join(comments) + text

    def as_json(self) -> dict[str, object]:
        """An element of ``classes`` in ``profile from ... --json``."""
        return {
            "name": self.name,
            "count": len(self.nodes),
            "nodes": list(self.nodes),
            "gpus": list(self.gpus),
            "platform": self.platform.as_json(),
            "facts": {name: dict(facts) for name, facts in self.namespaces.items()},
            "complete": self.is_complete,
            "missing": [{"fact": gap.fact, "why": gap.why} for gap in self.gaps],
            "notes": list(self.notes),
        }


def classes_of(nodes: Iterable[Node], source: str) -> list[MachineClass]:
    """The classes, that with most nodes first; each has a name of its own."""
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(_key(node), []).append(node)
    found = [_class(group, source) for group in groups.values()]
    found.sort(key=lambda one: (-len(one.nodes), one.name, one.nodes))
    return _with_names_of_their_own(found)


def write_profiles(
    classes: Sequence[MachineClass], folder: Path, *, overwrite: bool = False
) -> list[tuple[Path, bool]]:
    """A file for each class: its path, and whether it was written (``False``: it said so before).

    Raises:
        ProfileExistsError: a file there says something else; then none is written.
    """
    places = [(folder / f"{one.name}.toml", one.profile) for one in classes]
    changed = [(place, text) for place, text in places if not _says(place, text)]
    kept = [str(place) for place, _text in changed if place.exists() or place.is_symlink()]
    if kept and not overwrite:
        raise ProfileExistsError(
            f"there are other profiles already: {', '.join(kept)}",
            hint="Name another folder with -d DIR, or replace them with --overwrite.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for place, text in changed:
        with written_whole(place) as out:
            out.write(text.encode())
    return [(place, (place, text) in changed) for place, text in places]


def _says(place: Path, text: str) -> bool:
    try:
        return place.is_file() and place.read_bytes() == text.encode()
    except OSError:
        return False


def _key(node: Node) -> str:
    """What makes nodes different: facts, and what is not known."""
    return json.dumps(
        [node.platform.as_json(), node.namespaces, sorted({gap.fact for gap in node.gaps}), _unsure(node)],
        sort_keys=True,
    )


def _unsure(node: Node) -> Sequence[str]:
    """Nodes whose GPUs are not known are alike only where they are called alike."""
    plugins = our_plugins()
    known = all(
        facts.get(plugins[name].per_device)
        for name, facts in node.namespaces.items()
        if plugins[name].per_device
    )
    return () if known else node.gpus


def _class(group: Sequence[Node], source: str) -> MachineClass:
    first = group[0]
    gpus = list(dict.fromkeys(gpu for node in group for gpu in node.gpus))
    gaps = list({gap.fact: gap for node in group for gap in node.gaps}.values())
    notes = list(dict.fromkeys(note for node in group for note in node.notes))
    names = tuple(name for node in group for name in node.names)
    return MachineClass(
        _slug(gpus, first),
        names,
        first.platform,
        first.namespaces,
        tuple(gpus),
        tuple(gaps),
        tuple(notes),
        source,
    )


def _slug(gpus: Sequence[str], node: Node) -> str:
    """A name for a file: of the first GPU, else of the processor."""
    plugins = our_plugins()
    accelerators = [name for name in node.namespaces if plugins[name].per_device]
    if gpus:
        words = _safe(gpus[0])
        short = _SILENT.sub("", words)
        return (short if re.search("[0-9]", short) else words) or "gpu"
    if accelerators:
        return f"{accelerators[0]}-gpu"
    system = "" if node.platform.system == "Linux" else f"{node.platform.system}-"
    return _safe(f"cpu-{system}{node.platform.machine or 'unknown'}")


def _safe(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:_LONGEST_NAME].strip("-")


def _with_names_of_their_own(classes: Sequence[MachineClass]) -> list[MachineClass]:
    """Classes of one name get what tells them apart behind it, else a number."""
    from variantctl.values import replace

    by_name: dict[str, list[MachineClass]] = {}
    for one in classes:
        by_name.setdefault(one.name, []).append(one)
    taken: set[str] = set()
    named = []
    for one in classes:
        alike = by_name[one.name]
        name = one.name if len(alike) == 1 else f"{one.name}{_mark(one, alike)}"
        number, free = 2, name
        while free in taken:
            free, number = f"{name}-{number}", number + 1
        taken.add(free)
        named.append(replace(one, name=free))
    return named


def _mark(one: MachineClass, alike: Sequence[MachineClass]) -> str:
    """The driver and the processor where they differ: ``-cuda12.4-v3``."""
    marks = []
    for namespace, fact, before in (
        ("nvidia", "cuda_driver", "cuda"),
        ("amd", "amdgpu", "amdgpu"),
        ("x86_64", "level", ""),
        ("aarch64", "version", "arm"),
    ):
        values = {str(other.namespaces.get(namespace, {}).get(fact)) for other in alike}
        mine = one.namespaces.get(namespace, {}).get(fact)
        if len(values) > 1 and mine is not None:
            marks.append(f"-{before}{mine}")
    return "".join(marks)


def _plain(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]", " ", text)
