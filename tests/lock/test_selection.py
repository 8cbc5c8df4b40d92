"""Which wheel of each entry a machine takes, on locks of a few lines that are made in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.resolve.world import interpreter, machine, variant_metadata
from variantctl.indexes.project_files import WheelLink
from variantctl.indexes.sdists import promised
from variantctl.lock.contents import (
    Declared,
    Lock,
    LockedBackend,
    LockedMember,
    LockedPackage,
    LockedSource,
    LockedWheel,
)
from variantctl.lock.errors import LockFileError, LockMismatchError
from variantctl.lock.selection import Choices, Selection
from variantctl.lock.source_links import SourceLinks
from variantctl.net.remote_file import RemoteFile
from variantctl.providers.algorithm import Machine
from variantctl.select.preferences import VariantPreferences
from variantctl.values import replace
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.markers import parse_requirement
from variantctl.variants.names import canonicalize_name

SHA = {"sha256": "0" * 64}
GPU = {"gpu": {"arch": ["9", "8"]}}
NEW, OLD = {"gpu": {"arch": ["9"]}}, {"gpu": {"arch": ["8"]}}
METADATA = variant_metadata(["gpu"], {"new": NEW, "old": OLD, "null": {}})


def wheel(filename: str, **values: Any) -> LockedWheel:
    place = {} if "path" in values else {"url": f"https://x.test/{filename}"}
    return LockedWheel(parse_wheel_filename(filename), **{"hashes": SHA, **place, **values})


def package(
    name: str,
    version: str = "1",
    requires: Sequence[str] | None = None,
    labels: Sequence[str | None] = (None,),
    **values: Any,
) -> LockedPackage:
    """An entry with a wheel for each label; ``requires``: of a lock of ours."""
    names = (f"{name}-{version}-py3-none-any" + (f"-{label}" if label else "") + ".whl" for label in labels)
    values.setdefault("wheels", tuple(map(wheel, names)))
    declared = None if requires is None else Declared(tuple(requires))
    return LockedPackage(canonicalize_name(name), Version(version), declared=declared, **values)


def build(
    name: str, version: str, label: str, properties: Mapping[str, Any] | None = None, **values: Any
) -> LockedPackage:
    """A backend's build, as ``pytorch`` has them."""
    metadata = variant_metadata(["gpu"], {label: properties or {}}) if properties else None
    if metadata is None:
        metadata = replace(variant_metadata(["gpu"], {"any": {"gpu": {"arch": ["0"]}}}), variants={label: {}})
    filename = f"{name}-{version}+{label}-py3-none-any.whl"
    values.setdefault("wheels", (wheel(filename),))
    return LockedPackage(
        canonicalize_name(name),
        Version(f"{version}+{label}"),
        declared=Declared(),
        variants=metadata,
        backend=LockedBackend(values.pop("source_name", "pytorch"), label),
        **values,
    )


def member(name: str, project: str, version: str, label: str, **values: Any) -> LockedPackage:
    """A member of a family, whose wheel is called by its own name."""
    together = values.pop("together", True)
    entry = build(name, version, label, **values)
    file = wheel(f"{project.replace('-', '_')}-{version}-py3-none-any.whl")
    found = LockedMember(canonicalize_name(project), label, together=together)
    return replace(entry, version=Version(version), wheels=(file,), member=found)


def select(lock: Lock, **asked: Any) -> dict[str, str]:
    """Name -> filename of what is selected; arguments as ``chosen`` has them."""
    return {str(each.package.name): each.wheel.link.file.filename for each in chosen(lock, **asked)}


def chosen(
    lock: Lock,
    *,
    offers: Mapping[str, Any] | None = None,
    choices: Choices | None = None,
    requires: Mapping[str, Sequence[str]] | None = None,
    who: str = "this machine",
    sources: Sources | None = None,
    on: Machine | None = None,
) -> list[Any]:
    asked = requires or {}
    selection = Selection(
        lock,
        Path("/base"),
        on or machine(**(offers or {})),
        interpreter(),
        choices=choices or Choices(),
        read_requires=lambda link: asked[link.file.filename],
        who=who,
        sources=cast(SourceLinks, sources),
    )
    return selection.select()


