"""Resolution of ordinary packages: what pip and uv users expect."""

from __future__ import annotations

import pytest

from tests.resolve.world import World
from variantctl.indexes.errors import ProjectNotFound
from variantctl.resolve.errors import NoCandidateError, TooDeepError, UnsatisfiableError
from variantctl.target.platforms import platform_environment
from variantctl.wheels.errors import WheelError


def test_newest_version_with_its_dependencies(world: World) -> None:
    world.add("app", "1.0", ["lib>=1"])
    world.add("app", "2.0", ["lib>=1,<3", "Other_Lib"])
    for version in ("1.0", "2.0", "3.0"):
        world.add("lib", version)
    world.add("other.lib")
    plan = world.plan("APP")
    assert {p.name: str(p.version) for p in plan.install} == {"app": "2.0", "lib": "2.0", "other-lib": "1.0"}
    assert [p.requested for p in plan.install] == [True, False, False]
    assert plan.install[0].requires == ("lib<3,>=1", "Other_Lib")
    assert [p.because for p in plan.install] == ["requested", "needed by app", "needed by app"]
    assert not plan.remove and not plan.keep and not plan.notes


def test_markers_are_those_of_the_target(world: World) -> None:
    world.add("app", requires=['old; python_version < "3.11"', 'win; sys_platform == "win32"', "always"])
    for name in ("old", "win", "always"):
        world.add(name)
    assert set(world.versions("app")) == {"app", "always"}
    world.platform = platform_environment(system="Windows", machine="AMD64", python="3.10")
    assert set(world.versions("app")) == {"app", "always", "old", "win"}


def test_a_root_whose_marker_does_not_hold_is_left_out_with_a_note(world: World) -> None:
    world.add("app")
    plan = world.plan("app", 'missing; sys_platform == "win32"')
    assert [p.name for p in plan.install] == ["app"]
    assert "missing" in plan.notes[0] and "marker" in plan.notes[0]


def test_extras_bring_their_dependencies_and_stay_with_the_same_version(world: World) -> None:
    world.add("app", "1.0", extras={"fast": ["speed"], "all": ["app[fast]", "more"]})
    world.add("app", "2.0", extras={"fast": ["speed>5"], "all": ["app[fast]", "more"]})
    world.add("speed", "1.0")
    world.add("more", "1.0")
    assert world.versions("app[all]") == {"app": "1.0", "speed": "1.0", "more": "1.0"}
    assert world.versions("app") == {"app": "2.0"}


def test_extra_needed_by_one_and_base_limited_by_another(world: World) -> None:
    world.add("base", "1.0", extras={"x": ["one"]})
    world.add("base", "2.0", extras={"x": ["two"]})
    world.add("one")
    world.add("two")
    world.add("a", requires=["base[x]"])
    world.add("b", requires=["base<2"])
    plan = world.plan("a", "b")
    assert {p.name: str(p.version) for p in plan.install} == {
        "a": "1.0",
        "b": "1.0",
        "base": "1.0",
        "one": "1.0",
    }
    base = next(p for p in plan.install if p.name == "base")
    assert base.requires == ("one",) and base.because == "needed by a, b"


def test_extras_that_need_each_other(world: World) -> None:
    world.add("a", extras={"x": ["b[y]"]})
    world.add("b", extras={"y": ["a[x]"]})
    assert world.versions("a[x]") == {"a": "1.0", "b": "1.0"}


def test_unknown_extra_is_a_note(world: World) -> None:
    world.add("app")
    plan = world.plan("app[nothing]")
    assert [p.name for p in plan.install] == ["app"]
    assert plan.notes == ("app 1.0 has no extra 'nothing'",)


def test_cycles(world: World) -> None:
    world.add("a", requires=["b"])
    world.add("b", requires=["a"])
    assert world.versions("a") == {"a": "1.0", "b": "1.0"}


def test_backtracking_over_two_levels(world: World) -> None:
    world.add("app", "2.0", ["mid>=2"])
    world.add("app", "1.0", ["mid<2"])
    world.add("mid", "2.0", ["leaf>=2"])
    world.add("mid", "1.0", ["leaf"])
    world.add("leaf", "1.0")
    world.add("leaf", "2.0")
    assert world.versions("app", "leaf<2") == {"app": "1.0", "mid": "1.0", "leaf": "1.0"}


