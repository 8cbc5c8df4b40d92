"""Wheels built from source code by the project's own build backend (PEP 517, PEP 660).

pyproject-hooks calls the backend, in an environment of its own that has what ``[build-system]`` asks for.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from variantctl.filesystem.bounded import read_bounded
from variantctl.indexes.builds import Built, SourceTree
from variantctl.indexes.built_wheels import Ingredient, Ingredients, Pins
from variantctl.indexes.errors import BuildError
from variantctl.install.build_process import BuildFailedError, run_build
from variantctl.target.creation import make_environment
from variantctl.target.environment import Environment, find_environment
from variantctl.values import dataclass, field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pyproject_hooks import BuildBackendHookCaller

#: What a project without ``[build-system]`` is built with (PEP 517, "Source trees").
_DEFAULT_REQUIRES = ("setuptools>=40.8.0",)
_DEFAULT_BACKEND = "setuptools.build_meta:__legacy__"
_LINES_OF_TRACEBACK = 4
_MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_MAY_NEED = "The build may need a compiler or libraries; a version that has a wheel does not."

Settings = Mapping[str, str | list[str]]
InstallRequirements = Callable[[Sequence[str], Environment, Pins], "Mapping[NormalizedName, Ingredient]"]
"""Puts requirements into an environment that is made for one build; gives all that is in it then."""


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
        config_settings: handed to the backends, whatever the project.
        settings_of: project -> what its backend is told besides.
        also: project -> what its build gets, though its source does not ask for it.
        say: told what is being built.
    """

    environment: Environment
    install_requirements: InstallRequirements
    isolated: bool = True
    config_settings: Settings = field(default_factory=dict)
    settings_of: Mapping[NormalizedName, Settings] = field(default_factory=dict)
    also: Mapping[NormalizedName, tuple[NormalizedName, ...]] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _text: None

    def key(self, project: NormalizedName | None) -> str:
        """What a built wheel depends on beside its source: the interpreter, what its backend is told."""
        settings = sorted(self._settings(project).items())
        also = sorted(self.also.get(project, ())) if project is not None else []
        place = "" if self.isolated else f" in {self.environment.prefix}"
        return f"{self.environment.tags[0]} {settings} {also}{place}"

    def wheel(self, tree: SourceTree, out: Path, pins: Pins) -> Built:
        """Build the wheel of a source tree; one that only points to the source, where the tree is editable.

        Args:
            tree: the source.
            out: the folder that the wheel is put into.
            pins: what builds get of some projects.

        Raises:
            BuildError: there is nothing to build, or the backend failed.
        """
        kind = "editable" if tree.editable else "wheel"
        self.say(f"building {tree.named}")
        with self._prepared(tree, out, kind, pins) as (hooks, system, ingredients):
            built = self._asked(tree, getattr(hooks, f"build_{kind}"), str(out))
        path = out / str(built)
        if path.parent != out or path.suffix != ".whl" or not path.is_file():
            raise BuildError(f"{tree.named}: its backend {system.backend} said that it built {built!r}")
        return Built(path, ingredients)

    def metadata(self, tree: SourceTree, out: Path, pins: Pins) -> Built | None:
        """METADATA of a source tree, where its backend gives that without a whole build; else None.

        Takes and raises what ``wheel`` does.
        """
        from pyproject_hooks import HookMissing

        kind = "editable" if tree.editable else "wheel"
        self.say(f"asking {tree.named} what it needs")
        with self._prepared(tree, out, kind, pins) as (hooks, _system, ingredients):
            prepare = getattr(hooks, f"prepare_metadata_for_build_{kind}")
            try:
                folder = self._asked(tree, prepare, str(out), _allow_fallback=False)
            except _HookMissingError as error:
                assert isinstance(error.__cause__, HookMissing)
                return None
        path = out / str(folder) / "METADATA"
        if path.parent.parent != out or not path.is_file():
            raise BuildError(f"{tree.named}: its backend said that its METADATA is in {folder!r}")
        return Built(read_bounded(path), ingredients)

    @contextmanager
    def _prepared(
        self, tree: SourceTree, out: Path, kind: str, pins: Pins
    ) -> Iterator[tuple[BuildBackendHookCaller, BuildSystem, Ingredients]]:
        """The hooks of a tree, in an environment that has what they need."""
        folder = tree.folder()
        system = read_build_system(folder, tree.named)
        out.mkdir(parents=True, exist_ok=True)
        if not self.isolated:
            yield self._hooks(tree, folder, system, self.environment), system, {}
            return
        with tempfile.TemporaryDirectory(prefix="variantctl-build-") as place:
            make_environment(Path(place) / "env", self.environment.python)
            environment = find_environment(str(Path(place) / "env"))
            also = self.also.get(tree.project, ()) if tree.project is not None else ()
            asked = [*system.requires, *also]
            found = self._install(asked, environment, tree, pins)
            hooks = self._hooks(tree, folder, system, environment)
            more = [str(text) for text in self._asked(tree, getattr(hooks, f"get_requires_for_build_{kind}"))]
            if set(more) - set(asked):
                found = self._install([*asked, *more], environment, tree, pins)
            yield hooks, system, found

    def _install(
        self, requirements: Sequence[str], environment: Environment, tree: SourceTree, pins: Pins
    ) -> Ingredients:
        if not requirements:
            return {}
        self.say(f"building {tree.named}: installing {', '.join(requirements)}")
        found = self.install_requirements(requirements, environment, pins)
        for name in sorted(found.keys() & pins.keys()):
            label = f" ({found[name].label})" if found[name].label else ""
            self.say(f"building {tree.named}: with {name} {found[name].version}{label}, as it is installed")
        return found

    def _settings(self, project: NormalizedName | None) -> dict[str, str | list[str]]:
        own = self.settings_of.get(project, {}) if project is not None else {}
        return {**self.config_settings, **own}

    def _asked(self, tree: SourceTree, hook: Callable[..., Any], *arguments: str, **options: bool) -> Any:
        import warnings

        from pyproject_hooks import BackendUnavailable, HookMissing, UnsupportedOperation

        settings = self._settings(tree.project)
        try:
            with warnings.catch_warnings():
                # What a backend warns of is for whoever wrote the project.
                warnings.simplefilter("ignore", UserWarning)
                return hook(*arguments, config_settings=settings or None, **options)
        except HookMissing as error:
            raise _HookMissingError(
                f"{tree.named}: its build backend has no {error}",
                hint="It cannot be installed as editable (PEP 660); leave -e out.",
            ) from error
        except (BackendUnavailable, UnsupportedOperation) as error:
            lines = error.traceback.strip().splitlines()[-_LINES_OF_TRACEBACK:] or [str(error)]
            raise BuildError(
                f"{tree.named}: its build backend cannot be used:\n" + "\n".join(lines),
                hint=self._hint(tree, error.traceback),
            ) from error
        except BuildFailedError as error:
            said = error.log.tail
            hint = f"{self._hint(tree, said) or _MAY_NEED} All that it said is in {error.log.path}."
            raise BuildError(f"{tree.named} could not be built:\n{said}", hint=hint) from error
        except (OSError, ValueError) as error:
            raise BuildError(f"{tree.named}: its build backend gave no answer: {error}") from error

    def _hint(self, tree: SourceTree, said: str) -> str | None:
        """What to do where a build imports what its project does not ask for."""
        missing = _MISSING_MODULE.search(said)
        if missing is None or not self.isolated:
            return None
        module = missing[1].partition(".")[0]
        return (
            f"The build imports {module}, which its project does not ask for: `--match-build "
            f"{tree.project}={module}` builds it with the {module} that is installed."
        )

    def _hooks(
        self, tree: SourceTree, folder: Path, system: BuildSystem, environment: Environment
    ) -> BuildBackendHookCaller:
        from pyproject_hooks import BuildBackendHookCaller

        def run(
            cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
        ) -> None:
            run_build(
                cmd,
                cwd=cwd,
                environ={**_environ(environment), **(extra_environ or {})},
                name=re.sub(r"[^\w.-]+", "-", os.path.basename(tree.named.rstrip("/"))),
                tell=lambda text: self.say(f"building {tree.named}: {text}"),
            )

        try:
            return BuildBackendHookCaller(
                str(folder), system.backend, system.backend_path, run, str(environment.python)
            )
        except ValueError as error:
            raise BuildError(f"{tree.named}: [build-system] backend-path: {error} (PEP 517)") from error


class _HookMissingError(BuildError):
    """A backend lacks what it was asked for."""


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
        table = tomllib.loads(read_bounded(source / "pyproject.toml").decode("utf-8")).get("build-system")
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
