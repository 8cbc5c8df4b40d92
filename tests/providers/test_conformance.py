"""``provider test``: every rule is broken by a plugin made for it, and kept by good ones, ours among them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.providers.plugin_wheels import BAD, GOOD
from variantctl.providers.conformance.examining import PluginTest, examine_reference
from variantctl.providers.conformance.rules import RULES
from variantctl.providers.errors import ProviderReferenceError
from variantctl.providers.plugins import our_plugins
from variantctl.wheels.build import build_wheel

HOSTILE = """
import collections, os, sys, threading, time
Config = collections.namedtuple("Config", "name values multi_value")
Short = collections.namedtuple("Short", "name values")
GOOD = [Config("chip", ["c3", "c2"], False)]

class Good:
    namespace = "acme"
    @classmethod
    def get_all_configs(cls): return GOOD
    @classmethod
    def get_supported_configs(cls): return GOOD[:]

def plugin(configs, **attributes):
    def answer(): return configs() if callable(configs) else configs
    return type("P", (Good,), {"get_all_configs": staticmethod(answer),
                               "get_supported_configs": staticmethod(answer), **attributes})

def supports(function, **attributes):
    return type("P", (Good,), {"get_supported_configs": staticmethod(function), **attributes})

fixed = plugin(GOOD, all_properties_compatible=True, is_aot_plugin=True)
fixed_partly = supports(lambda: [Config("chip", ["c2"], False)], all_properties_compatible=True)
fixed_multi = plugin([Config("chip", ["c2"], True)], all_properties_compatible=True)
fixed_oddly = plugin(GOOD, all_properties_compatible="yes")
fixed_differently = plugin(GOOD, all_properties_compatible=True, is_aot_plugin=False)
class OnlyOne:
    namespace = "acme"
    get_supported_configs = Good.get_supported_configs
no_namespace = plugin(GOOD, namespace=None)
bad_namespace = plugin(GOOD, namespace="Acme Chips")
reserved = plugin(GOOD, namespace="abi_dependency")
number_namespace = plugin(GOOD, namespace=3)
wants = supports(lambda known_properties: GOOD)
class Ordinary(Good):
    def get_supported_configs(self): return GOOD
tuples = plugin(tuple(GOOD))
dicts = plugin([{"name": "chip", "values": ["c2"], "multi_value": False}])
short = plugin([Short("chip", ["c2"])])
odd_multi = plugin([Config("chip", ["c2"], "no")])
set_values = plugin([Config("chip", {"c2"}, False)])
tuple_values = plugin([Config("chip", ("c2", "c3"), False)])
bad_name = plugin([Config("Chip", ["c2"], False)])
bad_value = plugin([Config("chip", ["C 2"], False)])
number_value = plugin([Config("chip", [2], False)])
empty_values = plugin([Config("chip", [], False)])
twice = plugin([Config("chip", ["c2"], False), Config("chip", ["c3"], False)])
repeated = plugin([Config("chip", ["c2", "c2"], False)])
nothing = type("P", (Good,), {"get_all_configs": staticmethod(lambda: []),
                              "get_supported_configs": staticmethod(lambda: [])})
unknown_feature = supports(lambda: [Config("mode", ["fast"], False)])
unknown_value = supports(lambda: [Config("chip", ["c9"], False)])
other_multi = supports(lambda: [Config("chip", ["c2"], True)])
LETTERS = [f"c{number}" for number in range(40)]
by_set = type("P", (Good,), {
    "get_all_configs": staticmethod(lambda: [Config("chip", LETTERS, False)]),
    "get_supported_configs": staticmethod(lambda: [Config("chip", list(set(LETTERS)), False)])})
by_home = plugin(lambda: [Config("chip", ["c2" if os.environ["PATH"].count("bin") else "c3"], False)])
counts = []
def more():
    counts.append(1); return [Config("chip", ["c2", "c3"][:len(counts)], False)]
by_call = supports(more)
def broken(): raise OSError("no \x1b[31mdriver")
raises = supports(broken)
def leaves(): sys.exit(0)
exits = supports(leaves)
dies_quietly = supports(lambda: os._exit(0))
dies = supports(lambda: os.kill(os.getpid(), 11))
hangs = supports(lambda: time.sleep(60))
def sleep_a_bit():
    time.sleep(1.1); return GOOD
slow = supports(sleep_a_bit)
def start_thread():
    threading.Thread(target=time.sleep, args=(60,)).start(); return GOOD
thread = supports(start_thread)
def start_process():
    import subprocess
    subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL); return GOOD
process = supports(start_process)
def talk():
    print("hello"); return GOOD
prints = supports(talk)
def grumble():
    sys.stderr.write("oh no"); return GOOD
grumbles = supports(grumble)
def call_home():
    import socket
    with socket.socket() as one:
        one.settimeout(0.2); one.connect_ex(("127.0.0.1", 9))
    return GOOD
calls_home = supports(call_home)
def keep():
    import tempfile
    open(os.environ["ACME_VARIANT_PROVIDER_NOTE"], "w").close(); return GOOD
