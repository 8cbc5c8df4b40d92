"""The ``[index]`` table of variantctl's own configuration file.

The file is ``$VARIANTCTL_CONFIG_FILE``, else ``variantctl.toml`` in the user's configuration folder for
variantctl (``~/.config/variantctl`` on Linux)::

    accelerator = "prefer"             # or "require", "any": see --accelerator
    accelerator-of = "best"            # or "all": see --accelerator-of

    [index]
    index-url = "https://user:token@packages.example.org/simple"
    extra-index-url = ["https://other.example.org/simple"]
    find-links = ["~/wheels"]          # relative to this file
    no-index = false
    cert = "/etc/ssl/company.pem"
    client-cert = "~/me.pem"
    proxy = "http://proxy.example.org:3128"
    trusted-host = ["packages.example.org"]
    timeout = 60                       # seconds
    index-strategy = "first-match"     # or "best-version"
    keyring-provider = "subprocess"    # ask the command keyring for passwords; "disabled" where left out
    exclude-newer = "7 days"           # leave out what was uploaded later: also a date or an RFC 3339 time
    exclude-newer-package = { torch = false }

    [index.ignore-error-codes]         # statuses that mean "not there" (an object store's 403)
    "https://packages.example.org/simple" = [403]

    [install]
    max-unpacked-size = "64GiB"        # of one wheel; 0: any
    max-unpacked-ratio = 200           # to its packed size; 0: any

    [sources]                          # where a package is looked for, and nowhere else
    torch = "pytorch"                  # a source of kind backends, or the URL of an index

    [cache]
    max-size = "20GB"                  # see config.cache

    [backends.NAME]                    # see backend_tables

    [families]
    enabled = true                     # false: no name counts for another

    [families.NAME]                    # see families.tables
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from variantctl.config.uploads import UploadLimits, upload_limits
from variantctl.filesystem.bounded import read_bounded
from variantctl.net.errors import SettingsError
from variantctl.net.urls import is_url, split_credentials
from variantctl.values import dataclass, field


@dataclass(frozen=True)
class IndexTable:
    """What ``[index]`` says; ``None`` and ``()`` where it does not.

    Attributes:
        origin: the file, for messages.
    """

    origin: str
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = None
    trusted_hosts: tuple[str, ...] = ()
    timeout: float | None = None
    strategy: str | None = None
    keyring_provider: str | None = None
    ignore_error_codes: Mapping[str, frozenset[int]] = field(default_factory=dict)
    exclude_newer: str | None = None
    exclude_newer_package: Mapping[str, str | bool] = field(default_factory=dict)

    @property
    def uploads(self) -> UploadLimits:
        """Before when files must have been uploaded; raises ``SettingsError``."""
        return upload_limits(
            self.exclude_newer, self.exclude_newer_package.items(), f"{self.origin}: exclude-newer"
        )


@dataclass(frozen=True)
class Configuration:
    """The configuration file.

    Attributes:
        origin: its path.
        index: the ``[index]`` table.
        sources: the ``[sources]`` table: package -> place.
        backends: the ``[backends]`` table as it is.
        families: the ``[families]`` table as it is.
        install: the ``[install]`` table; ``variantctl.wheels.limits`` reads its values.
        cache: the ``[cache]`` table as it is.
        accelerator: the accelerator policy; ``None`` where the file names none.
        accelerator_of: which of several accelerators a build must run on; ``None`` as above.
    """

    origin: str
    index: IndexTable | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    backends: object = None
    install: Mapping[str, object] = field(default_factory=dict)
    cache: Mapping[str, object] = field(default_factory=dict)
    accelerator: str | None = None
    accelerator_of: str | None = None
    families: object = None


def configuration_file(environ: Mapping[str, str]) -> Path | None:
    """Where variantctl's configuration is; ``None`` where the variable turns it off."""
    named = environ.get("VARIANTCTL_CONFIG_FILE")
    if named is not None:
        return Path(named).expanduser() if named and named != os.devnull else None
    from platformdirs import user_config_dir

    return Path(user_config_dir("variantctl", appauthor=False)) / "variantctl.toml"


def _load_toml(path: Path, content: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        data: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}", hint="It must be a TOML file.") from None
    return data


def read_configuration(environ: Mapping[str, str]) -> Configuration | None:
    """What the configuration file says about sources, or ``None`` where there is no file.

    Raises:
        SettingsError: a named file is missing; broken TOML; an unknown key or a value of a wrong type.
    """
    path = configuration_file(environ)
    if path is None:
        return None
    try:
        content = read_bounded(path)
    except (FileNotFoundError, NotADirectoryError):
        if "VARIANTCTL_CONFIG_FILE" not in environ:
            return None
        raise SettingsError(
            f"VARIANTCTL_CONFIG_FILE names {path}, which does not exist",
            hint="Correct or unset the variable.",
        ) from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    data = _load_toml(path, content)
    tables = {key: data.get(key, {}) for key in ("index", "sources", "install", "cache")}
    for key, table in tables.items():
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {key}: must be a table ([{key}])")
    for package, place in tables["sources"].items():
        if not isinstance(place, str) or not place:
            raise SettingsError(
                f"{path}: sources.{package}: {place!r} is not a text",
                hint="It is the URL of an index, or the name of a source of kind backends.",
            )
    for key in tables["install"]:
        if key not in _INSTALL_KEYS:
            known = ", ".join(_INSTALL_KEYS)
            raise SettingsError(f"{path}: install.{key}: unknown key", hint=f"Known are: {known}.")
    return Configuration(
        str(path),
        read_index_table(tables["index"], str(path), path.parent) if "index" in data else None,
        tables["sources"],
        data.get("backends"),
        tables["install"],
        tables["cache"],
        accelerator_policy(data, path),
        _accelerator_of(data, path),
        data.get("families"),
    )


