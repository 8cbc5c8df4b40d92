"""Asking ahead: pages and METADATA that will probably be needed soon are fetched while the search goes on.

A resolution alone asks one thing after another, and would wait for each; the answers are the same either way.
Offline there is nothing to wait for: what is kept is read when it is needed. (Threads that only read files
take turns with the search: of 1.4 s for airflow that was 0.1 s.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

from packaging.utils import NormalizedName

from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.select.compatibility import Interpreter
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.metadata import CoreMetadata

_THREADS = 16
_Answer = TypeVar("_Answer")


class Prefetcher:
    """Pages and METADATA of a finder, each asked for once, in the background where that was foreseen.

    Args:
        package_finder: may be asked from several threads.
        interpreter: which wheel of a version its METADATA will be wanted of.
    """

    def __init__(self, package_finder: PackageFinder, interpreter: Interpreter) -> None:
        self._package_finder = package_finder
        self._interpreter = interpreter
        self._pages: dict[NormalizedName, Future[ProjectFiles]] = {}
        self._metadata: dict[str, Future[CoreMetadata]] = {}
        self._lock = Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="variantctl-ahead")

    def close(self) -> None:
        """Forget what was not asked for yet."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def project(self, name: NormalizedName) -> ProjectFiles:
        """The files of a project; raises what the finder raised, each time."""
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = _done(lambda: self._package_finder.project(name))
        return page.result()

    def metadata(self, link: WheelLink) -> CoreMetadata:
        """The METADATA of a wheel; raises what the finder raised, each time."""
        with self._lock:
            known = self._metadata.get(link.file.url)
        if known is None:
            known = _done(lambda: self._package_finder.core_metadata(link))
            with self._lock:
                known = self._metadata.setdefault(link.file.url, known)
        return known.result()

    def expect_project(self, name: NormalizedName) -> None:
        """The project's page will be needed."""
        if name not in self._pages and not self._package_finder.settings.offline:
            self._pages[name] = self._pool.submit(self._package_finder.project, name)

    def expect_metadata(self, links: Iterable[WheelLink]) -> None:
        """METADATA of these wheels may be needed."""
        if self._package_finder.settings.offline:
            return
        with self._lock:
            for link in links:
                # What has to be built first is not built on a guess.
                to_be_built = link.told_by is None and not link.file.filename.endswith(".whl")
                if link.file.url not in self._metadata and not to_be_built:
                    self._metadata[link.file.url] = self._pool.submit(
                        self._package_finder.core_metadata, link
                    )


def _done(ask: Callable[[], _Answer]) -> Future[_Answer]:
    """What is asked right now, in the form of what was asked ahead."""
    answer: Future[_Answer] = Future()
    try:
        answer.set_result(ask())
    except VariantctlError as error:
        answer.set_exception(error)
    return answer
