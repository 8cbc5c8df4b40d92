"""Where the sources come from: the command line, variables, our configuration file, pip's, pip itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from variantctl.cache.folder import Cache
from variantctl.config.file import configuration_file
from variantctl.config.pip import config_files, default_in_help, pip_default_index, read_pip_config
from variantctl.config.settings import IndexSettings, SourceLayer, load_index_settings
from variantctl.net.errors import SettingsError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def environ(home: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing is configured and nothing of this machine is seen, pip aside."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "VARIANTCTL_CONFIG_FILE": "",
        "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
    }


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_order_of_layers(environ: dict[str, str], tmp_path: Path) -> None:
    ours = write(
        tmp_path / "variantctl.toml",
        '[index]\nindex-url = "https://ours.test/simple"\nextra-index-url = "https://ours-extra.test/"\n'
        'find-links = ["wheels", "https://links.test/"]\n[other]\nx = 1\n',
    )
    pips = write(
        tmp_path / "pip.conf",
        "[global]\nindex-url = https://pip.test/simple\nextra-index-url =\n  https://a.test\n  https://b.test\n",
    )
    environ |= {
        "VARIANTCTL_INDEX_URL": "https://variable.test/simple",
        "VARIANTCTL_CONFIG_FILE": str(ours),
        "PIP_CONFIG_FILE": str(pips),
        "PIP_FIND_LINKS": "/one /two",
    }
    settings = load_index_settings(
        extra_index_urls=["https://cli.test"], environ=environ, prefix=tmp_path / "prefix"
    )
    assert [replace_origin(layer) for layer in settings.layers] == [
        SourceLayer("", None, ("https://cli.test",)),
        SourceLayer("", "https://variable.test/simple"),
        SourceLayer(
            "", None, ("https://ours-extra.test/",), (str(tmp_path / "wheels"), "https://links.test/")
        ),
        SourceLayer("", None, ("https://a.test", "https://b.test"), ("/one", "/two")),
    ]
    assert [layer.origin for layer in settings.layers] == [
        "the command line",
        "VARIANTCTL_INDEX_URL and the like",
        str(ours),
        f"pip's configuration ({pips})",
    ]


def replace_origin(layer: SourceLayer) -> SourceLayer:
    return SourceLayer("", layer.index_url, layer.extra_index_urls, layer.find_links, layer.no_index)


def test_no_index_switches_off_all_indexes_below() -> None:
    below = SourceLayer("b", "https://b.test", ("https://e.test",), ("/links",))
    own, lower = IndexSettings(no_index=True, find_links=("/mine",), below=(below,)).layers
    assert own == SourceLayer("the command line", find_links=("/mine",), no_index=True)
    assert lower == SourceLayer("b", find_links=("/links",), no_index=True)
    near = IndexSettings("https://a.test", below=(SourceLayer("p", no_index=True), below))
    assert [layer.index_url for layer in near.layers] == ["https://a.test", None, None]
    assert [layer.extra_index_urls for layer in near.layers] == [(), (), ()]


def test_how_requests_are_made(environ: dict[str, str], tmp_path: Path) -> None:
    environ |= {
        "PIP_CERT": "/pip.pem",
        "PIP_DEFAULT_TIMEOUT": "77",
        "PIP_PROXY": "http://pip-proxy.test",
        "PIP_TRUSTED_HOST": "a.test b.test:8443",
        "PIP_CLIENT_CERT": "/me.pem",
        "PIP_NO_INDEX": "1",
    }
    settings = load_index_settings(environ=environ)
    assert (settings.cert, settings.client_cert, settings.timeout) == ("/pip.pem", "/me.pem", 77)
    assert (settings.proxy, settings.trusted_hosts) == ("http://pip-proxy.test", ("a.test", "b.test:8443"))
    assert load_index_settings(environ=environ, cert="/cli.pem").cert == "/cli.pem"
    environ["VARIANTCTL_CONFIG_FILE"] = str(
        write(
            tmp_path / "c.toml",
            '[index]\ncert = "ca.pem"\ntimeout = 5\nproxy = "http://p.test"\ntrusted-host = "c.test"\n',
        )
    )
    ours = load_index_settings(environ=environ)
    assert (ours.cert, ours.timeout, ours.proxy) == (str(tmp_path / "ca.pem"), 5, "http://p.test")
    assert ours.trusted_hosts == ("c.test", "a.test", "b.test:8443")


def test_variables_of_our_own(environ: dict[str, str]) -> None:
    environ |= {
        "VARIANTCTL_EXTRA_INDEX_URL": "https://a.test https://b.test",
        "VARIANTCTL_FIND_LINKS": "/x",
        "VARIANTCTL_NO_INDEX": "true",
        "VARIANTCTL_OFFLINE": "1",
    }
    settings = load_index_settings(environ=environ)
    assert settings.offline and settings.layers[1].no_index and settings.layers[1].find_links == ("/x",)
    assert not load_index_settings(environ={**environ, "VARIANTCTL_OFFLINE": "0"}).offline


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[index", "cannot be read"),
        ("index = 3", "index: must be a table"),
        ("[index]\nindex_url = 'x'", "index.index_url: unknown key"),
        ("[index]\nindex-url = 3", "index.index-url: 3 is not a path or URL"),
        ("[index]\nno-index = 'yes'", "index.no-index"),
        ("[index]\ntimeout = -1", "index.timeout"),
        ("[index]\nfind-links = [1]", "index.find-links"),
    ],
)
def test_configuration_that_cannot_be_used(
    environ: dict[str, str], tmp_path: Path, text: str, says: str
) -> None:
    path = write(tmp_path / "variantctl.toml", text)
    environ["VARIANTCTL_CONFIG_FILE"] = str(path)
    with pytest.raises(SettingsError, match=says) as caught:
        load_index_settings(environ=environ)
    assert str(path) in str(caught.value)


def test_configuration_files_that_are_not_there(environ: dict[str, str], tmp_path: Path) -> None:
    environ["VARIANTCTL_CONFIG_FILE"] = str(tmp_path / "missing.toml")
    with pytest.raises(SettingsError, match=r"missing\.toml, which does not exist"):
        load_index_settings(environ=environ)
    assert configuration_file({"VARIANTCTL_CONFIG_FILE": os.devnull}) is None
    default = configuration_file({})
    assert default is not None and default.parts[-2:] == ("variantctl", "variantctl.toml")


# --- pip's files ---


def test_places_of_pips_files(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    linux = [str(p) for p in config_files({"HOME": "/h", "XDG_CONFIG_DIRS": "/a:/b"}, prefix, "linux")]
    assert linux == [
        "/a/pip/pip.conf",
        "/b/pip/pip.conf",
        "/etc/pip.conf",
        "/h/.pip/pip.conf",
        "/h/.config/pip/pip.conf",
        f"{prefix}/pip.conf",
    ]
    named = write(tmp_path / "named.conf", "")
    with_file = list(config_files({"HOME": "/h", "PIP_CONFIG_FILE": str(named)}, prefix, "linux"))
    assert [str(p) for p in with_file] == [
        "/etc/xdg/pip/pip.conf",
        "/etc/pip.conf",
        f"{prefix}/pip.conf",
        str(named),
    ]
    assert list(config_files({"PIP_CONFIG_FILE": os.devnull}, prefix, "linux")) == []
    mac = [str(p) for p in config_files({"HOME": str(tmp_path)}, prefix, "darwin")]
    assert mac[0] == "/Library/Application Support/pip/pip.conf"
    assert mac[2] == f"{tmp_path}/.config/pip/pip.conf"
    windows = [p.as_posix() for p in config_files({"APPDATA": "A", "USERPROFILE": "U"}, prefix, "win32")]
    assert windows[1:3] == ["U/pip/pip.ini", "A/pip/pip.ini"]


def test_files_that_pip_could_not_read_either(tmp_path: Path) -> None:
    path = write(tmp_path / "pip.conf", "[global]\na = 1\na = 2\n")
    with pytest.raises(SettingsError, match=r"pip\.conf: not a configuration file"):
        read_pip_config({"PIP_CONFIG_FILE": str(path)}, tmp_path)


@pytest.mark.parametrize(
    ("variable", "text"), [("PIP_NO_INDEX", "perhaps"), ("PIP_TIMEOUT", "soon"), ("PIP_TIMEOUT", "-1")]
)
def test_values_that_pip_would_refuse(environ: dict[str, str], variable: str, text: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        load_index_settings(environ={**environ, variable: text})


CONFIGURATIONS: list[dict[str, Any]] = [
    {},
    {"user": "[global]\nindex-url = https://u.test\n", "variable": {"PIP_INDEX_URL": "https://v.test"}},
    {"user": "[global]\nindex-url = https://u.test\n", "legacy": "[global]\nindex-url = https://l.test\n"},
    {"xdg": "[global]\nindex_url = https://x.test\n", "user": "[install]\nIndex-URL = https://i.test\n"},
    {"user": "[global]\nextra-index-url = https://a.test\n  https://b.test\n[install]\nfind-links = /i\n"},
    {"user": "[global]\nfind-links = /u\n", "xdg": "[install]\nfind-links = /x\n"},
    {"user": "[global]\nindex-url =\n"},
    {"user": "[global]\nindex-url = https://g.test\n[install]\nindex-url =\n"},
    {"user": "[global]\nextra-index-url =\n", "xdg": "[global]\nextra-index-url = https://x.test\n"},
    {"user": "[global]\nextra-index-url = https://u.test\n", "variable": {"PIP_EXTRA_INDEX_URL": ""}},
    {"user": "[global]\nindex-url = https://u.test\n", "named": "[global]\nfind-links = /n\n"},
    {"user": "[global]\nno-index = true\nfind-links = ~/wheels\n", "variable": {"PIP_FIND_LINKS": "/v"}},
    {"user": "[global]\n--index-url = https://dashes.test\n[list]\nindex-url = https://other.test\n"},
]


ASK_PIP = """
import json, os, sys
from pip._internal.commands import create_command
for environ in json.load(sys.stdin):
    os.environ.clear()
    os.environ.update(environ)
    options = create_command("install").parser.get_default_values()
    lists = options.extra_index_urls, options.find_links
    print(json.dumps([options.index_url, *lists, bool(options.no_index)]))
