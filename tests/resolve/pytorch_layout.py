"""PyTorch's indexes as pages: a folder with the names, links and METADATA of its wheels, and no wheels.

Enough to resolve against (``--dry-run``, ``lock``, ``explain``, ``matrix``); it takes milliseconds to make.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from variantctl.values import dataclass, field

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FIXTURES = Path(__file__).parents[2] / "fixtures"

PLATFORMS = {
    "l": "manylinux_2_28_x86_64",
    "a": "manylinux_2_28_aarch64",
    "w": "win_amd64",
    "m": "macosx_11_0_arm64",
}


@dataclass(frozen=True)
class Release:
    """One version of torch with what is built for it.

    Attributes:
        versions: project -> version; torch first.
        backends: label -> letters of ``PLATFORMS``.
        without: (project, label) of what is missing.
        requires: label -> what torch's wheels need there.
    """

    versions: Mapping[str, str]
    backends: Mapping[str, str]
    without: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    requires: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def torch(self) -> str:
        """The version of torch."""
        return self.versions["torch"]


def real_releases() -> list[Release]:
    """Those of fixtures/pytorch/releases.toml, newest first."""
    table = tomllib.loads((FIXTURES / "pytorch" / "releases.toml").read_text())
    return [
        Release({name: row[name] for name in ("torch", "torchvision", "torchaudio")}, row["backends"])
        for row in table["releases"]
    ]


class Layout:
    """The pages of some releases below a folder.

    Args:
        folder: gets ``whl/``.
        releases: what there is.
        pythons: of the wheels' tags.
        parent: whether ``whl/torch/`` exists, with the wheels of every sub-index.
        listed: whether ``whl/`` lists the sub-indexes.
        pypi: whether there is ``simple/``, too, with what PyPI has of the same projects.
    """

    def __init__(
        self,
        folder: Path,
        releases: Sequence[Release],
        *,
        pythons: Sequence[str] = ("312",),
        parent: bool = True,
        listed: bool = True,
        pypi: bool = True,
    ) -> None:
        self.folder = folder
        self._pythons = pythons
        self._lines: dict[str, dict[str, list[str]]] = {}
        for release in releases:
            for label, platforms in release.backends.items():
                self._release(release, label, platforms)
        for place, projects in self._lines.items():
            for project, lines in projects.items():
                self._page(place, project, lines)
        if parent:
            self._parent()
        if listed:
            names = sorted({*self._lines, *(name for projects in self._lines.values() for name in projects)})
            self._write(folder / "whl" / "index.html", [f'<a href="{name}/">{name}</a>' for name in names])
        if pypi:
            self._simple(releases)

    def _release(self, release: Release, label: str, platforms: str) -> None:
        for project, version in release.versions.items():
            if (project, label) in release.without:
                continue
            torch = release.torch
            requires = list(release.requires.get(label, ())) if project == "torch" else [f"torch=={torch}"]
            for letter in platforms:
                full = version if letter == "m" else f"{version}+{label}"
                for python in self._pythons:
                    self._wheel(label, project, full, requires, f"cp{python}-cp{python}-{PLATFORMS[letter]}")

    def rocm(self, label: str, version: str, devices: Sequence[str], *, wheel: bool = True) -> None:
        """ROCm's packages as torch needs them from 7.14 on: a selector, and files for each GPU.

        The selector is a source distribution alone in AMD's index (ROCm/TheRock, python_packaging.md).
        """
        names = [f"rocm-sdk-device-{device}" for device in devices]
        extras = {"libraries": ["rocm-sdk-libraries"], "device-all": names}
        extras |= {f"device-{device}": [name] for device, name in zip(devices, names, strict=True)}
        requires = [
            f"{name}=={version}; extra == '{extra}'" for extra, needed in extras.items() for name in needed
        ]
        tag = "py3-none-linux_x86_64"
        for name in ("rocm-sdk-core", "rocm-sdk-libraries", *names):
            self._wheel(label, name, version, [], tag)
        if wheel:
            provided = [f"Provides-Extra: {extra}" for extra in extras]
            self._wheel(label, "rocm", version, [f"rocm-sdk-core=={version}", *requires], tag, provided)
        else:
            line = f'<a href="/whl/{label}/rocm-{version}.tar.gz">rocm-{version}.tar.gz</a>'
            self._lines.setdefault(label, {})["rocm"] = [line]
        for project, lines in self._lines[label].items():
            self._page(label, project, lines)

    def _wheel(
        self,
        label: str,
        project: str,
        version: str,
        requires: Sequence[str],
        tag: str,
        more: Sequence[str] = (),
    ) -> None:
        filename = f"{project.replace('-', '_')}-{version}-{tag}.whl"
        path = self.folder / "whl" / label / filename
        metadata = [f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}"]
        metadata += [*more, *(f"Requires-Dist: {text}" for text in requires)]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{filename}.metadata").write_text("\n".join(metadata) + "\n")
        href = f"/whl/{label}/{quote(filename)}#sha256={'0' * 64}"
        line = f'<a href="{href}" data-core-metadata="true">{filename}</a><br/>'
        self._lines.setdefault(label, {}).setdefault(project, []).append(line)

    def _parent(self) -> None:
        projects = dict.fromkeys(name for place in self._lines.values() for name in place)
        for project in projects:
            lines = [line for place in self._lines.values() for line in place.get(project, [])]
            self._write(self.folder / "whl" / project / "index.html", lines)

    def _simple(self, releases: Sequence[Release]) -> None:
        """PyPI: of each project the versions without a local part."""
        pages: dict[str, list[str]] = {}
        for release in releases:
            for project, version in release.versions.items():
                for python in self._pythons:
                    filename = f"{project}-{version}-cp{python}-cp{python}-{PLATFORMS['l']}.whl"
                    line = f'<a href="{filename}" data-core-metadata="true">{filename}</a>'
                    pages.setdefault(project, []).append(line)
                    path = self.folder / "simple" / project / f"{filename}.metadata"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
        for project, lines in pages.items():
            self._write(self.folder / "simple" / project / "index.html", lines)

    def _page(self, place: str, project: str, lines: Sequence[str]) -> None:
        self._write(self.folder / "whl" / place / project / "index.html", lines)

    def _write(self, path: Path, lines: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(["<!DOCTYPE html><html><body>", *lines, "</body></html>"]))


def choices(release: Release, project: str) -> Iterator[tuple[str, str]]:
    """(label, platform letter) of what a release has of a project."""
    for label, platforms in release.backends.items():
        if (project, label) not in release.without:
            yield from ((label, letter) for letter in platforms)
