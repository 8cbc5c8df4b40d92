"""Random projects and machines: the page in Chromium must choose, and say, what ``explain`` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from packaging.version import Version
from variant_index.web.audience import Audience, Device
from variant_index.web.audience import Platform as PagePlatform
from variant_index.web.contents import Project
from variant_index.web.data import page_data
from variant_index.web.reading import project_of

from tests.campaigns.report import Report
from tests.index.web.browser import CHOICE, ask, chromium
from variantctl.cache.folder import Cache
from variantctl.cli.index.audience import everybody
from variantctl.config.settings import IndexSettings
from variantctl.explain.wheels import Explanation, explain
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.page_writer import PageFile, project_json
from variantctl.providers.algorithm import Machine, ProviderSettings
from variantctl.providers.machine_platform import PlatformFacts
from variantctl.providers.profiles import Profile, load_profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import SelectionContext, marker_variant
from variantctl.target.platforms import Platform, platform_environment
from variantctl.values import dataclass, replace
from variantctl.variants import load_metadata
from variantctl.variants.filenames import parse_wheel_filename, variants_json_filename
from variantctl.variants.markers import parse_requirement
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.schemas import PEP_825_SCHEMA, PEP_850_SCHEMA
from variantctl.variants.write import metadata_bytes

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLATFORM_TAGS = (
    "any",
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux_2_36_x86_64",
    "manylinux_2_39_aarch64",
    "musllinux_1_2_x86_64",
    "macosx_11_0_universal2",
    "macosx_15_0_arm64",
    "win_amd64",
    "linux_armv7l",
    "pyodide_2025_0_wasm32",
)
PYTHON_TAGS = (
    "py3-none",
    "cp39-abi3",
    "cp312-cp312",
    "cp313-cp313",
    "cp314-cp314t",
    "py2.py3-none",
    "cp27-cp27mu",
)
TAGS = (PYTHON_TAGS, PLATFORM_TAGS)
LIMITS = ("", "", "", ">=3.12", "<3.13", ">=3.12.1", "!=3.13.*", "no specifier")
VERSIONS = ("1.0", "1.0+local", "1.1rc1", "2.0.dev1", "1.0.post1", "1!0.1", "0.9")
LABELS = ("null", "a", "b", "cuda12.8", "constructor", "__proto__", "0", "1")
PROVIDERS: Mapping[str, Mapping[str, Any]] = {
    "nvidia": {
        "requires": ["nvidia-variant-provider>=0.0.1"],
        "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
    },
    "amd": {"requires": ["amd-variant-provider"]},
    "x86_64": {"requires": ["provider-variant-x86-64"]},
    "aarch64": {"builtin": "aarch64", "optional": True},
    "order": {"static-properties": {"2": ["1", "3"], "10": ["x", "y"]}, "feature-order": ["2", "10"]},
    "maybe": {"static-properties": {"yes": ["on"]}, "optional": True},
    "__proto__": {"requires": ["unheard-of"]},
}
VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "nvidia": {
        "cuda_version_lower_bound": ("11.8", "12", "12.0", "12.6", "12.8", "13.0", "13"),
        "cuda_version_upper_bound": ("12.9", "13.1", "14"),
        "sm_arch": ("75_real", "80_real", "86_real", "90_real", "90_virtual", "120_real"),
    },
    "amd": {"gfx_arch": ("gfx90a", "gfx942", "gfx1100"), "rocm_version": ("6.2", "7.0", "7.1")},
    "x86_64": {"level": ("v1", "v2", "v3", "v4"), "avx512_bf16": ("on",), "constructor": ("on",)},
    "aarch64": {"version": ("8a", "8.2a", "9.0a"), "asimddp": ("on",), "sve": ("on",)},
    "order": {"2": ("1", "3", "5"), "10": ("x", "y", "z")},
    "maybe": {"yes": ("on",)},
    "__proto__": {"tostring": ("a",)},
    "abi_dependency": {"torch": ("2.9", "2.10", "2.1", "2_9"), "numpy": ("1", "2")},
}
MARKERS = (
    "",
    "; python_version < '3.13'",
    "; sys_platform == 'linux' and 'nvidia' in variant_namespaces",
    "; 'nvidia :: sm_arch :: 90_real' in variant_properties or platform_system == 'Windows'",
    "; 'x86_64::level::v3' not in variant_properties and 'x86_64 :: level :: v4' not in variant_properties",
    "; variant_label == 'a'",
    "; extra == 'more'",
    "; 'nvidia :: sm_arch' not in variant_features",
)


@dataclass(frozen=True)
class World:
    """One project as the index has it, and as its page is made from it."""

    project: Project
    files: tuple[PageFile, ...]
    documents: Mapping[Version, bytes]


def make_up(random: Random, name: str) -> World:
    """A project of a few versions: some with variants, some files yanked, for some Pythons and platforms."""
    files: dict[str, PageFile] = {}
    requires: dict[str, tuple[str, ...]] = {}
    metadata: dict[Version, VariantMetadata] = {}
    for text in random.sample(VERSIONS, random.randint(1, 4)):
        version = Version(text)
        variants = _metadata(random) if random.random() < 0.85 else None
        if variants is not None:
            metadata[version] = variants
        labels = [*(variants.variants if variants else ()), None]
        for _ in range(random.randint(1, 12)):
            label = random.choice(labels)
            build = random.choice(("", "", "", "-1", "-10", "-2a"))
            python, platform = (random.choice(tags[: random.choice((1, len(tags)))]) for tags in TAGS)
            tag = f"{python}-{platform}"
            filename = f"{name}-{version}{build}-{tag}{f'-{label}' if label else ''}.whl"
            files[filename] = PageFile(
                filename,
                {"sha256": "0" * 64},
                requires_python=random.choice(LIMITS),
                yanked=random.choice((False, False, False, False, True, "it is <b>broken</b>")),
            )
            requires[filename] = tuple(
                f"need{n}{random.choice(MARKERS)}" for n in range(random.randint(0, 3))
            )
    documents = {version: metadata_bytes(found) for version, found in metadata.items()}
    project = project_of(
        name,
        files.values(),
        metadata=lambda filename: _core_metadata(name, requires[filename]),
        variants=metadata.get,
    )
    return World(project, tuple(files.values()), documents)


def _core_metadata(name: str, requires: tuple[str, ...]) -> bytes:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        "Version: 1",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    return "\n".join(lines).encode()


def _metadata(random: Random) -> VariantMetadata:
    namespaces = random.sample(list(PROVIDERS), random.randint(1, len(PROVIDERS)))
    variants: dict[str, dict[str, dict[str, list[str]]]] = {}
    for label in random.sample(LABELS, random.randint(1, len(LABELS))):
        properties: dict[str, dict[str, list[str]]] = {}
        some = random.sample(namespaces, random.choice((1, 1, min(2, len(namespaces)))))
        for namespace in some + ["abi_dependency"] * (random.random() < 0.2):
            known = VALUES[namespace]
            for feature in random.sample(list(known), random.randint(1, min(2, len(known)))):
                values = random.sample(
                    known[feature], random.randint(1 + len(known[feature]) // 2, len(known[feature]))
                )
                properties.setdefault(namespace, {})[feature] = values
        variants[label] = {} if label == "null" else properties
    top: dict[str, Any] = {"default-priorities": {"namespace": namespaces}, "variants": variants}
    if random.random() < 0.2:
        return load_metadata({"$schema": PEP_825_SCHEMA, **top})
    providers = {namespace: PROVIDERS[namespace] for namespace in namespaces}
    return load_metadata({"$schema": PEP_850_SCHEMA, "providers": providers, **top})


def write_index(world: World, simple: Path) -> None:
    """The project's Simple page and its index-level metadata; of its wheels there are only names."""
    folder = simple / world.project.name
    folder.mkdir(parents=True)
    links = []
    for version, document in world.documents.items():
        filename = variants_json_filename(world.project.name, version)
        (folder / filename).write_bytes(document)
        links.append(PageFile(filename))
    page = project_json(world.project.name, [], [*world.files, *links])
    (folder / "index.json").write_bytes(page)


