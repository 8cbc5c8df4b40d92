"""Places that simply list files: a folder of wheels, a page of links, one wheel (pip's ``--find-links``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.cache.pages import CachedPages
from variantctl.indexes.page_reader import ACCEPT, parse_project_page
from variantctl.indexes.project_files import ProjectFiles, sort_files
from variantctl.net.auth import own_file
from variantctl.net.client import HttpClient, Response, status_error
from variantctl.net.errors import SourceError
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import filename_of, is_file_url, is_url, path_to_url, redact, url_to_path

_PAGE_ENDINGS = (".html", ".htm")
_ARCHIVE_ENDINGS = (".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2", ".tar.xz")
_VERSION_START = r"-(?=\d)"


class FindLinks:
    """One location: a folder (its files, and the links of its HTML pages), an HTML page, or one archive.

    The location is read once, at the first question.

    Attributes:
        location: as given, without credentials.
        missing: whether the location turned out not to exist; pip only warns about that, and so do we.
    """

    def __init__(self, location: str | Path, client: HttpClient, pages: CachedPages | None = None) -> None:
        text = str(location)
        if isinstance(location, Path) or not is_url(text):
            text = path_to_url(Path(text).expanduser())
        self._url = client.credentials.take(text)
        self.location = str(url_to_path(self._url)) if is_file_url(self._url) else self._url
        self.missing = False
        self._client = client
        self._pages = pages
        self._lock = Lock()
        self._by_project: Mapping[NormalizedName, list[RemoteFile]] | None = None
        self._skipped: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The projects that it has, as far as it was read."""
        return tuple(self._by_project or ())

    def project(self, name: str) -> ProjectFiles | None:
        """The files of a project, or ``None`` where the location has none.

        Raises:
            NetworkError: a remote page cannot be read.
            SourceError: what is there is no page, or cannot be read.
        """
        project = canonicalize_name(name)
        with self._lock:
            if self._by_project is None:
                self._by_project = _by_project(self._read())
        files = self._by_project.get(project)
        if not files:
            return None
        found = sort_files(project, self.location, files)
        return found if found.wheels or found.sdists or found.variants_json or found.skipped else None

    def _read(self) -> list[RemoteFile]:
        if not is_file_url(self._url):
            if self._url.partition("?")[0].endswith(_ARCHIVE_ENDINGS):
                return [self._file(self._url)]
            return self._links(self._remote_page())
        path = url_to_path(self._url)
        try:
            if path.is_dir():
                return self._folder(path)
            if not path.exists():
                self.missing = True
                return []
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read: {error.strerror}", hint="Check --find-links."
            ) from None
        if path.name.endswith(_PAGE_ENDINGS):
            return self._links(self._client.get(self._url))
        return [self._file(path_to_url(path), path.stat().st_size)]

    def _folder(self, folder: Path) -> list[RemoteFile]:
        """The archives and variants.json files of a folder, by name; then the links of its pages."""
        files: list[RemoteFile] = []
        pages: list[Path] = []
        for path in sorted(folder.iterdir()):
            if path.name.endswith(_PAGE_ENDINGS):
                pages.append(path)
            elif path.name.endswith((*_ARCHIVE_ENDINGS, "-variants.json")) and path.is_file():
                files.append(self._file(path_to_url(path), path.stat().st_size))
        for page in pages:
            files += self._links(self._client.get(path_to_url(page)))
        return files

    def _remote_page(self) -> Response:
        if self._pages is None:
            return self._client.get(self._url, accept=ACCEPT)
        response = self._pages.get(self._url, accept=ACCEPT)
        if response.status != 200:
            raise status_error(self._url, response.status, "", response.headers)
        return response

    def _links(self, response: Response) -> list[RemoteFile]:
        page = parse_project_page(response.content, response.content_type, response.url, self.location)
        return [own_file(file, self._client.credentials) for file in page.files]

    def _file(self, url: str, size: int | None = None) -> RemoteFile:
        return RemoteFile(filename=filename_of(url), url=url, size=size, source=redact(self.location))


def _by_project(files: Iterable[RemoteFile]) -> dict[NormalizedName, list[RemoteFile]]:
    """Group files by the project in their names, as far as that can be seen without parsing them.

    A wheel's name ends at the first ``-``; an sdist's at a ``-`` before a digit, and may be ambiguous.
    """
    groups: dict[NormalizedName, list[RemoteFile]] = {}
    for file in files:
        if file.filename.endswith((".whl", "-variants.json")):
            names = {file.filename.partition("-")[0]}
        else:
            names = {file.filename[: match.start()] for match in re.finditer(_VERSION_START, file.filename)}
        for name in names:
            groups.setdefault(canonicalize_name(name), []).append(file)
    return groups
