"""Locks of small worlds: machines that agree, machines that cannot, markers, dependencies of variants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.resolve.world import World, machine, variant_metadata
from variantctl.indexes.project_files import WheelLink
from variantctl.lock.agreement import Target
from variantctl.lock.contents import Lock, LockedPackage
from variantctl.lock.document import dumps
from variantctl.lock.errors import LockFileError, LockMismatchError, NoCommonVersionError
from variantctl.lock.everything import any_machine
from variantctl.lock.locking import FileList, LockRequest, make_lock
from variantctl.lock.reading import parse_lock
from variantctl.lock.selection import Choices, Selection
from variantctl.net.remote_file import RemoteFile
from variantctl.providers.algorithm import Machine
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import VariantPreferences
from variantctl.target.platforms import Platform, platform_environment
from variantctl.values import replace
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.markers import parse_requirement

LINUX = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.11")
ARM = platform_environment(system="Linux", machine="aarch64", libc="glibc 2.35", python="3.11")
OLDER = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.10")
WINDOWS = platform_environment(system="Windows", machine="AMD64", python="3.11")

X86_TAG, ARM_TAG = "py3-none-manylinux_2_17_x86_64", "py3-none-manylinux_2_17_aarch64"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def target(platform: Platform = LINUX, who: str = "", **properties: Any) -> Target:
    markers = platform.markers
    name = f"{markers['platform_machine']} with {markers['python_version']}"
    return Target(who or name, machine(**properties), platform)


def lock(world: World, *requirements: str, targets: Sequence[Target], **options: Any) -> Lock:
    """Lock, write, and read again: what is tested has been through the file."""
    preferred = {name: Version(version) for name, version in options.pop("preferred", {}).items()}
    constraints = tuple(parse_user_requirement(text) for text in options.pop("constraints", ()))
    request = Request(tuple(parse_user_requirement(text) for text in requirements), constraints)
    with world.package_finder() as package_finder:
        made = make_lock(LockRequest(request, targets, world.root, preferred, **options), package_finder)
    again = parse_lock(dumps(made.lock).encode(), "pylock.toml")
    assert again == made.lock
    return again


def selected(
    world: World, lock: Lock, platform: Platform = LINUX, supported: Machine | None = None, **choices: Any
) -> dict[str, str]:
    """Name -> version, and label of a variant."""
    found = Selection(
        lock,
        world.root,
        supported or machine(),
        Interpreter(platform.tags, platform.markers),
        choices=Choices(**choices),
        read_requires=lambda link: pytest.fail(f"METADATA of {link.wheel.filename} was read"),
    ).select()
    return {
        entry.package.name: str(entry.package.version)
        + (f" {entry.wheel.label}" if entry.wheel.label else "")
        for entry in found
    }


def versions(lock: Lock) -> list[tuple[str, str]]:
    return [(package.name, str(package.version)) for package in lock.packages]


def named(lock: Lock, name: str) -> LockedPackage:
    (package,) = (package for package in lock.packages if package.name == name)
    return package


# --- agreement ---


def test_the_newest_version_that_all_machines_have_is_taken(world: World) -> None:
    world.add("a", "1.0", tag=X86_TAG)
    world.add("a", "1.0", tag=ARM_TAG)
    world.add("a", "2.0", tag=X86_TAG)
    made = lock(world, "a", targets=[target(LINUX), target(ARM)])
    assert versions(made) == [("a", "1.0")]
    assert len(named(made, "a").wheels) == 2
    assert versions(lock(world, "a", targets=[target(ARM), target(LINUX)])) == [("a", "1.0")]
    assert versions(lock(world, "a", targets=[target(LINUX)])) == [("a", "2.0")]


def test_what_depends_on_the_higher_version_follows(world: World) -> None:
    world.add("app", "1.0", ["lib>=1"])
    world.add("app", "2.0", ["lib>=2"])
    for tag in (X86_TAG, ARM_TAG):
        world.add("lib", "1.0", tag=tag)
    world.add("lib", "2.0", tag=X86_TAG)
    made = lock(world, "app", targets=[target(LINUX), target(ARM)])
    assert versions(made) == [("app", "1.0"), ("lib", "1.0")]


def test_no_common_version_is_an_error_that_names_both(world: World) -> None:
    world.add("a", "2.0", tag=X86_TAG)
    world.add("a", "1.0", tag=ARM_TAG)
    with pytest.raises(NoCommonVersionError) as caught:
        lock(world, "a", targets=[target(LINUX), target(ARM)])
    assert "a 1.0" in caught.value.message
    assert "x86_64 with 3.11" in caught.value.message
    assert caught.value.hint is not None and "files of their own" in caught.value.hint


def test_where_one_machine_must_and_the_other_cannot_both_versions_are_locked(world: World) -> None:
    requires = ["lib==1; platform_machine=='x86_64'", "lib; platform_machine=='aarch64'"]
    world.add("app", "1.0", requires)
    world.add("lib", "1.0", tag=X86_TAG)
    world.add("lib", "2.0", tag=ARM_TAG)
    made = lock(world, "app", targets=[target(LINUX), target(ARM)])
    assert versions(made) == [("app", "1.0"), ("lib", "1.0"), ("lib", "2.0")]
    assert selected(world, made, LINUX)["lib"] == "1.0"
    assert selected(world, made, ARM)["lib"] == "2.0"


def test_variants_that_pin_different_versions_are_locked_side_by_side(world: World) -> None:
    """As PyTorch's CUDA builds do: each requires its own version of the libraries, by METADATA of its own."""
    metadata = variant_metadata(["gpu"], {"old": {"gpu": {"arch": ["1"]}}, "new": {"gpu": {"arch": ["2"]}}})
    for label, cublas in (("old", "12.6"), ("new", "12.8")):
        world.add("torch", "2.0", [f"cublas=={cublas}"], label=label, metadata=metadata)
        world.add("cublas", cublas, ["runtime"])
    world.add("runtime")
    old, new = machine(gpu={"arch": ["1"]}), machine(gpu={"arch": ["2", "1"]})
    both = [target(gpu={"arch": ["1"]}), target(gpu={"arch": ["2", "1"]})]
    made = lock(world, "torch", targets=both)
    assert versions(made) == [("cublas", "12.6"), ("cublas", "12.8"), ("runtime", "1.0"), ("torch", "2.0")]
    assert selected(world, made, supported=old) == {"cublas": "12.6", "runtime": "1.0", "torch": "2.0 old"}
    assert selected(world, made, supported=new) == {"cublas": "12.8", "runtime": "1.0", "torch": "2.0 new"}
    # What is content with either is asked first, and follows.
    world.add("any", "1.0", ["cublas"])
    more = lock(world, "any", "torch", targets=both)
    assert selected(world, more, supported=old)["cublas"] == "12.6"
    assert selected(world, more, supported=new)["cublas"] == "12.8"
    # Two entries of one name may never apply at once (PEP 751).
    assert [str(package.marker) for package in made.packages[:2]] == ['python_version < "0"'] * 2


