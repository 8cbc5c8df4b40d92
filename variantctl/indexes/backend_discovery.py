"""Which sub-indexes a source of kind ``backends`` has, as the place itself says.

Two pages tell. The parent index's page of the first package lists that package's wheels for every
accelerator; the local parts of their versions, and the folders they lie in, are the names of the sub-indexes.
Where there is no such page, the list of the parent index (PEP 503's root page) may name the sub-indexes
beside the projects. PyTorch has both (pytorch/test-infra, s3_management/manage_v2.py). So it takes one
request, and a second one where the first page does not exist; the page cache keeps both. What cannot be had
is no error: the table of the source still counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from threading import Lock, Thread
from urllib.parse import unquote

from variantctl.backends.names import parse_accelerator_name
from variantctl.backends.source import BackendSource
from variantctl.cache.pages import CachedPages
from variantctl.indexes.page_reader import ACCEPT
from variantctl.indexes.project_files import ProjectFiles
from variantctl.indexes.simple import SimpleIndex
from variantctl.net.client import HttpClient
from variantctl.net.errors import InvalidUrlError
from variantctl.net.urls import parsed_url, url_to_path
from variantctl.variants.errors import VariantctlError

PATIENCE = 10.0
"""Seconds after which a page that only tells the names is not waited for any longer."""

_MOST_NAMES = 100


class BackendDiscovery:
    """The names of a source's sub-indexes; asked for at most once, by a thread of its own.

    Args:
        source: the source.
        client: makes the requests.
        pages: the cached pages; ``None``: every page is asked for.
        note: is told what could not be read.
    """

    def __init__(
        self,
        source: BackendSource,
        client: HttpClient,
        pages: CachedPages | None,
        note: Callable[[str], None],
    ) -> None:
        self._source = source
        self._parent = SimpleIndex(source.url, client, pages)
        self._client = client
        self._pages = pages
        self._note = note
        self._named: dict[str, None] = {}
        self._found: tuple[str, ...] = ()
        self._unknown: dict[str, None] = {}
        self._page: ProjectFiles | None = None
        self._thread: Thread | None = None
        self._deadline = 0.0
        self._lock = Lock()

    def expect(self, names: Iterable[str]) -> None:
        """Somebody named these: they count, whether or not the place shows them."""
        self._named.update(dict.fromkeys(names))

    @property
    def named(self) -> tuple[str, ...]:
        """What somebody named, without a look at the place."""
        return tuple(self._named)

    def start(self) -> None:
        """Begin to ask, if nobody did."""
        with self._lock:
            if self._thread is None:
                self._deadline = time.monotonic() + PATIENCE
                # A daemon: a server that does not answer must not keep the process from ending.
                self._thread = Thread(target=self._ask, daemon=True)
                self._thread.start()

    def names(self) -> tuple[str, ...]:
        """What was found so far, once the answer is there or ``PATIENCE`` is over."""
        self.start()
        thread = self._thread
        if thread is not None and thread.is_alive():
            # Whoever asks again does not wait again.
            thread.join(max(0.0, self._deadline - time.monotonic()))
            if thread.is_alive():
                self._note(
                    f"{self._source.name}: the list of its sub-indexes is slow, and was not waited for"
                )
        return tuple(dict.fromkeys((*self._found, *self._named)))

    @property
    def unknown(self) -> tuple[str, ...]:
        """The folders of wheels on the parent index's page that are left out: their names follow no rule.

        The list of the parent index names projects as well, and does not tell these from sub-indexes.
        """
        self.names()
        return tuple(self._unknown)

    def parent_page(self) -> ProjectFiles | None:
        """What the parent index has of the first package, for every accelerator; ``None``: it has no page."""
        self.names()
        return self._page

    def _ask(self) -> None:
        for ask in (self._of_parent_page, self._of_list):
            try:
                self._found = tuple(dict.fromkeys(ask()))[:_MOST_NAMES]
            except VariantctlError as error:
                self._note(f"{self._source.name}: {error.message}")
            except (OSError, RuntimeError) as error:  # the client is closed when a run ends
                self._note(f"{self._source.name}: its sub-indexes were not read: {error}")
                return
            if self._found:
                return

    def _of_parent_page(self) -> Iterable[str]:
        page = self._parent.project(self._source.packages[0], patience=PATIENCE)
        if page is None:
            return
        self._page = page
        folders: dict[str, None] = {}
        for link in page.wheels:
            folder = _last_part(unquote(parsed_url(link.file.url).path).rpartition("/")[0])
            # Of cu128.with.extras the sub-index is cu128.
            local = (link.version.local or "").removesuffix(".")
            yield from (name for name in (folder, local) if parse_accelerator_name(name))
            folders[folder] = None
        # What the parent index has itself is in no sub-index that is left out.
        own = {"", _last_part(self._parent.url), *self._source.packages}
        own |= {backend.path for backend in self._source.backends}
        self._unknown = {
            name: None for name in folders if name not in own and parse_accelerator_name(name) is None
        }

    def _of_list(self) -> Iterable[str]:
        if self._parent.folder is not None:
            folder = url_to_path(self._parent.url)
            return [path.name for path in sorted(folder.iterdir()) if parse_accelerator_name(path.name)]
        url = f"{self._parent.url}/"
        if self._pages is not None:
            response = self._pages.get(url, accept=ACCEPT, patience=PATIENCE)
        else:
            response = self._client.get(url, accept=ACCEPT, patience=PATIENCE)
        if response.status != 200:
            return []
        return [
            name for name in _listed(response.content, response.content_type) if parse_accelerator_name(name)
        ]


def _listed(content: bytes, content_type: str) -> Iterable[str]:
    """The names that the root page of an index lists (PEP 503, PEP 691), in any form; nothing is an error."""
    if "json" in content_type:
        try:
            data = json.loads(content)
        except (ValueError, RecursionError):
            return []
        listed = data.get("projects") if isinstance(data, dict) else None
        entries = listed if isinstance(listed, list) else []
        return [str(entry.get("name", "")) for entry in entries if isinstance(entry, dict)]
    from variantctl.indexes.html_anchors import Anchors, TooManyTags

    try:
        anchors = Anchors(content.decode("utf-8", "replace")).anchors
    except TooManyTags:
        return []
    return [_last_part(anchor.get("href") or "") for anchor in anchors]


def _last_part(href: str) -> str:
    """``cu128`` of ``cu128/``, ``./cu128/`` and ``/whl/cu128/index.html``."""
    try:
        path = parsed_url(href).path
    except InvalidUrlError:
        return ""
    return unquote(path).removesuffix("index.html").rstrip("/").rpartition("/")[2]
