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


def main(arguments: list[str] | None = None) -> int:
    """Print ``{"format": 1, "providers": [...]}``; always 0, since finding nothing is an answer."""
    parser = argparse.ArgumentParser(prog="python -m variant_providers", description=main.__doc__)
    parser.add_argument("--root", help="probe this tree (an image, a support bundle), not this machine")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    if options.root is not None and not Path(options.root).is_dir():
        parser.error(f"argument --root: {options.root}: no such folder")
    reports: dict[str, object] = {}

    def detect(reference: str) -> None:
        module, _colon, name = reference.partition(":")
        reports[reference] = getattr(import_module(module), name).detect(options.root)

    # Side by side, so that the time limits of two drivers that hang do not add up.
    threads = [threading.Thread(target=detect, args=(each,), daemon=True) for each in PLUGINS.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    providers = [reports[reference] for reference in PLUGINS.values()]
    try:
        sys.stdout.write(json.dumps({"format": 1, "providers": providers}, indent=2) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has read enough (`| head`); Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
