"""The stand-in packages of the demonstration: read from ``recipe.toml``, built as real wheels."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from variantctl.values import dataclass
from variantctl.variants import load_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECIPE = "recipe.toml"

_MODULE = '''"""{summary}."""

__version__ = "{version}"
variant = {label!r}
'''


@dataclass(frozen=True)
class Package:
    """One stand-in package.

    Attributes:
        name: the project.
        version: its one version.
        summary: what it stands in for, in a line.
        requires: its requirements, perhaps with variant markers.
        metadata: its variants, or ``None`` for an ordinary package.
    """

    name: str
    version: str
    summary: str
    requires: tuple[str, ...]
    metadata: VariantMetadata | None

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The labels of its wheels; ``(None,)`` for an ordinary package."""
        return tuple(self.metadata.variants) if self.metadata else (None,)


def packages() -> Iterator[Package]:
    """The packages of the recipe that ships with variantctl, in its order."""
    recipe = tomllib.loads(files("variantctl.demo").joinpath(RECIPE).read_text("utf-8"))
    for table in recipe["packages"]:
        yield Package(
            name=table["name"],
            version=table["version"],
            summary=table["summary"],
            requires=tuple(table.get("requires", ())),
            metadata=_metadata(table, recipe["providers"]) if "variants" in table else None,
        )


def build_wheels(folder: Path) -> list[Path]:
    """Build every wheel of the recipe into ``folder``; gives their paths."""
    return [_build(package, label, folder) for package in packages() for label in package.labels]


def _build(package: Package, label: str | None, folder: Path) -> Path:
    module = package.name.replace("-", "_")
    source = _MODULE.format(summary=package.summary, version=package.version, label=label)
    return build_wheel(
        folder,
        name=package.name,
        version=package.version,
        summary=package.summary,
        files={f"{module}/__init__.py": source.encode()},
        requires=package.requires,
        label=label,
        metadata=package.metadata,
    )


def _metadata(table: Mapping[str, Any], providers: Mapping[str, Any]) -> VariantMetadata:
    return load_metadata(
        {
            "$schema": PEP_850_SCHEMA,
            "default-priorities": {"namespace": table["namespaces"]},
            "providers": {namespace: providers[namespace] for namespace in table["namespaces"]},
            "variants": table["variants"],
        },
        source=f"{RECIPE}, {table['name']}",
    )
