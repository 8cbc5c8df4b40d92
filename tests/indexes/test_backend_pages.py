"""Sources of kind ``backends``: descriptions, who switches them on, and what if one is out of reach."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.backends.source import BackendSource
from variantctl.backends.tables import read_backend_tables, shipped_source
from variantctl.cache.folder import Cache
from variantctl.config import settings
from variantctl.config.settings import IndexSettings, load_index_settings
from variantctl.indexes import reachability
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.net.errors import NetworkError, SettingsError
from variantctl.values import replace
from variantctl.variants.properties import Supported
from variantctl.wheels.build import build_wheel

TORCH = canonicalize_name("torch")
X86: Mapping[str, str] = {"platform_machine": "x86_64"}
ARM: Mapping[str, str] = {"platform_machine": "aarch64"}
MINE = """
[backends.acme]
url = "https://wheels.example.org/whl/"
packages = ["acme-kernels", "Acme_Vision"]

[backends.acme.variants.cu13]
path = "cuda/13"
properties.nvidia.cuda_version_lower_bound = ["13.0"]

[backends.acme.variants.cu12]
properties.nvidia.cuda_version_lower_bound = ["12.0"]
[[backends.acme.variants.cu12.builds]]
packages = ["acme-kernels"]
versions = "<2"
marker = "platform_machine == 'aarch64'"
properties.nvidia.cuda_version_lower_bound = ["12.8"]

