"""``variantctl install``, run as its users run it: real wheels, a real index, real environments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.resolve.world import World, variant_metadata

METADATA = variant_metadata(
    ["nvidia", "x86_64"],
    {
        "cuda12": {"nvidia": {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["90_real"]}},
        "null": {},
    },
)


class Shell:
    """Runs variantctl against one environment and one world, with nothing configured."""

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.env = root / "env"
        venv.create(self.env, with_pip=False)
        kept = ("PATH", "HOME", "LANG", "SYSTEMROOT", "TMPDIR")
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ |= {
            "VARIANTCTL_CACHE_DIR": str(root / "cache"),
            "VARIANTCTL_CONFIG_FILE": str(root / "none.toml"),
            "PIP_CONFIG_FILE": os.devnull,
        }
        (root / "none.toml").touch()

    @property
    def python(self) -> Path:
        return self.env / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "variantctl", *arguments]

    def run(
        self, *arguments: str, code: int = 0, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = commands.run(*arguments, env=self.environ, cwd=cwd or self.world.root)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def install(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """From the world's folder of wheels."""
        self.world.wheels.mkdir(exist_ok=True)
        sources = ("--no-index", "-f", str(self.world.wheels), "-p", str(self.env))
        return self.run("install", *sources, *arguments, code=code)

    def plan(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The JSON object, which must be all of standard output."""
        found = json.loads(self.install("--json", *arguments, code=code).stdout)
        assert isinstance(found, dict) and found["format"] == 1
        return found

    def packages(self) -> dict[str, str]:
        """What the environment's own Python sees."""
        code = "import importlib.metadata as m; print({d.name: d.version for d in m.distributions()})"
        done = subprocess.run([self.python, "-I", "-c", code], capture_output=True, text=True, check=True)
        found = eval(done.stdout)
        assert isinstance(found, dict)
        return found

    def files(self) -> set[str]:
        site = next(self.env.glob("lib/python*/site-packages"), self.env / "Lib" / "site-packages")
        return {str(path.relative_to(site)) for path in site.rglob("*") if ".variantctl" not in path.parts}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def torches(shell: Shell) -> Shell:
    requires = ["numpy>=1", 'triton; "nvidia" in variant_namespaces']
    shell.world.variants("torch", "2.0", METADATA, requires, extras={"opt": ["optional"]})
    shell.world.add("torch", "2.0", requires)
    shell.world.add("numpy", "1.0")
    shell.world.add("numpy", "2.0")
    shell.world.add("triton")
    shell.world.add("optional", files={"optional.py": b"VALUE = 7\n"})
    return shell


def test_end_to_end(torches: Shell) -> None:
    done = torches.install("torch[opt]")
    assert "Installed 3 packages" in done.stdout
    assert "torch     2.0  null  requested; null: no variant with properties fits" in done.stdout
    assert torches.packages() == {"torch": "2.0", "numpy": "2.0", "optional": "1.0"}
    code = "import optional; print(optional.VALUE)"
    assert subprocess.check_output([torches.python, "-c", code], text=True) == "7\n"
    again = torches.install("torch[opt]", "numpy>=1")
    assert again.stdout == "Nothing to do: numpy 2.0, torch 2.0 are there already.\n"


def test_json_contract_of_an_install(torches: Shell) -> None:
    found = torches.plan("torch", "--profile", "h100", "numpy<2")
    assert [item["name"] for item in found["install"]] == ["numpy", "torch", "triton"]
    torch = found["install"][1]
    wheel = torches.world.wheels / "torch-2.0-py3-none-any-cuda12.whl"
    assert torch == {
        "name": "torch",
        "version": "2.0",
        "label": "cuda12",
        "filename": wheel.name,
        "url": wheel.as_uri(),
        "hashes": {},
        "requires": ["numpy>=1", "triton"],
        "because": "requested; cuda12: nvidia :: cuda_version_lower_bound :: 12.0, sm_arch :: 90_real",
        "fit": {
            "status": "fits",
            "needs": {"nvidia": {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["90_real"]}},
            "why": "has properties that the machine supports",
        },
    }
    assert (found["remove"], found["keep"]) == ([], [])
    assert torches.packages()["numpy"] == "1.0"
    upgraded = torches.plan("numpy", "-U")
    assert upgraded["remove"] == [{"name": "numpy", "version": "1.0"}] and upgraded["keep"] == []
    kept = torches.plan("torch")
    assert kept["install"] == [] and {"name": "torch", "version": "2.0"} in kept["keep"]
    assert {item["name"] for item in kept["keep"]} == {"torch", "numpy"}


def test_dry_run_changes_nothing(torches: Shell) -> None:
    before = torches.files()
    found = torches.plan("torch", "--dry-run", "--profile", "h100")
    assert {item["name"]: item["label"] for item in found["install"]}["torch"] == "cuda12"
    assert torches.files() == before
    assert "Would install 2 packages" in torches.install("torch", "--dry-run").stdout


def test_dry_run_needs_no_environment(torches: Shell) -> None:
    done = torches.run("install", "--no-index", "-f", "wheels", "torch", "--dry-run", "--json")
    assert {item["name"] for item in json.loads(done.stdout)["install"]} == {"torch", "numpy"}
    missing = torches.run("install", "--no-index", "-f", "wheels", "torch", "--json", code=1)
    assert json.loads(missing.stdout)["error"]["kind"]


def test_a_profile_chooses_again_what_is_there(torches: Shell) -> None:
    torches.install("torch")
    found = torches.plan("torch", "--profile", "h100", "--dry-run")
    assert [(item["name"], item["label"]) for item in found["install"]] == [
        ("torch", "cuda12"),
        ("triton", None),
    ]
    assert found["remove"] == [{"name": "torch", "version": "2.0"}]


def test_a_profile_for_another_processor(torches: Shell) -> None:
    error = torches.plan("torch", "--profile", "raspberry-pi-5", code=1)["error"]
    assert error["kind"] == "platform-mismatch" and "--target" in error["hint"]
    assert torches.packages() == {}
    assert torches.plan("torch", "--profile", "raspberry-pi-5", "--dry-run")["install"]
    target = torches.world.root / "image"
    torches.install("torch", "--profile", "raspberry-pi-5", "--target", str(target))
    assert (target / "torch-2.0.dist-info" / "variant.json").is_file()


def test_requirements_and_constraints_files(torches: Shell) -> None:
    root = torches.world.root
    (root / "limits.txt").write_text("numpy<2\n")
    (root / "wanted.txt").write_text(f"-c limits.txt\n--no-index\n-f {root / 'wheels'}\ntorch[opt]\n")
    found = torches.run("install", "-r", "wanted.txt", "-p", str(torches.env), "--json")
    versions = {item["name"]: item["version"] for item in json.loads(found.stdout)["install"]}
    assert versions == {"torch": "2.0", "numpy": "1.0", "optional": "1.0"}
    (root / "wanted.txt").write_text("torch\n--nonsense\n")
    error = json.loads(torches.run("install", "-r", "wanted.txt", "--json", code=1).stdout)["error"]
    assert error["kind"] == "invalid-requirements-file" and error["message"].startswith("wanted.txt:2: ")


def test_wrong_hash_in_a_requirements_file(torches: Shell) -> None:
    (torches.world.root / "wanted.txt").write_text(f"optional --hash=sha256:{'0' * 64}\n")
    error = torches.plan("-r", str(torches.world.root / "wanted.txt"), code=1)["error"]
    assert error["kind"] == "hash-mismatch"
    assert torches.packages() == {}


def test_a_wheel_by_path_is_recorded(torches: Shell) -> None:
    wheel = torches.world.wheels / "optional-1.0-py3-none-any.whl"
    torches.install(str(wheel))
    (info,) = torches.env.glob("**/optional-1.0.dist-info")
    record = json.loads((info / "direct_url.json").read_text())
    assert record["url"] == wheel.as_uri() and len(record["archive_info"]["hashes"]["sha256"]) == 64
    assert (info / "REQUESTED").exists() and (info / "INSTALLER").read_text().strip() == "variantctl"
    assert "Nothing to do" in torches.install(str(wheel)).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        ([], 2, "usage"),
        (["--nonsense", "torch"], 2, "usage"),
        (["torch>>2"], 1, "invalid-requirement"),
        (["nothing"], 1, "not-found"),
        (["torch==9"], 1, "no-candidate"),
        (["torch", "numpy<1"], 1, "no-candidate"),
        (["torch", "numpy<2", "numpy>=2"], 1, "unsatisfiable"),
        (["torch", "--variant", "torch=cuda12"], 1, "unsupported-variant"),
        (["torch", "--variant", "torch"], 1, "invalid-preference"),
        (["torch", "--profile", "no-such-profile"], 1, "unknown-profile"),
        (["torch", "--require-hashes"], 1, "hash-mismatch"),
        (["-r", "missing.txt"], 1, "invalid-requirements-file"),
    ],
)
def test_errors(torches: Shell, arguments: list[str], code: int, kind: str) -> None:
    error = torches.plan(*arguments, code=code)["error"]
    assert (error["kind"], bool(error["message"])) == (kind, True)
    assert "torch-2.0.dist-info" not in torches.files()


