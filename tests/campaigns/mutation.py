"""Changes of a module's code that a test should notice, one at a time; the standard library alone.

This file is imported in every Python that a test starts (``mutants.py`` says how), before anything else.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, ModuleType
from typing import Any

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
#: Methods whose result is mostly their own object: left out, nothing crashes.
_METHODS = frozenset({"lower", "strip", "rstrip", "lstrip", "removesuffix", "removeprefix", "normalize"})
_ANNOTATED = ("annotation", "returns", "decorator_list")
Change = Callable[[], None]


def mutations(tree: ast.Module) -> Iterator[tuple[int, str, Change]]:
    """Line, words, and what makes the change in ``tree``; in an order that depends on the code alone."""
    for node, parent, field, index in _code(tree):
        line = getattr(node, "lineno", 0)
        for words, new in _changed(node):
            yield line, words, _setter(parent, field, index, new)
        yield from _in_place(node, line)


def _setter(parent: ast.AST, field: str, index: int | None, new: ast.AST) -> Change:
    def change() -> None:
        if index is None:
            setattr(parent, field, new)
        else:
            getattr(parent, field)[index] = new

    return change


def _code(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST, str, int | None]]:
    """Every node that is run, with where it hangs: neither annotations nor docstrings nor error messages."""
    for field, value in ast.iter_fields(tree):
        if field in _ANNOTATED or (isinstance(tree, ast.Raise) and field == "exc"):
            continue
        children = value if isinstance(value, list) else [value]
        for index, child in enumerate(children):
            if isinstance(child, ast.AST) and not _says_nothing(child):
                yield child, tree, field, index if isinstance(value, list) else None
                yield from _code(child)


def _says_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changed(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Other nodes in the place of one, in words."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield f"{node.value} -> {not node.value}", ast.copy_location(ast.Constant(not node.value), node)
        elif isinstance(node.value, int):
            yield f"{node.value} -> {node.value + 1}", ast.copy_location(ast.Constant(node.value + 1), node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", node.operand
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield f"left out: {ast.unparse(node)[:60]}", ast.copy_location(ast.Pass(), node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
        yield f".{node.func.attr}() left out", node.func.value
    elif isinstance(node, ast.Break):
        yield "break -> continue", ast.copy_location(ast.Continue(), node)
    elif isinstance(node, ast.Continue):
        yield "continue -> break", ast.copy_location(ast.Break(), node)


def _in_place(node: ast.AST, line: int) -> Iterator[tuple[int, str, Change]]:
    """The same nodes, with another operator or name in them."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            other = _COMPARE[type(operator)]
            words = f"{type(operator).__name__} -> {other.__name__}"
            yield line, words, _setter(node, "ops", place, other())
    elif isinstance(node, ast.BoolOp):
        other_bool = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        words = f"{type(node.op).__name__} -> {type(other_bool).__name__}"
        yield line, words, _setter(node, "op", None, other_bool)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        other_op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        yield (
            line,
            f"{type(node.op).__name__} -> {type(other_op).__name__}",
            _setter(node, "op", None, other_op),
        )
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        new = ast.copy_location(ast.Name(_CALLS[node.func.id], ast.Load()), node.func)
        yield line, f"{node.func.id}() -> {new.id}()", _setter(node, "func", None, new)
    elif isinstance(node, (ast.If, ast.IfExp)):
        new_test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        yield line, f"if not {ast.unparse(node.test)[:50]}", _setter(node, "test", None, new_test)


def mutated(source: str, number: int) -> ast.Module:
    """The code with its ``number``-th mutation."""
    tree = ast.parse(source)
    for place, (_, _, change) in enumerate(mutations(tree)):
        if place == number:
            change()
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


#: What marked code calls with the number of each line that it comes to.
_HIT = "__variantctl_line__"


def marked(source: str) -> ast.Module:
    """The code with a call before every statement of its functions, which says that the line is run."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            _mark(node)
    return ast.fix_missing_locations(tree)


def _mark(node: ast.AST) -> None:
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, None)
        if not isinstance(inner, list):
            continue
        for child in inner:
            if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                _mark(child)
        if field not in ("handlers", "cases"):
            setattr(node, field, [new for child in inner for new in _with_mark(child)])


def _with_mark(statement: ast.stmt) -> list[ast.stmt]:
    if _says_nothing(statement):
        return [statement]
    name = ast.copy_location(ast.Name(_HIT, ast.Load()), statement)
    call = ast.Call(name, [ast.copy_location(ast.Constant(statement.lineno), statement)], [])
    return [ast.copy_location(ast.Expr(ast.copy_location(call, statement)), statement), statement]


class Lines:
    """The lines that were run, each written once to the file that ``VARIANTCTL_LINES`` names."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._file = os.environ.get("VARIANTCTL_LINES", os.devnull)

    def start(self, file: str) -> None:
        """From now on, here and in processes that are started: into another file."""
        self._seen = set()
        self._file = os.environ["VARIANTCTL_LINES"] = file

    def __call__(self, line: int) -> None:
        """A line is run."""
        if line in self._seen:
            return
        self._seen.add(line)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, b"%d\n" % line)
        os.close(descriptor)


LINES = Lines()


class Finder(importlib.abc.MetaPathFinder):
    """Imports one module with one of its mutations, or marked, and all others as they are."""

    def __init__(self, name: str, number: int | None) -> None:
        self._name, self._number = name, number

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._number)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, number: int | None) -> None:
        super().__init__(fullname, path)
        self._number = number

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode("utf-8")
        tree = marked(source) if self._number is None else mutated(source, self._number)
        code: Any = compile(tree, self.path, "exec", dont_inherit=True)
        return code  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_HIT] = LINES
        super().exec_module(module)


def install(wanted: str) -> None:
    """``package.module:NUMBER``: have that module imported with that mutation; without a number: marked."""
    name, _, number = wanted.partition(":")
    sys.meta_path.insert(0, Finder(name, int(number) if number else None))