"""


def test_the_real_pip_reads_the_same(tmp_path: Path) -> None:
    """What pip's own parser makes of each configuration, against what we do."""
    environs = [_configured(tmp_path / str(number), case) for number, case in enumerate(CONFIGURATIONS)]
    command = [sys.executable, "-I", "-c", ASK_PIP]
    asked = json.dumps(environs)
    result = subprocess.run(command, input=asked, check=True, capture_output=True, text=True)
    theirs = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(theirs) == len(CONFIGURATIONS)
    cache = Cache(tmp_path / "cache")
    for environ, case, (index_url, extra_index_urls, find_links, no_index) in zip(
        environs, CONFIGURATIONS, theirs, strict=True
    ):
        ours = load_index_settings(
            environ={**environ, "VARIANTCTL_CONFIG_FILE": ""}, prefix=Path(sys.prefix), cache=cache
        )
        layer = ours.layers[-1]
        assert layer.index_url == (None if no_index else index_url), case
        assert [list(layer.extra_index_urls), list(layer.find_links)] == [extra_index_urls, find_links], case
        assert layer.no_index == no_index, case
    assert len({str(answer) for answer in theirs}) > 8


def _configured(folder: Path, case: dict[str, Any]) -> dict[str, str]:
    """Write the files of a case; the environment that finds them."""
    home = folder / "home"
    environ = {"HOME": str(home), "PATH": os.environ["PATH"], "XDG_CONFIG_DIRS": str(folder / "xdg")}
    places = {"user": home / ".config/pip", "legacy": home / ".pip", "xdg": folder / "xdg/pip"}
    for place, path in places.items():
        if place in case:
            write(path / "pip.conf", case[place])
    if "named" in case:
        environ["PIP_CONFIG_FILE"] = str(write(folder / "named.conf", case["named"]))
    return {**environ, **case.get("variable", {})}


