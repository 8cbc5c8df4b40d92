"""Other packages' plugins, run for real: what they may do to us, and what they may not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.providers.plugin_wheels import BAD, good_plugin, serving
from variantctl.cache.buckets import PROVIDER_ENVIRONMENTS
from variantctl.providers import installers
from variantctl.providers.asking import ProviderReport
from variantctl.providers.child import ask_plugin, passed_on, time_limit
from variantctl.providers.errors import PluginUnavailableError
from variantctl.providers.installers import PipInstaller, UvInstaller, find_installer, tool_environment
from variantctl.providers.isolation import IsolatedEnvironment, find_wheels, isolated_environment
from variantctl.providers.settings import PluginSources
from variantctl.wheels.build import build_wheel


def made(requirement: str, sources: PluginSources) -> IsolatedEnvironment:
    return isolated_environment([requirement], sources, trusted="", check=lambda wheels: None)


def local(wheels: Path, cache: Path) -> PluginSources:
    return PluginSources(find_links=(str(wheels),), no_index=True, cache_dir=cache)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> IsolatedEnvironment:
    """An environment with the module ``zoo`` of bad plugins."""
    folder = tmp_path_factory.mktemp("zoo")
    build_wheel(folder / "wheels", name="zoo", version="1.0", files={"zoo.py": BAD.encode()})
    return made("zoo", local(folder / "wheels", folder / "cache"))


def ask(zoo: IsolatedEnvironment, reference: str, **environ: str) -> ProviderReport:
    started = time.monotonic()
    report = ask_plugin(zoo.python, reference, "zoo", source="zoo 1.0", environ={**os.environ, **environ})
    assert time.monotonic() - started < 20
    return report


ODD_BUT_FINE = (
    "zoo zoo:Instance zoo:OneArgument zoo:Optional zoo:Keyword zoo:Outer.Inner zoo:factory zoo:an_instance"
    " zoo:short zoo:tuples zoo:generator zoo:mappings zoo:repeated_values zoo:empty_values zoo:noisy"
    " zoo:threads zoo:left_for_exit zoo:forks zoo:leaves_children zoo:reads_input zoo:in_its_folder"
)


@pytest.mark.parametrize("reference", ODD_BUT_FINE.split())
def test_odd_plugins_are_understood(zoo: IsolatedEnvironment, reference: str) -> None:
    report = ask(zoo, reference)
    assert [(feature.name, feature.values) for feature in report.features] == [("f", ("2", "1"))], (
        report.notes
    )
    assert report.status == "ok" and report.source == "zoo 1.0"
    assert not any(feature.multi_value for feature in report.features)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are caught on Linux alone")
@pytest.mark.parametrize(("name", "status"), [("escapes", "ok"), ("escapes_and_hangs", "error")])
def test_daemons_do_not_outlive_the_question(
    zoo: IsolatedEnvironment, tmp_path: Path, name: str, status: str
) -> None:
    escaped = tmp_path / "escaped"
    escaped.write_text("")
    report = ask(zoo, f"zoo:{name}", ESCAPED_HOME=str(escaped), VARIANTCTL_PROVIDER_TIMEOUT="2")
    assert report.status == status, report.notes
    pids = [int(line) for line in escaped.read_text().split()]
    assert len(pids) == 3
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_what_is_left_out_is_said(zoo: IsolatedEnvironment) -> None:
    assert ask(zoo, "zoo:empty_values").notes == ("no value of 'g' is supported, so it is left out",)
    assert ask(zoo, "zoo:repeated_values").notes == (
        "feature 'f' lists a value more than once; it counts once",
    )
    assert ask(zoo, "zoo:enumeration").features[0].values == ("red",)
    nothing = ask(zoo, "zoo:nothing")
    assert nothing.status == "absent" and nothing.features == () and nothing.notes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hangs", "did not answer within 1 s (VARIANTCTL_PROVIDER_TIMEOUT"),
        ("hangs_deaf", "did not answer within 1 s"),
        ("exits", "SystemExit: 0"),
        ("exits_at_once", "ended without an answer"),
        ("exits_with_status", "ended with exit status 7"),
        ("crashes", "crashed (SIGSEGV)"),
        ("raises", "RuntimeError: no ?[31mdriver here"),
        ("interrupts", "KeyboardInterrupt"),
        ("raises_unspeakably", "Unspeakable"),
        ("recurses", "RecursionError"),
        ("none", "get_supported_configs() returned null, not a list"),
        ("text", "get_supported_configs() returned a string, not a list"),
        ("number", "get_supported_configs() returned a number, not a list"),
        ("mapping", "get_supported_configs() returned a Python dict, not a list"),
        ("coroutine", "get_supported_configs() returned a Python coroutine, not a list"),
        ("endless", "more than 1,000 features"),
        ("endless_values", "more than 10,000 values"),
        ("huge", "answered more than 1,048,576 bytes"),
        ("a_set", "feature 'f': values is a Python set, not a list"),
        ("string_values", "feature 'f': values is a string, not a list"),
        ("number_value", "feature 'f': a value is a number, not a string"),
        ("bytes_value", "feature 'f': a value is a Python bytes, not a string"),
        ("upper_case", "feature 'F' has characters other than 0-9, a-z and '_'"),
        ("bad_value", "feature 'f': the value 'a b' has characters other than"),
        ("newline_value", r"feature 'f': the value '1\n' has characters other than"),
        ("no_name", "feature 1 has no name"),
        ("no_values", "feature 'f' has no values attribute"),
        ("bad_multi_value", "feature 'f': multi_value is a string, not true or false"),
        ("twice", "feature 'f' is there twice"),
        ("bare_objects", "feature 1 is a Python object, not an object with name and values"),
        ("raising_property", "OSError: lazy"),
        ("Nothing", "has no method get_supported_configs()"),
        ("NotCallable", "has no method get_supported_configs()"),
        ("CannotBeMade", "TypeError"),
        ("not_there", "AttributeError"),
    ],
)
def test_bad_plugins_cost_a_note(zoo: IsolatedEnvironment, name: str, said: str) -> None:
    limit = "1" if name.startswith("hangs") else "10"
    report = ask(zoo, f"zoo:{name}", VARIANTCTL_PROVIDER_TIMEOUT=limit)
    assert report.status == "error" and report.features == ()
    assert len(report.notes) == 1 and said in report.notes[0], report.notes
    assert report.notes[0].isprintable()


@pytest.mark.parametrize(
    "reference", ["", "zoo:", "zoo; import os", "../zoo", "zoo:a:b", "os.path:", "-c", "zoo:1a"]
)
def test_what_is_no_reference_is_not_run(reference: str) -> None:
    report = ask_plugin(Path("/nonexistent/python"), reference, "zoo", source="zoo 1.0")
    assert "is not of the form 'module:object'" in report.notes[0]


def test_a_missing_interpreter_costs_a_note() -> None:
    report = ask_plugin(Path("/nonexistent/python"), "zoo", "zoo", source="zoo 1.0")
    assert report.status == "error" and "could not be asked" in report.notes[0]


def test_children_that_a_plugin_leaves_are_ended(zoo: IsolatedEnvironment) -> None:
    for name in ("leaves_children", "hangs_deaf", "threads"):
        ask(zoo, f"zoo:{name}", VARIANTCTL_PROVIDER_TIMEOUT="1")
    if Path("/proc").is_dir():
        marker = str(zoo.python).encode()
        running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if marker in _content(path)]
        assert running == []


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_secrets_are_not_passed_on(zoo: IsolatedEnvironment) -> None:
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "s",
        "GITHUB_TOKEN": "s",
        "PIP_INDEX_URL": "s",
        "UV_INDEX": "s",
        "PYTHONPATH": "s",
        "ZOO_PASSWORD": "s",
        "LD_PRELOAD": "",
    }
    shown = {"ZOO_VARIANT_PROVIDER_FORCE": "1", "ASCEND_TOOLKIT_HOME": "h", "CUDA_VISIBLE_DEVICES": "0"}
    seen = ask(zoo, "zoo:environment", **secrets, **shown).features[0].values
    assert {name.lower() for name in shown} <= set(seen) and "path" in seen
    assert not {name.lower() for name in secrets} & set(seen)
    assert set(passed_on({**secrets, **shown})) == set(shown)


def test_the_time_limit_is_a_sane_number() -> None:
    written = ["", "x", "-1", "0", "nan", "inf", "1e9"]
    assert {time_limit({"VARIANTCTL_PROVIDER_TIMEOUT": text}) for text in written} == {5.0}
    assert time_limit({}) == 5.0 and time_limit({"VARIANTCTL_PROVIDER_TIMEOUT": "2.5"}) == 2.5


@pytest.fixture(params=["uv", "pip"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    if request.param == "pip":
        monkeypatch.setattr(installers, "find_uv", lambda environ: None)
    name: str = request.param
    return name


def test_installed_with_its_dependencies_and_asked(tool: str, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    build_wheel(wheels, name="acme-base", version="2.0", files={"acme_base.py": b"chips = ['c9']\n"})
    source = "import acme_base, collections\nC = collections.namedtuple('C', 'name values')\n"
    source += "def get_supported_configs(): return [C('chip', acme_base.chips)]\n"
    good_plugin(wheels, source=source, requires=("acme-base>=1",))
    with serving(wheels) as index:
        sources = PluginSources(index_url=index.url, cache_dir=tmp_path / "cache")
        environment = made("acme-provider", sources)
        assert isinstance(find_installer(sources), UvInstaller if tool == "uv" else PipInstaller)
        assert [wheel.filename for wheel in environment.wheels] == [
            "acme_base-2.0-py3-none-any.whl",
            "acme_provider-1.0-py3-none-any.whl",
        ]
        assert environment.version("acme_provider") == "1.0"
        report = ask_plugin(environment.python, "acme_provider", "acme", source="")
        assert report.features[0].values == ("c9",)
        assert made("acme-provider", sources).path == environment.path
    assert (
        len([path for path in (tmp_path / "cache" / PROVIDER_ENVIRONMENTS).iterdir() if path.name != "pins"])
        == 1
    )


def test_only_wheels_and_no_variants(tool: str, tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    good_plugin(wheels)
    shutil.copy(
        wheels / "acme_provider-1.0-py3-none-any.whl", wheels / "acme_provider-2.0-py3-none-any-x.whl"
    )
    (wheels / "acme_provider-3.0.tar.gz").write_bytes(b"setup.py would run")
    found = find_wheels(["acme-provider"], local(wheels, tmp_path / "cache"))
    assert [wheel.filename for wheel in found] == ["acme_provider-1.0-py3-none-any.whl"]
    (wheels / "acme_provider-1.0-py3-none-any.whl").unlink()
    with pytest.raises(PluginUnavailableError, match=f"{tool} says"):
        find_wheels(["acme-provider"], local(wheels, tmp_path / "cache"))


def test_offline_uses_what_was_made_before(tool: str, tmp_path: Path) -> None:
    wheels, cache = tmp_path / "wheels", tmp_path / "cache"
    good_plugin(wheels)
    with serving(wheels) as index:
        before = made("acme-provider", PluginSources(index_url=index.url, cache_dir=cache))
        asked = len(index.requests)
        offline = PluginSources(index_url=index.url, cache_dir=cache, offline=True)
        assert made("acme-provider", offline) == before
        with pytest.raises(PluginUnavailableError):
            made("acme-provider<1", offline)
        assert len(index.requests) == asked


def test_a_broken_environment_is_made_again(tmp_path: Path) -> None:
    good_plugin(tmp_path / "wheels")
    sources = local(tmp_path / "wheels", tmp_path / "cache")
    environment = made("acme-provider", sources)
    environment.python.unlink()
    again = made("acme-provider", sources)
    assert again == environment and again.python.exists()
    assert ask_plugin(again.python, "acme_provider:Plugin", "acme", source="").status == "ok"


def test_a_check_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    good_plugin(tmp_path / "wheels")

    def refuse(wheels: object) -> None:
        raise PluginUnavailableError("no")

    with pytest.raises(PluginUnavailableError):
        isolated_environment(
            ["acme-provider"], local(tmp_path / "wheels", tmp_path / "cache"), trusted="", check=refuse
        )
    assert list((tmp_path / "cache" / PROVIDER_ENVIRONMENTS).iterdir()) == []


def test_several_at_once_make_one(tmp_path: Path) -> None:
    good_plugin(tmp_path / "wheels")
    script = (
        "import sys; from pathlib import Path\n"
        "from tests.providers.test_isolation import local, made\n"
        "wheels, cache = map(Path, sys.argv[1:])\n"
        "print(made('acme-provider', local(wheels, cache)).path)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "wheels"), str(tmp_path / "cache")]
    root = Path(__file__).parents[2]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(3)]
    paths = {process.communicate(timeout=60)[0] for process in started}
    assert len(paths) == 1 and [process.returncode for process in started] == [0, 0, 0]


def test_an_unwritable_cache_is_said(tmp_path: Path) -> None:
    good_plugin(tmp_path / "wheels")
    (tmp_path / "file").write_text("")
    with pytest.raises(PluginUnavailableError, match="file"):
        made("acme-provider", local(tmp_path / "wheels", tmp_path / "file" / "cache"))


def test_pip_does_not_mix_indexes(tmp_path: Path) -> None:
    several = PluginSources(index_url="http://127.0.0.1:9/a", extra_index_urls=("http://127.0.0.1:9/b",))
    with pytest.raises(PluginUnavailableError, match="mix them") as caught:
        PipInstaller(several).resolve(["x"], (), tmp_path)
    assert "Install uv" in str(caught.value.hint)


def test_uv_takes_the_first_index_that_has_it(tmp_path: Path) -> None:
    good_plugin(tmp_path / "private", "1.0")
    good_plugin(tmp_path / "public", "9.0")
    with serving(tmp_path / "private") as private, serving(tmp_path / "public") as public:
        sources = PluginSources(index_url=public.url, extra_index_urls=(private.url,))
        found = find_wheels(["acme-provider"], sources, {**os.environ, "UV_CACHE_DIR": str(tmp_path / "uv")})
    assert [wheel.filename for wheel in found] == ["acme_provider-1.0-py3-none-any.whl"]


def test_the_tools_see_no_sources_but_those_given() -> None:
    environ = {
        "PIP_INDEX_URL": "a",
        "UV_INDEX": "b",
        "PIP_TARGET": "c",
        "UV_PREVIEW_FEATURES": "wheel-variants",
        "PYTHONPATH": "d",
        "PIP_CERT": "kept",
        "HTTPS_PROXY": "kept",
    }
    assert tool_environment(PluginSources(), environ) == {
        "PIP_INDEX_URL": "a",
        "UV_INDEX": "b",
        "PIP_CERT": "kept",
        "HTTPS_PROXY": "kept",
    }
    given = tool_environment(PluginSources(no_index=True), environ)
    assert given == {"PIP_CERT": "kept", "HTTPS_PROXY": "kept", "PIP_CONFIG_FILE": os.devnull}
