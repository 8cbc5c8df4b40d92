"""The user's command, changed so that it takes what was passed over."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version


def under(command: Sequence[str], policy: str) -> str:
    """The user's command under another accelerator policy."""
    words = [word for word in command if not word.startswith("--accelerator=")]
    if "--accelerator" in words:
        at = words.index("--accelerator")
        del words[at : at + 2]
    return shlex.join(["variantctl", *words, "--accelerator", policy])


def unpinned(word: str, name: NormalizedName, version: Version) -> str:
    """A word of the command; where it is a requirement of the project, that of the version found."""
    try:
        requirement = Requirement(word)
    except InvalidRequirement:
        return word
    if canonicalize_name(requirement.name) != name or not str(requirement.specifier):
        return word
    requirement.specifier = SpecifierSet(f"=={version}")
    return str(requirement)