writes = supports(keep)
def flood():
    while True: os.write(1, b"x" * 65536)
floods = supports(flood)
"""

BREACHES = [
    ("Good", set()),
    ("fixed", set()),
    ("fixed_partly", {"fixed"}),
    ("fixed_multi", {"fixed"}),
    ("fixed_oddly", {"fixed"}),
    ("fixed_differently", {"fixed"}),
    ("OnlyOne", {"methods"}),
    ("no_namespace", {"namespace"}),
    ("bad_namespace", {"namespace-grammar"}),
    ("reserved", {"namespace-grammar"}),
    ("number_namespace", {"namespace-grammar"}),
    ("wants", {"no-arguments"}),
    ("Ordinary", {"no-arguments"}),
    ("tuples", {"returns-list"}),
    ("dicts", {"config-attributes"}),
    ("short", {"config-attributes"}),
    ("odd_multi", {"config-attributes"}),
    ("set_values", {"values-list"}),
    ("tuple_values", {"values-list"}),
    ("bad_name", {"grammar"}),
    ("bad_value", {"grammar"}),
    ("number_value", {"grammar"}),
    ("empty_values", {"empty-values"}),
    ("twice", {"duplicates"}),
    ("repeated", {"duplicates"}),
    ("nothing", {"all-not-empty"}),
    ("unknown_feature", {"subset"}),
    ("unknown_value", {"subset"}),
    ("other_multi", {"subset"}),
    ("by_set", {"deterministic-supported"}),
    ("by_home", {"deterministic-all"}),
    ("by_call", {"deterministic-supported"}),
    ("raises", {"raises"}),
    ("exits", {"raises"}),
    ("dies_quietly", {"crash"}),
    ("dies", {"crash"}),
    ("hangs", {"time-limit"}),
    ("slow", {"slow"}),
    ("thread", {"ends"}),
    ("process", {"ends"}),
    ("prints", {"stdout"}),
    ("grumbles", {"stderr"}),
    ("calls_home", {"network"}),
    ("writes", {"writes"}),
    ("floods", {"raises", "stdout"}),
]
TIMED = {"hangs": 1.5, "thread": 1.5, "slow": 10.0}
POSIX_ONLY = {"dies", "process", "floods"}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that the plugins are installed for."""
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
    windows = sys.platform == "win32"
    [packages] = (folder / "env").glob("Lib/site-packages" if windows else "lib/python*/site-packages")
    (packages / "hostile.py").write_text(HOSTILE)
    (packages / "bad.py").write_text(BAD)
    (packages / "costly.py").write_text(f"import time\ntime.sleep(0.6)\n{HOSTILE}")
    (packages / "broken.py").write_text("import not_there")
    (packages / "dying.py").write_text("import os\nos._exit(3)")
    (packages / "endless.py").write_text("import time\ntime.sleep(60)")
    module = "\n".join(
        f"{name} = {value}"
        for name, value in (
            ("from hostile import GOOD, Config\nnamespace", "'acme'"),
            ("get_all_configs = get_supported_configs", "lambda: GOOD"),
        )
    )
    (packages / "as_module.py").write_text(module)
    return folder / "env" / ("Scripts/python.exe" if windows else "bin/python")


def broken(test: PluginTest) -> set[str]:
    return {finding.rule.name for finding in test.findings}


def examine(python: Path, reference: str, tmp_path: Path, timeout: float = 20, runs: int = 2) -> PluginTest:
    environ = {**os.environ, "ACME_VARIANT_PROVIDER_NOTE": str(tmp_path / "note")}
    return examine_reference(python, reference, environ=environ, timeout=timeout, runs=runs)


@pytest.mark.parametrize(("name", "rules"), BREACHES, ids=[name for name, _rules in BREACHES])
def test_each_rule_is_noticed(python: Path, name: str, rules: set[str], tmp_path: Path) -> None:
    if name in POSIX_ONLY and sys.platform == "win32":
        pytest.skip("Windows ends processes in other ways")
    test = examine(
        python, f"hostile:{name}", tmp_path, TIMED.get(name, 20), runs=4 if name == "by_set" else 2
    )
    assert broken(test) == rules
    assert test.passed == all(RULES[rule].level == "warning" for rule in rules)
    for finding in test.findings:
        assert finding.details and all(text.isprintable() and text.endswith(".") for text in finding.details)


def test_every_rule_has_a_plugin_that_breaks_it() -> None:
    of_packages_and_imports = {"installable", "entry-point", "pinned-dependencies", "import", "import-cost"}
    assert of_packages_and_imports | {rule for _name, rules in BREACHES for rule in rules} == set(RULES)


@pytest.mark.parametrize(
    ("module", "rules"),
    [
        ("costly:Good", {"import-cost"}),
        ("broken:Good", {"import"}),
        ("hostile:NotThere", {"import"}),
        ("not_installed", {"import"}),
        ("dying:Good", {"crash"}),
        ("endless:Good", {"time-limit"}),
        ("as_module", set()),
    ],
)
def test_imports(python: Path, module: str, rules: set[str], tmp_path: Path) -> None:
    assert broken(examine(python, module, tmp_path, 3 if module == "endless:Good" else 20)) == rules


