"""The provider algorithm of PEP 850: who answers what a machine supports, namespace by namespace."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from threading import Lock
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from variantctl.providers.answered import refusal
from variantctl.providers.asking import ProviderReport, query_plugin
from variantctl.providers.errors import MissingDetectorsError
from variantctl.providers.plugins import KNOWN_PROVIDERS, our_plugins
from variantctl.providers.settings import ALL, ProviderSettings
from variantctl.values import dataclass
from variantctl.variants.accelerators import DETECTED, is_accelerator, says_absent
from variantctl.variants.properties import ABI_DEPENDENCY
from variantctl.variants.schemas import Format, format_of

if TYPE_CHECKING:
    from variantctl.providers.profiles import Profile
    from variantctl.variants.metadata import ProviderInfo, VariantMetadata
    from variantctl.variants.properties import Supported

__all__ = ["Machine", "ProviderNote", "ProviderSettings"]

Features = dict[str, list[str]]
"""Feature (most important first) -> supported values, best first."""


@dataclass(frozen=True)
class ProviderNote:
    """Something a person should know about one namespace's answer.

    Attributes:
        namespace: whose.
        status: ``ok``, ``absent``, ``error``, ``disabled`` or ``untrusted``.
        message: one sentence.
    """

    namespace: str
    status: str
    message: str


class Machine:
    """A machine that is installed for: this one, or the one that a profile writes down.

    It may be asked from several threads, and is then asked one question after another.
    """

    is_one = True
    """Whether it is a machine that exists; what stands for any machine has no accelerator to make use of."""

    def __init__(
        self,
        profile: Profile | None = None,
        settings: ProviderSettings | None = None,
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is probed before the first question.

        Args:
            profile: the machine, when it is not this one; no detector runs then.
            settings: what the user enabled, disabled and trusts.
            environment: the marker environment of the Python installed into, for the ``enable-if`` of older
                metadata; by default this interpreter's, with the profile's platform in its place.
        """
        self.profile = profile
        self.settings = settings or ProviderSettings()
        self._environment = environment
        self._profile_supported: Mapping[str, Features] | None = None
        self._answers: dict[Hashable, Features] = {}
        self._facts: dict[str, Mapping[str, object]] = {}
        self._notes: dict[ProviderNote, None] = {}
        self._asking = Lock()

    @property
    def notes(self) -> list[ProviderNote]:
        """What there is to say about the answers given so far, each once."""
        return list(self._notes)

    @property
    def was_asked(self) -> bool:
        """Whether an answer depended on what this machine supports."""
        return bool(self._answers)

    def supported(self, metadata: VariantMetadata, *, used_only: bool = True) -> dict[str, Features]:
        """Namespace -> feature -> values, best first, of what these variants may ask for.

        Args:
            metadata: the variants and their providers.
            used_only: ask only for the namespaces that the variants use; the others are not looked at.

        A namespace that supports nothing is left out. ``abi_dependency`` is the resolver's and left out too.
        """
        used = dict.fromkeys(
            namespace for properties in metadata.variants.values() for namespace in properties
        )
        wanted = [namespace for namespace in metadata.namespaces if not used_only or namespace in used]
        wanted.extend(namespace for namespace in used if namespace not in wanted)
        supported = {}
        older = format_of(metadata.schema) is Format.OLDER
        with self._asking:
            for namespace in wanted:
                if namespace != ABI_DEPENDENCY:
                    features = self._ask(namespace, metadata.providers.get(namespace), older)
                    if features:
                        supported[namespace] = features
        return supported

    def each_alone(self, metadata: VariantMetadata, supported: Supported) -> tuple[Supported, ...]:
        """What is supported with each accelerator alone, where a build must run on all; empty otherwise.

        Args:
            metadata: the variants and their providers.
            supported: what :meth:`supported` says of it.

        Nothing is asked anew. Accelerators that are alike count as one.
        """
        if self.settings.accelerator_of != ALL:
            return ()
        views: list[Supported] = []
        for namespace in filter(is_accelerator, supported):
            provider = metadata.providers.get(namespace)
            facts = self._facts_of(namespace)
            if facts is None or (provider is not None and provider.static_properties is not None):
                continue
            plugin = our_plugins()[namespace]
            alone = [plugin.configs_from_facts(one) for one in plugin.each_alone(facts)]
            if len(alone) > 1:
                views += [
                    {**supported, namespace: {config.name: list(config.values) for config in configs}}
                    for configs in alone
                ]
        return tuple(views)

    def _facts_of(self, namespace: str) -> Mapping[str, object] | None:
        """What our plugin's answer follows from; ``None`` where it is not ours."""
        if self.profile is not None:
            return self.profile.namespaces.get(namespace)
        return self._facts.get(namespace)

    def accelerators(self) -> dict[str, Features]:
        """What the machine supports of each accelerator: of those that a profile names, or that we detect."""
        if self.profile is None:
            named: Iterable[str] = (name for name in DETECTED if name in self._detectors(name))
        else:
            named = [*self.profile.namespaces, *self.profile.properties]
        with self._asking:
            found = {name: self._ask(name, None) for name in named if is_accelerator(name)}
        return {
            name: features for name, features in found.items() if features and not says_absent(name, features)
        }

    def _ask(self, namespace: str, provider: ProviderInfo | None, older: bool = False) -> Features:
        """The algorithm's steps, in order; the first that applies answers."""
        if namespace in self.settings.disabled:
            return self._nothing(namespace, "disabled", "disabled by you")
        if provider is not None:
            if provider.optional and namespace not in self.settings.enabled:
                hint = f"optional, and not enabled (--enable-provider {namespace})"
                return self._nothing(namespace, "disabled", hint)
            if provider.enable_if is not None and not self._applies(namespace, provider.enable_if):
                return {}
            if provider.static_properties is not None:
                return _static(provider)
        if self.profile is not None:
            return self._from_profile(self.profile, namespace)
        if provider is None or provider.builtin is not None:
            return self._from_builtin(namespace, provider)
        return self._from_package(namespace, provider, older)

    def _from_profile(self, profile: Profile, namespace: str) -> Features:
        if self._profile_supported is None:
            self._profile_supported = profile.supported()
            for name, messages in profile.notes().items():
                for message in messages:
                    self._note(name, "ok" if name in self._profile_supported else "error", message)
        features = self._profile_supported.get(namespace)
        if features is None:
            if namespace not in profile.namespaces:
                self._note(namespace, "absent", f"profile {profile.name} has no {namespace}")
            return {}
        return features

    def _from_builtin(self, namespace: str, provider: ProviderInfo | None) -> Features:
        """The installer's own provider: PEP 850's ``builtin``, and all that v0.1.1 can mean."""
        if namespace in self._detectors(namespace):
            return self._query(namespace)
        named = f"built-in provider {provider.builtin!r}" if provider is not None else "namespace"
        return self._nothing(namespace, "absent", f"variantctl has no detector for the {named}")

    def _from_package(self, namespace: str, provider: ProviderInfo, older: bool) -> Features:
        packages = self._packages(provider)
        known = next((package for package in packages if package in KNOWN_PROVIDERS), None)
        if known is not None:
            answers_for = KNOWN_PROVIDERS[known]
            if (problem := self._refusal(namespace, provider, known, older)) is not None:
                return self._nothing(namespace, "error", problem)
            if answers_for in (None, namespace) and namespace in self._detectors(namespace):
                return self._query(namespace)
            message = f"package {known} does not provide this namespace, but {answers_for or 'others'}"
            return self._nothing(namespace, "error", message)
        if not provider.install_time:
            return self._nothing(
                namespace, "absent", "nothing may be asked at install time, and no list is given"
            )
        if not packages:
            return self._nothing(namespace, "absent", "no provider package applies to this platform")
        return self._query_foreign(namespace, provider)

    def _refusal(self, namespace: str, provider: ProviderInfo, known: str, older: bool) -> str | None:
        """Why what is asked for is not what our plugin is."""
        asked = (each for each in self._requirements(provider) if canonicalize_name(each.name) == known)
        problems = (refusal(each, namespace, provider.plugin_api, older=older) for each in asked)
        return next((problem for problem in problems if problem is not None), None)

    def _query_foreign(self, namespace: str, provider: ProviderInfo) -> Features:
        """Ask another package's plugin, once, if the user trusts the package."""
        from variantctl.providers.foreign import ForeignProviders

        key = (namespace, provider.requires, provider.effective_plugin_api)
        if key not in self._answers:
            report = ForeignProviders(self.settings).query(
                namespace, self._requirements(provider), provider.effective_plugin_api or ""
            )
            self._keep(key, report)
        return self._answers[key]

    def _query(self, namespace: str) -> Features:
        """Ask our own plugin, once."""
        if namespace not in self._answers:
            report = query_plugin(our_plugins()[namespace], namespace)
            if report.facts is not None:
                self._facts[namespace] = report.facts
            self._keep(namespace, report)
        return self._answers[namespace]

    def _keep(self, key: Hashable, report: ProviderReport) -> None:
        for message in report.notes:
            self._note(report.namespace, report.status, message)
        self._answers[key] = {feature.name: list(feature.values) for feature in report.features}

    def _detectors(self, namespace: str) -> Iterable[str]:
        """The namespaces of our detectors; none, with a note, in a broken installation."""
        try:
            return our_plugins()
        except MissingDetectorsError as error:
            self._note(namespace, "error", error.message)
            return ()

    def _packages(self, provider: ProviderInfo) -> list[str]:
        """The normalised names of the requirements that apply to this platform, in order."""
        return [str(canonicalize_name(requirement.name)) for requirement in self._requirements(provider)]

    def _requirements(self, provider: ProviderInfo) -> list[Requirement]:
        """The requirements that apply to this platform, in order."""
        requirements = []
        for written in provider.requires:
            try:
                requirement = Requirement(written)
            except ValueError:
                continue
            if requirement.marker is None or self._evaluate(requirement.marker):
                requirements.append(requirement)
        return requirements

    def _applies(self, namespace: str, marker: str) -> bool:
        try:
            return self._evaluate(Marker(marker))
        except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
            self._note(namespace, "error", f"its enable-if marker cannot be evaluated: {marker}")
            return False

    def _evaluate(self, marker: Marker) -> bool:
        environment = dict(self._environment or {})
        if self._environment is None and self.profile is not None and self.profile.platform is not None:
            environment = self.profile.platform.markers()
        return marker.evaluate(environment)

    def _note(self, namespace: str, status: str, message: str) -> None:
        self._notes[ProviderNote(namespace, status, message)] = None

    def _nothing(self, namespace: str, status: str, message: str) -> Features:
        self._note(namespace, status, message)
        return {}


def _static(provider: ProviderInfo) -> Features:
    """The metadata's own list, its features in ``feature-order``."""
    properties = provider.static_properties or {}
    order = [feature for feature in provider.feature_order if feature in properties]
    order.extend(feature for feature in properties if feature not in order)
    return {feature: list(properties[feature]) for feature in order}