def test_errors_for_people(torches: Shell) -> None:
    plain = torches.install("torch==9", code=1)
    assert plain.stdout == "" and plain.stderr.startswith("error: no version of torch satisfies torch==9")


def test_options_of_variants_reach_the_choice(torches: Shell) -> None:
    def label(*arguments: str) -> str | None:
        found = torches.plan("torch", "--dry-run", "--profile", "h100", *arguments)["install"]
        return next(item["label"] for item in found if item["name"] == "torch")  # type: ignore[no-any-return]

    assert label() == "cuda12"
    assert label("--no-variants") is None
    assert label("--variant", "torch=null") == "null"
    assert label("--exclude", "nvidia :: sm_arch") == "null"
    assert label("--disable-provider", "nvidia") == "null"
    assert label("--prefer", "x86_64") == "cuda12"


def test_what_is_upgraded(torches: Shell) -> None:
    torches.install("torch", "numpy==1.0")
    torches.world.add("torch", "3.0", ["numpy"])

    def replaced(*arguments: str) -> set[str]:
        return {item["name"] for item in torches.plan("torch", "--dry-run", *arguments)["remove"]}

    assert replaced() == set()
    assert replaced("-U") == {"torch"}
    assert replaced("-U", "--upgrade-strategy", "eager") == {"torch", "numpy"}
    assert replaced("-P", "NumPy") == {"numpy"}


