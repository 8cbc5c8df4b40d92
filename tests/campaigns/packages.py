"""Random sets of ordinary packages and what is asked of them, and an independent check of any answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.campaigns.registry import Release

Pins = dict[str, str]

PYTHON_LIMITS = (">=3.8", ">=3.8,<4", "<3.8", ">=3.99", "!=3.1.*")
MARKERS = (
    'python_version >= "3.8"',
    'python_version < "3.8"',
    'sys_platform == "win32"',
    'sys_platform != "win32" and platform_machine != "riscv64"',
    '(os_name == "nt" or implementation_name == "cpython")',
)


@dataclass(frozen=True)
class Case:
    """Packages, and what is asked for.

    Attributes:
        number: of the case; every name begins with it, so that many cases share one index.
        releases: (name, version) -> the release.
        roots: requirements.
        constraints: lines of a constraints file.
        features: what occurs in it: ``pre-releases``, ``yanked``, ``versions`` (post, local, epoch) ...
        pre: whether pre-releases are asked for altogether.
    """

    number: int
    releases: dict[tuple[str, str], Release]
    roots: tuple[str, ...]
    constraints: tuple[str, ...]
    features: frozenset[str]
    pre: bool

    def __str__(self) -> str:
        lines = [f"case {self.number} ({', '.join(sorted(self.features))}){' --pre' if self.pre else ''}"]
        lines += [f"  roots {list(self.roots)} constraints {list(self.constraints)}"]
        for (name, version), release in self.releases.items():
            extras = {extra: list(needs) for extra, needs in release.extras.items()}
            lines.append(
                f"  {name} {version}: {list(release.requires)}{f' extras {extras}' if extras else ''}"
                f"{' YANKED' if release.yanked else ''}"
                f"{f' python {release.requires_python}' if release.requires_python else ''}"
            )
        return "\n".join(lines)

    def problem_of(self, pins: Pins, markers: Mapping[str, str]) -> str | None:
        """Why ``pins`` is no answer; ``None`` where it is one. Says nothing about which answer is best."""
        needs = self.needs(pins, markers)
        for requirement in needs:
            name = canonicalize_name(requirement.name)
            if name not in pins:
                return f"{requirement} is missing"
            if not requirement.specifier.contains(pins[name], prereleases=True):
                return f"{requirement} is not satisfied by {pins[name]}"
        needed = {str(canonicalize_name(requirement.name)) for requirement in needs}
        if needed != set(pins):
            return f"{sorted(set(pins) - needed)} are not needed"
        for limit in map(Requirement, self.constraints):
            version = pins.get(canonicalize_name(limit.name))
            if version is not None and not limit.specifier.contains(version, prereleases=True):
                return f"the constraint {limit} is not satisfied by {version}"
        return None

    def broken_rules(self, pins: Pins, markers: Mapping[str, str]) -> set[str]:
        """The rules about single versions that an answer does not keep.

        ``python``: Requires-Python (core metadata); ``yanked``: only ``==`` or ``===`` with that version lets
        one in (PEP 592); ``pre-release``: only where a specifier names one, or where no release fits every
        specifier (version specifiers, "Handling of pre-releases"); ``ground``: those two, by the needs alone
        that are there without the version: not by those of what only the version itself brings in.
        """
        python = markers["python_full_version"]
        broken = {"python" for release in pins.items() if not self.releases[release].fits(python)}
        needs = self.needs(pins, markers)
        for name in pins:
            broken |= self._not_let_in(name, pins[name], needs, python)
        if not broken & {"yanked", "pre-release"} and self.without_ground(pins, markers):
            broken.add("ground")
        return broken

    def without_ground(self, pins: Pins, markers: Mapping[str, str]) -> set[str]:
        """The packages of an answer that nothing lets in but needs of what they themselves bring in."""
        python = markers["python_full_version"]
        founded: Pins = {}
        while True:
            needs = self.needs(founded, markers)
            more = {
                name: version
                for name, version in pins.items()
                if name not in founded
                and any(_is_of(need, name) for need in needs)
                and not self._not_let_in(name, version, needs, python)
            }
            if not more:
                return pins.keys() - founded.keys()
            founded |= more

    def _not_let_in(self, name: str, version: str, needs: Sequence[Requirement], python: str) -> set[str]:
        """The rules, of yanked versions and pre-releases, by which some needs do not let a version in."""
        mine = [need for need in [*needs, *map(Requirement, self.constraints)] if _is_of(need, name)]
        specifier = SpecifierSet(",".join(str(need.specifier) for need in mine if need.specifier))
        released = [
            release
            for release in self.releases.values()
            if release.name == name
            and specifier.contains(release.version, prereleases=True)
            and not Version(release.version).is_prerelease
            and not (release.yanked and not _is_pin(specifier))
            and release.fits(python)
        ]
        broken = set()
        if self.releases[name, version].yanked and not _is_pin(specifier):
            broken.add("yanked")
        if Version(version).is_prerelease and released and not (self.pre or specifier.prereleases):
            broken.add("pre-release")
        return broken

    def has_admitted(self, pins: Pins) -> bool:
        """Whether an answer has a version that only some needs let in: a pre-release, or a yanked one."""
        return any(
            self.releases[name, version].yanked or Version(version).is_prerelease
            for name, version in pins.items()
        )

    def needs(self, pins: Pins, markers: Mapping[str, str]) -> list[Requirement]:
        """Every requirement that is reached from the roots through ``pins``, where its marker holds."""
        wanted = [Requirement(root) for root in self.roots]
        reached: list[Requirement] = []
        seen: set[tuple[str, str]] = set()
        while wanted:
            requirement = wanted.pop()
            if requirement.marker and not requirement.marker.evaluate({**markers, "extra": ""}):
                continue
            reached.append(requirement)
            name = str(canonicalize_name(requirement.name))
            release = self.releases.get((name, pins.get(name, "")))
            for extra in ["", *requirement.extras] if release else []:
                if release and (name, extra) not in seen:
                    seen.add((name, extra))
                    texts = release.extras.get(extra, ()) if extra else release.requires
                    wanted += [Requirement(text) for text in texts]
        return reached


def _is_of(requirement: Requirement, name: str) -> bool:
    return canonicalize_name(requirement.name) == name


def _is_pin(specifier: SpecifierSet) -> bool:
    operators = [(part.operator, part.version) for part in specifier]
    return any(
        operator == "===" or (operator == "==" and version[-2:] != ".*") for operator, version in operators
    )


@dataclass
class _Maker:
    random: Random
    number: int
    features: frozenset[str]
    names: list[str] = field(default_factory=list)
    versions: dict[str, list[str]] = field(default_factory=dict)

    def make(self) -> Case:
        chance = self.random
        self.names = [f"k{self.number}-{letter}" for letter in "abcdefghi"[: chance.randint(4, 9)]]
        self.versions = {name: self._versions() for name in self.names}
        releases = {
            (name, version): self._release(name, version)
            for name in self.names
            for version in self.versions[name]
        }
        roots = [self.requirement(name) for name in chance.sample(self.names[:5], chance.randint(1, 3))]
        constraints: list[str] = []
        if "constraints" in self.features:
            limited = chance.sample(self.names, chance.randint(1, 3))
            constraints = [self._constraint(name) for name in limited]
        pre = "pre-releases" in self.features and chance.random() < 0.2
        return Case(self.number, releases, tuple(roots), tuple(constraints), self.features, pre)

    def _release(self, name: str, version: str) -> Release:
        chance = self.random
        place = self.names.index(name)
        # Mostly downwards, so that many cases have a solution; cycles now and then.
        others = self.names[place + 1 :] or self.names
        if chance.random() < 0.1:
            others = [other for other in self.names if other != name]
        needed = chance.sample(others, min(len(others), chance.choice((0, 1, 1, 2, 3))))
        extras: dict[str, tuple[str, ...]] = {}
        if "extras" in self.features and chance.random() < 0.5:
            other = chance.choice([other for other in self.names if other != name])
            extras["x"] = (self.requirement(other, marker=True),)
            if chance.random() < 0.4:
                more = chance.choice(self.names)
                # The second extra may hold the first, as projects do for "all".
                extras["y"] = (f"{name}[x]",) if chance.random() < 0.5 else (self.requirement(more),)
        python = None
        if "python" in self.features and chance.random() < 0.3:
            python = chance.choice(PYTHON_LIMITS)
        return Release(
            name,
            version,
            tuple(self.requirement(other, marker=True) for other in needed),
            extras,
            python,
            "yanked" in self.features and chance.random() < 0.2,
        )

    def _versions(self) -> list[str]:
        chance = self.random
        numbers = sorted(chance.sample(range(1, 9), chance.randint(1, 5)))
        endings = [""]
        if "pre-releases" in self.features:
            endings += ["", "a1", "rc1", ".dev1", "b2.post1"]
        if "versions" in self.features:
            endings += ["", ".post1", "+cpu", "+cu128.1"]
        versions = [f"{number}.0{chance.choice(endings)}" for number in numbers]
        if "versions" in self.features and chance.random() < 0.1:
            versions[0] = f"1!{versions[0]}"
        return sorted(versions, key=Version)

    def requirement(self, name: str, *, marker: bool = False) -> str:
        """A requirement that at least one version of the project satisfies, as far as pre-releases may."""
        chance = self.random
        extras = ["[x]", "[y]", "[x,y]"] if "extras" in self.features else []
        extra = chance.choice(["", "", "", "", *extras])
        text = f"{name}{extra}{self._specifier(name)}"
        if marker and "markers" in self.features and chance.random() < 0.3:
            text += f" ; {chance.choice(MARKERS)}"
        return text

    def _constraint(self, name: str) -> str:
        return f"{name}{self._specifier(name) or '!=0'}"

    def _specifier(self, name: str) -> str:
        chance = self.random
        versions = self.versions[name]
        bound = chance.choice(versions)
        public = bound.partition("+")[0]
        lowest = versions[0].partition("+")[0]
        major = public.split(".")[0]
        choices = ["", "", "", "", f">={public}", f">={public}", f"=={bound}", f"=={major}.*", f"~={major}.0"]
        choices += [f"<={versions[-1].partition('+')[0]}", f">={lowest},<={public}"]
        if len(versions) > 1:
            choices += [f"!={public}", f"<={public}"]
            choices.append(f"<{public}" if bound != versions[0] else f">{public}")
        if "versions" in self.features:
            choices.append(f"==={bound}")
        return chance.choice(choices)


def random_case(seed: int, number: int) -> Case:
    """Case ``number`` of a campaign: a small graph; many need backtracking, some have no solution."""
    random = Random(f"{seed}/{number}")
    chances = {
        "extras": 0.5,
        "markers": 0.5,
        "pre-releases": 0.25,
        "yanked": 0.2,
        "python": 0.25,
        "constraints": 0.25,
        "versions": 0.25,
    }
    features = frozenset(feature for feature, chance in chances.items() if random.random() < chance)
    return _Maker(random, number, features).make()
