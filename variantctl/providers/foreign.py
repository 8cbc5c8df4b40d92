"""Other packages' plugins: asked only if the user trusts the package, and then in isolation."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.providers.answers import Answer
from variantctl.providers.asking import ProviderReport
from variantctl.providers.child import ask_plugin, query
from variantctl.providers.errors import NotTrustedError, PluginUnavailableError
from variantctl.providers.isolation import (
    IsolatedEnvironment,
    find_wheels,
    isolated_environment,
    wheel_version,
)
from variantctl.providers.plugins import GROUP, KNOWN_PROVIDERS, ForeignPlugin
from variantctl.providers.settings import PluginSources, ProviderSettings
from variantctl.providers.trust import PluginWheel, TrustedPackage, TrustStore
from variantctl.values import replace
from variantctl.variants.errors import VariantctlError


class ForeignProviders:
    """The plugins of other packages, as far as the user trusts them."""

    def __init__(
        self,
        settings: ProviderSettings,
        store: TrustStore | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Nothing is read or fetched before the first question.

        Args:
            settings: the packages trusted for this run, and the sources of wheels.
            store: the packages trusted for good; by default the user's.
            environ: the environment variables.
        """
        self._settings = settings
        self._store = store or TrustStore.of_user(environ)
        self._environ = environ
        self._for_now = frozenset(canonicalize_name(name) for name in settings.trusted)

    def trusted_packages(self) -> list[str]:
        """The packages trusted for this run or for good, sorted; those that we answer for are left out.

        Raises:
            TrustFileError: the user's file cannot be understood.
        """
        return sorted({*self._for_now, *self._store.packages()} - set(KNOWN_PROVIDERS))

    def query(self, namespace: str, requires: Sequence[Requirement], plugin_api: str) -> ProviderReport:
        """Ask a provider that metadata names.

        Args:
            namespace: whose answer is wanted.
            requires: its requirements that apply here, at least one.
            plugin_api: the plugin, as ``module[:object]``.

        Returns:
            A report whose status is ``untrusted`` when nothing was fetched or run, and ``error`` when it was
            tried and could not be done. Nothing is raised for either.
        """
        try:
            environment = self._environment(requires)
        except NotTrustedError as error:
            return ProviderReport(namespace, "untrusted", notes=(_said(error),))
        except VariantctlError as error:
            package = canonicalize_name(requires[0].name)
            note = f"its provider, package {package}, could not be asked: {_said(error)}"
            return ProviderReport(namespace, "error", notes=(note,))
        return self._ask(environment, str(canonicalize_name(requires[0].name)), namespace, plugin_api)

    def configs(self, requires: Sequence[Requirement], plugin_api: str, method: str) -> Answer:
        """What one method of a provider's plugin says, for building wheels.

        Args:
            requires: its requirements that apply here, at least one.
            plugin_api: the plugin, as ``module[:object]``.
            method: ``get_supported_configs`` or ``get_all_configs``.

        Raises:
            NotTrustedError, PluginUnavailableError, TrustFileError: it may not, or cannot, be installed.
            BadAnswerError: it does not answer as PEP 850 has it.
        """
        environment = self._environment(requires)
        return query(environment.python, plugin_api, method, environ=self._environ)

    def detect(self, package: str, present: Sequence[ForeignPlugin] = ()) -> list[ProviderReport]:
        """Ask every plugin that a trusted package has, by its entry points.

        Args:
            package: its normalised name.
            present: the plugins of this environment. One that is trusted for this run is asked as it is
                here; of one that is trusted for good, the wheels that were trusted are what counts.
        """
        here = [plugin for plugin in present if plugin.package == package]
        if here and self._store.get(package) is None:
            return [self._ask_here(plugin) for plugin in here]
        try:
            environment = self._environment([Requirement(package)])
        except VariantctlError as error:
            status = "untrusted" if isinstance(error, NotTrustedError) else "error"
            note = f"package {package} is trusted, but could not be asked: {_said(error)}"
            return [ProviderReport(_as_namespace(package), status, package, notes=(note,))]
        reports = [
            self._ask(environment, package, _as_namespace(name), reference, rename=True)
            for name, reference in entry_points(environment, package)
        ]
        if not reports:
            source = f"{package} {environment.version(package)}"
            note = f"package {package} has no entry point in group {GROUP}"
            reports = [ProviderReport(_as_namespace(package), "error", source, notes=(note,))]
        return reports

    def _ask_here(self, plugin: ForeignPlugin) -> ProviderReport:
        return ask_plugin(
            Path(sys.executable),
            plugin.reference,
            _as_namespace(plugin.name),
            source=f"{plugin.package} {plugin.version}",
            environ=self._environ,
            rename=True,
        )

    def _ask(
        self,
        environment: IsolatedEnvironment,
        package: str,
        namespace: str,
        plugin_api: str,
        rename: bool = False,
    ) -> ProviderReport:
        version = environment.version(package)
        report = ask_plugin(
            environment.python,
            plugin_api,
            namespace,
            source=f"{package} {version}",
            environ=self._environ,
            rename=rename,
        )
        evidence = tuple(
            {"fact": "plugin", "value": wheel.filename, "source": f"sha256:{wheel.sha256}"}
            for wheel in environment.wheels
        )
        return replace(report, evidence=evidence)

    def _environment(self, requires: Sequence[Requirement]) -> IsolatedEnvironment:
        """The isolated environment of trusted requirements.

        Raises:
            NotTrustedError: a package is not trusted, or is no longer what was trusted.
            PluginUnavailableError: it cannot be had.
            TrustFileError: the user's file cannot be understood.
        """
        records = [self._trusted(requirement) for requirement in requires]
        pinned = [_pinned(requirement, record) for requirement, record in zip(requires, records, strict=True)]
        known = [record for record in records if record is not None]

        def check(wheels: Sequence[PluginWheel]) -> None:
            _compare(known, wheels, others_allowed=len(known) < len(records))

        # While this text stays the same, what was installed for it before is still what is trusted.
        every_one = len(known) == len(records)
        trusted = repr([(record.version, sorted(record.wheels.items())) for record in known])
        return isolated_environment(
            pinned,
            self._settings.sources(),
            constraints=[constraint for record in known for constraint in record.constraints()],
            trusted=trusted if every_one else "",
            check=check,
            environ=self._environ,
        )

    def _trusted(self, requirement: Requirement) -> TrustedPackage | None:
        """What is remembered of a package; ``None`` when it is trusted for this run only, whatever it is."""
        name = str(canonicalize_name(requirement.name))
        record = self._store.get(name)
        if record is None and name not in self._for_now:
            raise NotTrustedError(
                f"its provider, package {name}, is not trusted, so it was neither installed nor asked",
                hint=f"--trust-provider {name} lets it run once, "
                f"and `variantctl provider trust {name}` from now on",
            )
        if requirement.url is not None:
            problem = f"package {name} is asked for by URL, and only wheels of the indexes are trusted"
            raise NotTrustedError(problem)
        if record is None or _allows(requirement.specifier, record.version):
            return record
        if name in self._for_now:
            return None
        raise NotTrustedError(
            f"you trust package {name} {record.version}, and {requirement} is needed; it was not asked",
            hint=f"`variantctl provider trust '{name}{requirement.specifier}'` trusts the newer one",
        )


