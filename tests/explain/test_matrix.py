"""Several machines, one request: a row for each, with what it downloads."""

from __future__ import annotations

import pytest

from tests.resolve.world import World, machine, variant_metadata
from variantctl.demo.matrix import matrix as demo_matrix
from variantctl.demo.recipe import build_wheels
from variantctl.explain.matrix import MatrixMachine, Row, WheelSizes, matrix
from variantctl.net.client import HttpClient
from variantctl.net.remote_file import RemoteFile
from variantctl.net.sizes import file_size
from variantctl.providers.algorithm import Machine
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.plan import Plan
from variantctl.resolve.resolver import Request
from variantctl.target.platforms import platform_environment

CUDA = variant_metadata(
    ["nvidia"], {"cuda12": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}}, "null": {}}
)
GPU = machine(nvidia={"cuda_version_lower_bound": ["12.0"]})
ARM = platform_environment(system="Linux", machine="aarch64", libc="glibc 2.35", python="3.11")


def rows(world: World, *requirements: str, **machines: Machine) -> dict[str, Row]:
    subjects = [
        MatrixMachine(name, each, ARM if name == "arm" else world.platform, name)
        for name, each in machines.items()
    ]
    request = Request(tuple(map(parse_user_requirement, requirements)))
    with world.package_finder() as package_finder:
        return {row.name: row for row in matrix(request, subjects, package_finder=package_finder)}


def test_each_machine_gets_its_variant_and_its_dependencies(world: World) -> None:
    world.variants("torch", "2.0", CUDA, ["triton; 'nvidia' in variant_namespaces"])
    triton = world.add("triton", "3.0")
    found = rows(world, "torch", gpu=GPU, plain=machine())
    assert {name: {p.name: p.label for p in row.install} for name, row in found.items()} == {
        "gpu": {"torch": "cuda12", "triton": None},
        "plain": {"torch": "null"},
    }
    wheels = world.wheels
    cuda12 = (wheels / "torch-2.0-py3-none-any-cuda12.whl").stat().st_size
    assert found["gpu"].size == cuda12 + triton.stat().st_size
    assert found["plain"].size == (wheels / "torch-2.0-py3-none-any-null.whl").stat().st_size
    assert found["gpu"].as_json()["install"][0]["size"] == cuda12


def test_a_machine_that_cannot_have_it_is_a_row_with_the_reason(world: World) -> None:
    world.add("lib", tag="cp311-cp311-manylinux_2_28_x86_64")
    found = rows(world, "lib", here=machine(), arm=machine())
    assert found["here"].error is None and [p.name for p in found["here"].install] == ["lib"]
    row = found["arm"].as_json()
    assert row["status"] == "error" and row["error"]["kind"] == "no-candidate"
    assert "is for manylinux_2_28_x86_64" in row["error"]["message"]
    assert found["arm"].size is None and found["arm"].install == ()


def test_an_unknown_size_leaves_the_sum_unknown(world: World) -> None:
    world.add("lib")
    request = Request((parse_user_requirement("lib"),))
    with world.package_finder() as package_finder:
        subject = MatrixMachine("here", machine(), world.platform, "here")
        (row,) = matrix(
            request, [subject], package_finder=package_finder, sizes=lambda planned: [None for _ in planned]
        )
    assert row.error is None and row.size is None and row.as_json()["install"][0]["size"] is None
    assert row.plan is not None
    assert Row("here", Plan(row.install * 2), (None, 5)).size is None
    assert Row("here", Plan(row.install * 2), (4, 5)).size == 9


def test_sizes_are_asked_for_once(world: World) -> None:
    path = world.add("lib")
    planned = rows(world, "lib", here=machine())["here"].install
    with world.package_finder() as package_finder:
        sizes = WheelSizes(package_finder)
        size = path.stat().st_size
        assert sizes(planned) == [size]
        path.unlink()
        assert sizes(planned) == [size]
        assert WheelSizes(package_finder)(planned) == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_is_asked_for_the_size(ranges: bool) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Range"))
            if ranges:
                self.send_response(206)
                self.send_header("Content-Range", "bytes 0-0/123456")
                self.send_header("Content-Length", "1")
                self.end_headers()
                self.wfile.write(b"x")
            else:
                self.send_response(200)
                self.send_header("Content-Length", "777")
                self.end_headers()
                self.wfile.write(b"x" * 777)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with HttpClient() as client:
            file = RemoteFile(
                "lib-1.0-py3-none-any.whl", f"http://127.0.0.1:{server.server_port}/lib.whl", {}
            )
            assert file_size(file, client) == (123456 if ranges else 777)
            assert file_size(RemoteFile("x.whl", "http://127.0.0.1:9/x.whl", {}, size=5), client) == 5
    finally:
        server.shutdown()
        server.server_close()
    assert asked == ["bytes=0-0"]


def test_the_demo_uses_the_same_matrix(tmp_path_factory: pytest.TempPathFactory) -> None:
    from variant_index.build import build_index

    folder = tmp_path_factory.mktemp("demo")
    build_wheels(folder / "wheels")
    build_index(folder / "wheels", folder / "site")
    found = {row.name: row for row in demo_matrix((folder / "site/simple").as_uri() + "/", ["torch"])}
    assert [p.label for p in found["mi300x"].install if p.name == "torch"] == ["rocm7.1"]
    assert found["mi300x"].size
