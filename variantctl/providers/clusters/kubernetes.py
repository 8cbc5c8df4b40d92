"""Nodes of Kubernetes, from what ``kubectl get nodes -o json`` prints.

What each label means, and where that was read, is in ``labels.toml``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from variantctl.providers.clusters.errors import ClusterFileError
from variantctl.providers.clusters.nodes import (
    MOST_NODES,
    PROCESSORS,
    Gap,
    Node,
    driver_fact,
    facts_of_flags,
    named_gpus,
)
from variantctl.providers.machine_platform import PlatformFacts, check_platform_fact
from variantctl.providers.plugins import our_plugins

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMAND = "kubectl get nodes -o json"
_NFD = "feature.node.kubernetes.io/"
_CPUID = _NFD + "cpu-cpuid."
_KERNEL = _NFD + "kernel-version.full"
_GPU = "nvidia.com/gpu"
_LONGEST = 253
_SYSTEMS = {"linux": "Linux", "windows": "Windows"}
_MACHINES = {
    "Linux": {"amd64": "x86_64", "arm64": "aarch64"},
    "Windows": {"amd64": "AMD64", "arm64": "ARM64"},
}
#: What a time-sliced or divided GPU's name has behind it.
_SHARED = re.compile(r"(-SHARED|-MIG-.*)$")


def read_kubernetes(data: bytes, source: str) -> tuple[list[Node], list[str]]:
    """The nodes, and what to say about what was left out.

    Raises:
        ClusterFileError: it is not what the command prints, or has no node.
    """
    nodes, notes = [], []
    strange = others = 0
    for item in _items(data, source):
        kind = item.get("kind", "Node") if isinstance(item, dict) else None
        if kind is None or (kind == "Node" and not isinstance(item.get("metadata"), dict)):
            strange += 1
        elif kind != "Node":
            others += 1
        else:
            nodes.append(_node(item))
    if not nodes:
        raise ClusterFileError(
            f"{source}: there is no node in it" + (f", but {others} other objects" if others else ""),
            hint=f"Take what `{COMMAND}` prints.",
        )
    if others:
        notes.append(f"{others} objects that are no nodes were left out")
    if strange:
        notes.append(f"{strange} entries without metadata were left out")
    return nodes, notes


def _items(data: bytes, source: str) -> list[Any]:
    try:
        read = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ClusterFileError(
            f"{source}: not valid JSON: {error}", hint=f"Take it as `{COMMAND}` prints it."
        ) from error
    if not isinstance(read, dict):
        raise ClusterFileError(
            f"{source}: no object of Kubernetes", hint=f"Take it as `{COMMAND}` prints it."
        )
    if "items" not in read:
        if read.get("kind") != "Node":
            kind = str(read.get("kind", "without a kind"))[:_LONGEST]
            raise ClusterFileError(
                f"{source}: neither a list nor a node, but {kind}", hint=f"Take it as `{COMMAND}` prints it."
            )
        return [read]
    items = read["items"]
    if not isinstance(items, list) or len(items) > MOST_NODES:
        raise ClusterFileError(f"{source}: its items are no list of at most {MOST_NODES} nodes")
    return items


def _node(item: Mapping[str, Any]) -> Node:
    metadata, status = item["metadata"], _table(item, "status")
    labels, info = _texts(metadata, "labels"), _texts(status, "nodeInfo")
    resources = {key: str(n) for key, n in _table(status, "capacity").items() if str(n) not in ("0", "")}
    name = str(metadata.get("name", "node without a name"))[:_LONGEST]
    seen = _Seen(labels, resources, info.get("kernelVersion") or labels.get(_KERNEL, ""))
    platform = _platform(labels, info)
    namespaces: dict[str, dict[str, object]] = {}
    gaps: list[Gap] = []
    gpus: dict[str, None] = {}
    for namespace in known_labels():
        if seen.has(namespace):
            facts, missing = seen.facts(namespace)
            namespaces[namespace] = facts
            gaps += missing
            gpus.update(dict.fromkeys(seen.names(namespace)))
    processor, missing = _processor(labels, platform)
    namespaces |= processor
    gaps += missing
    return Node((name,), platform, namespaces, tuple(gpus), tuple(gaps), tuple(seen.notes()))


def _platform(labels: Mapping[str, str], info: Mapping[str, str]) -> PlatformFacts:
    written = info.get("operatingSystem") or labels.get("kubernetes.io/os") or "linux"
    system = _SYSTEMS.get(written.lower(), "Linux")
    arch = info.get("architecture") or labels.get("kubernetes.io/arch") or ""
    machine = _MACHINES[system].get(arch.lower(), arch)
    return PlatformFacts(system, None if check_platform_fact("machine", machine) else machine)


def _processor(
    labels: Mapping[str, str], platform: PlatformFacts
) -> tuple[dict[str, dict[str, object]], list[Gap]]:
    """The facts of the processor: Node Feature Discovery has a label for each flag."""
    namespace = PROCESSORS.get(platform.machine or "")
    if namespace is None:
        return {}, [
            Gap("platform.machine", "the node does not say its architecture")
        ] if not platform.machine else []
    flags = [
        key[len(_CPUID) :] for key, value in labels.items() if key.startswith(_CPUID) and value == "true"
    ]
    facts = dict(facts_of_flags(namespace, frozenset(flags)))
    fact = "level" if namespace == "x86_64" else "version"
    gap = Gap(f"{namespace}.{fact}", "no label of Node Feature Discovery says what the processor has")
    return {namespace: facts}, [] if flags else [gap]


class _Seen:
    """The labels and resources of a node, and what they say about its GPUs."""

    def __init__(self, labels: Mapping[str, str], resources: Mapping[str, str], kernel: str) -> None:
        self._labels = labels
        self._resources = resources
        self._kernel = kernel

    def has(self, namespace: str) -> bool:
        return any(self._matches(wanted) for wanted in known_labels()[namespace]["present"])

    def _matches(self, wanted: str) -> bool:
        if wanted.endswith("*"):
            return any(key.startswith(wanted[:-1]) for key in (*self._labels, *self._resources))
        return wanted in self._resources or self._labels.get(wanted, "false").lower() not in ("false", "")

    def names(self, namespace: str) -> list[str]:
        """What the node's GPUs are called, without what sharing and MIG put behind it."""
        table = known_labels()[namespace]
        written = [self._labels[label] for label in table.get("names", ()) if self._labels.get(label)][:1]
        for start in table.get("names_in_key", ()):
            written += [key[len(start) :] for key in self._labels if key.startswith(start)]
        return list(dict.fromkeys(_SHARED.sub("", name)[:_LONGEST] for name in written))

    def _ids(self, namespace: str) -> list[int]:
        table = known_labels()[namespace]
        written = [self._labels.get(label, "") for label in table.get("ids", ())]
        for start, end in table.get("ids_in_key", ()):
            ends = (re.fullmatch(end, key[len(start) :]) for key in self._labels if key.startswith(start))
            written += [found[1] for found in ends if found is not None]
        return [int(text, 16) for text in dict.fromkeys(written) if re.fullmatch(r"[0-9a-fA-F]{4}", text)]

    def facts(self, namespace: str) -> tuple[dict[str, object], list[Gap]]:
        """The facts of a vendor's GPUs, and those that lack."""
        table, plugin = known_labels()[namespace], our_plugins()[namespace]
        gaps: list[Gap] = []
        facts: dict[str, object] = {}
        problems: list[str] = []
        values = [value for row in table.get("values", ()) if (value := self._numbers(row))]
        if not values:
            values, problems = named_gpus(namespace, self.names(namespace), self._ids(namespace))
        for fact, rows in table.get("facts", {}).items():
            told = next((value for row in rows if (value := self._numbers(row))), None)
            if told is not None:
                facts[fact] = told
        fact = driver_fact(namespace)
        if fact and fact not in facts:
            facts |= self._driver(namespace)
            if fact not in facts:
                gaps.append(Gap(f"{namespace}.{fact}", "no label says which driver runs"))
        if values:
            facts[plugin.per_device] = values
        if not values or problems:
            why = "; ".join(problems) or "no label says which GPU it is"
            gaps.append(Gap(f"{namespace}.{plugin.per_device}", why))
        return facts, gaps

    def _driver(self, namespace: str) -> dict[str, object]:
        table, plugin = known_labels()[namespace], our_plugins()[namespace]
        for row in table.get("drivers", ()):
            parts = [self._labels.get(label) for label in row]
            if parts == [""] and table.get("in_tree"):
                return plugin.facts_of_driver(self._kernel)
            if all(parts):
                return plugin.facts_of_driver(".".join(str(part) for part in parts))
        return {}

    def _numbers(self, row: Sequence[str]) -> str | None:
        parts = [self._labels.get(label, "") for label in row]
        if not all(re.fullmatch(r"[0-9]{1,3}", part, re.ASCII) for part in parts):
            return None
        return ".".join(str(int(part)) for part in parts)

    def notes(self) -> Iterator[str]:
        """What a person should know of the node."""
        amount, count, replicas = (
            int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else 0
            for text in (
                self._resources.get(_GPU, ""),
                self._labels.get(f"{_GPU}.count", ""),
                self._labels.get(f"{_GPU}.replicas", ""),
            )
        )
        if count and amount > count * max(replicas, 1):
            yield (
                f"it has {amount} of {_GPU}, and the labels describe {count}: GPU Feature Discovery labels "
                "one model of those that a node has"
            )
        for resource, called in unknown_resources().items():
            if resource in self._resources:
                yield f"{called} ({resource}) is left out: no detector of variantctl knows it"


@cache
def known_labels() -> Mapping[str, Mapping[str, Any]]:
    """Namespace -> its table of ``labels.toml``."""
    return {name: table for name, table in _labels_file().items() if name != "unknown"}


def unknown_resources() -> Mapping[str, str]:
    """Resource -> what the accelerator is called that there is no detector for."""
    table: Mapping[str, str] = _labels_file()["unknown"]
    return table


@cache
def _labels_file() -> Mapping[str, Any]:
    read: Mapping[str, Any] = tomllib.loads((Path(__file__).parent / "labels.toml").read_text("utf-8"))
    return read


def _table(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def _texts(item: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: value for name, value in _table(item, key).items() if isinstance(value, str)}