def test_constraints_limit_but_do_not_install(world: World) -> None:
    world.add("app", requires=["lib"])
    world.add("lib", "1.0")
    world.add("lib", "2.0")
    world.add("unused")
    assert world.versions("app", constraints=["lib<2", "unused<1"]) == {"app": "1.0", "lib": "1.0"}


def test_constraint_with_a_marker_that_does_not_hold(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0")
    assert world.versions("lib", constraints=['lib<2; sys_platform == "win32"']) == {"lib": "2.0"}


@pytest.mark.parametrize(
    ("requirement", "pre", "expected"),
    [
        ("lib", False, "1.0"),
        ("lib", True, "2.0b1"),
        ("lib>=2.0a1", False, "2.0b1"),
        ("lib==2.0b1", False, "2.0b1"),
        ("only", False, "0.1.dev1"),
    ],
)
def test_prereleases(world: World, requirement: str, pre: bool, expected: str) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0b1")
    world.add("only", "0.1.dev1")
    assert list(world.versions(requirement, pre=pre).values()) == [expected]


def test_a_dependency_that_names_a_prerelease_lets_it_in(world: World) -> None:
    world.add("app", requires=["lib>=2.0rc1"])
    world.add("lib", "1.0")
    world.add("lib", "2.0rc2")
    assert world.versions("app") == {"app": "1.0", "lib": "2.0rc2"}


def test_versions_with_epochs_posts_and_locals(world: World) -> None:
    for version in ("9.0", "1!1.0", "1!1.0.post1", "1!1.0.post1+cu128"):
        world.add("lib", version)
    assert world.versions("lib") == {"lib": "1!1.0.post1+cu128"}
    assert world.versions("lib<1!0") == {"lib": "9.0"}
    assert world.versions("lib===1!1.0") == {"lib": "1!1.0"}
    assert world.versions("lib==1!1.0.post1") == {"lib": "1!1.0.post1+cu128"}


def test_yanked_only_by_a_pin(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0", yanked="broken")
    assert world.versions("lib") == {"lib": "1.0"}
    assert world.versions("lib==2.0") == {"lib": "2.0"}
    with pytest.raises(NoCandidateError, match="was yanked: broken"):
        world.plan("lib>=2.0")
    with pytest.raises(NoCandidateError, match="yanked"):
        world.plan("lib==2.*")


def test_requires_python_of_page_and_of_metadata(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0", requires_python=">=3.12")
    world.add("lib", "3.0", page_requires_python=">=3.12")
    assert world.versions("lib") == {"lib": "1.0"}
    with pytest.raises(NoCandidateError, match=r"needs Python >=3.12, but this is 3.11"):
        world.plan("lib==3.0")
    with pytest.raises(UnsatisfiableError, match=r"lib 2.0 needs Python >=3.12, but this is 3.11"):
        world.plan("lib==2.0")


def test_no_deps(world: World) -> None:
    world.add("app", requires=["missing"], extras={"x": ["gone"]})
    assert world.versions("app[x]", no_deps=True) == {"app": "1.0"}


def test_best_tag_then_highest_build(world: World) -> None:
    world.add("lib", tag="py3-none-any")
    world.add("lib", tag="cp311-cp311-manylinux_2_28_x86_64", build="2")
    world.add("lib", tag="cp311-cp311-manylinux_2_28_x86_64", build="10")
    world.add("lib", tag="cp311-cp311-manylinux_2_17_x86_64", build="20")
    world.add("lib", tag="cp312-cp312-manylinux_2_28_x86_64", build="30")
    (planned,) = world.plan("lib").install
    assert planned.filename == "lib-1.0-10-cp311-cp311-manylinux_2_28_x86_64.whl"


def test_an_older_version_where_the_newest_has_no_wheel_for_us(world: World) -> None:
    world.add("lib", "2.0", tag="cp312-cp312-win_amd64")
    world.add("lib", "1.0")
    assert world.versions("lib") == {"lib": "1.0"}


def test_direct_reference_wins_over_the_index_and_is_recorded(world: World) -> None:
    world.add("app", requires=["lib"])
    world.add("lib", "2.0")
    path = world.add("lib", "1.0")
    plan = world.plan("app", str(path))
    lib = next(p for p in plan.install if p.name == "lib")
    assert str(lib.version) == "1.0"
    assert lib.direct_url is not None and lib.direct_url["url"] == path.as_uri()
    assert lib.with_sha256("ab").direct_url == {
        "url": path.as_uri(),
        "archive_info": {"hash": "sha256=ab", "hashes": {"sha256": "ab"}},
    }
    assert next(p for p in plan.install if p.name == "app").direct_url is None


def test_dependency_with_a_direct_reference(world: World) -> None:
    path = world.add("lib", "1.0")
    world.add("lib", "2.0")
    world.add("app", requires=[f"lib @ {path.as_uri()}"])
    assert world.versions("app") == {"app": "1.0", "lib": "1.0"}
    assert world.versions("app", "lib<2") == {"app": "1.0", "lib": "1.0"}
    with pytest.raises(UnsatisfiableError):
        world.plan("app", "lib>=2")


def test_dependency_on_a_repository_is_no_candidate(world: World) -> None:
    world.add("app", "2.0", ["lib @ git+https://example.invalid/lib"])
    world.add("app", "1.0")
    assert world.versions("app") == {"app": "1.0"}


def test_direct_reference_that_does_not_fit(world: World) -> None:
    path = world.add("lib", tag="cp312-cp312-win_amd64")
    with pytest.raises(
        NoCandidateError, match=r"lib-1.0-cp312-cp312-win_amd64.whl cannot be installed: it is for"
    ):
        world.plan(str(path))


def test_metadata_that_cannot_be_read_is_passed_over(world: World) -> None:
    world.add("lib", "2.0", ["this is no requirement"])
    world.add("lib", "1.0")
    assert world.versions("lib") == {"lib": "1.0"}
    with pytest.raises(UnsatisfiableError, match="cannot be read"):
        world.plan("lib==2.0")


@pytest.mark.parametrize(
    "metadata",
    [b"Metadata-Version: 2.1\nName: evil\nVersion: 2.0\n", b"Metadata-Version: 2.1\nName: lib\nVersion: 9\n"],
)
def test_metadata_that_lies_is_refused(world: World, metadata: bytes) -> None:
    world.add("lib", "2.0", dist_info={"METADATA": metadata})
    world.add("lib", "1.0")
    with pytest.raises(WheelError, match=r"lib-2.0-py3-none-any.whl"):
        world.plan("lib")


def test_missing_project(world: World) -> None:
    world.add("app", "1.0", ["nowhere"])
    with pytest.raises(ProjectNotFound, match="missing was not found"):
        world.plan("missing")
    with pytest.raises(UnsatisfiableError, match=r"nowhere was not found(.|\n)*app 1.0 needs nowhere"):
        world.plan("app")
    world.add("app", "0.9")
    assert world.versions("app") == {"app": "0.9"}


def test_the_search_is_bounded(world: World) -> None:
    for number in range(8):
        world.add(f"a{number}", "1", [f"a{number + 1}"])
    world.add("a8", "1")
    with pytest.raises(TooDeepError, match="in 5 steps"):
        world.plan("a0", max_rounds=5)


def test_faults_of_old_requirements_are_corrected_with_a_word(world: World) -> None:
    world.add("app", "1.0", ["lib (>=1.19.*)", "other (>dev)"])
    for version in ("1.0", "1.20", "2.0"):
        world.add("lib", version)
    world.add("other", "1.0")
    plan = world.plan("app", "lib<2")
    assert ("lib", "1.20") in {(planned.name, str(planned.version)) for planned in plan.install}
    (note,) = plan.notes
    assert note == (
        "app 1.0 requires 'lib (>=1.19.*)', which is read as 'lib (>=1.19)' (another one is corrected, too)"
    )


def test_a_comparison_without_meaning_does_not_drop_a_requirement(world: World) -> None:
    world.add("app", "1.0", ["lib ; python_version >= '3.7.*'", "other ; os_name == 'nt'"])
    world.add("lib")
    world.add("other")
    plan = world.plan("app")
    assert {planned.name for planned in plan.install} == {"app", "lib"}
    assert "app 1.0 requires 'lib ; python_version >= '3.7.*'', which is read as 'lib'" in plan.notes


def test_damaged_metadata_is_passed_over_with_the_reason(world: World) -> None:
    world.add("lib", "3.0", ["this is no requirement"])
    world.add("lib", "2.0", dist_info={"METADATA": b"Metadata-Version: 2.1\nName: lib\n"})
    world.add("lib", "1.0")
    plan = world.plan("lib")
    assert [str(planned.version) for planned in plan.install] == ["1.0"]
    (note,) = plan.notes
    assert (
        note.startswith("lib 3.0 is passed over: it has a requirement that cannot be read") and "2.0" in note
    )
    with pytest.raises(WheelError, match="has no Version"):
        world.plan("lib==2.0")
