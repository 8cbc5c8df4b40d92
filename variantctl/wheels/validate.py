"""Everything that can be wrong with a variant wheel, as a list: for whoever publishes it.

``verify`` stops at the first problem, because an installer needs no more; this goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.tags import parse_tag
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.known_properties import KnownFeatures, unknown_properties
from variantctl.variants.labels import OLDER_NULL_LABEL
from variantctl.variants.markers import parse_requirement
from variantctl.variants.merge import merge_metadata
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.schemas import Format, format_of
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import audit_archive
from variantctl.wheels.contradictions import contradictions
from variantctl.wheels.errors import UntidyError, WheelError
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.wheels.record import SIGNATURES, RecordEntry, name_problems, read_record
from variantctl.wheels.variant import VARIANT_JSON, read_variant, stray_variant_json
from variantctl.wheels.verify import Progress, check_identity, content_problems, scripts_of

AskValidity = Callable[[Mapping[str, ProviderInfo], Sequence[str]], tuple[KnownFeatures, Mapping[str, str]]]
"""What providers know of namespaces, and why nothing is known of the others."""


@dataclass(frozen=True)
class Validation:
    """What was found in one wheel.

    Attributes:
        path: the wheel.
        filename: its parsed filename; ``None`` where it is not a wheel's.
        problems: what is wrong, in the order in which it was looked at.
        notes: what is odd, but allowed, and what could not be looked at.
        variant: its variant metadata, where there is a sound one.
    """

    path: Path
    filename: WheelFilename | None
    problems: tuple[VariantctlError, ...] = ()
    notes: tuple[str, ...] = ()
    variant: VariantMetadata | None = None

    def as_json(self) -> dict[str, object]:
        """The wheel's object of ``wheel validate --json``."""
        return {
            "filename": self.path.name,
            "path": str(self.path),
            "label": self.filename.label if self.filename else None,
            "valid": not self.problems,
            "problems": [
                {
                    "kind": problem.kind,
                    "message": problem.message,
                    "member": problem.member if isinstance(problem, WheelError) else None,
                    "hint": problem.hint or "",
                }
                for problem in self.problems
            ],
            "notes": list(self.notes),
        }


def validate_wheel(
    path: Path,
    ask: AskValidity | None = None,
    *,
    strict: bool = False,
    progress: Progress | None = None,
) -> Validation:
    """Look at everything in a wheel; nothing about it is raised.

    Args:
        path: the wheel.
        ask: says what providers know of properties; ``None``: properties are not checked against providers.
        strict: what is only untidy is a problem, too.
        progress: told how far hashing is.
    """
    try:
        filename = parse_wheel_filename(path.name)
    except InvalidVariantError as error:
        return Validation(path, None, (error,))
    try:
        archive = WheelArchive.open(path, filename)
    except VariantctlError as error:
        return Validation(path, filename, (error,))
    with archive:
        look = _Look(archive, path)
        look.at_metadata()
        look.at_wheel_file()
        look.at_variant(ask)
        look.at_scripts()
        look.at_record(progress)
        look.at_code()
        if strict:
            look.problems += [UntidyError(text) for text in look.untidy]
        else:
            look.notes += look.untidy
        return Validation(path, filename, tuple(look.problems), tuple(look.notes), look.variant)


def together(found: Sequence[Validation]) -> dict[Path, VariantctlError]:
    """What is wrong between wheels of one version (PEP 825, "Metadata consistency"): at most one for each.

    Each wheel is compared with those before it that agree with each other.
    """
    groups: dict[tuple[NormalizedName, Version], list[tuple[str, VariantMetadata]]] = {}
    problems: dict[Path, VariantctlError] = {}
    for one in sorted(found, key=lambda each: each.path.name):
        if one.filename is None or one.variant is None:
            continue
        group = groups.setdefault((one.filename.name, one.filename.version), [])
        item = (one.path.name, one.variant)
        try:
            merge_metadata([*group, item])
        except InvalidVariantError as error:
            problems[one.path] = error
        else:
            group.append(item)
    return problems


