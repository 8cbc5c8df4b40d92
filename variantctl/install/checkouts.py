"""Commits of git repositories, checked out by git itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from variantctl.net.redaction import redact
from variantctl.variants.errors import VariantctlError

_LINES_OF_OUTPUT = 6
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class CheckoutError(VariantctlError):
    """A repository or a revision of it cannot be had."""

    kind = "git"


def check_out(url: str, revision: str | None, folder: Path) -> str:
    """Check a revision out, submodules and all; gives the commit, in hexadecimal.

    One commit is asked for; where the server does not give it alone, the whole history is fetched.

    Args:
        url: of the repository; schemes that run programs are refused.
        revision: a branch, tag or commit; None: what the repository has by default.
        folder: a new folder.

    Raises:
        CheckoutError: git is missing, or failed.
    """
    if shutil.which("git") is None:
        raise CheckoutError(
            f"{redact(url)} has to be cloned, and there is no git on PATH", hint="Install git."
        )
    wanted = revision or "HEAD"
    folder.mkdir(parents=True)
    _git(["init", "--quiet", "."], folder, url)
    shallow = ["fetch", "--quiet", "--depth", "1", "--no-tags", "--", url, wanted]
    if _runs(shallow, folder):
        _git(["checkout", "--quiet", "FETCH_HEAD"], folder, url)
    else:
        _git(["fetch", "--quiet", "--tags", "--", url, "+refs/heads/*:refs/remotes/origin/*"], folder, url)
        _git(["checkout", "--quiet", _known(wanted, folder, url)], folder, url)
    if (folder / ".gitmodules").is_file():
        _git(["remote", "add", "origin", url], folder, url)
        _git(["submodule", "--quiet", "update", "--init", "--recursive"], folder, url)
    return _git(["rev-parse", "HEAD"], folder, url).strip()


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a whole commit id, which means the same at all times."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def _known(revision: str, folder: Path, url: str) -> str:
    for name in (f"refs/remotes/origin/{revision}", f"refs/tags/{revision}", revision):
        if _runs(["rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"], folder):
            return name
    raise CheckoutError(f"{redact(url)} has no branch, tag or commit {revision!r}")


def _runs(arguments: Sequence[str], folder: Path) -> bool:
    return _started(arguments, folder).returncode == 0


def _git(arguments: Sequence[str], folder: Path, url: str) -> str:
    done = _started(arguments, folder)
    if done.returncode:
        said = "\n".join(redact(line) for line in done.stderr.strip().splitlines()[-_LINES_OF_OUTPUT:])
        raise CheckoutError(f"{redact(url)}: git {arguments[0]} failed:\n{said}")
    return done.stdout


def _started(arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # A password is asked for by no program: there may be nobody to type it.
    environ = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environ.pop(name, None)
    command = ["git", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, errors="replace", check=False
    )
