"""A file of which some bytes are here and the others still come, in this run or in one that goes on with it.

Beside the data lies a log. Its first line says what is being fetched; later lines appear when parts arrive in
any order. A process may be killed at any moment: what the log says is there was written before.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from variantctl.filesystem.private_folders import PRIVATE_FILE
from variantctl.filesystem.space import check_room
from variantctl.net.hashes import key_digest
from variantctl.net.urls import filename_of

if TYPE_CHECKING:
    from variantctl.net.streaming_zip import TailFetch

#: Smaller files are sooner fetched again than taken up (in bytes).
LARGE = 1 << 20
_COPY = 1 << 20


class Partial:
    """The bytes so far. Without a log it is of use in this run only.

    Attributes:
        file: empty or taken up again; readable and writable.
        prefix: how many bytes from the start are here.
        spans: further parts that are here, ``[start, end)``, in no order.
        validator: the strong ETag of the file these bytes are of; ``None`` where there is none.
        size: how long the whole file is, where that is known.
        taken_up: whether some of it comes from an earlier run.
        ahead: told how far it is, where somebody reads before all is here.
    """

    def __init__(self, file: BinaryIO, *, url: str = "", path: Path | None = None) -> None:
        self.file = file
        self.prefix = 0
        self.spans: list[tuple[int, int]] = []
        self.validator: str | None = None
        self.size: int | None = None
        self.taken_up = False
        self.ahead: TailFetch | None = None
        self._url = url
        self._path = path
        self._log = None if path is None else path.with_name(f"{path.name}.log")
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, url: str) -> Partial:
        """The partial file at *path*, as far as an earlier run got with this URL. Nobody else may use it.

        Raises:
            OSError: the file cannot be made.
        """
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), PRIVATE_FILE)
        partial = cls(cast(BinaryIO, os.fdopen(handle, "r+b", buffering=0)), url=url, path=path)
        partial._take_up()
        return partial

    @property
    def done(self) -> int:
        """How many bytes are here."""
        return self.prefix + sum(end - start for start, end in self.spans)

    @property
    def can_go_on(self) -> bool:
        """Whether another run could take it up: some of it is here, and a log that says of what."""
        return self._log is not None and self._log.exists() and bool(self.done)

    def restart(self) -> None:
        """Forget everything that is here."""
        if self._log is not None:
            self._log.unlink(missing_ok=True)
        self.file.seek(0)
        self.file.truncate()
        self.prefix, self.spans, self.validator, self.size, self.taken_up = 0, [], None, None, False
        if self.ahead is not None:
            self.ahead.give_up()

    def begin(self, validator: str | None, size: int | None) -> None:
        """Say what the bytes that come belong to; with a large file a later run may go on."""
        self.validator, self.size = validator, size
        if self._log is not None and validator is not None and size is not None and size >= LARGE:
            head = {"url": key_digest(self._url), "validator": validator, "size": size}
            _write_private(self._log, json.dumps(head) + "\n")
        if self.ahead is not None:
            self.ahead.begin(self.file.fileno(), validator, size)

    def check_room(self, size: int) -> None:
        """Raise NoSpaceError unless there is room for what is missing of *size* bytes."""
        if self._path is not None:
            check_room(self._path.parent, size - self.done, 1, f"fetching {filename_of(self._url)}")

    def append(self, data: bytes) -> None:
        """Take the bytes that follow the prefix."""
        view: bytes | memoryview = data
        while view:
            written = self.file.write(view)
            view = memoryview(view)[written:]
        self.prefix += len(data)
        self._tell()

    def split(self) -> None:
        """From now on parts come in any order: the length of the file says nothing any more."""
        self._note(["prefix", self.prefix])

    def write_at(self, offset: int, data: bytes) -> None:
        """Write a piece of a part; from any thread."""
        if hasattr(os, "pwrite"):
            handle = self.file.fileno()
            while data:
                written = os.pwrite(handle, data, offset)
                data, offset = data[written:], offset + written
            return
        with self._lock:
            self.file.seek(offset)
            self.file.write(data)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read what is here; from any thread."""
        if hasattr(os, "pread"):
            return os.pread(self.file.fileno(), min(size, _COPY), offset)
        with self._lock:
            self.file.seek(offset)
            return self.file.read(min(size, _COPY))

    def complete(self, start: int, end: int) -> None:
        """The part ``[start, end)`` was written; from any thread."""
        with self._lock:
            self.spans.append((start, end))
        self._note(["part", start, end])

    def join(self) -> None:
        """Count what follows the prefix without a gap to it."""
        with self._lock:
            for start, end in sorted(self.spans):
                if start == self.prefix:
                    self.prefix = end
                    self.spans.remove((start, end))
        self._tell()

    def missing(self, longest: int) -> list[tuple[int, int]]:
        """The parts that are not here, in order, none longer than ``longest``; the size is known."""
        assert self.size is not None
        gaps, at = [], self.prefix
        for start, end in [*sorted(self.spans), (self.size, self.size)]:
            gaps += [(place, min(place + longest, start)) for place in range(at, start, longest)]
            at = max(at, end)
        return gaps

    def close(self, *, keep: bool) -> None:
        """Close the file, and remove it unless ``keep``."""
        if self.ahead is not None and not self.file.closed:
            self.ahead.give_up()
        self.file.close()
        if keep or self._log is None or self._path is None:
            return
        for path in (self._log, self._path):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def move(self, path: Path) -> None:
        """Put the whole file in place, read-only; it is closed."""
        assert self._path is not None and self._log is not None
        self.file.close()
        self._path.chmod(0o400)
        os.replace(self._path, path)
        self._log.unlink(missing_ok=True)

    def _tell(self) -> None:
        if self.ahead is not None:
            self.ahead.reach(self.prefix)

    def _note(self, line: list[object]) -> None:
        if self._log is not None and self._log.exists():
            with self._lock, self._log.open("a") as log:
                log.write(json.dumps(line) + "\n")

    def _take_up(self) -> None:
        """Believe the log where it is about this URL and the data is as long as it says."""
        assert self._log is not None
        length = os.fstat(self.file.fileno()).st_size
        try:
            # The last line may have been cut off by a crash.
            head, *lines = [json.loads(line) for line in self._log.read_text().split("\n")[:-1]]
            if head["url"] not in (self._url, key_digest(self._url)):
                raise ValueError
            prefix, spans = min(length, int(head["size"])), []
            for kind, *numbers in lines:
                if kind == "prefix":
                    prefix = min(prefix, int(numbers[0]))
                elif int(numbers[1]) <= length:
                    spans.append((int(numbers[0]), int(numbers[1])))
            self.validator, self.size = str(head["validator"]), int(head["size"])
            self.prefix, self.spans, self.taken_up = prefix, spans, True
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            self.restart()


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(handle, "w") as file:
        file.write(text)
