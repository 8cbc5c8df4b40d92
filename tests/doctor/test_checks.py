"""What a checkup finds, from made-up inspections: pure values in, findings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.resolve.world import PLATFORM, variant_metadata
from variantctl.doctor.checks import Ground, check, is_healthy
from variantctl.doctor.findings import Finding
from variantctl.doctor.inspection import Inspected, Inspection, backend_sources
from variantctl.select.compatibility import Interpreter
from variantctl.variants.metadata import VariantMetadata

CUDA13 = variant_metadata(["nvidia"], {"cuda13.0": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}})
CUDA12 = variant_metadata(["nvidia"], {"cuda12.8": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}})
ROCM = variant_metadata(["amd"], {"rocm7.1": {"amd": {"rocm_version": ["7.1"]}}})
NULL = variant_metadata(["nvidia"], {"null": {}})
OLD_DRIVER: dict[str, Any] = {"nvidia": {"cuda_version_lower_bound": ["12.8", "12.0"]}}
BOTH: dict[str, Any] = {**OLD_DRIVER, "amd": {"rocm_version": ["7.1"]}}


def package(
    name: str, version: str = "1.0", metadata: VariantMetadata | None = None, **more: Any
) -> Inspected:
    label = next(iter(metadata.variants)) if metadata is not None else None
    return Inspected(canonicalize_name(name), Version(version), label, metadata, **more)


def built_for(name: str, version: str) -> Inspected:
    """A build of PyTorch's sub-index that the local part of the version names."""
    (source,) = backend_sources()
    label = source.label_of(canonicalize_name(name), Version(version))
    public = Version(Version(version).public)
    metadata = source.metadata(canonicalize_name(name), public, PLATFORM.markers, [label]) if label else None
    return Inspected(canonicalize_name(name), Version(version), label, metadata, source.name)


def findings(
    *packages: Inspected,
    supported: Mapping[str, Any] = OLD_DRIVER,
    unanswered: Mapping[str, str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> list[Finding]:
    inspection = Inspection(
        {item.name: item for item in packages},
        {canonicalize_name(name): Version(version) for name, version in (elsewhere or {}).items()},
    )
    ground = Ground(
        lambda _metadata: supported,
        lambda namespace: (unanswered or {}).get(namespace),
        Interpreter(PLATFORM.tags, PLATFORM.markers),
        "this machine",
    )
    return check(inspection, ground)


def kinds(found: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.severity, finding.kind, finding.package) for finding in found]


def test_nothing_installed_and_nothing_wrong() -> None:
    assert findings() == []
    assert findings(package("numpy"), package("torch", metadata=CUDA12)) == []
    assert is_healthy([])


def test_a_driver_that_was_downgraded() -> None:
    (found,) = findings(package("torch", metadata=CUDA13))
    assert kinds([found]) == [("error", "variant-mismatch", "torch")]
    assert "this machine's driver offers 12.8 and older" in found.detail
    assert found.hint == (
        "Update the CUDA driver to 13.0 or newer, or choose again: "
        "`variantctl install --reinstall torch` takes the newest release that has a build for it."
    )
    assert not is_healthy([found])


def test_an_image_that_was_moved() -> None:
    (found,) = findings(package("torch", metadata=CUDA12), supported={})
    assert "this machine offers no nvidia properties" in found.detail
    assert "Update" not in found.hint


def test_a_provider_that_may_not_be_asked_is_no_mismatch() -> None:
    (found,) = findings(
        package("torch", metadata=CUDA12), supported={}, unanswered={"nvidia": "it is not trusted"}
    )
    assert kinds([found]) == [("suggestion", "unchecked-variant", "torch")]
    assert "it is not trusted" in found.detail and is_healthy([found])


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ("2.9.1", []),
        ("2.10.0", [("error", "variant-mismatch", "ext")]),
        (None, [("error", "variant-mismatch", "ext")]),
    ],
)
def test_what_a_variant_was_built_against(
    installed: str | None, expected: list[tuple[str, str, str]]
) -> None:
    metadata = variant_metadata(["nvidia"], {"torch29": {"abi_dependency": {"torch": ["2.9"]}}})
    others = [package("torch", installed)] if installed else []
    assert kinds(findings(package("ext", metadata=metadata), *others)) == expected


