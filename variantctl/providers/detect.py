"""Everything that can be said about a machine: this one, another one's files, or a profile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from variantctl.providers.asking import FeatureReport, ProviderReport, query_plugin
from variantctl.providers.machine_platform import PlatformFacts, this_platform, tree_platform
from variantctl.providers.plugins import KNOWN_PROVIDERS, ForeignPlugin, foreign_plugins, our_plugins
from variantctl.providers.settings import ProviderSettings
from variantctl.values import dataclass, replace

if TYPE_CHECKING:
    from variantctl.providers.profiles import Profile


@dataclass(frozen=True)
class Detection:
    """What was found.

    Attributes:
        platform: operating system, processor, C library, Python; ``None`` for what could not be told.
        providers: one report a namespace, ours first.
    """

    platform: PlatformFacts
    providers: tuple[ProviderReport, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that ``variantctl detect --json`` prints."""
        return {
            "format": 1,
            "platform": self.platform.as_json(),
            "providers": [report.as_json() for report in self.providers],
        }

    def as_profile(self, name: str) -> str:
        """The TOML text of a profile that reproduces this machine."""
        from variantctl.providers.profiles import dump_profile

        found = {
            report.namespace: report.facts for report in self.providers if report.features and report.facts
        }
        # A profile has facts of our namespaces, and of any other its lists.
        lists = {
            report.namespace: {feature.name: feature.values for feature in report.features}
            for report in self.providers
            if report.status == "ok" and report.facts is None and report.namespace not in our_plugins()
        }
        return dump_profile(
            name,
            platform=self.platform,
            namespaces=found,
            properties=lists,
            sources=(f"variantctl detect --save: {', '.join(_origins(self.providers))}",),
        )


def detect(
    root: str | None = None, profile: Profile | None = None, settings: ProviderSettings | None = None
) -> Detection:
    """Probe this machine, or the tree at ``root``; or say what a profile amounts to, probing nothing."""
    settings = settings or ProviderSettings()
    if profile is not None:
        reports = _profile_reports(profile)
        platform = _merged(profile.platform, this_platform())
    else:
        asked = [namespace for namespace in our_plugins() if namespace not in settings.disabled]
        answers = _ask(asked, root)
        reports = [
            _disabled(namespace) if namespace in settings.disabled else answers[namespace]
            for namespace in our_plugins()
        ]
        platform = this_platform() if root is None else tree_platform(root)
        if root is None:
            reports.extend(_foreign_reports(settings))
    final = [
        _disabled(report.namespace) if report.namespace in settings.disabled else report for report in reports
    ]
    return Detection(platform, tuple(final))


def _ask(namespaces: Sequence[str], root: str | None) -> dict[str, ProviderReport]:
    """What our plugins say, asked side by side: the time limits of drivers that hang do not add up."""
    plugins = our_plugins()
    if root is not None:
        # Only files are read, which never hangs.
        return {namespace: query_plugin(plugins[namespace], namespace, root) for namespace in namespaces}
    from threading import Thread

    answers: dict[str, ProviderReport] = {}

    def ask(namespace: str) -> None:
        answers[namespace] = query_plugin(plugins[namespace], namespace)

    threads = [Thread(target=ask, args=(namespace,), daemon=True) for namespace in namespaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _profile_reports(profile: Profile) -> list[ProviderReport]:
    source = f"profile {profile.name}"
    reports = []
    for namespace, plugin in our_plugins().items():
        facts = profile.namespaces.get(namespace)
        if facts is None:
            reports.append(
                ProviderReport(namespace, "absent", source, notes=("the profile does not name it",))
            )
            continue
        features = tuple(
            FeatureReport(config.name, tuple(config.values), config.multi_value)
            for config in plugin.configs_from_facts(facts)
        )
        notes = tuple(plugin.notes_from_facts(facts))
        status = "absent" if plugin.says_absent(facts) else "ok" if features else "error"
        evidence = tuple({"fact": key, "value": str(value), "source": source} for key, value in facts.items())
        reports.append(
            ProviderReport(
                namespace,
                status,
                source,
                features=features,
                evidence=evidence,
                notes=notes,
                facts=dict(facts),
            )
        )
    for namespace, lists in profile.properties.items():
        features = tuple(FeatureReport(name, values, multi_value=True) for name, values in lists.items())
        reports.append(ProviderReport(namespace, "ok" if features else "absent", source, features=features))
    return reports


def _foreign_reports(settings: ProviderSettings) -> list[ProviderReport]:
    """The plugins that the user trusts, asked; and others that are installed here: named, and not run."""
    from variantctl.providers.trust import TrustStore

    present = foreign_plugins()
    trusted: list[str] = []
    asked: list[ProviderReport] = []
    store = TrustStore.of_user()
    if settings.trusted or store.packages():
        from variantctl.providers.foreign import ForeignProviders

        providers = ForeignProviders(settings, store)
        trusted = providers.trusted_packages()
        asked = [report for package in trusted for report in providers.detect(package, present)]
    others = [plugin for plugin in present if plugin.package not in trusted]
    return [*asked, *(_untrusted(plugin) for plugin in others)]


def _untrusted(plugin: ForeignPlugin) -> ProviderReport:
    known = plugin.package in KNOWN_PROVIDERS
    why = "not needed, as variantctl has its own" if known else "which is not trusted"
    message = f"plugin of package {plugin.package} {plugin.version}, {why}: it was not run"
    return ProviderReport(plugin.name, "untrusted", notes=(message,))


def _disabled(namespace: str) -> ProviderReport:
    return ProviderReport(namespace, "disabled", notes=("disabled by you",))


def _merged(facts: PlatformFacts | None, own: PlatformFacts) -> PlatformFacts:
    """A profile's platform, with this interpreter's answers where it leaves something out."""
    if facts is None:
        return own
    same_system = facts.system in (None, own.system)
    return replace(
        facts,
        system=facts.system or own.system,
        machine=facts.machine or own.machine,
        libc=facts.libc or (own.libc if same_system else None),
        python=facts.python or own.python,
    )


def _origins(reports: tuple[ProviderReport, ...]) -> list[str]:
    return [f"{report.namespace} from {report.source}" for report in reports if report.status == "ok"]
