"""Real pages of the index that pip is set up for: we must see the files that pip sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from variantctl.sources.cache import Cache
from variantctl.sources.catalog import Catalog
from variantctl.sources.errors import NetworkError
from variantctl.sources.files import ProjectFiles
from variantctl.sources.pages import parse_project_page
from variantctl.sources.settings import IndexSettings, load_index_settings

pytestmark = pytest.mark.network

PROJECTS = ["six", "numpy", "markupsafe", "charset-normalizer", "zope-interface"]
ASK_PIP = """
import json, sys
from pip._internal.index.collector import _get_index_content, parse_links
from pip._internal.models.link import Link
from pip._internal.network.session import PipSession
for url in sys.argv[1:]:
    links = list(parse_links(_get_index_content(Link(url), session=PipSession())))
    print(json.dumps([
        [l.filename, l.url_without_fragment, l.hash, l.requires_python, l.is_yanked] for l in links
    ]))
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    configured = load_index_settings()
    index_url = next((layer.index_url for layer in configured.layers if layer.index_url), None)
    if index_url is None:
        pytest.skip("NOT RUN: no index is configured, and there is no pip to ask for its default")
    settings = IndexSettings(index_url, cert=configured.cert, proxy=configured.proxy, timeout=20)
    catalog = Catalog(settings, cache=Cache(tmp_path_factory.mktemp("cache")))
    try:
        catalog.project("six")
    except NetworkError as error:
        pytest.skip(f"NOT RUN: PyPI cannot be reached: {error}")
    return catalog


def seen(project: ProjectFiles) -> list[tuple[str, str, str | None, str | None, bool]]:
    files = [*(link.file for link in project.wheels), *project.sdists]
    return sorted(
        (f.filename, f.url, f.hashes.get("sha256"), f.requires_python, f.yanked is not False) for f in files
    )


def test_the_same_files_as_pip(catalog: Catalog) -> None:
    index = catalog.settings.index_url
    urls = [f"{str(index).rstrip('/')}/{name}/" for name in PROJECTS]
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    if catalog.settings.cert:
        environ["REQUESTS_CA_BUNDLE"] = catalog.settings.cert
    command = [sys.executable, "-c", ASK_PIP, *urls]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"NOT RUN: this pip cannot be asked: {result.stderr.splitlines()[-1:]}")
    for name, line in zip(PROJECTS, result.stdout.splitlines(), strict=True):
        project = catalog.project(name)
        left_out = {filename for filename, _ in project.skipped}
        theirs = sorted(tuple(entry) for entry in json.loads(line) if entry[0] not in left_out)
        assert seen(project) == theirs, name
        assert len(theirs) > 10
        assert not any(filename.endswith(".whl") for filename in left_out), project.skipped


@pytest.mark.parametrize("name", PROJECTS)
def test_html_and_json_agree(catalog: Catalog, name: str) -> None:
    url = f"{str(catalog.settings.index_url).rstrip('/')}/{name}/"
    pages = []
    for accept in ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"):
        response = catalog.client.get(url, accept=accept)
        pages.append(parse_project_page(response.content, response.content_type, response.url))
    as_json, as_html = (
        {
            f.filename: (f.url, f.hashes["sha256"], f.requires_python, f.yanked, f.core_metadata)
            for f in page.files
        }
        for page in pages
    )
    assert as_json == as_html


def test_sidecar_and_ranges_agree(catalog: Catalog) -> None:
    from variantctl.values import replace

    link = catalog.project("numpy").wheels[-1]
    by_sidecar = catalog.core_metadata(link)
    bare = replace(link, file=replace(link.file, core_metadata=False, url=link.file.url + "?"))
    assert catalog.core_metadata(bare) == by_sidecar
    assert not any("whole" in note for note in catalog.notes)
