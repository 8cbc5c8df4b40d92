"""The cache folder: where it is, and small entries by key, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from variantctl.filesystem.locks import exclusive_lock, shared_lock
from variantctl.filesystem.private_folders import PRIVATE_FILE, distrust, make_private
from variantctl.net.errors import SettingsError
from variantctl.net.hashes import key_digest


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of variantctl's caches: ``VARIANTCTL_CACHE_DIR``, else the platform's own (XDG on Linux)."""
    named = environ.get("VARIANTCTL_CACHE_DIR")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("variantctl", appauthor=False))


_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of variantctl; it may be deleted.\n"
_LOCKS = "locks"
_IN_USE = "in-use"
_SHARED = "whoever may write there decides what is installed"


class Cache:
    """A folder of buckets. Any number of processes may use it at once.

    Attributes:
        root: the folder; made for this user alone when the first entry is written.
        warning: what is wrong with the folder that was meant, or ``None``.
    """

    def __init__(self, root: Path, *, keep_alive: object = None, warning: str | None = None) -> None:
        self.root = root
        self.warning = warning
        self._keep_alive = keep_alive

    @classmethod
    def open(
        cls,
        cache_dir: str | os.PathLike[str] | None = None,
        *,
        no_cache: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> Cache:
        """The cache to use: *cache_dir*, else ``VARIANTCTL_CACHE_DIR``, else the user's cache folder.

        A folder that others may change (``distrust``) is used where it is named, with a warning; else, as pip
        does, a temporary one is used in its place.

        Args:
            cache_dir: ``--cache-dir``.
            no_cache: ``--no-cache``: a temporary folder that goes away with the object.
            environ: the environment variables.
        """
        if no_cache:
            return cls._temporary()
        named = cache_dir or environ.get("VARIANTCTL_CACHE_DIR")
        if named:
            root = Path(named).expanduser().absolute()
            why = distrust(root)
            return cls(root, warning=why and f"the cache {root} is not safe: {why}; {_SHARED}")
        from platformdirs import user_cache_dir

        root = Path(user_cache_dir("variantctl", appauthor=False))
        why = distrust(root)
        return cls(root) if why is None else cls._temporary(f"the cache {root} is not used: {why}")

    @classmethod
    def _temporary(cls, warning: str | None = None) -> Cache:
        import tempfile

        folder = tempfile.TemporaryDirectory(prefix="variantctl-cache-", ignore_cleanup_errors=True)
        return cls(Path(folder.name), keep_alive=folder, warning=warning)

    def path(self, bucket: str, *key: str) -> Path:
        """Where the entry of *key* lies, whether or not it exists."""
        return Path(self._place(bucket, key))

    def _place(self, bucket: str, key: tuple[str, ...]) -> str:
        digest = key[0] if len(key) == 1 and _is_sha256(key[0]) else key_digest(*key)
        return os.path.join(self.root, bucket, digest[:2], digest)

    def read(self, bucket: str, *key: str) -> bytes | None:
        """An entry, or ``None`` where there is none that can be read."""
        try:
            with open(self._place(bucket, key), "rb", buffering=0) as file:
                return file.read()
        except OSError:
            return None

    def write(self, data: bytes, bucket: str, *key: str) -> None:
        """Write an entry; readers see the old one or the new one."""
        with self.writing(self.path(bucket, *key)) as file:
            file.write(data)

    @contextmanager
    def writing(self, path: Path) -> Iterator[BinaryIO]:
        """A file that appears at *path* when the block ends well, and leaves nothing behind otherwise."""
        file = self.temporary(path.parent)
        temporary = Path(file.name)
        try:
            with file:
                yield file
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def temporary(self, folder: Path) -> BinaryIO:
        """A new file with a name of its own in *folder*, which is made where it is missing.

        Raises:
            SettingsError: the cache cannot be written.
        """
        with self._writable():
            self.make(folder)
            path = folder / f".tmp-{os.urandom(12).hex()}"
            return cast(BinaryIO, open(path, "x+b", opener=_private))

    def make(self, folder: Path) -> None:
        """Make a folder of the cache, and the cache itself, where they are missing.

        Raises:
            SettingsError: the cache cannot be written.
        """
        with self._writable():
            if not self.root.is_dir():
                make_private(self.root)
                (self.root / "CACHEDIR.TAG").write_bytes(_TAG)
            make_private(folder)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """As long as this lasts, nobody takes wheels out of the cache; any number of processes may do so."""
        with contextlib.ExitStack() as stack:
            # A cache that cannot be written cannot be emptied either, and says so when it is to be filled.
            with contextlib.suppress(OSError, SettingsError):
                self.make(self.root)
                stack.enter_context(shared_lock(self.root / _IN_USE, exclusive=False))
            yield

    @contextmanager
    def alone(self, *, wait: bool = True, waiting: Callable[[], None] = lambda: None) -> Iterator[bool]:
        """Be the only one, to take things out; yields whether that is so.

        Args:
            wait: whether to wait for those who use the cache.
            waiting: called once if there is somebody.

        Raises:
            SettingsError: the cache cannot be written.
        """
        told = False

        def tell() -> None:
            nonlocal told
            if not told:
                waiting()
                told = True

        with contextlib.ExitStack() as stack:
            with self._writable():
                got = stack.enter_context(
                    shared_lock(self.root / _IN_USE, exclusive=True, wait=wait, keep_waiting=tell)
                )
            yield got

    @contextmanager
    def exclusive_lock(
        self,
        *key: str,
        keep_waiting: Callable[[], None] = lambda: None,
        hold_after_waiting: bool = True,
    ) -> Iterator[bool]:
        """Be the one that makes the entry of *key*; yields whether another process or thread just was.

        See ``locks.turn``. Whoever waited should look whether the entry is there now.

        Raises:
            SettingsError: the cache cannot be written.
        """
        path = self.root / _LOCKS / key_digest(*key)[:40]
        self.make(path.parent)
        with contextlib.ExitStack() as stack:
            with self._writable():
                waited = stack.enter_context(
                    exclusive_lock(path, keep_waiting=keep_waiting, hold_after_waiting=hold_after_waiting)
                )
            yield waited

    @contextmanager
    def _writable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.unwritable(error) from None

    def unwritable(self, error: OSError) -> SettingsError:
        """What to say where the cache cannot be written."""
        return SettingsError(
            f"the cache {self.root} cannot be written: {error.strerror}",
            hint="Name another folder with --cache-dir or VARIANTCTL_CACHE_DIR, or use --no-cache.",
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_BINARY", 0), PRIVATE_FILE)


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(char in "0123456789abcdef" for char in text)
