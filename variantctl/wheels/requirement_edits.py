"""Changing what a wheel says it needs: requirements added, taken away, or put in the place of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.values import dataclass, field
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import parse_requirement
from variantctl.variants.suggestions import did_you_mean


@dataclass(frozen=True)
class DependencyEdits:
    """What is changed in a list of requirements, in this order: remove, replace, add.

    Requirements may have variant markers (PEP 825, "Environment markers").

    Attributes:
        remove: projects; every requirement of one goes, whatever its marker.
        replace: project -> what stands in the place of its first requirement; its others go.
        add: requirements put at the end, where they are not in the list already.
    """

    remove: tuple[NormalizedName, ...] = ()
    replace: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    add: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        remove: Sequence[str] = (),
        replace: Mapping[str, Sequence[str]] | None = None,
        add: Sequence[str] = (),
    ) -> DependencyEdits:
        """Edits whose requirements are checked and whose names may be in any spelling.

        Raises:
            InvalidVariantError: one is no dependency specifier, or a project is to be removed and replaced.
        """
        replaced = {canonicalize_name(name): tuple(texts) for name, texts in (replace or {}).items()}
        for text in (*add, *(text for texts in replaced.values() for text in texts)):
            parse_requirement(text)
        removed = tuple(dict.fromkeys(canonicalize_name(name) for name in remove))
        for name in removed:
            if name in replaced:
                raise InvalidVariantError(f"{name} is to be removed and to be replaced")
        return cls(removed, replaced, tuple(add))

    def __bool__(self) -> bool:
        return bool(self.remove or self.replace or self.add)

    def apply(self, requires: Sequence[str], source: str) -> tuple[str, ...]:
        """The requirements after the change.

        Args:
            requires: requirements as METADATA has them. Those that no rule of today allows are kept.
            source: the wheel, named in errors.

        Raises:
            InvalidVariantError: what should be removed or replaced is not there.
        """
        present = dict.fromkeys(_name(text) for text in requires)
        for name in (*self.remove, *self.replace):
            if name not in present:
                raise InvalidVariantError(
                    f"it does not need {name}, so that cannot be removed or replaced",
                    source=source,
                    hint=did_you_mean(name, [known for known in present if known])
                    or f"it needs {', '.join(known for known in present if known) or 'nothing'}",
                )
        changed: list[str] = []
        done: set[NormalizedName] = set()
        for text in requires:
            project = _name(text)
            if project in self.remove:
                continue
            if project is not None and project in self.replace:
                changed += self.replace[project] if project not in done else ()
                done.add(project)
            else:
                changed.append(text)
        changed += [text for text in self.add if text not in changed]
        return tuple(changed)


def _name(text: str) -> NormalizedName | None:
    """The project of a requirement; ``None`` for what only older tools took for one."""
    try:
        return parse_requirement(text).name
    except InvalidVariantError:
        return None
