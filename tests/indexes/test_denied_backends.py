"""An object store that answers AccessDenied for all of a source: a closed door, and no empty shelf."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.test_denied import DENIED
from variantctl.backends.tables import shipped_source
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.net.errors import AccessDeniedError
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.plan import Plan
from variantctl.resolve.resolver import Request, resolve
from variantctl.target.platforms import platform_environment
from variantctl.values import replace
from variantctl.wheels.build import build_wheel

XML = {"Content-Type": "application/xml"}


class Shop:
    """A default index with torch and xformers, and a source of backends in an object store."""

    def __init__(self, folder: Path, public: LoopbackServer, store: LoopbackServer) -> None:
        self.folder, self.public, self.store = folder, public, store
        self.warned: list[str] = []

    def deny(self, path: str = "*") -> None:
        self.store.rule(path, status=403, body=DENIED, headers=XML)

    def has(self, backend: str, project: str, version: str) -> None:
        page = self.folder / "store/whl" / backend / project
        wheel = build_wheel(page, name=project, version=version)
        (page / "index.html").write_text(f"<a href='{wheel.name.replace('+', '%2B')}'>x</a>")
        self.store.rule(f"/whl/{backend}/{project}/")
        self.store.rule(f"/whl/{backend}/{project}/{wheel.name.replace('+', '%2B')}")

    def plan(self, *requirements: str, profile: str = "h100", **settings: Any) -> Plan:
        source = replace(
            shipped_source("pytorch"),
            url=f"{self.store.url}/whl",
            by_default=settings.pop("by_default", False),
        )
        found = IndexSettings(f"{self.public.url}/simple", backends=(source,), **settings)
        cache = Cache(self.folder / "cache")
        platform = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.12")
        machine = Machine(load_profile(profile), environment=platform.markers)
        with PackageFinder(found, cache=cache, environ={}) as finder:
            request = Request(tuple(map(parse_user_requirement, requirements)))
            plan = resolve(request, package_finder=finder, machine=machine, platform=platform)
            self.warned = list(finder.warnings)
            return plan


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    for name in ("torch", "xformers"):
        page = tmp_path / "public/simple" / name
        wheel = build_wheel(page, name=name, version="666")
        (page / "index.html").write_text(f"<a href='{wheel.name}'>x</a>")
    (tmp_path / "store/whl").mkdir(parents=True)
    with LoopbackServer(tmp_path / "public") as public, LoopbackServer(tmp_path / "store") as store:
        yield Shop(tmp_path, public, store)


def taken(plan: Plan) -> dict[str, str]:
    return {planned.name: str(planned.version) for planned in plan.install}


@pytest.mark.parametrize("project", ["torch", "xformers"])
@pytest.mark.parametrize("profile", ["h100", "x86-64-v3"])
def test_every_page_is_denied(shop: Shop, project: str, profile: str) -> None:
    shop.deny()
    with pytest.raises(AccessDeniedError) as caught:
        shop.plan(project, profile=profile)
    error = caught.value
    assert error.kind == "network" and error.status == 403
    assert "AccessDenied" in error.message and project in error.message and shop.store.url in error.message
    assert f'[index.ignore-error-codes] "{shop.store.url}/whl" = [403]' in (error.hint or "")
    assert shop.public.requests == []


def test_what_one_backend_lacks_is_no_error(shop: Shop) -> None:
    shop.has("cpu", "torch", "2.0+cpu")
    shop.deny()
    assert taken(shop.plan("torch")) == {"torch": "2.0+cpu"}
    # The first package can be read: AccessDenied for another one means that it is not there.
    assert taken(shop.plan("xformers")) == {"xformers": "666"}


def test_statuses_that_are_configured_let_the_search_go_on(shop: Shop) -> None:
    shop.deny()
    codes = {f"{shop.store.url}/whl": frozenset({403})}
    assert taken(shop.plan("torch", ignore_error_codes=codes)) == {"torch": "666"}


def test_a_source_that_nobody_named_is_passed_over_with_a_warning(shop: Shop) -> None:
    shop.deny()
    assert taken(shop.plan("torch", by_default=True)) == {"torch": "666"}
    (warning,) = [text for text in shop.warned if "AccessDenied" in text]
    assert shop.store.url in warning and "default index" in warning


def test_a_door_that_is_opened_again(shop: Shop) -> None:
    shop.deny("/whl/cpu/torch/")
    with pytest.raises(AccessDeniedError):
        shop.plan("torch", profile="x86-64-v3")
    shop.store.clear()
    shop.has("cpu", "torch", "2.0+cpu")
    assert taken(shop.plan("torch", profile="x86-64-v3")) == {"torch": "2.0+cpu"}