[backends.acme.variants.cpu]
"""


def toml(text: str) -> Any:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return tomllib.loads(text)


def acme(text: str = MINE) -> BackendSource:
    source = read_backend_tables(toml(text)["backends"], "my.toml")["acme"]
    assert isinstance(source, BackendSource)
    return source


def driver(*versions: str) -> Supported:
    return {"nvidia": {"cuda_version_lower_bound": list(versions)}}


# --- descriptions ---


def test_a_description_of_ones_own() -> None:
    source = acme()
    assert source.url == "https://wheels.example.org/whl"
    assert source.packages == ("acme-kernels", "acme-vision")
    assert source.namespaces == ("nvidia",)
    assert [(backend.label, backend.path) for backend in source.backends] == [
        ("cu13", "cuda/13"),
        ("cu12", "cu12"),
        ("cpu", "cpu"),
    ]


def test_the_first_build_that_applies_counts() -> None:
    source = acme()
    kernels, vision = source.packages
    cu12 = source.backends[1]

    def bound(name: Any, version: str, environment: Mapping[str, str]) -> str:
        return cu12.properties_of(name, Version(version), environment)["nvidia"]["cuda_version_lower_bound"][
            0
        ]

    assert bound(kernels, "1.9", ARM) == "12.8"
    assert bound(kernels, "1.9", X86) == bound(kernels, "2.0", ARM) == bound(vision, "1.9", ARM) == "12.0"


def test_versions_become_variants_in_the_order_of_the_description() -> None:
    metadata = acme().metadata(acme().packages[0], Version("2.0"), X86, ["cpu", "cu12"])
    assert set(metadata.variants) == {"cpu", "cu12"}
    assert metadata.variants["cpu"] == {}
    assert metadata.variants["cu12"]["priority"] == {"order": ("2",)}
    assert metadata.namespaces == ("nvidia", "priority")


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (driver("13.0", "12.8", "12.0"), ["cu13", "cu12", "cpu"]),
        (driver("12.0"), ["cu12", "cpu"]),
        (driver("11.0"), ["cpu"]),
        ({}, ["cpu"]),
    ],
)
def test_the_backends_that_a_machine_supports(offered: Supported, expected: list[str]) -> None:
    def ask(metadata: Any) -> Supported:
        return {**offered, "priority": {"order": ["1", "2", "3"]}}

    assert [backend.label for backend in acme().supported(ask, X86)] == expected


def test_the_label_in_a_version() -> None:
    torch = shipped_source("pytorch")
    assert torch.label_of(TORCH, Version("2.10.0+cu128")) == "cu128"
    assert torch.label_of(TORCH, Version("2.6.0+rocm6.2.4")) == "rocm6.2.4"
    assert torch.label_of(TORCH, Version("2.6.0+rocm6.2")) == "rocm6.2"
    assert torch.label_of(TORCH, Version("2.6.0+cpu.cxx11.abi")) == "cpu"
    assert torch.label_of(TORCH, Version("2.10.0+cu1280")) is None
    assert torch.label_of(TORCH, Version("2.10.0")) is None
    assert torch.label_of(canonicalize_name("numpy"), Version("2.10.0+cpu")) is None


def test_the_shipped_description_is_what_pytorch_declared() -> None:
    """Its metadata of 2.8 and 2.10 says what the wheels of those versions need."""
    from variantctl.variants import load_metadata

    fixtures = Path(__file__).parents[2] / "fixtures" / "metadata"
    torch = shipped_source("pytorch")
    for version, rename in (("2.8.0", lambda label: label), ("2.10.0", _short)):
        declared = load_metadata((fixtures / f"torch-{version}-variants.json").read_bytes())
        for label, properties in declared.variants.items():
            if not properties:
                continue
            mine = torch.metadata(TORCH, Version(version), X86, [rename(label)]).variants[rename(label)]
            theirs = {name: dict(features) for name, features in properties.items() if name != "priority"}
            sets = {ns: {f: set(v) for f, v in features.items()} for ns, features in mine.items()}
            sets.pop("priority")
            assert sets == {ns: {f: set(v) for f, v in features.items()} for ns, features in theirs.items()}


def _short(label: str) -> str:
    return f"cu{label[4:].replace('.', '')}" if label.startswith("cuda") else label


@pytest.mark.parametrize(
    ("change", "key", "rule"),
    [
        (("url = ", "address = "), "backends.acme", "is required|not a key"),
        (('"https://wheels.example.org/whl/"', '"wheels"'), "backends.acme.url", "not a URL"),
        (('"Acme_Vision"', '"acme vision"'), "backends.acme", "not the name of a package"),
        (("variants.cpu]", "variants.null]"), "backends.acme.variants.null", "null"),
        (("variants.cpu]", 'variants."c p u"]'), "backends.acme.variants", "characters"),
        (('["13.0"]', '"13.0"'), "variants.cu13.properties.nvidia.cuda_version_lower_bound", "list"),
        (
            ('nvidia.cuda_version_lower_bound = ["13.0"]', 'priority.order = ["1"]'),
            "backends.acme",
            "reserved",
        ),
        (('versions = "<2"', 'versions = "old"'), "variants.cu12.builds[0]", "old"),
        (("platform_machine ==", "machine =="), "variants.cu12.builds[0]", "machine"),
        (
            ('packages = ["acme-kernels", ', 'namespaces = ["amd"]\npackages = ["acme-kernels", '),
            "namespaces",
            "nvidia",
        ),
        (("path =", "folder ="), "backends.acme.variants.cu13.folder", "not a key"),
    ],
)
def test_a_wrong_description_is_refused_by_name(change: tuple[str, str], key: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=rule) as caught:
        acme(MINE.replace(*change))
    assert "my.toml" in caught.value.message
    assert key in caught.value.message


# --- who switches them on ---


@pytest.fixture
def pip_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "pip_default_index", lambda *_, **__: "https://pip.example.org/simple")


def active(
    tmp_path: Path, environ: Mapping[str, str] | None = None, config: str = "", **arguments: Any
) -> Any:
    """The names of the sources of kind backends in the order in which they are asked, with ``by_default``."""
    file = tmp_path / "variantctl.toml"
    file.write_text(config)
    clean = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "VARIANTCTL_CONFIG_FILE": str(file)}
    loaded = load_index_settings(
        environ={**clean, **(environ or {})}, cache=Cache(tmp_path / "cache"), prefix=tmp_path, **arguments
    )
    return [(source.name, source.by_default) for layer in loaded.layers for source in layer.backends]


@pytest.mark.usefixtures("pip_says")
def test_on_by_default_beside_pips_own_index_only(tmp_path: Path) -> None:
    on = [("pytorch", True)]
    assert active(tmp_path) == on
    assert active(tmp_path, extra_index_urls=["https://more.example.org/simple"]) == on
    assert active(tmp_path, find_links=["wheels"]) == on
    for off in (
        active(tmp_path, {"PIP_INDEX_URL": "https://private.example.org/simple"}),
        active(tmp_path, {"VARIANTCTL_INDEX_URL": "https://private.example.org/simple"}),
        active(tmp_path, config='[index]\nindex-url = "https://private.example.org/simple"'),
        active(tmp_path, index_url="https://private.example.org/simple"),
        active(tmp_path, no_index=True),
        active(tmp_path, {"PIP_NO_INDEX": "1"}),
        active(tmp_path, no_backends=True),
        active(tmp_path, {"VARIANTCTL_NO_BACKENDS": "1"}),
        active(tmp_path, config="[backends.pytorch]\nenabled = false"),
    ):
        assert off == []


@pytest.mark.usefixtures("pip_says")
def test_on_where_it_is_asked_for(tmp_path: Path) -> None:
    private = "https://private.example.org/simple"
    asked = [("pytorch", False)]
    assert active(tmp_path, backends=["pytorch"]) == asked
    assert active(tmp_path, backends=["pytorch"], index_url=private) == asked
    assert active(tmp_path, {"PIP_INDEX_URL": private}, backends=["pytorch"]) == asked
    assert (
        active(tmp_path, {"VARIANTCTL_PYTORCH_URL": "http://127.0.0.1/whl", "PIP_INDEX_URL": private})
        == asked
    )
    assert active(tmp_path, {"PIP_INDEX_URL": private}, config="[backends.pytorch]\nenabled = true") == asked
    assert active(tmp_path, config='[backends.pytorch]\nurl = "https://mirror.example.org/whl"') == asked
    assert active(tmp_path, pins=["torch=pytorch"], index_url=private) == asked
    assert active(tmp_path, config='[sources]\ntorch = "pytorch"') == asked
    # -i is the last word on what configuration asks for; --no-index on everything.
    assert active(tmp_path, {"VARIANTCTL_PYTORCH_URL": "http://127.0.0.1/whl"}, index_url=private) == []
    assert active(tmp_path, backends=["pytorch"], no_index=True) == []


@pytest.mark.usefixtures("pip_says")
def test_ones_own_source_is_on(tmp_path: Path) -> None:
    assert active(tmp_path, config=MINE) == [("acme", False), ("pytorch", True)]
    off = MINE.replace('url = "https', 'enabled = false\nurl = "https')
    assert active(tmp_path, config=off) == [("pytorch", True)]


@pytest.mark.usefixtures("pip_says")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backends": ["jax"]}, "no source named 'jax'"),
        ({"pins": ["torch"]}, "names no place"),
        ({"pins": ["torch=nowhere"]}, "not a place"),
        ({"config": "[sources]\ntorch = 1"}, "sources.torch"),
        ({"config": '[backends.pytorch]\npackages = ["torch"]'}, "packages"),
        ({"config": '[backends]\npytorch = "on"'}, "must be a table"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        active(tmp_path, **arguments)


# --- asking ---


class Backends:
    """``whl/cu12/``, ``whl/cpu/`` and a default index below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def wheel(self, place: str, version: str, name: str = "acme-kernels") -> None:
        page = self.folder / place / name
        path = build_wheel(page, name=name, version=version)
        anchors = "".join(f'<a href="{found.name}">{found.name}</a>' for found in sorted(page.glob("*.whl")))
        assert path.name in anchors
        (page / "index.html").write_text(f"<!DOCTYPE html>{anchors}")


