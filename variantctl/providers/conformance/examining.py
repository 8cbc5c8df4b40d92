"""Testing a plugin by its reference, or every plugin of a package."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from variantctl.providers.answers import ALL, SUPPORTED
from variantctl.providers.child import REFERENCE
from variantctl.providers.conformance.judging import Finding, features_of, judge
from variantctl.providers.conformance.observing import RUNS, Observation, observe
from variantctl.providers.conformance.rules import ERROR, RULES
from variantctl.providers.errors import PluginUnavailableError, ProviderReferenceError
from variantctl.providers.foreign import entry_points
from variantctl.providers.isolation import IsolatedEnvironment, isolated_environment
from variantctl.providers.plugins import GROUP
from variantctl.providers.settings import PluginSources
from variantctl.values import dataclass, replace


@dataclass(frozen=True)
class PluginTest:
    """The outcome for one plugin.

    Attributes:
        reference: the plugin, as ``module[:object]``; ``""`` where there is none.
        findings: what is not as it should be, in the rules' order.
        namespace: what the plugin calls its namespace, or ``None``.
        valid, supported: feature -> values of the two methods; ``None`` where there was no answer.
        import_ms, answer_ms: the best times of the import and of ``get_supported_configs()``.
    """

    reference: str
    findings: tuple[Finding, ...]
    namespace: str | None = None
    valid: Mapping[str, Sequence[str]] | None = None
    supported: Mapping[str, Sequence[str]] | None = None
    import_ms: float | None = None
    answer_ms: float | None = None

    @property
    def passed(self) -> bool:
        """Whether no rule is broken whose level is ``error``."""
        return not any(finding.rule.level == ERROR for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """The plugin's object of ``variantctl provider test --json``."""
        broken = {finding.rule.name for finding in self.findings}
        return {
            "reference": self.reference,
            "namespace": self.namespace,
            "passed": self.passed,
            "findings": [finding.as_json() for finding in self.findings],
            "kept": [name for name in RULES if name not in broken] if self.reference else [],
            "valid": self.valid,
            "supported": self.supported,
            "import_ms": self.import_ms,
            "answer_ms": self.answer_ms,
        }


@dataclass(frozen=True)
class PackageTest:
    """The outcome for a package.

    Attributes:
        package: its normalised name.
        version: the version that was tested, ``""`` where none could be had.
        plugins: its plugins, each with findings; findings of the package as such stand with the first.
    """

    package: str
    version: str
    plugins: tuple[PluginTest, ...]


def examine_reference(
    python: Path,
    reference: str,
    *,
    environ: Mapping[str, str] = os.environ,
    timeout: float | None = None,
    runs: int = RUNS,
) -> PluginTest:
    """Test one plugin that is installed for an interpreter; the arguments are those of ``observe``.

    Raises:
        ProviderReferenceError: the reference is not of the form ``module[:object]``.
    """
    if not REFERENCE.fullmatch(reference):
        raise ProviderReferenceError(
            f"{reference!r} is not a plugin's name: it is written as MODULE:CLASS, or MODULE: for a module",
            hint="Write, for example, acme_variant_provider.plugin:AcmePlugin.",
        )
    seen = observe(python, reference, environ=environ, timeout=timeout, runs=runs)
    return PluginTest(
        reference,
        tuple(judge(seen)),
        _namespace(seen),
        features_of(seen, ALL),
        features_of(seen, SUPPORTED),
        min((one.seen["import_ms"] for one in seen if "import_ms" in one.seen), default=None),
        min(
            (call["elapsed_ms"] for one in seen if one.method == SUPPORTED for call in one.calls),
            default=None,
        ),
    )


def examine_package(
    requirement: Requirement,
    sources: PluginSources,
    *,
    references: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    timeout: float | None = None,
) -> PackageTest:
    """Install a package into an environment of its own, and test its plugins.

    Args:
        requirement: the package, and perhaps its version. It is run: whoever calls this was asked to.
        sources: where its wheels come from.
        references: its plugins; by default those of its entry points, else the default of PEP 850.
        environ, timeout: as for :func:`examine_reference`.
    """
    name = str(canonicalize_name(requirement.name))
    try:
        # Nothing is trusted for later: the environment is found anew whenever the package is tested.
        environment = isolated_environment(
            [str(requirement)], sources, trusted="", check=lambda wheels: None, environ=environ
        )
    except PluginUnavailableError as error:
        said = f"{error.message} ({error.hint})" if error.hint else error.message
        return PackageTest(name, "", (PluginTest("", (Finding(RULES["installable"], (said,)),)),))
    points = entry_points(environment, name)
    named = list(references) or [reference for _name, reference in points] or [name.replace("-", "_")]
    plugins = [examine_reference(environment.python, one, environ=environ, timeout=timeout) for one in named]
    about = _of_package(environment, name, bool(points))
    plugins[0] = replace(plugins[0], findings=(*about, *plugins[0].findings))
    return PackageTest(name, environment.version(name), tuple(plugins))


def requirement_of_wheel(path: Path, sources: PluginSources) -> tuple[Requirement, PluginSources]:
    """A wheel on the disk as a requirement, with its folder among the sources.

    Raises:
        ProviderReferenceError: its name is not a wheel's, or there is no such file.
    """
    try:
        name, version, _build, _tags = parse_wheel_filename(path.name)
    except ValueError as error:
        raise ProviderReferenceError(f"{path}: {error}") from None
    if not path.is_file():
        raise ProviderReferenceError(f"{path}: there is no such file", hint="Build it: `python -m build`.")
    links = (str(path.absolute().parent), *sources.find_links)
    return Requirement(f"{name}=={version}"), replace(sources, find_links=links)


def _of_package(environment: IsolatedEnvironment, name: str, has_points: bool) -> tuple[Finding, ...]:
    # Late: it imports the email package, which few commands need.
    from importlib.metadata import distributions

    found = []
    if not has_points:
        found.append(Finding(RULES["entry-point"], (f"Package {name} has no entry point in group {GROUP}.",)))
    for distribution in distributions(path=[str(environment.site_packages)]):
        if canonicalize_name(distribution.metadata["Name"] or "") != name:
            continue
        pinned = [text for text in distribution.requires or () if _is_pinned(text)]
        if pinned:
            found.append(Finding(RULES["pinned-dependencies"], tuple(f"It needs {text}." for text in pinned)))
    return tuple(found)


def _is_pinned(text: str) -> bool:
    try:
        specifiers = Requirement(text).specifier
    except ValueError:
        return False
    return any(one.operator in ("==", "===") and not one.version.endswith(".*") for one in specifiers)


def _namespace(seen: Sequence[Observation]) -> str | None:
    for one in seen:
        named = one.seen.get("attributes", {}).get("namespace")
        if isinstance(named, str):
            return named
    return None