def test_pythons_that_require_different_versions_are_told_apart_by_markers(world: World) -> None:
    world.add("app", "1.0", ["lib==1; python_version<'3.11'", "lib==2; python_version>='3.11'"])
    world.add("lib", "1.0")
    world.add("lib", "2.0")
    made = lock(world, "app", targets=[target(LINUX), target(OLDER)])
    markers = {
        str(package.version): str(package.marker) for package in made.packages if package.name == "lib"
    }
    assert markers == {"1.0": 'python_version == "3.10"', "2.0": 'python_version == "3.11"'}
    assert selected(world, made, OLDER)["lib"] == "1.0"
    assert selected(world, made, LINUX)["lib"] == "2.0"


def test_versions_of_an_earlier_lock_are_preferred(world: World) -> None:
    for version in ("1.0", "2.0", "3.0"):
        world.add("a", version)
    assert versions(lock(world, "a", targets=[target()])) == [("a", "3.0")]
    assert versions(lock(world, "a", targets=[target()], preferred={"a": "2.0"})) == [("a", "2.0")]
    assert versions(lock(world, "a>2", targets=[target()], preferred={"a": "2.0"})) == [("a", "3.0")]
    assert versions(lock(world, "a", targets=[target()], constraints=["a<2"])) == [("a", "1.0")]


