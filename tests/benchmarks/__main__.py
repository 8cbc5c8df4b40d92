"""Print every benchmark beside its peers, measured in the same run.

``python -m tests.benchmarks [NAME...] [--runs N]``: NAME picks modules of this folder (default: all of them),
``--case TEXT`` the cases with TEXT in their names, ``--peer NAME`` whom they are compared with.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib import import_module

from tests.benchmarks.compare import compare

MODULES = ("startup", "detect", "ordering", "resolving", "installing", "indexing", "auditing")


def main() -> None:
    """Run the chosen benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"from: {', '.join(MODULES)}")
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each command (default: 7)")
    parser.add_argument("--case", default="", metavar="TEXT", help="only cases with this in their names")
    parser.add_argument("--peer", action="append", metavar="NAME", help="compare with this peer only")
    args = parser.parse_args()
    for name in args.names or MODULES:
        for case in import_module(f"tests.benchmarks.{name}").cases():
            if args.case not in case.name:
                continue
            if args.peer:
                case = replace(case, peers={peer: case.peers[peer] for peer in args.peer})
            print("\n".join(compare(case, args.runs)), flush=True)


if __name__ == "__main__":
    main()