def profile_of(device: Device | None, platform: PagePlatform, python: str, driver: str | None) -> Profile:
    """The profile of a device on a platform, perhaps with another driver; of none, one without anything."""
    facts = PlatformFacts(platform.system, platform.machine, platform.libc or None, python)
    if device is None:
        return Profile("nothing", facts)
    profile = replace(load_profile(device.name), platform=facts)
    if driver is None:
        return profile
    namespace, key = ("amd", "rocm") if "amd" in profile.namespaces else ("nvidia", "cuda_driver")
    changed = {**profile.namespaces[namespace], key: driver}
    return replace(profile, namespaces={**profile.namespaces, namespace: changed})


def answer_of(explanation: Explanation, needs: list[str]) -> dict[str, Any]:
    """``explain``'s answer in the shape of the page's."""
    return {
        "version": str(explanation.version),
        "selected": explanation.selected.link.wheel.filename if explanation.selected else None,
        "needs": needs,
        "wheels": [
            [
                wheel.link.wheel.filename,
                wheel.verdict,
                wheel.rank,
                [[r.kind, r.detail] for r in wheel.reasons],
            ]
            for wheel in explanation.wheels
        ],
    }


def needs_of(explanation: Explanation, project: Project, machine: Machine, platform: Platform) -> list[str]:
    """The dependencies of the selected wheel, by the markers themselves."""
    if explanation.selected is None:
        return []
    filename = explanation.selected.link.wheel.filename
    release = next(release for release in project.releases if release.version == explanation.version)
    wheel = next(wheel for wheel in release.wheels if wheel.filename.filename == filename)
    supported = machine.supported(release.metadata) if release.metadata else {}
    terms = SelectionContext(
        Interpreter(platform.tags, platform.markers), metadata=release.metadata, supported=supported
    )
    variant = marker_variant(wheel.filename.label, terms)
    requirements = map(parse_requirement, wheel.requires)
    return [str(r.requirement) for r in requirements if r.applies(platform.markers, variant)]


