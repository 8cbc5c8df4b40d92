"""Wheels of provider plugins, made here: a good one, and every kind of bad one that was thought of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from variantctl.wheels.build import build_wheel

GOOD = """
import os
open(os.environ["ACME_VARIANT_PROVIDER_MARK"], "a").write("imported\\n") if (
    "ACME_VARIANT_PROVIDER_MARK" in os.environ) else None

class Config:
    def __init__(self, name, values, multi_value=False):
        self.name, self.values, self.multi_value = name, values, multi_value

class Plugin:
    namespace = "acme"
    @classmethod
    def get_supported_configs(cls):
        return [Config("chip", ["c3", "c2", "c1"]), Config("mode", ["fast"], True)]
    get_all_configs = get_supported_configs
"""

BAD = """
import collections, enum, os, sys, threading, time
Config = collections.namedtuple("Config", "name values multi_value")
Short = collections.namedtuple("Short", "name values")
fine = [Config("f", ["2", "1"], False)]

def plugin(function):
    return type(function.__name__, (), {"get_supported_configs": staticmethod(function)})

class Instance:
    def get_supported_configs(self): return fine
class OneArgument:
    def get_supported_configs(self, known_properties): assert known_properties is None; return fine
class Optional:
    @classmethod
    def get_supported_configs(cls, context=None): return fine
class Keyword:
    @staticmethod
    def get_supported_configs(*, context=None): return fine
class Outer:
    class Inner(Optional): pass
def factory(): return Instance()
an_instance = Instance()
def get_supported_configs(): return fine
class Colour(str, enum.Enum):
    RED = "red"

@plugin
def short(): return [Short("f", ["2", "1"])]
@plugin
def tuples(): return tuple([Config("f", ("2", "1"), False)])
@plugin
def generator(): yield from fine
@plugin
def mappings(): return [{"name": "f", "values": ["2", "1"]}]
@plugin
def enumeration(): return [Config("f", [Colour.RED], False)]
@plugin
def empty_values(): return [Config("g", [], False), *fine]
@plugin
def repeated_values(): return [Config("f", ["2", "2", "1", "2"], False)]
@plugin
def nothing(): return []
@plugin
def noisy():
    print("hello", flush=True); os.write(1, b'{"configs": []}'); os.write(2, b"x" * 200000)
    return fine
@plugin
def threads():
    threading.Thread(target=time.sleep, args=(60,)).start()
    return fine
@plugin
def left_for_exit():
    import atexit; atexit.register(time.sleep, 60)
    return fine
@plugin
def forks():
    os.fork()
    return fine
@plugin
def leaves_children():
    if os.fork() == 0:
        time.sleep(60); os._exit(0)
    return fine
@plugin
def escapes():
    escape()
    return fine
@plugin
def escapes_and_hangs():
    escape()
    time.sleep(60)
def escape():
    # A session of its own, and no parent: what a daemon does.
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with open(os.environ["ESCAPED_HOME"], "a") as file: file.write(f"{os.getpid()}\\n")
                os.execvp("sleep", ["sleep", "60"])
            os._exit(0)
    while open(os.environ["ESCAPED_HOME"]).read().count("\\n") < 3: time.sleep(0.01)
@plugin
def reads_input(): sys.stdin.read(); return fine
@plugin
def in_its_folder(): open("scratch", "w").close(); return fine

@plugin
def hangs(): time.sleep(60)
@plugin
def hangs_deaf():
    import signal
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
    time.sleep(60)
@plugin
def exits(): sys.exit(0)
@plugin
def exits_at_once(): os._exit(0)
@plugin
def exits_with_status(): os._exit(7)
@plugin
def crashes(): os.kill(os.getpid(), 11)
@plugin
def raises(): raise RuntimeError("no \\x1b[31mdriver\\nhere")
@plugin
def interrupts(): raise KeyboardInterrupt
class Unspeakable(Exception):
    def __str__(self): raise RuntimeError
