"""The formats of variant metadata, told apart by the version in their ``$schema`` URL (PEP 825, "Schema")."""

from __future__ import annotations

import re
from enum import IntEnum

from variantctl.variants.digits import whole_number

PEP_825_SCHEMA = "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
"""What we write as ``$schema`` where there are no providers."""

PEP_850_SCHEMA = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
"""What we write as ``$schema`` where there are providers."""

_VERSION = re.compile(r"/v([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})\.json")


class Format(IntEnum):
    """A format this package can read, oldest first.

    Attributes:
        OLDER: the drafts of torch 2.8 to 2.10 (PEP 817 and before): ``enable-if``, ``install-time``,
            ``plugin-use``, top-level ``static-properties``, priorities of features and properties. Unknown
            keys are ignored (PEP 817: tools must ignore them).
        PEP_825: v0.1.1. No providers; no unknown keys (its JSON schema allows none).
        PEP_850: v0.2.0. One provider for each namespace; no unknown keys.
        STABLE: 1.x, the format that the last draft becomes (PEP 825, "Variant metadata"). Providers may be
            there; unknown keys are ignored, since a newer minor version may add some.
    """

    OLDER = 1
    PEP_825 = 2
    PEP_850 = 3
    STABLE = 4

    @property
    def ignores_unknown_keys(self) -> bool:
        """Whether keys that the format does not define are passed over."""
        return self in (Format.OLDER, Format.STABLE)


_DRAFTS = {
    (0, 0, 1): Format.OLDER,
    (0, 0, 2): Format.OLDER,
    (0, 0, 3): Format.OLDER,
    (0, 1, 0): Format.OLDER,
    (0, 1, 1): Format.PEP_825,
    (0, 2, 0): Format.PEP_850,
}
_MAJORS = {1: Format.STABLE}


def format_of(schema: str) -> Format | str:
    """The format that *schema* stands for, or the reason, in words, why it cannot be read.

    Versions follow semantic versioning: a newer minor version of a known major one can be read. Those of
    drafts (0.x) promise no compatibility, so that only the ones known here can.
    """
    if schema == "https://variants-schema.wheelnext.dev/":
        return Format.OLDER
    match = _VERSION.search(schema)
    if match is None or match.end() != len(schema):
        return (
            "it is not the URL of a variant metadata schema, which ends in '/v{major}.{minor}.{patch}.json'"
        )
    numbers = [whole_number(text) for text in match.groups()]
    major, minor, patch = numbers
    if major is None or minor is None or patch is None:
        return "its version has a number that is too long"
    version = (major, minor, patch)
    if version[0] == 0:
        return _DRAFTS.get(version, f"draft version {match[0][2:-5]} of the format is not supported")
    return _MAJORS.get(version[0], f"major version {version[0]} of the format is not supported")