@pytest.fixture
def index(torches: Shell) -> Iterator[LoopbackServer]:
    torches.world.package_finder().close()
    with LoopbackServer(torches.world.root) as server:
        yield server


def test_from_an_index(torches: Shell, index: LoopbackServer) -> None:
    found = torches.run("install", "-i", f"{index.url}/simple/", "torch", "-p", str(torches.env), "--json")
    torch = next(item for item in json.loads(found.stdout)["install"] if item["name"] == "torch")
    assert torch["url"] == f"{index.url}/wheels/torch-2.0-py3-none-any-null.whl"
    assert len(torch["hashes"]["sha256"]) == 64
    (info,) = torches.env.glob("**/torch-2.0.dist-info")
    assert not (info / "direct_url.json").exists()
    assert torches.packages() == {"torch": "2.0", "numpy": "2.0"}
    assert index.paths.count("/wheels/numpy-1.0-py3-none-any.whl") == 0


def test_cached_index_serves_an_offline_install(torches: Shell, index: LoopbackServer) -> None:
    arguments = ("install", "-i", f"{index.url}/simple/", "torch", "--target")
    torches.run(*arguments, "one")
    index.rule("*", status=500)
    index.requests.clear()
    torches.run(*arguments, "two", "--offline")
    assert index.paths == []


