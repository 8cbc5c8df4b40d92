"""The error of this room."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class WheelError(VariantctlError):
    """A wheel that cannot be trusted to be what its name says.

    Attributes:
        wheel: the wheel's filename.
        member: the path inside the wheel that the problem is about, or ``None``.
        problem: what is wrong, without the names.
    """

    kind = "invalid-wheel"

    def __init__(
        self, wheel: str, problem: str, *, member: str | None = None, hint: str | None = None
    ) -> None:
        self.wheel = wheel
        self.member = member
        self.problem = problem
        # repr: a member's name is the attacker's text and may hold control characters.
        where = wheel if member is None else f"{wheel}: {member!r}"
        super().__init__(f"{where}: {problem}", hint=hint)


class UntidyError(VariantctlError):
    """A wheel that the format does not allow, though it harms nobody; refused where that was asked for.

    Args:
        said: what is odd, in a sentence that names the wheel.
    """

    kind = "untidy-wheel"

    def __init__(self, said: str) -> None:
        super().__init__(said, hint="Without --strict it is taken as it is.")


class WrongMetadataError(WheelError):
    """A wheel whose METADATA is about another project or version than its name: somebody lies."""


DAMAGED = "The file is damaged or not what it claims to be; fetch or build it again."
MISTRUST = "Do not install this wheel; tell whoever publishes it."
"""Hints that several checks share."""
