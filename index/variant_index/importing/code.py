"""Properties of imported wheels, read from their code where it shows any, in place of the mapping's.

A label has one meaning within a version (PEP 825, "Variant label"), and a version has many wheels of one
label. So the values are those that every one of them shows. What code cannot say (which ROCm it is), and what
no wheel shows (it has no code, it cannot be read, it is linked on the machine), the mapping says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from variant_index.importing.state import Imported
from variant_index.importing.work import Item
from variantctl.values import replace
from variantctl.variants.digits import whole_number
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Properties, VariantProperty
from variantctl.wheels.audit import WheelAudit
from variantctl.wheels.inference import InferenceError, infer
from variantctl.wheels.variant import single_variant

#: The features that code has more certainly than a mapping.
_TARGETS = {"nvidia": "sm_arch", "amd": "gfx_arch", "intel": "device_ip"}
_BOUND = ("nvidia", "cuda_version_lower_bound")


def shown_by(audit: WheelAudit, declared: Properties) -> tuple[str, ...]:
    """The properties that a wheel's code shows, of the namespaces that the mapping has for it."""
    namespaces = set(declared) & set(_TARGETS)
    codes = [library.code for library in audit.libraries]
    unclear = audit.problems or any(code.problems or code.cuda.lto for code in codes)
    if not namespaces or unclear or any("amdgcnspirv" in code.amd or "spirv" in code.intel for code in codes):
        return ()
    try:
        found = infer(audit, namespaces).properties
    except InferenceError:
        return ()
    return tuple(
        str(VariantProperty(namespace, feature, value))
        for namespace, features in sorted(found.items())
        for feature, values in sorted(features.items())
        for value in values
    )


def by_code(items: Sequence[Item], entries: Mapping[str, Imported]) -> tuple[list[Item], list[str]]:
    """The same wheels with what their code shows, and a note for each version whose wheels differ.

    Args:
        items: the wheels.
        entries: filename -> what was recorded when it was imported.
    """
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.wheel.name, item.wheel.version.public, item.label), []).append(item)
    notes: list[str] = []
    changed: list[Item] = []
    for (name, version, label), group in groups.items():
        seen = [_shown(item, entries) for item in group]
        wheels = [shown for shown in seen if shown]
        metadata = {}
        for item in group:
            declared = item.metadata.variants[label]
            metadata[item.name] = _with(item.metadata, label, _joined(declared, wheels))
        if any(shown != wheels[0] for shown in wheels[1:]):
            notes.append(f"{name} {version}: wheels of variant {label} have code for different devices")
        changed += [replace(item, metadata=metadata[item.name]) for item in group]
    return changed, notes


def _shown(item: Item, entries: Mapping[str, Imported]) -> dict[tuple[str, str], set[str]]:
    entry = entries.get(item.before[0] if item.before else item.name)
    found: dict[tuple[str, str], set[str]] = {}
    if entry is not None and entry.identity == item.identity:
        for text in entry.shown or ():
            shown = VariantProperty.parse(text)
            found.setdefault((shown.namespace, shown.feature), set()).add(shown.value)
    return found


def _joined(declared: Properties, wheels: Sequence[Mapping[tuple[str, str], set[str]]]) -> Properties:
    """The mapping's properties, with targets and a higher lower bound of the code."""
    joined = {namespace: dict(features) for namespace, features in declared.items()}
    for namespace, feature in _TARGETS.items():
        held = [wheel[namespace, feature] for wheel in wheels if (namespace, feature) in wheel]
        common = set.intersection(*held) if held else set()
        if common and namespace in joined:
            joined[namespace][feature] = tuple(sorted(common))
    bounds = [value for wheel in wheels for value in wheel.get(_BOUND, ())]
    said = joined.get("nvidia", {}).get(_BOUND[1], ())
    if bounds and "nvidia" in joined:
        highest = max(bounds, key=_number)
        if not said or max(map(_number, said)) < _number(highest):
            joined["nvidia"][_BOUND[1]] = (highest,)
    return joined


def _with(metadata: VariantMetadata, label: str, properties: Properties) -> VariantMetadata:
    if properties == metadata.variants[label]:
        return metadata
    return single_variant(replace(metadata, variants={}), label, properties)


def _number(version: str) -> tuple[int, ...]:
    numbers = (whole_number(part) for part in version.split("."))
    return tuple(number for number in numbers if number is not None)
