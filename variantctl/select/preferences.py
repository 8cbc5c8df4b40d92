"""What a user prefers or rules out among the variants that a machine supports.

PEP 825 ("Variant ordering") lets a tool reorder or narrow the compatible wheels, never widen them: nothing
here can make a machine support what it does not. Saying what is supported is the part of a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.labels import validate_label
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN, Properties, Supported

NON_VARIANT = ""

PREFER, REQUIRE, ANY = "prefer", "require", "any"
ACCELERATOR_POLICIES = (PREFER, REQUIRE, ANY)
"""What ``--accelerator`` may say; :mod:`.accelerator_order` has what each means."""


@dataclass(frozen=True)
class PropertyPattern:
    """A namespace, a feature, or a property; what is left out matches anything.

    Attributes:
        namespace: always given.
        feature: ``None`` for a whole namespace.
        value: ``None`` for a whole namespace or feature.
    """

    namespace: str
    feature: str | None = None
    value: str | None = None

    @classmethod
    def parse(cls, text: str) -> PropertyPattern:
        """Read ``nvidia``, ``nvidia :: sm_arch`` or ``nvidia :: sm_arch :: 90_real``."""
        parts = [part.strip() for part in text.split("::")]
        words_fit = all(NAME_PATTERN.fullmatch(part) for part in parts[:2])
        if len(parts) > 3 or not words_fit or not all(VALUE_PATTERN.fullmatch(part) for part in parts[2:]):
            raise PreferenceError(
                f"'{text}' is neither a namespace, a feature nor a property",
                hint="Write, for example, nvidia, 'nvidia :: sm_arch' or 'nvidia :: sm_arch :: 90_real'.",
            )
        return cls(*parts)

    def matches(self, namespace: str, feature: str, value: str) -> bool:
        """Whether one property is meant."""
        return namespace == self.namespace and self.feature in (None, feature) and self.value in (None, value)

    def matches_any(self, properties: Properties) -> bool:
        """Whether one of several properties is meant."""
        return any(
            self.matches(self.namespace, feature, value)
            for feature, values in properties.get(self.namespace, {}).items()
            for value in values
        )

    def __str__(self) -> str:
        return " :: ".join(part for part in (self.namespace, self.feature, self.value) if part is not None)


@dataclass(frozen=True)
class VariantPreferences:
    """Everything a user said about variants.

    Attributes:
        labels: project -> the only label to take (``--variant``); ``""`` means its non-variant wheel.
        no_variants: take non-variant wheels only.
        prefer: labels with such a supported property come first; the first pattern weighs most.
        exclude: properties to treat as if the machine did not offer them.
        wished: project -> the labels of the members of its family that the user asks for by their own names.
        accelerator: one of ``ACCELERATOR_POLICIES``: how much a build for the machine's accelerator counts.
        of_project: of ``labels`` those that a project's file names, be they needed or not.
    """

    labels: Mapping[NormalizedName, str] = field(default_factory=dict)
    no_variants: bool = False
    prefer: tuple[PropertyPattern, ...] = ()
    exclude: tuple[PropertyPattern, ...] = ()
    accelerator: str = PREFER
    of_project: frozenset[NormalizedName] = frozenset()
    wished: Mapping[NormalizedName, frozenset[str]] = field(default_factory=dict)

    def wanted(self, name: NormalizedName) -> frozenset[str] | None:
        """The only labels to take of a project, by option or by name; ``None``: any."""
        label = self.labels.get(name)
        return frozenset((label,)) if label is not None else self.wished.get(name)

    def names_one(self, name: NormalizedName) -> bool:
        """Whether one label of a project alone may be taken, so that no policy has a choice."""
        wanted = self.wanted(name)
        return wanted is not None and len(wanted) == 1

    @classmethod
    def parse(
        cls,
        *,
        labels: Iterable[str] = (),
        project_labels: Mapping[str, str] | None = None,
        no_variants: bool = False,
        prefer: Iterable[str] = (),
        exclude: Iterable[str] = (),
        accelerator: str = PREFER,
    ) -> VariantPreferences:
        """From the arguments of the options about variants.

        Raises:
            PreferenceError: one of them is not understood, or two contradict each other.
        """
        chosen = dict(_parse_label(text) for text in labels)
        ours = dict(_parse_label(f"{name}={label}") for name, label in (project_labels or {}).items())
        of_project = frozenset(ours.keys() - chosen.keys())
        chosen = {**ours, **chosen}
        if no_variants and any(chosen.values()):
            raise PreferenceError("--variant and --no-variants exclude each other")
        if accelerator not in ACCELERATOR_POLICIES:
            raise PreferenceError(
                f"'{accelerator}' is no accelerator policy", hint=f"Say {', '.join(ACCELERATOR_POLICIES)}."
            )
        if no_variants and accelerator == REQUIRE:
            raise PreferenceError("--accelerator require and --no-variants exclude each other")
        return cls(
            chosen,
            no_variants,
            tuple(PropertyPattern.parse(text) for text in prefer),
            tuple(PropertyPattern.parse(text) for text in exclude),
            accelerator,
            of_project,
        )

    def allowed(self, supported: Supported) -> Supported:
        """``supported`` without what is excluded; features and namespaces left empty disappear."""
        if not self.exclude:
            return supported
        allowed: dict[str, dict[str, list[str]]] = {}
        for namespace, features in supported.items():
            for feature, values in features.items():
                left = [value for value in values if not self._excludes(namespace, feature, value)]
                if left:
                    allowed.setdefault(namespace, {})[feature] = left
        return allowed

    def _excludes(self, namespace: str, feature: str, value: str) -> bool:
        return any(pattern.matches(namespace, feature, value) for pattern in self.exclude)


def _parse_label(text: str) -> tuple[NormalizedName, str]:
    name, equals, label = (part.strip() for part in text.partition("="))
    if not name or not equals:
        raise PreferenceError(f"'{text}' does not name a variant", hint="Write it as --variant NAME=LABEL.")
    if label:
        try:
            validate_label(label)
        except InvalidVariantError as error:
            raise PreferenceError(f"'{text}': {error.message}") from error
    return canonicalize_name(name), label


class PreferenceError(VariantctlError, ValueError):
    """A ``--prefer``, ``--exclude`` or ``--variant`` that cannot be read or cannot be granted."""

    kind = "invalid-preference"
