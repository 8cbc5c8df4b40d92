"""``index import``: per-backend indexes become one of variants, and machines get what they got before."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from packaging.markers import default_environment
from packaging.version import Version
from variantlib.variants_json import VariantsJson

from tests import commands
from tests.index import simple_api
from tests.indexes.server import LoopbackServer
from tests.machine_code.files import elf_library, fatbin
from tests.resolve.pytorch_layout import Layout, Release
from tests.resolve.pytorch_site import PyTorchSite
from tests.resolve.test_pytorch_backends import EXPECTED, TRIO
from tests.wheels.recipes import members
from variantctl.cli import main
from variantctl.providers.profiles import load_profile
from variantctl.serving.files import Folder
from variantctl.serving.http_server import listening
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.markers import MarkerVariant, parse_requirement
from variantctl.wheels.build import build_wheel
from variantctl.wheels.metadata import parse_core_metadata

X86 = "cp312-cp312-manylinux_2_28_x86_64"
MAPPING = """
[backends.acme]
url = "http://127.0.0.1:1/"
packages = ["kernels", "vision"]
[backends.acme.variants.cu128]
properties.nvidia.cuda_version_lower_bound = ["12.0"]
[backends.acme.variants.cu126]
properties.nvidia.cuda_version_lower_bound = ["12.0"]
[backends.acme.variants.cpu]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    PyTorchSite(folder)
    with LoopbackServer(folder) as server:
        yield server


