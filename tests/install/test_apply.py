"""Wheels become packages: every kind of file in its place, and nothing left when they go."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.install.support import Files, LinkMode, Place, Planned, new_place, picture, target_place
from tests.wheels.recipes import CU128, NVIDIA
from variantctl.cache.unpacked import FOLDER
from variantctl.install.apply import apply_plan
from variantctl.resolve.plan import Plan as ResolvedPlan
from variantctl.target.environment import find_environment
from variantctl.target.installed import installed_packages
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.build import build_wheel


def thing(folder: Path, version: str = "1.0", **more: bytes) -> Path:
    """A wheel with something for every folder of the scheme."""
    files = {
        "thing/__init__.py": b"def main():\n    print('it works')\n",
        "thing/data.txt": version.encode(),
        "thing.pth": b"# read at start-up\n",
        **{name.replace("__", "."): content for name, content in more.items()},
    }
    data = {
        "scripts/thing-script": b"#!python\nimport thing; thing.main()\n",
        "scripts/thing-shell": b"#!/bin/sh\necho shell\n",
        "data/share/thing/read.me": b"read me",
        "data/etc/thing.conf": b"x = 1\n",
        "headers/thing.h": b"#define THING 1\n",
        "purelib/thing_pure.py": b"",
        "platlib/thing_plat.py": b"",
    }
    points = {"console_scripts": {"thing": "thing:main"}, "gui_scripts": {"thing-gui": "thing:main [x]"}}
    return build_wheel(
        folder, name="thing", version=version, files=files, data=data, entry_points=points, requires=["pip"]
    )


def run(*command: str | Path) -> str:
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    return done.stdout


def test_every_file_is_in_its_place(place: Place, tmp_path: Path) -> None:
    direct_url = {"url": "file:///thing.whl", "archive_info": {"hashes": {"sha256": "00"}}}
    outcome = place.install(Planned(thing(tmp_path), requested=True, direct_url=direct_url))
    assert outcome.installed == ("thing 1.0",)
    prefix, site = place.environment.prefix, place.site
    for path in ("thing/__init__.py", "thing/data.txt", "thing.pth", "thing_pure.py", "thing_plat.py"):
        assert (site / path).is_file()
    assert (prefix / "share/thing/read.me").read_bytes() == b"read me"
    assert (prefix / "etc/thing.conf").is_file()
    assert (place.environment.scheme["headers"] / "thing/thing.h").is_file()
    info = site / "thing-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "variantctl\n"
    assert (info / "REQUESTED").read_bytes() == b""
    assert json.loads((info / "direct_url.json").read_bytes()) == direct_url
    for script in ("thing", "thing-script", "thing-gui"):
        assert run(prefix / "bin" / script) == "it works\n"
    assert run(prefix / "bin/thing-shell") == "shell\n"


def test_record_is_complete_and_true(place: Place, tmp_path: Path) -> None:
    before = set(place.picture())
    place.install(thing(tmp_path))
    rows = list(csv.reader((place.site / "thing-1.0.dist-info/RECORD").read_text().splitlines()))
    listed = {}
    for path, digest, size in rows:
        full = os.path.normpath(place.site / path)
        listed[full] = digest
        if path.endswith("/RECORD"):
            assert (digest, size) == ("", "")
            continue
        content = Path(full).read_bytes()
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={expected}", len(content))
    new = {path for path in set(place.picture()) - before if not Path(path).is_dir()}
    assert new == set(listed)


def test_importlib_metadata_sees_an_ordinary_package(place: Place, tmp_path: Path) -> None:
    place.install(thing(tmp_path))
    code = (
        "import importlib.metadata as m, json; d = m.distribution('thing'); "
        "print(json.dumps([d.version, d.requires, d.read_text('INSTALLER'), "
        "sorted(str(f) for f in d.files if not f.locate().exists()), "
        "[e.name for e in d.entry_points]]))"
    )
    found = json.loads(run(place.environment.python, "-c", code))
    assert found == ["1.0", ["pip"], "variantctl\n", [], ["thing", "thing-gui"]]


def test_variant_label_is_seen_afterwards(target: Place, tmp_path: Path) -> None:
    metadata = VariantMetadata(
        schema="https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
        namespaces=("nvidia",),
        providers={"nvidia": NVIDIA},
        variants={"cu128": CU128},
    )
    wheel = build_wheel(tmp_path, name="gpu", version="1", label="cu128", metadata=metadata)
    target.install(wheel)
    (package,) = installed_packages(target.environment).values()
    assert package.label == "cu128"
    assert not package.requested


def test_uninstall_leaves_nothing(place: Place, tmp_path: Path) -> None:
    before = place.picture()
    place.install(thing(tmp_path), compile_bytecode=True)
    assert list(place.site.glob("thing/__pycache__/*.pyc"))
    (place.site / "thing/__pycache__/__init__.cpython-311-pytest-8.pyc").write_bytes(b"made later")
    (place.site / "thing-1.0.dist-info/uv_cache.json").write_text("{}")
    outcome = place.uninstall("thing")
    assert [package.name for package in outcome.removed] == ["thing"]
    after = place.picture()
    # The folder of all packages' headers is the scheme's own.
    assert {path for path in after if path not in before} <= {
        str(place.environment.prefix / path)
        for path in ("include/site", f"include/site/{place.environment.scheme['headers'].name}")
    }
    assert before.items() <= after.items()


def test_uninstall_keeps_what_others_put_there(place: Place, tmp_path: Path) -> None:
    place.install(thing(tmp_path))
    mine = place.site / "thing/mine.txt"
    mine.write_text("not the package's")
    place.uninstall("thing")
    assert mine.read_text() == "not the package's"
    assert place.names() == {}


def test_upgrade_is_as_if_it_had_never_been_older(tmp_path: Path) -> None:
    old = build_wheel(
        tmp_path,
        name="thing",
        version="1.0",
        files={"thing/a.py": b"1", "thing/old/b.py": b"2", "thing/x": b"a file", "thing/y/z.py": b"3"},
        entry_points={"console_scripts": {"old": "thing:a"}},
    )
    new = build_wheel(
        tmp_path,
        name="thing",
        version="2.0",
        files={"thing/a.py": b"one", "thing/x/c.py": b"a folder now", "thing/y": b"a file now"},
        entry_points={"console_scripts": {"new": "thing:a"}},
    )
    upgraded, fresh = new_place(tmp_path, name="upgraded"), new_place(tmp_path, name="fresh")
    upgraded.install(Planned(old, requested=True), compile_bytecode=True)
    outcome = upgraded.install(new)
    assert [str(package.version) for package in outcome.removed] == ["1.0"]
    fresh.install(Planned(new, requested=True))
    assert relative(upgraded) == relative(fresh)
    # And back, and the same again.
    upgraded.install(old)
    upgraded.install(new)
    upgraded.install(new)
    assert relative(upgraded) == relative(fresh)


def relative(place: Place) -> dict[str, str]:
    """The environment without what names itself: scripts, and RECORD, which has their hashes."""
    prefix = str(place.environment.prefix)
    return {
        path.removeprefix(prefix): "" if "/bin/" in path or path.endswith(("RECORD", ".cfg")) else what
        for path, what in place.picture().items()
    }


names = st.sampled_from(["a", "b", "c", "a/d", "a/e", "b/a", "c/c/c", "d/e/f"]).map(lambda n: f"pkg/{n}.py")
trees = st.dictionaries(names, st.binary(max_size=20), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(trees, st.booleans()), min_size=1, max_size=4))
def test_any_sequence_of_versions_ends_as_a_fresh_install(
    steps: list[tuple[dict[str, bytes], bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    place, fresh = target_place(folder / "a"), target_place(folder / "b")
    wheel = None
    for number, (files, remove) in enumerate(steps):
        wheel = build_wheel(folder, name="pkg", version=f"1.{number}", files=files)
        place.install(wheel)
        if remove:
            place.uninstall("pkg")
            assert list(place.site.iterdir()) in ([], [place.site / "bin"])
            place.install(wheel)
    assert wheel is not None
    fresh.install(wheel)
    start, other = str(place.site), str(fresh.site)
    assert {k.removeprefix(start): v for k, v in picture(place.site).items()} == {
        k.removeprefix(other): v for k, v in picture(fresh.site).items()
    }


def test_several_at_once_and_a_removal_with_them(place: Place, tmp_path: Path) -> None:
    wheels = [
        build_wheel(tmp_path, name=f"p{n}", version="1", files={f"p{n}.py": bytes(n)}) for n in range(6)
    ]
    place.install(*wheels[:3])
    place.install(*wheels[3:], remove=["p0", "P1", "never-there"])
    assert place.names() == {"p2": "1", "p3": "1", "p4": "1", "p5": "1"}
    assert not (place.site / "p0.py").exists()


def test_umask_and_modes(tmp_path: Path) -> None:
    place = new_place(tmp_path)
    wheel = thing(tmp_path)
    old = os.umask(0o027)
    try:
        place.install(wheel)
        modes = {path: oct((place.site / path).stat().st_mode & 0o777) for path in ("thing", "thing.pth")}
        assert modes == {"thing": "0o750", "thing.pth": "0o640"}
        script = place.environment.scheme["scripts"] / "thing"
        assert script.stat().st_mode & 0o777 == 0o750
        assert (place.site / "thing/data.txt").stat().st_mode & 0o777 == 0o440
        os.umask(0o022)
        other = new_place(tmp_path, name="other")
        other.install(wheel)
        # Linking would hand out the stricter mode of the stored file.
        assert (other.site / "thing/data.txt").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(old)


@pytest.mark.parametrize("mode", list(LinkMode))
def test_link_modes(mode: LinkMode, place: Place, tmp_path: Path) -> None:
    place.install(thing(tmp_path), link_mode=mode)
    file = place.site / "thing/data.txt"
    assert file.read_bytes() == b"1.0"
    assert file.is_symlink() == (mode is LinkMode.SYMLINK)
    assert (file.stat().st_nlink > 1) == (mode is LinkMode.HARDLINK)
    edited = (place.site / "thing.pth", place.environment.scheme["scripts"] / "thing-shell")
    assert all(path.stat().st_nlink == 1 and not path.is_symlink() for path in edited)
    assert run(place.environment.python, "-c", "import thing; thing.main()") == "it works\n"
    before = {path for path in place.picture() if "/site-packages/" in path}
    place.uninstall("thing")
    assert before
    assert not {path for path in place.picture() if "/site-packages/" in path}
    assert list((place.cache / FOLDER).rglob("data.txt"))


def test_hash_known_to_the_store_needs_no_fetch(place: Place, tmp_path: Path) -> None:
    wheel = thing(tmp_path)
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    place.install(wheel)
    wheel.unlink()
    other = new_place(tmp_path, name="other")
    other.install(Planned(wheel, hashes={"sha256": sha256}))
    assert other.names() == {"thing": "1.0"}


def test_prefix(tmp_path: Path) -> None:
    environment = find_environment(str(new_place(tmp_path).environment.prefix), prefix=tmp_path / "p")
    place = Place(environment, tmp_path / "cache")
    place.install(thing(tmp_path))
    assert (tmp_path / "p/bin/thing").is_file()
    assert (tmp_path / "p/share/thing/read.me").is_file()
    major, minor, _ = environment.version
    assert (tmp_path / f"p/lib/python{major}.{minor}/site-packages/thing/__init__.py").is_file()
    place.uninstall("thing")
    assert not [path for path in (tmp_path / "p").rglob("*") if not path.is_dir()]


def test_nothing_to_do_leaves_no_trace(target: Place) -> None:
    # The resolver's plan, so that its type is checked against what is read of it.
    apply_plan(ResolvedPlan(), target.environment, Files())
    assert not target.site.exists()


def test_compiled_by_the_target(place: Place, tmp_path: Path) -> None:
    wheel = thing(tmp_path, thing_bad__py=b"def (:\n")
    place.install(wheel, compile_bytecode=True)
    (compiled,) = (place.site / "thing/__pycache__").iterdir()
    assert compiled.name.startswith("__init__.cpython-")
    assert (place.site / "thing_bad.py").is_file()
