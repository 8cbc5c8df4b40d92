"""The real pip and uv read what we publish, over HTTP and from disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from variant_index.bucket import Bucket
from variant_index.build import build_index
from variant_index.changes import Add
from variant_index.indexed_file import by_project
from variant_index.publisher import Publisher
from variant_index.scan import scan_folder

from tests.wheels.recipes import CU126, CU128, provided
from variantctl.serving.files import Folder
from variantctl.serving.http_server import listening
from variantctl.wheels.build import build_wheel


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    variants = provided(null={}, cu126=CU126, cu128=CU128)
    for label in (None, "null", "cu126", "cu128"):
        build_wheel(
            folder / "wheels",
            name="big.thing",
            version="2.0+local",
            files={"big.py": repr(label).encode()},
            requires=["small>=1"],
            label=label,
            metadata=variants,
        )
    build_wheel(folder / "wheels", name="small", version="1.0")
    build_wheel(folder / "wheels", name="small", version="2.0", requires_python="<3")
    build_index(folder / "wheels", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def from_store(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in an object store after publishing the same: there every file lies under its hash."""
    store = Bucket(MemoryStore(), "memory://")
    publisher = Publisher(store)
    for name, files in by_project(scan_folder(index.parent / "wheels").files).items():
        publisher.commit(name, Add(tuple(files), by_hash=True), files)
        publisher.register([name])
    folder = tmp_path_factory.mktemp("from-store")
    for found in store.list(""):
        target = folder / found.path
        target.parent.mkdir(parents=True, exist_ok=True)
        stored = store.read(found.path)
        assert stored is not None
        target.write_bytes(stored.content)
    return folder


@pytest.fixture(params=["http", "file", "store"])
def index_url(request: pytest.FixtureRequest, index: Path, from_store: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"{index.as_uri()}/simple/"
        return
    with listening(Folder(index if request.param == "http" else from_store)) as address:
        yield f"{address.url}/simple/"


def _run(*command: str | Path, **environ: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "PIP_CONFIG_FILE": os.devnull, **environ},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_pip_takes_the_non_variant_wheel(index_url: str, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--isolated", "download", "--no-cache-dir")
    _run(*pip, "--index-url", index_url, "--dest", tmp_path, "big-thing")
    assert {path.name for path in tmp_path.iterdir()} == {
        "big_thing-2.0+local-py3-none-any.whl",
        "small-1.0-py3-none-any.whl",
    }


@pytest.mark.parametrize(("driver", "label"), [("12.7", "cu126"), ("13.0", "cu128"), ("11.8", "null")])
def test_uv_takes_the_variant_for_the_driver(index_url: str, driver: str, label: str, tmp_path: Path) -> None:
    forced = {
        "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": driver,
        "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0",
    }
    target = tmp_path / "target"
    _run(
        *("uv", "pip", "install", "--no-config", "--preview-features", "wheel-variants"),
        *("--python", sys.executable, "--target", target, "--index-url", index_url, "big-thing"),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **forced,
    )
    assert (target / "big.py").read_text() == repr(label)


@pytest.fixture(scope="module")
def without_sidecars(index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same index as one that publishes no ``.metadata`` files: a client has to read wheels by ranges."""
    copy = tmp_path_factory.mktemp("bare") / "out"
    shutil.copytree(index, copy)
    for sidecar in copy.rglob("*.whl.metadata"):
        sidecar.unlink()
    for page in copy.rglob("index.html"):
        page.write_text(re.sub(r' data-(core|dist-info)-metadata="[^"]*"', "", page.read_text()))
    for page in copy.rglob("index.json"):
        document = json.loads(page.read_text())
        for file in document.get("files", ()):
            file.pop("core-metadata", None)
            file.pop("dist-info-metadata", None)
        page.write_text(json.dumps(document))
    return copy


class _Watched:
    """Serves a folder, and remembers the ranges that were asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = Folder(folder)
        self.ranges: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = Headers(scope=scope).get("range")
        if asked is not None:
            self.ranges.append(asked)
        await self._folder(scope, receive, send)


def test_pip_reads_metadata_by_ranges(without_sidecars: Path, tmp_path: Path) -> None:
    app = _Watched(without_sidecars)
    with listening(app) as address:
        pip = (sys.executable, "-m", "pip", "--isolated", "install", "--no-cache-dir", "--target", tmp_path)
        index = f"{address.url}/simple/"
        _run(*pip, "--use-feature=fast-deps", "--index-url", index, "--dry-run", "big-thing")
        assert app.ranges
        _run(*pip, "--use-feature=fast-deps", "--index-url", index, "big-thing")
    assert (tmp_path / "big.py").read_text() == "None"


def test_uv_reads_metadata_by_ranges(without_sidecars: Path, tmp_path: Path) -> None:
    app = _Watched(without_sidecars)
    with listening(app) as address:
        uv = (sys.executable, "-m", "uv", "pip", "install", "--no-config", "--python", sys.executable)
        index = f"{address.url}/simple/"
        cache = {"UV_CACHE_DIR": str(tmp_path / "cache")}
        _run(*uv, "--target", tmp_path / "target", "--index-url", index, "big-thing", **cache)
    assert app.ranges
    assert (tmp_path / "target/big.py").read_text() == "None"
