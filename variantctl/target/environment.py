"""The environment that is installed into."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from variantctl.cache.folder import cache_root
from variantctl.target.discovery import (
    active_interpreter,
    named_interpreters,
    no_environment,
    system_interpreters,
)
from variantctl.target.errors import (
    BrokenEnvironmentError,
    ExternallyManagedError,
    NotVirtualError,
    UserFolderError,
)
from variantctl.target.platforms import Platform, cpython_platform_tags
from variantctl.target.probe import interpreter_facts
from variantctl.values import dataclass, field, replace

#: The installation scheme's folders (sysconfig "Installation paths"; the wheel format's ``.data`` folders).
SCHEME_NAMES = ("purelib", "platlib", "scripts", "data", "headers")


@dataclass(frozen=True, kw_only=True)
class Environment(Platform):
    """A Python environment: its interpreter and where packages go. Has a ``Platform``'s tags and markers.

    Attributes:
        python: the interpreter, as scripts should name it (links are not resolved).
        prefix: ``sys.prefix``, or the folder of ``--prefix``, ``--target`` or ``--user``.
        scheme: absolute folders: purelib, platlib, scripts, data, and headers (each package below its own).
        externally_managed: the message of the marker of PEP 668 where there is one, else None.
        is_virtual: a virtual environment (``sys.prefix`` differs from ``sys.base_prefix``).
        implementation: ``cpython``, ``pypy``, ...
        kind: ``virtual``, ``conda``, ``system``, ``user``, ``prefix`` or ``target``.
        site_paths: the folders of ``sys.path`` at start-up.
    """

    python: Path
    prefix: Path
    scheme: Mapping[str, Path]
    externally_managed: str | None = None
    is_virtual: bool = True
    implementation: str = "cpython"
    kind: str = "virtual"
    site_paths: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def site_packages(self) -> tuple[Path, ...]:
        """The folders that hold installed packages (purelib and platlib, once where they are the same)."""
        return tuple(dict.fromkeys((self.scheme["purelib"], self.scheme["platlib"])))


def find_environment(
    python: str | None = None,
    *,
    target: Path | None = None,
    prefix: Path | None = None,
    user: bool = False,
    system: bool = False,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    cache: Path | None = None,
    for_changes: bool = True,
    break_system_packages: bool = False,
    require_virtual: bool = False,
) -> Environment:
    """The environment a command is about.

    ``python`` (an interpreter, an environment folder, a command, or a version such as ``3.12``), else
    ``VIRTUAL_ENV``, else ``CONDA_PREFIX``, else ``./.venv``. With ``target`` or ``prefix`` packages go
    to that folder, and the interpreter found so (or, where there is none, the running one) decides the tags.
    With ``user`` they go to the user's own folders (PEP 370), and ``PATH`` says for which ``python3``.

    With ``system`` it is the first interpreter on ``PATH``.

    Args:
        cache: the folder of caches; None is variantctl's own.
        for_changes: refuse what another package manager owns; a command that only reads passes False.
        break_system_packages: do not refuse it, either (PEP 668 lets a user say so).
        require_virtual: refuse what is no virtual environment and no folder.

    Raises:
        EnvironmentNotFoundError: none is named and none is there, or the named one is not.
        BrokenEnvironmentError: its interpreter is missing or does not run.
        ExternallyManagedError: it carries the marker of PEP 668.
        UserFolderError: it does not see the user's own folders.
        NotVirtualError: it is not a virtual environment, where ``require_virtual`` asks for one.
    """
    cwd = cwd or Path.cwd()
    elsewhere = target or prefix
    if python is not None:
        interpreters = named_interpreters(python, environ=environ, cwd=cwd)
    elif user or system:
        interpreters = system_interpreters(environ=environ, cwd=cwd)
    elif (active := active_interpreter(environ=environ, cwd=cwd)) is not None:
        interpreters = [active]
    elif elsewhere:
        interpreters = [Path(sys.executable)]
    else:
        raise no_environment(cwd)
    interpreter, facts = _first_that_works(interpreters, cache or cache_root(environ))
    environment = environment_from_facts(interpreter, facts)
    if target:
        return _moved(environment, "target", _target_scheme(_resolved(cwd / target.expanduser())))
    if prefix:
        root = _resolved(cwd / prefix.expanduser())
        relative = facts["relative_scheme"]
        return _moved(environment, "prefix", {name: root / relative[name] for name in SCHEME_NAMES})
    if for_changes and require_virtual and not environment.is_virtual:
        raise NotVirtualError(
            f"{environment.prefix} is no virtual environment, and only those may be changed",
            hint="Make one with `variantctl venv .venv`; --require-virtualenv or pip's configuration "
            "asks for it.",
        )
    if for_changes and environment.externally_managed is not None and not break_system_packages:
        raise ExternallyManagedError(
            f"{environment.prefix} belongs to another package manager (PEP 668): "
            f"{_first_paragraph(environment.externally_managed)}",
            hint="Make an environment with `variantctl venv .venv`, and add `--python .venv` to the command. "
            "(--break-system-packages changes this one nevertheless.)",
        )
    return _of_the_user(environment, facts["user_scheme"]) if user else environment


def _first_paragraph(text: str) -> str:
    """What a distribution says at length is said in one line; the way on is ours to say."""
    return " ".join(text.strip().partition("\n\n")[0].split())


def _of_the_user(environment: Environment, scheme: Mapping[str, str] | None) -> Environment:
    if scheme is None:
        raise UserFolderError(
            f"{environment.prefix} is a virtual environment, which does not see what --user installs",
            hint="Install into the environment itself, or name the system's interpreter with --python.",
        )
    moved = _moved(environment, "user", {name: Path(scheme[name]) for name in SCHEME_NAMES})
    return replace(moved, externally_managed=environment.externally_managed)


def _first_that_works(interpreters: Sequence[Path], cache: Path) -> tuple[Path, Mapping[str, Any]]:
    """The first interpreter that runs, and its facts; raises the error of the first where none does."""
    errors = []
    for interpreter in interpreters:
        try:
            return interpreter, interpreter_facts(interpreter, cache=cache)
        except BrokenEnvironmentError as error:
            errors.append(error)
    raise errors[0]


def environment_from_facts(interpreter: Path, facts: Mapping[str, Any]) -> Environment:
    """The value of what the probe printed when ``interpreter`` ran it."""
    version = (int(facts["version"][0]), int(facts["version"][1]), int(facts["version"][2]))
    prefix = Path(facts["prefix"])
    is_virtual = bool(facts["is_virtual"])
    # What it was run by may be a launcher or a shim; what it says of itself is what scripts must name.
    executable = Path(facts["executable"] or interpreter)
    return Environment(
        version=version,
        tag_names=_tags(facts, version),
        markers=facts["markers"],
        python=executable,
        prefix=prefix,
        scheme={name: Path(facts["scheme"][name]) for name in SCHEME_NAMES},
        externally_managed=None if is_virtual else _externally_managed(Path(facts["stdlib"])),
        is_virtual=is_virtual,
        implementation=facts["implementation"],
        kind="virtual" if is_virtual else "conda" if (prefix / "conda-meta").is_dir() else "system",
        site_paths=tuple(Path(entry) for entry in facts["site_paths"]),
    )


def _tags(facts: Mapping[str, Any], version: tuple[int, int, int]) -> tuple[str, ...]:
    if facts["tags"] is None:
        return cpython_platform_tags(version, f"cp{version[0]}{version[1]}")
    return tuple(facts["tags"])


def _externally_managed(stdlib: Path) -> str | None:
    """PEP 668: the ``Error`` of the marker, in the user's language where it has that."""
    import configparser

    marker = stdlib / "EXTERNALLY-MANAGED"
    if not marker.is_file():
        return None
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(marker, encoding="utf-8")
        section = parser["externally-managed"]
    except (OSError, KeyError, UnicodeDecodeError, configparser.Error):
        return f"{marker} says so"
    language = (
        os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    ).split(".")
    for key in (f"Error-{language[0]}", f"Error-{language[0].split('_')[0]}", "Error"):
        if key in section:
            return section[key]
    return f"{marker} says so"


def _moved(environment: Environment, kind: str, scheme: Mapping[str, Path]) -> Environment:
    return replace(
        environment,
        kind=kind,
        scheme=scheme,
        prefix=scheme["data"],
        externally_managed=None,
        is_virtual=False,
    )


def _target_scheme(folder: Path) -> dict[str, Path]:
    """pip's and uv's layout of ``--target``: modules in the folder itself, the rest in folders of it."""
    return {
        "purelib": folder,
        "platlib": folder,
        "scripts": folder / "bin",
        "data": folder,
        "headers": folder / "include",
    }


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))
