"""Google's TPUs: the generation, and whether there is one at all."""

from __future__ import annotations

import re
from collections.abc import Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.google.tables.chips import GENERATIONS
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

FORCE_PRESENT = "TPU_VARIANT_PROVIDER_FORCE_PRESENT"

_GENERATION = re.compile(r"v[0-9]{1,2}[a-z]{0,2}")
_ALLOWED = 'TPU generations such as "v6e"'
_PRESENT = re.compile(r"true|false")
_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")

PRESENT, ABSENT = FeatureConfig("present", ["true"]), FeatureConfig("present", ["false"])


class TpuPlugin(Plugin):
    """Facts (a profile's ``[tpu]``): ``generations``, and ``present``, ``"true"`` unless it says ``"false"``.

    Feature ``present`` is uv 0.13's, which has no other; ``generation`` is ours, and goes before it.
    """

    namespace = "tpu"
    per_device = "generations"

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every generation, and whether there is a TPU."""
        return [
            FeatureConfig("generation", list(GENERATIONS), multi_value=True),
            FeatureConfig("present", ["true", "false"]),
        ]

    @classmethod
    def says_absent(cls, facts: Mapping[str, object]) -> bool:
        """A machine without a TPU supports what is built for machines without one, as in uv."""
        return facts.get("present") == "false"

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Look for TPUs on the PCI bus."""
        from variant_providers.google.probe import probe

        probe(tree, finding)

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """The generations as they stand, then ``present``."""
        fact_table.check_keys(facts, ("generations", "present"))
        present = fact_table.text(facts, "present", _PRESENT, '"true" or "false"')
        found = fact_table.texts(facts, "generations", _GENERATION, _ALLOWED)
        if present == "false":
            return Derivation([ABSENT])
        if not found:
            return Derivation([PRESENT] if present else [])
        notes = [
            f"TPU {generation} is not in our table of generations"
            for generation in found
            if generation not in GENERATIONS
        ]
        return Derivation([FeatureConfig("generation", found, multi_value=True), PRESENT], notes)

    @classmethod
    def configs_from_facts(cls, facts: Mapping[str, object]) -> list[FeatureConfig]:
        """As for every detector; one of the two facts must be there."""
        configs = super().configs_from_facts(facts)
        if not configs:
            raise FactsError("generations", "missing", "required: generations, or present")
        return configs

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """Whether there is a TPU, in the words that uv reads."""
        written = environ.get(FORCE_PRESENT, "").strip()
        if not written:
            return {}
        if written.lower() not in (*_YES, *_NO):
            problem = f"{written!r} is not understood"
            raise FactsError(FORCE_PRESENT, problem, f"allowed: {', '.join((*_YES, *_NO))}")
        return {"present": ("true" if written.lower() in _YES else "false", FORCE_PRESENT)}

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """Where the presence is forced, as in uv, no generation is looked for."""
        return "present" in forced
