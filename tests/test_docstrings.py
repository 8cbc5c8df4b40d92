"""Docstrings name the parameters that there are."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_NAMED = re.compile(r"    \*{0,2}(\w+):")


def documented(node: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]]:
    """A function with its docstring; of a class ``__init__`` with the docstring of the class."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node, ast.get_docstring(node) or ""
    elif isinstance(node, ast.ClassDef):
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                yield each, ast.get_docstring(node) or ""


def described(docstring: str) -> list[str]:
    """The names in the section ``Args:``."""
    section = docstring.partition("\nArgs:\n")[2]
    names = []
    for line in section.splitlines():
        if line and not line.startswith("    "):
            break
        if match := _NAMED.match(line):
            names.append(match[1])
    return names


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names that a function takes."""
    args = function.args
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return {each.arg for each in every if each is not None}


def test_every_parameter_that_is_described_exists() -> None:
    wrong = []
    for path in sorted(
        path for folder in ("variantctl", "index", "plugins") for path in (ROOT / folder).rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for function, docstring in documented(node):
                gone = set(described(docstring)) - parameters(function)
                wrong += [f"{path.relative_to(ROOT)}:{function.lineno}: {name}" for name in sorted(gone)]
    assert wrong == []


def test_what_is_described_is_found() -> None:
    docstring = inspect.cleandoc(
        """Do it.

        Args:
            one: the first
                line: not this one.
            *two: the rest.

        Returns:
            three: nothing.
        """
    )
    assert described(docstring) == ["one", "two"]
