"""The pages over indexes as they are: the choice is ``install``'s, and what they advise can be pasted."""

# ruff: noqa: E501

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from variant_index.build import build_index

from tests.campaigns.selector_families import CHOOSE, with_python
from tests.index.web.test_page import AUDIT
from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, real_releases
from variantctl.cli import main
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve
from variantctl.providers import profiles
from variantctl.wheels.build import build_wheel

if TYPE_CHECKING:
    from playwright.sync_api import Page

POLICIES = ("prefer", "any", "require")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("layout")
    Layout(folder, real_releases(), pythons=("311", "312", "313"))
    with LoopbackServer(folder) as server:
        yield server


class Selector:
    """Pages that were made of a server, and the same questions to the command line."""

    def __init__(self, root: str, folder: Path, sources: tuple[str, ...]) -> None:
        self.root = root
        self.folder = folder
        self.sources = sources

    def install(
        self, name: str, profile: Path, capsys: pytest.CaptureFixture[str], *options: str
    ) -> dict[str, Any]:
        capsys.readouterr()
        code = main(["install", name, *self.sources, "--profile", str(profile), "--dry-run", "--no-deps", "--json", "--target", str(self.folder / "t"), *options])  # fmt: skip
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert (code == 0) == ("error" not in found)
        return found


