"""Real pages of the index that pip is set up for: we must see the files that pip sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings, load_index_settings
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.page_reader import parse_project_page
from variantctl.indexes.project_files import ProjectFiles
from variantctl.net.errors import NetworkError

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
def package_finder(tmp_path_factory: pytest.TempPathFactory) -> PackageFinder:
    configured = load_index_settings()
    index_url = next((layer.index_url for layer in configured.layers if layer.index_url), None)
    if index_url is None:
        pytest.skip("NOT RUN: no index is configured, and there is no pip to ask for its default")
    settings = IndexSettings(index_url, cert=configured.cert, proxy=configured.proxy, timeout=20)
    package_finder = PackageFinder(settings, cache=Cache(tmp_path_factory.mktemp("cache")))
    try:
        package_finder.project("six")
    except NetworkError as error:
        pytest.skip(f"NOT RUN: PyPI cannot be reached: {error}")
    return package_finder


def seen(project: ProjectFiles) -> list[tuple[str, str, str | None, str | None, bool]]:
    files = [*(link.file for link in project.wheels), *project.sdists]
    return sorted(
        (f.filename, f.url, f.hashes.get("sha256"), f.requires_python, f.yanked is not False) for f in files
    )


def test_the_same_files_as_pip(package_finder: PackageFinder) -> None:
    index = package_finder.settings.index_url
    urls = [f"{str(index).rstrip('/')}/{name}/" for name in PROJECTS]
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    if package_finder.settings.cert:
        environ["REQUESTS_CA_BUNDLE"] = package_finder.settings.cert
    command = [sys.executable, "-c", ASK_PIP, *urls]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"NOT RUN: this pip cannot be asked: {result.stderr.splitlines()[-1:]}")
    for name, line in zip(PROJECTS, result.stdout.splitlines(), strict=True):
        project = package_finder.project(name)
        left_out = {filename for filename, _ in project.skipped}
        theirs = sorted(tuple(entry) for entry in json.loads(line) if entry[0] not in left_out)
        assert seen(project) == theirs, name
        assert len(theirs) > 10
        assert not any(filename.endswith(".whl") for filename in left_out), project.skipped


@pytest.mark.parametrize("name", PROJECTS)
def test_html_and_json_agree(package_finder: PackageFinder, name: str) -> None:
    url = f"{str(package_finder.settings.index_url).rstrip('/')}/{name}/"
    pages = []
    for accept in ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"):
        response = package_finder.client.get(url, accept=accept)
        pages.append(parse_project_page(response.content, response.content_type, response.url))
    as_json, as_html = (
        {
            f.filename: (f.url, f.hashes["sha256"], f.requires_python, f.yanked, f.core_metadata)
            for f in page.files
        }
        for page in pages
    )
    assert as_json == as_html


def test_sidecar_and_ranges_agree(package_finder: PackageFinder) -> None:
    from variantctl.values import replace

    link = package_finder.project("numpy").wheels[-1]
    by_sidecar = package_finder.core_metadata(link)
    bare = replace(link, file=replace(link.file, core_metadata=False, url=link.file.url + "?"))
    assert package_finder.core_metadata(bare) == by_sidecar
    assert not any("whole" in note for note in package_finder.notes)
