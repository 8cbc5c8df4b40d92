"""The errors of the standard's room, and the base class of every error this project raises on purpose."""

from __future__ import annotations


class VariantctlError(Exception):
    """Something could not be done, said in words a user can act on.

    Attributes:
        kind: a stable, lower-case, hyphenated word for scripts (``error.kind`` in the ``--json`` output).
        message: what was wrong and where.
        hint: what to do next, or ``None``.
    """

    kind = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """For pickle, which would call ``__init__`` with the message alone."""
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(
    kind: type[VariantctlError], args: tuple[object, ...], state: dict[str, object]
) -> VariantctlError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidVariantError(VariantctlError, ValueError):
    """Data that PEP 825 or PEP 850 does not allow.

    Attributes:
        rule: the rule that was broken, in words.
        source: the file or URL that was read, or ``None`` where a bare value was checked.
        key: the path of the offending key (``variants.cuda12.8.nvidia``), or ``""``.
    """

    kind = "invalid-variant"

    def __init__(
        self, rule: str, *, source: str | None = None, key: str = "", hint: str | None = None
    ) -> None:
        self.rule = rule
        self.source = source
        self.key = key
        super().__init__(": ".join(part for part in (source, key, rule) if part), hint=hint)
