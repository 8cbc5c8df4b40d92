"""Everything that can be said about a machine: this one, another one's files, or a profile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from variantctl.providers.machine_platform import PlatformFacts, this_platform, tree_platform
from variantctl.providers.plugins import foreign_plugins, our_plugins
from variantctl.providers.query import FeatureReport, ProviderReport, query_plugin
from variantctl.providers.settings import ProviderSettings

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
            report.namespace: report.facts
            for report in self.providers
            if report.status == "ok" and report.facts
        }
        return dump_profile(
            name,
            platform=self.platform,
            namespaces=found,
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
        reports = [
            _disabled(namespace) if namespace in settings.disabled else query_plugin(plugin, namespace, root)
            for namespace, plugin in our_plugins().items()
        ]
        platform = this_platform() if root is None else tree_platform(root)
        if root is None:
            reports.extend(_foreign_reports())
    final = [
        _disabled(report.namespace) if report.namespace in settings.disabled else report for report in reports
    ]
    return Detection(platform, tuple(final))


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
        status = "ok" if features else "error"
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


def _foreign_reports() -> list[ProviderReport]:
    """Other packages' plugins that are installed here: named, and not run."""
    return [
        ProviderReport(
            namespace=plugin.name,
            status="untrusted",
            notes=(
                f"plugin of package {plugin.package} {plugin.version}, which is not trusted: it was not run",
            ),
        )
        for plugin in foreign_plugins()
    ]


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