def look_up(requirement: Requirement, sources: PluginSources) -> TrustedPackage:
    """The package that a user is about to trust: its version, and the hashes of all wheels that it needs.

    Nothing of it is installed or run.

    Raises:
        PluginUnavailableError: there is no such wheel, or it cannot be reached.
        NotTrustedError: the package is one that we answer for.
    """
    name = str(canonicalize_name(requirement.name))
    if name in KNOWN_PROVIDERS:
        raise NotTrustedError(
            f"package {name} need not be trusted: variantctl answers for it with its own detector",
            hint="It is never installed.",
        )
    if requirement.url is not None or requirement.marker is not None:
        raise NotTrustedError(f"{requirement}: a name, and perhaps a version, is what can be trusted")
    wheels = find_wheels([str(requirement)], sources)
    version = wheel_version(wheels, name)
    if not version:
        raise PluginUnavailableError(f"no wheel of {name} was found")
    return TrustedPackage(name, version, {wheel.filename: wheel.sha256 for wheel in wheels})


def entry_points(environment: IsolatedEnvironment, package: str) -> list[tuple[str, str]]:
    """A package's plugins in an environment: entry point name and reference. Nothing is imported."""
    from importlib.metadata import distributions

    for distribution in distributions(path=[str(environment.site_packages)]):
        if canonicalize_name(distribution.metadata["Name"] or "") == package:
            return [(point.name, point.value) for point in distribution.entry_points if point.group == GROUP]
    return []


def _pinned(requirement: Requirement, record: TrustedPackage | None) -> str:
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    specifier = str(requirement.specifier) if record is None else f"=={record.version}"
    return f"{canonicalize_name(requirement.name)}{extras}{specifier}"


def _compare(known: Sequence[TrustedPackage], wheels: Sequence[PluginWheel], *, others_allowed: bool) -> None:
    """Compare wheels with those trusted; with ``others_allowed`` unknown ones pass, changed ones never."""
    remembered: dict[str, str] = {}
    for record in known:
        remembered.update(record.wheels)
    everything = TrustedPackage("", "", remembered)
    relevant = [wheel for wheel in wheels if not others_allowed or wheel.filename in remembered]
    differences = everything.differences(relevant)
    if differences:
        again = " ".join(f"'{record.name}=={record.version}'" for record in known)
        raise NotTrustedError(
            f"it is not what you trusted, so it was not asked: {'; '.join(differences)}",
            hint=f"If that is expected, `variantctl provider trust {again}` trusts it as it is now.",
        )


def _allows(specifier: SpecifierSet, version: str) -> bool:
    return specifier.contains(Version(version), prereleases=True)


def _as_namespace(name: str) -> str:
    """The nearest name that a namespace may have."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()) or "unknown"


def _said(error: VariantctlError) -> str:
    return f"{error.message} ({error.hint})" if error.hint else error.message
