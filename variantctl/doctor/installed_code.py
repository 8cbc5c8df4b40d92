"""The code of installed packages: what their libraries were built for, read from their files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from packaging.utils import NormalizedName

from variantctl.doctor.inspection import Inspected
from variantctl.select.ordinary_builds import VENDORS
from variantctl.target.installed import InstalledFile, InstalledPackage
from variantctl.values import replace
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.audit import Library, WheelAudit, audit_file

#: No library of Python's has another name; ``.co`` and ``.hsaco`` are AMD's code by itself.
_SUFFIXES = frozenset({".so", ".pyd", ".dll", ".dylib", ".fatbin", ".cubin", ".co", ".hsaco"})


def installed_code(packages: Iterable[Inspected]) -> dict[NormalizedName, tuple[Library, ...]]:
    """The libraries of the packages that were built for an accelerator; vendors' own libraries are left out.

    Only headers are read: what takes long, names among constants, is left out.
    """
    return {
        item.name: libraries_of(item.files, constants=False)
        for item in packages
        if item.declares & VENDORS.keys() and not item.build.library
    }


def audit_installed(package: InstalledPackage) -> WheelAudit:
    """The libraries of one installed package, by their paths below the folder that it is installed in.

    Raises:
        BrokenPackageError: its files are not known.
    """
    folder = package.dist_info.parent
    found = libraries_of(() if package.legacy else package.files())
    libraries = (replace(library, name=_below(library.name, folder)) for library in found)
    name = f"{package.name} {package.version}"
    return WheelAudit(name, folder, tuple(sorted(libraries, key=lambda library: library.name)))


def _below(path: str, folder: Path) -> str:
    return Path(path).relative_to(folder).as_posix() if Path(path).is_relative_to(folder) else path


def libraries_of(files: Iterable[InstalledFile], *, constants: bool = True) -> tuple[Library, ...]:
    """What the libraries among some files were built for; files that cannot be read are left out."""
    found: dict[Path, Library] = {}
    for file in files:
        if not is_library(file.path) or file.path in found:
            continue
        try:
            library = audit_file(file.path, constants=constants)
        except VariantctlError:
            continue  # missing files and closed ones are findings of their own
        if library is not None:
            found[file.path] = library
    return tuple(found.values())


def is_library(path: Path) -> bool:
    """Whether a file has a library's name: ``libcudart.so.12``, ``_C.cpython-312-x86_64-linux-gnu.so``."""
    return path.suffix in _SUFFIXES or ".so." in path.name
