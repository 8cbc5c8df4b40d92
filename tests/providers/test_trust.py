"""Trust: nothing of a package is fetched or run before, and nothing but what was trusted after."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests import commands
from tests.providers.plugin_wheels import GOOD, LoopbackIndex, good_plugin, metadata, serving
from variantctl.providers.algorithm import Machine, ProviderNote, ProviderSettings
from variantctl.providers.errors import TrustFileError
from variantctl.providers.foreign import ForeignProviders
from variantctl.providers.settings import PluginSources
from variantctl.providers.trust import CONFIG_VARIABLE, FILE_NAME, PluginWheel, TrustedPackage, TrustStore
from variantctl.values import replace
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

ACME = {"chip": ["c3", "c2", "c1"], "mode": ["fast"]}
MARK = "ACME_VARIANT_PROVIDER_MARK"


class Place:
    """A user's folders, an index of the wheels in one of them, and the command line."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.cache = folder / "cache"
        self.config = folder / "config"
        self.mark = folder / "mark"
        self.environ = {
            **os.environ,
            CONFIG_VARIABLE: str(self.config),
            "VARIANTCTL_CACHE_DIR": str(self.cache),
            "VARIANTCTL_CONFIG_FILE": os.devnull,
            "UV_CACHE_DIR": str(folder / "uv"),
            "PIP_CONFIG_FILE": os.devnull,
            MARK: str(self.mark),
        }
        for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
            self.environ.pop(name, None)

    def run(self, *arguments: str, code: int = 0) -> Any:
        """``variantctl provider ... --json``; what it printed."""
        done = commands.run(*arguments, "--json", env=self.environ)
        assert done.returncode == code, done.stderr + done.stdout
        return {**json.loads(done.stdout), "stderr": done.stderr}

    def sources(self, index: LoopbackIndex | None = None) -> PluginSources:
        """The index, or the folder of wheels where there is none."""
        if index is not None:
            return PluginSources(index_url=index.url, cache_dir=self.cache)
        return PluginSources(find_links=(str(self.wheels),), no_index=True, cache_dir=self.cache)

    def trust(self, package: str = "acme-provider") -> Any:
        return self.run("provider", "trust", package, "--no-index", "-f", str(self.wheels))

    def ask(
        self, table: dict[str, object] | None = None, *trusted: str, index: LoopbackIndex | None = None
    ) -> tuple[dict[str, Any], list[ProviderNote]]:
        """What a machine supports, as an install would ask."""
        sources = self.sources(index)
        settings = ProviderSettings(trusted=frozenset(trusted), sources=lambda: sources)
        machine = Machine(settings=settings)
        return machine.supported(load_metadata(table or metadata())), machine.notes


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    place = Place(tmp_path)
    for name in (CONFIG_VARIABLE, "VARIANTCTL_CACHE_DIR", "UV_CACHE_DIR", MARK):
        monkeypatch.setenv(name, place.environ[name])
    good_plugin(place.wheels)
    yield place


MARKING_AT_INSTALL = """
import os, sys
def touch(): open({mark!r}, "a").close()
touch()
"""


def test_the_code_of_an_untrusted_plugin_is_never_fetched_or_run(place: Place) -> None:
    # It would leave a mark at import and when asked, by a .pth file at any start of its Python, and, if an
    # sdist were built, at installation.
    marking = MARKING_AT_INSTALL.format(mark=str(place.mark))
    asked = "class Plugin:\n    @staticmethod\n    def get_supported_configs(): touch(); return []\n"
    build_wheel(
        place.wheels,
        name="acme-provider",
        version="2.0",
        files={
            "acme_provider.py": (marking + asked).encode(),
            "acme.pth": b"import acme_provider\n",
        },
        entry_points={"variant_plugins": {"acme": "acme_provider:Plugin"}},
    )
    with serving(place.wheels) as index:
        supported, notes = place.ask(index=index)
        assert supported == {} and not place.mark.exists() and index.requests == []
        assert [(note.namespace, note.status) for note in notes] == [("acme", "untrusted")]
        assert (
            "package acme-provider, is not trusted, so it was neither installed nor asked" in notes[0].message
        )
        assert "--trust-provider acme-provider" in notes[0].message
        assert "variantctl provider trust acme-provider" in notes[0].message
        assert not place.cache.exists()
        place.run("provider", "trust", "acme-provider", "-i", index.url)
        assert index.requests and not place.mark.exists()
        # The control: the same plugin does leave its mark, once it is trusted.
        assert place.ask(index=index)[0] == {} and place.mark.exists()


