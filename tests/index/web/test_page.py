"""The pages as people use them: by mouse and keyboard, without scripts, in the dark, on a phone."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from variant_index.build import build_index

from tests.wheels.recipes import CU126, CU128, provided
from variantctl.cli import main
from variantctl.cli.index.audience import people_pages
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AUDIT = (Path(__file__).parent / "audit.js").read_text()
#: Where screenshots are left to be looked at; not kept under version control.
SHOTS = Path(__file__).parents[3] / "build/screenshots"
PAGES = (
    "index.html",
    "project/torch/index.html",
    "project/bigtorch/index.html",
    "project/deepspeed/index.html",
)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", [1280, 320])
def test_nothing_for_an_accessibility_checker(
    theme: Literal["light", "dark"], width: int, page: Page, root: str
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        page.goto(f"{root}/{path}")
        page.evaluate("document.querySelectorAll('details').forEach((details) => (details.open = true))")
        assert page.evaluate(AUDIT) == [], path
        name = path.replace("/", "-").removesuffix("-index.html").removesuffix(".html")
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.reload()
        page.screenshot(path=SHOTS / f"{name}-{theme}-{width}.png", full_page=True)
    colours = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (colours == "rgb(16, 19, 24)") == (theme == "dark")


def test_the_checker_finds_what_is_wrong(page: Page) -> None:
    page.set_content("<body style='color:#999;background:#fff'><h3>x</h3><input><table><tr><td>1</table>")
    problems = "\n".join(page.evaluate(AUDIT))
    for word in (
        "language",
        "<main>",
        "heading jumps",
        "no label",
        "no caption",
        "row header",
        "contrast 2.8",
    ):
        assert word in problems


def test_nothing_is_asked_of_anybody_else(page: Page, root: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        page.goto(f"{root}/{path}")
    assert asked
    assert [url for url in asked if not url.startswith(f"{root}/")] == []


def test_a_change_is_told_to_those_who_do_not_see(page: Page, root: str) -> None:
    page.goto(f"{root}/project/torch/index.html#device=h100&python=3.12")
    assert page.get_by_role("status").first.inner_text() == (
        "H100 (Linux x86-64, Python 3.12) gets the variant cuda12.8 of torch 2.10.0."
    )
    page.get_by_role("radio", name="MI300X").check()
    assert "MI300X (Linux x86-64, Python 3.12) gets the variant rocm" in page.inner_text("#verdict")
    page.get_by_role("radio", name="Apple M4").check()
    assert "Apple M4 (macOS Apple silicon, Python 3.12) gets the variant null" in page.inner_text("#verdict")
    page.get_by_role("radio", name="Linux Arm").check()
    page.get_by_role("radio", name="Windows x86-64").check()
    assert page.inner_text("#verdict").startswith("Such a machine (Windows x86-64, Python 3.12)")
    page.get_by_label("Version of torch").select_option("2.9.1")
    assert page.inner_text("#verdict").endswith("of torch 2.9.1.")


def test_by_keyboard_alone(page: Page, root: str) -> None:
    page.goto(f"{root}/project/torch/index.html#device=a100&python=3.12")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the table of all builds"
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id"))
        if reached[-1].startswith("device-"):
            break
    assert "version" in reached and "platform-0" in reached and "python-2" in reached
    outline = "getComputedStyle(document.activeElement.labels[0]).outlineStyle"
    assert page.evaluate(outline) == "solid"
    before = page.inner_text("#verdict")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#verdict") != before
    assert page.inner_text("#verdict").startswith("B200")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Copy":
            break
    else:
        pytest.fail("no copy button was reached")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent === 'Copied'")
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == f"variantctl install torch --index-url {root}/simple/"
    )
    page.evaluate("document.querySelector('.release + .release summary').focus()")
    page.keyboard.press("Enter")
    assert page.get_by_text("Variants of torch 2.9.1 and their properties").is_visible()


def test_the_search(page: Page, root: str) -> None:
    page.goto(f"{root}/index.html")
    box = page.get_by_role("searchbox", name="Search by name, summary or variant")
    box.fill("TRITON back-end")
    names = page.locator("tbody tr:visible a").all_inner_texts()
    assert names == ["triton", "triton-rocm", "triton-xpu"]
    assert page.inner_text("#found") == "3 of 9 projects"
    box.fill("rocm7.1")
    assert page.locator("tbody tr:visible a").all_inner_texts() == ["bigtorch", "torch"]
    box.fill("triton nvidia")
    box.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/project/triton/index.html*")


def test_without_scripts_there_is_the_table(browser: Browser, root: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{root}/project/torch/index.html")
    assert not page.locator("#chooser").is_visible()
    assert "variantctl explain torch" in page.locator("noscript").inner_text()
    table = page.get_by_role("table", name="Variants of torch 2.10.0 and their properties")
    assert table.get_by_role("row").count() == 8
    row = table.get_by_role("row", name="rocm7.1")
    assert "amd :: rocm_version 7.1" in row.inner_text()
    assert row.get_by_role("link").get_attribute("href") == (
        "../../simple/torch/torch-2.10.0-py3-none-any-rocm7.1.whl"
    )
    page.goto(f"{root}/index.html")
    row = page.get_by_role("row", name="torch Stand-in for PyTorch, with", exact=False)
    assert row.get_by_role("cell").all_inner_texts() == [
        "2.10.0",
        "cuda12.6 cuda12.8 cuda13.0 rocm7.0 rocm7.1 xpu null",
    ]
    assert not page.locator("#search").is_visible()
    context.close()


def test_an_answer_has_an_address(page: Page, root: str) -> None:
    page.goto(f"{root}/project/torch/index.html")
    page.get_by_role("radio", name="RTX 3060").check()
    page.get_by_label("with driver").select_option("12.4")
    page.get_by_role("radio", name="3.13", exact=True).check()
    address, answer = page.url, page.inner_text("#answer")
    assert "this machine's driver offers 12.4 and older" in page.inner_text("#others")
    assert "--profile" not in answer
    page.goto("about:blank")
    page.goto(address)
    assert page.inner_text("#answer") == answer
    page.goto(f"{root}/project/torch/index.html#device=mi300x&version=2.9.1&python=0&driver=x&platform=")
    assert page.inner_text("#headline") == "null"
    page.goto(address)
    assert page.inner_text("#answer") == answer


def test_what_a_newer_driver_would_change(
    page: Page, root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    page.goto(f"{root}/project/torch/index.html#device=h100&python=3.12")
    assert page.inner_text("#updates") == "With CUDA 13.0 it would get the variant cuda13.0."
    assert main(["explain", "torch", "-i", f"{root}/simple/", "--profile", "h100", "--json"]) == 0
    advice = json.loads(capsys.readouterr().out)["advice"]
    assert [(given["label"], given["version"]) for given in advice] == [("cuda13.0", "13.0")]
    for other in ("rtx-4090", "mi300x", "x86-64-v3"):
        page.goto(f"{root}/project/torch/index.html#device={other}")
        assert page.inner_text("#updates") == ""


def test_a_machine_of_ones_own(page: Page, root: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", "--profile", "rtx-4090", "--json"]) == 0
    page.goto(f"{root}/project/torch/index.html#device=h100")
    page.get_by_text("Your own machine").click()
    page.get_by_label("Paste what").fill(capsys.readouterr().out)
    assert "Your machine" in page.inner_text("#verdict")
    assert page.inner_text("#headline") == "cuda13.0"
    assert page.inner_text("#detected-note") == "It offers nvidia, x86_64."
    page.get_by_label("Paste what").fill("{")
    assert page.inner_text("#detected-note") == "That is not what 'variantctl detect --json' prints."
    assert page.inner_text("#headline") == "cuda12.8"


def test_the_commands_do_what_the_page_says(
    page: Page, root: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    page.goto(f"{root}/project/torch/index.html#device=mi300x&python=3.12")
    _, elsewhere, uv, pip = page.locator("#commands pre").all_inner_texts()
    program, *arguments = shlex.split(elsewhere)
    assert program == "variantctl"
    assert main([*arguments, "--dry-run", "--json"]) == 0
    planned = {found["name"]: found for found in json.loads(capsys.readouterr().out)["install"]}
    assert planned["torch"]["label"] == page.inner_text("#headline")
    needs = page.locator("#needs li").all_inner_texts()
    assert [f"{name}=={found['version']}" for name, found in planned.items() if name != "torch"] == needs
    assert shlex.split(uv)[:5] == ["uv", "pip", "install", "--preview-features", "wheel-variants"]
    assert shlex.split(pip)[-4:] == ["--", "pip", "install", "torch"]
    page.get_by_role("radio", name="elsewhere too").check()
    assert f"--extra-index-url {root}/simple/" in page.inner_text("#commands")


def test_the_commands_for_stock_tools_get_what_the_page_says(page: Page, tmp_path: Path) -> None:
    metadata = provided(null={}, cu126=CU126, cu128=CU128)
    for label in ("null", "cu126", "cu128"):
        variant = f"label = {label!r}".encode()
        build_wheel(
            tmp_path / "wheels",
            name="thing",
            version="1.0",
            files={"thing.py": variant},
            label=label,
            metadata=metadata,
        )
    build_index(tmp_path / "wheels", tmp_path / "site", extra=people_pages())
    environ = {
        **{
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("PIP_", "UV_", "VARIANTCTL_"))
        },
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PIP_CONFIG_FILE": os.devnull,
        "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"),
        "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION": "12.8",
        "NV_VARIANT_PROVIDER_FORCE_SM_ARCH": "9.0",
    }
    with serve(tmp_path / "site") as root:
        page.goto(f"{root}/project/thing/index.html#device=h100&python=3.12")
        assert page.inner_text("#headline") == "cu128"
        assert "uv takes the same wheel." in page.inner_text("#commands")
        _, _, uv, pip = page.locator("#commands pre").all_inner_texts()
        for command, options in ((uv, ["--no-config", "--no-cache"]), (pip, ["--no-cache-dir"])):
            target = tmp_path / command.split()[0]
            words = [*shlex.split(command), *options, "--target", str(target)]
            subprocess.run(words, env=environ, check=True, capture_output=True, timeout=60)
            assert (target / "thing.py").read_text() == "label = 'cu128'"


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}'\""


def test_hostile_metadata_is_only_text(page: Page, tmp_path: Path) -> None:
    build_wheel(
        tmp_path / "wheels",
        name="evil",
        version="1.0",
        summary=HOSTILE,
        requires=[f"good; python_version > '{HOSTILE[:20]}'", f"x @ https://example.invalid/{HOSTILE[:60]}"],
        requires_python=">=3.8",
    )
    build_index(tmp_path / "wheels", tmp_path / "site", extra=people_pages())
    target = tmp_path / "site/project/evil/index.html"
    page.goto(target.as_uri())
    assert page.inner_text(".lead") == HOSTILE
    assert page.locator("img").count() == 1 and page.locator("script").count() == 3
    assert page.inner_text("#headline") == "not a variant"
    assert HOSTILE[:60] in page.inner_text("#needs")


def test_the_policy_would_not_let_anything_in_run(browser: Browser, root: str) -> None:
    page = browser.new_page()
    page.goto(f"{root}/project/torch/index.html")
    refused = page.evaluate(
        """() => new Promise((resolve) => {
          document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
          const script = document.createElement('script');
          script.textContent = 'window.ran = true';
          document.body.append(script);
        })"""
    )
    assert refused == "script-src-elem"
    assert page.evaluate("window.ran") is None
    page.close()
