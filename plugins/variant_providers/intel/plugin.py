"""Intel GPUs: the device IP of each, then that of its compatible base platform."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from variant_providers import facts as fact_table
from variant_providers.config import Derivation, FactsError, FeatureConfig
from variant_providers.finding import Finding
from variant_providers.intel.tables.device_ips import DEVICE_IPS
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

FORCE_DEVICE_IP = "INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP"

_DEVICE_IP = re.compile(r"[0-9]{1,4}\.[0-9]{1,3}\.[0-9]{1,2}")
_ALLOWED = 'device IPs as architecture.release.revision, such as "20.1.0"'


class IntelPlugin(Plugin):
    """Facts (a profile's ``[intel]``): ``device_ips``, architecture.release.revision a GPU, best first."""

    namespace = "intel"
    required = ("device_ips",)
    per_device = "device_ips"

    @classmethod
    def get_all_configs(cls, *_context: object) -> list[FeatureConfig]:
        """Every device IP of Intel's table."""
        return [FeatureConfig("device_ip", list(DEVICE_IPS), multi_value=True)]

    @classmethod
    def probe(cls, tree: Tree, finding: Finding) -> None:
        """Ask Level Zero where there may be a GPU of Intel's; else look its PCI device id up."""
        from variant_providers.intel.probe import probe

        probe(tree, finding)

    @classmethod
    def devices(cls) -> Iterable[tuple[int, str, str]]:
        """The GPUs of the table of ids, with their device IP."""
        from variant_providers.intel.tables.pci_ids import IDS

        for device_ip, names in IDS.items():
            for name, ids in names.items():
                for device in ids:
                    yield device, name, device_ip

    @classmethod
    def derive(cls, facts: Mapping[str, object]) -> Derivation:
        """Each device's IP and then its base platform's, without repetitions."""
        fact_table.check_keys(facts, ("device_ips",))
        values: list[str] = []
        notes: list[str] = []
        for device_ip in fact_table.texts(facts, "device_ips", _DEVICE_IP, _ALLOWED):
            _names, base = DEVICE_IPS.get(device_ip, ((), None))
            values.append(device_ip)
            if base is not None:
                values.append(base)
            if device_ip not in DEVICE_IPS:
                notes.append(f"device IP {device_ip} is not in our table, so no base platform is offered")
        unique = list(dict.fromkeys(values))
        return Derivation([FeatureConfig("device_ip", unique, multi_value=True)] if unique else [], notes)

    @classmethod
    def forced(cls, environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
        """Device IPs separated by commas, semicolons or spaces."""
        written = environ.get(FORCE_DEVICE_IP, "").strip()
        if not written:
            return {}
        listed = [item for item in re.split(r"[,;\s]+", written) if item]
        if not listed or not all(_DEVICE_IP.fullmatch(item) for item in listed):
            raise FactsError(FORCE_DEVICE_IP, f"{written!r} is not understood", "allowed: " + _ALLOWED)
        return {"device_ips": (list(dict.fromkeys(listed)), FORCE_DEVICE_IP)}

    @classmethod
    def complete(cls, forced: Mapping[str, object]) -> bool:
        """With the device IPs forced there is nothing to look for."""
        return "device_ips" in forced
