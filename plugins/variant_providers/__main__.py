"""``python -m variant_providers``: the report of every detector, as JSON, without variantctl."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from importlib import import_module
from pathlib import Path

from variant_providers import PLUGINS, __version__
from variant_providers.plugin import Plugin


def main(arguments: list[str] | None = None) -> int:
    """Print ``{"format": 1, "providers": [...]}``; always 0, since finding nothing is an answer."""
    parser = argparse.ArgumentParser(prog="python -m variant_providers", description=main.__doc__)
    parser.add_argument("--root", help="probe this tree (an image, a support bundle), not this machine")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    if options.root is not None and not Path(options.root).is_dir():
        parser.error(f"argument --root: {options.root}: no such folder")
    # Imported before there are threads: dataclasses trips over a `typing` that another thread is importing.
    plugins: list[type[Plugin]] = []
    for reference in PLUGINS.values():
        module, _colon, name = reference.partition(":")
        plugins.append(getattr(import_module(module), name))
    reports: dict[str, object] = {}

    def detect(plugin: type[Plugin]) -> None:
        reports[plugin.namespace] = plugin.detect(options.root)

    # Side by side, so that the time limits of two drivers that hang do not add up.
    threads = [threading.Thread(target=detect, args=(plugin,), daemon=True) for plugin in plugins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    providers = [reports[plugin.namespace] for plugin in plugins]
    try:
        sys.stdout.write(json.dumps({"format": 1, "providers": providers}, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough (`| head`); Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
