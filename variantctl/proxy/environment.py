"""What tells pip, uv, poetry and pdm to ask the proxy, and it alone.

Sources: pip's documentation, "Configuration" (variables over files, empty values are ignored); uv's,
"Environment variables"; pdm's, "Configurations" (``PDM_PYPI_URL``);
poetry-plugin-pypi-mirror's (``POETRY_PYPI_MIRROR_URL``: poetry itself has no such variable).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from variantctl.sources.pip_config import read_pip_config

EMPTY = "/empty/"
"""The path of a page without links: it takes the place of find-links that pip's files name."""
_OTHER_SOURCES = (
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_NO_INDEX",
)
_LOOPBACK = "127.0.0.1,localhost,::1"


def client_environment(root: str, environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """*environ* for a command whose tools are to use the proxy.

    The sources that *environ* and pip's files name are the proxy's business: it asks them itself.

    Args:
        root: the URL of the proxy, without a slash at the end.
        environ: the environment variables.
        prefix: of the environment that the command installs into: its pip.conf counts.
    """
    url = f"{root}/simple/"
    kept = {name: value for name, value in environ.items() if name not in _OTHER_SOURCES}
    without_pips = {
        name: value
        for name, value in kept.items()
        if not name.startswith("PIP_") or name == "PIP_CONFIG_FILE"
    }
    files = read_pip_config(without_pips, prefix)
    from_files = {"extra-index-url": url, "find-links": root + EMPTY, "no-index": "0"}
    return {
        **kept,
        "PIP_INDEX_URL": url,
        **{
            f"PIP_{name.replace('-', '_').upper()}": value
            for name, value in from_files.items()
            if name in files.values
        },
        "UV_DEFAULT_INDEX": url,
        "UV_INDEX_URL": url,
        "PDM_PYPI_URL": url,
        "POETRY_PYPI_MIRROR_URL": url,
        **{
            name: f"{environ[name]},{_LOOPBACK}" if environ.get(name) else _LOOPBACK
            for name in ("NO_PROXY", "no_proxy")
        },
    }