def _accelerator_of(data: Mapping[str, object], path: Path) -> str | None:
    named = data.get("accelerator-of")
    return None if named is None else accelerator_of(named, f"{path}: accelerator-of")


def accelerator_of(written: object, origin: str) -> str:
    """Which of several accelerators a build must run on, checked.

    Raises:
        SettingsError: it is neither ``best`` nor ``all``; *origin* says who wrote it.
    """
    if written in ("best", "all"):
        return str(written)
    raise SettingsError(f"{origin}: {written!r} is neither of the choices", hint="Known are: best, all.")


def accelerator_policy(data: Mapping[str, object], path: Path) -> str | None:
    install = data.get("install")
    policy = data.get("accelerator", install.get("accelerator") if isinstance(install, Mapping) else None)
    if policy is None or policy in ("prefer", "require", "any"):
        return None if policy is None else str(policy)
    raise SettingsError(
        f"{path}: accelerator: {policy!r} is no accelerator policy", hint="Known are: prefer, require, any."
    )


def read_index_table(
    table: Mapping[str, object], origin: str, folder: Path, named: str = "index"
) -> IndexTable:
    """The values of ``[index]``.

    Args:
        table: as TOML has it.
        origin: the file, for messages.
        folder: what paths are relative to.
        named: the table, for messages.

    Raises:
        SettingsError: a key or a value that there is not.
    """
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in _KEYS:
            raise SettingsError(
                f"{origin}: {named}.{key}: unknown key", hint=f"Known are: {', '.join(_KEYS)}."
            )
        attribute, read = _KEYS[key]
        try:
            values[attribute] = read(value, folder)
        except (TypeError, ValueError):
            raise SettingsError(f"{origin}: {named}.{key}: {value!r} is not {EXPECTED[read]}") from None
    return IndexTable(origin, **values)  # type: ignore[arg-type]  # each reader returns its field's type


def _text(value: object, _folder: Path) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _texts(value: object, folder: Path) -> tuple[str, ...]:
    return tuple(_text(item, folder) for item in (value if isinstance(value, list) else [value]))


def _place(value: object, folder: Path) -> str:
    text = _text(value, folder)
    return text if is_url(text) else str(folder / Path(text).expanduser())


def _places(value: object, folder: Path) -> tuple[str, ...]:
    return tuple(_place(item, folder) for item in (value if isinstance(value, list) else [value]))


def _strategy(value: object, _folder: Path) -> str:
    if value not in ("first-match", "best-version"):
        raise ValueError
    return str(value)


def _provider(value: object, _folder: Path) -> str:
    if value not in ("disabled", "subprocess"):
        raise ValueError
    return str(value)


def _codes(value: object, _folder: Path) -> Mapping[str, frozenset[int]]:
    if not isinstance(value, dict):
        raise TypeError
    for url, codes in value.items():
        if not is_url(url) or not isinstance(codes, list) or not all(_is_code(code) for code in codes):
            raise TypeError
    return {split_credentials(url)[0].rstrip("/"): frozenset(codes) for url, codes in value.items()}


def _is_code(code: object) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599


def moment(value: object, _folder: Path) -> str:
    """A moment as a text, or as TOML's own date or time; raises ``TypeError`` for anything else."""
    # Few files name a moment.
    from datetime import date

    return value.isoformat() if isinstance(value, date) else _text(value, _folder)


def moments(value: object, folder: Path) -> Mapping[str, str | bool]:
    """A table of packages, each with a moment or false; raises ``TypeError`` for anything else."""
    if not isinstance(value, dict):
        raise TypeError
    return {name: False if each is False else moment(each, folder) for name, each in value.items()}


def _flag(value: object, _folder: Path) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _seconds(value: object, _folder: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise TypeError
    return float(value)


_INSTALL_KEYS = ("accelerator", "max-unpacked-size", "max-unpacked-ratio")
_Reader = Callable[[object, Path], object]
_KEYS: Mapping[str, tuple[str, _Reader]] = {
    "index-url": ("index_url", _place),
    "extra-index-url": ("extra_index_urls", _places),
    "find-links": ("find_links", _places),
    "no-index": ("no_index", _flag),
    "cert": ("cert", _place),
    "client-cert": ("client_cert", _place),
    "proxy": ("proxy", _text),
    "trusted-host": ("trusted_hosts", _texts),
    "timeout": ("timeout", _seconds),
    "index-strategy": ("strategy", _strategy),
    "keyring-provider": ("keyring_provider", _provider),
    "ignore-error-codes": ("ignore_error_codes", _codes),
    "exclude-newer": ("exclude_newer", moment),
    "exclude-newer-package": ("exclude_newer_package", moments),
}
EXPECTED: Mapping[_Reader, str] = {
    _text: "a text",
    _texts: "a text or a list of texts",
    _place: "a path or URL",
    _places: "a path or URL, or a list of them",
    _flag: "true or false",
    _seconds: "a positive number",
    _strategy: "first-match or best-version",
    _provider: "disabled or subprocess",
    _codes: "a table of URLs, each with a list of HTTP statuses from 400 on",
    moment: "a moment, such as '2026-05-31' or '7 days'",
    moments: "a table of packages, each with a moment or false",
}
