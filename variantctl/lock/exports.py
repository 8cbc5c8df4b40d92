"""A plan for one machine in the files of other tools: requirements for pip, tables for uv and poetry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from packaging.utils import NormalizedName

from variantctl.backends.source import Ask
from variantctl.families.registry import Families
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import url_to_path
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.values import dataclass


@dataclass(frozen=True)
class ExplicitIndex:
    """An index of one backend, which is asked for some packages alone.

    Attributes:
        name: ``pytorch-cu128``.
        url: without credentials.
    """

    name: str
    url: str


def requirements_of(plan: Plan) -> str:
    """``name @ URL#sha256=...``, a line each: pip, uv and variantctl install exactly these files.

    Source code stands there as its archive, its commit or its folder. A wheel without a known hash stands
    there with its URL alone, one in a folder with a ``file:`` URL.
    """
    return "".join(f"{_pinned(planned)}\n" for planned in plan.install)


def _pinned(planned: PlannedInstall) -> str:
    url = without_secrets(planned.url)
    digest = planned.hashes.get("sha256")
    label = f"  # {planned.label}" if planned.label is not None else ""
    if (planned.direct_url or {}).get("dir_info", {}).get("editable"):
        return f"-e {url_to_path(url)}"
    separator = "&" if "#" in url else "#"
    return f"{planned.name} @ {url}" + (f"{separator}sha256={digest}" if digest else "") + label


def uv_tables(plan: Plan) -> str:
    """``[[tool.uv.index]]`` and ``[tool.uv.sources]`` for the packages that come from a backend's index.

    uv's documentation, "Package indexes", "Pinning a package to an index".
    """
    chosen = indexes_of(plan.install)
    lines = []
    for index in dict.fromkeys(chosen.values()):
        lines += ["[[tool.uv.index]]", f"name = {_text(index.name)}", f"url = {_text(index.url)}"]
        lines += ["explicit = true", ""]
    if chosen:
        lines.append("[tool.uv.sources]")
        lines += [f"{name} = {{ index = {_text(index.name)} }}" for name, index in chosen.items()]
    return "".join(f"{line}\n" for line in lines)


def poetry_tables(plan: Plan) -> str:
    """``[[tool.poetry.source]]`` and the dependencies that use them.

    Poetry's documentation, "Repositories", "Explicit package sources".
    """
    chosen = indexes_of(plan.install)
    versions = {planned.name: planned.version for planned in plan.install}
    lines = []
    for index in dict.fromkeys(chosen.values()):
        lines += ["[[tool.poetry.source]]", f"name = {_text(index.name)}", f"url = {_text(index.url)}"]
        lines += ['priority = "explicit"', ""]
    if chosen:
        lines.append("[tool.poetry.dependencies]")
        lines += [
            f"{name} = {{ version = {_text(str(versions[name]))}, source = {_text(index.name)} }}"
            for name, index in chosen.items()
        ]
    return "".join(f"{line}\n" for line in lines)


def indexes_of(planned: Iterable[PlannedInstall]) -> Mapping[NormalizedName, ExplicitIndex]:
    """Package -> the index of the backend that it comes from; others are not in it."""
    return {
        item.name: ExplicitIndex(f"{item.link.backend.source}-{item.label}", _index_url(item))
        for item in planned
        if item.link.backend is not None and item.label is not None
    }


def unnamed(plan: Plan) -> list[PlannedInstall]:
    """The variants that no index for a tool without variants can name (PEP 825)."""
    return [item for item in plan.install if item.label not in (None, "null") and item.link.backend is None]


def other_members(plan: Plan, families: Families, ask: Ask, markers: Mapping[str, str]) -> Iterator[str]:
    """What a plan takes by its name, and ``install`` would take another member of the family for.

    Args:
        plan: made with names as they are.
        families: what is known of families.
        ask: what the machine offers.
        markers: of its platform.
    """
    there = [item.name for item in plan.install]
    for item in plan.install:
        family = families.of(item.name)
        if family is None or item.label is not None:
            continue
        taken = family.installed_member(item.name, item.version, there)
        best = next((each for each in family.best_first(ask, markers) if not each.only_by_name), None)
        if taken is not None and not taken.namespaces and best is not None and best.namespaces:
            better = best.requirement(families.identity(item.name))
            yield (
                f"{item.name} {item.version} has no use for the accelerator; `variantctl install` takes "
                f"{better} in its place, which other tools have to be told: name it"
            )


def _index_url(item: PlannedInstall) -> str:
    return without_secrets(item.link.file.source)


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are among TOML's."""
    return json.dumps(value, ensure_ascii=False)
