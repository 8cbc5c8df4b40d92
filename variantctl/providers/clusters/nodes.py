"""A node of a cluster as far as its cluster knows it, and what fills the gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from variantctl.providers.errors import ProfileError
from variantctl.providers.machine_platform import PLATFORM_KEYS, PlatformFacts, check_platform_fact
from variantctl.providers.plugins import our_plugins
from variantctl.values import dataclass, field, replace

MOST_NODES = 200_000
"""More in one file is taken for a mistake; the largest clusters that are known have a tenth."""

PROCESSORS = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "ARM64": "aarch64"}
"""What ``uname -m`` or Windows says -> the namespace of the processor."""

_MOST_CHOICES = 4


@dataclass(frozen=True)
class Gap:
    """A fact that the cluster does not say.

    Attributes:
        fact: its path in a profile, such as ``nvidia.cuda_driver``.
        why: what was looked for, in a sentence without an end.
    """

    fact: str
    why: str


@dataclass(frozen=True)
class Node:
    """One node, or several of one line that are alike.

    Attributes:
        names: what they are called.
        platform: operating system and processor.
        namespaces: namespace -> the facts that are known of it, as a profile has them; some may lack.
        gpus: what the cluster calls the node's GPUs.
        gaps: what is not known.
        notes: what a person should know.
    """

    names: tuple[str, ...]
    platform: PlatformFacts
    namespaces: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    gpus: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    notes: tuple[str, ...] = ()


def driver_fact(namespace: str) -> str:
    """The fact that a driver decides, ``""`` for a namespace whose driver no property depends on."""
    return {"nvidia": "cuda_driver", "amd": "amdgpu"}.get(namespace, "")


def named_gpus(namespace: str, names: Iterable[str], ids: Iterable[int] = ()) -> tuple[list[str], list[str]]:
    """The values of GPUs by PCI device ids, else by what they are called, and why one is not known.

    A name that fits GPUs of several kinds has no value.
    """
    found: dict[str, None] = {}
    problems: list[str] = []
    for device_id in ids:
        known = _values_of_id(namespace, device_id)
        found.update(dict.fromkeys(known))
        if not known:
            problems.append(f"PCI device id {device_id:04x} is not in the table")
    if found or problems:
        return list(found), problems
    for name in names:
        known = _values_of_name(namespace, name)
        if len(known) == 1:
            found[known[0]] = None
        elif known:
            problems.append(f"{name!r} may be {' or '.join(known[:_MOST_CHOICES])}")
        else:
            problems.append(f"{name!r} is no GPU that is known")
    return list(found), problems


@lru_cache(maxsize=4096)
def _values_of_name(namespace: str, name: str) -> list[str]:
    return our_plugins()[namespace].values_of_name(name)


@lru_cache(maxsize=4096)
def _values_of_id(namespace: str, device_id: int) -> list[str]:
    return our_plugins()[namespace].values_of_id(device_id)


@lru_cache(maxsize=4096)
def facts_of_flags(namespace: str, flags: frozenset[str]) -> Mapping[str, object]:
    """The facts of a processor with these flags; nodes by the thousand have the same."""
    return our_plugins()[namespace].facts_of_flags(flags)


class Assumptions:
    """What the user says of all nodes whose cluster does not say it (``--assume KEY=VALUE``).

    Raises:
        ProfileError: a key or a value that no profile may have.
    """

    def __init__(self, written: Sequence[str]) -> None:
        self._platform: dict[str, str] = {}
        self._facts: dict[str, dict[str, object]] = {}
        for text in written:
            key, equals, value = text.partition("=")
            namespace, _dot, fact = key.strip().partition(".")
            if not equals or not fact or not value.strip():
                raise _refused(text, "it is not KEY=VALUE", "such as nvidia.cuda_driver=12.8")
            self._take(text, namespace, fact, value.strip())

    def _take(self, text: str, namespace: str, fact: str, value: str) -> None:
        plugins = our_plugins()
        if namespace == "platform" and fact in PLATFORM_KEYS:
            allowed = check_platform_fact(fact, value)
            if allowed is not None:
                raise _refused(text, f"{value!r} is not understood", f"allowed: {allowed}")
            self._platform[fact] = value
        elif namespace in plugins:
            plugin = plugins[namespace]
            known: object = value
            if fact in (plugin.per_device, "features"):
                known = [part.strip() for part in value.split(",")]
            try:
                plugin.notes_from_facts({**({"level": "v1"} if namespace == "x86_64" else {}), fact: known})
            except ValueError as error:
                raise _refused(text, str(error), "as a profile has it") from error
            self._facts.setdefault(namespace, {})[fact] = known
        else:
            spaces = ", ".join(f"{name}.FACT" for name in plugins)
            raise _refused(
                text,
                f"{namespace}.{fact} is no fact of a profile",
                f"allowed: platform.libc, platform.python, {spaces}",
            )

    def fill(self, node: Node) -> Node:
        """The node with what it does not say itself; a GPU that it does not have it does not get."""
        lacking = {key: value for key, value in self._platform.items() if getattr(node.platform, key) is None}
        platform = replace(node.platform, **lacking)
        open_facts = {gap.fact for gap in node.gaps}
        namespaces = {}
        for name, facts in {**_processor_of(platform), **node.namespaces}.items():
            assumed = self._facts.get(name, {}).items()
            if name in node.namespaces:
                assumed = {
                    key: value for key, value in assumed if key not in facts or f"{name}.{key}" in open_facts
                }.items()
            namespaces[name] = {**facts, **dict(assumed)}
        gaps = tuple(gap for gap in node.gaps if not self._says(gap.fact))
        return replace(node, platform=platform, namespaces=namespaces, gaps=gaps)

    def _says(self, path: str) -> bool:
        namespace, _dot, fact = path.partition(".")
        return fact in (self._platform if namespace == "platform" else self._facts.get(namespace, {}))


def _processor_of(platform: PlatformFacts) -> dict[str, Mapping[str, object]]:
    """What every processor of a platform has, where nothing is known of it."""
    namespace = PROCESSORS.get(platform.machine or "")
    return {} if namespace is None else {namespace: facts_of_flags(namespace, frozenset())}


def _refused(text: str, problem: str, hint: str) -> ProfileError:
    return ProfileError(problem, source=f"--assume {text}", hint=hint)