def _archives(shell: Shell) -> list[str]:
    return sorted(path.name for path in (shell.world.root / "cache").glob("wheels-v1/**/*.whl"))


def test_archives_go_once_they_are_unpacked(torches: Shell, index: LoopbackServer) -> None:
    arguments = ("install", "-i", f"{index.url}/simple/", "torch", "--reinstall", "--target", "one")
    torches.run(*arguments)
    assert _archives(torches) == []
    torches.run("cache", "clean")
    torches.run(*arguments, "--keep-archives")
    kept = _archives(torches)
    assert len(kept) == 2
    # What somebody had kept is not taken away by the next command.
    torches.run(*arguments)
    assert _archives(torches) == kept


@pytest.mark.parametrize("how", ["variable", "file"])
def test_archives_are_kept_where_that_is_configured(torches: Shell, index: LoopbackServer, how: str) -> None:
    if how == "variable":
        torches.environ["VARIANTCTL_KEEP_ARCHIVES"] = "1"
    else:
        (torches.world.root / "none.toml").write_text("[cache]\nkeep-archives = true\n")
    torches.run("install", "-i", f"{index.url}/simple/", "torch", "--target", "one")
    assert len(_archives(torches)) == 2


@pytest.mark.parametrize("said", ["keep-archives = 3", "keep = true"])
def test_a_wrong_configuration_of_the_cache_is_named(
    torches: Shell, index: LoopbackServer, said: str
) -> None:
    (torches.world.root / "none.toml").write_text(f"[cache]\n{said}\n")
    done = torches.run("install", "-i", f"{index.url}/simple/", "torch", "--target", "one", code=1)
    assert "none.toml: cache.keep" in done.stderr


def test_an_index_with_trouble_is_named(torches: Shell, index: LoopbackServer) -> None:
    index.rule("/simple/torch/", status=403)
    error = json.loads(
        torches.run(
            "install", "-i", f"{index.url}/simple/", "torch", "-p", str(torches.env), "--json", code=1
        ).stdout
    )["error"]
    assert error["kind"] == "network" and index.url in error["message"] and "403" in error["message"]
    missing = json.loads(
        torches.run(
            "install", "-i", f"{index.url}/simple/", "gone", "-p", str(torches.env), "--json", code=1
        ).stdout
    )["error"]
    assert missing["kind"] == "not-found" and index.url in missing["message"]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.3, 0.4, 0.6])
def test_interrupted_at_any_time(seconds: float, torches: Shell, index: LoopbackServer) -> None:
    """At once, and with exit code 130: no thread that waits for a server is waited for."""
    index.rule("/wheels/optional-1.0-py3-none-any.whl", delay=60.0)
    index.rule("/simple/optional/", delay=60.0)
    arguments = ("install", "-i", f"{index.url}/simple/", "torch[opt]", "-p", str(torches.env), "--json")
    process = subprocess.Popen(
        torches.command(*arguments),
        env=torches.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not index.paths and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, (output, errors)
    assert json.loads(output)["error"]["kind"] == "interrupted"


def test_interrupted_while_downloading(torches: Shell, index: LoopbackServer) -> None:
    index.rule("/wheels/optional-1.0-py3-none-any.whl", delay=3.0)
    before = torches.files()
    arguments = ("install", "-i", f"{index.url}/simple/", "torch[opt]", "-p", str(torches.env), "--json")
    process = subprocess.Popen(
        torches.command(*arguments),
        env=torches.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Before that the interpreter may still be starting, and is ended by the signal itself.
    until = time.monotonic() + 60
    while not any("optional-1.0" in path for path in index.paths) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, (output, errors)
    assert json.loads(output)["error"]["kind"] == "interrupted"
    assert torches.files() == before and torches.packages() == {}
