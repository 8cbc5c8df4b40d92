"""Run a campaign in full: ``python -m tests.campaigns NAME [--cases N] [--seed S]``; exits 1 on a defect."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

CAMPAIGNS = {
    "crashes": "the old environment or the new one, killed at any moment and failing at any call",
    "graphs": "the same packages as pip and uv on random dependency graphs",
    "hard-graphs": "up to 400 projects with deep conflicts, beside an exact solver and uv",
    "hard-sets": "sets that people really ask for, beside uv on the index that pip is set up for",
    "projects": "what 40 real projects need, with and without their extras, beside uv",
    "sources": "15 packages without wheels and 5 git repositories, locked, built and installed as by uv",
    "mutants": "a test notices a change of the code that decides (ordering, choice, transaction, ...)",
    "machine-code": "no damaged or hostile library makes the reader fail, or costs much",
    "workers": "the same index by four workers, two of them killed, as by one process (a case is a wheel)",
    "publishing": "nothing lost with two publishers of one bucket at once, or with one that is killed",
    "serving": "200 clients at once against 'index serve' and 'proxy', troublemakers among them",
    "odd-wheels": "wheels of much-used projects beside pip, judged by RECORD, METADATA and entry points",
    "uv-choice": "the same wheel as uv on random variant matrices and machines",
    "page-choice": "the page in Chromium chooses and says what explain does",
    "selector-families": "pages of families on PyPI take what install takes, for every profile",
    "variantlib-order": "the same order as variantlib on random metadata",
}


def main() -> int:
    """Run the named campaigns; prints what was found, and the seed."""
    listed = "; ".join(f"{name}: {about}" for name, about in CAMPAIGNS.items())
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns", description=__doc__, epilog=listed)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    parser.add_argument("--cases", type=int, default=500, help="how many (default: 500)")
    parser.add_argument("--seed", type=int, help="default: another one each time")
    args = parser.parse_args()
    seed = random.randrange(1_000_000) if args.seed is None else args.seed
    failed = False
    for name in args.names or CAMPAIGNS:
        if name not in CAMPAIGNS:
            parser.error(f"there is no campaign '{name}'; {listed}")
        started = time.monotonic()
        print(f"{name}: {args.cases} cases with seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="variantctl-campaign-") as folder:
            module = import_module(f"tests.campaigns.{name.replace('-', '_')}")
            report = module.run(args.cases, seed, Path(folder))
        print(f"{report}\n  in {time.monotonic() - started:.0f} s", flush=True)
        failed = failed or bool(report.failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
