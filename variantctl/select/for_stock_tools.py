"""What to show of a version to a tool that knows platform tags only, so that it takes what we would.

Pure. Of the interpreter that is installed for, every wheel that fits it and has another label than the best
one is hidden: then whatever the tool picks by tags, it picks the chosen variant. The same goes for the other
Pythons that a version has wheels for, as far as their wheels are not the first's too. What fits none of them
(other systems) is told apart by its tags alone: of each set of tags the best variant is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from packaging.tags import Tag
from packaging.utils import BuildTag
from packaging.version import Version

from variantctl.indexes.project_files import WheelLink
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import RankedWheel, SelectionContext, fits_interpreter, rank_wheels
from variantctl.target.platforms import Platform, platform_environment
from variantctl.values import replace

_ABI = re.compile(r"cp3(\d+)(t?)\Z")


def presented(
    wheels: Sequence[WheelLink], terms: SelectionContext, others: Iterable[Interpreter] = ()
) -> list[WheelLink]:
    """The wheels of one version that a tool without variants is shown, in their order.

    Args:
        wheels: all of the version.
        terms: what they are judged by; its interpreter is the one for which the choice is exactly that of
            ``explain``. Where only yanked wheels fit, they are shown as such (PEP 592).
        others: interpreters that may ask too.
    """
    if all(link.wheel.label is None for link in wheels):
        return list(wheels)
    shown: dict[tuple[Version, frozenset[Tag], BuildTag], WheelLink] = {}
    settled: set[int] = set()
    for interpreter in (terms.interpreter, *others):
        here = [link for link in wheels if fits_interpreter(link, interpreter)]
        for link in _of_the_best_label(here, replace(terms, interpreter=interpreter)):
            if id(link) not in settled:
                shown.setdefault(_place(link), link)
        settled.update(map(id, here))
    groups: dict[frozenset[Tag], list[WheelLink]] = {}
    for link in wheels:
        if id(link) not in settled:
            groups.setdefault(link.wheel.tags, []).append(link)
    for tags, group in groups.items():
        elsewhere = Interpreter(tuple(tags), terms.interpreter.markers)
        # Which Pythons these are for is for the tool to say.
        copies = [_for_any_python(link) for link in group]
        originals = {id(copy): link for copy, link in zip(copies, group, strict=True)}
        for copy in _of_the_best_label(copies, replace(terms, interpreter=elsewhere)):
            shown.setdefault(_place(copy), originals[id(copy)])
    kept = {id(link) for link in shown.values()}
    return [link for link in wheels if id(link) in kept]


def _place(link: WheelLink) -> tuple[Version, frozenset[Tag], BuildTag]:
    """What an ordinary name says beside the project: two wheels cannot have the same."""
    return link.version, link.wheel.tags, link.wheel.build


def other_pythons(wheels: Iterable[WheelLink], platform: Platform) -> list[Interpreter]:
    """Every CPython, beside the platform's own, that variant wheels have a tag of, on the same platform."""
    found = {
        match.group()
        for link in wheels
        if link.wheel.label is not None
        for tag in link.wheel.tags
        for text in (tag.abi, tag.interpreter)
        if (match := _ABI.match(text))
    }
    pythons = [_ABI.match(text) for text in sorted(found)]
    names = [f"3.{match[1]}{match[2]}" for match in pythons if match]
    platforms = [platform_environment(python=name, base=platform) for name in names]
    return [
        Interpreter(other.tags, other.markers) for other in platforms if other.tags[0] != platform.tags[0]
    ]


def _of_the_best_label(wheels: Sequence[WheelLink], terms: SelectionContext) -> list[WheelLink]:
    """Those of the label that goes first; yanked ones only where there are no others (as ``explain``)."""
    for allow_yanked in (False, True):
        ranked: list[RankedWheel] = rank_wheels(wheels, replace(terms, allow_yanked=allow_yanked))
        if ranked:
            return [wheel.link for wheel in ranked if wheel.label == ranked[0].label]
    return []


def _for_any_python(link: WheelLink) -> WheelLink:
    return replace(link, file=replace(link.file, requires_python=None))
