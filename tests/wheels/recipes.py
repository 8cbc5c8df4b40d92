"""Variant metadata and wheels that several tests use, and a strategy that makes up more."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

from hypothesis import strategies as st

from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import Properties
from variantctl.variants.schemas import PEP_825_SCHEMA, PEP_850_SCHEMA

CU126: Properties = {"nvidia": {"cuda_version_lower_bound": ("12.6",)}}
CU128: Properties = {"nvidia": {"cuda_version_lower_bound": ("12.8",), "sm_arch": ("100_real", "90_real")}}
NVIDIA = ProviderInfo(
    requires=("nvidia-variant-provider",), plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin"
)
PYPROJECT = """
[project]
name = "thing"

[variant.default-priorities]
namespace = ["nvidia"]

[variant.providers.nvidia]
requires = ["nvidia-variant-provider"]
plugin-api = "nvidia_variant_provider.plugin:NvidiaVariantPlugin"

[variant.variants.cu126.nvidia]
cuda_version_lower_bound = ["12.6"]
"""

_words = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=8)
names = st.text("abcdefghijklmnopqrstuvwxyz_é/", min_size=1, max_size=12).filter(
    lambda name: all(part.strip("_") for part in name.split("/"))
)
files = st.dictionaries(names.map(lambda name: f"pkg/{name}.py"), st.binary(max_size=2000), max_size=6)
labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.", min_size=1, max_size=12).filter(
    lambda t: t != "null"
)
properties = st.dictionaries(
    _words.filter(lambda word: word != "abi_dependency"),
    st.dictionaries(
        _words, st.lists(_words, min_size=1, max_size=3, unique=True).map(sorted).map(tuple), min_size=1
    ),
    min_size=1,
    max_size=3,
)


def metadata(**variants: Properties) -> VariantMetadata:
    """Metadata of the v0.1.1 format with the namespace ``nvidia`` and these variants."""
    return VariantMetadata(schema=PEP_825_SCHEMA, namespaces=("nvidia",), variants=variants)


def provided(**variants: Properties) -> VariantMetadata:
    """The same in the v0.2.0 format, with NVIDIA's provider."""
    return VariantMetadata(
        schema=PEP_850_SCHEMA, namespaces=("nvidia",), providers={"nvidia": NVIDIA}, variants=variants
    )


def members(path: Path) -> dict[str, bytes]:
    """Every file of a zip and its content, in order."""
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