@pytest.mark.parametrize(
    "name",
    ["generator", "coroutine", "endless", "huge", "recurses", "raising_property", "bare_objects", "forks"],
)
def test_nothing_that_a_plugin_does_breaks_the_kit(python: Path, name: str, tmp_path: Path) -> None:
    test = examine(python, f"bad:{name}", tmp_path, 5)
    assert not test.passed and "methods" in broken(test)
    json.dumps(test.as_json())


def test_our_own_plugins_keep_every_rule(tmp_path: Path) -> None:
    for namespace in our_plugins():
        test = examine(Path(sys.executable), f"variant_providers.{namespace}", tmp_path)
        assert broken(test) - {"import-cost", "slow"} == set(), test.findings
        assert test.namespace == namespace


@pytest.mark.parametrize("text", ["a b", "a:b:c", "1a", "", "a.py/b:C"])
def test_what_names_no_plugin_is_refused(text: str) -> None:
    with pytest.raises(ProviderReferenceError, match="not a plugin's name"):
        examine_reference(Path(sys.executable), text)


class Kit:
    """The command line, with wheels from a folder alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            **{name: text for name, text in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
            "PIP_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(folder / "uv"),
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
        }

    def run(self, *arguments: str, code: int) -> Any:
        command = [sys.executable, "-m", "variantctl", "provider", "test", *arguments, "--json"]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)


def test_a_wheel_is_tested_in_an_environment_of_its_own(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path / "dist",
        name="acme-provider",
        version="1.5",
        files={"acme_provider.py": GOOD.encode()},
        requires=["helper==1"],
        entry_points={"variant_plugins": {"acme": "acme_provider:Plugin"}},
    )
    build_wheel(tmp_path / "dist", name="helper", version="1", files={"helper.py": b""})
    kit = Kit(tmp_path)
    said = kit.run(str(wheel), "--no-index", code=0)
    assert (said["package"], said["version"], said["passed"]) == ("acme-provider", "1.5", True)
    (plugin,) = said["plugins"]
    assert plugin["reference"] == "acme_provider:Plugin" and plugin["namespace"] == "acme"
    assert [finding["rule"] for finding in plugin["findings"]] == ["pinned-dependencies"]
    assert plugin["valid"] == {"chip": ["c3", "c2", "c1"], "mode": ["fast"]} == plugin["supported"]
    assert set(plugin["kept"]) == set(RULES) - {"pinned-dependencies"}

    other = kit.run(str(wheel), "--no-index", "--plugin-api", "acme_provider:Config", code=1)
    assert "methods" in {finding["rule"] for finding in other["plugins"][0]["findings"]}

    absent = kit.run("nowhere-provider", "--no-index", "-f", str(tmp_path / "dist"), code=1)
    assert [finding["rule"] for finding in absent["plugins"][0]["findings"]] == ["installable"]
    assert absent["plugins"][0]["kept"] == []


def test_a_package_without_entry_points_is_asked_by_its_name(tmp_path: Path) -> None:
    source = HOSTILE + "\nnamespace = 'acme'\nget_all_configs = get_supported_configs = lambda: GOOD\n"
    wheel = build_wheel(
        tmp_path / "dist", name="acme-provider", version="1", files={"acme_provider.py": source.encode()}
    )
    (plugin,) = Kit(tmp_path).run(str(wheel), "--no-index", code=0)["plugins"]
    assert plugin["reference"] == "acme_provider"
    assert [finding["rule"] for finding in plugin["findings"]] == ["entry-point"]


def test_the_command_line(tmp_path: Path, python: Path) -> None:
    kit = Kit(tmp_path)
    said = kit.run("hostile:prints", "-p", str(python), code=1)
    assert said["passed"] is False and "package" not in said
    (finding,) = said["plugins"][0]["findings"]
    assert finding["rule"] == "stdout" and "hello" in finding["details"][0]
    assert finding["source"].startswith("variantlib") and finding["remedy"]
    assert kit.run("as_module:", "-p", str(python.parents[1]), code=0)["passed"] is True
    kit.environ["VIRTUAL_ENV"] = str(python.parents[1])
    assert kit.run("hostile:Good", code=0)["passed"] is True
    for wrong in (["a b"], ["x:y", "--plugin-api", "a:b"], ["pkg", "-p", "x"], ["x:y", "-p", "nowhere"]):
        assert kit.run(*wrong, code=2)["error"]["kind"] == "usage"
    assert kit.run("nowhere-1-py3-none-any.whl", code=1)["error"]["kind"] == "invalid-plugin-reference"
    assert kit.run("x.whl", code=1)["error"]["kind"] == "invalid-plugin-reference"
    text = subprocess.run(
        [sys.executable, "-m", "variantctl", "provider", "test", "hostile:prints", "-p", str(python)],
        env=kit.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert text.stdout.startswith("hostile:prints: 1 error\n\n  error: stdout: Nothing is written")
    assert text.returncode == 1 and text.stderr == ""