def ours(*packages: LockedPackage, roots: Sequence[str] = ("one",), **values: Any) -> Lock:
    return Lock(packages, tuple(map(parse_requirement, roots)), **values)


def refused(lock: Lock, kind: type[Exception] = LockMismatchError, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        select(lock, **options)
    return str(caught.value)


# --- whom the lock is for ---


def test_the_python_of_the_lock() -> None:
    assert refused(ours(package("one", requires=[]), requires_python=SpecifierSet(">=3.12"))).startswith(
        "the lock is for Python >=3.12; this machine has 3.11.0"
    )
    for specifier in (">=3.11", "<4", ">=3.11.dev0"):
        select(ours(package("one", requires=[]), requires_python=SpecifierSet(specifier)))


def test_the_environments_of_the_lock() -> None:
    windows, linux = Marker("sys_platform == 'win32'"), Marker("sys_platform == 'linux'")
    select(ours(package("one", requires=[]), environments=(windows, linux)))
    said = refused(ours(package("one", requires=[]), environments=(windows,)), who="profile x")
    assert said == 'the lock is for environments where (sys_platform == "win32"); profile x is none'


def test_extras_and_groups_that_there_are() -> None:
    lock = Lock((), extras=("Z_extra", *"edcba"), dependency_groups=("z", *"fedcb"))
    select(lock, choices=Choices(frozenset({"z-extra"}), frozenset({"b"})))
    assert refused(lock, choices=Choices(extras=frozenset("rstuvwxy"))) == (
        "the lock has no extra 'r'; it has a, b, c, d, e, z-extra"
    )
    assert refused(lock, choices=Choices(groups=frozenset("rstuvwxy"))) == (
        "the lock has no dependency group 'r'; it has b, c, d, e, f, z"
    )
    assert refused(Lock(()), choices=Choices(extras=frozenset({"x"}))).endswith("; it has none")


# --- a lock of ours is walked, one of another tool is listed ---


def test_ours_is_walked_from_what_was_asked_for() -> None:
    lock = ours(package("one", requires=["two"]), package("two", requires=[]), package("three", requires=[]))
    found = chosen(lock)
    assert [str(each.package) for each in found] == ["one 1", "two 1"]
    assert [(each.visit.requested, each.visit.parents) for each in found] == [(True, set()), (False, {"one"})]
    assert select(replace(lock, roots=())) == {}


def test_without_roots_or_requirements_it_is_another_tool_s() -> None:
    lock = ours(package("one", requires=[]), package("two", requires=[]))
    assert set(select(lock)) == {"one"}
    assert set(select(replace(lock, roots=None))) == {"one", "two"}
    # Some of it was written by hand.
    assert set(select(ours(package("one", requires=[]), package("two")))) == {"one", "two"}
    assert set(select(ours(package("one"), package("two")))) == {"one", "two"}


def test_another_version_where_the_newest_does_not_fit() -> None:
    newest = package("one", "2", [], wheels=(wheel("one-2-py3-none-win_amd64.whl"),))
    assert select(ours(newest, package("one", "1", []))) == {"one": "one-1-py3-none-any.whl"}
    strange = package("one", "1", [], wheels=(wheel("one-1-py3-none-macosx_11_0_arm64.whl"),))
    oldest = package("one", "0.5", [])
    assert select(ours(newest, strange, oldest)) == {"one": "one-0.5-py3-none-any.whl"}
    said = refused(ours(newest))
    assert said.startswith(
        "no wheel of one 2 in the lock fits this machine: one-2-py3-none-win_amd64.whl is for"
    )
    assert "no wheel of one 2" in refused(ours(newest, strange))


def test_the_python_of_an_entry() -> None:
    later = package("one", "2", [], requires_python=SpecifierSet(">=3.12"))
    assert select(ours(later, package("one", "1", []))) == {"one": "one-1-py3-none-any.whl"}
    assert refused(ours(later)) == "one 2 needs Python >=3.12; this machine has 3.11.0"
    assert select(ours(package("one", requires=[], requires_python=SpecifierSet(">=3.11"))))


SOURCE = LockedSource("sdist", "https://x.test/one-1.tar.gz", filename="one-1.tar.gz", hashes=SHA)


class Sources:
    """What may be built, and links that stand for what is."""

    def __init__(self, *, builds: bool = True, wheels: bool = True) -> None:
        self._builds, self._wheels = builds, wheels

    def may_build(self, name: str) -> bool:
        return self._builds

    def takes_wheels(self, name: str) -> bool:
        return self._wheels

    def link(self, package: LockedPackage) -> WheelLink:
        assert package.source is not None and package.version is not None
        file = RemoteFile(package.source.filename, str(package.source.url))
        return promised(file, package.name, package.version)


BUILDS, NO_BUILD, NO_BINARY = Sources(), Sources(builds=False), Sources(wheels=False)


def test_what_has_to_be_built() -> None:
    lock = ours(package("one", requires=[], wheels=(), source=SOURCE))
    assert select(lock, sources=BUILDS) == {"one": "one-1.tar.gz"}
    for sources in (None, NO_BUILD):
        assert refused(lock, sources=sources) == (
            "the lock has no wheel of one 1, only its source code (one-1.tar.gz), "
            "and building that is forbidden"
        )


def test_what_need_not_be_built() -> None:
    both = package("one", requires=[], source=SOURCE)
    assert select(ours(both), sources=BUILDS) == {"one": "one-1-py3-none-any.whl"}
    assert select(ours(both), sources=NO_BUILD) == {"one": "one-1-py3-none-any.whl"}
    assert select(ours(both), sources=NO_BINARY) == {"one": "one-1.tar.gz"}
    strange = package("one", requires=[], wheels=(wheel("one-1-py3-none-win_amd64.whl"),), source=SOURCE)
    assert select(ours(strange), sources=BUILDS) == {"one": "one-1.tar.gz"}
    assert "no wheel of one 1 that fits this machine" in refused(ours(strange), sources=NO_BUILD)
    assert "--no-binary forbids the wheels of one 1" in refused(
        ours(package("one", requires=[])), sources=NO_BINARY
    )
    assert "fits this machine" in refused(ours(replace(strange, source=None)), sources=BUILDS)


def test_wheels_that_may_be_needed() -> None:
    """Of each project that has any, the one that would be taken; an sdist beside it changes nothing."""
    strange = package("one", "2", [], wheels=(wheel("one-2-py3-none-win_amd64.whl"),))
    lock = ours(
        *(strange, package("one", "1", []), package("one", "0", [])),
        *(
            package("two", requires=[], source=SOURCE),
            package("three", requires=[], wheels=(), source=SOURCE),
        ),
        package("four", requires=[]),
    )
    selection = Selection(
        lock,
        Path("/base"),
        machine(),
        interpreter(),
        choices=Choices(),
        read_requires=lambda link: (),
        sources=cast(SourceLinks, BUILDS),
    )
    assert [str(each.package) for each in selection.fitting_wheels()] == ["one 1", "two 1", "four 1"]


def test_what_one_wheel_declares_otherwise() -> None:
    declared = Declared((), {"one-1-py3-none-any-new.whl": ("two",)})
    one = replace(package("one", labels=["new", "old"], variants=METADATA), declared=declared)
    lock = ours(one, package("two", requires=[]))
    assert set(select(lock, offers=GPU)) == {"one", "two"}
    assert set(select(lock, offers={"gpu": {"arch": ["8"]}})) == {"one"}


# --- variants ---


@pytest.mark.parametrize(
    ("offers", "label"), [(GPU, "-new"), ({"gpu": {"arch": ["8"]}}, "-old"), ({}, "-null"), (None, "-null")]
)
def test_the_best_variant(offers: Mapping[str, Any] | None, label: str) -> None:
    lock = ours(package("one", requires=[], labels=["old", "null", None, "new"], variants=METADATA))
    assert select(lock, offers=offers) == {"one": f"one-1-py3-none-any{label}.whl"}


def test_what_the_user_prefers() -> None:
    lock = ours(package("one", requires=[], labels=["old", "null", None, "new"], variants=METADATA))
    by_name = Choices(preferences=VariantPreferences(labels={canonicalize_name("one"): "old"}))
    assert select(lock, offers=GPU, choices=by_name) == {"one": "one-1-py3-none-any-old.whl"}
    none = Choices(preferences=VariantPreferences(no_variants=True))
    assert select(lock, offers=GPU, choices=none) == {"one": "one-1-py3-none-any.whl"}


def test_the_reasons_against_each() -> None:
    lock = ours(package("one", requires=[], labels=["new", "old"], variants=METADATA))
    said = refused(lock, who="profile cpu")
    assert said.startswith("no wheel of one 1 in the lock fits profile cpu: ")
    assert "new " in said and "; old " in said
    files = tuple(wheel(f"one-1-py3-none-win_amd64_{number}.whl") for number in range(6))
    assert "more" not in refused(ours(package("one", requires=[], wheels=files)))
    files += tuple(wheel(f"one-1-py3-none-win_arm64_{number}.whl") for number in range(2))
    said = refused(ours(package("one", requires=[], wheels=files)))
    assert said.endswith("; and 2 more")
    assert said.count("is for") == 6
    assert refused(ours(package("one", requires=[], wheels=files[:7]))).endswith("; and 1 more")


def test_built_for_another_release() -> None:
    """PEP 850's ``abi_dependency``: only beside the release that it was built for."""
    built = variant_metadata(["gpu"], {"x": {"abi_dependency": {"torch": ["2.9"], "numpy": ["2"]}}})
    one = package("one", requires=["torch", "numpy"], labels=["x"], variants=built)
    numpy = package("numpy", "2.1", [])

    def lock(*torches: str) -> Lock:
        return ours(one, numpy, *(package("torch", version, []) for version in torches))

    assert set(select(lock("2.9.1"))) == {"one", "torch", "numpy"}
    assert set(select(lock("2.9.1rc1"))) == {"one", "torch", "numpy"}
    assert set(select(lock("2.10", "2.9.0"))) == {"one", "torch", "numpy"}
    assert "was built for another release" in refused(lock("2.10"))
    assert "was built for another release" in refused(
        ours(one, package("torch", "2.9", []), package("numpy", "1", []))
    )
    tree = replace(package("torch", requires=[]), version=None)
    assert "was built for another release" in refused(ours(one, numpy, tree))


@pytest.mark.parametrize(("last", "label"), [("2.9", "a"), ("2.10", "b")])
def test_builds_for_two_releases_that_the_lock_has(last: str, label: str) -> None:
    built = variant_metadata(
        ["gpu"],
        {"a": {"abi_dependency": {"torch": ["2.9"]}}, "b": {"abi_dependency": {"torch": ["2.10"]}}},
    )
    one = package("one", requires=[], labels=["a", "b"], variants=built)
    torches = sorted(("2.9", "2.10"), key=lambda version: version == last)
    lock = ours(one, *(package("torch", version, []) for version in torches))
    assert select(lock) == {"one": f"one-1-py3-none-any-{label}.whl"}


class Pair:
    """Two GPUs, and builds that must run on both."""

    def supported(self, metadata: object) -> Mapping[str, Any]:
        return {"gpu": {"arch": ("9", "8")}}

    def each_alone(self, metadata: object, supported: object) -> tuple[Mapping[str, Any], ...]:
        assert metadata is not None
        return {"gpu": {"arch": ("9",)}}, {"gpu": {"arch": ("8",)}}


def test_builds_that_run_on_every_gpu() -> None:
    both = {"gpu": {"arch": ["8", "9"]}}
    metadata = variant_metadata(["gpu"], {"both": both, "new": NEW, "old": OLD})
    lock = ours(
        package("one", requires=["two"], labels=["new", "both", "old"], variants=metadata),
        package("two", requires=[]),
    )
    assert select(lock, on=cast(Machine, Pair()))["one"] == "one-1-py3-none-any-both.whl"


def test_a_build_for_what_the_lock_has_goes_first() -> None:
    built = variant_metadata(
        ["gpu"],
        {"a": {"abi_dependency": {"torch": ["2"]}}, "b": {"abi_dependency": {"torch": ["2.9"]}}},
    )
    one = package("one", requires=[], labels=["a", "b"], variants=built)
    assert select(ours(one, package("torch", "2.9", []))) == {"one": "one-1-py3-none-any-b.whl"}


# --- builds of a source with an index for each backend ---


def test_the_best_backend() -> None:
    lock = ours(
        build("one", "1", "cpu"), build("one", "1", "cu8", OLD), build("one", "1", "cu9", NEW), roots=["one"]
    )
    assert select(lock, offers=GPU) == {"one": "one-1+cu9-py3-none-any.whl"}
    assert select(lock, offers=OLD) == {"one": "one-1+cu8-py3-none-any.whl"}
    assert select(lock) == {"one": "one-1+cpu-py3-none-any.whl"}


def test_the_newest_version_that_has_a_build() -> None:
    lock = ours(build("one", "2", "cpu"), build("one", "1", "cu9", NEW))
    assert select(lock, offers=GPU) == {"one": "one-2+cpu-py3-none-any.whl"}
    lock = ours(build("one", "1", "cpu"), build("one", "2", "cu9", NEW))
    assert select(lock, offers=GPU) == {"one": "one-2+cu9-py3-none-any.whl"}
    assert select(lock) == {"one": "one-1+cpu-py3-none-any.whl"}


def test_all_of_one_source_are_of_one_backend() -> None:
    lock = ours(
        *(build("one", "1", label, needs) for label, needs in (("cpu", None), ("cu8", OLD), ("cu9", NEW))),
        *(build("two", "1", label, needs) for label, needs in (("cpu", None), ("cu8", OLD))),
        build("three", "1", "cu9", NEW, source_name="other"),
        build("three", "1", "cpu", source_name="other"),
        package("four", requires=[]),
        roots=["one", "two", "three", "four"],
    )
    assert select(lock, offers=GPU) == {
        "one": "one-1+cu8-py3-none-any.whl",
        "two": "two-1+cu8-py3-none-any.whl",
        "three": "three-1+cu9-py3-none-any.whl",
        "four": "four-1-py3-none-any.whl",
    }
    assert select(lock)["one"] == "one-1+cpu-py3-none-any.whl"


def test_where_no_backend_has_all_each_takes_its_best() -> None:
    lock = ours(
        *(build("one", "1", label, needs) for label, needs in (("cpu", None), ("cu9", NEW))),
        build("two", "1", "cu8", OLD),
        roots=["one", "two"],
    )
    assert select(lock, offers=GPU) == {
        "one": "one-1+cu9-py3-none-any.whl",
        "two": "two-1+cu8-py3-none-any.whl",
    }


def test_the_common_backend_is_the_one_of_all() -> None:
    lock = ours(
        *(build("one", "1", label, needs) for label, needs in (("cu8", OLD), ("cu9", NEW))),
        build("two", "1", "cu8", OLD),
        *(build("three", "1", label, needs) for label, needs in (("cu8", OLD), ("cu9", NEW))),
        roots=["one", "two", "three"],
    )
    assert {name[-len("cu8-py3-none-any.whl") :][:3] for name in select(lock, offers=GPU).values()} == {"cu8"}


def test_other_backends_go_before_ordinary_entries() -> None:
    lock = ours(
        build("one", "1", "cu8", OLD),
        build("one", "3", "cu9", NEW),
        package("one", "4", []),
        build("two", "1", "cu8", OLD),
        roots=["one>=2", "two"],
    )
    assert select(lock, offers=GPU)["one"] == "one-3+cu9-py3-none-any.whl"


def test_a_member_beside_a_build() -> None:
    lock = ours(build("one", "2", "cpu"), member("one", "one-gpu", "1", "cu9", properties=NEW))
    assert select(lock, offers=GPU) == {"one": "one_gpu-1-py3-none-any.whl"}


def test_builds_beside_an_ordinary_entry() -> None:
    """A machine without a GPU took the release from another index."""
    plain = package("one", "3", [])
    lock = ours(plain, build("one", "2", "cu9", NEW), build("two", "2", "cu9", NEW), roots=["one"])
    assert select(lock, offers=GPU) == {"one": "one-2+cu9-py3-none-any.whl"}
    assert select(lock) == {"one": "one-3-py3-none-any.whl"}


def test_members_of_a_family() -> None:
    """The build for the device goes before a newer one for processors."""
    lock = ours(
        member("ort", "ort", "2", "cpu"),
        member("ort", "ort-gpu", "1", "cu9", properties=NEW),
        member("ort", "ort-old", "3", "cu8", properties=OLD),
        roots=["ort"],
    )
    assert select(lock, offers=GPU) == {"ort": "ort_gpu-1-py3-none-any.whl"}
    assert select(lock, offers=OLD) == {"ort": "ort_old-3-py3-none-any.whl"}
    assert select(lock) == {"ort": "ort-2-py3-none-any.whl"}


def test_members_that_need_not_be_together() -> None:
    """Where one package has no build for the GPU, the others may have one all the same."""

    def lock(together: bool) -> Lock:
        return ours(
            member("one", "one", "1", "cpu", together=together),
            member("one", "one-gpu", "1", "cu9", properties=NEW, together=together),
            member("two", "two", "1", "cpu", together=together),
            roots=["one", "two"],
        )

    assert select(lock(False), offers=GPU)["one"] == "one_gpu-1-py3-none-any.whl"
    assert select(lock(True), offers=GPU)["one"] == "one-1-py3-none-any.whl"


def test_a_member_s_wheel_counts_for_the_family() -> None:
    (found,) = chosen(ours(member("ort", "ort-gpu", "1", "cu9", properties=NEW), roots=["ort"]), offers=GPU)
    link = found.wheel.link
    assert (link.wheel.name, link.wheel.label, str(link.wheel.version)) == ("ort", "cu9", "1")
    assert link.file.filename == "ort_gpu-1-py3-none-any.whl"


# --- a lock of another tool ---


def test_markers_choose() -> None:
    lock = Lock(
        (
            package("one", "1", marker=Marker("sys_platform == 'win32'")),
            package("one", "2", marker=Marker("sys_platform == 'linux'")),
            package("two"),
            package("three", marker=Marker("'x' in extras")),
            package("four", marker=Marker("'g' in dependency_groups")),
            package("five", marker=Marker("'d' in dependency_groups")),
        ),
        extras=("x",),
        dependency_groups=("d", "g"),
        default_groups=("d",),
    )
    assert select(lock) == {
        "five": "five-1-py3-none-any.whl",
        "one": "one-2-py3-none-any.whl",
        "two": "two-1-py3-none-any.whl",
    }
    assert list(select(lock)) == ["five", "one", "two"]
    assert {"three", "four"} <= set(select(lock, choices=Choices(frozenset("x"), frozenset("g"))))


def test_two_entries_that_apply() -> None:
    lock = Lock((package("one", "2"), package("one", "1")))
    assert refused(lock, LockFileError) == (
        "the lock has two entries for one that both apply to this machine: 2 and 1"
    )


def test_what_fits_nothing_of_another_tool() -> None:
    lock = Lock((package("one", wheels=(wheel("one-1-py3-none-win_amd64.whl"),)),))
    assert refused(lock).startswith("no wheel of one 1 in the lock fits this machine")


def test_who_needs_it() -> None:
    lock = Lock((package("one", dependencies=(canonicalize_name("two"),)), package("two")))
    found = {str(each.package.name): each.visit for each in chosen(lock)}
    assert (found["one"].requested, found["one"].parents) == (True, set())
    assert (found["two"].requested, found["two"].parents) == (False, {"one"})


def test_what_a_variant_asks_for() -> None:
    """What no marker of the lock can say is read from the wheel; what that needs, too; of others nothing."""
    lock = Lock(
        (
            package("one", labels=["new", "null"], variants=METADATA),
            package("two", "2", marker=Marker("python_version < '3'")),
            package("two", "1", marker=Marker("python_version < '3'")),
            package("three", marker=Marker("python_version < '3'")),
            package("four"),
        )
    )
    needs = {
        "one-1-py3-none-any-new.whl": [
            "four",
            "two; 'gpu' in variant_namespaces",
            "nothing; python_version < '3'",
        ],
        "one-1-py3-none-any-null.whl": ["two; 'gpu' in variant_namespaces"],
        "two-2-py3-none-any.whl": ["three", "four"],
        "three-1-py3-none-any.whl": [],
    }
    found = {str(each.package): each.visit for each in chosen(lock, offers=GPU, requires=needs)}
    assert list(found) == ["four 1", "one 1", "three 1", "two 2"]
    assert found["two 2"].parents == {"one"}
    assert not found["two 2"].requested
    assert found["three 1"].parents == {"two"}
    assert found["four 1"].parents == {"one", "two"}
    assert [str(each) for each in found["one 1"].applying] == ["four", "two; 'gpu' in variant_namespaces"]
    assert set(select(lock, requires=needs)) == {"one", "four"}


# --- where a wheel lies ---


def link_of(file: LockedWheel) -> WheelLink:
    (found,) = chosen(ours(package("one", requires=[], wheels=(file,))))
    link = found.wheel.link
    assert isinstance(link, WheelLink)
    return link


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ({"url": "https://x.test/w.whl"}, "https://x.test/w.whl"),
        ({"url": "wheels/w.whl"}, "file:///base/wheels/w.whl"),
        ({"url": "../w.whl"}, "file:///w.whl"),
        ({"path": "wheels/w.whl"}, "file:///base/wheels/w.whl"),
        ({"path": "/elsewhere/w.whl"}, "file:///elsewhere/w.whl"),
        ({"path": "a://b/w.whl"}, "file:///base/a%3A/b/w.whl"),
    ],
)
def test_where_it_lies(place: dict[str, Any], url: str) -> None:
    file = replace(wheel("one-1-py3-none-any.whl"), url=None)
    assert link_of(replace(file, **place)).file.url == url


def test_hashes_that_prove_something() -> None:
    strong = {"md5": "0" * 32, **SHA}
    assert link_of(wheel("one-1-py3-none-any.whl", hashes=strong)).file.hashes == strong
    for hashes in ({"md5": "0" * 32}, {"sha3_999": "00"}):
        lock = ours(package("one", requires=[], wheels=(wheel("one-1-py3-none-any.whl", hashes=hashes),)))
        assert refused(lock, LockFileError) == (
            f"the lock has no hash of one-1-py3-none-any.whl that can be checked, only {next(iter(hashes))}"
        )


def test_the_size_comes_along() -> None:
    assert link_of(wheel("one-1-py3-none-any.whl", size=5)).file.size == 5
