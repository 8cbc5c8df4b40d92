"""Builds that get the very packages that are installed: an extension of PyTorch, its PyTorch.

What is compiled against a library with an unstable ABI works with that version alone, and with that build of
it for an accelerator. So a build that asks for such a package gets the one of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.indexes.built_wheels import Ingredient, Pin
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.resolve.resolver import Request
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass, field

#: What extensions are compiled against, and only work with the very version of. (NumPy keeps its ABI: what
#: was built with a newer one works with older ones, and projects say themselves which one they build with.)
KNOWN = ("torch", "tensorflow", "jaxlib", "paddlepaddle")
_ALL, _NONE = ":all:", ":none:"


@dataclass(frozen=True)
class Matching:
    """Which packages builds get as they are installed.

    Attributes:
        names: those that the user names.
        all: whether every package is meant.
        by_default: whether ``KNOWN`` and builds for an accelerator are meant, too.
        also: project -> what its build gets so, though its source does not ask for it.
    """

    names: frozenset[NormalizedName] = frozenset()
    all: bool = False
    by_default: bool = True
    also: Mapping[NormalizedName, tuple[NormalizedName, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, words: Iterable[str]) -> Matching:
        """Of ``NAME``, ``PACKAGE=NAME``, ``:all:``; ``:none:`` takes back the default and what was before."""
        names: set[NormalizedName] = set()
        also: dict[NormalizedName, tuple[NormalizedName, ...]] = {}
        everything, by_default = False, True
        for word in (part.strip() for text in words for part in text.split(",")):
            package, equals, name = word.partition("=")
            if word == _NONE:
                names, also, everything, by_default = set(), {}, False, False
            elif word == _ALL:
                everything = True
            elif equals:
                project = canonicalize_name(package.strip())
                also[project] = (*also.get(project, ()), canonicalize_name(name.strip()))
                names.add(canonicalize_name(name.strip()))
            elif word:
                names.add(canonicalize_name(word))
        return cls(frozenset(names), everything, by_default, also)

    def is_named(self, name: NormalizedName) -> bool:
        """Whether the user means a package, by name or by ``:all:``."""
        return self.all or name in self.names

    def matters(self, name: NormalizedName, found: Ingredient) -> bool:
        """Whether what was built with a package works with that very build of it alone."""
        known = name in KNOWN or found.label not in (None, "null")
        return self.is_named(name) or (self.by_default and known)

    def of_request(
        self, request: Request, installed: Mapping[NormalizedName, InstalledPackage]
    ) -> dict[NormalizedName, Pin]:
        """What is known before there is a plan, for builds that must tell what they need: what is asked for.

        A package that is there already, and that nothing asks to be changed, is taken as it is.
        """
        specifiers: dict[NormalizedName, list[str]] = {}
        found: dict[NormalizedName, Pin] = {}
        for asked in (*request.requirements, *request.constraints):
            if asked.requirement.url is not None:
                found[asked.name] = Pin(url=asked.requirement.url)
            else:
                specifiers.setdefault(asked.name, []).append(str(asked.requirement.specifier))
        for name, texts in specifiers.items():
            found.setdefault(name, Pin(",".join(filter(None, texts)), request.preferences.labels.get(name)))
        for name, package in installed.items():
            if name not in specifiers and name not in request.options.upgrade:
                found.setdefault(name, _pin(ingredient_of_installed(package)))
        return {
            name: pin
            for name, pin in found.items()
            if self.matters(name, Ingredient("0", pin.label)) and (pin.specifier or pin.url)
        }

    def of_plan(self, plan: Plan) -> dict[NormalizedName, Pin]:
        """The packages of a plan that builds get as they are installed."""
        there = {kept.name: ingredient_of_installed(kept.package) for kept in plan.keep}
        coming = {item.name: ingredient_of(item) for item in plan.install if not item.needs_build}
        return {name: _pin(found) for name, found in {**there, **coming}.items() if self.matters(name, found)}


def ingredient_of(planned: PlannedInstall) -> Ingredient:
    """What is known a package by that something is built with."""
    url = None
    if planned.direct_url is not None:
        digest = planned.hashes.get("sha256")
        url = planned.url + (f"#sha256={digest}" if digest else "")
    # The build for a backend is told by its version, unless that has no part for it.
    told = planned.link.backend is not None and planned.version.local is not None
    return Ingredient(str(planned.version), None if told else planned.label, url)


def ingredient_of_installed(package: InstalledPackage) -> Ingredient:
    """The same of an installed package, with the wheel's URL where somebody named that."""
    named = "archive_info" in (package.direct_url or {}) and (package.source or "").endswith(".whl")
    return Ingredient(str(package.version), package.label, package.source if named else None)


def _pin(found: Ingredient) -> Pin:
    return Pin(f"=={found.version}", found.label, found.url)
