"""Wheels built from source code by the project's own build backend (PEP 517, PEP 660).

pyproject-hooks calls the backend, in an environment of its own that has what ``[build-system]`` asks for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.indexes.sdists import BuildError
from variantctl.target.creation import make_environment
from variantctl.target.environment import Environment, find_environment
from variantctl.values import dataclass, field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pyproject_hooks import BuildBackendHookCaller

_LINES_OF_OUTPUT = 20
#: What a project without ``[build-system]`` is built with (PEP 517, "Source trees").
_DEFAULT_REQUIRES = ("setuptools>=40.8.0",)
_DEFAULT_BACKEND = "setuptools.build_meta:__legacy__"

InstallRequirements = Callable[[Sequence[str], Environment], None]
"""Puts requirements into an environment that is made for one build."""


@dataclass(frozen=True)
class BuildSystem:
    """The ``[build-system]`` table.

    Attributes:
        requires: what must be there before the backend can be asked anything.
        backend: the object to ask, ``module[:object]``.
        backend_path: folders of the source that the backend may lie in.
    """

    requires: tuple[str, ...] = _DEFAULT_REQUIRES
    backend: str = _DEFAULT_BACKEND
    backend_path: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SourceBuilder:
    """Builds source trees for one interpreter.

    Attributes:
        environment: whose interpreter is built with and for; without isolation the build runs in it.
        install_requirements: puts a build's requirements into its environment.
        isolated: each build has an environment of its own; else what is needed must be there already.
        config_settings: handed to the backend, whatever the project.
        say: told what is being built.
    """

    environment: Environment
    install_requirements: InstallRequirements
    isolated: bool = True
    config_settings: Mapping[str, str | list[str]] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _text: None

    def wheel(self, source: Path, out: Path, named: str, *, editable: bool = False) -> Path:
        """Build the wheel of a source tree.

        Args:
            source: the folder that has pyproject.toml or setup.py.
            out: the folder that the wheel is put into.
            named: what it is called in messages.
            editable: a wheel that only points to the source (PEP 660).

        Raises:
            BuildError: there is nothing to build, or the backend failed.
        """
        system = read_build_system(source, named)
        kind = "editable" if editable else "wheel"
        self.say(f"building {named}")
        out.mkdir(parents=True, exist_ok=True)
        with self._environment(system, named) as environment:
            hooks = self._hooks(source, system, environment, named)
            if self.isolated:
                more = self._asked(named, getattr(hooks, f"get_requires_for_build_{kind}"))
                self._install(more, environment, named)
            built = self._asked(named, getattr(hooks, f"build_{kind}"), str(out))
        path = out / str(built)
        if path.parent != out or path.suffix != ".whl" or not path.is_file():
            raise BuildError(f"{named}: its backend {system.backend} said that it built {built!r}")
        return path

    def _asked(self, named: str, hook: Callable[..., Any], *arguments: str) -> Any:
        from pyproject_hooks import BackendUnavailable, HookMissing, UnsupportedOperation

        try:
            return hook(*arguments, config_settings=dict(self.config_settings) or None)
        except HookMissing as error:
            raise BuildError(
                f"{named}: its build backend has no {error}",
                hint="It cannot be installed as editable (PEP 660); leave -e out.",
            ) from error
        except (BackendUnavailable, UnsupportedOperation) as error:
            said = getattr(error, "message", None) or str(error)
            raise BuildError(f"{named}: its build backend cannot be used: {said}") from error

    def _install(self, requirements: Sequence[str], environment: Environment, named: str) -> None:
        if requirements:
            self.say(f"building {named}: installing {', '.join(requirements)}")
            self.install_requirements(requirements, environment)

    @contextmanager
    def _environment(self, system: BuildSystem, named: str) -> Iterator[Environment]:
        if not self.isolated:
            yield self.environment
            return
        with tempfile.TemporaryDirectory(prefix="variantctl-build-") as folder:
            make_environment(Path(folder) / "env", self.environment.python)
            environment = find_environment(str(Path(folder) / "env"))
            self._install(system.requires, environment, named)
            yield environment

    def _hooks(
        self, source: Path, system: BuildSystem, environment: Environment, named: str
    ) -> BuildBackendHookCaller:
        from pyproject_hooks import BuildBackendHookCaller

        def run(
            cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
        ) -> None:
            environ = {**_environ(environment), **(extra_environ or {})}
            done = subprocess.run(
                cmd, cwd=cwd, env=environ, capture_output=True, text=True, errors="replace", check=False
            )
            if done.returncode:
                said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LINES_OF_OUTPUT:])
                raise BuildError(
                    f"{named} could not be built:\n{said}",
                    hint="The build may need a compiler or libraries; a version that has a wheel does not.",
                )

        return BuildBackendHookCaller(
            str(source), system.backend, system.backend_path, run, str(environment.python)
        )


def _environ(environment: Environment) -> dict[str, str]:
    """The variables of a build: its environment's programs come first, and no other's modules are seen."""
    path = os.pathsep.join(filter(None, (str(environment.scheme["scripts"]), os.environ.get("PATH", ""))))
    dropped = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PATH": path, "PYTHONNOUSERSITE": "1", "VIRTUAL_ENV": str(environment.prefix)}


def read_build_system(source: Path, named: str) -> BuildSystem:
    """How a source tree wants to be built (PEP 517, PEP 518).

    Raises:
        BuildError: there is neither pyproject.toml nor setup.py, or the table cannot be understood.
    """
    try:
        table = tomllib.loads((source / "pyproject.toml").read_bytes().decode("utf-8")).get("build-system")
    except FileNotFoundError:
        if not (source / "setup.py").is_file():
            raise BuildError(
                f"{named} has neither pyproject.toml nor setup.py: nothing can be built"
            ) from None
        return BuildSystem()
    except (OSError, ValueError, RecursionError) as error:
        raise BuildError(f"{named}: its pyproject.toml cannot be read: {error}") from error
    if table is None:
        return BuildSystem()
    requires = _texts(table.get("requires")) if isinstance(table, dict) else None
    if requires is None:
        raise BuildError(f"{named}: [build-system] requires is no list of requirements (PEP 518)")
    backend, path = table.get("build-backend"), _texts(table.get("backend-path") or [])
    if not isinstance(backend, str | None) or path is None:
        raise BuildError(f"{named}: [build-system] names its backend in a way that PEP 517 does not have")
    return BuildSystem(requires, backend or _DEFAULT_BACKEND, path or None)


def _texts(value: Any) -> tuple[str, ...] | None:
    """A list of strings; None where it is something else."""
    is_texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return tuple(value) if is_texts else None
