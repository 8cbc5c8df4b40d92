"""Many wheels made by one recipe: all of them, or none.

First everything is planned and checked, then every source is verified once and every wheel is written aside,
several at a time; only when all are there do they take their places.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.filesystem.atomic import same_content
from variantctl.values import dataclass, replace
from variantctl.variants.digits import whole_number
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.known_properties import KnownFeatures, check_known
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties
from variantctl.variants.schemas import PEP_825_SCHEMA
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import audit_wheel
from variantctl.wheels.errors import WheelError
from variantctl.wheels.inference import Inference, infer
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.wheels.recipe import Recipe, RecipeError, RecipeWheel
from variantctl.wheels.rewrite import WheelEdits, rewrite
from variantctl.wheels.variant import single_variant
from variantctl.wheels.variant_wheel import variant_rewriting
from variantctl.wheels.verify import Progress, verify_wheel

_ASIDE = ".variantctl-making-"
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class WheelToMake:
    """One wheel that will be made.

    Attributes:
        source: the wheel it is made of.
        filename: its name.
        label: its label; ``None`` for an ordinary wheel.
        properties: its properties.
        before: the source's requirements.
        after: its own requirements.
        rewriting: how it is made.
        version: its version.
        project: its project.
        inference: what its code shows, where its properties come from it.
    """

    source: Path
    filename: str
    label: str | None
    properties: Properties
    before: tuple[str, ...]
    after: tuple[str, ...]
    rewriting: WheelEdits
    version: Version
    project: NormalizedName
    inference: Inference | None = None

    def as_json(self, out_dir: Path) -> dict[str, object]:
        """The wheel's object of ``wheel make --recipe --json``."""
        return {
            "wheel": str(out_dir / self.filename),
            "source": str(self.source),
            "label": self.label,
            "version": str(self.version),
            "properties": {
                namespace: {feature: list(values) for feature, values in features.items()}
                for namespace, features in self.properties.items()
            },
            "requires_added": [text for text in self.after if text not in self.before],
            "requires_removed": [text for text in self.before if text not in self.after],
            **({} if self.inference is None else self.inference.as_json()),
        }


def plan_wheels(recipe: Recipe, known: KnownFeatures | None = None) -> tuple[WheelToMake, ...]:
    """What a recipe comes to. Sources are opened, and read as far as their METADATA.

    Args:
        recipe: its providers must have no ``build-requires`` any more.
        known: what the providers know of properties; ``None``: they are not validated.

    Raises:
        RecipeError: a pattern finds nothing, two wheels would have one name, or a label has two meanings.
        WheelError, InvalidVariantError: a source cannot be read, or a variant is not allowed.
    """
    table = recipe.table or VariantMetadata(schema=PEP_825_SCHEMA, namespaces=_listed(recipe))
    if not table.namespaces and any(wheel.infer for wheel in recipe.wheels):
        raise RecipeError(
            f"{recipe.path}: infer = true needs the project's namespaces",
            hint="Name them under [variant.default-priorities].",
        )
    if not table.namespaces and any(wheel.label is not None for wheel in recipe.wheels):
        raise RecipeError(
            f"{recipe.path}: no namespace is known, and variant metadata must list at least one",
            hint="Name the namespaces of the project's variants under [variant.default-priorities].",
        )
    planned = [
        _planned(source, entry, table, recipe, known)
        for entry in recipe.wheels
        for source in _sources(entry, recipe)
    ]
    _check_labels(planned)
    _check_names(planned)
    return tuple(planned)


