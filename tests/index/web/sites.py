"""Wheels for the sites that the browser looks at."""

from __future__ import annotations

from pathlib import Path

from variantctl.demo.recipe import packages
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.build import build_wheel

SYSTEMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "win_amd64", "macosx_11_0_arm64")
#: For which of the systems each label of PyTorch's is published.
PUBLISHED = {"null": 4, "cuda": 3, "xpu": 1, "rocm": 1}


def torch_metadata() -> VariantMetadata:
    """The variants that PyTorch 2.10.0 was published in."""
    metadata = next(p.metadata for p in packages() if (p.name, p.version) == ("torch", "2.10.0"))
    assert metadata is not None
    return metadata


def build_torch(folder: Path, name: str) -> None:
    """Stand-ins for PyTorch as it is published: variants for some systems, each for several Pythons."""
    metadata = torch_metadata()
    for label in metadata.variants:
        systems = SYSTEMS[: next(count for kind, count in PUBLISHED.items() if label.startswith(kind))]
        for python in ("cp311-cp311", "cp312-cp312", "cp313-cp313", "cp313-cp313t"):
            for system in systems:
                build_wheel(
                    folder,
                    name=name,
                    version="2.10.0",
                    summary="Tensors and dynamic neural networks in Python with strong GPU acceleration",
                    tag=f"{python}-{system}",
                    label=label,
                    metadata=metadata,
                    requires_python=">=3.10",
                    requires=[
                        "filelock",
                        "typing-extensions>=4.10.0",
                        'setuptools; python_version >= "3.12"',
                        'nvidia-cublas==13.1.0.3; sys_platform == "linux" and "nvidia" in variant_namespaces',
                        'triton==3.6.0; sys_platform == "linux" and "nvidia" in variant_namespaces',
                        'triton-rocm==3.6.0; "amd" in variant_namespaces',
                        'opt-einsum>=3.3; extra == "opt-einsum"',
                    ],
                )
    build_wheel(folder, name=name, version="2.9.0", tag="cp312-cp312-manylinux_2_28_x86_64")