@pytest.fixture
def make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Any]:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    servers = []

    def made(*arguments: str, sources: tuple[str, ...]) -> Selector:
        capsys.readouterr()
        assert main(["index", "selector", *arguments, "-o", str(tmp_path / "site")]) == 0, (
            capsys.readouterr().err
        )
        server = serve(tmp_path / "site")
        servers.append(server)
        return Selector(server.__enter__(), tmp_path, sources)

    yield made
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def pytorch(make: Any, layout: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> Selector:
    monkeypatch.setenv("VARIANTCTL_PYTORCH_URL", f"{layout.url}/whl")
    sources = ("-i", f"{layout.url}/simple", "--backends", "pytorch")
    selector: Selector = make(
        "--source", "pytorch", "-i", f"{layout.url}/simple", "torch", "torchvision", sources=sources
    )
    return selector


@pytest.mark.parametrize("policy", POLICIES)
def test_as_install_for_every_shipped_profile(
    policy: str, page: Page, pytorch: Selector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(f"{pytorch.root}/project/torch/index.html")
    taken = set()
    for name in profiles.shipped_profiles():
        profile = with_python(name, "3.12", tmp_path)
        shown = page.evaluate(CHOOSE, {"device": name, "python": "3.12", "policy": policy, "specifier": ""})
        theirs = pytorch.install("torch", profile, capsys, "--accelerator", policy)
        if "error" in theirs:
            # Nothing but builds for an accelerator, and none fits: the page shows no wheel.
            assert shown is None or shown["filename"] is None, (name, shown, theirs["error"])
            continue
        (planned,) = theirs["install"]
        assert shown is not None, name
        assert (shown["version"], shown["filename"]) == (
            planned["version"].partition("+")[0],
            planned["filename"],
        ), name
        assert shown["over"] == [
            item["version"] for item in theirs["passed_over"] if item["name"] == "torch"
        ], name
        taken.add(planned["filename"])
    assert len(taken) >= 6


def test_one_version_and_another_package(
    page: Page, pytorch: Selector, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for project, specifier in (("torch", "==2.10.0"), ("torchvision", "")):
        page.goto(f"{pytorch.root}/project/{project}/index.html")
        for name in (
            "h100",
            "v100",
            "b200",
            "mi300x",
            "graviton4",
            "rtx-4070-windows",
            "apple-m4",
            "arc-b580",
            "x86-64-v2",
        ):
            shown = page.evaluate(
                CHOOSE, {"device": name, "python": "3.12", "policy": "prefer", "specifier": specifier}
            )
            (planned,) = pytorch.install(
                f"{project}{specifier}", with_python(name, "3.12", tmp_path), capsys
            )["install"]
            assert shown is not None and shown["filename"] == planned["filename"], (project, name)


def test_only_pages_and_metadata_are_fetched_and_again_in_seconds(
    pytorch: Selector, layout: LoopbackServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [request.path for request in layout.requests]
    assert asked and not [path for path in asked if path.endswith(".whl")]
    before = len(asked)
    site = {path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*") if path.is_file()}
    capsys.readouterr()
    command = [
        "index",
        "selector",
        "--source",
        "pytorch",
        "-i",
        f"{layout.url}/simple",
        "torch",
        "torchvision",
    ]
    assert main([*command, "-o", str(tmp_path / "site"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == []
    assert len(layout.requests) - before <= 5
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "site").rglob("*") if path.is_file()
    } == site


def test_the_answer_by_keyboard_alone_on_a_phone_in_the_dark(page: Page, pytorch: Selector) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{pytorch.root}/index.html")
    assert page.evaluate(AUDIT) == []
    page.keyboard.press("Tab")
    for _ in range(10):
        if page.evaluate("document.activeElement.textContent") == "torch":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/project/torch/index.html*")
    page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
    assert page.evaluate(AUDIT) == []
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id").startswith("device-"):
            break
    before = page.inner_text("#verdict")
    page.keyboard.press("ArrowDown")
    assert page.inner_text("#verdict") != before
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "policy":
            break
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.value") == "any"
    assert "builds=any" in page.evaluate("location.hash")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 19, 24)"


def commands(page: Page) -> list[str]:
    return page.locator("#commands pre").all_inner_texts()


def test_what_is_shown_and_what_can_be_pasted(
    page: Page, pytorch: Selector, layout: LoopbackServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page.goto(f"{pytorch.root}/project/torch/index.html#device=h100&python=3.12")
    shown = page.evaluate(CHOOSE, {"device": "h100", "python": "3.12", "policy": "prefer", "specifier": ""})
    local = shown["filename"].split("-")[1].replace("%2B", "+")
    assert (
        page.inner_text("#verdict")
        == f"H100 (Linux x86-64, Python 3.12) gets the variant {local.partition('+')[2]} of torch {shown['version']}."
    )
    assert "no build for this machine's accelerator" in page.inner_text("#why") and shown["over"]
    assert re.search(r"With CUDA 13\.\d it would get the variant cu13\d", page.inner_text("#updates"))
    texts = [" ".join(text.split()) for text in commands(page)]
    assert texts == [
        f"variantctl install torch --index-url {layout.url}/simple --backends pytorch",
        f"variantctl install torch --profile h100 --target site-packages --index-url {layout.url}/simple --backends pytorch",
        f"uv pip install torch=={local} --index-url {layout.url}/whl/{local.partition('+')[2]}",
        f"pip install torch=={local} --index-url {layout.url}/whl/{local.partition('+')[2]}",
    ]
    capsys.readouterr()
    words = shlex.split(texts[1])
    assert main([*words[1:], "--dry-run", "--no-deps", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["install"][0]["version"].startswith(shown["version"])


def test_a_machine_of_one_s_own(page: Page, pytorch: Selector, capsys: pytest.CaptureFixture[str]) -> None:
    page.goto(f"{pytorch.root}/project/torch/index.html#device=x86-64-v3&python=3.12")
    capsys.readouterr()
    assert main(["detect", "--profile", "mi300x", "--json"]) == 0
    page.get_by_text("Your own machine").click()
    page.get_by_label("Paste what").fill(capsys.readouterr().out)
    assert "gets the variant rocm" in page.inner_text("#verdict")


def test_variants_by_their_names_and_ordinary_wheels(
    page: Page, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index of variants (PEP 825), served by somebody else."""
    build_wheels(tmp_path / "wheels")
    build_wheel(tmp_path / "wheels", name="plain", version="1.0", requires=["six"])
    build_index(tmp_path / "wheels", tmp_path / "theirs")
    with serve(tmp_path / "theirs") as root:
        index = f"{root}/simple/"
        selector = make(
            "-i", index, "--no-backends", "torch", "plain", sources=("-i", index, "--no-backends")
        )
        page.goto(f"{selector.root}/project/torch/index.html")
        labels = set()
        for name in profiles.shipped_profiles():
            shown = page.evaluate(
                CHOOSE, {"device": name, "python": "3.12", "policy": "prefer", "specifier": ""}
            )
            (planned,) = selector.install("torch", with_python(name, "3.12", tmp_path), capsys)["install"]
            assert shown is not None and shown["filename"] == planned["filename"], name
            labels.add(planned["label"])
        assert len(labels) >= 5
        page.goto(f"{selector.root}/project/torch/index.html#device=h100&python=3.12")
        assert any(text.startswith("variantctl proxy") for text in commands(page))
        page.goto(f"{selector.root}/project/plain/index.html#device=h100&python=3.12")
        texts = [" ".join(text.split()) for text in commands(page)]
        assert f"pip install plain==1.0 --index-url {index.rstrip('/')}" in [
            text.rstrip("/") for text in texts
        ]
        assert page.locator("#policy").count() == 0


class TestRefusals:
    """What a run must not do."""

    def run(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["index", "selector", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    def test_other_files_stay(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "index.html").write_text("mine")
        code, found = self.run(capsys, "six", "-o", str(tmp_path / "site"), "--no-index", "-f", str(tmp_path))
        assert code == 1 and found["error"]["kind"] == "selector"
        (tmp_path / "index" / "simple").mkdir(parents=True)
        code, found = self.run(
            capsys, "six", "-o", str(tmp_path / "index"), "--no-index", "-f", str(tmp_path)
        )
        assert code == 1 and "is an index" in found["error"]["message"]

    def test_a_package_that_is_nowhere(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        build_wheel(tmp_path / "wheels", name="there", version="1.0")
        places = ("--no-index", "-f", str(tmp_path / "wheels"), "-o", str(tmp_path / "site"))
        code, found = self.run(capsys, "nowhere", *places)
        assert code == 1 and not (tmp_path / "site").exists()
        code, found = self.run(capsys, "nowhere", "there", *places)
        assert code == 0 and [item["name"] for item in found["projects"]] == ["there"]
        assert "nowhere" in found["problems"][0]
        text = (tmp_path / "site/project/there/index.html").read_text()
        assert "there-1.0" in text

    def test_nothing_named(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, _found = self.run(capsys, "-o", str(tmp_path / "site"), "--no-index", "-f", str(tmp_path))
        assert code == 2


def test_one_page_for_all_names_of_a_family(
    page: Page, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """onnxruntime and cupy, as names; what the page takes is what ``install`` takes, and has its own name."""
    wheels = tmp_path / "wheels"
    for name, version in (
        *(("onnxruntime", "1.27.0"), ("onnxruntime", "1.26.0"), ("onnxruntime-gpu", "1.26.0")),
        *(
            ("onnxruntime-gpu", "1.27.0"),
            ("onnxruntime-migraphx", "1.26.0"),
            ("onnxruntime-openvino", "1.24.0"),
        ),
        *(("cupy-cuda12x", "14.0.0"), ("cupy-cuda13x", "14.0.0"), ("cupy-cuda11x", "13.6.0")),
    ):
        build_wheel(wheels, name=name, version=version)
    build_index(wheels, tmp_path / "theirs")
    with serve(tmp_path / "theirs") as root:
        sources = ("-i", f"{root}/simple/", "--no-backends")
        families = ("--family", "onnxruntime", "--family", "cupy")
        selector = make(*sources, *families, sources=sources)
        taken = set()
        for project in ("onnxruntime", "cupy"):
            page.goto(f"{selector.root}/project/{project}/index.html")
            for name in profiles.shipped_profiles():
                asked = {"device": name, "python": "3.12", "policy": "prefer", "specifier": ""}
                shown = page.evaluate(CHOOSE, asked)
                theirs = selector.install(project, with_python(name, "3.12", tmp_path), capsys)
                if "error" in theirs:
                    assert shown is None or shown["filename"] is None, (project, name, shown, theirs["error"])
                    continue
                (planned,) = theirs["install"]
                assert shown is not None, (project, name)
                assert shown["filename"] == planned["filename"], (project, name)
                taken.add((name, planned["name"], planned["label"]))
        assert len({label for _, _, label in taken}) >= 5
        page.goto(f"{selector.root}/project/onnxruntime/index.html#device=h100&python=3.12")
        texts = [" ".join(text.split()) for text in commands(page)]
        assert any(text.startswith("pip install onnxruntime-gpu==") for text in texts), texts
        assert any(text.startswith("uv pip install onnxruntime-gpu==") for text in texts), texts


def test_hostile_names_of_indexes_and_files_are_only_text(
    page: Page, make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An index below a folder whose name is markup and shell, with links that are both."""
    hostile = "a'b $(touch pwned) <img src=x onerror=alert(1)>"
    wheel = build_wheel(
        tmp_path / hostile / "simple" / "onnxruntime-gpu", name="onnxruntime-gpu", version="1.26.0"
    )
    bad = "javascript:alert(1)/onnxruntime_gpu-1.25.0-py3-none-any.whl"
    wheel.with_name("index.html").write_text(
        f'<a href="{wheel.name}">{wheel.name}</a>\n<a href="{bad}">onnxruntime_gpu-1.25.0-py3-none-any.whl</a>'
        '<a href="x.whl">&lt;script&gt;alert(2)&lt;/script&gt;-1.0-py3-none-any.whl</a>'
    )
    index = (tmp_path / hostile / "simple").as_uri()
    sources = ("-i", index, "--no-backends")
    selector = make(*sources, "--family", "onnxruntime", sources=sources)
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(f"{selector.root}/project/onnxruntime/index.html#device=h100&python=3.12")
    assert "onnxruntime_gpu-1.26.0" in page.inner_text("body")
    assert page.locator("img[src=x]").count() == 0 and page.locator("a[href^='javascript:']").count() == 0
    for text in commands(page):
        words = shlex.split(text.replace("\n", " "))
        assert not [word for word in words if word.startswith(("touch", "$("))], text
    told = selector.install("onnxruntime", with_python("h100", "3.12", tmp_path), capsys)
    assert [item["name"] for item in told["install"]] == ["onnxruntime-gpu"]
    assert said == [] and not list(tmp_path.rglob("pwned"))