def make_wheels(
    planned: Sequence[WheelToMake], out_dir: Path, *, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Make them, all or none; one that is there already with the same bytes is left as it is.

    Args:
        planned: as ``plan_wheels`` gives them.
        out_dir: made if it is not there.
        progress: told how many bytes of the sources are checked.

    Raises:
        WheelError: a source is not sound, or would be overwritten.
        OSError: the folder cannot be written to. Nothing in it has changed then.
    """
    for wheel in planned:
        target = out_dir / wheel.filename
        if target.exists() and target.samefile(wheel.source):
            hint = "Choose another output folder."
            raise WheelError(str(wheel.source), "the result would overwrite it", hint=hint)
        if target.is_dir():
            raise WheelError(str(target), "is a folder, and a wheel of that name would be made")
    with _aside(out_dir) as aside:
        sources = list(dict.fromkeys(wheel.source for wheel in planned))
        counter = _Counter(sources, progress)
        _in_parallel(lambda source: verify_wheel(source, progress=counter.of(source)), sources)
        _in_parallel(lambda wheel: _write(wheel, aside), planned)
        return _put_in_place([wheel.filename for wheel in planned], aside, out_dir)


def _listed(recipe: Recipe) -> tuple[str, ...]:
    return tuple(namespace for namespace in recipe.namespaces if namespace != ABI_DEPENDENCY)


def _sources(entry: RecipeWheel, recipe: Recipe) -> list[Path]:
    folder, pattern = recipe.path.parent, entry.source
    exact = folder / pattern
    if exact.is_file():
        return [exact]
    try:
        found = sorted(path for path in _glob(folder, pattern) if path.is_file())
    except (ValueError, NotImplementedError) as error:
        raise RecipeError(f"{recipe.path}: {entry.place}.source: {error}") from None
    if not found:
        raise RecipeError(
            f"{recipe.path}: {entry.place}.source: there is no file {pattern!r} below {folder.resolve()}",
            hint="Paths and patterns are relative to the recipe.",
        )
    return found


def _glob(folder: Path, pattern: str) -> Iterator[Path]:
    path = Path(pattern)
    if path.is_absolute():
        return Path(path.anchor).glob(str(path.relative_to(path.anchor)))
    return folder.glob(pattern)


def _planned(
    source: Path, entry: RecipeWheel, table: VariantMetadata, recipe: Recipe, known: KnownFeatures | None
) -> WheelToMake:
    metadata = inference = None
    properties: Properties = {}
    if entry.label is not None:
        inference = infer(audit_wheel(source), table.namespaces) if entry.infer else None
        wanted = entry.properties if inference is None else inference.properties
        metadata = single_variant(table, entry.label, wanted, recipe.table_source)
        properties = metadata.variants[entry.label]
        if known is not None:
            check_known(properties, known, source=str(recipe.path), label=entry.label)
    with WheelArchive.open(source) as archive:
        name = archive.filename.filename
        before = parse_core_metadata(archive.metadata_bytes(), name).requires_dist
        after = before
        try:
            for edits in entry.edits:
                after = edits.apply(after, name)
        except InvalidVariantError as error:
            where = f"{recipe.path}: {entry.place}.dependencies: {error.message}"
            raise RecipeError(where, hint=error.hint) from None
        rewriting = variant_rewriting(
            archive, metadata, entry.label, None, entry.drop_local, recipe.table_source
        )
        rewriting = replace(rewriting, requires=after if entry.edits else None)
        version = archive.filename.version
        return WheelToMake(
            source=source,
            filename=rewriting.filename(archive),
            label=entry.label,
            properties=properties,
            before=before,
            after=after,
            rewriting=rewriting,
            version=Version(version.public) if entry.drop_local else version,
            project=archive.filename.name,
            inference=inference,
        )


def _check_names(planned: Sequence[WheelToMake]) -> None:
    first: dict[str, WheelToMake] = {}
    for wheel in planned:
        other = first.setdefault(wheel.filename, wheel)
        if other is not wheel:
            raise RecipeError(
                f"{wheel.filename}: would be made of {other.source} and of {wheel.source}",
                hint="Give them different labels, or narrow the patterns.",
            )


def _check_labels(planned: Sequence[WheelToMake]) -> None:
    """PEP 825, "Variant label": within one version a label always means the same properties."""
    meaning: dict[tuple[NormalizedName, Version, str], WheelToMake] = {}
    for wheel in planned:
        if wheel.label is None:
            continue
        other = meaning.setdefault((wheel.project, wheel.version, wheel.label), wheel)
        if other.properties != wheel.properties:
            raise RecipeError(
                f"the label {wheel.label!r} of {wheel.project} {wheel.version} would have two meanings, "
                f"in {other.filename} and in {wheel.filename}",
                hint="Give each set of properties a label of its own.",
            )


class _Counter:
    """Bytes checked, over several wheels that are checked at the same time."""

    def __init__(self, sources: Sequence[Path], progress: Progress | None) -> None:
        self._progress = progress
        self._expected = {source: source.stat().st_size for source in sources}
        self._done: dict[Path, tuple[int, int]] = {}
        self._lock = Lock()

    def of(self, source: Path) -> Progress | None:
        """What to call for one wheel: bytes unpacked, which are counted as its share of the bytes in all."""
        report = self._progress
        if report is None:
            return None

        def advance(done: int, total: int) -> None:
            with self._lock:
                self._done[source] = (done, total)
                share = sum(
                    self._expected[path] * part // max(whole, 1) for path, (part, whole) in self._done.items()
                )
                report(share, sum(self._expected.values()))

        return advance


def _in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Do it for every item, a few at a time; the first failure ends it, and nothing is left running."""
    stop = Event()

    def guarded(item: _Item) -> _Result | None:
        if stop.is_set():
            return None
        try:
            return work(item)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(guarded, item) for item in items]
        try:
            results = [future.result() for future in futures]
        except BaseException:
            stop.set()
            raise
    return [result for result in results if result is not None]


def _write(wheel: WheelToMake, folder: Path) -> Path:
    with WheelArchive.open(wheel.source) as archive:
        rewrite(archive, folder / wheel.filename, wheel.rewriting)
    return folder / wheel.filename


@contextmanager
def _aside(out_dir: Path) -> Iterator[Path]:
    """A folder beside the results, gone when this is over; those that killed runs left are swept up."""
    out_dir.mkdir(parents=True, exist_ok=True)
    for left in out_dir.glob(f"{_ASIDE}*"):
        if not _is_running(left.name.removeprefix(_ASIDE)):
            shutil.rmtree(left, ignore_errors=True)
    aside = out_dir / f"{_ASIDE}{os.getpid()}"
    aside.mkdir()
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _is_running(process: str) -> bool:
    number = whole_number(process)
    if os.name != "posix" or number is None:
        # Elsewhere asking ends the process; the folder stays until somebody removes it.
        return True
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return number != os.getpid()


def _put_in_place(names: Sequence[str], aside: Path, out_dir: Path) -> tuple[Path, ...]:
    """Move every wheel to its place; if one cannot be, the others go back and the old ones return."""
    old = aside / "old"
    old.mkdir()
    moved: list[str] = []
    try:
        for name in names:
            target = out_dir / name
            if same_content(aside / name, target):
                continue
            if target.exists():
                target.rename(old / name)
            moved.append(name)
            (aside / name).rename(target)
    except BaseException:
        for name in reversed(moved):
            with contextlib.suppress(OSError):
                (out_dir / name).unlink()
            if (old / name).exists():
                (old / name).rename(out_dir / name)
        raise
    return tuple(out_dir / name for name in names)