def test_trusted_for_one_run(place: Place) -> None:
    supported, notes = place.ask(None, "Acme_Provider")
    assert supported == {"acme": ACME} and place.mark.read_text() == "imported\n" and notes == []
    assert list(supported["acme"]) == ["chip", "mode"]
    assert place.ask()[0] == {}
    assert not place.config.exists()


def test_it_is_asked_once_a_machine(place: Place) -> None:
    settings = ProviderSettings(trusted=frozenset({"acme-provider"}), sources=lambda: place.sources())
    machine = Machine(settings=settings)
    for _ in range(3):
        assert machine.supported(load_metadata(metadata())) == {"acme": ACME}
    assert place.mark.read_text() == "imported\n"


def test_trusted_for_good_and_taken_back(place: Place) -> None:
    said = place.trust()
    [wheel] = said["trusted"][0]["wheels"]
    assert said["trusted"][0]["package"] == "acme-provider" and said["trusted"][0]["version"] == "1.0"
    assert wheel["filename"] == "acme_provider-1.0-py3-none-any.whl"
    assert not place.mark.exists(), "trusting does not run it"
    assert place.ask()[0] == {"acme": ACME}
    assert place.run("provider", "list")["trusted"] == said["trusted"]
    place.run("provider", "untrust", "acme.provider")
    assert place.run("provider", "list")["trusted"] == []
    supported, notes = place.ask()
    assert supported == {} and notes[0].status == "untrusted"


def test_while_it_stays_as_trusted_no_index_is_asked_again(place: Place) -> None:
    with serving(place.wheels) as index:
        place.run("provider", "trust", "acme-provider", "-i", index.url)
        assert place.ask(index=index)[0] == {"acme": ACME}
        count = len(index.requests)
        assert place.ask(index=index)[0] == {"acme": ACME}
        assert len(index.requests) == count
    assert place.ask(index=index)[0] == {"acme": ACME}, "the index is gone, the cache is not"


def test_a_newer_version_is_not_taken_unless_it_is_needed(place: Place) -> None:
    place.trust()
    good_plugin(place.wheels, "1.1", source=GOOD.replace('"c3"', '"c9"'))
    assert place.ask()[0] == {"acme": ACME}
    assert place.ask(metadata("acme-provider>=1.0"))[0] == {"acme": ACME}
    supported, notes = place.ask(metadata("acme-provider>=1.1"))
    assert supported == {} and notes[0].status == "untrusted"
    assert "you trust package acme-provider 1.0, and acme-provider>=1.1 is needed" in notes[0].message
    assert "variantctl provider trust 'acme-provider>=1.1'" in notes[0].message
    # For one run the newer one may be taken; it is not remembered.
    newer = {"acme": {"chip": ["c9", "c2", "c1"], "mode": ["fast"]}}
    assert place.ask(metadata("acme-provider>=1.1"), "acme-provider")[0] == newer
    assert place.ask(metadata("acme-provider>=1.1"))[0] == {}
    assert "version 1.1 takes the place of 1.0" in place.trust("acme-provider>=1.1")["stderr"]
    assert place.ask(metadata("acme-provider>=1.1"))[0] == newer


def test_a_changed_wheel_of_the_same_version_is_refused(place: Place) -> None:
    before = place.trust()["trusted"][0]["wheels"][0]["sha256"]
    good_plugin(place.wheels, source=GOOD + "# changed\n")
    for trusted in ((), ("acme-provider",)):
        supported, notes = place.ask(None, *trusted)
        assert supported == {} and notes[0].status == "untrusted" and not place.mark.exists()
        assert "it is not what you trusted" in notes[0].message
        assert "acme_provider-1.0-py3-none-any.whl has changed: its sha256 was " + before in notes[0].message
        assert "variantctl provider trust 'acme-provider==1.0'" in notes[0].message
    assert f"has changed: its sha256 was {before}" in place.trust()["stderr"]
    assert place.ask()[0] == {"acme": ACME}


