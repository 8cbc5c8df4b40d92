"""Notes in the cache of what a command line came to, for when it is given again.

A note is found by the command line, the folder, the environment variables and the system. This module imports
built-in ones alone: reading a note must take less time than importing a regular expression.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The variables that can change what an install comes to, by name, by beginning and by end. Others differ
#: from one terminal or CI job to the next (WINDOWID, SSH_CONNECTION, GITHUB_RUN_ID), and change nothing.
_NAMES = frozenset(
    {"HOME", "PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "NETRC", "LANG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
)
_BEGINNINGS = ("VARIANTCTL_", "PIP_", "SSL_CERT_", "XDG_", "LC_", "PYTHON", "HSA_", "VARIANT_PROVIDERS_")
_ENDS = ("_PROXY", "_proxy", "_VISIBLE_DEVICES", "_DEVICE_ORDER", "_DEVICE_ORDINAL")
_MOST_NOTES = 256
_OURSELVES = os.path.dirname(os.path.dirname(__file__))


def ourselves() -> tuple[str, ...]:
    """The folders whose state changes with the version of this program, which may come to something else."""
    return (_OURSELVES, f"{_OURSELVES}{os.sep}resolve", f"{_OURSELVES}{os.sep}target")


def cache_folder(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The folder of caches that a command line means; None where there are to be no notes."""
    if sys.platform == "win32" or "--no-cache" in arguments or "--no-cache-dir" in arguments:
        return None
    root = value_of(arguments, "--cache-dir") or environ.get("VARIANTCTL_CACHE_DIR") or _users(environ)
    return os.path.expanduser(root)


def request(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """What tells a request from others, as a digest; None where that is not known."""
    try:
        # platform.version() and the like are markers.
        parts = [os.getcwd(), *os.uname(), sys.version, *arguments]
    except OSError:
        return None
    parts += sorted(f"{name}={value}" for name, value in environ.items() if _counts(name))
    # The variables may hold secrets: all that is kept of them is in this digest.
    return digest(parts)


def _counts(name: str) -> bool:
    listed = name in _NAMES or name.startswith(_BEGINNINGS) or name.endswith(_ENDS)
    return listed or "VARIANT_PROVIDER_" in name


def digest(parts: Iterable[str]) -> str:
    """Of texts, in hexadecimal."""
    try:
        # hashlib itself takes longer to import than everything else here takes.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()


def read(path: str) -> str | None:
    """A note, or None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except OSError:
        return None


def write(path: str, note: str) -> None:
    """Keep a note; where that is not possible, nothing is kept, and the next run takes its time."""
    from variantctl.filesystem.private_folders import PRIVATE_FILE, make_private

    folder = os.path.dirname(path)
    half = f"{path}.{os.getpid()}"
    try:
        make_private(folder)
        if len(names := os.listdir(folder)) >= _MOST_NOTES:
            for name in names:
                os.unlink(f"{folder}{os.sep}{name}")
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        with open(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(note)
        os.replace(half, path)
    except OSError:
        return


def value_of(arguments: Sequence[str], *options: str) -> str | None:
    """The value of an option, in its last place, as the parser would find it in all but odd command lines."""
    named = None
    for place, argument in enumerate(arguments):
        if argument in options:
            named = arguments[place + 1] if place + 1 < len(arguments) else None
        elif argument.partition("=")[0] in options:
            named = argument.partition("=")[2]
    return named


def _users(environ: Mapping[str, str]) -> str:
    """The user's cache folder: what platformdirs says, which would take longer to import than to ask."""
    if sys.platform == "darwin":
        return "~/Library/Caches/variantctl"
    given = environ.get("XDG_CACHE_HOME", "")
    return f"{given.strip() or '~/.cache'}/variantctl"
