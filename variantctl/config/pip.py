"""pip's configuration, read as pip reads it (starting pip to ask would take longer than most installs).

Source of places and order: pip's documentation, "Configuration": global files, then the user's, then the
environment's, then ``PIP_CONFIG_FILE``, then ``PIP_*`` variables; section ``[install]`` over ``[global]``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from variantctl.cache.buckets import PIP
from variantctl.cache.folder import Cache
from variantctl.filesystem.bounded import read_bounded
from variantctl.net.errors import SettingsError
from variantctl.values import dataclass

_SECTIONS = ("global", "install")
_TRUE = {"y", "yes", "t", "true", "on", "1"}
_FALSE = {"n", "no", "f", "false", "off", "0"}


@dataclass(frozen=True)
class PipValue:
    """A value as written, and where: the path of a file, or the name of a variable."""

    text: str
    origin: str


@dataclass(frozen=True)
class PipConfig:
    """What pip would use for ``pip install``.

    Attributes:
        values: option name (``extra-index-url``) -> value; empty ones are left out, as pip ignores them.
    """

    values: Mapping[str, PipValue]

    def text(self, *names: str) -> str | None:
        """The value of the first of *names* that is set."""
        return next((self.values[name].text for name in names if name in self.values), None)

    def words(self, name: str) -> tuple[str, ...]:
        """The parts of a value that may name several things, between white space."""
        value = self.values.get(name)
        return tuple(value.text.split()) if value is not None else ()

    def flag(self, name: str) -> bool:
        """A yes or no; no where it is not set.

        Raises:
            SettingsError: it is neither.
        """
        value = self.values.get(name)
        if value is None or value.text.strip().lower() in _FALSE:
            return False
        if value.text.strip().lower() in _TRUE:
            return True
        raise SettingsError(f"{value.origin}: {name}: {value.text!r} is neither yes nor no")

    def seconds(self, *names: str) -> float | None:
        """A number of seconds.

        Raises:
            SettingsError: it is no positive number.
        """
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            try:
                seconds = float(value.text)
            except ValueError:
                seconds = 0.0
            if seconds > 0:
                return seconds
            raise SettingsError(f"{value.origin}: {name}: {value.text!r} is not a number of seconds")
        return None

    def origin(self, *names: str) -> str:
        """Where the first of *names* that is set was found, for messages."""
        return next((self.values[name].origin for name in names if name in self.values), "pip")


def read_pip_config(environ: Mapping[str, str], prefix: Path, platform: str = sys.platform) -> PipConfig:
    """Read pip's files and variables.

    Args:
        environ: the environment variables; ``HOME`` and the like name the folders.
        prefix: of the Python whose pip this is; its own ``pip.conf`` lies there.
        platform: as ``sys.platform``.

    Raises:
        SettingsError: a file is no configuration file.
    """
    merged: dict[tuple[str, str], PipValue] = {}
    for path in config_files(environ, prefix, platform):
        for section, name, text in _read(path):
            merged[section, name] = PipValue(text, str(path))
    values: dict[str, PipValue] = {}
    for section in _SECTIONS:
        values.update({n: value for (where, n), value in merged.items() if where == section and value.text})
    for variable, text in environ.items():
        if variable.startswith("PIP_") and text:
            values[_option(variable[4:])] = PipValue(text, variable)
    return PipConfig(values)


def config_files(environ: Mapping[str, str], prefix: Path, platform: str) -> Iterator[Path]:
    """pip's configuration files, the least important first, whether or not they exist."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    basename = "pip.ini" if platform == "win32" else "pip.conf"
    yield from (folder / basename for folder in _global_folders(environ, prefix, platform))
    if not (named and Path(named).exists()):
        yield from (folder / basename for folder in _user_folders(environ, platform))
    yield prefix / basename
    if named:
        yield Path(named)


def _global_folders(environ: Mapping[str, str], prefix: Path, platform: str) -> list[Path]:
    if platform == "win32":
        return [Path(environ.get("PROGRAMDATA", "C:\\ProgramData")) / "pip"]
    if platform == "darwin":
        folders = [Path("/Library/Application Support/pip")]
        homebrew = Path("/opt/homebrew")
        return [homebrew / "share/pip", *folders] if prefix.is_relative_to(homebrew) else folders
    named = environ.get("XDG_CONFIG_DIRS", "").strip() or "/etc/xdg"
    return [*(Path(folder).expanduser() / "pip" for folder in named.split(os.pathsep)), Path("/etc")]