# --- markers and dependencies ---


def test_a_marker_says_which_platforms_need_a_package(world: World) -> None:
    world.add("app", "1.0", ["tomli; python_version<'3.11'", "colorama; sys_platform=='win32'", "both"])
    for name in ("tomli", "colorama", "both"):
        world.add(name)
    made = lock(world, "app", targets=[target(LINUX), target(OLDER), target(WINDOWS)])
    assert named(made, "both").marker is None
    assert str(named(made, "colorama").marker) == 'sys_platform == "win32"'
    assert str(named(made, "tomli").marker) == 'python_version == "3.10"'
    assert selected(world, made, WINDOWS) == {"app": "1.0", "both": "1.0", "colorama": "1.0"}


def test_where_all_machines_need_it_a_marker_is_evaluated_away(world: World) -> None:
    world.add("app", "1.0", ["lib; sys_platform=='linux'"])
    world.add("lib")
    assert named(lock(world, "app", targets=[target()]), "lib").marker is None


def test_variant_markers_are_evaluated_when_syncing(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1", "2"]}}, "null": {}})
    requires = [
        "kernels; 'gpu' in variant_namespaces",
        "for-two; 'gpu :: arch :: 2' in variant_properties",
        "slow; variant_label == 'null'",
    ]
    world.variants("lib", "1.0", metadata, requires)
    for name in ("kernels", "for-two", "slow"):
        world.add(name)
    made = lock(world, "lib", targets=[any_machine(LINUX)], every_variant=True)
    assert [name for name, _ in versions(made)] == ["for-two", "kernels", "lib", "slow"]
    assert set(selected(world, made)) == {"lib", "slow"}
    assert set(selected(world, made, supported=machine(gpu={"arch": ["1"]}))) == {"lib", "kernels"}
    both = {"lib", "kernels", "for-two"}
    assert set(selected(world, made, supported=machine(gpu={"arch": ["2", "1"]}))) == both
    assert named(made, "lib").dependencies == ("for-two", "kernels", "slow")


def test_a_marker_that_holds_only_without_a_property_is_locked_too(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1", "2"]}}})
    world.variants("lib", "1.0", metadata, ["emulation; 'gpu :: arch :: 2' not in variant_properties"])
    world.add("emulation")
    made = lock(world, "lib", targets=[any_machine(LINUX)], every_variant=True)
    assert set(selected(world, made, supported=machine(gpu={"arch": ["1"]}))) == {"lib", "emulation"}
    assert set(selected(world, made, supported=machine(gpu={"arch": ["1", "2"]}))) == {"lib"}


def test_a_variant_whose_needs_cannot_be_met_is_left_out_of_all_variants(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1"]}}, "null": {}})
    world.variants("lib", "1.0", metadata, ["missing; 'gpu' in variant_namespaces"])
    request = Request((parse_user_requirement("lib"),))
    with world.package_finder() as package_finder:
        wanted = LockRequest(request, [any_machine(LINUX)], world.root, every_variant=True)
        made = make_lock(wanted, package_finder)
    assert [file.wheel.label for file in made.lock.packages[0].wheels] == ["null"]
    assert any("lib 1.0 (fast) is left out" in note and "missing" in note for note in made.notes)


def test_all_variants_reach_other_platforms_where_they_can_be_had(world: World) -> None:
    for tag in (X86_TAG, ARM_TAG):
        world.add("a", "1.0", tag=tag)
    made = lock(world, "a", targets=[any_machine(LINUX)], every_variant=True, platforms=[ARM, WINDOWS])
    assert len(named(made, "a").wheels) == 2
    assert selected(world, made, ARM) == {"a": "1.0"}
    with pytest.raises(LockMismatchError, match=r"no wheel of a 1\.0 in the lock fits"):
        selected(world, made, WINDOWS)


def test_a_non_variant_wheel_stands_beside_the_variants(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1"]}}})
    world.variants("lib", "1.0", metadata, ["kernels; variant_label != ''", "plain; variant_label == ''"])
    world.add("lib", "1.0", ["kernels; variant_label != ''", "plain; variant_label == ''"])
    world.add("kernels")
    world.add("plain")
    made = lock(world, "lib", targets=[target(gpu={"arch": ["1"]}), target()])
    assert named(made, "plain").marker is None
    assert str(named(made, "kernels").marker) == 'python_version < "0"'
    assert selected(world, made) == {"lib": "1.0", "plain": "1.0"}
    fast = machine(gpu={"arch": ["1"]})
    assert selected(world, made, supported=fast) == {"kernels": "1.0", "lib": "1.0 fast"}
    plain = VariantPreferences(no_variants=True)
    assert selected(world, made, supported=fast, preferences=plain) == {"lib": "1.0", "plain": "1.0"}


@pytest.mark.parametrize("with_plain", [True, False])
def test_markers_go_by_what_a_tool_without_variants_installs(world: World, with_plain: bool) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1"]}}, "null": {}})
    world.add("lib", "1.0", ["kernels"], label="fast", metadata=metadata)
    world.add("lib", "1.0", ["slow"], label="null", metadata=metadata)
    for name in ("kernels", "slow"):
        world.add(name)
    if with_plain:
        world.add("lib", "1.0", ["slow"])
    targets = [any_machine(LINUX)]
    made = lock(world, "lib", targets=targets, every_variant=True)
    never = 'python_version < "0"'
    assert str(named(made, "kernels").marker) == never
    assert str(named(made, "slow").marker) == ("None" if with_plain else never)


def test_a_variant_follows_the_release_it_was_built_for(world: World) -> None:
    metadata = variant_metadata(
        ["gpu"],
        {
            "t1": {"abi_dependency": {"torch": ["1.0"]}, "gpu": {"arch": ["1"]}},
            "t2": {"abi_dependency": {"torch": ["2.0"]}, "gpu": {"arch": ["1"]}},
        },
    )
    world.variants("vllm", "1.0", metadata, ["torch"])
    world.add("torch", "1.0")
    world.add("torch", "2.0")
    gpu = {"arch": ["1"]}
    made = lock(world, "vllm", targets=[target(gpu=gpu)], constraints=["torch<2"])
    assert selected(world, made, supported=machine(gpu=gpu)) == {"torch": "1.0", "vllm": "1.0 t1"}
    newer = lock(world, "vllm", targets=[target(gpu=gpu)])
    assert selected(world, newer, supported=machine(gpu=gpu)) == {"torch": "2.0", "vllm": "1.0 t2"}
    every = lock(world, "vllm", targets=[any_machine(LINUX)], every_variant=True)
    # One version of torch for all: the build for the other one is left out.
    assert versions(every) == [("torch", "2.0"), ("vllm", "1.0")]
    assert [file.wheel.label for file in named(every, "vllm").wheels] == ["t2"]
    # Where another tool lists both, the one for the torch that is listed too is taken.
    two = [named(part, "vllm") for part in (made, newer)]
    vllm = replace(two[0], wheels=two[0].wheels + two[1].wheels, variants=metadata)
    for part in (made, newer):
        listed = replace(part, packages=(named(part, "torch"), vllm))
        expected = selected(world, part, supported=machine(gpu=gpu))
        assert selected(world, listed, supported=machine(gpu=gpu)) == expected
    torn = replace(made, packages=(named(made, "torch"), named(newer, "vllm")))
    with pytest.raises(LockMismatchError, match="t2 was built for another release"):
        selected(world, torn, supported=machine(gpu=gpu))


def test_extras_bring_their_own(world: World) -> None:
    world.add("app", "1.0", ["lib", "more; extra=='full'", "app[tiny]; extra=='full'", "bit; extra=='tiny'"])
    for name in ("lib", "more", "bit"):
        world.add(name)
    made = lock(world, "app[full]", targets=[target()])
    assert set(selected(world, made)) == {"app", "bit", "lib", "more"}
    assert named(made, "more").marker is None


def test_a_direct_reference_is_an_archive(world: World) -> None:
    path = world.add("lib", "1.0", ["dep"])
    world.add("dep")
    made = lock(world, f"lib @ {path.as_uri()}", targets=[target()])
    archive = named(made, "lib").archive
    assert archive is not None and archive.path == "wheels/lib-1.0-py3-none-any.whl"
    assert str(path) not in dumps(made)
    assert set(selected(world, made)) == {"lib", "dep"}


def test_a_file_without_a_hash_is_read_to_make_one(world: World) -> None:
    path = world.add("lib", hashes=False)
    (file,) = named(lock(world, "lib", targets=[target()]), "lib").wheels
    assert len(file.hashes["sha256"]) == 64
    assert file.size == path.stat().st_size


def test_credentials_stay_out_of_a_lock(world: World) -> None:
    path = world.add("lib")
    link = WheelLink(
        RemoteFile(path.name, f"https://me:secret@files.test/{path.name}", {"sha256": "00" * 32}, size=1),
        parse_wheel_filename(path.name),
    )
    with world.package_finder() as package_finder:
        (file,) = FileList(package_finder, world.root).locked([link]).values()
    assert file.url == f"https://files.test/{path.name}"


# --- choosing ---


def test_versions_for_different_pythons_stand_side_by_side(world: World) -> None:
    world.add("app", "1.0", ["lib==1; python_version<'3.11'", "lib==2; python_version>='3.11'"])
    world.add("lib", "1.0", requires_python="<3.11")
    world.add("lib", "2.0", requires_python=">=3.11")
    made = lock(world, "app", targets=[target(LINUX), target(OLDER)])
    anything = replace(made, roots=(parse_requirement("lib"),))
    assert selected(world, anything, OLDER) == {"lib": "1.0"}
    assert selected(world, anything, LINUX) == {"lib": "2.0"}
    alone = replace(made, packages=(made.packages[2],), roots=(parse_requirement("lib"),))
    with pytest.raises(LockMismatchError, match=r"lib 2\.0 needs Python >=3\.11; this machine has 3\.10"):
        selected(world, alone, OLDER)


def test_a_python_that_needs_more_than_the_lock_has_is_refused(world: World) -> None:
    world.add("app", "1.0", ["tomli; python_version<'3.11'"])
    world.add("tomli")
    made = lock(world, "app", targets=[target(LINUX)])
    with pytest.raises(
        LockMismatchError, match=r"app 1\.0 needs .tomli; python_version<.3\.11.., and it has no"
    ):
        selected(world, made, OLDER)


@pytest.mark.parametrize("hashes", ['md5 = "00"', 'shake_128 = "00"'])
def test_a_hash_that_proves_nothing_is_refused(world: World, hashes: str) -> None:
    made = parse_lock(
        f"""lock-version = "1.0"
created-by = "x"
[[packages]]
name = "a"
version = "1"
wheels = [{{ url = "https://files.test/a-1-py3-none-any.whl", hashes = {{ {hashes} }} }}]
""".encode(),
        "pylock.toml",
    )
    with pytest.raises(LockFileError, match=r"no hash of a-1-py3-none-any\.whl that can be checked"):
        selected(world, made)