# --- pip's default ---


def test_the_default_is_asked_of_pip_once(environ: dict[str, str], cache: Cache) -> None:
    environ["PIP_INDEX_URL"] = "https://configured.test/simple"  # is not the built-in default
    answer = pip_default_index(environ, cache=cache)
    script = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    known = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert answer == known.strip()
    assert pip_default_index({"PATH": ""}, cache=cache) == answer
    settings = load_index_settings(environ={**environ, "PIP_INDEX_URL": ""}, cache=cache)
    assert settings.layers[-1].index_url == answer


def test_other_pips_are_asked_where_this_python_has_none(
    environ: dict[str, str], cache: Cache, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("variantctl.config.pip._own", lambda: None)
    monkeypatch.setattr("variantctl.config.pip._bundled", list)
    assert pip_default_index({"PATH": str(tmp_path)}, cache=cache) is None
    by_target = pip_default_index({"PATH": str(tmp_path)}, python=Path(sys.executable))
    assert by_target is not None
    fake = tmp_path / "bin" / "pip"
    write(
        fake,
        "#!/bin/sh\n"
        'test -z "$PIP_INDEX_URL" -a "$PIP_CONFIG_FILE" = /dev/null || exit 3\n'
        'echo "  -i, --index-url <url>  Base (default https://patched.test/simple)."\n',
    )
    fake.chmod(0o755)
    assert pip_default_index({"PATH": f"{fake.parent}:{os.environ['PATH']}", "PIP_INDEX_URL": "x"}) == (
        "https://patched.test/simple"
    )


def test_the_pip_of_ensurepip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from variantctl.config import pip

    if not pip._bundled():
        pytest.skip("this Python carries no pip in ensurepip")
    monkeypatch.setattr(pip, "_own", lambda: None)
    assert pip_default_index({"PATH": str(tmp_path)}) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-i, --index-url <url>\n   Base URL of the Index\n   (default https://a.test/\n   simple).", None),
        ("-i, --index-url <url>  Base (default https://a.test/simple). This", "https://a.test/simple"),
        ("--index-url URL  Base [default: https://a.test/simple]", "https://a.test/simple"),
        ("--index-url URL  Base --extra-index-url URL (default https://b.test)", None),
        ("--index-url URL  Base (default None)", None),
        ("", None),
    ],
)
def test_reading_the_help(text: str, expected: str | None) -> None:
    assert default_in_help(text) == expected
