"""Sub-indexes that a mapping lacks: found at the place, understood by name, never left out silently."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.backends.names import parse_accelerator_name
from variantctl.backends.source import BackendSource
from variantctl.indexes.backend_discovery import BackendDiscovery
from variantctl.net.client import HttpClient
from variantctl.net.urls import is_file_url, is_url, url_to_path
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import parse_wheel_filename


def with_what_is_there(
    source: BackendSource,
    place: str,
    client: HttpClient,
    named: Collection[str],
    note: Callable[[str], None],
) -> BackendSource:
    """The mapping with the sub-indexes that it lacks: those that are named, and those that the place shows.

    Args:
        source: the mapping.
        place: the URL or folder with the sub-indexes.
        client: makes the requests.
        named: the labels that somebody asks for; where there are any, the place is not asked for more.
        note: is told what was taken by a rule, and what is left out.
    """
    found = named
    if not named and is_url(place) and not is_file_url(place):
        if not source.discover:
            return source
        found = BackendDiscovery(replace(source, url=place.rstrip("/")), client, None, note).names()
    elif not named:
        found = list(_in_folder(url_to_path(place) if is_url(place) else Path(place), source, note))
    whole = source.with_names(found)
    for backend in whole.backends:
        if backend.rule:
            note(f"{backend.label} is not in the mapping {source.name}: {backend.rule}")
    return whole


def _in_folder(folder: Path, source: BackendSource, note: Callable[[str], None]) -> Iterator[str]:
    """The names of the folders, and of the builds of wheels that lie beside them."""
    known = {backend.path for backend in source.backends}
    packages = set(source.packages)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and path.name not in known and _has_wheels(path.rglob("*.whl"), packages):
            if parse_accelerator_name(path.name) is not None:
                yield path.name
            else:
                note(f"{path}: left out, the mapping {source.name} has no such backend")
        elif path.suffix == ".whl" and (local := _local(path, packages)) is not None:
            if source.label_of(source.packages[0], parse_wheel_filename(path.name).version) is None:
                note(f"{path.name}: left out, its version names no backend of {source.name}")
            yield local


def _has_wheels(paths: Iterable[Path], packages: Collection[NormalizedName]) -> bool:
    return any(canonicalize_name(path.name.partition("-")[0]) in packages for path in paths)


def _local(path: Path, packages: Collection[NormalizedName]) -> str | None:
    try:
        wheel = parse_wheel_filename(path.name)
    except InvalidVariantError:
        return None
    return (wheel.version.local or "") if wheel.name in packages else None
