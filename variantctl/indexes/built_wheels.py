"""Wheels that were built here, kept so that nothing is built twice.

A build is known by its source (a sha256 or a commit), the interpreter and what the backend was told. What it
was built with is written down: where a build must get the packages that are installed, one
that got others is no use.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.cache.buckets import BUILT
from variantctl.cache.folder import Cache
from variantctl.values import dataclass

_METADATA = "METADATA"
#: Another name where more, or something else, is read of source code.
_STATIC = "static-1"
_MOST_KEPT = 64


@dataclass(frozen=True)
class Ingredient:
    """A package that something was built with.

    Attributes:
        version: with the part that names a backend: ``2.13.0+cu130``.
        label: the variant label; None for a non-variant wheel.
        url: of the wheel, where a requirement named it.
    """

    version: str
    label: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Pin:
    """What builds get of a project: the one that is installed; while that is open, what was asked for.

    Attributes:
        specifier: of its versions, ``==2.13.0+cu130``.
        label: the variant label to take; None: whichever is best.
        url: of its wheel, where a requirement names that.
    """

    specifier: str = ""
    label: str | None = None
    url: str | None = None

    def requirement(self, name: NormalizedName) -> str:
        """As a build's environment is made with it."""
        return f"{name} @ {self.url}" if self.url is not None else f"{name}{self.specifier}"

    def allows(self, found: Ingredient) -> bool:
        """Whether something that was built with this can be used."""
        if self.url is not None or (self.label is not None and self.label != found.label):
            return self.url is not None and self.url == found.url
        return SpecifierSet(self.specifier).contains(Version(found.version), prereleases=True)


Pins = Mapping[NormalizedName, Pin]
Ingredients = Mapping[NormalizedName, Ingredient]


@dataclass(frozen=True)
class BuiltWheels:
    """The wheels in the cache that were built here, and METADATA that was made without a whole build."""

    cache: Cache

    def wheel(self, key: tuple[str, ...], pins: Pins) -> tuple[Path, Ingredients] | None:
        """The wheel of a source, built with what these pins allow; the newest build first."""
        for ingredients in self._builds(key):
            folder = self._folder(key, ingredients)
            wheel = next(iter(sorted(folder.glob("*.whl"))), None) if folder.is_dir() else None
            if wheel is not None and allow(pins, ingredients):
                return wheel, ingredients
        return None

    def metadata(self, key: tuple[str, ...], pins: Pins) -> bytes | None:
        """METADATA of a source, as its backend gave it before a build with what these pins allow."""
        for ingredients in self._builds(key):
            place = self._folder(key, ingredients) / _METADATA
            if allow(pins, ingredients) and place.is_file():
                return place.read_bytes()
        return None

    def static(self, key: tuple[str, ...]) -> bytes | None:
        """METADATA that a source says for certain, empty where it leaves something open; None: not kept."""
        return self.cache.read(BUILT, _STATIC, *key)

    def keep_static(self, data: bytes, key: tuple[str, ...]) -> None:
        """Keep what a source says for certain; empty: it leaves something open."""
        self.cache.write(data, BUILT, _STATIC, *key)

    def keep(self, wheel: Path, key: tuple[str, ...], ingredients: Ingredients) -> Path:
        """Check a wheel that was built, and keep it."""
        from variantctl.wheels.verify import verify_wheel

        verify_wheel(wheel, expected=None)
        kept = self._folder(key, ingredients) / wheel.name
        with self.cache.writing(kept) as file, wheel.open("rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)
        self._remember(key, ingredients)
        return kept

    def keep_metadata(self, data: bytes, key: tuple[str, ...], ingredients: Ingredients) -> None:
        """Keep METADATA that a backend gave."""
        with self.cache.writing(self._folder(key, ingredients) / _METADATA) as file:
            file.write(data)
        self._remember(key, ingredients)

    def _folder(self, key: tuple[str, ...], ingredients: Ingredients) -> Path:
        return self.cache.path(BUILT, "source", *key, _text(ingredients))

    def _builds(self, key: tuple[str, ...]) -> Iterator[Ingredients]:
        """What each build of a source was built with."""
        for listed in self._listed(key):
            try:
                yield {
                    NormalizedName(name): Ingredient(*described)
                    for name, described in json.loads(listed).items()
                }
            except (ValueError, TypeError, AttributeError):
                continue

    def _listed(self, key: tuple[str, ...]) -> list[str]:
        try:
            found = json.loads(self.cache.read(BUILT, "builds", *key) or b"[]")
        except ValueError:
            return []
        return found if isinstance(found, list) else []

    def _remember(self, key: tuple[str, ...], ingredients: Ingredients) -> None:
        known, text = self._listed(key), _text(ingredients)
        if known[:1] != [text]:
            listed = [text, *(other for other in known if other != text)][:_MOST_KEPT]
            self.cache.write(json.dumps(listed).encode(), BUILT, "builds", *key)


def allow(pins: Pins, ingredients: Ingredients) -> bool:
    """Whether pins allow everything that something was built with."""
    return all(name not in pins or pins[name].allows(found) for name, found in ingredients.items())


def _text(ingredients: Ingredients) -> str:
    return json.dumps(
        {name: [each.version, each.label, each.url] for name, each in sorted(ingredients.items())}
    )
