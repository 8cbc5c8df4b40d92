"""The real pip and uv read what we publish, over HTTP and from disk."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from variant_index.build import build_index

from tests.wheels.recipes import CU126, CU128, provided
from variantctl.wheels.build import build_wheel


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


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


@pytest.fixture(params=["http", "file"])
def index_url(request: pytest.FixtureRequest, index: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"{index.as_uri()}/simple/"
        return
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(index))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


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
