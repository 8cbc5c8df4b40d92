"""What an import has to do for each wheel, found out before anything is fetched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import NormalizedName

from variant_index.importing.family import renamed, with_extra
from variant_index.importing.labels import Naming
from variant_index.importing.requirements import united, without_local_versions
from variant_index.importing.state import Imported
from variantctl.backends.backend import Backend
from variantctl.indexes.project_files import WheelLink
from variantctl.net.urls import is_file_url, url_to_path
from variantctl.values import dataclass, field, replace
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.write import metadata_bytes
from variantctl.wheels.rewrite import WheelEdits

PER_WHEEL = "per-wheel"
UNITED = "united"
DEPENDENCIES = (PER_WHEEL, UNITED)
"""What becomes of dependencies that differ between backends; the first is the default."""

FETCH, REMAKE, KEEP = "fetch", "remake", "keep"


@dataclass(frozen=True)
class Item:
    """One wheel of the result.

    Attributes:
        name: its filename.
        label: its variant label.
        backend: the sub-index that it is from.
        wheel: the filename of its source, taken apart.
        metadata: its variant metadata.
        link: where its source is; ``None`` for one that was imported before and is not asked for now.
        before: what is recorded of it, with the filename it has now.
        requires: its requirements; ``None``: those of its source, without local versions.
        project: what it is a wheel of, where its source has another name.
        names: what is called otherwise in its requirements.
        extra: of its source, whose requirements always count.
    """

    name: str
    label: str
    backend: str
    wheel: WheelFilename
    metadata: VariantMetadata
    link: WheelLink | None
    before: tuple[str, Imported] | None
    requires: tuple[str, ...] | None = None
    project: NormalizedName | None = None
    names: Mapping[NormalizedName, NormalizedName] = field(default_factory=dict)
    extra: str | None = None

    @property
    def identity(self) -> str:
        """What its source's file is: another identity is another file."""
        if self.link is None:
            return self.before[1].identity if self.before else ""
        file = self.link.file
        if "sha256" in file.hashes:
            return f"sha256:{file.hashes['sha256']}"
        time = url_to_path(file.url).stat().st_mtime_ns if is_file_url(file.url) else ""
        return f"{file.url} {file.size} {time}"

    @property
    def group(self) -> tuple[NormalizedName, str]:
        """The wheels that differ from it in nothing but the label."""
        return self.project or self.wheel.name, self.name.removesuffix(f"-{self.label}.whl")

    def action(self, packages: Sequence[NormalizedName]) -> str:
        """``fetch``, ``remake`` (of what was imported) or ``keep``."""
        if self.before is None or self.before[1].identity != self.identity:
            return FETCH
        name, entry = self.before
        made = self.made(self.rewriting(entry.requires, packages))
        return KEEP if name == self.name and entry.made == made else REMAKE

    def rewriting(self, own: tuple[str, ...], packages: Sequence[NormalizedName]) -> WheelEdits:
        """How it is made; ``own`` is what its source needs."""
        requires = self.needs(own, packages) if self.requires is None else self.requires
        return WheelEdits(
            self.label, metadata_bytes(self.metadata), requires, drop_local=True, project=self.project
        )

    def needs(self, own: tuple[str, ...], packages: Sequence[NormalizedName]) -> tuple[str, ...]:
        """What it needs, as the result calls it."""
        return without_local_versions(renamed(with_extra(own, self.extra), self.names), packages)

    def made(self, rewriting: WheelEdits) -> str:
        """A digest of how it is made."""
        content = (rewriting.variant_json or b"").decode()
        text = json.dumps([rewriting.label, content, rewriting.requires])
        return hashlib.sha256(text.encode()).hexdigest()


def plan_items(
    naming: Naming, chosen: Sequence[tuple[Backend, WheelLink]], entries: Mapping[str, Imported]
) -> tuple[list[Item], list[str]]:
    """The wheels of the result, and notes about files of which only one can be taken.

    Args:
        naming: what they are called.
        chosen: what is asked for.
        entries: what was imported before.

    Raises:
        SelectionError, InvalidVariantError: the mapping gives no valid variants.
    """
    known = {(entry.source, entry.backend): (name, entry) for name, entry in entries.items()}
    items: dict[str, Item] = {}
    notes: list[str] = []
    for backend, link in chosen:
        before = known.pop((link.own_name.filename, backend.label), None)
        item = _item(naming, backend.label, link.own_name, link, before)
        other = items.get(item.name)
        if other is not None:
            kept, left = (item, other) if _is_own(item) and not _is_own(other) else (other, item)
            notes.append(f"{left.wheel.filename}: left out, {kept.wheel.filename} becomes {kept.name}, too")
            item = kept
        items[item.name] = item
    labels = {backend.label for backend in naming.source.backends}
    for name, entry in known.values():
        if entry.backend in labels and naming.has(entry.wheel().name):
            item = _item(naming, entry.backend, entry.wheel(), None, (name, entry))
            items.setdefault(item.name, item)
    return list(items.values()), notes


def unite(
    items: Sequence[Item],
    packages: Sequence[NormalizedName],
    read: Callable[[WheelLink], tuple[str, ...]],
) -> list[Item]:
    """The same wheels; those that differ in nothing but the label have one list of requirements.

    Args:
        items: the wheels.
        packages: those of the source, whose local versions are dropped.
        read: the requirements of a wheel that is elsewhere.
    """
    groups: dict[tuple[NormalizedName, str], dict[str, tuple[str, ...]]] = {}
    for item in items:
        if item.before is not None and item.before[1].identity == item.identity:
            own = item.before[1].requires
        else:
            assert item.link is not None
            own = read(item.link)
        groups.setdefault(item.group, {})[item.label] = item.needs(own, packages)
    whole = {group: united(requires) for group, requires in groups.items()}
    return [replace(item, requires=whole[item.group]) for item in items]


def _item(
    naming: Naming,
    backend: str,
    wheel: WheelFilename,
    link: WheelLink | None,
    before: tuple[str, Imported] | None,
) -> Item:
    metadata = naming.metadata(backend, wheel)
    (label,) = metadata.variants
    written, version, rest = wheel.with_label(label).split("-", 2)
    project = naming.project(wheel)
    other = project if project != wheel.name else None
    called = project.replace("-", "_") if other is not None else written
    name = f"{called}-{version.partition('+')[0]}-{rest}"
    names, extra = naming.names(wheel), naming.extra(backend)
    return Item(name, label, backend, wheel, metadata, link, before, None, other, names, extra)


def _is_own(item: Item) -> bool:
    """Whether its version names its backend."""
    local = item.wheel.version.local or ""
    return local == item.backend or (item.label == NULL_LABEL and not local)