def test_what_the_index_says_of_the_hash_is_not_believed(place: Place) -> None:
    place.trust()
    path = next(place.wheels.glob("*.whl"))
    sha256 = place.run("provider", "list")["trusted"][0]["wheels"][0]["sha256"]
    good_plugin(place.wheels, source=GOOD + "# changed\n")
    page = f"<a href='{path.as_uri()}#sha256={sha256}'>{path.name}</a>"
    project = place.wheels.parent / "lying" / "acme-provider"
    project.mkdir(parents=True)
    (project / "index.html").write_text(page)
    sources = PluginSources(index_url=project.parent.as_uri(), cache_dir=place.cache)
    machine = Machine(settings=ProviderSettings(sources=lambda: sources))
    assert machine.supported(load_metadata(metadata())) == {} and not place.mark.exists()
    assert machine.notes[0].status == "error" and "ash mismatch" in machine.notes[0].message


def test_dependencies_are_trusted_with_it(place: Place) -> None:
    good_plugin(place.wheels, "3.0", requires=("acme-base",))
    build_wheel(place.wheels, name="acme-base", version="1.0")
    assert len(place.trust()["trusted"][0]["wheels"]) == 2
    # A newer dependency does not matter: the trusted one is asked for.
    build_wheel(place.wheels, name="acme-base", version="1.5")
    assert place.ask()[0] == {"acme": ACME}
    place.run("provider", "untrust", "acme-provider")
    store = TrustStore.of_user(place.environ)
    wheels = {path.name: "0" * 64 for path in place.wheels.glob("acme_provider-3.0*")}
    store.trust(TrustedPackage("acme-provider", "3.0", wheels))
    _supported, notes = place.ask()
    assert "acme_base-1.5-py3-none-any.whl was not among the wheels that you trusted" in notes[0].message


@pytest.mark.parametrize(
    ("requires", "said"),
    [
        (["acme-provider", "evil"], "package evil, is not trusted"),
        (["evil", "acme-provider"], "package evil, is not trusted"),
        (["acme-provider @ http://127.0.0.1:9/acme_provider-1.0-py3-none-any.whl"], "asked for by URL"),
    ],
)
def test_all_that_metadata_wants_installed_must_be_trusted(
    place: Place, requires: list[str], said: str
) -> None:
    place.trust()
    table = metadata()
    table["providers"] = {"acme": {"requires": requires, "plugin-api": "acme_provider:Plugin"}}
    supported, notes = place.ask(table)
    assert supported == {} and said in notes[0].message and notes[0].status == "untrusted"


def test_a_failing_plugin_disables_its_namespace_alone(place: Place) -> None:
    place.trust()
    table = metadata(plugin_api="acme_provider:Missing")
    table["default-priorities"] = {"namespace": ["acme", "mine"]}
    table["providers"] |= {"mine": {"static-properties": {"f": ["1"]}}}  # type: ignore[operator]
    table["variants"] |= {"m": {"mine": {"f": ["1"]}}}  # type: ignore[operator]
    supported, notes = place.ask(table)
    assert supported == {"mine": {"f": ["1"]}}
    assert notes[0].status == "error" and "AttributeError" in notes[0].message


def test_optional_disabled_and_profile_come_before_trust(place: Place) -> None:
    place.trust()
    optional = metadata(optional=True)
    supported, notes = place.ask(optional)
    assert supported == {} and notes[0].status == "disabled" and "--enable-provider acme" in notes[0].message
    settings = ProviderSettings(sources=lambda: place.sources())
    enabled = replace(settings, enabled=frozenset({"acme"}))
    assert Machine(settings=enabled).supported(load_metadata(optional)) == {"acme": ACME}
    disabled = replace(settings, disabled=frozenset({"acme"}))
    assert Machine(settings=disabled).supported(load_metadata(metadata())) == {}
    place.mark.unlink()
    from variantctl.providers.profiles import Profile

    profile = Profile("p", properties={"acme": {"chip": ("c2",)}})
    assert Machine(profile, settings).supported(load_metadata(metadata())) == {"acme": {"chip": ["c2"]}}
    assert Machine(Profile("p"), settings).supported(load_metadata(metadata())) == {}
    assert not place.mark.exists()