@dataclass(frozen=True)
class Question:
    """What is asked of the page, and the same of ``explain``."""

    asked: Mapping[str, Any]
    requirement: str
    profile: Profile
    enabled: frozenset[str]
    who: str

    def explained(self, package_finder: PackageFinder, project: Project) -> dict[str, Any]:
        """``explain``'s answer."""
        facts = self.profile.platform
        assert facts is not None
        platform = platform_environment(
            system=facts.system, machine=facts.machine, libc=facts.libc, python=facts.python
        )
        machine = Machine(self.profile, ProviderSettings(enabled=self.enabled), environment=platform.markers)
        requirement = parse_user_requirement(self.requirement)
        found = explain(
            requirement, package_finder=package_finder, machine=machine, platform=platform, who=self.who
        )
        return answer_of(found, needs_of(found, project, machine, platform))


def questions(random: Random, data: Mapping[str, Any], audience: Audience, most: int) -> list[Question]:
    """Some of what the page of a project can be asked."""
    if not data["platforms"]:
        return []
    asked = []
    devices = {device.name: device for device in audience.devices}
    platforms = {found["id"]: _platform_of(found["id"]) for found in data["platforms"]}
    for _ in range(most):
        number = random.randrange(len(data["devices"]))
        shown = data["devices"][number]
        place = random.choice([n for n, ground in enumerate(shown["grounds"]) if ground is not None])
        platform = platforms[data["platforms"][place]["id"]]
        python = random.randrange(len(data["pythons"]))
        request = random.choice(data["requests"])
        enabled = frozenset(random.sample(("aarch64", "maybe"), random.randint(0, 2)))
        device = devices.get(shown["name"])
        if device is not None and not platform.libc and shown["home"] == place:
            platform = device.platform
        driver = (
            random.randrange(len(shown["drivers"])) if shown["drivers"] and random.random() < 0.5 else None
        )
        version = None if driver is None else shown["drivers"][driver][0]
        as_described = version is None or shown["driver"].split()[1] == version
        asked.append(
            Question(
                {
                    "specifier": request["specifier"],
                    "platform": place,
                    "python": python,
                    "device": number,
                    "driver": driver,
                    "enabled": sorted(enabled),
                },
                f"{data['name']}{request['specifier']}",
                profile_of(device, platform, data["pythons"][python], version),
                enabled,
                f"profile {device.name}" if device and as_described else "this machine",
            )
        )
    return asked


def _platform_of(identifier: str) -> PagePlatform:
    system, machine, *libc = identifier.split("-")
    spelled = {"linux": "Linux", "darwin": "Darwin", "windows": "Windows"}[system]
    return PagePlatform(
        spelled, machine.upper() if spelled == "Windows" else machine, "musl 1.2" if libc else ""
    )


def run(cases: int, seed: int, folder: Path) -> Report:
    """Make up *cases* projects, and ask twelve questions about every one."""
    with chromium() as browser:
        return compare(browser.new_page(), cases, seed, folder, each=12)


def compare(page: Page, cases: int, seed: int, folder: Path, *, each: int) -> Report:
    """The same, with *each* questions about every project, in a page that is open already."""
    random, report, audience = Random(seed), Report("page-choice", seed), everybody()
    simple = folder / "simple"
    settings = IndexSettings(index_url=simple.as_uri(), origin="the campaign")
    with PackageFinder(settings, cache=Cache.open(folder / "cache")) as package_finder:
        page.add_script_tag(path=CHOICE)
        for case in range(cases):
            world = make_up(random, f"p{case}")
            write_index(world, simple)
            data = page_data(world.project, audience)
            asked = questions(random, data, audience, each)
            for question, mine in zip(
                asked, ask(page, data, [dict(question.asked) for question in asked]), strict=True
            ):
                theirs = question.explained(package_finder, world.project)
                if mine == theirs:
                    report.count(_outcome(mine))
                else:
                    report.fail("another answer", f"{question}\n  page    {mine}\n  explain {theirs}")
    return report


def _outcome(answer: Mapping[str, Any]) -> str:
    if answer["selected"] is None:
        return "the same: nothing fits"
    variant = parse_wheel_filename(answer["selected"]).label
    return "the same: a variant" if variant else "the same: a non-variant wheel"
