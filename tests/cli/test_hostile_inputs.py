"""Long numbers, deep nesting, names that are not UTF-8: an error of that input, and never a bug."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.wheels.malicious import raw_wheel
from variantctl.cli import app
from variantctl.filesystem.bounded import read_bounded
from variantctl.wheels.build import build_wheel

LONG = "9" * 6000
DEEP = "[" * 100_000 + "]" * 100_000
METADATA = b"Metadata-Version: 2.1\nName: evil\nVersion: 1\n"
LOCK = 'lock-version = "1.0"\ncreated-by = "x"\n'
FINE = "fine-1-py3-none-any.whl"
WHEEL = f"wheels = [{{name = '{FINE}', path = '{FINE}', hashes = {{sha256 = '00'}}}}]"
ONE = f"{LOCK}[[packages]]\nname = 'fine'\nversion = '1'\n"
REQUIREMENTS = {
    "specifier": f"fine>={LONG}",
    "equal": f"fine=={LONG}.*",
    "arbitrary": f"fine==={LONG}",
    "marker": f'fine; python_version > "{LONG}"',
    "string marker": f'fine; platform_release > "{LONG}"',
    "parentheses": f"fine; {'(' * 5000}os_name == 'nt'{')' * 5000}",
    "url": f"fine @ file:///{'a/' * 3000}fine-1-py3-none-any.whl",
    "file name": f"fine-{LONG}-py3-none-any.whl",
    "no text": "\udcff",
}


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wheels(tmp_path: Path) -> str:
    build_wheel(tmp_path / "wheels", name="fine", version="1", files={"fine.py": b""})
    return str(tmp_path / "wheels")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit code and what was said; a bug, or a traceback, fails the test."""
    code = app.run([str(word) for word in words])
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert "this is a bug" not in said, said[-2000:]
    assert "Traceback" not in said, said[-2000:]
    assert code in (0, 1, 2), said[-2000:]
    return code, said