@pytest.mark.parametrize(
    "package", ["nvidia-variant-provider", "Provider.Variant-x86_64", "variant-providers"]
)
def test_packages_that_we_answer_for_are_not_trusted_or_fetched(place: Place, package: str) -> None:
    with serving(place.wheels) as index:
        refused = place.run("provider", "trust", package, "-i", index.url, code=1)
        assert refused["error"]["kind"] == "untrusted-provider" and index.requests == []
        assert "with its own detector" in refused["error"]["message"]
        place.ask(metadata(package), package, index=index)
        assert index.requests == []


def test_detect_shows_what_a_trusted_package_says(place: Place) -> None:
    def reports(*arguments: str) -> dict[str, Any]:
        found = place.run("detect", "--no-index", "-f", str(place.wheels), *arguments)
        return {report["namespace"]: report for report in found["providers"]}

    assert "acme" not in reports()
    acme = reports("--trust-provider", "acme-provider")["acme"]
    assert acme["status"] == "ok" and acme["source"] == "acme-provider 1.0"
    assert acme["features"][0] == {"name": "chip", "values": ["c3", "c2", "c1"], "multi_value": False}
    assert acme["evidence"][0]["value"] == "acme_provider-1.0-py3-none-any.whl"
    place.trust()
    assert reports()["acme"]["features"] == acme["features"]
    assert reports("--disable-provider", "acme")["acme"]["status"] == "disabled"
    saved = place.mark.parent / "saved.toml"
    reports("--save", str(saved))
    assert reports_of_profile(place, saved)["acme"]["features"][0]["values"] == ["c3", "c2", "c1"]
    good_plugin(place.wheels, source=GOOD + "# changed\n")
    shutil_rmtree(place.cache)
    changed = reports()["acme_provider"]
    assert changed["status"] == "untrusted" and "has changed" in changed["notes"][0]


def reports_of_profile(place: Place, path: Path) -> dict[str, Any]:
    found = place.run("detect", "--profile", str(path))
    return {report["namespace"]: report for report in found["providers"]}


def shutil_rmtree(path: Path) -> None:
    import shutil

    shutil.rmtree(path)


