"""What runs first in ``variantctl.pyz``: it unpacks the file once, and starts variantctl from there.

Python can import from an archive, but the programs that are started for drivers are files, and so is data.
This module is read by whatever Python there is, so it is written for old ones as well.
"""

import os
import shutil
import sys
import tempfile
import zipfile

OLDEST = (3, 10)
CONTENT = "@CONTENT@"


def main() -> int:
    """Start variantctl; its exit code."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        oldest = ".".join(str(part) for part in OLDEST)
        sys.exit("variantctl needs Python %s or newer; %s is Python %s." % (oldest, sys.executable, found))  # noqa: UP031
    folder = _own_folder()
    if not _is_ours(folder):
        folder = _unpacked(folder)
    # In the place of the archive, which Python put there.
    sys.path[0] = folder
    from variantctl.cli import main as variantctl

    return variantctl()


def _own_folder() -> str:
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~")
    elif sys.platform == "darwin":
        cache = os.path.expanduser("~/Library/Caches")
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(cache, "variantctl-one-file", CONTENT)


def _is_ours(folder: str) -> bool:
    """Whether it is there, and nobody else can have written it: what is in it will be run."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    return sys.platform == "win32" or (status.st_uid == os.geteuid() and not status.st_mode & 0o022)


def _unpacked(folder: str) -> str:
    """Unpack beside it, and rename when it is whole; where that cannot be, into a temporary folder."""
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        made = tempfile.mkdtemp(dir=os.path.dirname(folder))
    except OSError:
        return _extracted(_temporary())
    _extracted(made)
    try:
        os.rename(made, folder)
    except OSError:
        if _is_ours(folder):
            # Another process was faster.
            shutil.rmtree(made, ignore_errors=True)
            return folder
        return _temporary(made)
    return folder


def _temporary(made: "str | None" = None) -> str:
    import atexit

    made = made or tempfile.mkdtemp(prefix="variantctl-one-file-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _extracted(folder: str) -> str:
    with zipfile.ZipFile(os.path.dirname(os.path.abspath(__file__))) as archive:
        archive.extractall(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