@pytest.mark.parametrize("text", REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_requirements(text: str, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ("--no-index", "-f", wheels)
    place = ("--target", tmp_path / "target")
    (tmp_path / "r.txt").write_text(f"{text}\n", errors="surrogateescape")
    run(capsys, "install", "--dry-run", *sources, *place, text)
    run(capsys, "install", "--dry-run", "--json", *sources, *place, text)
    run(capsys, "install", "--dry-run", *sources, *place, "-r", "r.txt")
    run(capsys, "install", "--dry-run", *sources, *place, "fine", "-c", "r.txt")
    run(capsys, "explain", *sources, text)
    run(capsys, "lock", *sources, text)
    run(capsys, "uninstall", "-y", *place, text)


@pytest.mark.parametrize("name", ["specifier", "marker", "parentheses", "url"])
def test_needs_of_a_wheel(name: str, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Another version is taken, and installed ones keep nobody from working."""
    sources = ("--no-index", "-f", wheels)
    build_wheel(tmp_path / "wheels", name="asks", version="1", files={"asks.py": b""})
    bad = build_wheel(
        tmp_path / "wheels", name="asks", version="2", requires=(REQUIREMENTS[name],), files={"asks.py": b""}
    )
    code, said = run(capsys, "install", "--dry-run", *sources, "--target", tmp_path / "t", "asks")
    assert code == (1 if name == "url" else 0), said
    assert run(capsys, "install", "--no-deps", "--no-index", "--target", tmp_path / "t", bad)[0] in (0, 1)
    run(capsys, "doctor", "--target", tmp_path / "t")
    assert run(capsys, "install", *sources, "--target", tmp_path / "t", "fine")[0] == 0
    run(capsys, "wheel", "inspect", bad)
    run(capsys, "wheel", "validate", bad)


def _metadata(extra: str) -> bytes:
    return f"Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n{extra}\n".encode()


WHEELS: Mapping[str, Mapping[str, Any]] = {
    "requires-python": {"metadata": _metadata(f"Requires-Python: >={LONG}")},
    "version": {"metadata": f"Metadata-Version: 2.1\nName: evil\nVersion: {LONG}\n".encode()},
    "local": {"metadata": f"Metadata-Version: 2.1\nName: evil\nVersion: 1+{LONG}\n".encode()},
    "folder": {"dist_info": f"evil-{LONG}.dist-info"},
    "variant deep": {
        "filename": "evil-1.0-py3-none-any-x.whl",
        "members": [("evil-1.0.dist-info/variant.json", DEEP.encode())],
    },
    "variant number": {
        "filename": "evil-1.0-py3-none-any-x.whl",
        "members": [("evil-1.0.dist-info/variant.json", f'{{"a": {LONG}}}'.encode())],
    },
    "deep folders": {"members": [("a/" * 1500 + "x.py", b"")]},
    "deep data": {"members": [("evil-1.0.data/data/" + "a/" * 1500 + "x.py", b"")]},
    "long name": {"members": [("evil/" + "x" * 300 + ".py", b"")]},
}


@pytest.mark.parametrize("what", list(WHEELS))
def test_wheels(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = raw_wheel(tmp_path / "wheels", **WHEELS[what])
    for command in ("inspect", "validate"):
        run(capsys, "wheel", command, wheel)
        run(capsys, "wheel", command, "--json", wheel)
    code, said = run(capsys, "install", "--no-index", "--target", tmp_path / "t", wheel)
    assert code == (0 if what == "requires-python" else 1)
    if code:
        assert "evil" in said, "the wheel is named"
    run(capsys, "install", "--dry-run", "--no-index", "-f", wheel.parent, "--target", tmp_path / "t", "evil")
    run(capsys, "index", "build", wheel.parent, "-o", tmp_path / "site")
    run(capsys, "lock", "--no-index", "-f", wheel.parent, "evil")


SITES: Mapping[str, Mapping[str, bytes]] = {
    "direct_url deep": {"direct_url.json": DEEP.encode()},
    "direct_url number": {"direct_url.json": f'{{"url": {LONG}}}'.encode()},
    "variant": {"variant.json": DEEP.encode()},
    "record size": {"RECORD": f"x.py,,{LONG}\n".encode()},
    "record nul": {"RECORD": b"x\0.py,,\n"},
    "record field": {"RECORD": b"x" * 200_000 + b"\n"},
    "record long": {"RECORD": b"x/" * 5000 + b"y,,\n"},
    "record latin": {"RECORD": b"\xff,,\n"},
    "needs": {"METADATA": METADATA + f"Requires-Dist: x>={LONG}\n".encode()},
    "metadata": {"METADATA": b"\xff\xfe"},
    "tag": {"WHEEL": b"Tag: " + b"a." * 20_000 + b"-b-c\n"},
    "many tags": {"WHEEL": b"Tag: " + b"a." * 3000 + b"a-" + b"b." * 3000 + b"b-c\n"},
    "points": {"entry_points.txt": DEEP.encode()},
}


@pytest.mark.parametrize("what", list(SITES))
def test_what_is_installed(
    what: str, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "t" / "evil-1.dist-info"
    folder.mkdir(parents=True)
    for name, content in {"METADATA": METADATA, "RECORD": b"", **SITES[what]}.items():
        (folder / name).write_bytes(content)
    place = ("--target", tmp_path / "t")
    assert run(capsys, "list", *place)[0] == 0
    assert run(capsys, "list", "--json", *place)[0] == 0
    run(capsys, "doctor", *place)
    run(capsys, "doctor", "--json", *place)
    assert run(capsys, "install", "--no-index", "-f", wheels, *place, "fine")[0] == 0
    code, said = run(capsys, "uninstall", "-y", *place, "evil")
    assert code == 0 or "evil" in said


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A package's metadata folder with 1,500 folders in each other; pytest could not delete it."""
    folder = tmp_path / "t" / "evil-1.dist-info"
    folder.mkdir(parents=True)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.skipif(os.name == "nt", reason="paths are shorter there")
def test_deep_folders_of_what_is_installed(
    deep: Path,
    wheels: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = deep
    (folder / "METADATA").write_bytes(METADATA)
    (folder / "RECORD").write_bytes(b"")
    monkeypatch.chdir(folder)
    for _ in range(1500):
        os.mkdir("a")  # noqa: PTH102
        os.chdir("a")
    monkeypatch.chdir(tmp_path)
    place = ("--target", tmp_path / "t")
    for words in (("list",), ("doctor",), ("install", "--no-index", "-f", wheels, "fine")):
        assert run(capsys, *words, *place)[0] == 0
    # Paths of more than 4,096 bytes are the system's own limit, and said in its words.
    run(capsys, "uninstall", "-y", *place, "evil")
    for command in (("detect", "--root", tmp_path / "t"), ("index", "build", tmp_path / "t", "-o", "site")):
        run(capsys, *command)


LOCKS = {
    "deep": f"a = {DEEP}",
    "number": f"a = {LONG}",
    "lock-version": f'lock-version = "{LONG}"\ncreated-by = "x"\npackages = []\n',
    "version": f"{LOCK}[[packages]]\nname = 'fine'\nversion = '{LONG}'\n{WHEEL}\n",
    "marker": f"{ONE}marker = 'python_version > \"{LONG}\"'\n{WHEEL}\n",
    "python": f"{LOCK}requires-python = '>={LONG}'\npackages = []\n",
    "environment": f"{LOCK}environments = ['python_version > \"{LONG}\"']\npackages = []\n",
    "size": f"{ONE}{WHEEL.replace('path', f'size = {LONG[:4000]}, path')}\n",
    "file name": f"{ONE}{WHEEL.replace('fine-1', f'fine-{LONG}')}\n",
    "latin": "# \xff\n",
}


@pytest.mark.parametrize("what", list(LOCKS))
def test_locks(what: str, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pylock.toml").write_bytes(LOCKS[what].encode("latin-1"))
    code, said = run(capsys, "sync", "--target", tmp_path / "t")
    assert code == 1 or what == "environment"
    assert code == 0 or "pylock.toml" in said or "fine" in said
    run(capsys, "sync", "--dry-run", "--json", "--target", tmp_path / "t")
    run(capsys, "lock", "--no-index", "-f", wheels, "fine")


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
@pytest.mark.parametrize(
    "place", ["path = '/dev/zero'", "url = 'file:///dev/zero'", "path = 'pipe'", "path = 'folder'"]
)
def test_locks_that_name_no_ordinary_file(place: str, tmp_path: Path) -> None:
    """The digest of ``/dev/zero`` was never done."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "pylock.toml").write_text(f"{ONE}{WHEEL.replace(f'path = {FINE!r}', place)}\n")
    done = commands.run("sync", "--target", "t", cwd=tmp_path, timeout=60)
    assert done.returncode == 1 and "cannot be read" in done.stderr, done.stderr


@pytest.mark.parametrize("place", ['path = "a\\u0000b"', "url = 'file:///a%00b'"])
def test_locks_that_name_a_nul(place: str, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text(f"{ONE}{WHEEL.replace(f'path = {FINE!r}', place)}\n")
    done = commands.run("sync", "--target", "t", cwd=tmp_path)
    assert done.returncode == 1 and "NUL" in done.stderr, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
@pytest.mark.parametrize("goal", ["/dev/zero", "pipe"])
def test_folders_of_wheels_that_are_no_ordinary_files(goal: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / FINE).symlink_to(goal if goal.startswith("/") else tmp_path / goal)
    for words in (("--no-index", "-f", "wheels", "fine"), ("--no-index", f"./wheels/{FINE}")):
        done = commands.run("install", "--target", "t", *words, cwd=tmp_path, timeout=60)
        assert done.returncode == 1 and "bug" not in done.stderr, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
@pytest.mark.parametrize(
    "words", [("explain", "fine", "--no-index", "-f"), ("explain", "fine", "-i"), ("knowledge", "update")]
)
def test_sources_that_are_devices(words: tuple[str, ...], tmp_path: Path) -> None:
    done = commands.run(*words, "file:///dev/zero", cwd=tmp_path, timeout=60)
    assert done.returncode == 1 and "bug" not in done.stderr, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="paths are shorter there")
def test_a_target_below_1800_folders(wheels: str, tmp_path: Path) -> None:
    """An error said that something is nested too deeply, without what."""
    target = "/".join(["a"] * 1800)
    done = commands.run("install", "--no-index", "-f", wheels, "--target", target, "fine", cwd=tmp_path)
    try:
        assert done.returncode == 0 or target in done.stderr, done.stderr
        assert (tmp_path / target / "fine.py").is_file() == (done.returncode == 0)
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "a")], check=True)


PROFILES = {
    "deep": f"a = {DEEP}",
    "format": f"format = {LONG}",
    "cuda": f'format = 1\n[nvidia]\ncuda_driver = "{LONG}"\ncompute_capabilities = ["9.0"]\n',
    "capability": f'format = 1\n[nvidia]\ncuda_driver = "12.8"\ncompute_capabilities = ["{LONG}.0"]\n',
    "rocm": f'format = 1\n[amd]\ngfx_archs = ["gfx{LONG}"]\nrocm = "{LONG}"\n',
    "intel": f'format = 1\n[intel]\ndevice_ips = ["{LONG}.1.0"]\n',
    "level": f'format = 1\n[x86_64]\nlevel = "v{LONG}"\n',
    "arm": f'format = 1\n[aarch64]\nversion = "{LONG}.1a"\n',
    "python": f'format = 1\n[platform]\nsystem = "Linux"\nmachine = "x86_64"\npython = "3.{LONG}"\n',
    "libc": f'format = 1\n[platform]\nsystem = "Linux"\nmachine = "x86_64"\nlibc = "glibc 2.{LONG}"\n',
    "latin": "# \xff\n",
}


@pytest.mark.parametrize("what", list(PROFILES))
def test_profiles(
    what: str,
    wheels: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = ("--no-index", "-f", wheels, "--target", tmp_path / "t", "fine")
    (tmp_path / "p.toml").write_bytes(PROFILES[what].encode("latin-1"))
    run(capsys, "detect", "--profile", "p.toml")
    run(capsys, "install", "--dry-run", *place, "--profile", "p.toml")
    wheel = next(Path(wheels).iterdir())
    run(capsys, "wheel", "make", "-f", wheel, "-o", "made", "--null", "--pyproject", "p.toml")
    run(capsys, "wheel", "make", "--recipe", "p.toml", "-o", "made")
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", str(tmp_path / "p.toml"))
    run(capsys, "install", "--dry-run", *place)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/zero, and names that are bytes")
class TestPlaces:
    """Files without an end, and folders whose names are no text."""

    def test_without_an_end(
        self, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(OSError, match="more than 0 MiB") as caught:
            read_bounded(Path("/dev/zero"), 1000)
        assert caught.value.errno == errno.EFBIG
        place = ("--target", tmp_path / "t")
        (tmp_path / "pylock.toml").symlink_to("/dev/zero")
        commands = ("install", "-r", "/dev/zero"), ("sync",), ("detect", "--profile", "/dev/zero")
        for words in commands:
            code, said = run(capsys, *words, *(place if words[0] != "detect" else ()))
            assert code == 1 and ("MiB" in said or "zero" in said)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/zero")
        run(capsys, "install", "--dry-run", "-f", wheels, "--no-index", *place, "fine")

    def test_not_utf8(
        self, wheels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Everything is done there, as anywhere else."""
        odd = tmp_path / os.fsdecode(b"b\xff\xfe")
        odd.mkdir()
        wheel = next(Path(wheels).iterdir())
        shutil.copy(wheel, odd / FINE)
        # A file that is no wheel's, which is passed over.
        (odd / os.fsdecode(b"\xff-1-py3-none-any.whl")).touch()
        monkeypatch.chdir(odd)
        for cache in (tmp_path / "cache", odd / "cache"):
            monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(cache))
            for named in (("-f", "."), ("-f", odd)):
                place = ("--target", "t")
                assert run(capsys, "install", "--no-index", *named, *place, "--reinstall", "fine")[0] == 0
            again = ("--no-index", "--reinstall", f"./{FINE}")
            assert run(capsys, "install", *again, *place)[0] == 0
            for words in (("list",), ("list", "--json"), ("doctor",)):
                assert run(capsys, *words, *place)[0] == 0
            assert run(capsys, "lock", "--no-index", "-f", ".", "fine")[0] == 0
            assert run(capsys, "sync", "--reinstall", *place)[0] == 0
            assert run(capsys, "uninstall", "-y", *place, "fine")[0] == 0
            assert run(capsys, "cache", "info")[0] == 0
        code, said = run(capsys, "index", "build", ".", "-o", "site")
        assert code == 1 and "udcff" in said, "the file is named"


def test_what_no_room_has_words_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last resort of the last resort."""

    def raises(error: Exception) -> tuple[int, dict[str, Any]]:
        def fail(arguments: list[str]) -> int:
            raise error

        monkeypatch.setattr(app, "_dispatch", fail)
        code = app.run(["list", "--json"])
        return code, json.loads(capsys.readouterr().out)["error"]

    for error in (
        RecursionError("maximum recursion depth exceeded"),
        MemoryError(),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"),
        ValueError("Exceeds the limit (4300 digits) for integer string conversion"),
    ):
        code, said = raises(error)
        assert (code, said["kind"]) == (1, "input")
    assert raises(ValueError("something of ours"))[1]["kind"] == "bug"
