"""Which packages the user trusts to run their detector plugins, and exactly which wheels of them."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from variantctl.filesystem.bounded import read_bounded
from variantctl.providers.errors import TrustFileError
from variantctl.values import dataclass, field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMAT = 1
FILE_NAME = "trusted-providers.toml"
CONFIG_VARIABLE = "VARIANTCTL_CONFIG_DIR"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PluginWheel:
    """One wheel of a plugin's environment.

    Attributes:
        filename: its filename.
        sha256: the hash of its bytes, hexadecimal.
    """

    filename: str
    sha256: str


@dataclass(frozen=True)
class TrustedPackage:
    """A package that may run, as it was when the user trusted it.

    Attributes:
        name: the package, normalised.
        version: its version.
        wheels: filename -> sha256, of it and of its dependencies.
    """

    name: str
    version: str
    wheels: Mapping[str, str] = field(default_factory=dict)

    def differences(self, wheels: Iterable[PluginWheel]) -> list[str]:
        """How wheels that were found differ from those trusted, one sentence a wheel."""
        said = []
        for wheel in wheels:
            remembered = self.wheels.get(wheel.filename)
            if remembered is None:
                said.append(f"{wheel.filename} was not among the wheels that you trusted")
            elif remembered != wheel.sha256:
                said.append(
                    f"{wheel.filename} has changed: its sha256 was {remembered}, and is now {wheel.sha256}"
                )
        return said

    def constraints(self) -> list[str]:
        """The trusted versions of its dependencies, where there is but one, as requirements."""
        from packaging.utils import InvalidWheelFilename, parse_wheel_filename

        versions: dict[str, set[str]] = {}
        for filename in self.wheels:
            with contextlib.suppress(InvalidWheelFilename):
                name, version, _build, _tags = parse_wheel_filename(filename)
                versions.setdefault(name, set()).add(str(version))
        return [f"{name}=={next(iter(found))}" for name, found in versions.items() if len(found) == 1]

    def as_json(self) -> dict[str, Any]:
        """The package's object of ``variantctl provider list --json``."""
        wheels = [{"filename": name, "sha256": sha256} for name, sha256 in self.wheels.items()]
        return {"package": self.name, "version": self.version, "wheels": wheels}


class TrustStore:
    """The file of trusted packages. It is read once, and written whole or not at all.

    Attributes:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._packages: dict[str, TrustedPackage] | None = None

    @classmethod
    def of_user(cls, environ: Mapping[str, str] = os.environ) -> TrustStore:
        """The user's: in ``VARIANTCTL_CONFIG_DIR``, else in the platform's folder for configuration."""
        named = environ.get(CONFIG_VARIABLE)
        if named:
            return cls(Path(named).expanduser().absolute() / FILE_NAME)
        from platformdirs import user_config_dir

        return cls(Path(user_config_dir("variantctl", appauthor=False)) / FILE_NAME)

    def packages(self) -> Mapping[str, TrustedPackage]:
        """Normalised name -> what is trusted of it, by name.

        Raises:
            TrustFileError: the file is there and cannot be understood.
        """
        if self._packages is None:
            self._packages = self._load()
        return self._packages

    def get(self, name: str) -> TrustedPackage | None:
        """What is trusted of a package, or ``None``."""
        packages = self.packages()
        if not packages:
            return None
        from packaging.utils import canonicalize_name

        return packages.get(canonicalize_name(name))

    def trust(self, package: TrustedPackage) -> TrustedPackage | None:
        """Remember a package; returns what was remembered of it before.

        Of the same version, wheels remembered before stay (another Python's may be among them), unless the
        new ones have the same names.
        """
        before = self.get(package.name)
        wheels = dict(package.wheels)
        if before is not None and before.version == package.version:
            wheels = {**before.wheels, **wheels}
        kept = TrustedPackage(package.name, package.version, dict(sorted(wheels.items())))
        self._write({**self.packages(), package.name: kept})
        return before

    def untrust(self, name: str) -> TrustedPackage | None:
        """Forget a package; returns what was remembered of it, ``None`` if nothing was."""
        before = self.get(name)
        if before is not None:
            self._write({key: value for key, value in self.packages().items() if key != before.name})
        return before

    def _load(self) -> dict[str, TrustedPackage]:
        try:
            data = read_bounded(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror}") from error
        try:
            table = tomllib.loads(data.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise self._error(f"not valid TOML: {error}") from error
        if table.get("format") != FORMAT or isinstance(table["format"], bool):
            raise self._error(f"format: this variantctl reads {FORMAT}, not {table.get('format')!r}")
        providers = table.get("providers", {})
        if not isinstance(providers, dict):
            raise self._error("providers: not a table")
        return {
            package.name: package
            for package in (self._package(name, entry) for name, entry in sorted(providers.items()))
        }

    def _package(self, name: str, entry: object) -> TrustedPackage:
        # Not at the top: a machine where nobody is trusted need not import them in every run.
        from packaging.utils import canonicalize_name
        from packaging.version import Version

        key = f"providers.{name}"
        if not isinstance(entry, dict):
            raise self._error(f"{key}: not a table")
        version, wheels = entry.get("version"), entry.get("wheels", {})
        try:
            Version(version if isinstance(version, str) else "")
        except ValueError:
            raise self._error(f"{key}.version: {version!r} is not a version") from None
        if not isinstance(wheels, dict):
            raise self._error(f"{key}.wheels: not a table")
        for filename, sha256 in wheels.items():
            if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
                raise self._error(f"{key}.wheels.{filename!r}: {sha256!r} is not a sha256")
        return TrustedPackage(str(canonicalize_name(name)), str(version), dict(wheels))

    def _write(self, packages: Mapping[str, TrustedPackage]) -> None:
        import tempfile

        import tomli_w

        providers = {
            package.name: {"version": package.version, "wheels": dict(package.wheels)}
            for package in sorted(packages.values(), key=lambda package: package.name)
        }
        text = tomli_w.dumps({"format": FORMAT, "providers": providers})
        partial = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE_NAME}-")
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode("utf-8"))
            Path(partial).replace(self.path)
        except OSError as error:
            if partial is not None:
                Path(partial).unlink(missing_ok=True)
            raise self._error(f"cannot be written: {error.strerror}") from error
        self._packages = dict(packages)

    def _error(self, problem: str) -> TrustFileError:
        hint = "Repair it or remove it; `variantctl provider trust PACKAGE` writes it anew."
        return TrustFileError(f"{self.path}: {problem}", hint=hint)