@plugin
def raises_unspeakably(): raise Unspeakable
@plugin
def recurses(): return recurses.get_supported_configs()
@plugin
def none(): return None
@plugin
def text(): return "f"
@plugin
def number(): return 3
@plugin
def mapping(): return {"f": ["1"]}
@plugin
async def coroutine(): return fine
@plugin
def endless():
    n = 0
    while True:
        n += 1; yield Config(f"f{n}", ["1"], False)
@plugin
def endless_values(): return [Config("f", [str(n) for n in range(100000)], False)]
@plugin
def huge(): return [Config("f", ["1" * 3000000], False)]
@plugin
def a_set(): return [Config("f", {"1", "2"}, False)]
@plugin
def string_values(): return [Config("f", "on", False)]
@plugin
def number_value(): return [Config("f", [1], False)]
@plugin
def bytes_value(): return [Config("f", [b"1"], False)]
@plugin
def upper_case(): return [Config("F", ["1"], False)]
@plugin
def bad_value(): return [Config("f", ["1", "a b"], False)]
@plugin
def newline_value(): return [Config("f", ["1\\n"], False)]
@plugin
def no_name(): return [collections.namedtuple("C", "values")(["1"])]
@plugin
def no_values(): return [collections.namedtuple("C", "name")("f")]
@plugin
def bad_multi_value(): return [Config("f", ["1"], "yes")]
@plugin
def twice(): return [Config("f", ["1"], False), Config("f", ["2"], False)]
@plugin
def bare_objects(): return [object()]
class Raising:
    name = "f"
    @property
    def values(self): raise OSError("lazy")
@plugin
def raising_property(): return [Raising()]
@plugin
def environment():
    return [Config("seen", sorted(
        name.lower() for name in os.environ if name.replace("_", "").isalnum()), False)]
class Nothing: pass
class NotCallable:
    get_supported_configs = fine
class CannotBeMade:
    def __init__(self, needed): pass
    def get_supported_configs(self): return fine
"""


def good_plugin(
    folder: Path, version: str = "1.0", *, source: str = GOOD, requires: tuple[str, ...] = ()
) -> Path:
    """The wheel of package acme-provider, whose plugin ``acme_provider:Plugin`` has namespace acme."""
    return build_wheel(
        folder,
        name="acme-provider",
        version=version,
        files={"acme_provider.py": source.encode()},
        requires=requires,
        entry_points={"variant_plugins": {"Acme.Plugin": "acme_provider:Plugin"}},
    )


def metadata(
    requires: str = "acme-provider", plugin_api: str = "acme_provider:Plugin", **provider: object
) -> dict[str, object]:
    """Index-level metadata of a package with a variant for acme's chip c2."""
    return {
        "$schema": "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
        "default-priorities": {"namespace": ["acme"]},
        "providers": {"acme": {"requires": [requires], "plugin-api": plugin_api, **provider}},
        "variants": {"c2": {"acme": {"chip": ["c2"]}}, "null": {}},
    }


class LoopbackIndex:
    """A Simple index of the wheels in a folder.

    Attributes:
        url: its address, with ``/simple/``.
        requests: the paths that were asked for, in order.
    """

    def __init__(self, url: str, requests: list[str]) -> None:
        self.url = url
        self.requests = requests


@contextmanager
def serving(wheels: Path) -> Iterator[LoopbackIndex]:
    """Serve the wheels of a folder as ``/simple/{project}/{wheel}``, and remember what is asked for."""
    root = wheels.parent / f"{wheels.name}-served"
    for wheel in wheels.glob("*.whl"):
        project = root / "simple" / wheel.name.split("-")[0].replace("_", "-")
        project.mkdir(parents=True, exist_ok=True)
        os.link(wheel, project / wheel.name)
    requests: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            requests.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield LoopbackIndex(f"http://127.0.0.1:{server.server_port}/simple/", requests)
        server.shutdown()
