"""Wheels built from source distributions, for the projects that a user names (``--build NAME``).

The build runs in an environment of its own (PEP 517), made by uv where uv is there, else by ``build``. What
was built is kept by the source's sha256 and the interpreter's best tag, so that nothing is built twice.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Lock

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from variantctl.cache.buckets import BUILT
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import FetchedWheel
from variantctl.config.settings import IndexSettings
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.net.hashes import digests_of
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import path_to_url
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.verify import verify_wheel

_LINES_OF_OUTPUT = 15


class BuildError(VariantctlError):
    """A source distribution could not be built."""

    kind = "build-failed"


@dataclass
class Builds:
    """Which projects may be built, and for what.

    Attributes:
        names: the projects.
        python: the interpreter to build with and for.
        fits: whether a wheel can be installed there; where a version has one that does, nothing is built.
        tag: the interpreter's best tag, part of what a built wheel is kept by.
        cache: where built wheels are kept.
        settings: the sources that the build's own requirements come from.
    """

    names: Collection[NormalizedName]
    python: Path
    fits: Callable[[WheelLink], bool]
    tag: str
    cache: Cache
    settings: IndexSettings
    _built: dict[str, WheelLink] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def offered(self, files: ProjectFiles) -> ProjectFiles:
        """The files of a project, with a wheel-to-be for each version that has an sdist and no fitting wheel.

        Its ``file`` is the sdist, its ``wheel`` a name that fits everywhere: the real one shows once built.
        """
        if files.name not in self.names:
            return files
        fitting = {link.wheel.version for link in files.wheels if self.fits(link)}
        promised: dict[Version, WheelLink] = {}
        for sdist in files.sdists:
            try:
                name, version = parse_sdist_filename(sdist.filename)
            except (InvalidSdistFilename, InvalidVersion):
                continue
            if name == files.name and version not in fitting:
                stem = f"{files.name.replace('-', '_')}-{version}"
                promised[version] = WheelLink(sdist, parse_wheel_filename(f"{stem}-py3-none-any.whl"))
        wheels = (*files.wheels, *promised.values())
        return ProjectFiles(
            files.name, files.source, wheels, files.sdists, files.variants_json, files.skipped
        )

    def wheel(self, link: WheelLink, fetch: Callable[[RemoteFile], FetchedWheel]) -> WheelLink:
        """The wheel of a wheel-to-be: kept from before, or built now; any other link is given back.

        Raises:
            BuildError: the build failed, or gave something else than was promised.
        """
        if not is_promised(link):
            return link
        with self._lock:
            known = self._built.get(link.file.url)
            if known is None:
                known = self._built[link.file.url] = self._wheel(link, fetch(link.file))
            return known

    def _wheel(self, link: WheelLink, sdist: FetchedWheel) -> WheelLink:
        folder = self.cache.path(BUILT, sdist.sha256, self.tag)
        found = next(iter(sorted(folder.glob("*.whl"))), None) if folder.is_dir() else None
        path = found or self._build(link, sdist.path, folder)
        wheel = parse_wheel_filename(path.name)
        if (wheel.name, wheel.version) != (link.wheel.name, link.wheel.version):
            raise BuildError(f"{link.file.filename}: its build gave {path.name}, another project or version")
        hashes = {"sha256": digests_of(path, ["sha256"])["sha256"]}
        file = RemoteFile(
            path.name, path_to_url(path), hashes, size=path.stat().st_size, source=link.file.source
        )
        built = WheelLink(file, wheel)
        if not self.fits(built):
            raise BuildError(
                f"{link.file.filename}: its build gave {path.name}, which does not fit {self.python}"
            )
        return built

    def _build(self, link: WheelLink, source: Path, folder: Path) -> Path:
        with tempfile.TemporaryDirectory(prefix="variantctl-build-") as temporary:
            # Builders go by the name, which the cache does not keep.
            named = Path(temporary) / link.file.filename
            shutil.copyfile(source, named)
            out = Path(temporary) / "out"
            self._run(link, self._command(link, named, out))
            wheels = sorted(out.glob("*.whl"))
            if len(wheels) != 1:
                raise BuildError(f"{link.file.filename}: its build gave {len(wheels)} wheels, not one")
            verify_wheel(wheels[0], expected=None)
            kept = folder / wheels[0].name
            with self.cache.writing(kept) as file:
                file.write(wheels[0].read_bytes())
        return kept

    def _command(self, link: WheelLink, sdist: Path, out: Path) -> list[str]:
        uv = _uv()
        if uv is not None:
            options = ["--wheel", "--out-dir", str(out), "--python", str(self.python)]
            return [uv, "build", *options, *(["--offline"] if self.settings.offline else []), str(sdist)]
        if importlib.util.find_spec("build") is None:
            raise BuildError(
                f"{link.file.filename} has to be built, and nothing is there to build it with",
                hint="Install uv, or 'build' beside variantctl: pip install 'variantctl[build]'.",
            )
        if not _is_this_python(self.python):
            raise BuildError(
                f"{link.file.filename} has to be built with {self.python}; 'build' uses {sys.executable}",
                hint="Install uv, which builds with any interpreter.",
            )
        unpacked = sdist.parent / "source"
        if sdist.suffix == ".zip":
            shutil.unpack_archive(sdist, unpacked)
        else:
            shutil.unpack_archive(sdist, unpacked, filter="data")
        (root,) = unpacked.iterdir()
        return [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(root)]

    def _run(self, link: WheelLink, command: list[str]) -> None:
        environ = {**os.environ, **_sources(self.settings)}
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LINES_OF_OUTPUT:])
            raise BuildError(
                f"{link.file.filename} could not be built:\n{said}",
                hint="The build may need a compiler or libraries; a version that has a wheel does not.",
            )


def is_promised(link: WheelLink) -> bool:
    """Whether a link stands for a wheel that has to be built first."""
    return not link.file.filename.endswith(".whl")


def _uv() -> str | None:
    beside = Path(sysconfig.get_path("scripts")) / ("uv.exe" if os.name == "nt" else "uv")
    return str(beside) if beside.is_file() else shutil.which("uv")


def _is_this_python(python: Path) -> bool:
    code = "import sys, sysconfig; print(sys.implementation.cache_tag, sysconfig.get_platform())"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.split() == [sys.implementation.cache_tag, sysconfig.get_platform()]


def _sources(settings: IndexSettings) -> Mapping[str, str]:
    """Our sources in the variables of uv and of pip, for what the build itself needs."""
    layers = settings.layers
    index = next((layer.index_url for layer in layers if layer.index_url), None)
    extra = " ".join(url for layer in layers for url in layer.extra_index_urls)
    links = [place for layer in layers for place in layer.find_links]
    variables = {
        "UV_DEFAULT_INDEX": index,
        "UV_INDEX": extra,
        "UV_FIND_LINKS": ",".join(links),
        "PIP_INDEX_URL": index,
        "PIP_EXTRA_INDEX_URL": extra,
        "PIP_FIND_LINKS": " ".join(links),
    }
    found = {name: value for name, value in variables.items() if value}
    if index is None and not extra and any(layer.no_index for layer in layers):
        found |= {"UV_NO_INDEX": "1", "PIP_NO_INDEX": "1"}
    return found
