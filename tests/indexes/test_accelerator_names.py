"""Sub-indexes that no table lists, understood by their names."""

from __future__ import annotations

import pytest
from packaging.version import Version

from variantctl.backends.backend import Backend
from variantctl.backends.names import backend_by_rule, parse_accelerator_name
from variantctl.backends.source import BackendSource
from variantctl.backends.tables import shipped_source
from variantctl.select.ordinary_builds import toolkit_properties
from variantctl.variants.properties import Properties

PYTORCH = shipped_source("pytorch")
X86 = {"platform_machine": "x86_64", "platform_system": "Linux"}
AARCH64 = {"platform_machine": "aarch64", "platform_system": "Linux"}


@pytest.mark.parametrize(
    ("text", "kind", "version", "label"),
    [
        ("cu134", "cu", (13, 4), "cu134"),
        ("cu118", "cu", (11, 8), "cu118"),
        ("cu92", "cu", (9, 2), "cu92"),
        ("rocm7.14", "rocm", (7, 14), "rocm7.14"),
        ("rocm7-14", "rocm", (7, 14), "rocm7.14"),
        ("rocm10.0", "rocm", (10, 0), "rocm10.0"),
        ("rocm6.2.4", "rocm", (6, 2), "rocm6.2.4"),
        ("xpu", "xpu", (), "xpu"),
        ("cpu", "cpu", (), "cpu"),
    ],
)
def test_names_that_follow_a_rule(text: str, kind: str, version: tuple[int, ...], label: str) -> None:
    name = parse_accelerator_name(text)
    assert name is not None
    assert (name.kind, name.version, name.label, name.path) == (kind, version, label, text)


@pytest.mark.parametrize(
    "text",
    [
        "nightly",
        "torch",
        "cu",
        "cu1280",
        "cu12",
        "rocm",
        "cpu_pypi",
        "xpu2",
        "CU128",
        "cu128/",
        "",
        "rocm1234.1234.1234",
    ],
)
def test_names_that_follow_none(text: str) -> None:
    assert parse_accelerator_name(text) is None


def by_rule(text: str) -> Backend:
    name = parse_accelerator_name(text)
    assert name is not None
    found = backend_by_rule(name, PYTORCH.backends)
    assert found is not None
    return found


def nvidia(backend: Backend, environment: dict[str, str] = X86) -> Properties:
    return backend.properties_of(PYTORCH.packages[0], Version("3.0"), environment)


def test_cuda_runs_on_every_driver_of_its_major() -> None:
    known = {backend.label: backend for backend in PYTORCH.backends}
    found = by_rule("cu134")
    assert found.properties["nvidia"]["cuda_version_lower_bound"] == ("13.0",)
    assert found.properties["nvidia"]["sm_arch"] == known["cu132"].properties["nvidia"]["sm_arch"]
    assert "minor-version compatibility" in found.rule
    # The exceptions for a platform are the nearest one's, too.
    assert "110_real" in nvidia(found, AARCH64)["nvidia"]["sm_arch"]
    assert nvidia(found, AARCH64)["nvidia"]["cuda_version_lower_bound"] == ("13.0",)
    # Before CUDA 11 nothing is promised.
    assert by_rule("cu102").properties["nvidia"]["cuda_version_lower_bound"] == ("10.2",)


def test_rocm_needs_a_driver_that_runs_it() -> None:
    assert by_rule("rocm10.0").properties["amd"]["rocm_version"] == ("10.0",)
    assert "gfx942" in by_rule("rocm10.0").properties["amd"]["gfx_arch"]
    assert by_rule("rocm7.0.2").properties["amd"]["rocm_version"] == ("7.0",)


def test_cpu_needs_nothing_and_an_unknown_xpu_is_not_guessed() -> None:
    assert by_rule("cpu").properties == {}
    name = parse_accelerator_name("xpu")
    assert name is not None
    assert backend_by_rule(name, ()) is None


def test_a_source_with_more_names() -> None:
    whole = PYTORCH.with_names(["cu134", "cu132", "rocm7.14", "rocm7-14", "torch", "cu136"])
    added = [backend.label for backend in whole.backends[len(PYTORCH.backends) :]]
    assert added == ["cu136", "cu134"]
    assert PYTORCH.with_names(["cu128", "nightly"]) is PYTORCH


def test_a_source_of_ones_own_learns_a_namespace() -> None:
    own = BackendSource(
        "acme", "https://wheels.example.org", PYTORCH.packages[:1], (), (Backend("cpu", "cpu"),)
    )
    whole = own.with_names(["rocm7.14"])
    assert whole.namespaces == ("amd",)
    assert whole.backends[-1].properties == {"amd": {"rocm_version": ("7.14",)}}


@pytest.mark.parametrize("label", ["cu118", "cu121", "cu124", "cu126", "cu128", "cu130", "cu132"])
def test_table_rule_and_ordinary_wheels_say_the_same_of_a_driver(label: str) -> None:
    """NVIDIA, CUDA Compatibility, table 1; only what PyTorch declared for 2.8 asks for more."""
    name = parse_accelerator_name(label)
    assert name is not None
    by_name = backend_by_rule(name, ())
    listed = next(backend for backend in PYTORCH.backends if backend.label == label)
    cuda = ".".join(map(str, name.version))
    bounds = {
        min(properties["nvidia"]["cuda_version_lower_bound"], key=Version)
        for properties in (
            listed.properties,
            by_name.properties if by_name else {},
            toolkit_properties("nvidia", cuda),
        )
    }
    assert bounds == {f"{name.version[0]}.0"}
