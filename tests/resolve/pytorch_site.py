"""A stand-in for the place where PyTorch publishes: its layout and file names, with tiny wheels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel

PYTHONS = ("310", "311", "312", "313", "314")
LINUX = ("manylinux_2_28_x86_64",)
BOTH_LINUX = (*LINUX, "manylinux_2_28_aarch64")
WITH_WINDOWS = (*LINUX, "win_amd64")
EVERYWHERE = (*BOTH_LINUX, "win_amd64")

#: torch -> (torchvision, torchaudio, backend -> platforms), as published; cpu has the wheels for macOS too.
RELEASES: Mapping[str, tuple[str, str, Mapping[str, Sequence[str]]]] = {
    "2.10.0": (
        "0.25.0",
        "2.10.0",
        {
            "cpu": EVERYWHERE,
            "cu126": EVERYWHERE,
            "cu128": EVERYWHERE,
            "cu130": EVERYWHERE,
            "rocm7.0": LINUX,
            "rocm7.1": LINUX,
            "xpu": WITH_WINDOWS,
        },
    ),
    "2.8.0": (
        "0.23.0",
        "2.8.0",
        {
            "cpu": EVERYWHERE,
            "cu126": WITH_WINDOWS,
            "cu128": WITH_WINDOWS,
            "cu129": EVERYWHERE,
            "rocm6.3": LINUX,
            "rocm6.4": LINUX,
            "xpu": WITH_WINDOWS,
        },
    ),
    "2.7.1": (
        "0.22.1",
        "2.7.1",
        {
            "cpu": EVERYWHERE,
            "cu118": WITH_WINDOWS,
            "cu126": WITH_WINDOWS,
            "cu128": EVERYWHERE,
            "rocm6.2.4": LINUX,
            "rocm6.3": LINUX,
            "xpu": WITH_WINDOWS,
        },
    ),
}

TRITON = {"2.10.0": "3.6.0", "2.8.0": "3.4.0", "2.7.1": "3.3.1"}


class PyTorchSite:
    """A folder with ``whl/{backend}/{project}/index.html``; ``simple/`` is the default index.

    Args:
        folder: made if it is not there.
        without: (backend, project, version) of wheels that are left out.
        python: the CPython that there are wheels for; of the others there are only names.
    """

    def __init__(
        self, folder: Path, *, without: Sequence[tuple[str, str, str]] = (), python: str = "312"
    ) -> None:
        self.folder = folder
        self._python = f"cp{python}"
        self._without = set(without)
        for torch, (vision, audio, backends) in RELEASES.items():
            for backend, platforms in backends.items():
                self._release(backend, platforms, torch, vision, audio)
        for backend in {backend for _, _, backends in RELEASES.values() for backend in backends}:
            for project in ("torch", "torchvision", "torchaudio", "triton-rocm", "pytorch-triton-rocm"):
                self._page(f"whl/{backend}", project)
            self._page(f"whl/{backend}", "triton-xpu")
            self._page(f"whl/{backend}", "pytorch-triton-xpu")
        for name, version in [("filelock", "3.20.0"), *(("triton", version) for version in TRITON.values())]:
            build_wheel(folder / "simple" / name, name=name, version=version)
        for cuda, number in {"cu11": "11.11.3.6", "cu12": "12.8.4.1"}.items():
            build_wheel(
                folder / "simple" / f"nvidia-cublas-{cuda}", name=f"nvidia-cublas-{cuda}", version=number
            )
        build_wheel(folder / "simple" / "nvidia-cublas", name="nvidia-cublas", version="13.1.0.3")
        # What PyPI has of the same projects: no local version.
        for project, version in (("torch", "2.10.0"), ("torchvision", "0.25.0")):
            build_wheel(folder / "simple" / project, name=project, version=version)
        for path in (folder / "simple").iterdir():
            self._page("simple", path.name)

    def _release(self, backend: str, platforms: Sequence[str], torch: str, vision: str, audio: str) -> None:
        requires = ["filelock", *_companions(backend, torch)]
        for name, version, needs in (
            ("torch", torch, requires),
            ("torchvision", vision, [f"torch=={torch}"]),
            ("torchaudio", audio, [f"torch=={torch}"]),
        ):
            if (backend, name, version) in self._without:
                continue
            for tag in self._tags(platforms):
                self._wheel(backend, name, f"{version}+{backend}", needs, tag)
            if backend == "cpu":
                self._wheel(backend, name, version, needs, f"{self._python}-none-macosx_11_0_arm64")
        for requirement in _companions(backend, torch):
            name, _, rest = requirement.partition("==")
            if "rocm" in name or "xpu" in name:
                self._wheel(
                    backend,
                    name,
                    rest.partition(";")[0].strip(),
                    [],
                    f"{self._python}-{self._python}-linux_x86_64",
                )

    def _tags(self, platforms: Sequence[str]) -> list[str]:
        return [f"{self._python}-{self._python}-{platform}" for platform in platforms]

    def _wheel(self, backend: str, name: str, version: str, requires: Sequence[str], tag: str) -> None:
        out = self.folder / "whl" / backend / name
        build_wheel(out, name=name, version=version, requires=requires, tag=tag)

    def _page(self, place: str, project: str) -> None:
        """The page of a project as the wheels in its folder have it; none where there are none."""
        folder = self.folder / place / project
        if not folder.is_dir():
            return
        lines = ["<!DOCTYPE html>", "<html>", "  <body>", f"    <h1>Links for {project}</h1>"]
        lines += [f"    {anchor}<br/>" for anchor in self._anchors(folder, place, project)]
        lines += ["  </body>", "</html>", "<!--TIMESTAMP 1770000000-->"]
        (folder / "index.html").write_text("\n".join(lines))

    def _anchors(self, folder: Path, place: str, project: str) -> Iterator[str]:
        for path in sorted(folder.glob("*.whl")):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            with WheelArchive.open(path) as archive:
                metadata = archive.metadata_bytes()
            path.with_name(f"{path.name}.metadata").write_bytes(metadata)
            sidecar = f"sha256={hashlib.sha256(metadata).hexdigest()}"
            href = f"/{place}/{project}/{quote(path.name)}#sha256={digest}"
            attributes = f'data-dist-info-metadata="{sidecar}" data-core-metadata="{sidecar}"'
            yield f'<a href="{href}" {attributes}>{path.name}</a>'
            # The other Pythons are listed, as they really are; nobody here fetches them.
            mine = f"{self._python}-{self._python}"
            if f"-{mine}-manylinux_2_28_x86_64" in path.name:
                for python in PYTHONS:
                    other = path.name.replace(mine, f"cp{python}-cp{python}")
                    if other != path.name:
                        yield f'<a href="/{place}/{project}/{quote(other)}#sha256={"0" * 64}">{other}</a>'


def _companions(backend: str, torch: str) -> list[str]:
    """What torch needs of its own backend."""
    linux = '; platform_system == "Linux"'
    triton = TRITON[torch]
    older = "" if torch == "2.10.0" else "pytorch-"
    if backend.startswith("cu"):
        cublas = {
            "cu118": "nvidia-cublas-cu11==11.11.3.6",
            "cu130": "nvidia-cublas==13.1.0.3",
        }.get(backend, "nvidia-cublas-cu12==12.8.4.1")
        return [f"{cublas}{linux}", f"triton=={triton}{linux}"]
    if backend.startswith("rocm"):
        return [f"{older}triton-rocm=={triton}{linux}"]
    if backend == "xpu":
        return [f"{older}triton-xpu=={triton}{linux}"]
    return []