@pytest.fixture
def place(site: Site) -> Backends:
    place = Backends(site.folder)
    place.wheel("whl/cu12", "1.0+cu12")
    place.wheel("whl/cpu", "1.0+cpu")
    place.wheel("whl/cpu", "0.9")
    place.wheel("simple", "2.0")
    return place


def package_finder(url: str, default: str, cache: Cache, **changes: Any) -> PackageFinder:
    source = replace(acme(), url=url, **changes)
    return PackageFinder(IndexSettings(default, backends=(source,)), cache=cache, environ={})


@pytest.mark.usefixtures("place")
def test_wheels_take_part_with_their_public_version(server: LoopbackServer, cache: Cache) -> None:
    with package_finder(f"{server.url}/whl", f"{server.url}/simple", cache) as sources:
        files = sources.project("acme_kernels")
        assert {
            version: [link.wheel.label for link in links] for version, links in files.by_version.items()
        } == {
            Version("1.0"): ["cu12", "cpu"],
            Version("0.9"): ["cpu"],
        }
        cu12 = files.wheels_of(Version("1.0+cu12"))
        assert [str(link.version) for link in cu12] == ["1.0+cu12"]
        assert sources.core_metadata(cu12[0]).version == Version("1.0+cu12")
        metadata = sources.variant_metadata(files, Version("1.0"))
        assert metadata is not None and set(metadata.variants) == {"cu12", "cpu"}


