"""Figures of the house at several commits; ``python -m docs.generate.house [COMMIT...]`` prints a table.

It reads source code from git, so a clone with its history is needed.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
PACKAGE = "variantctl"


@dataclass(frozen=True)
class Figures:
    """What is counted of ``variantctl/`` at one commit.

    Attributes:
        files: modules.
        lines: of all modules.
        file: the median of a module's lines.
        function: the median of a function's lines.
        late: imports inside functions.
        single: modules that exactly one other module imports.
    """

    files: int
    lines: int
    file: float
    function: float
    late: int
    single: int


def figures(commit: str) -> Figures:
    """Count at one commit."""
    sources = _sources(commit)
    trees = {name: ast.parse(text) for name, text in sources.items()}
    lengths = [text.count("\n") for text in sources.values()]
    importers: dict[str, set[str]] = {name: set() for name in sources}
    for name, tree in trees.items():
        for imported in _imported(tree, sources):
            if imported != name:
                importers[imported].add(name)
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    late = {id(node) for function in functions for node in ast.walk(function) if isinstance(node, _IMPORTS)}
    return Figures(
        files=len(sources),
        lines=sum(lengths),
        file=median(lengths),
        function=median((node.end_lineno or node.lineno) - node.lineno + 1 for node in functions),
        late=len(late),
        single=sum(len(found) == 1 for found in importers.values()),
    )


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTS = (ast.Import, ast.ImportFrom)


def _sources(commit: str) -> Mapping[str, str]:
    """Dotted name -> text."""
    command = ["git", "archive", commit, PACKAGE]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".py") else None
            if file is not None:
                name = member.name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
                found[name] = file.read().decode()
    return found


def _imported(tree: ast.Module, known: Mapping[str, str]) -> Iterator[str]:
    """The modules of the package that a module imports, at the top or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in inside]
        else:
            continue
        yield from (name for name in names if name in known)


def table(commits: Mapping[str, str]) -> str:
    """Title of a column -> commit: the table, in Markdown."""
    found = {title: figures(commit) for title, commit in commits.items()}
    rows = {
        "files": "files",
        "lines": "lines",
        "median file, lines": "file",
        "median function, lines": "function",
        "imports inside functions": "late",
        "modules with one importer": "single",
    }
    lines = [f"| | {' | '.join(found)} |", "| --- |" + " ---: |" * len(found)]
    for said, field in rows.items():
        cells = [f"{getattr(each, field):,.0f}" for each in found.values()]
        lines.append(f"| {said} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table({commit: commit for commit in sys.argv[1:] or ["HEAD"]}))  # noqa: T201
