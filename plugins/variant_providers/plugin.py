"""The plugin interface: what every detector of this package has in common."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping

from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.probing import child
from variant_providers.probing.tree import Tree
from variant_providers.recorded import FILE, read_recorded


class Plugin:
    """A detector of one namespace, used as a class (nothing has to be instantiated).

    The first two methods are the plugin API of PEP 850; the others are ours. A subclass sets ``namespace``
    and says how to ``probe`` for facts, what ``derive``\\ s from them, and which values are valid at all.
    """

    namespace = ""
    required: tuple[str, ...] = ()
    """The facts without which a profile's table of this namespace makes no sense."""
    per_device = ""
    """The fact that lists a value for each device, ``""`` where there is none."""

    @classmethod
    def get_supported_configs(cls, *_context: object) -> list[FeatureConfig]:
        """What this machine supports, best first. Callers that pass a context argument are tolerated."""
        finding = cls._find(Tree())
        return [] if finding.facts is None else cls.derive(finding.facts).configs

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every valid feature and value of the namespace."""
        raise NotImplementedError

    @classmethod
    def says_absent(cls, facts: Mapping[str, object]) -> bool:
        """Whether the facts say that there is no device, of which something may follow all the same."""
        return False

    @classmethod
    def configs_from_facts(cls, facts: Mapping[str, object]) -> list[FeatureConfig]:
        """The ordered features that follow from a profile's table of this namespace.

        Raises:
            FactsError: for an unknown key or a value that cannot be understood.
        """
        configs = cls.derive(facts).configs
        for key in cls.required:
            if not facts.get(key):
                raise FactsError(key, "missing", "required: " + ", ".join(cls.required))
        return configs

    @classmethod
    def notes_from_facts(cls, facts: Mapping[str, object]) -> list[str]:
        """What a person should know about a table of facts, such as that it is outside the known range."""
        return cls.derive(facts).notes

    @classmethod
    def each_alone(cls, facts: Mapping[str, object]) -> list[dict[str, object]]:
        """The same facts for each different device alone, as they are listed; of a processor, as they are.

        For those who want builds that run on every device, and not only on the best one.
        """
        listed = facts.get(cls.per_device) if cls.per_device else None
        if not isinstance(listed, list):
            return [dict(facts)]
        return [{**facts, cls.per_device: [value]} for value in dict.fromkeys(listed)]

    @classmethod
    def devices(cls) -> Iterable[tuple[int, str, str]]:
        """Every device that is known: its PCI device id, the name it is sold under, and its value of
        ``per_device``. A name or a value that is not known is ``""``."""
        return ()

    @classmethod
    def values_of_id(cls, device_id: int) -> list[str]:
        """The value of ``per_device`` of a PCI device id, in a list; empty for one that is not known."""
        return list(dict.fromkeys(value for known, _, value in cls.devices() if known == device_id and value))

    @classmethod
    def values_of_name(cls, name: str) -> list[str]:
        """The values of ``per_device`` of the devices that are called so; a name may fit several."""
        # Late: no machine that detects itself needs it.
        from variant_providers.model_names import values_named

        return values_named(name, ((sold, value) for _, sold, value in cls.devices() if sold and value))

    @classmethod
    def facts_of_driver(cls, version: str) -> dict[str, object]:
        """The facts that follow from a driver's version; none where it is not understood."""
        return {}

    @classmethod
    def facts_of_flags(cls, flags: Collection[str]) -> dict[str, object]:
        """The facts that follow from a processor's flags, in Linux's or anybody's spelling; of a GPU none."""
        return {}

    @classmethod
    def detect(
        cls, root: str | None = None, *, transcript: child.Transcript | None = None
    ) -> dict[str, object]:
        """Probe this machine, or the tree at ``root``, and return a JSON-able report.

        To ``transcript``, if given, each tool and driver child that is run is added with what it printed. It
        may hold UUIDs and serial numbers: whoever passes it on takes them out.

        Keys: ``namespace``, ``status`` (``ok``, ``absent``, ``error``, or ``disabled`` by a malformed
        override), ``source``, ``elapsed_ms``, ``devices``, ``features`` (objects with ``name``, ``values``,
        ``multi_value``), ``evidence`` (objects with ``fact``, ``value``, ``source``), ``notes``, ``facts``
        (the profile table, or ``None``) and ``files`` (the paths read, without a leading slash).
        """
        start = time.perf_counter()
        tree = Tree(root)
        # Detectors may run side by side, each in a thread of its own.
        written = child.TRANSCRIPT.set([] if transcript is None else transcript)
        try:
            finding = cls._find(tree)
        finally:
            child.TRANSCRIPT.reset(written)
        derived = Derivation()
        if finding.facts is not None:
            derived = cls._derived(finding)
            finding.notes.extend(note for note in derived.notes if note not in finding.notes)
            finding.failed = finding.failed or not derived.configs
        failed = "disabled" if finding.disabled else "error" if finding.failed else "absent"
        status = "ok" if derived.configs and not cls.says_absent(finding.facts or {}) else failed
        return {
            "namespace": cls.namespace,
            "status": status,
            "source": finding.source,
            "elapsed_ms": round((time.perf_counter() - start) * 1000, 3),
            "devices": finding.devices,
            "features": [config.as_json() for config in derived.configs],
            "evidence": finding.evidence,
            "notes": finding.notes,
            "facts": finding.facts,
            "files": list(dict.fromkeys(tree.files)),
        }

    @classmethod
    def read_file(cls, root: str | None, path: str) -> bytes | None:
        """The bytes of one of a report's ``files``, with links followed inside ``root`` only."""
        return Tree(root).read_bytes(path)

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Read facts into ``finding``."""
        raise NotImplementedError

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The ordered features that follow from facts, and what to say about them."""
        raise NotImplementedError

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """The facts that the environment overrides: fact -> (value, variable).

        Raises:
            FactsError: for a malformed override, with the variable as its ``key``.
        """
        return {}

    @classmethod
    def _find(cls, tree: Tree) -> Finding:
        """Probe, unless every fact is forced; a malformed override disables the whole namespace."""
        recorded = read_recorded(tree, cls.namespace)
        if recorded is not None:
            return recorded
        finding = Finding()
        try:
            # A tree stands for another machine, so this one's environment says nothing about it.
            forced = cls.forced(os.environ) if tree.is_local else {}
        except FactsError as error:
            finding.disable(f"{error.key}: {error.problem}, so {cls.namespace} is disabled; {error.allowed}")
            return finding
        if not cls.complete(forced):
            cls.probe(tree, finding)
        for fact, (value, variable) in forced.items():
            finding.facts = {**(finding.facts or {}), fact: value}
            finding.source = f"{finding.source} and environment" if finding.source else "environment"
            finding.saw(fact, value, f"environment variable {variable}")
            finding.note(f"{fact} is forced by {variable}")
        return finding

    @classmethod
    def _derived(cls, finding: Finding) -> Derivation:
        """What follows from the facts; those that a bundle recorded may be anything."""
        try:
            return cls.derive(finding.facts or {})
        except FactsError as error:
            finding.fail(f"/{FILE}: {error}")
            return Derivation()

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """Whether the forced facts leave nothing to probe for."""
        return False
