"""Random variant matrices in the terms that uv 0.13 understands, and machines to choose for.

NVIDIA's two CUDA bounds and ``sm_arch``, the level of x86-64, the version of AArch64, and static properties;
no variant markers, and no other provider (observed with uv 0.13.9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from variantctl.variants import load_metadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel

Properties = dict[str, dict[str, list[str]]]

PROVIDERS: dict[str, dict[str, Any]] = {
    "nvidia": {
        "requires": ["nvidia-variant-provider>=0.0.1,<1.0.0"],
        "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
    },
    "x86_64": {"requires": ["x86-64-variant-provider"]},
    "aarch64": {"requires": ["aarch64-variant-provider"]},
    "flavour": {"static-properties": {"order": ["1", "2", "3"]}},
    "blas": {
        "static-properties": {"library": ["mkl", "openblas"], "threads": ["openmp", "tbb"]},
        "feature-order": ["threads", "library"],
    },
}
CUDA = ("11", "11.8", "12", "12.0", "12.4", "12.6", "12.8", "12.9", "13", "13.0", "13.2", "14")
UPPER = ("12", "12.5", "13", "13.0", "13.1", "14", "15.20")
ARCHS = ("50", "61", "70", "75", "80", "86", "87", "89", "90", "100", "120", "121")
DRIVERS = (
    "11.0",
    "11.4",
    "11.8",
    "12.0",
    "12.2",
    "12.4",
    "12.6",
    "12.8",
    "12.9",
    "13.0",
    "13.1",
    "13.2",
    "14.0",
)
CAPABILITIES = ("5.0", "5.2", "6.1", "7.0", "7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "12.0", "12.1")


@dataclass(frozen=True)
class MadeUpMachine:
    """What both tools are told; ``None`` twice: no NVIDIA GPU is made up."""

    cuda: str | None
    capability: str | None

    def environ(self) -> dict[str, str]:
        """The two variables that both understand."""
        if self.cuda is None or self.capability is None:
            return {}
        return {
            "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": self.cuda,
            "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": self.capability,
        }

    def __str__(self) -> str:
        return f"CUDA {self.cuda}, capability {self.capability}" if self.cuda else "no NVIDIA GPU"


@dataclass(frozen=True)
class Matrix:
    """One package.

    Attributes:
        name: of the package.
        requirement: what is asked for.
        versions: version -> index-level metadata.
        ordinary: the versions that have a non-variant wheel too.
        tags: (version, label) -> the wheel's tag.
    """

    name: str
    requirement: str
    versions: Mapping[str, dict[str, Any]]
    ordinary: frozenset[str]
    tags: Mapping[tuple[str, str], str]

    def build(self, folder: Path) -> None:
        """Its wheels."""
        for version, document in self.versions.items():
            metadata = load_metadata(document)
            for label in metadata.variants:
                tag = self.tags[version, label]
                build_wheel(folder, name=self.name, version=version, tag=tag, label=label, metadata=metadata)
            if version in self.ordinary:
                build_wheel(folder, name=self.name, version=version)


def random_machine(chance: Random) -> MadeUpMachine:
    """An NVIDIA machine, or, now and then, one without."""
    if chance.random() < 0.1:
        return MadeUpMachine(None, None)
    return MadeUpMachine(chance.choice(DRIVERS), chance.choice(CAPABILITIES))


def random_matrix(chance: Random, name: str) -> Matrix:
    """One to three versions with up to eight variants each."""
    versions = sorted(chance.sample(["1.0", "1.1", "2.0", "2.0.post1", "3.0"], chance.randint(1, 3)))
    documents = {version: _document(chance) for version in versions}
    ordinary = {version for version in versions if chance.random() < 0.7} | {versions[0]}
    tags = {
        (version, label): "py3-none-any" if chance.random() < 0.85 else chance.choice(OTHER_TAGS)
        for version, document in documents.items()
        for label in document["variants"]
    }
    wanted = chance.choice(["", "", "", f">={versions[0]}", f"<={versions[-1]}", f"=={versions[0]}"])
    return Matrix(name, name + wanted, documents, frozenset(ordinary), tags)


#: One that fits as well, one that fits better on Linux (but variants come first), and two that never fit.
OTHER_TAGS = ("py2.py3-none-any", "py3-none-linux_x86_64", "py3-none-win_amd64", "cp27-cp27m-linux_x86_64")


def _document(chance: Random) -> dict[str, Any]:
    namespaces = chance.sample(list(PROVIDERS), chance.randint(1, len(PROVIDERS)))
    variants: dict[str, Properties] = {}
    for number in range(chance.randint(1, 8)):
        used = [namespace for namespace in namespaces if chance.random() < 0.6] or namespaces[:1]
        properties = {namespace: _features(chance, namespace) for namespace in used}
        if properties not in variants.values():
            variants[f"v{chance.randint(0, 99)}_{number}"] = properties
    if chance.random() < 0.5:
        variants["null"] = {}
    return {
        "$schema": PEP_850_SCHEMA,
        "default-priorities": {"namespace": namespaces},
        "providers": {namespace: PROVIDERS[namespace] for namespace in namespaces},
        "variants": variants,
    }


def _features(chance: Random, namespace: str) -> dict[str, list[str]]:
    if namespace == "x86_64":
        return {"level": chance.sample(["v1", "v2", "v3", "v4"], chance.randint(1, 2))}
    if namespace == "aarch64":
        return {"version": [chance.choice(["8a", "8.2a", "9.0a"])]}
    if namespace == "flavour":
        return {"order": chance.sample(["1", "2", "3", "4"], chance.randint(1, 2))}
    if namespace == "blas":
        features = {"library": [chance.choice(["mkl", "openblas", "blis"])], "threads": ["openmp", "tbb"]}
        return dict(chance.sample(list(features.items()), chance.randint(1, 2)))
    features = {
        "cuda_version_lower_bound": [chance.choice(CUDA)],
        "cuda_version_upper_bound": [chance.choice(UPPER)],
        "sm_arch": [
            f"{arch}_{chance.choice(('real', 'real', 'virtual'))}" for arch in chance.sample(ARCHS, 5)
        ],
    }
    return dict(chance.sample(list(features.items()), chance.randint(1, 3)))
