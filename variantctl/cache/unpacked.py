"""The store of unpacked wheels: each is inflated and verified once; environments get links to its files.

A wheel's folder is made under another name and renamed when it is whole, so it is either there and complete
or not there; any number of processes may add and read at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cache.manifest import UnpackedWheel, dump, load, read, unpacked_wheel
from variantctl.cache.manifest_format import FORMAT, stamps_of
from variantctl.cache.progress import Progress, ProgressEvent, silent
from variantctl.cache.unchanged import is_unchanged
from variantctl.filesystem.errors import from_os_error
from variantctl.filesystem.locks import exclusive_lock
from variantctl.filesystem.private_folders import make_private
from variantctl.values import dataclass
from variantctl.wheels.limits import Limits

if TYPE_CHECKING:
    from variantctl.cache.manifest import UnpackedFile
    from variantctl.variants.filenames import WheelFilename
    from variantctl.wheels.archive import WheelArchive

FOLDER = f"wheels-v{FORMAT}"


@dataclass(frozen=True)
class Built:
    """A wheel that was unpacked and verified, and is not in the store yet.

    Attributes:
        folder: to be renamed; the wheel's files are in ``files`` below it.
        filename: of the wheel.
        dist_info: the name of its metadata folder.
        files: what it has.
        untidy: what is odd about it, and harms nobody, in sentences.
        size: of the wheel file, in bytes.
    """

    folder: Path
    filename: WheelFilename
    dist_info: str
    files: tuple[UnpackedFile, ...]
    untidy: tuple[str, ...] = ()
    size: int = 0


class UnpackedStore:
    """The unpacked wheels below one cache folder."""

    def __init__(self, cache: Path, limits: Limits | None = None) -> None:
        self.root = cache / FOLDER
        self._limits = limits or Limits()

    def get(self, filename: str, sha256: str) -> UnpackedWheel | None:
        """A wheel that is here and unchanged. One that was changed behind our back is thrown away.

        Args:
            filename: the wheel's.
            sha256: of the wheel file, in hexadecimal.
        """
        slot = self.slot(filename, sha256)
        manifest = slot / "manifest.json"
        try:
            data = manifest.read_bytes()
            wheel = load(data, slot / "files")
            right = (wheel.filename, wheel.sha256) == (filename, sha256)
            if right and _is_unchanged(wheel, data):
                # When it was last used, by which the cache is shrunk: the time of its manifest.
                with contextlib.suppress(OSError):
                    os.utime(manifest)
                return wheel
        except FileNotFoundError:
            if not slot.exists():
                return None
        except OSError:
            return None
        except (ValueError, LookupError, TypeError):
            # Damaged: as good as changed.
            pass
        self._discard(slot)
        return None

    def add(
        self, path: Path, filename: WheelFilename, sha256: str, progress: Progress = silent
    ) -> UnpackedWheel:
        """Verify and unpack the wheel file ``path``, whose SHA-256 is known to be ``sha256``.

        Of several processes that add a wheel at once, one does, and the others wait for it.

        Raises:
            WheelError, InvalidVariantError: it is not a sound wheel of that filename.
            InstallError: the cache cannot be written.
        """
        from variantctl.wheels.archive import WheelArchive

        with WheelArchive.open(path, filename) as archive, self.adding(filename, sha256) as theirs:
            return theirs or self.publish(self.build(archive, progress), sha256)

    def build(self, archive: WheelArchive, progress: Progress = silent, threads: int | None = None) -> Built:
        """Verify and unpack a wheel, without putting it into the store; nothing is left where that fails.

        Args:
            archive: the wheel.
            progress: told how far it is.
            threads: how many work on it; ``None``: as many as help.

        Raises:
            WheelError, InvalidVariantError, InstallError, OSError: as ``add``.
        """
        import tempfile

        from variantctl.cache.unpack import THREADS, unpack

        filename = archive.filename
        make_private(self.root)
        building = Path(tempfile.mkdtemp(prefix=".new-", dir=self.root))
        try:
            (building / "files").mkdir()
            unpacked = unpack(
                archive,
                building / "files",
                progress=lambda done, total: progress(ProgressEvent("unpack", filename.name, done, total)),
                limits=self._limits,
                threads=threads or THREADS,
            )
            return Built(building, filename, archive.dist_info, unpacked.files, unpacked.untidy, archive.size)
        except BaseException:
            self._discard(building)
            raise

    def add_built(self, built: Built, sha256: str) -> UnpackedWheel:
        """Put into the store what ``build`` made of a file whose SHA-256 is known to be ``sha256``.

        Raises:
            InstallError: the cache cannot be written.
        """
        try:
            with self.adding(built.filename, sha256) as theirs:
                return theirs or self.publish(built, sha256)
        finally:
            self.discard(built)

    def discard(self, built: Built) -> None:
        """Take away what was built, unless it is in the store."""
        if built.folder.exists():
            self._discard(built.folder)

    @contextlib.contextmanager
    def adding(
        self, filename: WheelFilename, sha256: str, keep_waiting: Callable[[], None] = lambda: None
    ) -> Iterator[UnpackedWheel | None]:
        """Be the only one who adds this wheel, in any process; yields what another one added before.

        Args:
            filename: the wheel's.
            sha256: of the wheel file, in hexadecimal.
            keep_waiting: called every now and then while another one adds it; what it raises goes through.

        Raises:
            InstallError: the cache cannot be written.
        """
        try:
            make_private(self.root)
            lock = self.root / f".lock-{self.slot(filename.filename, sha256).name}"
            with exclusive_lock(lock, keep_waiting=keep_waiting):
                yield self.get(filename.filename, sha256)
        except OSError as error:
            raise from_os_error(error, self.root, f"unpacking {filename.filename}") from error

    def publish(self, built: Built, sha256: str) -> UnpackedWheel:
        """Make what was built appear in the store, whole; to be called where one is ``adding`` it.

        Raises:
            OSError: the cache cannot be written.
        """
        slot = self.slot(built.filename.filename, sha256)
        try:
            umask = current_umask()
            wheel = unpacked_wheel(
                built.filename,
                sha256,
                slot / "files",
                built.dist_info,
                built.files,
                umask,
                built.untidy,
                built.size,
            )
            (built.folder / "manifest.json").write_bytes(dump(wheel, built.files))
            try:
                built.folder.rename(slot)
            except OSError:
                # Where locks do not work another process may have been faster: as good as winning.
                theirs = self.get(built.filename.filename, sha256)
                if theirs is None:
                    raise
                return theirs
            return wheel
        finally:
            self.discard(built)

    def read(self, slot: Path) -> UnpackedWheel:
        """An unpacked wheel as its manifest has it, whether or not that is so.

        Raises:
            OSError, ValueError, LookupError, TypeError: there is no sound manifest.
        """
        return read((slot / "manifest.json").read_bytes(), slot / "files")

    def slot(self, filename: str, sha256: str) -> Path:
        """The folder of an unpacked wheel, whether or not it is there."""
        # The name is in the key because it was verified too (project, version, label). Short, for Windows.
        name = hashlib.sha256(filename.encode()).hexdigest()
        return self.root / f"{sha256[:40]}-{name[:8]}"

    def _discard(self, folder: Path) -> None:
        import shutil

        if sys.platform == "win32":
            for path in folder.rglob("*"):
                path.chmod(0o666)
        shutil.rmtree(folder, ignore_errors=True)


def _is_unchanged(wheel: UnpackedWheel, manifest: bytes) -> bool:
    return is_unchanged((folder.row() for folder in wheel.folders), stamps_of(manifest), str(wheel.root))


def current_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    umask = os.umask(0o022)
    os.umask(umask)
    return umask