def test_builds_for_different_backends() -> None:
    found = findings(built_for("torch", "2.10.0+cpu"), built_for("torchvision", "0.25.0+cu128"))
    assert ("error", "mixed-backends", "torch") in kinds(found)
    (mixed,) = (finding for finding in found if finding.kind == "mixed-backends")
    assert "torch 2.10.0+cpu for cpu; torchvision 0.25.0+cu128 for cu128" in mixed.detail
    assert "--reinstall torch torchvision --backends pytorch`" in mixed.hint
    same = findings(built_for("torch", "2.10.0+cpu"), built_for("torchvision", "0.25.0+cpu"))
    assert same == []


def test_a_build_of_a_sub_index_that_the_machine_cannot_run() -> None:
    found = findings(built_for("torch", "2.10.0+cu130"))
    assert kinds(found)[0] == ("error", "variant-mismatch", "torch")
    assert findings(built_for("torch", "2.10.0+gitabc")) == []


def test_a_variant_and_a_sub_indexs_build_of_the_same_backend_go_together() -> None:
    label = {"cuda12.8": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}}
    torch = package("torch", "2.10.0", variant_metadata(["nvidia"], label), family="pytorch")
    vision = Inspected(canonicalize_name("torchvision"), Version("0.25+cu128"), "cu128", None, "pytorch")
    assert [finding.kind for finding in findings(torch, vision)] == []
    other = Inspected(canonicalize_name("torchvision"), Version("0.25+cu126"), "cu126", None, "pytorch")
    assert [finding.kind for finding in findings(torch, other)] == ["mixed-backends"]
    null = package("torchvision", "0.25", NULL, family="pytorch")
    assert [finding.kind for finding in findings(torch, null)] == ["mixed-backends"]


def test_one_that_does_not_say_what_it_is_for_is_a_suggestion() -> None:
    silent = package("torchvision", "0.25", family="pytorch")
    (found,) = findings(built_for("torch", "2.10.0+cpu"), silent)
    assert kinds([found]) == [("suggestion", "mixed-backends", "torchvision")]
    assert findings(package("torch", "2.10", family="pytorch"), silent) == []
    assert findings(built_for("torch", "2.10.0+cpu"), package("xformers", family="pytorch")) == []


def test_variants_for_different_vendors() -> None:
    found = findings(package("torch", metadata=CUDA12), package("onnx", metadata=ROCM), supported=BOTH)
    assert kinds(found) == [("error", "mixed-backends", "torch")]
    assert "torch 1.0 (cuda12.8) for nvidia; onnx 1.0 (rocm7.1) for amd" in found[0].detail
    one = findings(
        package("torch", "2.10", CUDA12, family="pytorch"),
        package("torchvision", "0.25", ROCM, family="pytorch"),
        supported=BOTH,
    )
    assert len(one) == 1


def test_dependencies_that_are_missing_or_conflict() -> None:
    found = findings(
        package("app", requires=("lib>=2", "gone", 'win; sys_platform == "win32"', "seen<2")),
        package("lib", "1.5"),
        elsewhere={"seen": "1.0"},
    )
    assert kinds(found) == [
        ("error", "conflicting-dependency", "app"),
        ("error", "missing-dependency", "app"),
    ]
    assert found[0].detail == "app 1.0 needs lib>=2, and lib 1.5 is installed"
    assert found[1].detail == "app 1.0 needs gone, which is not installed"


