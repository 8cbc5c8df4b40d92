"""A plan in the format of ``pip install --report`` (pip's documentation, "Installation Report")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.parser import BytesParser
from email.policy import compat32
from typing import TYPE_CHECKING, Any

from variantctl import __version__

if TYPE_CHECKING:
    from variantctl.resolve.plan import Plan, PlannedInstall

#: The fields of core metadata that may stand several times ("Core metadata specifications").
_SEVERAL = frozenset(
    {
        *("classifier", "dynamic", "import_name", "import_namespace", "license_file", "obsoletes"),
        *("obsoletes_dist", "platform", "project_url", "provides", "provides_dist", "provides_extra"),
        *("requires", "requires_dist", "requires_external", "supported_platform"),
    }
)


def installation_report(
    plan: Plan, metadata_of: Callable[[PlannedInstall], bytes], markers: Mapping[str, str]
) -> dict[str, Any]:
    """The report: a JSON object of version 1.

    ``variantctl_version`` stands in place of ``pip_version``, and ``variant_label`` beside each variant.

    Args:
        plan: what is installed.
        metadata_of: the METADATA file of a planned wheel.
        markers: of the environment.
    """
    return {
        "version": "1",
        "variantctl_version": __version__,
        "install": [_item(planned, metadata_of(planned)) for planned in plan.install],
        "environment": dict(markers),
    }


def _item(planned: PlannedInstall, metadata: bytes) -> dict[str, Any]:
    hashes = dict(planned.hashes)
    archive: dict[str, Any] = {"hashes": hashes} if hashes else {}
    if "sha256" in hashes:
        archive["hash"] = f"sha256={hashes['sha256']}"  # the older spelling (PEP 610)
    return {
        "download_info": planned.direct_url
        or planned.provenance
        or {"url": planned.url, "archive_info": archive},
        "is_direct": planned.direct_url is not None,
        "is_yanked": planned.link.file.yanked is not False,
        "requested": planned.requested,
        **({"variant_label": planned.label} if planned.label is not None else {}),
        "metadata": metadata_as_json(metadata),
    }


def metadata_as_json(data: bytes) -> dict[str, Any]:
    """METADATA as JSON (PEP 566, "JSON-compatible Metadata")."""
    message = BytesParser(policy=compat32).parsebytes(data)
    found: dict[str, Any] = {}
    for header in dict.fromkeys(name.lower() for name in message):
        key = header.replace("-", "_")
        values = [str(value) for value in message.get_all(header, [])]
        found[key] = values if key in _SEVERAL else values[0]
    if isinstance(keywords := found.get("keywords"), str):
        found["keywords"] = keywords.split(",") if "," in keywords else keywords.split()
    body = message.get_payload()
    if "description" not in found and isinstance(body, str) and body.strip():
        found["description"] = body
    return found