class _Look:
    """One wheel, looked at part by part; a part that cannot be read ends with what is wrong about it."""

    def __init__(self, archive: WheelArchive, path: Path) -> None:
        self.archive = archive
        self.path = path
        self.problems: list[VariantctlError] = []
        self.notes: list[str] = []
        self.untidy: list[str] = list(archive.untidy)
        self.variant: VariantMetadata | None = None

    def at_metadata(self) -> None:
        """METADATA: there, about this wheel, every requirement a dependency specifier."""
        archive, member = self.archive, f"{self.archive.dist_info}/METADATA"
        try:
            data = archive.metadata_bytes()
            metadata = parse_core_metadata(data, archive.filename.filename)
        except VariantctlError as error:
            self.problems.append(error)
            return
        try:
            check_identity(archive)
        except VariantctlError as error:
            self.problems.append(error)
        for text in metadata.requires_dist:
            try:
                parse_requirement(text)
            except InvalidVariantError as error:
                self._wrong(f"Requires-Dist: {error.message}", member)
        if metadata.requires_python_text and metadata.requires_python is None:
            self._wrong(
                f"Requires-Python: {metadata.requires_python_text!r} is not a version specifier", member
            )

    def at_wheel_file(self) -> None:
        """WHEEL: there, its version one that installers read, its tags and build those of the filename."""
        archive, member = self.archive, f"{self.archive.dist_info}/WHEEL"
        try:
            headers = BytesHeaderParser().parsebytes(archive.read(member))
        except VariantctlError as error:
            self.problems.append(error)
            return
        version = str(headers.get("Wheel-Version", ""))
        if version.partition(".")[0] != "1":
            self._wrong(f"Wheel-Version is {version or 'missing'}, and installers read 1.x", member)
        if str(headers.get("Root-Is-Purelib", "")).lower() not in ("true", "false"):
            self._wrong("Root-Is-Purelib is neither true nor false", member)
        tags = {str(tag) for text in headers.get_all("Tag", []) for tag in _tags(str(text))}
        expected = {str(tag) for tag in archive.filename.tags}
        if tags != expected:
            difference = ", ".join(sorted(tags ^ expected)[:5])
            self._wrong(f"its tags are not those of the filename: {difference}", member)
        build = "".join(map(str, archive.filename.build))
        if str(headers.get("Build", "")) != build:
            said = str(headers.get("Build", "")) or "missing"
            self._wrong(f"Build is {said}, the filename has {build or 'none'}", member)

    def at_variant(self, ask: AskValidity | None) -> None:
        """variant.json: there if and only if there is a label, of a current format, its properties known."""
        archive, member = self.archive, f"{self.archive.dist_info}/{VARIANT_JSON}"
        stray = stray_variant_json(archive)
        if stray is not None:
            self.notes.append(stray)
        try:
            self.variant = read_variant(archive)
        except VariantctlError as error:
            self.problems.append(error)
            return
        if self.variant is None:
            return
        label = archive.filename.label or ""
        if format_of(self.variant.schema) is Format.OLDER:
            hint = "Make it again with 'variantctl wheel make', which writes the current format."
            self._wrong(f"it is of an older draft ({self.variant.schema})", member, hint)
        if label == OLDER_NULL_LABEL and not self.variant.variants[label]:
            self._wrong("the null variant must have the label 'null'", None)
        self._lists_are_sorted(member, label)
        self._one_plugin_a_namespace(member)
        if ask is None:
            return
        properties = self.variant.variants[label]
        known, unchecked = ask(self.variant.providers, list(properties))
        source = f"{archive.filename.filename}: {member}"
        self.problems += unknown_properties(properties, known, source=source, label=label)
        name = archive.filename.filename
        self.notes += [f"{name}: {ns} is not checked: {why}" for ns, why in unchecked.items()]

    def _lists_are_sorted(self, member: str, label: str) -> None:
        """PEP 825, "Variants": the values are sets of strings, "converted to lists and sorted lexically"."""
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            for namespace, features in json.loads(self.archive.read(member))["variants"][label].items():
                for feature, values in features.items():
                    if list(values) != sorted(values):
                        self._wrong(f"the values of {namespace} :: {feature} are not sorted", member)

    def _one_plugin_a_namespace(self, member: str) -> None:
        """PEP 850, "Plugin API": a plugin operates within a single namespace; variantlib holds it to that."""
        if self.variant is None or format_of(self.variant.schema) is Format.OLDER:
            return
        asked: dict[str, list[str]] = {}
        for namespace, provider in self.variant.providers.items():
            if provider.requires and provider.effective_plugin_api:
                asked.setdefault(provider.effective_plugin_api, []).append(namespace)
        for plugin, namespaces in asked.items():
            if len(namespaces) > 1:
                named = " and ".join(sorted(namespaces))
                rule = f"plugin {plugin} is named for {named}, and answers for one only"
                self._wrong(
                    rule, member, "give each its own plugin-api, in [variant.providers] of pyproject.toml"
                )

    def at_record(self, progress: Progress | None) -> None:
        """RECORD: there, readable, listing exactly the files, every size and hash true."""
        archive = self.archive
        try:
            read = read_record(archive)
        except VariantctlError as error:
            self.problems.append(error)
            return
        self.untidy += read.untidy
        record: Mapping[str, RecordEntry] = read.entries
        wrong = name_problems(archive, record)
        self.problems += wrong
        named = {problem.member for problem in wrong}
        self.problems += [
            problem for problem in content_problems(archive, record, progress) if problem.member not in named
        ]
        for name in SIGNATURES:
            if f"{archive.dist_info}/{name}" in archive:
                self.notes.append(f"{archive.filename.filename}: {name} is there, and nothing checks it")

    def at_code(self) -> None:
        """What its libraries were built for: nothing that is declared, and no tag, is contradicted."""
        filename = self.archive.filename
        label = filename.label
        if self.problems or (label is not None and self.variant is None):
            return
        audit = audit_archive(self.archive, self.path)
        self.notes += audit.problems
        for library in audit.libraries:
            for problem in library.code.problems:
                self.notes.append(f"{audit.name}: {library.name}: {problem}")
        declared = self.variant.variants[label] if self.variant is not None and label is not None else {}
        self.problems += contradictions(audit, declared, label, filename.tags)

    def at_scripts(self) -> None:
        """entry_points.txt: readable, every name of a script a plain file name."""
        try:
            self.untidy += scripts_of(self.archive).untidy
        except VariantctlError as error:
            self.problems.append(error)

    def _wrong(self, problem: str, member: str | None, hint: str | None = None) -> None:
        self.problems.append(self.archive.error(problem, member, hint))


def _tags(text: str) -> Iterator[str]:
    with suppress(ValueError):
        for tag in parse_tag(text.strip()):
            yield str(tag)
