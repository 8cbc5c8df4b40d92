"""Why an installation could not be done. Each of these leaves the environment as it was."""

from __future__ import annotations

from pathlib import Path

from variantctl.filesystem.errors import InstallError


class FileConflictError(InstallError):
    """A file of a package would take the place of something that is not that package's own."""

    kind = "file-conflict"


class UnsafePathError(InstallError):
    """A path would lead out of the environment."""

    kind = "unsafe-path"


class StateError(InstallError):
    """What variantctl finds of an earlier change cannot be its own; nothing of it is obeyed."""

    kind = "unsafe-state"

    def __init__(self, problem: str, state: Path, *, hint: str | None = None) -> None:
        super().__init__(
            f"{problem}; nothing was done with it",
            hint=hint
            or f"variantctl did not leave that, or somebody changed it: look into {state}, and delete it.",
        )


class NotUndoneError(InstallError):
    """A change failed, and undoing it as well: the one error after which an environment is not as it was."""

    kind = "not-undone"

    def __init__(self, title: str, failure: BaseException | None, undoing: Exception) -> None:
        why = f" ({failure})" if failure is not None and str(failure) else ""
        super().__init__(
            f"{title} failed{why} and could not be undone: {undoing}",
            hint="Put that right, then run any variantctl command on this environment: it goes on undoing.",
        )
