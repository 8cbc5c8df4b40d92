"""The buckets of the cache, each with the version of its format in its name."""

from __future__ import annotations

PAGES = "pages-v1"
PROJECTS = "projects-v1"
METADATA = "metadata-v1"
WHEELS = "wheels-v1"
PARTIAL = "partial-v1"
LINKS = "links-v1"
LOCAL = "local-v1"
BUILT = "built-v1"
PIP = "pip-v1"
UNREACHABLE = "unreachable-v1"
SETTLED = "settled-v1"

BUCKETS = {
    PAGES: "index pages",
    PROJECTS: "index pages, sorted",
    METADATA: "METADATA and variant.json of wheels",
    WHEELS: "wheels as they were fetched",
    PARTIAL: "downloads that were cut off",
    LINKS: "which wheel a URL without a hash gave",
    LOCAL: "hashes of files on this machine",
    BUILT: "wheels built here",
    PIP: "what pip's default index is",
    UNREACHABLE: "servers that did not answer",
    SETTLED: "commands that had nothing to do",
}
"""Bucket -> what is in it."""

INTERPRETERS = "interpreters-v1"
PROVIDER_ENVIRONMENTS = "provider-envs-v1"
SCRIPT_ENVIRONMENTS = "script-envs-v1"