@pytest.mark.usefixtures("place")
def test_only_pages_of_supported_backends_are_asked_for(server: LoopbackServer, cache: Cache) -> None:
    asked: list[object] = []

    def ask(metadata: Any) -> Supported:
        asked.append(metadata)
        return driver("11.0")

    with package_finder(f"{server.url}/whl", f"{server.url}/simple", cache) as sources:
        seen = sources.for_machine(ask, X86)
        with pytest.raises(ProjectNotFound):
            seen.project("numpy")
        assert asked == []  # nobody wants to know about GPUs for numpy
        assert [link.wheel.label for link in seen.project("acme-kernels").wheels] == ["cpu", "cpu"]
        assert [path for path in server.paths if "/whl/" in path] == ["/whl/cpu/acme-kernels/"]
        unwanted = sources.for_machine(None, X86).project("acme-kernels")
        assert [str(link.version) for link in unwanted.wheels] == ["2.0"]
        assert len(sources.project("acme-kernels").wheels) == 3  # that of no machine is still another


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.usefixtures("place")
def test_out_of_reach_is_warned_about_once_and_remembered(
    server: LoopbackServer, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = closed_port()
    started = time.monotonic()
    with package_finder(f"{there}/whl", f"{server.url}/simple", cache, by_default=True) as sources:
        assert [str(link.version) for link in sources.project("acme-kernels").wheels] == ["2.0"]
        with pytest.raises(ProjectNotFound):
            sources.project("acme-vision")
        assert len(sources.warnings) == 2
        assert "the default index" in sources.warnings[0] and "--no-backends" in sources.warnings[0]
    assert time.monotonic() - started < reachability.PATIENCE + 2

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was remembered")

    monkeypatch.setattr(reachability.Contact, "_try", refuse)
    with package_finder(f"{there}/whl", f"{server.url}/simple", cache, by_default=True) as again:
        assert [str(link.version) for link in again.project("acme-kernels").wheels] == ["2.0"]
        assert again.warnings
    monkeypatch.setattr(reachability, "LIFETIME", 0.0)
    with (
        package_finder(f"{there}/whl", f"{server.url}/simple", cache, by_default=True) as later,
        pytest.raises(AssertionError, match="remembered"),
    ):
        later.project("acme-kernels")


@pytest.mark.usefixtures("place")
def test_a_server_that_never_answers_costs_three_seconds(
    server: LoopbackServer, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "PATIENCE", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/whl"
        started = time.monotonic()
        with package_finder(url, f"{server.url}/simple", cache, by_default=True) as sources:
            assert [str(link.version) for link in sources.project("acme-kernels").wheels] == ["2.0"]
        assert time.monotonic() - started < 3


@pytest.mark.usefixtures("place")
def test_what_somebody_named_must_be_there(server: LoopbackServer, cache: Cache) -> None:
    settings = IndexSettings(f"{server.url}/simple", backends=(replace(acme(), url=f"{closed_port()}/whl"),))
    with PackageFinder(settings, cache=cache, environ={}) as sources:
        sources.client.sleep = lambda _seconds: None
        with pytest.raises(NetworkError):
            sources.project("acme-kernels")


def test_a_place_that_somebody_named_goes_before_a_default(
    place: Backends, server: LoopbackServer, cache: Cache, tmp_path: Path
) -> None:
    build_wheel(tmp_path / "links", name="acme-kernels", version="0.1")
    source = replace(acme(), url=f"{server.url}/whl", by_default=True)
    links = IndexSettings(f"{server.url}/simple", find_links=(str(tmp_path / "links"),), backends=(source,))
    with PackageFinder(links, cache=cache, environ={}) as sources:
        found = sources.project("acme-kernels").wheels
        assert {str(link.version) for link in found} == {"0.1", "2.0"}
    place.wheel("extra", "0.2")
    extra = IndexSettings(f"{server.url}/simple", (f"{server.url}/extra",), backends=(source,))
    with PackageFinder(extra, cache=cache, environ={}) as sources:
        assert [str(link.version) for link in sources.project("acme-kernels").wheels] == ["0.2"]


def test_best_version_asks_every_index(place: Backends, server: LoopbackServer, cache: Cache) -> None:
    place.wheel("extra", "0.2")
    urls = (f"{server.url}/simple", (f"{server.url}/extra",))
    with PackageFinder(IndexSettings(*urls), cache=cache, environ={}) as sources:
        assert {str(link.version) for link in sources.project("acme-kernels").wheels} == {"0.2"}
    with PackageFinder(IndexSettings(*urls, strategy="best-version"), cache=cache, environ={}) as sources:
        assert {str(link.version) for link in sources.project("acme-kernels").wheels} == {"0.2", "2.0"}


def test_a_pinned_package_is_looked_for_in_one_place(
    place: Backends, server: LoopbackServer, cache: Cache
) -> None:
    place.wheel("extra", "0.2")
    place.wheel("extra", "0.2", name="other")
    name, other = canonicalize_name("acme-kernels"), canonicalize_name("other")
    source = replace(acme(), url=f"{server.url}/whl")
    pins = {name: f"{server.url}/extra", other: f"{server.url}/simple"}
    with PackageFinder(
        IndexSettings(f"{server.url}/simple", backends=(source,), pins=pins), cache=cache, environ={}
    ) as sources:
        assert [str(link.version) for link in sources.project(name).wheels] == ["0.2"]
        with pytest.raises(ProjectNotFound, match="simple"):
            sources.project(other)
    with PackageFinder(
        IndexSettings(f"{server.url}/extra", backends=(source,), pins={name: "acme"}), cache=cache, environ={}
    ) as sources:
        assert {link.wheel.label for link in sources.project(name).wheels} == {"cu12", "cpu"}