def _user_folders(environ: Mapping[str, str], platform: str) -> list[Path]:
    """The legacy folder, then the one that overrides it."""
    home = Path(environ.get("USERPROFILE" if platform == "win32" else "HOME") or Path.home())
    if platform == "win32":
        return [home / "pip", Path(environ.get("APPDATA") or home / "AppData/Roaming") / "pip"]
    if platform == "darwin":
        own = home / "Library/Application Support/pip"
        return [home / ".pip", own if own.is_dir() else home / ".config/pip"]
    config = environ.get("XDG_CONFIG_HOME", "").strip()
    return [home / ".pip", (Path(config) if config else home / ".config") / "pip"]


def _read(path: Path) -> Iterator[tuple[str, str, str]]:
    """Section, option and value of everything in a file."""
    if not path.exists():
        return
    import configparser
    import locale

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_bounded(path).decode(locale.getpreferredencoding(False)), str(path))
    except (configparser.Error, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: not a configuration file: {error}",
            hint="Pip cannot read it either; `pip config debug` says where it lies.",
        ) from None
    except OSError:
        return  # pip cannot read it and goes on without it
    for section in parser.sections():
        for name, text in parser.items(section):
            yield section, _option(name), text


def _option(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


_LIFETIME = 30 * 24 * 3600.0
_PATIENCE = 60.0
_DEFAULT = r"--index-url\b(?:(?!--extra-index-url).)*?[(\[]default:?\s+([^\s)\]]+)[)\]]"


@dataclass(frozen=True)
class _Pip:
    """A pip that can be asked: its command line, and what changes when it is replaced by another."""

    command: tuple[str, ...]
    identity: tuple[str, ...]


def pip_default_index(
    environ: Mapping[str, str], *, cache: Cache | None = None, python: Path | None = None
) -> str | None:
    """pip's built-in default index URL, or ``None`` where there is no pip to ask.

    Asked are, until one answers: the pip of the running Python, that of *python*, ``pip`` on the PATH, and
    the one that ensurepip carries.

    Args:
        environ: the environment variables.
        cache: remembers the answer for thirty days, so that the half second is paid once.
        python: the interpreter that is installed into.
    """
    for pip in _pips(environ, python):
        known = _remembered(cache, pip)
        if known is not None:
            return known
        answer = _ask(pip, environ)
        if answer is not None:
            if cache is not None:
                record = {"index_url": answer, "time": time.time()}
                cache.write(json.dumps(record).encode(), PIP, *pip.identity)
            return answer
    return None


def _pips(environ: Mapping[str, str], python: Path | None) -> Iterator[_Pip]:
    own = _own()
    if own is not None:
        yield _Pip((sys.executable, "-I", "-m", "pip"), _identity(sys.executable, own))
    if python is not None:
        yield _Pip((str(python), "-I", "-m", "pip"), _identity(str(python)))
    import shutil

    for name in ("pip", "pip3"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            yield _Pip((found,), _identity(found))
    for wheel in _bundled():
        yield _Pip((sys.executable, "-I", str(wheel / "pip")), _identity(sys.executable, str(wheel)))


def _own() -> str | None:
    """Where the running Python's pip is."""
    spec = importlib.util.find_spec("pip")
    return spec.origin if spec is not None else None


def _identity(*paths: str) -> tuple[str, ...]:
    """The paths and when they were last changed."""
    parts: list[str] = []
    for path in paths:
        try:
            parts += [path, str(Path(path).stat().st_mtime_ns)]
        except OSError:
            parts.append(path)
    return tuple(parts)


def _bundled() -> list[Path]:
    """The pip wheels that came with this Python: in ensurepip, or where a distribution keeps them."""
    import sysconfig

    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        folders.append(str(Path(spec.origin).parent / "_bundled"))
    return [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]


def _remembered(cache: Cache | None, pip: _Pip) -> str | None:
    data = cache.read(PIP, *pip.identity) if cache is not None else None
    try:
        record = json.loads(data or b"{}")
        fresh = time.time() - float(record["time"]) < _LIFETIME
    except (ValueError, KeyError, TypeError):
        return None
    url = record.get("index_url")
    return url if fresh and isinstance(url, str) else None


def _ask(pip: _Pip, environ: Mapping[str, str]) -> str | None:
    """Read the default of ``--index-url`` in pip's help, with nothing configured."""
    clean = {name: text for name, text in environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "COLUMNS": "1000", "NO_COLOR": "1", "PIP_NO_COLOR": "1"}
    import subprocess

    try:
        result = subprocess.run(
            [*pip.command, "install", "--help", "--isolated"],
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return default_in_help(result.stdout.decode("utf-8", "replace")) if result.returncode == 0 else None


def default_in_help(text: str) -> str | None:
    """The default of ``--index-url`` in the text of ``pip install --help``, however it is wrapped."""
    match = re.search(_DEFAULT, " ".join(text.split()))
    return match[1] if match and "://" in match[1] else None
