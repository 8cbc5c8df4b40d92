"""The files of each sub-index: by its pages where it is behind a URL, by its wheels where it is a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variant_index.errors import FolderError
from variantctl.backends.backend import Backend
from variantctl.backends.source import BackendSource
from variantctl.indexes.project_files import ProjectFiles, WheelLink, sort_files
from variantctl.indexes.simple import SimpleIndex
from variantctl.net.client import HttpClient
from variantctl.net.errors import AccessDeniedError
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import is_file_url, is_url, url_to_path

_PARALLEL = 8


class Listing:
    """What a place has of the packages of one source.

    Args:
        place: the URL of the place, or a folder, with the sub-indexes below.
        source: which sub-indexes there are, and what their wheels need.
        client: makes the requests.
        backends: those that are looked into.
    """

    def __init__(
        self, place: str, source: BackendSource, client: HttpClient, backends: Sequence[Backend]
    ) -> None:
        local = not is_url(place) or is_file_url(place)
        self._folder = (url_to_path(place) if is_url(place) else Path(place)) if local else None
        if self._folder is not None and not self._folder.is_dir():
            raise FolderError(f"{place}: there is no such folder", hint="Give a folder or a URL with --from.")
        self._url = place.rstrip("/")
        self._source = source
        self._client = client
        self._backends = backends

    def wheels(self, packages: Sequence[NormalizedName]) -> list[tuple[Backend, WheelLink]]:
        """The wheels of these packages, by package, then backend.

        Raises:
            NetworkError, SourceError: a page cannot be read.
            FolderError: the folder has none of the sub-indexes.
        """
        pairs = [(package, backend) for package in packages for backend in self._backends]
        if self._folder is not None:
            folder = self._folder
            files = {
                path.relative_to(folder).as_posix(): RemoteFile(
                    path.name, path.absolute().as_uri(), size=path.stat().st_size, source=str(folder)
                )
                for path in folder.rglob("*.whl")
            }
            return wheels_below(str(folder), files, packages, self._source, self._backends)
        denied: list[AccessDeniedError] = []
        with ThreadPoolExecutor(_PARALLEL) as pool:
            pages = list(pool.map(lambda pair: self._page(pair[0], pair[1], denied), pairs))
        if denied and len(denied) == len(pages):
            raise denied[0]
        return [
            (backend, link)
            for (_, backend), page in zip(pairs, pages, strict=True)
            if page is not None
            for link in page.wheels
        ]

    def _page(
        self, package: NormalizedName, backend: Backend, denied: list[AccessDeniedError]
    ) -> ProjectFiles | None:
        try:
            return SimpleIndex(f"{self._url}/{backend.path}", self._client, ignored=()).project(package)
        except AccessDeniedError as error:
            denied.append(error)
            return None


def wheels_below(
    place: str,
    files: Mapping[str, RemoteFile],
    packages: Sequence[NormalizedName],
    source: BackendSource,
    backends: Sequence[Backend],
) -> list[tuple[Backend, WheelLink]]:
    """Wheels below the backends' folders, and those beside these whose version names a backend.

    Args:
        place: the folder or the URL, for messages.
        files: path in it -> wheel.
        packages: those that are asked for.
        source: the mapping.
        backends: its sub-indexes that are looked into.

    Raises:
        FolderError: there are none, and no folder of a backend.
    """
    of_package: dict[NormalizedName, dict[str, RemoteFile]] = {}
    for path in sorted(files, key=lambda path: path.split("/")):
        name = canonicalize_name(files[path].filename.partition("-")[0])
        of_package.setdefault(name, {})[path] = files[path]
    by_label = {backend.label: backend for backend in backends}
    found: list[tuple[Backend, WheelLink]] = []
    for package in packages:
        mine = of_package.get(package, {})
        for backend in backends:
            below = [file for path, file in mine.items() if path.startswith(f"{backend.path}/")]
            found += [(backend, link) for link in sort_files(package, place, below).wheels]
        beside = [file for path, file in mine.items() if "/" not in path]
        for link in sort_files(package, place, beside).wheels:
            label = source.label_of(link.wheel.name, link.wheel.version)
            if label in by_label:
                found.append((by_label[label], link))
    if not found and not any(path.startswith(f"{backend.path}/") for path in files for backend in backends):
        paths = ", ".join(backend.path for backend in backends[:8])
        raise FolderError(
            f"{place}: has no wheels of {source.name}, and no folder of a backend",
            hint=f"Looked for were the folders {paths} and wheels whose version names a backend",
        )
    return found
