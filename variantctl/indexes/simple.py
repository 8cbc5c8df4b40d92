"""One index of the Simple repository API, behind HTTP or in a folder."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.cache.pages import CachedPages
from variantctl.indexes.page_reader import ACCEPT, ProjectPage, parse_project_page
from variantctl.indexes.project_files import ProjectFiles, sort_files
from variantctl.net.auth import own_file
from variantctl.net.client import HttpClient, Response, status_error
from variantctl.net.errors import AccessDeniedError, NetworkError, SourceError
from variantctl.net.urls import is_file_url, is_url, path_to_url, url_to_path

#: In bytes: how much of a page is looked at for a form.
_LOGIN_HEAD = 256 * 1024


class SimpleIndex:
    """An index (PEP 503): one page a project, at ``{url}/{normalized name}/``.

    Attributes:
        url: of the index, without credentials and without a slash at the end.
        folder: the folder of a ``file://`` index, else ``None``.
    """

    def __init__(
        self,
        url: str | Path,
        client: HttpClient,
        pages: CachedPages | None = None,
        ignored: Collection[int] | None = None,
    ) -> None:
        """An index at a URL (credentials in it are used for its host only), or in a folder.

        Args:
            url: ``http(s)://``, ``file://``, or the path of a folder.
            client: makes the requests.
            pages: the cached pages; ``None``: every page is asked for.
            ignored: statuses that say that the index does not have a project, besides 404 and 410; ``None``:
                an object store's AccessDenied says so where no credentials were sent.
        """
        text = str(url)
        if isinstance(url, Path) or not is_url(text):
            text = path_to_url(Path(text).expanduser())
        self.url = client.credentials.take(text).rstrip("/")
        self.folder = url_to_path(self.url) if is_file_url(self.url) else None
        self._client = client
        self._pages = pages
        self._ignored = ignored

    def project(
        self, name: str, *, refresh: bool | None = None, patience: float | None = None
    ) -> ProjectFiles | None:
        """The files of a project, or ``None`` where the index does not have it.

        Args:
            name: in any spelling.
            refresh: whether to ask the server even where a fresh page is stored.
            patience: as in ``HttpClient.get``.

        Raises:
            NetworkError: the index cannot be reached, or answers neither with a page nor with 404.
            AccessDeniedError: an object store does not say whether it has the project.
            SourceError: what it answers is no project page.
        """
        project = canonicalize_name(name)
        if self.folder is not None or self._pages is None:
            in_folder = self.folder is not None
            page = self._in_folder(project) if in_folder else self._over_http(project, refresh, patience)
            return (
                None if page is None else sort_files(project, self.url, page.files, page.skipped, page.status)
            )
        return self._remembered(self._pages, project, refresh, patience)

    def _remembered(
        self, pages: CachedPages, project: NormalizedName, refresh: bool | None, patience: float | None
    ) -> ProjectFiles | None:
        """The same; of a page that was sorted before, only the versions that are asked for are read."""
        url = f"{self.url}/{project}/"
        digest = None if refresh else pages.identity(url, accept=ACCEPT)
        if digest is not None and (data := pages.read_derived(url, digest)) is not None:
            from variantctl.indexes import project_files_cache

            if (stored := project_files_cache.load(data)) is not None:
                return stored
        page = self._over_http(project, refresh, patience)
        if page is None:
            return None
        files = sort_files(project, self.url, page.files, page.skipped, page.status)
        digest = pages.identity(url, accept=ACCEPT)
        # Credentials in links are known to this run's client only, and are never written down.
        if digest is not None and not page.has_credentials:
            from variantctl.indexes import project_files_cache

            pages.write_derived(url, digest, project_files_cache.dump(files))
        return files

    def _over_http(
        self, project: str, refresh: bool | None, patience: float | None = None
    ) -> ProjectPage | None:
        url = f"{self.url}/{project}/"
        if self._pages is not None:
            response = self._pages.get(
                url, accept=ACCEPT, refresh=refresh, patience=patience, allow=self._ignored or ()
            )
        else:
            allow = (404, 410, 403, *(self._ignored or ()))
            response = self._client.get(url, accept=ACCEPT, allow=allow, patience=patience)
        if response.status in (404, 410, *(self._ignored or ())):
            return None
        if response.status == 403:
            if self._ignored is None and _object_store_has_not(response, self._client, url):
                return None
            raise self._forbidden(url, response)
        return self._parse(response, url)

    def _forbidden(self, url: str, response: Response) -> NetworkError:
        """A 403 is no 404: another index's package of that name could be anybody's."""
        if not is_access_denied(response):
            return status_error(url, 403, "Forbidden", response.headers)
        return AccessDeniedError(
            f"{url} answered 403 Forbidden (AccessDenied): the object store does not say whether it has the "
            "project, and no other index is asked in its place",
            url=url,
            status=403,
            hint="Give credentials that may list it. If it says so for what it does not have, let the search "
            f'go on: [index.ignore-error-codes] "{self.url}" = [403] in the configuration.',
        )

    def _in_folder(self, project: str) -> ProjectPage | None:
        """pip and uv read ``index.html`` of a folder; ``index.json`` (PEP 691) is read where that is all."""
        for name in ("index.html", "index.json"):
            response = self._client.get(f"{self.url}/{project}/{name}", allow=(404,))
            if response.status == 200:
                return self._parse(response, response.url)
        return None

    def _parse(self, response: Response, url: str) -> ProjectPage:
        try:
            page = parse_project_page(response.content, response.content_type, response.url, self.url)
        except SourceError as error:
            message = error.message if url in error.message else f"{url}: {error.message}"
            raise SourceError(message, hint=error.hint) from None
        if not page.files and is_login_page(response.content):
            if self._pages is not None:
                self._pages.forget(url, accept=ACCEPT)
            raise SourceError(
                f"{url} answered with a page that asks for a password, and not with an index's",
                hint="Sign in to that network or service, or give credentials in the index's URL.",
            )
        own = tuple(own_file(file, self._client.credentials) for file in page.files)
        return ProjectPage(own, page.skipped, has_credentials=own != page.files, status=page.status)


def is_login_page(content: bytes) -> bool:
    """Whether a page without files has a field for a password, or the form of a sign-on service."""
    head = content[:_LOGIN_HEAD].lower()
    return b"<form" in head and (
        b'type="password"' in head
        or b"type='password'" in head
        or b"type=password" in head
        or b"samlrequest" in head
        or b"oauth" in head
    )


def _object_store_has_not(response: Response, client: HttpClient, url: str) -> bool:
    """Whether a 403 is an object store's way to say 404.

    Amazon S3 answers AccessDenied, in XML, for keys that do not exist where listing is not allowed (S3 API
    reference, GetObject, "Permissions"). With credentials sent, a 403 is taken at its word.
    """
    return client.credentials.header(url) is None and is_access_denied(response)


def is_access_denied(response: Response) -> bool:
    """Whether an answer is an object store's "AccessDenied"."""
    return (
        response.status == 403
        and "xml" in response.content_type
        and b"<Code>AccessDenied</Code>" in response.content
    )
