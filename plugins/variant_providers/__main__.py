"""``python -m variant_providers``: the report of every detector, as JSON, without variantctl."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module

from variant_providers import PLUGINS, __version__


def main(arguments: list[str] | None = None) -> int:
    """Print ``{"format": 1, "providers": [...]}``; always 0, since finding nothing is an answer."""
    parser = argparse.ArgumentParser(prog="python -m variant_providers", description=main.__doc__)
    parser.add_argument("--root", help="probe this tree (an image, a support bundle), not this machine")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    providers = []
    for reference in PLUGINS.values():
        module, _colon, name = reference.partition(":")
        providers.append(getattr(import_module(module), name).detect(options.root))
    json.dump({"format": 1, "providers": providers}, sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
