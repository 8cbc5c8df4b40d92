"""Text from outside cannot steer the terminal: whatever field it comes in, it is shown visibly."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.install.support import new_place
from tests.wheels.malicious import raw_wheel
from variantctl.cli import app, main, render
from variantctl.cli.terminal import Sink, sink, visible
from variantctl.net.client import RetryPolicy
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.build import build_wheel

#: The title of a window, cleared screen, colour by C1, erased text, text from right to left, overwriting.
EVIL = "E\x1b]0;EVIL\x07\x1b[2J\x9b31m\x7f\u202eLIVE\u2066\u200f\u061c\x08\x0cV"
LINE_ENDS = "\r\x0b\x85\u2028"
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

JSON_PAGE: dict[str, Any] = {"meta": {"api-version": "1.1"}, "name": "one"}


def test_every_steering_character_is_shown() -> None:
    everything = "".join(map(chr, (*range(0x3000), *range(0xE000, 0x10000))))
    shown = visible(everything)
    assert not STEERING.search(shown)
    assert visible("a\nb ü \U0001f600") == "a\nb ü \U0001f600"
    assert visible("\x1b\x9b\u202e") == "\\u001b\\u009b\\u202e"
    assert json.loads(f'"{visible(EVIL + LINE_ENDS)}"') == EVIL + LINE_ENDS


def test_bytes_cannot_go_around_a_sink() -> None:
    guarded = sink(sys.stdout)
    assert sink(guarded) is guarded
    for name in ("buffer", "detach"):
        with pytest.raises(AttributeError):
            getattr(guarded, name)


class Scene:
    """A folder, an index, an environment, and variantctl in this process between them."""

    def __init__(self, folder: Path, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.server, self.setenv = folder, server, monkeypatch.setenv
        self.index = ("-i", f"{server.url}/simple/")
        place = new_place(folder / "around")
        self.environment = place.environment
        self.at = ("-p", str(place.environment.prefix))

    def page(self, entry: object = None, **page: object) -> None:
        """What the index says of the project ``one``."""
        body = json.dumps({**JSON_PAGE, "files": [entry], **page}).encode()
        self.server.rule("/simple/one/", body=body, headers={"Content-Type": JSON_TYPE})

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        path.write_bytes(data)
        return str(path)

    def installed(self, **files: str) -> None:
        """A package that is there, with these files of its metadata folder."""
        folder = Path(self.environment.scheme["purelib"]) / "one-1.0.dist-info"
        folder.mkdir(parents=True)
        for name, content in {"METADATA": METADATA, "RECORD": "", "WHEEL": WHEEL, **files}.items():
            (folder / name).write_text(content, encoding="utf-8")


METADATA = "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
Act = Callable[[Scene], list[list[str]]]
ACTS: dict[str, Act] = {}


def act(function: Act) -> Act:
    """One input with payloads; gives the command lines that read it."""
    ACTS[function.__name__] = function
    return function


@act
def arguments(scene: Scene) -> list[list[str]]:
    at, index = scene.at, ("--no-index", "--no-backends")
    options = ["--profile", "--variant", "--prefer", "--exclude", "-f", "-i", "-p", "--pin", "--accelerator"]
    return [
        [EVIL],
        ["install", f"--{EVIL}"],
        ["install", EVIL, *at, *index],
        ["install", f"one; {EVIL}", *at, *index],
        ["install", f"one; os_name == '{EVIL}' and", *at, *index],
        ["install", f"one @ http://127.0.0.1:1/{EVIL}.whl", *at, *index],
        ["install", f"./{EVIL}.whl", *at, *index],
        ["install", "-r", f"/{EVIL}.txt", *at, *index],
        *([command, "one", option, EVIL, *index] for option in options for command in ("install", "explain")),
        ["list", "-p", EVIL],
        ["list", "--target", f"/{EVIL}"],
        ["uninstall", EVIL, *at],
        ["doctor", "-p", EVIL],
        ["sync", f"/{EVIL}.toml", *at],
        ["lock", EVIL, "-o", f"/{EVIL}/x.toml", *index],
        ["matrix", EVIL, *index],
        ["detect", "--root", f"/{EVIL}"],
        ["detect", "--profile", EVIL],
        ["wheel", "inspect", f"/{EVIL}.whl"],
        ["wheel", "validate", f"/{EVIL}.whl"],
        ["wheel", "make", "-f", f"/{EVIL}.whl", "-o", "x", "--label", EVIL],
        ["index", "build", f"/{EVIL}", "-o", str(scene.folder / "site")],
        ["index", EVIL],
        ["cache", "info", "--cache-dir", f"/proc/{EVIL}"],
        ["provider", "trust", EVIL, *index],
        ["completion", EVIL],
    ]


@act
def environment_variables(scene: Scene) -> list[list[str]]:
    lines = [["install", "one", "--no-index", *scene.at], ["explain", "one", "--no-index"]]
    for name in ("ACCELERATOR", "INDEX_URL", "MAX_UNPACKED_SIZE", "CACHE_SIZE"):
        scene.setenv(f"VARIANTCTL_{name}", EVIL)
    for name in ("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH"):
        scene.setenv(name, EVIL)
    return [*lines, ["detect"], ["cache", "info"]]


@act
def configuration(scene: Scene) -> list[list[str]]:
    quoted = json.dumps(EVIL)
    tables = [
        f"{quoted} = 1\n{EVIL}",
        f"[index]\n{quoted} = 1",
        *(f"[index]\n{key} = {quoted}" for key in ("index-strategy", "proxy", "timeout", "find-links")),
        f"[install]\nmax-unpacked-size = {quoted}",
        f"[sources]\none = {quoted}",
        f"[backends.{quoted}]\n{quoted} = {quoted}",
        f"[cache]\nmax-size = {quoted}",
    ]
    for number, text in enumerate(tables):
        scene.setenv("VARIANTCTL_CONFIG_FILE", scene.file(f"{number}{EVIL}.toml", text))
        main(["install", "one", "-i", "http://127.0.0.1:1/", *scene.at])
    return [["detect"], ["cache", "info"]]


@act
def pips_configuration(scene: Scene) -> list[list[str]]:
    evil = EVIL.replace("\x0c", "")
    path = scene.file(
        "pip.conf", f"[global]\ntimeout = {evil}\nproxy = {evil}\nfind-links = {evil}\n{evil}\n"
    )
    scene.setenv("PIP_CONFIG_FILE", path)
    return [["install", "one", "-i", "http://127.0.0.1:1/", *scene.at]]


@act
def requirement_files(scene: Scene) -> list[list[str]]:
    texts = [EVIL, f"--{EVIL}", f"one=={EVIL}", f"one; {EVIL}", f"-r {EVIL}", f"one --hash=sha256:{EVIL}"]
    texts += [f"one @ file:///{EVIL}.whl", f"-f {EVIL}", f"-i {EVIL}", f"one[{EVIL}]", "\x1b\udcff"]
    paths = [scene.file(f"{number}{EVIL}.txt", text) for number, text in enumerate(texts)]
    flags = ("--no-index", "--no-backends", *scene.at)
    lines = [["install", "-r", path, *flags] for path in paths]
    return lines + [["install", "one", "-c", path, *flags] for path in paths]


@act
def profiles(scene: Scene) -> list[list[str]]:
    quoted = json.dumps(EVIL)
    tables = [
        f"format = {quoted}",
        f"format = 1\nname = {quoted}",
        f"format = 1\nname = 'x'\n[platform]\nsystem = {quoted}\nmachine = {quoted}\nlibc = {quoted}",
        f"format = 1\nname = 'x'\n[nvidia]\ncuda_driver = {quoted}",
        f"format = 1\nname = 'x'\n[properties.{quoted}]\n{quoted} = [{quoted}]",
        f"format = 1\nname = 'x'\n{quoted} = 1",
        EVIL,
    ]
    paths = [scene.file(f"{number}.toml", text) for number, text in enumerate(tables)]
    return [["detect", "--profile", path] for path in paths]


@act
def locks(scene: Scene) -> list[list[str]]:
    quoted = json.dumps(EVIL)
    head = "lock-version = '1.0'\ncreated-by = 'x'\n"
    wheel = "name = 'one'\nversion = '1'\n[[packages.wheels]]\nname = 'one-1-py3-none-any.whl'\n"
    tables = [
        f"lock-version = {quoted}",
        f"{head}requires-python = {quoted}\npackages = []",
        f"{head}environments = [{quoted}]\npackages = []",
        f"{head}[[packages]]\nname = {quoted}",
        f"{head}[[packages]]\nname = 'one'\nversion = {quoted}",
        f"{head}[[packages]]\nname = 'one'\nmarker = {quoted}",
        f"{head}[[packages]]\n{wheel}url = {quoted}\nhashes = {{sha256 = {quoted}}}",
        f"{head}[[packages]]\n{wheel}path = {quoted}\nhashes = {{sha256 = '{'0' * 64}'}}",
        f"{head}[[packages]]\n{wheel}path = 'x.whl'\nhashes = {{{quoted} = '00'}}",
        f"{head}[[packages]]\n{wheel.replace('one-1', EVIL)}path = 'x.whl'\nhashes = {{sha256 = '00'}}",
        EVIL,
    ]
    paths = [scene.file(f"pylock.n{number}.toml", text) for number, text in enumerate(tables)]
    return [["sync", path, *scene.at] for path in paths]


@act
def pages(scene: Scene) -> list[list[str]]:
    good = {"filename": "one-1-py3-none-any.whl", "url": "one-1-py3-none-any.whl", "hashes": {}}
    faults: list[dict[str, Any]] = [
        {"filename": f"one-1-{EVIL}.whl"},
        {"filename": f"one-{EVIL}-py3-none-any.whl"},
        {"url": f"http://127.0.0.1:1/{EVIL}"},
        {"url": f"{EVIL}:x"},
        {"hashes": {"sha256": EVIL}},
        {"hashes": {EVIL: EVIL}},
        {"requires-python": EVIL},
        {"yanked": EVIL},
        {"size": 1, "upload-time": EVIL},
        {"core-metadata": {"sha256": EVIL}},
    ]
    lines = []
    build_wheel(scene.folder / "site" / "simple" / "one", name="one", version="1")
    for number, fault in enumerate(faults):
        body = json.dumps({**JSON_PAGE, "files": [{**good, **fault}]}).encode()
        scene.server.rule(f"/{number}/one/", body=body, headers={"Content-Type": JSON_TYPE})
        (scene.folder / "site" / str(number)).symlink_to("simple")
        place = ("-i", f"{scene.server.url}/{number}/")
        lines += [["install", "one", *place, *scene.at], ["explain", "one", "--all", *place]]
        lines += [["lock", "one", *place, "-o", "-"]]
    for number, field in enumerate(("meta", "project-status", "alternate-locations")):
        value: object = {"api-version": EVIL, "status": EVIL, "reason": EVIL}
        body = json.dumps({**JSON_PAGE, "files": [good], field: value}).encode()
        scene.server.rule(f"/p{number}/one/", body=body, headers={"Content-Type": JSON_TYPE})
        lines += [["install", "one", "-i", f"{scene.server.url}/p{number}/", *scene.at]]
    return lines


@act
def html_pages(scene: Scene) -> list[list[str]]:
    attribute = "".join(f"&#{ord(character)};" for character in EVIL)
    anchors = [
        f"<a href='one-1-{attribute}.whl'>x</a>",
        f"<a href='one-1-py3-none-any.whl#sha256={attribute}'>x</a>",
        f"<a href='one-1-py3-none-any.whl' data-requires-python='{attribute}'>x</a>",
        f"<a href='one-1-py3-none-any.whl' data-yanked='{attribute}'>x</a>",
        f"<a href='one-1-py3-none-any.whl' data-core-metadata='sha256={attribute}'>x</a>",
        f"<base href='http://127.0.0.1:1/{attribute}'><a href='one-1-py3-none-any.whl'>x</a>",
        f"<meta name='pypi:repository-version' content='{attribute}'>",
        f"<![{EVIL} foo",
    ]
    lines = []
    for number, anchor in enumerate(anchors):
        path = f"/{number}/one/"
        scene.server.rule(path, body=anchor.encode(), headers={"Content-Type": "text/html"})
        lines += [["install", "one", "-i", f"{scene.server.url}/{number}/", *scene.at]]
    return lines


@act
def metadata(scene: Scene) -> list[list[str]]:
    fields = [
        f"Name: {EVIL}\nVersion: 1.0",
        f"Name: evil\nVersion: {EVIL}",
        f"Name: evil\nVersion: 1.0\nRequires-Dist: {EVIL}",
        f"Name: evil\nVersion: 1.0\nRequires-Dist: one; {EVIL}",
        f"Name: evil\nVersion: 1.0\nRequires-Python: {EVIL}",
        f"Name: evil\nVersion: 1.0\nProvides-Extra: {EVIL}\nSummary: {EVIL}",
    ]
    lines = []
    for number, text in enumerate(fields):
        content = f"Metadata-Version: 2.1\n{text}\n".encode()
        wheel = raw_wheel(scene.folder / str(number), metadata=content)
        lines += [["wheel", "inspect", str(wheel)], ["wheel", "validate", str(wheel)]]
        lines += [["install", str(wheel), "--no-index", *scene.at]]
    return lines


@act
def members(scene: Scene) -> list[list[str]]:
    names = [f"evil/{EVIL}.py", f"../{EVIL}", f"evil-1.0.data/{EVIL}/x", f"evil-1.0.data/scripts/{EVIL}"]
    entry_points = f"[console_scripts]\n{EVIL} = one:main\n[{EVIL}]\nx = {EVIL}\n".encode()
    info = "evil-1.0.dist-info"
    given: list[tuple[str, bytes]] = [(name, b"") for name in names]
    given += [(f"{info}/entry_points.txt", entry_points)]
    given += [(f"{info}/variant.json", json.dumps({"$schema": EVIL, EVIL: EVIL}).encode())]
    wheels = [raw_wheel(scene.folder / str(number), [each]) for number, each in enumerate(given)]
    lines = []
    for wheel in wheels:
        lines += [["wheel", "inspect", str(wheel)], ["wheel", "validate", str(wheel)]]
        lines += [["install", str(wheel), "--no-index", "--dry-run", *scene.at]]
        lines += [["install", str(wheel), "--no-index", "--target", str(scene.folder / "target")]]
    return lines


@act
def file_names(scene: Scene) -> list[list[str]]:
    folder = scene.folder / EVIL
    wheel = build_wheel(folder, name="one", version="1")
    wheel.rename(folder / f"one-1-py3-none-any.whl{EVIL}.whl")
    (folder / "\udcff\x1b[2J").mkdir()
    lines = [["install", "one", "--no-index", "-f", str(folder), *scene.at]]
    lines += [["index", "build", str(folder), "-o", str(scene.folder / "out")]]
    return [*lines, ["wheel", "validate", *map(str, folder.glob("*.whl"))], ["list", "--target", str(folder)]]


@act
def installed_packages(scene: Scene) -> list[list[str]]:
    url = json.dumps({"url": f"https://x/{EVIL}", "archive_info": {"hash": EVIL}})
    variant = json.dumps({"variants": {EVIL: {EVIL: {EVIL: [EVIL]}}}})
    record = f'"../{EVIL}",,\n'
    metadata = f"{METADATA}Requires-Dist: {EVIL}\nSummary: {EVIL}\n"
    files = {"direct_url.json": url, "variant.json": variant, "INSTALLER": EVIL, "METADATA": metadata}
    scene.installed(**files, RECORD=record, WHEEL=f"{WHEEL}Tag: {EVIL}\n")
    return [[word, *scene.at] for word in ("list", "doctor")] + [["uninstall", "one", "-y", *scene.at]]


@act
def journals(scene: Scene) -> list[list[str]]:
    state = Path(scene.environment.scheme["purelib"]) / ".variantctl"
    lists = {key: [f"/{EVIL}"] for key in ("aside", "clear", "place", "emptied")}
    for folder in ("stage", "aside"):
        (state / folder).mkdir(parents=True)
    for title in (EVIL, "x"):
        (state / "journal.json").write_text(json.dumps({"format": 1, "title": title, **lists}))
        main(["list", *scene.at])
    return [[word, *scene.at] for word in ("list", "doctor")] + [["uninstall", "one", "-y", *scene.at]]


@act
def bundles(scene: Scene) -> list[list[str]]:
    root = scene.folder / "bundle"
    for name in ("machine", "proc/cpuinfo", "proc/driver/nvidia/version", "etc/os-release"):
        scene.file(f"bundle/{name}", f"flags\t: {EVIL}\nKernel Module  {EVIL}\nNAME={EVIL}\n")
    scene.file("bundle/proc/driver/nvidia/gpus/0/information", f"Model: {EVIL}\nGPU UUID: {EVIL}\n")
    scene.file(f"bundle/sys/class/kfd/kfd/topology/nodes/0/properties{EVIL}", EVIL)
    return [["detect", "--root", str(root)], ["detect", "--root", str(root), "-v"]]


@act
def reason_phrases(scene: Scene) -> list[list[str]]:
    head = f"HTTP/1.1 418 {EVIL}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    redirect = f"HTTP/1.1 302 x\r\nLocation: http://127.0.0.1:1/{EVIL}\r\nContent-Length: 0\r\n\r\n"
    kind = f"HTTP/1.1 200 OK\r\nContent-Type: x/{EVIL}\r\nContent-Length: 2\r\n\r\nhi"
    lines = []
    for text in (head, redirect, kind, EVIL):
        # What h11 would refuse in a reason phrase is left out, so that some of it arrives.
        for sent in (text.encode(), re.sub(r"[\x08\x0c\x7f\x07]", "", text).encode("latin-1", "ignore")):
            lines += [["install", "one", "-i", f"http://127.0.0.1:{answering(sent)}/", *scene.at]]
    return lines


def answering(data: bytes) -> int:
    """The port of a server that answers everything with *data*."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

    threading.Thread(target=answer, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    (tmp_path / "site").mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    # A server that is broken for good is asked four times all the same.
    monkeypatch.setattr(RetryPolicy, "wait", lambda *_: 0.0)
    with LoopbackServer(tmp_path / "site") as server:
        yield Scene(tmp_path, server, monkeypatch)


@pytest.mark.parametrize("name", ACTS)
def test_no_field_steers_the_terminal(name: str, scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    lines = ACTS[name](scene)
    said = capfd.readouterr()
    told = said.out + said.err
    assert not STEERING.search(told)
    for words in lines:
        for flags in ([], ["-v"], ["--json"]):
            main([*words, *flags])
            said = capfd.readouterr()
            assert not (found := STEERING.search(said.out + said.err)), (words, said.out, said.err, found)
            told += said.out + said.err
    assert re.search(r"\\u202e|\\u009b|\\x1b", told), "nothing of the payload was said: the test sees nothing"


@contextmanager
def a_command_that(monkeypatch: pytest.MonkeyPatch, does: Callable[[Any], int]) -> Iterator[None]:
    from variantctl.cli import list as command

    monkeypatch.setattr(command, "run", does)
    yield


@pytest.mark.parametrize("flags", [[], ["--verbose"], ["--json"], ["--json", "-v"]])
@pytest.mark.parametrize("kind", [VariantctlError, RuntimeError, OSError, KeyError])
def test_errors_and_tracebacks(
    kind: type[Exception],
    flags: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(_args: Any) -> int:
        error = kind(EVIL)
        if sys.version_info >= (3, 11):
            error.add_note(EVIL)
        raise error

    with a_command_that(monkeypatch, fail):
        assert main(["list", *flags]) == 1
    said = capfd.readouterr()
    assert not STEERING.search(said.out + said.err), said
    if "--json" in flags:
        assert json.loads(said.out)["error"]["kind"]


def test_warnings_threads_and_tables(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from rich.table import Table
    from rich.text import Text

    def say(_args: Any) -> int:
        shown = warnings.formatwarning(EVIL, UserWarning, EVIL, 1)
        print(shown, file=sys.stderr)
        thread = threading.Thread(target=lambda: print(EVIL, file=sys.stderr))
        thread.start()
        thread.join()
        table = Table(EVIL)
        table.add_row(EVIL)
        table.add_row(Text(EVIL))
        render.console().print(table, EVIL, Text(EVIL))
        render.console(stderr=True).print(EVIL, markup=False, soft_wrap=True)
        sys.stdout.writelines([EVIL])
        return 0

    with a_command_that(monkeypatch, say):
        assert app.run(["list"]) == 0
    said = capfd.readouterr()
    assert not STEERING.search(said.out + said.err), said
    assert said.out.count("\\u001b[2J") >= 6
    assert said.err.count("\\u001b[2J") >= 3


def test_json_says_what_it_said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    everything = EVIL + LINE_ENDS + "ü\udcff\U0001f600"

    def say(_args: Any) -> int:
        render.print_json({"said": everything})
        return 0

    with a_command_that(monkeypatch, say):
        assert app.run(["list"]) == 0
    said = capfd.readouterr().out
    assert not STEERING.search(said)
    assert json.loads(said) == {"said": everything}


def test_streams_are_as_before(capfd: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    assert main(["list", "-p", "/nowhere"]) == 1
    assert (sys.stdout, sys.stderr) == before
    assert not isinstance(sys.stdout, Sink)
    del capfd


def test_our_own_styling_is_kept() -> None:
    """On a terminal: colours are there, and the payload is no part of them."""
    command = [sys.executable, "-m", "variantctl", "install", EVIL, "--no-index", "-p", sys.executable]
    leader, follower = pty.openpty()
    environ = {**os.environ, "TERM": "xterm-256color"}
    environ.pop("NO_COLOR", None)
    subprocess.run(command, stdout=follower, stderr=follower, env=environ, timeout=60, check=False)
    os.close(follower)
    said = os.read(leader, 65536).decode()
    os.close(leader)
    assert said.startswith("\x1b[1;31merror\x1b[0m: ")
    rest = said.replace("\x1b[1;31merror\x1b[0m", "").replace("\x1b[36mhint\x1b[0m", "").replace("\r\n", "\n")
    assert not STEERING.search(rest), rest
    assert "\\u001b[2J" in rest or "\\x1b[2J" in rest