def importing(out: Path, place: str | Path, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    """``index import --json`` in a process of its own."""
    words = ["index", "import", "--from", str(place), "-o", str(out), "--json", *arguments]
    nothing_configured = {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CONFIG_FILE": os.devnull}
    done = commands.run(*words, env={**os.environ, **nothing_configured, **environ})
    assert done.returncode == code, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer | {"stderr": done.stderr}


@pytest.fixture(scope="module")
def imported(server: LoopbackServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The newest versions, for Python 3.12, and the report."""
    out = tmp_path_factory.mktemp("imported")
    return out, importing(out, f"{server.url}/whl", "--python", "3.12")


def backend_of(report: dict[str, Any], filename: str) -> str:
    """The sub-index that a wheel of the imported index is from."""
    by_name = {Path(wheel["wheel"]).name: wheel["backend"] for wheel in report["wheels"]}
    found: str = by_name[filename]
    return found


def requires(path: Path) -> tuple[str, ...]:
    (name,) = (name for name in members(path) if name.endswith(".dist-info/METADATA"))
    return parse_core_metadata(members(path)[name], path.name).requires_dist


# --- what machines get ---


UV_PLATFORMS = {"Darwin": "aarch64-apple-darwin", "Windows": "x86_64-pc-windows-msvc"}


def expected_of(profile: str) -> tuple[str, str | None]:
    """What a machine gets of the one release that was imported."""
    # The builds of its driver were given up with PyTorch 2.8.
    return ("cpu", None) if profile == "v100-old-driver" else EXPECTED[profile]


@pytest.mark.parametrize("profile", EXPECTED)
def test_every_machine_gets_what_it_got_from_the_backends(
    imported: tuple[Path, dict[str, Any]],
    server: LoopbackServer,
    tmp_path: Path,
    profile: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, report = imported
    backend, companion = expected_of(profile)
    # By the profile's own platform, where it has one: the wheels are for 3.12.
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    command = ["install", *TRIO, "--dry-run", "--json", "--profile", profile_file(profile, tmp_path)]
    command += ["--target", str(tmp_path / "t"), "-i", f"{server.url}/simple"]
    assert main([*command, "--extra-index-url", (out / "simple").as_uri(), "--no-backends"]) == 0
    plan = json.loads(capsys.readouterr().out)["install"]
    chosen = {item["name"]: item for item in plan}
    for name in TRIO:
        assert backend_of(report, chosen[name]["filename"]) == backend
        assert "+" not in chosen[name]["version"]
    assert {name for name in chosen if "triton" in name} == ({companion} if companion else set())


def profile_file(name: str, folder: Path) -> str:
    """A shipped profile with Python 3.12, which is what there are wheels for."""
    profile = load_profile(name)
    facts = profile.platform
    text = ["format = 1", f'name = "{name}"', "[platform]", 'python = "3.12"']
    system, machine, libc = (
        (facts.system, facts.machine, facts.libc) if facts else ("Linux", "x86_64", "glibc 2.35")
    )
    text += [f'system = "{system}"', f'machine = "{machine}"', *([f'libc = "{libc}"'] if libc else [])]
    import tomli_w

    path = folder / f"{name}.toml"
    path.write_text("\n".join(text) + "\n" + tomli_w.dumps(dict(profile.namespaces)))
    return str(path)


@pytest.mark.parametrize("profile", [name for name in EXPECTED if name != "jetson-orin"])
def test_uv_chooses_the_same(imported: tuple[Path, dict[str, Any]], tmp_path: Path, profile: str) -> None:
    """uv knows NVIDIA's properties only; of machines without such a GPU it takes the null variant.

    It takes builds for servers on a Jetson, whose GPU does not run them (docs/detection.md).
    """
    out, report = imported
    loaded = load_profile(profile)
    environ = {name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environ |= {"UV_CACHE_DIR": str(tmp_path / "uv"), "UV_NO_CONFIG": "1"}
    expected = expected_of(profile)[0]
    if "nvidia" in loaded.namespaces:
        facts: Any = loaded.namespaces["nvidia"]
        environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = str(facts["cuda_driver"])
        environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = max(facts["compute_capabilities"], key=Version)
    else:
        expected = "cpu"
    machine = loaded.platform.machine if loaded.platform else "x86_64"
    system = loaded.platform.system if loaded.platform else "Linux"
    platform = UV_PLATFORMS.get(str(system), f"{machine}-manylinux_2_28")
    target = tmp_path / "target"
    command = [sys.executable, "-m", "uv", "pip", "install", "--preview-features", "wheel-variants"]
    command += ["--no-deps", "--target", str(target), "--python", sys.executable, "--python-version", "3.12"]
    command += ["--python-platform", platform, "--index-url", (out / "simple").as_uri(), *TRIO]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    chosen = {
        name: next(iter(json.loads((target / folder / "variant.json").read_text())["variants"]))
        for name, folder in (
            ("torch", "torch-2.10.0.dist-info"),
            ("torchvision", "torchvision-0.25.0.dist-info"),
            ("torchaudio", "torchaudio-2.10.0.dist-info"),
        )
    }
    backends = {
        wheel["backend"]
        for wheel in report["wheels"]
        if chosen.get(Path(wheel["wheel"]).name.partition("-")[0]) == wheel["label"]
        and (wheel["label"] != "null" or wheel["backend"] == "cpu")
    }
    assert len(set(chosen.values())) == 1
    assert backends == {expected}


# --- what is written ---


def test_versions_labels_and_metadata(imported: tuple[Path, dict[str, Any]]) -> None:
    out, report = imported
    names = {path.name for path in (out / "wheels").iterdir()}
    assert names == {Path(wheel["wheel"]).name for wheel in report["wheels"]}
    assert report["index"]["wheels"] == len(names) == 57
    labels = {parse_wheel_filename(name).label for name in names}
    assert {"cu130", "cu130_aarch64", "null", "rocm7.1", "xpu"} <= labels
    assert not any("+" in name for name in names)
    metadata = json.loads((out / "simple" / "torch" / "torch-2.10.0-variants.json").read_text())
    assert metadata["variants"]["null"] == {}
    assert metadata["variants"]["cu130"]["priority"] == metadata["variants"]["cu130_aarch64"]["priority"]
    arm = metadata["variants"]["cu130_aarch64"]["nvidia"]["sm_arch"]
    assert "110_real" in arm and "75_real" not in arm
    assert metadata["providers"]["nvidia"]["requires"] == ["nvidia-variant-provider"]
    assert main(["wheel", "validate", *(str(out / "wheels" / name) for name in sorted(names))]) == 0


def test_nothing_is_fetched_twice(server: LoopbackServer, tmp_path: Path) -> None:
    asked = ("--python", "3.12", "--package", "torch", "--platform", "linux-x86_64", "--backend", "cu128")
    first = importing(tmp_path, f"{server.url}/whl", *asked)
    assert first["fetched_bytes"] > 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix == ".whl"}
    server.clear()
    again = importing(tmp_path, f"{server.url}/whl", *asked)
    assert [wheel["action"] for wheel in again["wheels"]] == ["keep"]
    assert again["fetched_bytes"] == 0
    assert not [path for path in server.paths if path.endswith(".whl")]
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix == ".whl"}
    more = importing(tmp_path, f"{server.url}/whl", *asked[:-1], "cpu")
    assert sorted(wheel["action"] for wheel in more["wheels"]) == ["fetch", "keep"]
    assert len([path for path in server.paths if path.endswith(".whl")]) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--package", "torch", "--backend", "cu130"],
            {"2.10.0 manylinux_2_28_x86_64", "2.10.0 win_amd64", "2.10.0 manylinux_2_28_aarch64"},
        ),
        (["--package", "torch==2.8.0", "--platform", "*_aarch64"], {"2.8.0 manylinux_2_28_aarch64"}),
        (["--package", "torch<2.8", "--platform", "win_amd64"], {"2.7.1 win_amd64"}),
        (
            ["--package", "torch", "--version", "2.8.0", "--backend", "xpu", "--platform", "linux-x86_64"],
            {"2.8.0 manylinux_2_28_x86_64"},
        ),
        (
            ["--package", "torch", "--version", "all", "--platform", "macos-arm64"],
            {f"{version} macosx_11_0_arm64" for version in ("2.7.1", "2.8.0", "2.10.0")},
        ),
        (
            [
                "--package",
                "torch",
                "--package",
                "torchvision==0.22.1",
                "--version",
                ">=2.8",
                "--backend",
                "rocm6.3",
                "--platform",
                "linux-x86_64",
            ],
            {"2.8.0 manylinux_2_28_x86_64", "0.22.1 manylinux_2_28_x86_64"},
        ),
    ],
)
def test_only_what_is_asked_for(
    server: LoopbackServer, tmp_path: Path, arguments: list[str], expected: set[str]
) -> None:
    report = importing(tmp_path / "out", f"{server.url}/whl", "--dry-run", "--python", "cp312", *arguments)
    wheels = [parse_wheel_filename(Path(wheel["wheel"]).name) for wheel in report["wheels"]]
    assert {f"{wheel.version} {next(iter(wheel.tags)).platform}" for wheel in wheels} == expected
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--package", "torhc"], "torhc is not a package of pytorch"),
        (["--package", "torch=="], "is not a package with a version"),
        (["--backend", "cu12"], "pytorch has no backend 'cu12'"),
        (["--python", "three"], "'three' is not a Python version"),
        (["--version", "newest"], "'newest' is not a version"),
        (["--version", "9"], "nothing of what"),
        (["--platform", "plan9"], "nothing of what"),
        (["--mapping", "pytorhc"], "no source of kind backends named 'pytorhc'"),
    ],
)
def test_what_is_not_there(server: LoopbackServer, tmp_path: Path, arguments: list[str], says: str) -> None:
    answer = importing(tmp_path / "out", f"{server.url}/whl", *arguments, code=1)
    assert says in answer["error"]["message"]
    assert answer["error"]["hint"]
    assert not (tmp_path / "out" / "simple").exists()


def test_a_place_with_nothing(server: LoopbackServer, tmp_path: Path) -> None:
    answer = importing(tmp_path / "out", f"{server.url}/nowhere", "--package", "torch", code=1)
    assert "has no wheels of torch in the indexes cu130" in answer["error"]["message"]
    answer = importing(tmp_path / "out", tmp_path / "nowhere", code=1)
    assert "there is no such folder" in answer["error"]["message"]
    (tmp_path / "empty").mkdir()
    answer = importing(tmp_path / "out", tmp_path / "empty", code=1)
    assert "no folder of a backend" in answer["error"]["message"]


# --- dependencies ---


def test_united_dependencies_mean_what_they_meant(
    imported: tuple[Path, dict[str, Any]], server: LoopbackServer, tmp_path: Path
) -> None:
    out, report = imported
    united = tmp_path / "united"
    shutil.copytree(out, united, copy_function=shutil.copy2)
    server.clear()
    answer = importing(united, f"{server.url}/whl", "--python", "3.12", "--dependencies", "united")
    # What is there already is made again of itself.
    assert {wheel["action"] for wheel in answer["wheels"]} == {"remake", "keep"}
    assert not [path for path in server.paths if path.endswith(".whl")]
    linux = {**{name: str(text) for name, text in default_environment().items()}, "platform_system": "Linux"}
    groups: dict[str, set[tuple[str, ...]]] = {}
    for wheel in report["wheels"]:
        name = Path(wheel["wheel"]).name
        before, after = requires(out / "wheels" / name), requires(united / "wheels" / name)
        groups.setdefault(name.removesuffix(f"-{wheel['label']}.whl"), set()).add(after)
        variant = MarkerVariant(wheel["label"])
        needed = {
            (item.name, str(item.specifier))
            for item in map(parse_requirement, after)
            if item.applies(linux, variant)
        }
        assert needed == {
            (item.name, str(item.specifier)) for item in map(parse_requirement, before) if item.applies(linux)
        }
    assert all(len(lists) == 1 for lists in groups.values())
    x86 = next(iter(groups[f"torch-2.10.0-{X86}"]))
    assert any('variant_label == "cu126" or variant_label == "cu128"' in text for text in x86)
    # And back.
    answer = importing(united, f"{server.url}/whl", "--python", "3.12")
    assert {path.name: path.read_bytes() for path in (out / "wheels").iterdir()} == {
        path.name: path.read_bytes() for path in (united / "wheels").iterdir()
    }


# --- folders, and mappings of one's own ---


class Acme:
    """A source of two packages in a folder, and a configuration that describes it."""

    def __init__(self, folder: Path, mapping: str = MAPPING) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder / "whl"
        self.out = folder / "out"
        self.config = folder / "config.toml"
        self.config.write_text(mapping)
        for backend in ("cu128", "cu126", "cpu"):
            for name, needs in (("kernels", []), ("vision", [f"kernels==1.0+{backend}", "numpy==1+x"])):
                build_wheel(
                    self.folder / backend,
                    name=name,
                    version=f"1.0+{backend}",
                    tag=X86,
                    files={f"{name}.py": os.urandom(300_000)},
                    requires=needs,
                )

    def run(self, *arguments: str, place: str | Path | None = None, code: int = 0) -> dict[str, Any]:
        options = ("--mapping", "acme", *arguments)
        config = str(self.config)
        return importing(self.out, place or self.folder, *options, code=code, VARIANTCTL_CONFIG_FILE=config)


@pytest.mark.parametrize("layout", ["backend", "backend/project", "flat"])
def test_a_folder(tmp_path: Path, layout: str) -> None:
    acme = Acme(tmp_path)
    for path in list(acme.folder.rglob("*.whl")):
        place = {
            "backend": path.parent,
            "backend/project": path.parent / path.name.partition("-")[0],
            "flat": acme.folder,
        }[layout]
        place.mkdir(exist_ok=True)
        path.rename(place / path.name)
    report = acme.run()
    assert sorted(Path(wheel["wheel"]).name for wheel in report["wheels"]) == sorted(
        f"{name}-1.0-{X86}-{label}.whl"
        for name in ("kernels", "vision")
        for label in ("cu128", "cu126", "null")
    )
    # Needs of the same source lose the local version; others are not touched.
    assert requires(acme.out / "wheels" / f"vision-1.0-{X86}-cu126.whl") == ("kernels==1.0", "numpy==1+x")
    assert {wheel["action"] for wheel in acme.run()["wheels"]} == {"keep"}


def test_a_changed_mapping_changes_what_is_there(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    acme.run("--backend", "cu126", "--backend", "cu128")
    acme.config.write_text(
        MAPPING.replace(
            'variants.cu126]\nproperties.nvidia.cuda_version_lower_bound = ["12.0"]',
            'variants.cu126]\nproperties.nvidia.cuda_version_lower_bound = ["12.6"]',
        )
        + '[[backends.acme.variants.cpu.builds]]\npackages = ["vision"]\nproperties.x86_64.level = ["v3"]\n'
    )
    # Those that are not asked for now are part of the same index, and have to agree with the new ones.
    shutil.rmtree(acme.folder / "cu126")
    report = acme.run("--backend", "cpu")
    assert {(wheel["label"], wheel["action"]) for wheel in report["wheels"]} == {
        ("cu126", "remake"),
        ("cu128", "remake"),
        ("null", "fetch"),
        ("cpu", "fetch"),
    }
    metadata = json.loads((acme.out / "simple" / "vision" / "vision-1.0-variants.json").read_text())
    assert metadata["variants"]["cu126"]["nvidia"] == {"cuda_version_lower_bound": ["12.6"]}
    assert metadata["variants"]["cpu"]["x86_64"] == {"level": ["v3"]}
    assert requires(acme.out / "wheels" / f"vision-1.0-{X86}-cu126.whl")[0] == "kernels==1.0"


def test_two_sub_indexes_for_every_machine_are_refused(tmp_path: Path) -> None:
    acme = Acme(tmp_path, MAPPING + "[backends.acme.variants.cpu2]\n")
    assert "both have no properties" in acme.run(code=1)["error"]["message"]


def test_a_rebuilt_source_is_imported_again(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    acme.run()
    path = build_wheel(
        acme.folder / "cpu", name="kernels", version="1.0+cpu", tag=X86, files={"kernels.py": b"new"}
    )
    report = acme.run()
    assert [wheel["source"] for wheel in report["wheels"] if wheel["action"] == "fetch"] == [path.name]
    assert members(acme.out / "wheels" / f"kernels-1.0-{X86}-null.whl")["kernels.py"] == b"new"


def test_a_mapping_that_the_code_contradicts(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    library = elf_library({".nv_fatbin": fatbin("cubin 90")}, needed=["libcudart.so.13"])
    build_wheel(
        acme.folder / "cu128", name="kernels", version="1.0+cu128", tag=X86, files={"kernels/_C.so": library}
    )
    (said,) = acme.run()["contradictions"]
    assert (
        "nvidia :: cuda_version_lower_bound :: 12.0 is declared, and kernels/_C.so needs libcudart.so.13"
        in said
    )
    assert acme.run()["contradictions"] == []


def declared(acme: Acme, label: str) -> Any:
    metadata = json.loads((acme.out / "simple" / "kernels" / "kernels-1.0-variants.json").read_text())
    return metadata["variants"][label]["nvidia"]


def kernels(acme: Acme, python: str, *code: str, needs: str = "libcudart.so.12") -> None:
    """A wheel with a library for CUDA, for one Python."""
    library = elf_library({".nv_fatbin": fatbin(*code)}, needed=[needs])
    tag = X86.replace("cp312", python)
    files = {"kernels/_C.so": library}
    build_wheel(acme.folder / "cu128", name="kernels", version="1.0+cu128", tag=tag, files=files)


def test_properties_come_from_the_code_where_it_shows_them(tmp_path: Path) -> None:
    mapping = MAPPING.replace(
        'cu128]\nproperties.nvidia.cuda_version_lower_bound = ["12.0"]',
        'cu128]\nproperties.nvidia.cuda_version_lower_bound = ["12.8"]\n'
        'properties.nvidia.sm_arch = ["70_real", "90_real"]',
    )
    acme = Acme(tmp_path, mapping)
    kernels(acme, "cp312", "cubin 80", "cubin 90", "ptx 90")
    (said,) = acme.run()["contradictions"]
    assert "70_real is declared" in said
    expected = {"cuda_version_lower_bound": ["12.8"], "sm_arch": ["80_real", "90_real", "90_virtual"]}
    assert declared(acme, "cu128") == expected
    # What has no code, and what no code can say, is the mapping's.
    assert declared(acme, "cu126") == {"cuda_version_lower_bound": ["12.0"]}
    wheels = [str(path) for path in (acme.out / "wheels").iterdir()]
    assert main(["wheel", "validate", *wheels]) == 0
    again = acme.run()
    assert {wheel["action"] for wheel in again["wheels"]} == {"keep"}
    assert again["contradictions"] == []
    assert declared(acme, "cu128") == expected


def test_a_label_promises_what_all_of_its_wheels_have(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    kernels(acme, "cp312", "cubin 80", "cubin 90")
    acme.run("--python", "3.12")
    kernels(acme, "cp313", "cubin 90", "cubin 120")
    # The wheel that was imported first is made again, of itself.
    assert "have code for different devices" in acme.run()["stderr"]
    assert declared(acme, "cu128") == {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["90_real"]}


@pytest.mark.parametrize("damage", ["cut short", "linked on the machine", "nothing in common"])
def test_code_that_shows_nothing_leaves_what_the_mapping_says(tmp_path: Path, damage: str) -> None:
    acme = Acme(tmp_path)
    if damage == "cut short":
        whole = elf_library({".nv_fatbin": fatbin("cubin 90")}, needed=["libcudart.so.12"])
        files = {"kernels/_C.so": whole[: len(whole) - 300]}
        build_wheel(acme.folder / "cu128", name="kernels", version="1.0+cu128", tag=X86, files=files)
    elif damage == "linked on the machine":
        kernels(acme, "cp312", "cubin 90", "lto 80")
    else:
        kernels(acme, "cp312", "cubin 90")
        kernels(acme, "cp313", "cubin 120")
    acme.run()
    assert declared(acme, "cu128") == {"cuda_version_lower_bound": ["12.0"]}


def test_processes_make_the_same_as_this_one(tmp_path: Path) -> None:
    alone, several = Acme(tmp_path / "a"), Acme(tmp_path / "b")
    kernels(alone, "cp312", "cubin 80")
    shutil.rmtree(several.folder)
    shutil.copytree(alone.folder, several.folder)
    alone.run("--jobs", "1")
    several.run("--workers", "2")
    assert tree_bytes(alone.out) == tree_bytes(several.out)
    assert "argument --workers" in several.run("--workers", "0", code=2)["error"]["message"]


def test_what_a_process_cannot_read_is_said(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    (path,) = (acme.folder / "cu126").glob("kernels*")
    path.write_bytes(path.read_bytes()[:100_000])
    assert path.name in acme.run("--workers", "2", code=1)["error"]["message"]


def tree_bytes(out: Path) -> dict[str, bytes]:
    """Every file of an import, without the times at which its wheels were written."""
    return {
        str(path.relative_to(out)): re.sub(rb"\d{4}-\d\d-\d\dT[\d:.]+Z", b"then", path.read_bytes())
        for folder in ("wheels", "simple")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }


# --- interruptions ---


def over_http(acme: Acme, folder: Path) -> Path:
    """A site with pages that promise hashes."""
    for backend in acme.folder.iterdir():
        for path in list(backend.glob("*.whl")):
            project = folder / "site" / backend.name / path.name.partition("-")[0]
            project.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            shutil.copy(path, project)
            (project / "index.html").write_text(
                f'<a href="{path.name.replace("+", "%2B")}#sha256={digest}">{path.name}</a>'
            )
    return folder / "site"


def test_killed_in_the_middle_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    big = os.urandom(1_500_000)
    build_wheel(acme.folder / "cu126", name="vision", version="1.0+cu126", tag=X86, files={"vision.py": big})
    with LoopbackServer(over_http(acme, tmp_path)) as server:
        slow = f"/cu126/vision/vision-1.0%2Bcu126-{X86}.whl"
        server.rule(slow, truncate=1_000_000, times=1)
        # After the part, the server does not answer until the client is killed.
        server.rule(slow, delay=30, times=1)
        command = [sys.executable, "-m", "variantctl", "index", "import", "--from", server.url]
        command += ["-o", str(acme.out), "--mapping", "acme", "--jobs", "1"]
        environ = {**os.environ, "VARIANTCTL_CONFIG_FILE": str(acme.config), "PIP_CONFIG_FILE": os.devnull}
        process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while time.monotonic() < limit:
            part = next((acme.out / ".import").glob("cu126-vision*.part"), None)
            if part is not None and part.stat().st_size > 500_000:
                break
            time.sleep(0.01)
        process.kill()
        process.wait()
        (part,) = (acme.out / ".import").glob("*.part")
        left = part.stat().st_size
        assert 500_000 < left <= 1_000_000
        finished = {path.name for path in (acme.out / "wheels").iterdir()}
        assert 1 <= len(finished) < 6
        server.clear()
        report = acme.run(place=server.url)
        assert {Path(w["wheel"]).name for w in report["wheels"] if w["action"] == "keep"} == finished
        (request,) = (request for request in server.requests if request.path == slow)
        assert (request.status, request.headers["range"]) == (206, f"bytes={left}-")
        fetched = {path.rpartition("/")[2] for path in server.paths if path.endswith(".whl")}
        assert len(fetched) == 6 - len(finished)
        assert report["fetched_bytes"] > 0
    assert main(["wheel", "validate", *(str(path) for path in (acme.out / "wheels").iterdir())]) == 0
    assert not list((acme.out / ".import").glob("*.part*"))


@pytest.mark.parametrize("left", ["another file", "no log", "cut short"])
def test_what_a_killed_run_left(tmp_path: Path, left: str) -> None:
    acme = Acme(tmp_path)
    big = {"kernels.py": os.urandom(1_500_000)}
    source = build_wheel(acme.folder / "cpu", name="kernels", version="1.0+cpu", tag=X86, files=big)
    with LoopbackServer(over_http(acme, tmp_path)) as server:
        part = acme.out / ".import" / f"cpu-{source.name}.part"
        part.parent.mkdir(parents=True)
        part.write_bytes(b"x" * 600_000)
        url = f"{server.url}/cpu/kernels/{source.name.replace('+', '%2B')}"
        etag = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
        head = {"url": url, "validator": f'"{etag}"', "size": source.stat().st_size}
        if left != "no log":
            # Of the right file, it says, and yet its bytes are others: only the hash can tell.
            part.with_name(f"{part.name}.log").write_text(json.dumps(head) + "\n")
        (acme.out / ".import" / "state.jsonl").write_text('["cut sho' if left == "cut short" else "[]\n")
        acme.run("--package", "kernels", "--backend", "cpu", place=server.url)
        ranges = [
            request.headers.get("range") for request in server.requests if request.path.endswith(".whl")
        ]
    assert ranges == ([None] if left == "no log" else ["bytes=600000-", None])
    assert members(acme.out / "wheels" / f"kernels-1.0-{X86}-null.whl")["kernels.py"] == big["kernels.py"]
    assert not list((acme.out / ".import").glob("*.part*"))


def test_a_wrong_hash_is_refused_and_the_rest_stays(tmp_path: Path) -> None:
    acme = Acme(tmp_path)
    site = over_http(acme, tmp_path)
    bad = site / "cpu" / "vision" / f"vision-1.0+cpu-{X86}.whl"
    bad.write_bytes(bad.read_bytes() + b"x")
    with LoopbackServer(site) as server:
        answer = acme.run("--jobs", "1", place=server.url, code=1)
        assert "sha256" in answer["error"]["message"]
        assert not (acme.out / "simple").exists()
        assert not list((acme.out / ".import").glob("*.part"))
        server.clear()
        over_http(acme, tmp_path)
        report = acme.run(place=server.url)
    assert sum(wheel["action"] == "keep" for wheel in report["wheels"]) == 5


def test_every_page_and_metadata_is_what_the_specifications_ask_for(
    imported: tuple[Path, dict[str, Any]],
) -> None:
    with listening(Folder(imported[0])) as address, httpx.Client(trust_env=False) as client:
        root = f"{address.url}/simple/"
        read = 0
        for name in simple_api.check_root(client, root):
            page = simple_api.check_project(client, f"{root}{name}/")
            for url in simple_api.variants_json_urls(page, f"{root}{name}/"):
                document = simple_api.as_document(client.get(url).content)
                assert set(VariantsJson(document).variants) == set(document["variants"])
                read += 1
    assert read >= 2


def _wheels_of(folder: Path, *labels: str) -> Path:
    for label in labels:
        tag = "cp312-cp312-manylinux_2_28_x86_64"
        build_wheel(folder / label, name="torch", version=f"3.0.0+{label}", tag=tag)
    return folder


def test_backends_that_the_mapping_lacks_are_imported_by_the_rule_of_their_names(tmp_path: Path) -> None:
    place = _wheels_of(tmp_path / "whl", "cpu", "cu134", "rocm7.15", "nightly.1")
    report = importing(tmp_path / "out", place)
    assert {wheel["backend"] for wheel in report["wheels"]} == {"cpu", "cu134", "rocm7.15"}
    assert "cu134 is not in the mapping pytorch: it is taken for CUDA 13.4" in report["stderr"]
    # What cannot be understood is named.
    assert "nightly.1: left out, the mapping pytorch has no such backend" in report["stderr"]
    assert {wheel["label"] for wheel in report["wheels"]} == {"null", "cu134", "rocm7.15"}


def test_a_backend_that_is_named_need_not_be_known(tmp_path: Path) -> None:
    place = _wheels_of(tmp_path / "whl", "cpu", "rocm7.15")
    report = importing(tmp_path / "out", place, "--backend", "rocm7.15")
    assert [wheel["label"] for wheel in report["wheels"]] == ["rocm7.15"]
    refused = importing(tmp_path / "other", place, "--backend", "nightly", code=1)
    assert "no backend 'nightly'" in refused["error"]["message"]


def test_behind_a_url_they_are_found_on_the_parent_index(tmp_path: Path) -> None:
    Layout(tmp_path / "site", [Release({"torch": "3.0.0"}, {"cpu": "l", "cu134": "l"})])
    with LoopbackServer(tmp_path / "site") as server:
        report = importing(tmp_path / "out", f"{server.url}/whl", "--dry-run")
    assert {wheel["backend"] for wheel in report["wheels"]} == {"cpu", "cu134"}


def test_what_follows_no_rule_is_named_behind_a_url_too(tmp_path: Path) -> None:
    labels = {"cpu": "l", "strange": "l", "cu130_full": "l"}
    Layout(tmp_path / "site", [Release({"torch": "3.0.0"}, labels)])
    with LoopbackServer(tmp_path / "site") as server:
        report = importing(tmp_path / "out", f"{server.url}/whl", "--dry-run")
        refused = importing(tmp_path / "out", f"{server.url}/whl", "--backend", "strange", code=1)
    assert {wheel["backend"] for wheel in report["wheels"]} == {"cpu"}
    for name in ("strange", "cu130_full"):
        assert f"/whl/{name}: left out, the mapping pytorch has no such backend" in report["stderr"]
    assert "its name follows no rule" in refused["error"]["message"]
    assert "mapping of your own" in refused["error"]["hint"]
