"""Isolated environments of trusted plugins: made once for the same wheels, and kept in the cache.

Layout below the cache's root::

    provider-envs-v1/{key}/             a virtual environment, by its Python and the hashes of its wheels
    provider-envs-v1/pins/{key}.json    requirements, and what is trusted of them -> the environment's wheels
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from variantctl.cache.buckets import PROVIDER_ENVIRONMENTS
from variantctl.filesystem.private_folders import distrust, make_private
from variantctl.providers.errors import PluginUnavailableError
from variantctl.providers.installers import Installer, find_installer, python_of, site_packages
from variantctl.providers.settings import PluginSources
from variantctl.providers.trust import PluginWheel
from variantctl.values import dataclass

_COMPLETE = "variantctl-complete"


@dataclass(frozen=True)
class IsolatedEnvironment:
    """A plugin's own environment.

    Attributes:
        path: the virtual environment.
        wheels: what is installed in it.
    """

    path: Path
    wheels: tuple[PluginWheel, ...]

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return python_of(self.path)

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return site_packages(self.path)

    def version(self, package: str) -> str:
        """The version of a package that is installed in it, ``""`` if it is not."""
        return wheel_version(self.wheels, package)


Check = Callable[[Sequence[PluginWheel]], None]
"""Called with the wheels before any is installed; it raises if they may not be."""


def find_wheels(
    requirements: Sequence[str], sources: PluginSources, environ: Mapping[str, str] = os.environ
) -> tuple[PluginWheel, ...]:
    """The wheels that requirements and their dependencies come to, for this Python; none is installed.

    Raises:
        PluginUnavailableError: they cannot be found or reached.
    """
    with tempfile.TemporaryDirectory(prefix="variantctl-provider-", ignore_cleanup_errors=True) as folder:
        return tuple(_resolved(find_installer(sources, environ), requirements, (), Path(folder)))


def isolated_environment(
    requirements: Sequence[str],
    sources: PluginSources,
    *,
    trusted: str,
    check: Check,
    constraints: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> IsolatedEnvironment:
    """The environment of these requirements: the cached one, else a new one.

    Args:
        requirements: what is installed, with dependencies, from wheels alone.
        sources: where from.
        trusted: stands for what is trusted of them. While it stays the same, and is not empty, a cached
            environment answers without any index being asked.
        check: called with the wheels before any is installed.
        constraints: versions of dependencies, as requirements.
        environ: the environment variables that uv or pip run under.

    Raises:
        PluginUnavailableError: the wheels cannot be had or installed.
    """
    cache = sources.cache_dir or _cache_root(environ)
    if (why := distrust(cache)) is not None:
        raise PluginUnavailableError(f"plugins are not run from the cache {cache}: {why}")
    root = cache / PROVIDER_ENVIRONMENTS
    pin = root / "pins" / f"{_key(_python(), trusted, *sorted(requirements))}.json"
    if trusted or sources.offline:
        pinned = _pinned(pin)
        if pinned is not None:
            found = IsolatedEnvironment(root / _environment_key(pinned), pinned)
            if _is_whole(found.path):
                check(pinned)
                return found
    try:
        make_private(root)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root, ignore_cleanup_errors=True) as folder:
            installer = find_installer(sources, environ)
            wheels = tuple(_resolved(installer, requirements, constraints, Path(folder)))
            check(wheels)
            made = IsolatedEnvironment(root / _environment_key(wheels), wheels)
            if not _is_whole(made.path):
                _make(installer, Path(folder), made.path)
        _pin(pin, wheels)
    except OSError as error:
        raise PluginUnavailableError(f"{root}: {error.strerror or error}") from error
    return made


def wheel_version(wheels: Sequence[PluginWheel], package: str) -> str:
    """The version of a package among wheels, ``""`` if it is not there."""
    wanted = canonicalize_name(package)
    for wheel in wheels:
        with contextlib.suppress(InvalidWheelFilename):
            name, version, _build, _tags = parse_wheel_filename(wheel.filename)
            if name == wanted:
                return str(version)
    return ""


def _resolved(
    installer: Installer, requirements: Sequence[str], constraints: Sequence[str], folder: Path
) -> list[PluginWheel]:
    wheels = installer.resolve(requirements, constraints, folder)
    if not wheels:
        raise PluginUnavailableError(f"nothing was found for {', '.join(requirements)}")
    return sorted(wheels, key=lambda wheel: wheel.filename)


def _make(installer: Installer, folder: Path, final: Path) -> None:
    """Make the environment aside, and move it to its place when it is whole."""
    new = folder / "environment"
    installer.install(folder, new)
    (new / _COMPLETE).touch()
    # What stands there is broken (its Python is gone), or another process was faster.
    if final.exists() and not _is_whole(final):
        shutil.rmtree(final, ignore_errors=True)
    try:
        new.rename(final)
    except OSError:
        if not _is_whole(final):
            raise


def _is_whole(environment: Path) -> bool:
    # The interpreter is a link to one that may have been removed since.
    return (environment / _COMPLETE).is_file() and python_of(environment).is_file()


def _pin(path: Path, wheels: Sequence[PluginWheel]) -> None:
    make_private(path.parent)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({wheel.filename: wheel.sha256 for wheel in wheels}), encoding="utf-8")
    partial.replace(path)


def _pinned(path: Path) -> tuple[PluginWheel, ...] | None:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(isinstance(sha256, str) for sha256 in said.values()):
        return None
    return tuple(PluginWheel(filename, sha256) for filename, sha256 in sorted(said.items()))


def _environment_key(wheels: Sequence[PluginWheel]) -> str:
    return _key(_python(), *sorted(f"{wheel.filename} {wheel.sha256}" for wheel in wheels))


def _python() -> str:
    """This interpreter, as far as an environment of it depends on it."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return f"{os.path.realpath(base)} {sys.version} {sysconfig.get_platform()}"


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _cache_root(environ: Mapping[str, str]) -> Path:
    named = environ.get("VARIANTCTL_CACHE_DIR")
    if named:
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("variantctl", appauthor=False))
