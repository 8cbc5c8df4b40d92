"""Every page that we write or serve is what the specifications ask for, and variantlib reads our metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from variant_index.build import build_index
from variantlib.variants_json import VariantsJson

from tests.index import simple_api
from variantctl.cache.folder import Cache
from variantctl.cli import main
from variantctl.config.settings import IndexSettings
from variantctl.demo.recipe import build_wheels
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.proxy.app import Proxy
from variantctl.proxy.project_view import ClientTarget
from variantctl.select.preferences import VariantPreferences
from variantctl.serving.files import Folder
from variantctl.serving.http_server import listening
from variantctl.target.platforms import platform_environment
from variantctl.wheels.build import build_wheel

TREES = ("simple", "simple-h100", "simple-mi300x")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's wheels, one yanked; one with Requires-Python, and a source distribution."""
    folder = tmp_path_factory.mktemp("site")
    wheels = folder / "wheels"
    build_wheels(wheels)
    build_wheel(wheels, name="Old.Thing", version="1.0+local.1", requires_python="<4,>=3.8")
    (wheels / "old_thing-1.0.tar.gz").write_bytes(b"source")
    build_index(wheels, folder / "out")
    out = str(folder / "out")
    assert main(["index", "yank", "--index", out, "torch==2.9.1", "--reason", "too <old> & slow"]) == 0
    assert main(["index", "flatten", out, "h100", "mi300x"]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def client(site: Path) -> Iterator[httpx.Client]:
    with listening(Folder(site)) as address:
        client = httpx.Client(base_url=f"{address.url}/", trust_env=False)
        yield client
        client.close()


@pytest.mark.parametrize("tree", TREES)
def test_a_static_tree(client: httpx.Client, tree: str) -> None:
    root = f"{client.base_url}{tree}/"
    names = simple_api.check_root(client, root)
    assert "torch" in names and "old-thing" in names
    pages = [simple_api.check_project(client, f"{root}{name}/") for name in names]
    assert all(page["meta"]["api-version"] != "1.0" for page in pages), "every size is known"


@pytest.mark.parametrize("profile", ["h100", "x86-64-v3"])
def test_the_proxy(client: httpx.Client, tmp_path: Path, profile: str) -> None:
    platform = platform_environment()
    buyer = ClientTarget(
        Machine(load_profile(profile), environment=platform.markers), platform, VariantPreferences(), profile
    )
    said: list[str] = []
    settings = IndexSettings(index_url=f"{client.base_url}simple/")
    proxy = Proxy(settings, Cache(tmp_path), buyer, said.append)
    with listening(proxy) as address, httpx.Client(trust_env=False) as candidate_finder:
        for name in simple_api.check_root(client, f"{client.base_url}simple/"):
            page = simple_api.check_project(candidate_finder, f"{address.url}/simple/{name}/")
            yanked = {file["filename"] for file in page["files"] if file.get("yanked")}
            assert all("2.9.1" in filename for filename in yanked)
            assert bool(yanked) == (name == "torch")
    proxy.close()
    assert said == []


def test_variantlib_reads_every_metadata(client: httpx.Client) -> None:
    read = 0
    root = f"{client.base_url}simple/"
    for name in simple_api.check_root(client, root):
        page = client.get(f"{root}{name}/", headers={"Accept": simple_api.JSON}).json()
        for url in simple_api.variants_json_urls(page, f"{root}{name}/"):
            document = simple_api.as_document(client.get(url).content)
            # variantlib 0.2 asks for a provider of this reserved namespace, which PEP 850 does not allow.
            variants = document["variants"]
            document["variants"] = {k: v for k, v in variants.items() if "abi_dependency" not in v}
            assert set(VariantsJson(document).variants) == set(document["variants"])
            read += 1
    assert read >= 4