def test_detect_asks_a_plugin_of_this_environment_only_if_trusted(place: Place, tmp_path: Path) -> None:
    from variantctl.providers import detect as detecting
    from variantctl.providers.plugins import ForeignPlugin

    here = ForeignPlugin("Acme.Plugin", "acme-provider", "1.0", "acme_provider:Plugin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detecting, "foreign_plugins", lambda: [here])
        sources = place.sources()
        untrusted = detecting.detect(settings=ProviderSettings(sources=lambda: sources)).providers[-1]
        assert untrusted.status == "untrusted" and not place.mark.exists()
        assert "acme-provider 1.0, which is not trusted: it was not run" in untrusted.notes[0]
        settings = ProviderSettings(trusted=frozenset({"acme-provider"}), sources=lambda: sources)
        # It is not really installed here, which a child process of this Python finds out.
        asked = detecting.detect(settings=settings).providers[-1]
        assert asked.source == "acme-provider 1.0" and "No module named 'acme_provider'" in asked.notes[0]
        place.trust()
        isolated = detecting.detect(settings=settings).providers[-1]
        assert isolated.namespace == "acme" and isolated.status == "ok"


def test_the_file_is_whole_and_readable(place: Place) -> None:
    store = TrustStore.of_user(place.environ)
    assert store.path == place.config / FILE_NAME and store.packages() == {}
    first = TrustedPackage("b", "1.0", {"b-1.0-cp311-cp311-linux_x86_64.whl": "a" * 64})
    assert store.trust(first) is None
    other_python = TrustedPackage("b", "1.0", {"b-1.0-cp312-cp312-linux_x86_64.whl": "b" * 64})
    assert store.trust(other_python) == first
    store.trust(TrustedPackage("a.b".replace(".", "-"), "2", {}))
    again = TrustStore(store.path)
    assert list(again.packages()) == ["a-b", "b"] and again.packages() == store.packages()
    assert set(again.packages()["b"].wheels) == set(first.wheels) | set(other_python.wheels)
    assert again.get("A_B") is not None
    assert again.trust(TrustedPackage("b", "2.0", {})) is not None and again.packages()["b"].wheels == {}
    assert [path.name for path in place.config.iterdir()] == [FILE_NAME]
    assert stat.S_IMODE(store.path.stat().st_mode) & 0o022 == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("format = 2\n", "format"),
        ("", "format"),
        ("format = true\n", "format"),
        ("format = ", "not valid TOML"),
        ("format = 1\nproviders = 1\n", "providers: not a table"),
        ("format = 1\n[providers]\nx = 1\n", "providers.x: not a table"),
        ("format = 1\n[providers.x]\n", "providers.x.version"),
        ("format = 1\n[providers.x]\nversion = 1\n", "providers.x.version"),
        ("format = 1\n[providers.x]\nversion = '1'\nwheels = []\n", "providers.x.wheels"),
        (
            "format = 1\n[providers.x]\nversion = '1'\n[providers.x.wheels]\ny = 'z'\n",
            "providers.x.wheels.'y'",
        ),
    ],
)
def test_a_broken_file_is_named_and_trusts_nobody(place: Place, text: str, said: str) -> None:
    place.config.mkdir()
    (place.config / FILE_NAME).write_text(text)
    with pytest.raises(TrustFileError) as caught:
        TrustStore.of_user(place.environ).packages()
    assert said in caught.value.message and str(place.config / FILE_NAME) in caught.value.message
    assert caught.value.hint
    supported, notes = place.ask()
    assert supported == {} and notes[0].status == "error" and said in notes[0].message
    assert not place.mark.exists()


def test_errors_of_the_command(place: Place) -> None:
    assert place.run("provider", "untrust", "x", code=1)["error"]["kind"] == "untrusted-provider"
    assert place.run("provider", "trust", "a b", code=2)["error"]["kind"] == "usage"
    missing = ("provider", "trust", "acme-provider", "nope", "--no-index", "-f", str(place.wheels))
    assert place.run(*missing, code=1)["error"]["kind"] == "provider-unavailable"
    assert place.run("provider", "list")["trusted"] == [], "one that is missing leaves all untrusted"
    url = "acme-provider @ http://127.0.0.1:9/acme_provider-1.0-py3-none-any.whl"
    assert place.run("provider", "trust", url, code=1)["error"]["kind"] == "untrusted-provider"
    place.config.write_text("a file")
    broken = place.run("provider", "trust", "acme-provider", "--no-index", "-f", str(place.wheels), code=1)
    assert broken["error"]["kind"] == "invalid-trust-file"


def test_differences_name_each_wheel() -> None:
    package = TrustedPackage("a", "1", {"a.whl": "0" * 64})
    assert package.differences([PluginWheel("a.whl", "0" * 64)]) == []
    [changed, unknown] = package.differences([PluginWheel("a.whl", "1" * 64), PluginWheel("b.whl", "1" * 64)])
    assert changed.startswith("a.whl has changed") and unknown.startswith("b.whl was not among")


def test_the_users_folder_is_the_platforms_own() -> None:
    assert TrustStore.of_user({}).path.parts[-2:] == ("variantctl", FILE_NAME)
    providers = ForeignProviders(
        ProviderSettings(trusted=frozenset({"X_y", "nvidia-variant-provider"})), TrustStore(Path("/none"))
    )
    assert providers.trusted_packages() == ["x-y"]
    assert providers.query("z", [Requirement("z")], "z").status == "untrusted"
