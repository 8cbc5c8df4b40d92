"""uv, or venv and pip: what finds a plugin's wheels and puts them into an environment of their own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from variantctl.net.errors import NetworkError
from variantctl.providers.answers import printable
from variantctl.providers.errors import PluginUnavailableError
from variantctl.providers.settings import PluginSources
from variantctl.providers.trust import PluginWheel

if TYPE_CHECKING:
    from packaging.tags import Tag

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TIME_LIMIT_S = 300
"""Seconds that one run of uv or pip may take."""

_KEPT = frozenset(
    {
        *("UV_CACHE_DIR", "UV_NO_CACHE", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "UV_INSECURE_HOST"),
        *("UV_HTTP_TIMEOUT", "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_CONCURRENT_DOWNLOADS"),
        *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_TRUSTED_HOST", "PIP_CACHE_DIR", "PIP_TIMEOUT"),
        *("PIP_NO_CACHE_DIR", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_KEYRING_PROVIDER"),
    }
)
"""Of the tools' own variables, those about how to reach an index; others could change what is installed."""

_SOURCES = frozenset(
    {
        *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
        *("UV_NO_INDEX", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
        *("PIP_CONFIG_FILE",),
    }
)
"""And those that name sources, kept where the caller names none."""


class Installer(Protocol):
    """What turns requirements into wheels, and wheels into an environment."""

    def resolve(
        self, requirements: Sequence[str], constraints: Sequence[str], folder: Path
    ) -> list[PluginWheel]:
        """Find the wheels, dependencies too, and leave in ``folder`` what ``install`` needs."""

    def install(self, folder: Path, environment: Path) -> None:
        """Make an environment of exactly those wheels."""


def find_installer(sources: PluginSources, environ: Mapping[str, str] = os.environ) -> Installer:
    """uv where it is found, on PATH or beside this interpreter; else pip.

    Raises:
        PluginUnavailableError: a source is plain http to a host that the user does not trust.
    """
    for url in (sources.index_url, *sources.extra_index_urls, *sources.find_links):
        _check_transport(url or "", sources)
    uv = find_uv(environ)
    return UvInstaller(uv, sources, environ) if uv is not None else PipInstaller(sources, environ)


def _check_transport(url: str, sources: PluginSources) -> None:
    from variantctl.net.auth import split_url
    from variantctl.net.insecure import check_transport

    if not url.lower().startswith("http:"):
        return
    bare, pair = split_url(url)
    try:
        check_transport(bare, sources.trusted_hosts, has_credentials=pair is not None)
    except NetworkError as error:
        raise PluginUnavailableError(error.message, hint=error.hint) from None


def find_uv(environ: Mapping[str, str] = os.environ) -> str | None:
    """The path of uv, or ``None``."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("uv", path=environ.get("PATH", os.defpath)) or shutil.which("uv", path=beside)


class UvInstaller:
    """uv: ``pip compile`` to a lock with hashes, then ``pip install`` of that lock."""

    def __init__(self, uv: str, sources: PluginSources, environ: Mapping[str, str] = os.environ) -> None:
        self._uv = uv
        self._sources = sources
        self._environ = tool_environment(sources, environ)
        if sources.index_url is not None:
            self._environ["UV_DEFAULT_INDEX"] = sources.index_url
        if sources.extra_index_urls:
            # Not on the command line, where everybody on the machine could read a password in a URL.
            self._environ["UV_INDEX"] = " ".join(sources.extra_index_urls)
        if sources.cert is not None:
            self._environ["SSL_CERT_FILE"] = sources.cert
        if sources.trusted_hosts:
            self._environ["UV_INSECURE_HOST"] = " ".join(sources.trusted_hosts)

    def resolve(
        self, requirements: Sequence[str], constraints: Sequence[str], folder: Path
    ) -> list[PluginWheel]:
        """Find the wheels; only metadata is fetched, or whole wheels where an index has no hashes.

        Raises:
            PluginUnavailableError: there is no such wheel, or it cannot be reached.
        """
        lock = folder / "pylock.toml"
        wanted = _listed(requirements, folder / "requirements.in")
        options = ["-c", _listed(constraints, folder / "constraints.txt"), "--only-binary", ":all:"]
        options.extend(["--format", "pylock.toml", "--no-header", "-o", str(lock)])
        self._call("pip", "compile", wanted, *options, "--python", sys.executable)
        return _locked(lock)

    def install(self, folder: Path, environment: Path) -> None:
        """Install the lock; uv compares every wheel with its hash.

        Raises:
            PluginUnavailableError: a wheel cannot be had, or its hash is another.
        """
        python = ("--python", sys.executable)
        _call(
            [self._uv, "venv", "-q", "--no-config", "--no-project", *python, str(environment)], self._environ
        )
        target = ("--python", str(environment))
        self._call("pip", "install", *target, "--no-deps", "-r", str(folder / "pylock.toml"))

    def _call(self, *arguments: str) -> None:
        options = ["-q", "--no-config"]
        options.extend(option for link in self._sources.find_links for option in ("--find-links", link))
        if self._sources.no_index:
            options.append("--no-index")
        if self._sources.offline:
            options.append("--offline")
        _call([self._uv, *arguments, *options], self._environ)


class PipInstaller:
    """pip: ``pip download`` of wheels, which are then hashed here, and installed by path."""

    def __init__(self, sources: PluginSources, environ: Mapping[str, str] = os.environ) -> None:
        self._sources = sources
        self._environ = tool_environment(sources, environ)
        if sources.index_url is not None:
            self._environ["PIP_INDEX_URL"] = sources.index_url
        elif sources.extra_index_urls:
            self._environ["PIP_INDEX_URL"] = sources.extra_index_urls[0]
        if sources.cert is not None:
            self._environ["PIP_CERT"] = sources.cert
        if sources.trusted_hosts:
            self._environ["PIP_TRUSTED_HOST"] = " ".join(sources.trusted_hosts)

    def resolve(
        self, requirements: Sequence[str], constraints: Sequence[str], folder: Path
    ) -> list[PluginWheel]:
        """Download the wheels; pip runs nothing of them.

        Raises:
            PluginUnavailableError: there is no such wheel, or it cannot be reached.
        """
        urls = {url for url in (self._sources.index_url, *self._sources.extra_index_urls) if url}
        if len(urls) > 1 and not self._sources.no_index:
            problem = "pip does not search several indexes one after the other, and would mix them"
            raise PluginUnavailableError(problem, hint="Install uv, or name one index.")
        options = ["--only-binary", ":all:", "--dest", str(folder / "wheels")]
        options.extend(["-c", _listed(constraints, folder / "constraints.txt")])
        options.extend(option for link in self._sources.find_links for option in ("--find-links", link))
        if self._sources.no_index or self._sources.offline:
            options.append("--no-index")
        self._call(folder, "download", *options, *requirements)
        found = sorted((folder / "wheels").glob("*.whl"))
        return [PluginWheel(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in found]

    def install(self, folder: Path, environment: Path) -> None:
        """Install the wheels that were downloaded.

        Raises:
            PluginUnavailableError: pip or venv failed.
        """
        _call([sys.executable, "-I", "-m", "venv", "--without-pip", str(environment)], self._environ)
        wheels = [str(path) for path in sorted((folder / "wheels").glob("*.whl"))]
        options = ["--no-index", "--no-deps", "--no-compile", "--target", str(site_packages(environment))]
        self._call(folder, "install", *options, *wheels)

    def _call(self, folder: Path, *arguments: str) -> None:
        if find_spec("pip") is not None:
            python = sys.executable
        else:
            made = folder / "pip"
            if not made.exists():
                _call([sys.executable, "-I", "-m", "venv", str(made)], self._environ)
            python = str(python_of(made))
        options = ["-q", "--disable-pip-version-check", "--no-input"]
        _call([python, "-I", "-m", "pip", *arguments, *options], self._environ)


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def site_packages(environment: Path) -> Path:
    """Where a virtual environment of this Python keeps its packages."""
    if sys.platform == "win32":
        return environment / "Lib" / "site-packages"
    major, minor = sys.version_info[:2]
    return environment / "lib" / f"python{major}.{minor}" / "site-packages"


def tool_environment(sources: PluginSources, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that uv and pip see: proxies and certificates, but nothing that changes what they do."""
    given = sources.index_url or sources.extra_index_urls or sources.find_links or sources.no_index
    kept = _KEPT if given else _KEPT | _SOURCES
    environment = {
        name: value
        for name, value in environ.items()
        if name in kept or not name.startswith(("UV_", "PIP_", "PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"))
    }
    if given:
        environment["PIP_CONFIG_FILE"] = os.devnull
    return environment


def _listed(requirements: Sequence[str], path: Path) -> str:
    path.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
    return str(path)


def _call(command: Sequence[str], environ: Mapping[str, str]) -> None:
    tool = "uv" if Path(command[0]).stem == "uv" else "pip" if "pip" in command else "venv"
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise PluginUnavailableError(f"{tool} cannot be run: {error.strerror or error}") from error
    except subprocess.TimeoutExpired:
        raise PluginUnavailableError(f"{tool} did not end within {TIME_LIMIT_S} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace")
        raise PluginUnavailableError(f"{tool} says: {printable(said, 600) or 'nothing'}")


def _locked(lock: Path) -> list[PluginWheel]:
    """The wheel that uv will take of each package in a lock: the best for this interpreter."""
    ranks = {tag: rank for rank, tag in enumerate(sys_tags())}
    try:
        packages = tomllib.loads(lock.read_text(encoding="utf-8"))["packages"]
        return [_best(package, ranks) for package in packages]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PluginUnavailableError(f"uv's lock file is not understood: {error!r}") from error


def _best(package: Mapping[str, Any], ranks: Mapping[Tag, int]) -> PluginWheel:
    ranked: list[tuple[int, str, str]] = []
    for wheel in package.get("wheels", []):
        filename = wheel.get("name") or str(wheel.get("url") or wheel["path"]).rsplit("/", 1)[-1]
        rank = _rank(filename, ranks)
        if rank is not None:
            ranked.append((rank, filename, wheel["hashes"]["sha256"]))
    if not ranked:
        raise PluginUnavailableError(f"there is no wheel of {package['name']} for this Python")
    _rank_of_best, filename, sha256 = min(ranked)
    return PluginWheel(filename, sha256)


def _rank(filename: str, ranks: Mapping[Tag, int]) -> int | None:
    try:
        tags: Iterable[Tag] = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return None
    return min((ranks[tag] for tag in tags if tag in ranks), default=None)