def test_variant_markers_are_those_of_the_installed_variant() -> None:
    requires = ("triton; 'nvidia' in variant_namespaces", "cpu-kernels; 'nvidia' not in variant_namespaces")
    on_gpu = findings(package("torch", metadata=CUDA12, requires=requires))
    assert [finding.detail for finding in on_gpu] == ["torch 1.0 needs triton, which is not installed"]
    on_cpu = findings(package("torch", metadata=NULL, requires=requires))
    assert [finding.detail for finding in on_cpu] == ["torch 1.0 needs cpu-kernels, which is not installed"]


def test_markers_see_only_what_the_machine_supports_of_a_variant() -> None:
    metadata = variant_metadata(["nvidia"], {"fat": {"nvidia": {"sm_arch": ["100_real", "90_real"]}}})
    requires = (
        "blackwell; 'nvidia :: sm_arch :: 100_real' in variant_properties",
        "hopper; 'nvidia :: sm_arch :: 90_real' in variant_properties",
    )
    found = findings(
        package("torch", metadata=metadata, requires=requires), supported={"nvidia": {"sm_arch": ["90_real"]}}
    )
    assert [finding.detail for finding in found] == ["torch 1.0 needs hopper, which is not installed"]


def test_an_installed_pre_release_satisfies_what_it_is_a_version_of() -> None:
    assert findings(package("app", requires=("lib>=1",)), package("lib", "2.0rc1")) == []


def test_a_mismatch_is_told_once_not_for_each_dependency_too() -> None:
    requires = ("triton; 'nvidia' in variant_namespaces", "cpu-kernels; 'nvidia' not in variant_namespaces")
    found = findings(package("torch", metadata=CUDA12, requires=requires), package("triton"), supported={})
    assert kinds(found) == [("error", "variant-mismatch", "torch")]


def test_extras_count_where_somebody_asks_for_them() -> None:
    lib = package("lib", requires=('speed; extra == "fast"', 'lib[fast]; extra == "all"'))
    assert findings(lib) == []
    assert kinds(findings(lib, package("app", requires=("lib[fast]",)))) == [
        ("error", "missing-dependency", "lib")
    ]
    assert kinds(findings(lib, package("app", requires=("lib[all]",)))) == [
        ("error", "missing-dependency", "lib")
    ]


def test_a_dependency_that_cannot_be_read_is_no_mismatch() -> None:
    assert kinds(findings(package("old", requires=("what >= is this",)))) == [
        ("suggestion", "unread-dependency", "old")
    ]


def test_another_platform_and_another_python() -> None:
    arm = package("lib", tags=frozenset({Tag("cp311", "cp311", "manylinux_2_28_aarch64")}))
    assert kinds(findings(arm)) == [("error", "wrong-platform", "lib")]
    assert "cp311-cp311-manylinux_2_28_aarch64" in findings(arm)[0].detail
    fitting = package("lib", tags=frozenset({Tag("py3", "none", "any"), Tag("py2", "none", "any")}))
    assert findings(fitting) == []
    assert kinds(findings(package("new", requires_python=">=3.12"))) == [("error", "wrong-python", "new")]
    both = package("lib", tags=arm.tags, requires_python=">=3.12")
    assert kinds(findings(both)) == [("error", "wrong-platform", "lib")]


def test_broken_folders() -> None:
    found = findings(
        package("a", missing=tuple(f"/env/a/{number}.py" for number in range(9))),
        package("b", changed=("/env/b.py",)),
        package("c", problems=("c-1.0.dist-info has no METADATA",)),
        package("d", unlisted=True),
    )
    assert kinds(found) == [
        ("error", "missing-files", "a"),
        ("error", "changed-files", "b"),
        ("error", "broken-package", "c"),
        ("suggestion", "no-record", "d"),
    ]
    assert found[0].detail == "a 1.0: /env/a/0.py and 8 other files are missing"
    assert found[1].detail == "b 1.0: /env/b.py is not what was installed"
