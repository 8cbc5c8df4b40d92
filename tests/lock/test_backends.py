"""Builds of an index for each backend: entries of their own, of which each machine takes one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.pylock import Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.lock.test_locking import ARM, LINUX, OLDER, selected, target
from tests.resolve.world import World, machine
from variantctl.backends.backend import Backend
from variantctl.backends.source import BackendSource
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.lock import agreement, locking
from variantctl.lock.contents import Lock
from variantctl.lock.document import dumps
from variantctl.lock.reading import parse_lock
from variantctl.providers.algorithm import Machine
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.resolve.resolver import Request
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import SelectionContext, rank_wheels
from variantctl.target.platforms import Platform
from variantctl.values import replace
from variantctl.wheels.build import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGES = tuple(canonicalize_name(name) for name in ("torch", "torchvision"))
LABELS = ("cu130", "cu128", "rocm7", "cpu")


@pytest.fixture
def package_finder(tmp_path: Path) -> PackageFinder:
    """A folder with an index for each backend, of which cu130 has no torchvision."""
    for label in LABELS:
        for name in ("torch", "torchvision"):
            if (label, name) == ("cu130", "torchvision"):
                continue
            requires = {"torch": ["cuda-runtime; sys_platform == 'linux'"], "torchvision": ["torch==2.10.0"]}
            folder = tmp_path / "whl" / label / name
            path = build_wheel(folder, name=name, version=f"2.10.0+{label}", requires=requires[name])
            link = path.name.replace("+", "%2B")
            (folder / "index.html").write_text(f'<html><body><a href="{link}">{path.name}</a></body></html>')
    source = BackendSource(
        name="pytorch",
        url=(tmp_path / "whl").as_uri(),
        packages=PACKAGES,
        namespaces=("gpu",),
        backends=(
            Backend("cu130", "cu130", {"gpu": {"cuda": ("13",)}}),
            Backend("cu128", "cu128", {"gpu": {"cuda": ("12",)}}),
            Backend("rocm7", "rocm7", {"gpu": {"rocm": ("7",)}}),
            Backend("cpu", "cpu"),
        ),
    )
    settings = IndexSettings(backends=(source,))
    return PackageFinder(settings, cache=Cache(tmp_path / "cache"))


CUDA13 = {"cuda": ["13", "12"]}
CUDA12 = {"cuda": ["12"]}
ROCM = {"rocm": ["7"]}


def resolve_each(
    request: Request, *, package_finder: PackageFinder, machine: Machine, platform: Platform, who: str
) -> Plan:
    """Stands in for the resolver: the best build of each package, from one backend that has them all."""
    seen = package_finder.for_machine(machine.supported, platform.markers)
    install: dict[str, list[PlannedInstall]] = {}
    for root in request.requirements:
        version = Version("2.10.0")
        project = seen.project(root.name)
        metadata = seen.variant_metadata(project, version)
        assert metadata is not None
        terms = SelectionContext(
            Interpreter(platform.tags, platform.markers),
            metadata=metadata,
            supported=machine.supported(metadata),
        )
        for wheel in rank_wheels(project.wheels_of(version), terms):
            link, label = wheel.link, wheel.label or ""
            planned = PlannedInstall(
                root.name, link.version, label, link.own_name.filename, link.file.url, {}, (), "", link, True
            )
            install.setdefault(label, []).append(planned)
    count = len(request.requirements)
    return Plan(next(tuple(found) for found in install.values() if len(found) == count))


def lock(
    package_finder: PackageFinder,
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
    *names: str,
    targets: list[agreement.Target],
) -> Lock:
    monkeypatch.setattr(agreement, "resolve", resolve_each)
    request = Request(tuple(parse_user_requirement(name) for name in names))
    made = locking.make_lock(locking.LockRequest(request, targets, base), package_finder).lock
    again = parse_lock(dumps(made).encode(), "pylock.toml")
    assert again == made
    return again


def bare(made: Lock) -> Lock:
    """Without what the packages need, which is not here."""
    packages = []
    for package in made.packages:
        assert package.declared is not None
        kept = [text for text in package.declared.requires if "cuda-runtime" not in text]
        packages.append(replace(package, declared=replace(package.declared, requires=tuple(kept))))
    return replace(made, packages=tuple(packages))


def test_each_machine_takes_its_backend(
    tmp_path: Path, package_finder: PackageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = [target(gpu=CUDA13), target(gpu=CUDA12), target(gpu=ROCM), target()]
    made = bare(lock(package_finder, tmp_path, monkeypatch, "torch", targets=targets))
    world = World(tmp_path)
    assert [str(package.version) for package in made.packages] == [
        "2.10.0+cpu",
        "2.10.0+cu128",
        "2.10.0+cu130",
        "2.10.0+rocm7",
    ]
    assert selected(world, made, supported=machine(gpu=CUDA13)) == {"torch": "2.10.0+cu130 cu130"}
    assert selected(world, made, supported=machine(gpu=CUDA12)) == {"torch": "2.10.0+cu128 cu128"}
    assert selected(world, made, supported=machine(gpu=ROCM)) == {"torch": "2.10.0+rocm7 rocm7"}
    assert selected(world, made) == {"torch": "2.10.0+cpu cpu"}
    assert selected(world, made, ARM) == {"torch": "2.10.0+cpu cpu"}


def test_two_packages_come_from_one_backend(
    tmp_path: Path, package_finder: PackageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuda = lock(package_finder, tmp_path, monkeypatch, "torch", targets=[target(gpu=CUDA13)])
    both = lock(
        package_finder, tmp_path, monkeypatch, "torch", "torchvision", targets=[target(gpu=CUDA13), target()]
    )
    versions = {(package.name, str(package.version)) for package in both.packages}
    assert ("torchvision", "2.10.0+cu128") in versions and ("torch", "2.10.0+cu130") not in versions
    # Even where the lock has a better build of one of them, the other is taken from the same backend.
    mixed = bare(replace(both, packages=tuple(sorted((*cuda.packages, *both.packages), key=str))))
    found = selected(World(tmp_path), mixed, supported=machine(gpu=CUDA13))
    assert found == {"torch": "2.10.0+cu128 cu128", "torchvision": "2.10.0+cu128 cu128"}


def test_other_tools_read_it_and_take_the_build_that_runs_anywhere(
    tmp_path: Path, package_finder: PackageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lock(package_finder, tmp_path, monkeypatch, "torch", targets=[target(gpu=CUDA12), target()])
    markers = {str(package.version): package.marker for package in made.packages}
    assert markers["2.10.0+cpu"] is None
    assert str(markers["2.10.0+cu128"]) == 'python_version < "0"'
    pylock = Pylock.from_dict(tomllib.loads(dumps(made)))
    (chosen,) = pylock.select(tags=LINUX.tags)
    assert str(chosen[0].version) == "2.10.0+cpu"


def test_a_lock_for_one_machine_is_an_ordinary_one(
    tmp_path: Path, package_finder: PackageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package,) = lock(package_finder, tmp_path, monkeypatch, "torch", targets=[target(gpu=CUDA12)]).packages
    assert (str(package.version), package.marker) == ("2.10.0+cu128", None)


def test_a_backend_that_does_not_fit_is_told(
    tmp_path: Path, package_finder: PackageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bare(lock(package_finder, tmp_path, monkeypatch, "torch", targets=[target(gpu=CUDA12)]))
    with pytest.raises(Exception, match=r"cu128 needs gpu :: cuda 12; this machine offers no gpu"):
        selected(World(tmp_path), made, OLDER)
